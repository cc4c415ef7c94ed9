//! The `[filing]` table: what a software registry asks for.

use crate::error::Result;
use crate::format::class::Class;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::template::Template;
use crate::policy::matcher::glob;
use crate::policy::values::{self, globs};
use globset::{GlobSet, GlobSetBuilder};
use std::collections::BTreeSet;

/// What goes into the archive that is filed.
#[derive(Clone, Debug)]
pub struct FilingOptions {
    /// The archive's name without its ending; default that of the pack.
    pub name: Option<Template>,
    /// The classes that it takes; empty for all that the release has.
    pub classes: BTreeSet<Class>,
    /// Only these paths; `None` for all.
    paths: Option<GlobSet>,
}

impl FilingOptions {
    /// Whether a file of the payload goes in.
    pub fn takes(&self, path: &PackPath, class: Class) -> bool {
        (self.classes.is_empty() || self.classes.contains(&class))
            && self.paths.as_ref().is_none_or(|paths| paths.is_match(path.as_str()))
    }
}

/// The `[filing]` table.
pub(super) fn filing(section: Option<Section<'_>>) -> Result<Option<FilingOptions>> {
    let Some(section) = section else { return Ok(None) };
    section.only(&["name", "classes", "paths"])?;
    let name = Template::read(&section, "name")?;
    if let Some(text) = section.text("name")?.filter(|text| text.value.contains('/')) {
        return Err(section.error(text.line, "`name` is the name of a file, not a path", "without folders"));
    }
    let mut classes = BTreeSet::new();
    for name in section.texts("classes")?.map_or_else(Vec::new, |list| list.value) {
        classes.insert(values::class(&section, name)?);
    }
    Ok(Some(FilingOptions { name, classes, paths: paths(&section)? }))
}

fn paths(section: &Section<'_>) -> Result<Option<GlobSet>> {
    let patterns = globs(section, "paths")?;
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    let wrong = |error| section.error(section.line, format!("`paths` cannot be used: {error}"), "");
    for pattern in &patterns {
        set.add(glob(pattern).map_err(wrong)?);
    }
    set.build().map(Some).map_err(wrong)
}
