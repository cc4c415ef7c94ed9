//! What `verify` asks once a pack was checked: what was signed of it later, and whether the auditor's own policy would have
//! let it go.

use crate::error::{Error, Result};
use crate::evidence::agreement::small;
use crate::evidence::approvals::{self, Over};
use crate::evidence::chain::shelf::Found;
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::gates::audit::{self, Audit};
use crate::evidence::gates::packed::{Archive, Source};
use crate::evidence::gates::said::own_policy;
use crate::evidence::gates::stages::{self, StageResult};
use crate::evidence::later::{self, Later};
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::seal::{SEAL, VerifiedSeal};
use crate::finding::{Outcome, Status, Verdict};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::keys::trust::Trust;
use crate::pipeline::contents::Contents;
use crate::pipeline::pick::Picker;
use crate::pipeline::source::Root;
use crate::policy::gate::evidence::Approval;
use crate::verbs::target::Target;
use crate::verbs::verify::{Request, age_identities};

/// A pack that was checked.
pub struct Sealed<'a> {
    /// What it says of itself.
    pub pack: &'a Pack,
    /// What was read of it.
    pub contents: &'a Contents,
    /// Its seal, if that holds.
    pub seal: Option<&'a VerifiedSeal>,
    /// Its receipt, if that holds.
    pub receipt: Option<&'a VerifiedReceipt>,
}

/// Runs the checks of what came after the seal, and then judges by the policy that was given.
pub fn check(request: &Request<'_>, sealed: &Sealed<'_>, outcome: &mut Outcome) -> Result<()> {
    let mut beside = Beside { approvals: Err(NOT_COUNTED.to_owned()), results: Vec::new() };
    if request.approvals {
        let later = later::read(&request.target.evidence_folder())?;
        let bundle = small(&sealed.contents.tags, SEAL)?;
        let over = sealed.seal.zip(bundle).map(|(seal, bundle)| Over::of(sealed.pack, seal, &bundle));
        if !request.trust.has_file() {
            beside.approvals = Err(NO_FILE.to_owned());
        } else if let Some(over) = &over {
            beside.approvals = Ok(approvals::collect(&later.files, over, request.trust).approvals);
        }
        approvals::check(later.clone(), sealed.pack.kind, over.as_ref(), request.trust, outcome);
        if sealed.pack.kind == Kind::Release {
            beside.results = stages(sealed, &later, request.trust, outcome)?;
        }
    }
    by_policy(request, sealed, beside, outcome)
}

/// Why a gate cannot know of approvals.
const NOT_COUNTED: &str = "approvals can be judged only over a seal that holds";

/// Why a gate cannot know of them where `--key` is all there is.
const NO_FILE: &str = "no trust file says who may approve";

/// What lies beside the seal, and counts.
struct Beside {
    approvals: std::result::Result<Vec<Approval>, String>,
    results: Vec<StageResult>,
}

/// Judges the signed results of later stages.
fn stages(
    sealed: &Sealed<'_>,
    later: &Later,
    trust: &Trust,
    outcome: &mut Outcome,
) -> Result<Vec<StageResult>> {
    let tags = &sealed.contents.tags;
    let policy = own_policy(tags)?;
    let tag_manifest = small(tags, TAG_MANIFEST)?.map(|bytes| Sha256::of(&bytes)).unwrap_or_default();
    let sealed = stages::Sealed { pack: sealed.pack, tag_manifest, trust, policy: policy.as_ref() };
    Ok(sealed.check(&later.files, outcome))
}

fn by_policy(
    request: &Request<'_>,
    sealed: &Sealed<'_>,
    beside: Beside,
    outcome: &mut Outcome,
) -> Result<()> {
    let Some(policy) = request.policy else { return Ok(()) };
    if !matches!(outcome.verdict(), Verdict::Holds | Verdict::Refused) {
        outcome.skip(audit::CHECK, Status::Skipped, "not judged: what is above does not hold");
        return Ok(());
    }
    let Sealed { pack, contents, receipt, .. } = *sealed;
    let audit = Audit {
        policy,
        tags: &contents.tags,
        pack,
        trust: request.trust,
        receipt,
        approvals: beside.approvals,
        stages: &beside.results,
    };
    audit.check(source(request)?, outcome)
}

/// Where the bytes of the payload are read from.
fn source<'a>(request: &Request<'a>) -> Result<Source<'a>> {
    if request.evidence_only {
        return Ok(Source::Nowhere("the payload is not read, as --evidence-only asks".to_owned()));
    }
    match &request.target {
        Target::Folder { path, .. } => Ok(match Root::open(&path.join("data")) {
            Ok(root) => Source::Folder(root),
            Err(error) => Source::Nowhere(error.to_string()),
        }),
        Target::Archive { path, encrypted, .. } => {
            let identities = age_identities(request.identities);
            let identities = encrypted.then_some(&*identities);
            let opened = match request.shelf {
                Some(shelf) => shelf
                    .at(path, request.target.pack_name())
                    .and_then(Found::into_parts)
                    .and_then(|parts| Picker::of(parts, path, identities)),
                None => Picker::open(path, identities),
            };
            match opened.and_then(Archive::new) {
                Ok(archive) => Ok(Source::Archive(Box::new(archive))),
                Err(Error::Interrupted) => Err(Error::Interrupted),
                Err(error) => Ok(Source::Nowhere(error.to_string())),
            }
        }
    }
}
