//! `docs`: no document is left as a draft, with questions open, or behind what it describes.

mod follow;

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::{Located, Section};
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown::{self, Line};
use crate::policy::gate::sources::Sources;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::show;
use follow::Follow;
use serde_json::Value;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "docs",
    code: Code::GateDocs,
    holds_when: "no document has a status that is refused, or a mark that is refused left in its text, and its meta \
                 file, where one is asked for, is there and lists no open question; and each was changed along with \
                 what it is to follow",
    keys: &[
        (
            "files",
            "required: patterns of the documents, each of which must match one at least; `{version}`, `{tag}` and \
             `{project}` stand for the release's",
        ),
        (
            "refused_status",
            "statuses that no document may have, in whatever case; default `[\"Draft\"]`. A document's status is its \
             field `Status` (`**Status**: …`, or in the front matter), and `status` in its meta file",
        ),
        ("refused_marks", "texts that no line outside of code may hold; default `[\"[Unverified]\"]`"),
        (
            "meta",
            "the meta file of a document, JSON, with `{name}` for the document's name without its ending: it must \
             be there, and its `open_questions` must be an empty list",
        ),
        (
            "follow",
            "patterns: where a file that they match is not as it was in the last release, is new or gone, each \
             document must have been changed, too",
        ),
        (
            "first_release",
            "with `follow`: the one version that has no release before it, as `0.1.0`, and is not compared",
        ),
    ],
    example: "[[gate]]\nid = \"docs-final\"\ncheck = \"docs\"\nfiles = [\"docs/*.md\"]\n\
              refused_status = [\"Draft\", \"In review\"]\nmeta = \"docs/_meta/{name}.meta.json\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Docs {
    files: Sources,
    refused_status: Vec<String>,
    refused_marks: Vec<String>,
    meta: Option<String>,
    follow: Option<Follow>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    Ok(Arc::new(Docs {
        files: Sources::required(section, "files")?,
        refused_status: words(section, "refused_status", "Draft")?,
        refused_marks: words(section, "refused_marks", "[Unverified]")?,
        meta: section.text("meta")?.map(|meta| meta_pattern(section, meta)).transpose()?,
        follow: Follow::read(section)?,
    }))
}

/// A list of words that say something.
fn words(section: &Section<'_>, key: &str, default: &str) -> Result<Vec<String>> {
    let Some(list) = section.texts(key)? else { return Ok(vec![default.to_owned()]) };
    if let Some(blank) = list.value.iter().find(|word| word.value.trim().is_empty()) {
        return Err(section.error(blank.line, format!("`{key}` has an empty text in it"), "remove it"));
    }
    Ok(list.value.iter().map(|word| word.value.trim().to_owned()).collect())
}

fn meta_pattern(section: &Section<'_>, meta: Located<&str>) -> Result<String> {
    let filled = meta.value.replace("{name}", "x");
    if !meta.value.contains("{name}") || filled.contains(['{', '}']) {
        let message = format!("`meta` must hold {{name}}, and no other braces: `{}`", show(meta.value));
        return Err(section.error(meta.line, message, "meta = \"docs/_meta/{name}.meta.json\""));
    }
    PackPath::new(filled.as_bytes()).map_err(|why| {
        let message = format!("`meta` cannot be a path in the tree: {why}");
        section.error(meta.line, message, "relative to the tree")
    })?;
    Ok(meta.value.to_owned())
}

impl Check for Docs {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, mut faults) = self.files.files(evidence, release);
        let mut read = Vec::new();
        for file in &files {
            match required_text(evidence, file) {
                Ok((document, text)) => {
                    read.push(document);
                    faults.extend(self.in_text(file, &text));
                }
                Err(fault) => faults.push(fault),
            }
            self.meta_of(file, evidence, &mut read, &mut faults);
        }
        if let Some(follow) = &self.follow {
            faults.extend(follow.faults(&files, evidence, release));
        }
        let behind = if self.follow.is_some() { ", and not behind what it describes" } else { "" };
        let passed = match &files[..] {
            [one] => format!("{one} is final{behind}"),
            several => format!("{}, all final{behind}", count(several.len() as u64, "document")),
        };
        Judged::of(faults, passed).reading(read.iter().map(|document| &**document))
    }
}

impl Docs {
    fn in_text(&self, file: &PackPath, text: &str) -> Vec<Fault> {
        let lines = markdown::lines(text);
        let mut faults = Vec::new();
        if let Some((line, status)) = markdown::field(&lines, "status") {
            faults.extend(self.status(&format!("{file}:{line}"), status));
        }
        for mark in &self.refused_marks {
            let found: Vec<&Line<'_>> =
                lines.iter().filter(|line| unescaped(line.text).contains(mark)).collect();
            if let Some(first) = found.first() {
                let fault = Fault::new(format!("{file}:{}", first.number)).expected(format!("no {mark}"));
                faults.push(fault.actual(format!("it stands in {}", count(found.len() as u64, "line"))));
            }
        }
        faults
    }

    fn status(&self, place: &str, status: &str) -> Option<Fault> {
        let plain = |text: &str| markdown::plain(text.trim_matches(['"', '\'']));
        let refused = self.refused_status.iter().any(|refused| plain(refused) == plain(status));
        refused.then(|| {
            Fault::new(place).expected("a final document").actual(format!("its status is {}", status.trim()))
        })
    }

