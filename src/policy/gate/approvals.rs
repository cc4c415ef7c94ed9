//! `approvals`: those who have to agree did.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::{Approval, required_text};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::markdown::{self, Line};
use crate::policy::gate::template::Template;
use crate::policy::gate::words::names_version;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release, Stage};
use crate::policy::values::show;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "approvals",
    code: Code::GateApprovals,
    holds_when: "the approvals file covers this version: a section whose heading names it, or rows of a table that do, \
                 with every approver filled in or ticked, and no box left open. From stage `promote` on also: the seal \
                 is signed by every role named, no key counting twice",
    keys: &[
        ("file", "the approvals, Markdown; `{version}`, `{tag}` and `{project}` stand for the release's"),
        (
            "approvers",
            "who must be in the file: `**NAME**: …`, a ticked box that begins with NAME, or a row of a table with a \
             cell NAME",
        ),
        (
            "roles",
            "the roles whose approvals over the seal (`attestar approve`) are asked for, from stage `promote` on; one \
             that is named twice needs two keys",
        ),
    ],
    example: "[[gate]]\nid = \"approved\"\ncheck = \"approvals\"\nstage = \"promote\"\nfile = \"docs/approvals.md\"\n\
              approvers = [\"Product\", \"Engineering lead\"]\nroles = [\"qa-lead\", \"risk-officer\"]\n",
    waivable: true,
    parse,
};

/// The most roles of a gate.
const ROLES_MAX: usize = 32;

#[derive(Debug)]
struct Approvals {
    file: Option<Template>,
    approvers: Vec<String>,
    roles: Vec<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let file = Template::read(section, "file")?;
    let approvers = markdown::names(section, "approvers")?;
    let roles = section.texts("roles")?.map_or_else(Vec::new, |list| list.value);
    if let Some(bad) = roles.iter().find(|role| role.value.trim().is_empty()) {
        return Err(section.error(bad.line, "`roles` has an empty name in it", "remove it"));
    }
    if let Some(beyond) = roles.get(ROLES_MAX) {
        let message = format!("`{}` is one role too many", show(beyond.value));
        return Err(section.error(beyond.line, message, format!("at most {ROLES_MAX}")));
    }
    if file.is_none() && !approvers.is_empty() {
        return Err(section.error(
            section.line,
            "`approvers` without `file`",
            "file = \"docs/approvals.md\"",
        ));
    }
    let at_seal = section.text("stage")?.is_none_or(|stage| stage.value == Stage::Seal.as_str());
    let is_early = at_seal && !roles.is_empty();
    if is_early || file.is_none() && roles.is_empty() {
        let message = match is_early {
            true => "nothing is sealed yet at stage seal",
            false => "the gate asks for no approval",
        };
        let hint = "name a `file`, or `roles` at stage = \"promote\"";
        return Err(section.error(section.line, message, hint));
    }
    let roles = roles.iter().map(|role| role.value.to_owned()).collect();
    Ok(Arc::new(Approvals { file, approvers, roles }))
}

