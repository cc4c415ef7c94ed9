//! `schema`: documents are what their schema says, and those of the last release still are.

mod validator;

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::pointer::json;
use crate::policy::gate::sources::{self, Sources};
use crate::policy::gate::template::Template;
use crate::policy::gate::{Bump, Check, Document, Evidence, Judged, Kind, Release};
use std::sync::Arc;
use validator::Validator;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "schema",
    code: Code::GateSchema,
    holds_when: "the JSON documents are there and valid under their JSON Schema (drafts 4 to 2020-12). With `compatible`, the \
                 documents of the last release are also valid under the new schema, and the new ones under the schema of \
                 the last release, unless the major version is a new one. References to other files or hosts are refused",
    keys: &[
        ("schema", "required: the JSON Schema; `{version}`, `{tag}` and `{project}` stand for the release's"),
        ("documents", sources::MEANING),
        ("compatible", "`true` to compare with the last release too, by the same paths"),
        (
            "fill",
            "`true`: `{version}`, `{tag}` and `{project}` in the texts of the schema stand for the release's, as in \
             `\"const\": \"release-{version}\"`; not with `compatible`",
        ),
        (
            "first_release",
            "with `compatible`: the one version that has no release before it, as `0.1.0`, and is not compared",
        ),
    ],
    example: "[[gate]]\nid = \"registry-schema\"\ncheck = \"schema\"\nschema = \"schemas/registry.schema.json\"\n\
              documents = [\"fixtures/registry/*.json\"]\ncompatible = true\nfirst_release = \"0.1.0\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Schema {
    schema: Template,
    documents: Sources,
    compatible: bool,
    fill: bool,
    first_release: Option<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let compatible = section.flag("compatible")?.is_some_and(|flag| flag.value);
    let first_release = section.text("first_release")?;
    if let Some(version) = first_release.filter(|_| !compatible) {
        return Err(section.error(version.line, "`first_release` without `compatible = true`", ""));
    }
    let fill = section.flag("fill")?.filter(|flag| flag.value);
    if let Some(flag) = fill.filter(|_| compatible) {
        let message = "`fill` with `compatible`: the schemas of two releases would differ by their versions";
        return Err(section.error(flag.line, message, "make two gates of it"));
    }
    Ok(Arc::new(Schema {
        schema: Template::required(section, "schema")?,
        documents: Sources::required(section, "documents")?,
        compatible,
        fill: fill.is_some(),
        first_release: first_release.map(|version| version.value.to_owned()),
    }))
}

/// What was read, and what is wrong.
#[derive(Default)]
struct Judging {
    read: Vec<Arc<Document>>,
    faults: Vec<Fault>,
}

impl Check for Schema {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let mut judging = Judging::default();
        let detail = match self.path_and_documents(evidence, release, &mut judging) {
            Ok((path, documents)) => self.compare(evidence, release, &path, &documents, &mut judging),
            Err(fault) => {
                judging.faults.push(fault);
                String::new()
            }
        };
        Judged::of(judging.faults, detail).reading(judging.read.iter().map(|document| &**document))
    }
}

impl Schema {
    /// The path of the schema, and the documents; each of them is judged by it.
    fn path_and_documents(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
        judging: &mut Judging,
    ) -> Result<(PackPath, Vec<Arc<Document>>), Fault> {
        let path = self.schema.path(release)?;
        let schema = required(evidence, &path)?;
        judging.read.push(schema.clone());
        let (files, faults) = self.documents.files(evidence, release);
        judging.faults.extend(faults);
        // A schema that the patterns match as well is no document of its own.
        let files = files.iter().filter(|file| **file != path);
        let mut documents = Vec::new();
        for file in files {
            match required(evidence, file) {
                Ok(document) => documents.push(document),
                Err(fault) => judging.faults.push(fault),
            }
        }
        if documents.is_empty() && judging.faults.is_empty() {
            judging.faults.push(Fault::new("documents").expected("a document").actual("there is none"));
        }
        judging.read.extend(documents.iter().cloned());
        let validator = Validator::of(&schema, self.fill.then_some(release))?;
        judging.faults.extend(documents.iter().flat_map(|document| validator.faults(document, "valid")));
        Ok((path, documents))
    }

    /// N and N+1. What is said when it holds.
    fn compare(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
        path: &PackPath,
        documents: &[Arc<Document>],
        judging: &mut Judging,
    ) -> String {
        let valid = match documents {
            [one] => format!("{} is valid", one.path),
            several => format!("{} valid", count(several.len() as u64, "document")),
        };
        if !self.compatible {
            return valid;
        }
        if self.first_release.as_deref() == Some(release.version) {
            return format!("{valid}; the first release, compared with none");
        }
        let breaks = match self.breaks(evidence, release, path, documents, judging) {
            Ok(breaks) => breaks,
            Err(fault) => {
                judging.faults.push(fault);
                return valid;
            }
        };
        let last = evidence.last_release().map(|last| last.version.clone()).unwrap_or_default();
        if release.bump == Some(Bump::Major) {
            let breaks = count(breaks.len() as u64, "break");
            return format!("{valid}; {breaks} with {last}, which a new major version may have");
        }
        judging.faults.extend(breaks);
        format!("{valid}, and compatible with {last} both ways")
    }

    /// What no longer fits.
    fn breaks(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
        path: &PackPath,
        documents: &[Arc<Document>],
        judging: &mut Judging,
    ) -> Result<Vec<Fault>, Fault> {
        let unknown = |why: String| Fault::new("last release").expected("one to compare with").actual(why);
        let last = evidence.last_release().map_err(unknown)?.version.clone();
        let before = |path: &PackPath| match evidence.before(path) {
            Ok(Some(document)) => Ok(document),
            Ok(None) => Err(Fault::new(path.as_str())
                .expected(format!("a file of {last}"))
                .actual("it was not there")),
            Err(why) => Err(Fault::new(path.as_str()).expected(format!("a file of {last}")).actual(why)),
        };
        let old = before(path)?;
        let files = evidence.files_before().map_err(unknown)?;
        let (files, faults) = self.documents.among(files.iter(), release);
        let of_last = |fault: Fault| Fault { subject: format!("{} in {last}", fault.subject), ..fault };
        judging.faults.extend(faults.into_iter().map(of_last));
        let mut breaks = Vec::new();
        let new = required(evidence, path)?;
        let new = Validator::of(&new, None)?;
        for file in files.iter().filter(|file| *file != path) {
            let document = before(file)?;
            let expected = format!("the document of {last} valid under the new schema");
            breaks.extend(new.faults(&document, &expected));
        }
        let old = Validator::of(&old, None).map_err(of_last)?;
        let expected = format!("valid under the schema of {last}");
        breaks.extend(documents.iter().flat_map(|document| old.faults(document, &expected)));
        Ok(breaks)
    }
}

#[cfg(test)]
mod tests;
