//! `config`: what is deployed was written down, and is the same wherever it is.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required_text;
use crate::policy::gate::flat::{self, Flat};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::show;
use globset::{Glob, GlobSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "config",
    code: Code::GateConfig,
    holds_when: "the config manifest of the release is there and says something, its SHA-256 stands in the decision \
                 log, and staging and production have the same settings, but for those that may differ. Another \
                 difference needs a waiver",
    keys: &[
        ("file", "required: the manifest; `{version}`, `{tag}` and `{project}` stand for the release's"),
        ("decision_log", "the file in which the manifest's SHA-256 must stand; the same may stand in braces"),
        (
            "staging",
            "the settings of staging: JSON, TOML or YAML by the ending of the name, else lines of `NAME=VALUE`",
        ),
        ("production", "those of production; both or neither"),
        (
            "may_differ",
            "settings that may differ, as patterns: `database.host`, `*.replicas`; each must be one",
        ),
    ],
    example: "[[gate]]\nid = \"config-recorded\"\ncheck = \"config\"\nfile = \"configs/releases/{version}.yaml\"\n\
              decision_log = \"reports/release-decisions/{version}.md\"\nstaging = \"configs/staging.yaml\"\n\
              production = \"configs/production.yaml\"\nmay_differ = [\"database.host\"]\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Config {
    file: Template,
    decision_log: Option<Template>,
    /// Staging, then production.
    compared: Option<(Template, Template)>,
    may_differ: Vec<(String, GlobSet)>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let sides = (Template::read(section, "staging")?, Template::read(section, "production")?);
    let compared = match sides {
        (Some(staging), Some(production)) => Some((staging, production)),
        (None, None) => None,
        (staging, _) => {
            let other = if staging.is_some() { "production" } else { "staging" };
            let message = format!("`{other}` is missing: one side alone cannot be compared");
            return Err(section.error(section.line, message, "name both, or neither"));
        }
    };
    let may_differ = may_differ(section)?;
    if compared.is_none()
        && let Some(list) = section.texts("may_differ")?
    {
        let message = "`may_differ` says nothing without `staging` and `production`";
        return Err(section.error(list.line, message, "name both"));
    }
    let decision_log = Template::read(section, "decision_log")?;
    Ok(Arc::new(Config { file: Template::required(section, "file")?, decision_log, compared, may_differ }))
}

fn may_differ(section: &Section<'_>) -> Result<Vec<(String, GlobSet)>> {
    let mut patterns = Vec::new();
    for pattern in section.texts("may_differ")?.map_or_else(Vec::new, |list| list.value) {
        // Names have brackets of their own: `hosts[2]`.
        let escaped = pattern.value.replace('[', "[[]");
        let set = Glob::new(&escaped).and_then(|glob| GlobSet::new([glob])).map_err(|error| {
            let message = format!("the pattern `{}` is not valid: {}", show(pattern.value), error.kind());
            section.error(pattern.line, message, "")
        })?;
        patterns.push((pattern.value.to_owned(), set));
    }
    Ok(patterns)
}

impl Check for Config {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let mut read = Vec::new();
        let mut faults = Vec::new();
        let mut get = |template: &Template, faults: &mut Vec<Fault>| match template
            .path(release)
            .and_then(|path| required_text(evidence, &path))
        {
            Ok((document, text)) => {
                read.push(document.clone());
                Some((document, text))
            }
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let manifest = get(&self.file, &mut faults);
        if let Some((document, text)) = &manifest {
            faults.extend(empty(document, text));
        }
        if let Some(log) = self.decision_log.as_ref().and_then(|log| get(log, &mut faults))
            && let Some((manifest, _)) = &manifest
        {
            faults.extend(unrecorded(manifest, &log.0, &log.1));
        }
        let mut same = 0;
        if let Some((staging, production)) = &self.compared {
            let sides = (get(staging, &mut faults), get(production, &mut faults));
            if let (Some(staging), Some(production)) = sides {
                same = self.compare(&staging, &production, &mut faults);
            }
        }
        let name = manifest.map_or(String::new(), |(document, _)| document.path.clone());
        let compared =
            self.compared.as_ref().map(|_| format!(", {} the same on both sides", count(same, "setting")));
        let recorded = if self.decision_log.is_some() { " is in the decision log" } else { " is there" };
        Judged::of(faults, format!("{name}{recorded}{}", compared.unwrap_or_default()))
            .reading(read.iter().map(|document| &**document))
    }
}

fn empty(document: &Document, text: &str) -> Option<Fault> {
    let settings = match flat::read(&document.path, text) {
        Ok(settings) => settings,
        Err(why) => return Some(Fault::new(&document.path).expected("settings").actual(why)),
    };
    settings.is_empty().then(|| Fault::new(&document.path).expected("settings").actual("there is none"))
}

/// The digest may be written in either case.
fn unrecorded(manifest: &Document, log: &Document, text: &str) -> Option<Fault> {
    let digest = manifest.sha256.to_string();
    if text.to_ascii_lowercase().contains(&digest) {
        return None;
    }
    let fault = Fault::new(&log.path).expected(format!("the SHA-256 of {}: {digest}", manifest.path));
    Some(fault.actual("it does not stand there"))
}