impl Check for Approvals {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let mut faults = Vec::new();
        let mut said = Vec::new();
        let mut read = None;
        if let Some(file) = &self.file {
            match file.path(release).and_then(|path| required_text(evidence, &path)) {
                Ok((document, text)) => {
                    faults.extend(self.in_file(&document, &text, release.version));
                    said.push(format!("{} covers {}", document.path, release.version));
                    read = Some(document);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if release.stage >= Stage::Promote && !self.roles.is_empty() {
            faults.extend(self.over_seal(evidence));
            said.push(format!("{} signed the seal", count(self.roles.len() as u64, "role")));
        }
        Judged::of(faults, said.join(", ")).reading(read.as_deref())
    }
}

impl Approvals {
    fn in_file(&self, document: &Document, text: &str, version: &str) -> Vec<Fault> {
        let lines = markdown::lines(text);
        let parts = markdown::sections(&lines);
        let own = parts.iter().find(|part| names_version(part.title, version));
        // Without a section of its own: the rows of a table that name the version.
        let rows = || {
            lines.iter().filter(|line| is_row(line) && names_version(line.text, version)).copied().collect()
        };
        let body: Vec<Line<'_>> = own.map_or_else(rows, |part| part.body.clone());
        if body.is_empty() {
            let actual =
                if own.is_some() { "nothing stands there" } else { "no heading and no row names it" };
            return vec![
                Fault::new(&document.path).expected(format!("approvals of {version}")).actual(actual),
            ];
        }
        let mut faults = Vec::new();
        for open in markdown::boxes(&body).iter().filter(|one| !one.ticked) {
            let place = format!("{}:{}", document.path, open.line);
            faults.push(Fault::new(place).expected("ticked").actual(format!("not ticked: {}", open.text)));
        }
        let missing = self.approvers.iter().filter(|name| !approves(&body, name, version));
        faults.extend(missing.map(|name| {
            let fault = Fault::new(&document.path).expected(format!("the approval of {name} for {version}"));
            fault.actual("there is none")
        }));
        let says = |line: &Line<'_>| markdown::says_something(line.text);
        if self.approvers.is_empty() && faults.is_empty() && !body.iter().any(says) {
            let fault = Fault::new(&document.path).expected(format!("approvals of {version}"));
            faults.push(fault.actual("nothing stands there"));
        }
        faults
    }

    /// The roles for which no key is left, each key used once.
    fn over_seal(&self, evidence: &dyn Evidence) -> Vec<Fault> {
        let approvals = match evidence.approvals() {
            Ok(approvals) => approvals,
            Err(why) => return vec![Fault::new("the seal").expected("approvals over it").actual(why)],
        };
        let mut keys = Keys::new(approvals);
        let fault = |role: &String| {
            let has_any = approvals.iter().any(|approval| approval.role == *role);
            let actual = if has_any { "each key counts once" } else { "there is none" };
            Fault::new("the seal").expected(format!("an approval by {role}")).actual(actual)
        };
        let unmet = self.roles.iter().enumerate().filter(|(at, role)| !keys.give(*at, role, &self.roles));
        unmet.map(|(_, role)| fault(role)).collect()
    }
}

fn is_row(line: &Line<'_>) -> bool {
    line.text.trim_start().starts_with('|')
}

/// Whether somebody approves in these lines: a field, a ticked box, or a row of a table.
fn approves(body: &[Line<'_>], name: &str, version: &str) -> bool {
    let wanted = markdown::plain(name);
    let fields = markdown::fields(body);
    let by_field = markdown::named(&fields, name).is_some_and(|field| field.filled);
    let begins = |text: &str| {
        let behind = markdown::plain(text).strip_prefix(&wanted).map(str::to_owned);
        behind.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let by_box = markdown::boxes(body).iter().any(|one| one.ticked && begins(one.text));
    let by_row = body.iter().filter(|line| is_row(line)).any(|line| {
        let cells: Vec<&str> = line.text.trim().trim_matches('|').split('|').map(str::trim).collect();
        let is_name = |cell: &&str| markdown::plain(cell) == wanted;
        let says =
            |cell: &&str| markdown::says_something(cell) && !is_name(cell) && !names_version(cell, version);
        cells.iter().any(is_name) && cells.iter().any(says)
    });
    by_field || by_box || by_row
}

/// Who signed, and for which role each key was counted.
struct Keys<'a> {
    /// Key and role.
    signed: Vec<(&'a str, &'a str)>,
    /// The place in the gate's list of the role that a key stands for.
    given: Vec<(&'a str, usize)>,
}

impl<'a> Keys<'a> {
    fn new(approvals: &'a [Approval]) -> Keys<'a> {
        let signed = approvals.iter().map(|one| (one.fingerprint.as_str(), one.role.as_str())).collect();
        Keys { signed, given: Vec::new() }
    }

    /// Finds a key for a role; a key that stands for another role is moved if that one has a second key.
    fn give(&mut self, at: usize, role: &str, roles: &[String]) -> bool {
        self.find(at, role, roles, &mut Vec::new())
    }

    /// At most as deep as there are keys in `tried`, and those are at most as many as the gate has roles.
    fn find(&mut self, at: usize, role: &str, roles: &[String], tried: &mut Vec<&'a str>) -> bool {
        let keys: Vec<&'a str> =
            self.signed.iter().filter(|(_, of)| *of == role).map(|(key, _)| *key).collect();
        for key in keys {
            if tried.contains(&key) {
                continue;
            }
            tried.push(key);
            let holder = self.given.iter().find(|(given, _)| *given == key).map(|(_, holder)| *holder);
            let is_free = match holder {
                None => true,
                Some(holder) => roles.get(holder).is_some_and(|other| self.find(holder, other, roles, tried)),
            };
            if is_free {
                self.given.retain(|(given, _)| *given != key);
                self.given.push((key, at));
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::testing::{self, Fake, fails, passes, refusal};

    const GATE: &str =
        "check = 'approvals'\nfile = 'docs/approvals.md'\napprovers = ['Product', 'Engineering lead']";
    const FILE: &str = "docs/approvals.md";
    const TEXT: &str = "# Approvals\n\n## v1.2.3\n\n- **Product**: yes, 2026-11-19\n- [x] Engineering lead\n\n\
                        ## v1.2.2\n\n- **Product**: yes\n- **Engineering lead**: yes\n";

    fn with(from: &str, to: &str) -> Fake {
        assert!(TEXT.contains(from), "{from}");
        Fake::new().file(FILE, TEXT.replacen(from, to, 1))
    }

    fn promoted(roles: &str, evidence: &Fake) -> Vec<String> {
        let keys = format!("check = 'approvals'\nstage = 'promote'\nroles = [{roles}]");
        let release = Release { stage: Stage::Promote, ..testing::release() };
        let judged = testing::gate(&keys).check.judge(evidence, &release);
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        judged.faults.iter().map(|one| format!("{}: {}", word(&one.expected), word(&one.actual))).collect()
    }

    #[test]
    fn a_section_of_the_version_with_every_approver_passes() {
        let judged = passes(GATE, &with("yes", "yes"));
        assert_eq!((judged.detail.as_str(), judged.read.len()), ("docs/approvals.md covers 1.2.3", 1));
        let table = "| Version | Who | When |\n|---|---|---|\n| 1.2.3 | Product | 2026-11-19 |\n\
                     | 1.2.3 | **Engineering lead** | 2026-11-19 |\n";
        passes(GATE, &Fake::new().file(FILE, table));
    }

    #[test]
    fn approvals_of_another_version_count_for_nothing() {
        let none = "no heading and no row names it";
        fails(GATE, &with("v1.2.3", "v1.2.30"), FILE, "approvals of 1.2.3", none);
        fails(GATE, &Fake::new(), FILE, "a file", "it is not there");
        let bare = Fake::new().file(FILE, "## 1.2.3\n");
        fails(GATE, &bare, FILE, "approvals of 1.2.3", "nothing stands there");
        let open = "check = 'approvals'\nfile = 'docs/approvals.md'";
        fails(
            open,
            &Fake::new().file(FILE, "## 1.2.3\nTBD\n"),
            FILE,
            "approvals of 1.2.3",
            "nothing stands there",
        );
    }

    #[test]
    fn each_approver_must_have_approved() {
        let expected = "the approval of Product for 1.2.3";
        fails(GATE, &with(" yes, 2026-11-19", ""), FILE, expected, "there is none");
        let other = "the approval of Engineering lead for 1.2.3";
        fails(GATE, &with("- [x] Engineering lead\n", ""), FILE, other, "there is none");
        fails(
            GATE,
            &with("[x] Engineering lead", "[x] Engineering leadership"),
            FILE,
            other,
            "there is none",
        );
        let more = with("- [x] Eng", "- [ ] Risk\n- [x] Eng");
        fails(GATE, &more, "docs/approvals.md:6", "ticked", "not ticked: Risk");
        let row = "| 1.2.3 | Product | |\n| 1.2.3 | Engineering lead | ok |\n";
        fails(GATE, &Fake::new().file(FILE, row), FILE, expected, "there is none");
    }

    #[test]
    fn roles_sign_the_seal_and_no_key_counts_twice() {
        let at = "2026-11-20T11:00:00Z";
        let two = Fake::new().approval("qa-lead", "k1", at).approval("risk", "k2", at);
        assert!(promoted("'qa-lead', 'risk'", &two).is_empty());
        assert_eq!(promoted("'qa-lead', 'cto'", &two), ["an approval by cto: there is none"]);
        assert_eq!(promoted("'risk', 'risk'", &two), ["an approval by risk: each key counts once"]);
        let same = Fake::new().approval("qa-lead", "k1", at).approval("risk", "k1", at);
        assert_eq!(promoted("'qa-lead', 'risk'", &same), ["an approval by risk: each key counts once"]);
        // The key that both have goes to the role that has no other.
        let moved = same.approval("qa-lead", "k2", at);
        assert!(promoted("'qa-lead', 'risk'", &moved).is_empty());
        assert_eq!(promoted("'risk'", &Fake::new()), ["approvals over it: there is no seal"]);
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'approvals'").1, "the gate asks for no approval");
        assert_eq!(refusal("check = 'approvals'\nroles = ['a']").1, "nothing is sealed yet at stage seal");
        assert_eq!(
            refusal("check = 'approvals'\nstage = 'promote'\napprovers = ['a']").1,
            "`approvers` without `file`"
        );
        assert_eq!(refusal("check = 'approvals'\nfile = 'a'\nroles = ['']").0, 3);
        let early = "check = 'approvals'\nfile = 'a'\nroles = ['qa']";
        assert_eq!(refusal(early).1, "nothing is sealed yet at stage seal");
        assert_eq!(refusal("check = 'approvals'\nfile = 'a'\nrole = ['x']").2, "did you mean `roles`?");
    }
}
