//! The `[sbom]` table: what says nothing of the software that is released.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::matcher::glob;
use crate::policy::values::globs;
use globset::GlobSet;

/// The `[sbom]` table.
#[derive(Clone, Debug, Default)]
pub struct SbomOptions {
    /// Globs of lockfiles and artifacts that are no part of the release: fixtures, examples.
    pub exclude: Vec<String>,
    /// The same, compiled.
    set: GlobSet,
}

impl SbomOptions {
    /// Whether a file is left out of the SBOM.
    pub fn excludes(&self, path: &PackPath) -> bool {
        self.set.is_match(path.as_str())
    }
}

/// Reads the table.
pub(super) fn sbom(section: Option<Section<'_>>) -> Result<SbomOptions> {
    let Some(section) = section else { return Ok(SbomOptions::default()) };
    section.only(&["exclude"])?;
    let exclude = globs(&section, "exclude")?;
    let set = exclude.iter().map(|pattern| glob(pattern)).collect::<Result<Vec<_>, _>>();
    let set = set.and_then(GlobSet::new).map_err(|error| {
        section.error(section.line, format!("the patterns of `exclude` are too large: {error}"), "")
    })?;
    Ok(SbomOptions { exclude, set })
}
