//! Evidence files by patterns: `reports/{version}/**/*.xml`. A pattern that matches nothing is a fault, never a pass.

use crate::error::Result;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Evidence, Release};
use crate::policy::matcher::glob;
use crate::policy::values::{glob_fault, show};
use globset::GlobSet;

/// What keys of this type mean, for documents.
pub const MEANING: &str = "required: patterns of the files, each of which must match one at least; `{version}`, `{tag}` \
                           and `{project}` stand for the release's";

/// Patterns, in which `{version}`, `{tag}` and `{project}` stand for the release's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources(Vec<String>);

const NAMES: [&str; 3] = ["{version}", "{tag}", "{project}"];

/// What begins a pattern that is no plain path.
const MAGIC: [char; 6] = ['*', '?', '[', ']', '{', '}'];

impl Sources {
    /// The patterns of a key, of which there must be one at least.
    pub fn required(section: &Section<'_>, key: &str) -> Result<Sources> {
        let list = section.texts(key)?;
        let line = list.as_ref().map_or(section.line, |list| list.line);
        let list = list.map_or_else(Vec::new, |list| list.value);
        if list.is_empty() {
            let message = format!("a gate of this kind needs `{key}`");
            return Err(section.error(line, message, format!("{key} = [\"reports/**\"]")));
        }
        for (index, pattern) in list.iter().enumerate() {
            let filled = NAMES.iter().fold(pattern.value.to_owned(), |text, name| text.replace(name, "1"));
            if let Some((why, hint)) = glob_fault(&filled) {
                let message = format!("the pattern `{}` {why}", show(pattern.value));
                return Err(section.error(pattern.line, message, hint));
            }
            if list.iter().take(index).any(|earlier| earlier.value == pattern.value) {
                let message = format!("the pattern `{}` stands in `{key}` twice", show(pattern.value));
                return Err(section.error(pattern.line, message, "remove one"));
            }
        }
        Ok(Sources(list.iter().map(|pattern| pattern.value.to_owned()).collect()))
    }

    /// The files of the tree that match, each once, in bytewise order; and a fault for each pattern that matches none.
    pub fn files(&self, evidence: &dyn Evidence, release: &Release<'_>) -> (Vec<PackPath>, Vec<Fault>) {
        self.among(evidence.files().iter(), release)
    }

    /// The same among other paths.
    pub fn among<'p>(
        &self,
        paths: impl Iterator<Item = &'p PackPath> + Clone,
        release: &Release<'_>,
    ) -> (Vec<PackPath>, Vec<Fault>) {
        let patterns: Vec<String> = self.0.iter().map(|pattern| fill(pattern, release)).collect();
        let mut faults = Vec::new();
        let mut taken = Vec::new();
        for pattern in &patterns {
            let before = taken.len();
            match glob(pattern).and_then(|glob| GlobSet::new([glob])) {
                Ok(set) => taken.extend(paths.clone().filter(|path| set.is_match(path.as_str())).cloned()),
                Err(error) => {
                    faults.push(Fault::new(pattern).expected("a pattern").actual(error));
                    continue;
                }
            }
            if taken.len() == before {
                let is_plain = !pattern.contains(MAGIC);
                let actual = if is_plain { "it is not there" } else { "no file matches" };
                faults.push(Fault::new(pattern).expected("a file").actual(actual));
            }
        }
        taken.sort_unstable();
        taken.dedup();
        (taken, faults)
    }
}

/// A pattern for a release, whose own names are never patterns.
fn fill(pattern: &str, release: &Release<'_>) -> String {
    let values = [release.version, &release.tag, release.project];
    NAMES
        .iter()
        .zip(values)
        .fold(pattern.to_owned(), |text, (name, value)| text.replace(name, &globset::escape(value)))
}