    fn meta_of(
        &self,
        file: &PackPath,
        evidence: &dyn Evidence,
        read: &mut Vec<Arc<Document>>,
        faults: &mut Vec<Fault>,
    ) {
        let Some(meta) = &self.meta else { return };
        let name = file.name().rsplit_once('.').map_or(file.name(), |(name, _)| name);
        let path = meta.replace("{name}", name);
        let path = match PackPath::new(path.as_bytes()) {
            Ok(path) => path,
            Err(why) => return faults.push(Fault::new(path).expected("a path").actual(why)),
        };
        let (document, text) = match required_text(evidence, &path) {
            Ok(found) => found,
            Err(fault) => return faults.push(fault),
        };
        read.push(document);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => faults.extend(self.in_meta(path.as_str(), &value)),
            Err(error) => {
                let place = format!("{path}:{}", error.line());
                faults.push(Fault::new(place).expected("JSON").actual(error));
            }
        }
    }

    fn in_meta(&self, path: &str, meta: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(status) = meta.get("status").and_then(Value::as_str) {
            faults.extend(self.status(path, status));
        }
        match meta.get("open_questions") {
            Some(Value::Array(questions)) => {
                let fault = |question: &Value| {
                    let question = question.as_str().map_or_else(|| question.to_string(), str::to_owned);
                    Fault::new(path).expected("no open question").actual(question)
                };
                faults.extend(questions.iter().map(fault));
            }
            _ => faults.push(Fault::new(path).expected("a list `open_questions`").actual("there is none")),
        }
        faults
    }
}

/// Markdown may have a backslash before each of its own marks: `\[Unverified]` shows as `[Unverified]`.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' || !chars.peek().is_some_and(char::is_ascii_punctuation) {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'docs'\nfiles = ['docs/*.md']";
    const META: &str = "check = 'docs'\nfiles = ['docs/*.md']\nmeta = 'docs/_meta/{name}.meta.json'";

    fn with(text: &str) -> Fake {
        Fake::new().file("docs/A.md", text)
    }

    #[test]
    fn final_documents_pass() {
        let fake = with("# A\n\n**Status**: Final\n").file("docs/B.md", "# B\n\n```\n[Unverified]\n```\n");
        let judged = passes(GATE, &fake);
        assert_eq!((judged.detail.as_str(), judged.read.len()), ("2 documents, all final", 2));
    }

    #[test]
    fn a_draft_is_found_wherever_it_says_so() {
        let draft = ["a final document", "its status is DRAFT"];
        fails(GATE, &with("# A\n\n**Status**: DRAFT\n"), "docs/A.md:3", draft[0], draft[1]);
        let front = with("---\nstatus: \"draft\"\n---\n# A\n");
        fails(GATE, &front, "docs/A.md:2", "a final document", "its status is \"draft\"");
        fails(
            &format!("{GATE}\nrefused_status = ['In review']"),
            &with("Status: in review"),
            "docs/A.md:1",
            "a final document",
            "its status is in review",
        );
        passes(&format!("{GATE}\nrefused_status = []"), &with("Status: Draft"));
    }

    #[test]
    fn marks_that_are_left_are_counted() {
        let text = "fine\nnot **\\[Unverified]**\nnor [Unverified] this\n";
        fails(GATE, &with(text), "docs/A.md:2", "no [Unverified]", "it stands in 2 lines");
        let other = format!("{GATE}\nrefused_marks = ['FIXME']");
        fails(&other, &with("x FIXME"), "docs/A.md:1", "no FIXME", "it stands in 1 line");
    }

    #[test]
    fn a_meta_file_must_be_there_without_open_questions() {
        let path = "docs/_meta/A.meta.json";
        let meta = |text: &str| with("# A").file(path, text);
        passes(META, &meta(r#"{"status": "Final", "open_questions": []}"#));
        fails(META, &with("# A"), path, "a file", "it is not there");
        let open = meta(r#"{"open_questions": ["Which branch?"]}"#);
        fails(META, &open, path, "no open question", "Which branch?");
        let draft = meta(r#"{"status": "Draft", "open_questions": []}"#);
        fails(META, &draft, path, "a final document", "its status is Draft");
        fails(META, &meta("{}"), path, "a list `open_questions`", "there is none");
        let broken = faults(META, &meta("{\n"));
        assert_eq!((broken[0].0.as_str(), broken[0].1.as_str()), ("docs/_meta/A.meta.json:2", "JSON"));
    }

    #[test]
    fn no_document_is_no_pass() {
        fails(GATE, &Fake::new(), "docs/*.md", "a file", "no file matches");
        let latin = Fake::new().file("docs/A.md", [0xff]);
        assert_eq!(faults(GATE, &latin)[0].1, "UTF-8");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'docs'").1, "a gate of this kind needs `files`");
        assert_eq!(refusal("check = 'docs'\nfiles = ['a']\nmeta = 'x.json'").0, 3);
        assert_eq!(refusal("check = 'docs'\nfiles = ['a']\nmeta = '../{name}'").0, 3);
        assert_eq!(refusal("check = 'docs'\nfiles = ['a']\nrefused_marks = ['']").0, 3);
        assert_eq!(refusal("check = 'docs'\nfile = ['a']").2, "did you mean `files`?");
    }
}
