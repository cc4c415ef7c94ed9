//! Approvals over a seal: which of them verify, and whether they are as many as the verifier's trust asks for.

use crate::evidence::later::{APPROVAL, Later, LaterFile, SUFFIX};
use crate::evidence::seal::VerifiedSeal;
use crate::finding::{Code, Finding, Outcome, Severity, Status};
use crate::format::approval::Approval as Statement;
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::seal::SEAL_SUBJECT;
use crate::format::units::count;
use crate::keys::right::Right;
use crate::keys::trust::{Approvals, Trust};
use crate::keys::verify::Expect;
use crate::policy::gate::evidence::Approval;
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// Where the approval of a key in a role lies in a pack. The key id is that of bundles, in the alphabet that file names
/// allow and without padding.
pub fn file_name(role: &str, key_id: &str) -> String {
    let digest = BASE64.decode(key_id.as_bytes()).unwrap_or_default();
    format!("{APPROVAL}{role}.{}{SUFFIX}", BASE64URL_NOPAD.encode(&digest))
}

/// The seal that approvals have to be of.
#[derive(Clone, Debug)]
pub struct Over<'a> {
    /// Whose release.
    pub project: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The digest of the seal's bundle.
    pub seal: Sha256,
    /// The digest of the tag manifest.
    pub tag_manifest: Sha256,
    /// The key id of who sealed, who never approves.
    pub sealer: String,
}

impl<'a> Over<'a> {
    /// A seal that holds, of the pack that says this of itself; `bundle` is the seal's file.
    pub fn of(pack: &'a Pack, seal: &VerifiedSeal, bundle: &[u8]) -> Over<'a> {
        let subject = seal.statement().subject.first().map(|subject| subject.digest.sha256);
        Over {
            project: &pack.project,
            version: &pack.version,
            seal: Sha256::of(bundle),
            tag_manifest: subject.unwrap_or_default(),
            sealer: seal.key_id(),
        }
    }
}

/// The approvals that count, and what is wrong with the others.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Each by another key, in the role that trust gives it, never the sealer's.
    pub approvals: Vec<Approval>,
    /// Errors for what does not verify, warnings for what does not count.
    pub findings: Vec<Finding>,
}

/// Collects the approvals of a seal. Only a trust file says who may approve.
pub fn collect(files: &[LaterFile], over: &Over<'_>, trust: &Trust) -> Collected {
    let mut collected = Collected::default();
    for file in files.iter().filter(|file| file.name.starts_with(APPROVAL)) {
        match judge(file, over, trust) {
            Ok(approval) if collected.approvals.iter().any(|one| one.fingerprint == approval.fingerprint) => {
                collected.findings.push(not_counted(&file.name, "its key has approved already"));
            }
            Ok(approval) => collected.approvals.push(approval),
            Err(finding) => collected.findings.push(finding),
        }
    }
    collected
}

fn not_counted(file: &str, why: impl ToString) -> Finding {
    Finding::new(Code::ApprovalNotCounted, file).actual(why)
}

fn judge(file: &LaterFile, over: &Over<'_>, trust: &Trust) -> Result<Approval, Finding> {
    let name = &*file.name;
    let expect =
        Expect { file: name, right: Right::Approve, project: Some(over.project), kind: Some(Kind::Release) };
    let approval = trust.verify::<Statement>(&file.bytes, expect, None).map_err(|finding| {
        // Anyone can lay a file there: it says nothing, and stands in nobody's way.
        let is_unknown = finding.code == Code::SignerUnknown;
        if is_unknown { Finding { severity: Severity::Warning, ..finding } } else { finding }
    })?;
    let said = approval.predicate();
    let disagree = |what: &str, expected: String, actual: String| {
        let finding = Finding::new(Code::Disagreement, format!("{name}: {what}"));
        Err(finding.expected(expected).actual(actual))
    };
    if said.version != over.version {
        return disagree("version", over.version.to_owned(), said.version.clone());
    }
    if said.seal_sha256 != over.seal {
        return disagree("seal", format!("sha256 {}", over.seal), format!("sha256 {}", said.seal_sha256));
    }
    if let Some(finding) = approval.match_subjects(&[(SEAL_SUBJECT, over.tag_manifest)]).into_iter().next() {
        let subject = format!("{name}: {}", finding.subject);
        return Err(Finding { code: Code::Disagreement, subject, ..finding });
    }
    let named = file_name(&said.role, &approval.key_id());
    if named != name {
        return disagree("name", named, name.to_owned());
    }
    if approval.key_id() == over.sealer {
        return Err(not_counted(name, "it is by the key that sealed"));
    }
    if said.role != approval.role() {
        let finding = not_counted(name, format!("in the role {}", said.role));
        return Err(finding.expected(format!("the role {}", approval.role())));
    }
    Ok(Approval {
        role: approval.role().to_owned(),
        fingerprint: approval.fingerprint(),
        approved_at: said.approved_at,
    })
}