/// A file and its text.
type Side = (Arc<Document>, String);

impl Config {
    /// How many settings are the same on both sides. Values are never told: they may be secrets.
    fn compare(&self, staging: &Side, production: &Side, faults: &mut Vec<Fault>) -> u64 {
        let mut flat = |side: &Side| match flat::read(&side.0.path, &side.1) {
            Ok(flat) if flat.is_empty() => {
                faults.push(Fault::new(&side.0.path).expected("settings").actual("there is none"));
                None
            }
            Ok(flat) => Some(flat),
            Err(why) => {
                faults.push(Fault::new(&side.0.path).expected("settings").actual(why));
                None
            }
        };
        let (Some(left), Some(right)) = (flat(staging), flat(production)) else { return 0 };
        let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for (pattern, set) in &self.may_differ {
            if !names.iter().any(|name| set.is_match(name)) {
                faults
                    .push(Fault::new(pattern).expected("a setting that may differ").actual("there is none"));
            }
        }
        let mut same = 0;
        for name in names {
            match differs(name, &left, &right) {
                None => same += 1,
                Some(_) if self.may_differ.iter().any(|(_, set)| set.is_match(name)) => {}
                Some(actual) => {
                    faults.push(Fault::new(name).expected("the same on both sides").actual(actual))
                }
            }
        }
        same
    }
}

fn differs(name: &str, staging: &Flat, production: &Flat) -> Option<&'static str> {
    match (staging.get(name), production.get(name)) {
        (Some(one), Some(other)) if one == other => None,
        (Some(_), Some(_)) => Some("staging and production have other values"),
        (Some(_), None) => Some("only staging has it"),
        (None, _) => Some("only production has it"),
    }
}

#[cfg(test)]
mod tests {
    use crate::format::digest::Sha256;
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'config'\nfile = 'configs/{version}.yaml'\ndecision_log = 'log/{version}.md'\n\
                        staging = 'configs/staging.env'\nproduction = 'configs/production.env'\n\
                        may_differ = ['DB_HOST']";
    const MANIFEST: &str = "pool: 5\n";
    const SAME: &str = "DB_HOST=a\nPOOL=5\n";

    fn fake() -> Fake {
        let digest = Sha256::of(MANIFEST.as_bytes()).to_string().to_uppercase();
        Fake::new()
            .file("configs/1.2.3.yaml", MANIFEST)
            .file("log/1.2.3.md", format!("- Config: {digest}\n"))
            .file("configs/staging.env", SAME)
            .file("configs/production.env", "DB_HOST=b\nPOOL=5\n")
    }

    #[test]
    fn a_recorded_manifest_and_equal_sides_pass() {
        let judged = passes(GATE, &fake());
        assert_eq!(
            judged.detail,
            "configs/1.2.3.yaml is in the decision log, 1 setting the same on both sides"
        );
        assert_eq!(judged.read.len(), 4);
        passes("check = 'config'\nfile = 'configs/{version}.yaml'", &fake());
    }

    #[test]
    fn the_manifest_must_be_there_and_its_digest_in_the_log() {
        let path = "configs/1.2.3.yaml";
        fails(GATE, &fake().without(path), path, "a file", "it is not there");
        let digest = Sha256::of(MANIFEST.as_bytes());
        let expected = format!("the SHA-256 of {path}: {digest}");
        let other = fake().file("log/1.2.3.md", format!("{}", Sha256::of(b"other")));
        fails(GATE, &other, "log/1.2.3.md", &expected, "it does not stand there");
        fails(GATE, &fake().without("log/1.2.3.md"), "log/1.2.3.md", "a file", "it is not there");
        let empty = "# nothing\n";
        let blank = fake().file(path, empty).file("log/1.2.3.md", Sha256::of(empty.as_bytes()).to_string());
        fails(GATE, &blank, path, "settings", "there is none");
    }

    #[test]
    fn each_difference_is_named_without_its_values() {
        let production = |text: &str| fake().file("configs/production.env", text);
        let both = "the same on both sides";
        fails(
            GATE,
            &production("DB_HOST=b\nPOOL=6\n"),
            "POOL",
            both,
            "staging and production have other values",
        );
        fails(GATE, &production("DB_HOST=b\n"), "POOL", both, "only staging has it");
        fails(GATE, &production("DB_HOST=b\nPOOL=5\nX=hunter2\n"), "X", both, "only production has it");
        let idle = format!("{}, 'NOPE']", GATE.strip_suffix(']').unwrap());
        fails(&idle, &fake(), "NOPE", "a setting that may differ", "there is none");
        assert_eq!(faults(GATE, &production(""))[0].2, "there is none");
        assert_eq!(faults(GATE, &production("hunter2"))[0].2, "line 1: no NAME=VALUE");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(
            refusal("check = 'config'\nfile = 'a'\nstaging = 'b'").1,
            "`production` is missing: one side alone cannot be compared"
        );
        assert_eq!(refusal("check = 'config'\nfile = 'a'\nmay_differ = ['x']").0, 3);
        assert_eq!(
            refusal("check = 'config'\nfile = 'a'\ndecision-log = 'b'").2,
            "did you mean `decision_log`?"
        );
    }
}
