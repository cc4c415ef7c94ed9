//! Signed waivers, and the gates that they lift.

use crate::error::{Error, Result};
use crate::evidence::gates::Evaluation;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::gates::Waived;
use crate::format::kind::Kind;
use crate::format::nearest::nearest;
use crate::format::statement::Statement;
use crate::format::waiver::{Binding, WAIVER_SUBJECT, Waiver};
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::policy::Policy;
use crate::policy::gate::{self, Gate, Release, Status};
use jiff::Timestamp;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// The most bytes of a waiver that are read.
const WAIVER_BYTES_MAX: u64 = 1 << 20;

/// A waiver whose signature holds, by a key that may waive, in the role that trust gives it.
pub type VerifiedWaiver = Verified<Statement<Waiver>>;

/// A waiver as it was handed in: nothing of it is believed yet.
#[derive(Clone, Debug)]
pub struct WaiverFile {
    /// What it is called in findings.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A gate that was lifted, and by what.
#[derive(Clone, Debug)]
pub struct Lifted {
    /// The gate's id.
    pub gate: String,
    /// The signed waiver.
    pub bundle: Vec<u8>,
}

/// Where the waiver of a gate lies in a pack.
pub fn tag_file(gate: &str) -> String {
    format!("{TAG_FILES}{gate}.sigstore.json")
}

/// What the names of all waivers in a pack begin with.
pub const TAG_FILES: &str = "attestations/waiver.";

/// Reads the files that were named.
pub fn load(paths: &[PathBuf]) -> Result<Vec<WaiverFile>> {
    let read = |path: &PathBuf| {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::io("open", path))?;
        file.take(WAIVER_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        if bytes.len() as u64 > WAIVER_BYTES_MAX {
            let message = format!("{} is larger than 1 MiB: not a waiver", path.display());
            return Err(Error::input(message, "attestar waive writes one"));
        }
        Ok(WaiverFile { file: path.display().to_string(), bytes })
    };
    paths.iter().map(read).collect()
}

/// Verifies the signature of a waiver: by a key that may waive, in the role that trust gives it. `at` is when it was used,
/// which its key's expiry is judged by.
pub fn verify(
    trust: &Trust,
    file: &str,
    bytes: &[u8],
    at: Option<Timestamp>,
) -> Result<VerifiedWaiver, Finding> {
    let expect = Expect { file, right: Right::Waive, project: None, kind: Some(Kind::Release) };
    let waiver = trust.verify::<Waiver>(bytes, expect, at)?;
    let said = waiver.predicate();
    if let Some(finding) = waiver.match_subjects(&[(WAIVER_SUBJECT, said.policy.sha256)]).into_iter().next() {
        return Err(Finding { code: Code::StatementInvalid, subject: file.to_owned(), ..finding });
    }
    if said.role != waiver.role() {
        let finding = Finding::new(Code::SignerNotAllowed, file).expected(format!("role {}", waiver.role()));
        return Err(finding.actual(format!("role {}", said.role)));
    }
    Ok(waiver)
}

/// What the record of the gates says of a waiver.
pub fn said(waiver: &VerifiedWaiver, bytes: &[u8]) -> Waived {
    let Waiver { role, reason, until, .. } = waiver.predicate().clone();
    Waived { role, key_id: waiver.key_id(), reason, until, sha256: Sha256::of(bytes) }
}

/// By what waivers are judged.
pub struct Waiving<'a> {
    /// Who may waive.
    pub trust: &'a Trust,
    /// The policy whose gates they lift.
    pub policy: &'a Policy,
    /// The release, and the present.
    pub release: &'a Release<'a>,
}

impl Evaluation<'_> {
    /// Lifts the gates that failed and that these waivers are of. A waiver that does not verify, or that is of something
    /// else, stands in the way of the release; one that lifts nothing is said.
    pub fn waive(&mut self, given: &[WaiverFile], by: &Waiving<'_>) {
        for one in given {
            let found = match by.judge(one) {
                Ok((waiver, gate)) => self.lift(one, &waiver, &gate.id),
                Err(findings) => findings,
            };
            self.besides.extend(found);
        }
    }

    fn lift(&mut self, one: &WaiverFile, waiver: &VerifiedWaiver, gate: &str) -> Vec<Finding> {
        let unused = |why: String| vec![Finding::new(Code::WaiverUnused, &*one.file).actual(why)];
        let Some(evaluated) = self.gates.iter_mut().find(|evaluated| evaluated.gate.id == gate) else {
            return unused(format!("the gate {gate} is not evaluated"));
        };
        match evaluated.status() {
            Status::Failed => {}
            Status::Waived => return unused(format!("the gate {gate} is waived already")),
            status => return unused(format!("the gate {gate} is {}", status.as_str())),
        }
        evaluated.waiver = Some(said(waiver, &one.bytes));
        self.lifted.push(Lifted { gate: gate.to_owned(), bundle: one.bytes.clone() });
        Vec::new()
    }
}

impl<'a> Waiving<'a> {
    /// The waiver and its gate, if it is one of this release, now.
    fn judge(&self, one: &WaiverFile) -> Result<(VerifiedWaiver, &'a Gate), Vec<Finding>> {
        let Waiving { trust, policy, release } = *self;
        let waiver =
            verify(trust, &one.file, &one.bytes, Some(release.now)).map_err(|finding| vec![finding])?;
        let said = waiver.predicate();
        let elsewhere = |what: &str| Finding::new(Code::WaiverElsewhere, format!("{}: {what}", one.file));
        let binding = Binding {
            project: release.project,
            version: release.version,
            commit: release.commit,
            policy: policy.sha256,
        };
        let differs = binding.differs(said).into_iter();
        let mut findings: Vec<Finding> =
            differs.map(|(what, expected, said)| elsewhere(what).expected(expected).actual(said)).collect();
        let gate = policy.gates.iter().find(|gate| gate.id == said.gate);
        match gate {
            None => findings.push(elsewhere("gate").actual(unknown_gate(policy, &said.gate))),
            Some(gate) if !gate.kind.waivable => {
                let finding = Finding::new(Code::WaiverNotAllowed, &*one.file);
                findings.push(finding.actual(not_waivable(&gate.id, gate.kind)));
            }
            Some(_) => {}
        }
        if said.until < release.now {
            let finding = Finding::new(Code::WaiverExpired, &*one.file);
            findings.push(finding.actual(format!("it held until {}", said.until)));
        }
        match gate {
            Some(gate) if findings.is_empty() => Ok((waiver, gate)),
            _ => Err(findings),
        }
    }
}

/// That the policy has no such gate, and which was probably meant.
pub fn unknown_gate(policy: &Policy, id: &str) -> String {
    let near = nearest(id, policy.gates.iter().map(|gate| &*gate.id));
    let near = near.map(|near| format!("; the nearest is {near}")).unwrap_or_default();
    format!("the policy has no gate {id}{near}")
}

/// That nobody can waive a gate of this kind.
pub fn not_waivable(id: &str, kind: &gate::Kind) -> String {
    format!("no waiver lifts {id}, which is of the kind {}", kind.name)
}
