//! `decision-log`: the go/no-go meeting left a record, and it says go.

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown::{self, Field};
use crate::policy::gate::template::Template;
use crate::policy::gate::words::names_version;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::path;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "decision-log",
    code: Code::GateDecisionLog,
    holds_when: "the decision log of the release names its version, has every field filled, and its verdict is go",
    keys: &[
        ("file", "required: the log, Markdown; `{version}`, `{tag}` and `{project}` stand for the release's"),
        (
            "template",
            "a Markdown file whose fields (`- **Name:** …`) the log must have; a value that still is the template's \
             is not filled",
        ),
        ("fields", "fields that the log must have, beside those of the template"),
        ("verdict", "the field with the verdict; default `Go/No-Go Decision`"),
        (
            "expect",
            "what the verdict must be, alone or followed by a dot, comma, dash or parenthesis; default `go`",
        ),
    ],
    example: "[[gate]]\nid = \"go\"\ncheck = \"decision-log\"\nfile = \"reports/release-decisions/{version}.md\"\n\
              fields = [\"Release date/time (UTC)\", \"Participants\", \"Scope summary\", \"Evidence links\"]\n\
              verdict = \"Go/No-Go Decision\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct DecisionLog {
    file: Template,
    template: Option<PackPath>,
    fields: Vec<String>,
    verdict: String,
    expect: String,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let text = |key: &str, default: &str| {
        let text = section.text(key)?;
        if let Some(blank) = text.filter(|text| text.value.trim().is_empty()) {
            return Err(section.error(blank.line, format!("`{key}` is empty"), "remove it for the default"));
        }
        Ok(text.map_or(default, |text| text.value).to_owned())
    };
    let log = DecisionLog {
        file: Template::required(section, "file")?,
        template: path(section, "template")?,
        fields: markdown::names(section, "fields")?,
        verdict: text("verdict", "Go/No-Go Decision")?,
        expect: text("expect", "go")?,
    };
    if log.template.is_none() && log.fields.is_empty() {
        let hint = "template = \"docs/decision-log.md\", or fields = [\"Participants\", …]";
        return Err(section.error(section.line, "the gate names no field that the log must have", hint));
    }
    Ok(Arc::new(log))
}

