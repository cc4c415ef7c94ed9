//! `checklist`: no box is left unticked.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::number;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown::{self, TaskBox};
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "checklist",
    code: Code::GateChecklist,
    holds_when: "the named Markdown file, or a section of it, has boxes, and none of them is unticked",
    keys: &[
        ("file", "required: the file; `{version}`, `{tag}` and `{project}` stand for the release's"),
        ("section", "only the boxes under this heading"),
    ],
    example: "[[gate]]\nid = \"readiness\"\ncheck = \"checklist\"\nfile = \"reports/readiness-{version}.md\"\n\
              section = \"Pre-Release\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Checklist {
    file: Template,
    section: Option<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let named = section.text("section")?.map(|title| title.value.to_owned());
    Ok(Arc::new(Checklist { file: Template::required(section, "file")?, section: named }))
}

impl Check for Checklist {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        match self.read(evidence, release) {
            Ok((document, faults, ticked)) => {
                Judged::of(faults, format!("{} ticked in {}", boxes(ticked), document.path))
                    .reading([&*document])
            }
            Err(fault) => Judged::of(vec![fault], ""),
        }
    }
}

impl Checklist {
    fn read(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
    ) -> Result<(Arc<Document>, Vec<Fault>, u64), Fault> {
        let (document, text) = required_text(evidence, &self.file.path(release)?)?;
        let lines = markdown::lines(&text);
        let sections = markdown::sections(&lines);
        let boxes = match &self.section {
            None => markdown::boxes(&lines),
            Some(title) => match markdown::section(&sections, title) {
                Some(section) => markdown::boxes(&section.body),
                None => {
                    let fault = Fault::new(&document.path).expected(format!("a section {title}"));
                    return Ok((document, vec![fault.actual("there is none")], 0));
                }
            },
        };
        let faults = faults(&document.path, &boxes);
        Ok((document, faults, boxes.len() as u64))
    }
}

fn boxes(count: u64) -> String {
    format!("{} {}", number(count), if count == 1 { "box" } else { "boxes" })
}

/// A list without a single box proves nothing.
fn faults(file: &str, boxes: &[TaskBox<'_>]) -> Vec<Fault> {
    if boxes.is_empty() {
        return vec![Fault::new(file).expected("boxes, all ticked").actual("there is no box")];
    }
    let unticked = boxes.iter().filter(|one| !one.ticked);
    let fault = |one: &TaskBox<'_>| {
        Fault::new(format!("{file}:{}", one.line))
            .expected("ticked")
            .actual(format!("not ticked: {}", one.text))
    };
    unticked.map(fault).collect()
}
