//! `changelog`: Keep a Changelog 1.1.0 has an entry for the version.

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::path;
use jiff::civil::Date;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "changelog",
    code: Code::GateChangelog,
    holds_when: "the changelog (Keep a Changelog) has an entry for the version, dated, not empty, and nothing is left \
                 under Unreleased",
    keys: &[
        ("file", "the changelog; default `CHANGELOG.md`"),
        ("only", "headings that the entry may have, as `[\"Fixed\", \"Security\"]` of a hotfix; default any"),
    ],
    example: "[[gate]]\nid = \"changelog-entry\"\ncheck = \"changelog\"\nfile = \"CHANGELOG.md\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Changelog {
    file: PackPath,
    only: Vec<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let default = || PackPath::new(b"CHANGELOG.md").expect("is a path");
    let only = markdown::names(section, "only")?;
    Ok(Arc::new(Changelog { file: path(section, "file")?.unwrap_or_else(default), only }))
}

impl Check for Changelog {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (document, text) = match required_text(evidence, &self.file) {
            Ok(read) => read,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let entries = entries(&text);
        let mut faults = faults(self.file.as_str(), &entries, release.version);
        faults.extend(
            entries.iter().filter(|entry| entry.name == release.version).flat_map(|e| self.beyond(e)),
        );
        Judged::of(faults, format!("{} has an entry for {}", self.file, release.version))
            .reading([&*document])
    }
}

impl Changelog {
    /// Headings that the entry may not have.
    fn beyond(&self, entry: &Entry<'_>) -> Vec<Fault> {
        let is_fine = |title: &str| {
            self.only.is_empty() || self.only.iter().any(|one| markdown::plain(one) == markdown::plain(title))
        };
        let fault = |(line, title): &(usize, &str)| {
            let expected = format!("only {}", self.only.join(", "));
            Fault::new(format!("{}:{line}", self.file)).expected(expected).actual(*title)
        };
        entry.parts.iter().filter(|(_, title)| !is_fine(title)).map(fault).collect()
    }
}

/// A `## ` section of the changelog.
struct Entry<'t> {
    /// `1.2.3`, or `Unreleased`.
    name: &'t str,
    /// What stands behind the dash.
    date: Option<&'t str>,
    line: usize,
    /// Lines that say something: neither headings nor empty.
    said: usize,
    /// `### ` headings, with their lines.
    parts: Vec<(usize, &'t str)>,
}

/// The sections in the order of the file. `## [1.2.3] - 2026-11-20 [YANKED]`, with or without brackets.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix("## ").filter(|_| !in_code) {
            let (name, rest) = heading.split_once(" - ").unwrap_or((heading, ""));
            let name = name.trim().trim_start_matches('[').split([']', '(']).next().unwrap_or_default();
            let date = rest.split_whitespace().next();
            entries.push(Entry {
                name: name.trim().trim_start_matches('v'),
                date,
                line: at + 1,
                said: 0,
                parts: Vec::new(),
            });
        } else if let Some(entry) = entries.last_mut() {
            let is_link = line.starts_with('[') && line.contains("]: ");
            let says = !line.trim().is_empty() && !line.starts_with('#') && !is_link;
            entry.said += usize::from(says);
            let part = line.strip_prefix("### ").filter(|_| !in_code);
            entry.parts.extend(part.map(|title| (at + 1, title.trim())));
        }
    }
    entries
}

fn faults(file: &str, entries: &[Entry<'_>], version: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    match entries.iter().find(|entry| entry.name == version) {
        None => {
            let newest =
                entries.iter().map(|entry| entry.name).find(|name| !name.eq_ignore_ascii_case("unreleased"));
            let newest = newest
                .map_or("it has no entry at all".to_owned(), |newest| format!("the newest is {newest}"));
            faults.push(Fault::new(file).expected(format!("an entry for {version}")).actual(newest));
        }
        Some(entry) => {
            let place = format!("{file}:{}", entry.line);
            match entry.date.map(|date| (date, date.parse::<Date>())) {
                Some((_, Ok(_))) => {}
                Some((date, Err(_))) => {
                    faults.push(Fault::new(&place).expected("a date like 2026-11-20").actual(date));
                }
                None => faults.push(Fault::new(&place).expected("a date").actual("the entry has none")),
            }
            if entry.said == 0 {
                faults.push(Fault::new(&place).expected("what changed").actual("the entry is empty"));
            }
        }
    }
    let left = entries.iter().find(|entry| entry.name.eq_ignore_ascii_case("unreleased") && entry.said > 0);
    if let Some(entry) = left {
        let place = format!("{file}:{}", entry.line);
        let lines = format!("{} lines are left under Unreleased", entry.said);
        faults.push(Fault::new(place).expected(format!("everything under {version}")).actual(lines));
    }
    faults
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes};

    #[test]
    fn an_entry_has_only_the_headings_that_the_gate_allows() {
        let keys = "check = 'changelog'\nonly = ['Fixed', 'Security']";
        let with = |part: &str| {
            let text = format!(
                "## [1.2.3] - 2026-11-20\n\n### {part}\n\n- One.\n\n## [1.2.2] - 2026-11-01\n\n### Added\n"
            );
            Fake::new().file("CHANGELOG.md", text)
        };
        passes(keys, &with("Fixed"));
        passes("check = 'changelog'", &with("Added"));
        fails(keys, &with("Added"), "CHANGELOG.md:3", "only Fixed, Security", "Added");
    }
}