impl Check for DecisionLog {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let read = self.file.path(release).and_then(|path| required_text(evidence, &path));
        let (log, text) = match read {
            Ok(read) => read,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let mut read: Vec<Arc<Document>> = vec![log.clone()];
        let mut faults = Vec::new();
        let lines = markdown::lines(&text);
        if !lines.iter().any(|line| names_version(line.text, release.version)) {
            let fault = Fault::new(&log.path).expected(format!("the version {} in it", release.version));
            faults.push(fault.actual("it is not named"));
        }
        let fields = markdown::fields(&lines);
        let mut asked: Vec<(String, String)> = Vec::new();
        if let Some(template) = &self.template {
            match required_text(evidence, template) {
                Ok((document, text)) => {
                    asked = of_template(&text);
                    if asked.is_empty() {
                        faults.push(Fault::new(&document.path).expected("fields").actual("it has none"));
                    }
                    read.push(document);
                }
                Err(fault) => faults.push(fault),
            }
        }
        asked.extend(self.fields.iter().map(|name| (name.clone(), String::new())));
        faults.extend(
            asked.iter().filter_map(|(name, unfilled)| unfilled_field(&log.path, &fields, name, unfilled)),
        );
        faults.extend(self.verdict(&log.path, &fields));
        let passed =
            format!("{}: {} filled, verdict {}", log.path, count(asked.len() as u64, "field"), self.expect);
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

/// The fields of a template with what stands there before they are filled.
fn of_template(text: &str) -> Vec<(String, String)> {
    // A template may itself stand in a block of code.
    let lines = markdown::every_line(text);
    markdown::fields(&lines).iter().map(|field| (field.name.to_owned(), field.value.to_owned())).collect()
}

fn unfilled_field(log: &str, fields: &[Field<'_>], name: &str, unfilled: &str) -> Option<Fault> {
    let Some(field) = markdown::named(fields, name) else {
        return Some(Fault::new(log).expected(format!("a field {name}")).actual("there is none"));
    };
    let as_it_was = !unfilled.is_empty() && field.value == unfilled;
    if field.filled && !as_it_was {
        return None;
    }
    let fault = Fault::new(format!("{log}:{}", field.line)).expected(format!("{name} filled"));
    Some(fault.actual(if as_it_was { "it is as in the template" } else { "it is not filled" }))
}

impl DecisionLog {
    fn verdict(&self, log: &str, fields: &[Field<'_>]) -> Option<Fault> {
        let expected = format!("{}: {}", self.verdict, self.expect);
        let Some(field) = markdown::named(fields, &self.verdict) else {
            return Some(Fault::new(log).expected(expected).actual("there is no such field"));
        };
        if says(field.value, &self.expect) {
            return None;
        }
        let actual = if field.value.is_empty() { "no verdict" } else { field.value };
        Some(Fault::new(format!("{log}:{}", field.line)).expected(expected).actual(actual))
    }
}

/// Whether a verdict is this one: `Go`, `**GO** – all present agreed`, but not `Go/No-Go`, `go if…` or `No-Go`.
fn says(value: &str, expect: &str) -> bool {
    let plain = |text: &str| markdown::plain(text.trim_start_matches(|c: char| !c.is_alphanumeric()));
    let (value, expect) = (plain(value), plain(expect));
    let Some(rest) = value.strip_prefix(&expect) else { return false };
    let behind = rest.trim_start();
    match behind.chars().next() {
        None => true,
        Some('.' | ',' | ';' | ':' | '!') => rest.len() == behind.len(),
        // A dash or a parenthesis stands apart: `go-live` is no go.
        Some('-' | '–' | '—' | '(') => rest.len() > behind.len(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'decision-log'\nfile = 'log/{version}.md'\ntemplate = 'docs/log.md'";
    const TEMPLATE: &str = "```markdown\n# Release <id> Decision Log\n\n- **Participants:**\n- **Evidence links:**\n  \
                            - Checklist:\n- **Go/No-Go Decision:**\n- **Rollback executed:** Yes/No (details)\n```\n";
    const LOG: &str = "# Release 1.2.3 Decision Log\n\n- **Participants:** captain, SRE lead\n- **Evidence links:**\n  \
                       - Checklist: reports/readiness.md\n- **Go/No-Go Decision:** Go (all agreed)\n\
                       - **Rollback executed:** No\n";
    const PATH: &str = "log/1.2.3.md";

    fn with(from: &str, to: &str) -> Fake {
        assert!(LOG.contains(from), "{from}");
        Fake::new().file("docs/log.md", TEMPLATE).file(PATH, LOG.replacen(from, to, 1))
    }

    #[test]
    fn a_filled_log_that_says_go_passes() {
        let judged = passes(GATE, &with("Go (", "Go ("));
        assert_eq!(judged.detail, "log/1.2.3.md: 5 fields filled, verdict go");
        assert_eq!(judged.read.len(), 2);
    }

    #[test]
    fn each_field_must_be_there_and_filled() {
        let none = with("- **Participants:** captain, SRE lead\n", "");
        fails(GATE, &none, PATH, "a field Participants", "there is none");
        let blank = with(" captain, SRE lead", "");
        fails(GATE, &blank, "log/1.2.3.md:3", "Participants filled", "it is not filled");
        let later = with("captain, SRE lead", "TBD");
        fails(GATE, &later, "log/1.2.3.md:3", "Participants filled", "it is not filled");
        let same = with("executed:** No", "executed:** Yes/No (details)");
        fails(GATE, &same, "log/1.2.3.md:7", "Rollback executed filled", "it is as in the template");
        let below: Vec<_> = faults(GATE, &with(" reports/readiness.md", ""));
        let subjects: Vec<_> = below.iter().map(|fault| (fault.0.as_str(), fault.1.as_str())).collect();
        assert_eq!(
            subjects,
            [("log/1.2.3.md:4", "Evidence links filled"), ("log/1.2.3.md:5", "Checklist filled")]
        );
    }

    #[test]
    fn only_go_is_go() {
        for no in ["No-Go", "Go/No-Go", "go if the canary holds", "Go-live later", "Gone"] {
            let fake = with("Go (all agreed)", no);
            fails(GATE, &fake, "log/1.2.3.md:6", "Go/No-Go Decision: go", no);
        }
        for go in ["go", "**GO**", "Go.", "Go – all agreed", "✅ Go"] {
            passes(GATE, &with("Go (all agreed)", go));
        }
        let none = with("- **Go/No-Go Decision:** Go (all agreed)\n", "");
        let expected = "Go/No-Go Decision: go";
        assert!(faults(GATE, &none).contains(&(
            PATH.into(),
            expected.into(),
            "there is no such field".into()
        )));
    }

    #[test]
    fn a_log_of_another_release_is_none() {
        fails(GATE, &with("1.2.3", "1.2.30"), PATH, "the version 1.2.3 in it", "it is not named");
        fails(GATE, &Fake::new(), PATH, "a file", "it is not there");
    }

    #[test]
    fn a_template_must_have_fields() {
        let fake = with("Go", "Go");
        fails(GATE, &fake.without("docs/log.md"), "docs/log.md", "a file", "it is not there");
        let bare = with("Go", "Go").file("docs/log.md", "# nothing\n");
        fails(GATE, &bare, "docs/log.md", "fields", "it has none");
    }

    #[test]
    fn keys_are_checked() {
        let none = refusal("check = 'decision-log'\nfile = 'a.md'");
        assert_eq!(none.1, "the gate names no field that the log must have");
        assert_eq!(refusal("check = 'decision-log'\nfile = 'a{v}.md'").0, 2);
        assert_eq!(refusal("check = 'decision-log'\nfile = 'a'\nfields = ['x']\nverdict = ''").0, 4);
        assert_eq!(refusal("check = 'decision-log'\nfile = 'a'\nfeilds = ['x']").2, "did you mean `fields`?");
        assert_eq!(refusal("check = 'decision-log'\nfile = 'a'\nfields = ['']").0, 3);
    }
}
