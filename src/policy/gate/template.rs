//! Paths with the release in them: `docs/releases/v{version}.md`.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::Release;
use crate::policy::gate::judged::Fault;
use crate::policy::values::show;

/// A path in the tree, in which `{version}`, `{tag}` and `{project}` stand for the release's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// What may stand in braces.
const NAMES: [&str; 3] = ["version", "tag", "project"];

impl Template {
    /// The value of a key.
    pub fn read(section: &Section<'_>, key: &str) -> Result<Option<Template>> {
        let Some(text) = section.text(key)? else { return Ok(None) };
        let filled =
            NAMES.iter().fold(text.value.to_owned(), |text, name| text.replace(&format!("{{{name}}}"), "1"));
        if filled.contains(['{', '}']) {
            let message = format!("`{key}` has unknown braces: `{}`", show(text.value));
            return Err(section.error(text.line, message, "known: {version}, {tag}, {project}"));
        }
        PackPath::new(filled.as_bytes()).map_err(|why| {
            section.error(
                text.line,
                format!("`{key}` cannot be a path in the tree: {why}"),
                "relative to the tree",
            )
        })?;
        Ok(Some(Template(text.value.to_owned())))
    }

    /// The same; it must be there.
    pub fn required(section: &Section<'_>, key: &str) -> Result<Template> {
        Template::read(section, key)?.ok_or_else(|| {
            section.error(
                section.line,
                format!("a gate of this kind needs `{key}`"),
                format!("{key} = \"docs/…\""),
            )
        })
    }

    /// The path for a release.
    pub fn path(&self, release: &Release<'_>) -> Result<PackPath, Fault> {
        let values = [release.version, &release.tag, release.project];
        let filled = NAMES
            .iter()
            .zip(values)
            .fold(self.0.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        PackPath::new(filled.as_bytes())
            .map_err(|why| Fault::new(&filled).actual(format!("cannot be a path: {why}")))
    }
}