/// Runs the check `approvals`: every approval that is there verifies, and they are as many as trust asks for. `over` is
/// the seal, if that holds.
pub fn check(later: Later, kind: Kind, over: Option<&Over<'_>>, trust: &Trust, outcome: &mut Outcome) {
    const NAME: &str = "approvals";
    let there = later.files.iter().filter(|file| file.name.starts_with(APPROVAL)).count() as u64;
    if kind == Kind::Backup {
        return outcome.skip(NAME, Status::NotApplicable, "a backup is not approved");
    }
    if !trust.has_file() {
        if !later.findings.is_empty() {
            return outcome.conclude(NAME, "not all can be read", later.findings);
        }
        let (status, why) = match there {
            0 => (Status::NotApplicable, "none is asked for without a trust file".to_owned()),
            _ => (Status::Skipped, format!("{}; only a trust file can judge", lie(there))),
        };
        return outcome.skip(NAME, status, why);
    }
    let asked = trust.approvals();
    let mut collected = over.map(|over| collect(&later.files, over, trust)).unwrap_or_default();
    collected.findings.extend(later.findings);
    match (asked, over) {
        (Some(asked), _) => collected.findings.extend(missing(asked, &collected.approvals)),
        (None, _) if there == 0 && collected.findings.is_empty() => {
            return outcome.skip(NAME, Status::NotApplicable, "the policy asks for none");
        }
        (None, None) => {
            return outcome.skip(NAME, Status::Skipped, format!("{}; the seal does not hold", lie(there)));
        }
        (None, Some(_)) => {}
    }
    outcome.conclude(NAME, detail(asked, &collected.approvals), collected.findings);
}

/// `2 lie beside it`
fn lie(there: u64) -> String {
    format!("{there} {} beside it", if there == 1 { "lies" } else { "lie" })
}

/// Those in the roles that are asked for.
fn counting<'a>(asked: &'a Approvals, approvals: &'a [Approval]) -> impl Iterator<Item = &'a Approval> {
    approvals.iter().filter(|approval| asked.any_of.contains(&approval.role))
}

fn missing(asked: &Approvals, approvals: &[Approval]) -> Option<Finding> {
    let there = counting(asked, approvals).count();
    if there >= asked.at_least {
        return None;
    }
    let expected = format!("{} by {}", count(asked.at_least as u64, "approval"), asked.any_of.join(", "));
    let actual = match there {
        0 => "none".to_owned(),
        _ => counting(asked, approvals).map(|one| &*one.role).collect::<Vec<_>>().join(", "),
    };
    Some(Finding::new(Code::ApprovalMissing, "approvals").expected(expected).actual(actual))
}

/// `2 of 2 asked for; qa, risk`
fn detail(asked: Option<&Approvals>, approvals: &[Approval]) -> String {
    let roles: Vec<&str> = approvals.iter().map(|approval| &*approval.role).collect();
    let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
    match asked {
        Some(asked) => {
            let there = counting(asked, approvals).count();
            format!("{there} of {} asked for; {roles}", asked.at_least)
        }
        None => format!("{roles}; the policy asks for none"),
    }
}

#[cfg(test)]
mod tests;
