//! The evidence section of the release notes: what is packed, and how anyone checks it, between two marks.
//!
//! The notes are payload, and stand in the HASHES manifests. So the section cannot state the digest of those, nor that of
//! the archive, which holds them: it would have to hold itself. It names them, and states what does not depend on it.

use crate::evidence::receipt::SUFFIX;
use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::units::{count, number};
use crate::policy::HashesPaths;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// The line before the section, and the one after it.
pub const MARKS: [&str; 2] = ["<!-- attestar:evidence -->", "<!-- /attestar:evidence -->"];

/// What the section states.
pub struct Stated<'a> {
    /// `{project}-{version}`.
    pub name: &'a str,
    /// How many files of each class the HASHES manifests list.
    pub classes: BTreeMap<Class, u64>,
    /// Where those manifests lie.
    pub hashes: &'a HashesPaths,
    /// The DDL files in order: first, last, how many, and the digest of their list. The provenance states the same.
    pub ddl: Option<Ddl<'a>>,
    /// How many components the SBOM has, and of which lockfiles.
    pub components: u64,
    /// The lockfiles.
    pub lockfiles: &'a [String],
}

/// The DDL files in order.
pub struct Ddl<'a> {
    /// The first one's path.
    pub first: &'a str,
    /// The last one's.
    pub last: &'a str,
    /// How many.
    pub files: u64,
    /// Of their list, as sha256sum prints it.
    pub list: Sha256,
}

/// The text between the marks.
pub fn section(stated: &Stated<'_>) -> String {
    let Stated { name, hashes, .. } = stated;
    let archive = format!("{name}.tar.zst.age");
    let files = stated.classes.values().sum();
    let classes: Vec<String> =
        stated.classes.iter().map(|(class, files)| format!("{class} {}", number(*files))).collect();
    let sources = if stated.lockfiles.is_empty() {
        String::new()
    } else {
        format!(", from {}", stated.lockfiles.join(", "))
    };
    let mut text =
        format!("Sealed as `{name}`. Written by `attestar hash`.\n\n| part | what it is |\n|---|---|\n");
    let _ = writeln!(text, "| archive | `{archive}`, with its receipt `{archive}{SUFFIX}` |");
    let _ = writeln!(text, "| payload | {}: {} |", count(files, "file"), classes.join(", "));
    let _ = writeln!(text, "| digest lists | `{}`, `{}` |", hashes.sha256, hashes.blake3);
    if let Some(ddl) = &stated.ddl {
        let span = if ddl.files == 1 {
            format!("`{}`", ddl.first)
        } else {
            format!("`{}` to `{}`", ddl.first, ddl.last)
        };
        let _ = writeln!(
            text,
            "| DDL, in order | {}, {span}; SHA-256 of their list `{}` |",
            count(ddl.files, "file"),
            ddl.list
        );
    }
    let _ = writeln!(
        text,
        "| SBOM | {}{sources}; CycloneDX and SPDX, in the pack |",
        count(stated.components, "component")
    );
    let _ = writeln!(text, "| provenance, gates | signed, in the pack |");
    let _ = writeln!(
        text,
        "\nThe files: `sha256sum -c {}`. The archive, with a key that did not come with it:",
        hashes.sha256
    );
    let _ = writeln!(text, "`attestar verify {archive} --key KEY`.");
    text
}

/// The notes with the section in them; nothing if the marks are not there, each once and in order.
pub fn with_section(notes: &str, section: &str) -> Option<String> {
    let between = between(notes)?;
    let mut text = notes.to_owned();
    text.replace_range(between, &format!("\n{section}"));
    Some(text)
}

/// Whether the notes have the section as it should be.
pub fn check(path: &str, notes: &str, section: &str) -> Vec<Finding> {
    let stale = |actual: &str| {
        vec![Finding::new(Code::NotesStale, path).expected("what attestar hash writes").actual(actual)]
    };
    match between(notes) {
        None => stale("the marks of the section are not there, each once"),
        Some(between) if notes.get(between.clone()) == Some(&format!("\n{section}")) => Vec::new(),
        Some(_) => stale("another text"),
    }
}

/// What stands between the marks.
fn between(notes: &str) -> Option<Range<usize>> {
    let [begin, end] = MARKS;
    if notes.matches(begin).count() != 1 || notes.matches(end).count() != 1 {
        return None;
    }
    let (start, stop) = (notes.find(begin)? + begin.len(), notes.find(end)?);
    (start <= stop).then_some(start..stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::path::PackPath;

    fn stated(hashes: &HashesPaths) -> Stated<'_> {
        Stated {
            name: "app-1.0.0",
            classes: [(Class::Doc, 3), (Class::Ddl, 2)].into(),
            hashes,
            ddl: Some(Ddl { first: "ddl/1.sql", last: "ddl/2.sql", files: 2, list: Sha256::of(b"list") }),
            components: 1,
            lockfiles: &[],
        }
    }

    fn paths() -> HashesPaths {
        let path = |name: &str| PackPath::new(name.as_bytes()).unwrap();
        HashesPaths { sha256: path("docs/H.sha256.txt"), blake3: path("docs/H.blake3.txt") }
    }

    #[test]
    fn the_section_stands_between_its_marks_and_is_written_once() {
        let hashes = paths();
        let section = section(&stated(&hashes));
        assert!(section.contains("| payload | 5 files: doc 3, ddl 2 |"), "{section}");
        assert!(section.contains("| SBOM | 1 component; CycloneDX and SPDX, in the pack |"), "{section}");
        let notes = format!("# 1.0.0\n\n{}\nold\n{}\n\n## More\n", MARKS[0], MARKS[1]);
        let written = with_section(&notes, &section).unwrap();
        assert_eq!(written, format!("# 1.0.0\n\n{}\n{section}{}\n\n## More\n", MARKS[0], MARKS[1]));
        assert_eq!(
            with_section(&written, &section).as_ref(),
            Some(&written),
            "a second time changes nothing"
        );
        assert!(check("n.md", &written, &section).is_empty());
        assert_eq!(check("n.md", &notes, &section)[0].actual.as_deref(), Some("another text"));
    }

    #[test]
    fn marks_that_are_missing_twice_or_crossed_are_none() {
        let [begin, end] = MARKS;
        for notes in ["", begin, end, &format!("{end}\n{begin}"), &format!("{begin}{begin}{end}")] {
            assert_eq!(with_section(notes, "x"), None, "{notes}");
            assert_eq!(check("n.md", notes, "x").len(), 1);
        }
    }
}
