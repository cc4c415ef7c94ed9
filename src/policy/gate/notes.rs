//! `notes`: the release notes are there and filled.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown;
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "notes",
    code: Code::GateNotes,
    holds_when: "the release notes exist, name the version, and have something under each required heading",
    keys: &[
        ("file", "required: the file; `{version}`, `{tag}` and `{project}` stand for the release's"),
        ("headings", "headings that must be there, with more than a placeholder under them"),
    ],
    example: "[[gate]]\nid = \"release-notes\"\ncheck = \"notes\"\nfile = \"docs/releases/v{version}.md\"\n\
              headings = [\"Highlights\", \"DDL changes\", \"Evidence pack\"]\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Notes {
    file: Template,
    headings: Vec<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let headings = section.texts("headings")?.map_or_else(Vec::new, |list| list.value);
    let headings = headings.iter().map(|heading| heading.value.to_owned()).collect();
    Ok(Arc::new(Notes { file: Template::required(section, "file")?, headings }))
}

impl Check for Notes {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let read = self.file.path(release).and_then(|path| required_text(evidence, &path));
        let (document, text) = match read {
            Ok(read) => read,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let faults = self.faults(&document.path, &text, release.version);
        let passed =
            format!("{} has {}, filled", document.path, count(self.headings.len() as u64, "heading"));
        Judged::of(faults, passed).reading([&*document])
    }
}

impl Notes {
    fn faults(&self, file: &str, text: &str, version: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let lines = markdown::lines(text);
        if !lines.iter().any(|line| line.text.contains(version)) {
            faults.push(
                Fault::new(file).expected(format!("the version {version} in it")).actual("it is not named"),
            );
        }
        if !lines.iter().any(|line| markdown::says_something(line.text.trim_start_matches('#'))) {
            faults.push(Fault::new(file).expected("notes").actual("the file is empty"));
        }
        let sections = markdown::sections(&lines);
        for heading in &self.headings {
            match markdown::section(&sections, heading) {
                None => faults.push(
                    Fault::new(file)
                        .expected(format!("a heading {heading}"))
                        .actual(format!("no heading {heading}")),
                ),
                Some(section) if !markdown::is_filled(section) => {
                    let place = format!("{file}:{}", section.line);
                    faults.push(
                        Fault::new(place)
                            .expected("something to read")
                            .actual(format!("{heading} is not filled")),
                    );
                }
                Some(_) => {}
            }
        }
        faults
    }
}
