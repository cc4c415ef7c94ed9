//! `verify`

use crate::cli::answer::Answer;
use crate::cli::args::{TrustArgs, VerifyArgs};
use crate::cli::context::Context;
use crate::cli::documents::{OutcomeDocument, VerifyDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, duration};
use crate::cli::stores::{Found, state};
use attestar::error::Result;
use attestar::evidence::chain::shelf::Shelf;
use attestar::finding::{Code, Finding, Outcome, Verdict};
use attestar::keys::right::Right;
use attestar::keys::trust::Trust;
use attestar::pipeline::whole_file;
use attestar::report::pack::{PackReport, page};
use attestar::report::shell::Place;
use attestar::report::words::rfc3339;
use attestar::verbs::proof;
use attestar::verbs::report::pack as report;
use attestar::verbs::target::Target;
use attestar::verbs::verify::{self, Request, Verified};
use jiff::Timestamp;
use std::time::Instant;

/// Verifies a target.
pub fn run(context: &Context, args: &VerifyArgs) -> Result<Answer> {
    let started = Instant::now();
    let looked = look(context, args)?;
    let outcome = &looked.verified.outcome;
    let exit = Exit::from(outcome.verdict());
    let receipt = looked.verified.receipt.as_ref();
    let document = VerifyDocument {
        schema: "attestar/verify/v1",
        exit_code: exit as u8,
        target: args.target.display().to_string(),
        name: looked.verified.pack.as_ref().map(|pack| pack.name.clone()),
        sealed_at: receipt.map(|receipt| rfc3339(receipt.predicate().created_at)),
        outcome: OutcomeDocument::new(outcome),
    };
    if let Some(report) = &args.report {
        let page = page(&looked.report(args)?, Place::File);
        whole_file::replace(report, |out| out.write_all(page.as_bytes()))?;
    }
    let text = format!("{}{}\n", screen::outcome(outcome), last_line(outcome, started));
    let answer = Answer::new(exit, text, document);
    Ok(match hint(outcome, &args.trust) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// What was verified, and by whose keys.
pub struct Looked {
    /// What came of it.
    pub verified: Verified,
    /// The target, wherever it lies.
    found: Found,
    trust: Trust,
}

impl Looked {
    /// What a page says of it.
    pub fn report(&self, args: &VerifyArgs) -> Result<PackReport> {
        let named = args.target.display().to_string();
        report::report(&named, &self.found.target, &self.verified, &self.trust, Timestamp::now())
    }
}

/// Verifies a target that lies here or in a store.
pub fn look(context: &Context, args: &VerifyArgs) -> Result<Looked> {
    let found = Found::new(context, &args.target, &args.store)?;
    let target = found.target.clone();
    let mut trust = context.trust(&args.trust)?;
    let folder = context.state_folder(&args.store);
    let mut logged = Outcome::default();
    if let Some(store) = &found.store {
        let (store, origin) = (&*store.store, store.origin.as_deref());
        logged.append(proof::in_store(&target, store, origin, &mut trust, &state(&folder))?);
    }
    if let Some(file) = &args.proof {
        logged.append(proof::check(&target, file, &mut trust, &state(&folder))?);
    }
    let identities =
        if needs_identity(&target, args) { context.identities(&args.trust)? } else { Vec::new() };
    // The auditor's own, where it was named: the one inside the pack is evidence.
    let policy = context.global.policy.is_some().then(|| context.policy()).transpose()?;
    let progress = Progress::start(context, "verifying");
    let shelf = found.store.as_ref().map(|named| Shelf::Store(&*named.store));
    let request = Request {
        target,
        shelf: shelf.as_ref(),
        trust: &trust,
        identities: &identities,
        tree: args.against.as_deref(),
        evidence_only: args.evidence_only,
        allow_unsigned: args.allow_unsigned,
        policy: policy.as_ref(),
        approvals: true,
        threads: context.threads(),
    };
    let mut verified = verify::verify(&request, &context.watch)?;
    verified.outcome.append(logged);
    drop(progress);
    Ok(Looked { verified, found, trust })
}

/// An identity is asked for (and its passphrase) only where there is something to decrypt.
fn needs_identity(target: &Target, args: &VerifyArgs) -> bool {
    target.is_shut() && (!args.evidence_only || target.evidence_beside().is_none())
}

/// The verdict.
pub fn last_line(outcome: &Outcome, started: Instant) -> String {
    let findings = count(outcome.errors().count() as u64, "finding");
    match outcome.verdict() {
        Verdict::Holds => format!("verified in {}", duration(started.elapsed())),
        Verdict::Refuted => format!("does not verify: {findings}"),
        Verdict::Failed => format!("failed: {findings}"),
        Verdict::Refused => format!("refused: {findings}"),
        Verdict::Unverified => {
            let why = outcome.errors().next().map_or("nothing was checked", |finding| why(finding.code));
            format!("not verified: {why}")
        }
    }
}

/// Why something could not be verified, in a few words.
pub fn why(code: Code) -> &'static str {
    match code {
        Code::NoTrust => "no trusted key was given",
        Code::NoIdentity => "no identity was given that decrypts it",
        Code::NoPayload | Code::PayloadNotHere => "the payload is not here",
        Code::BaseMissing => "an earlier archive that it builds upon is not here",
        Code::NothingChecked => "there was nothing to check",
        Code::WaiverUnjudged => "a waiver could not be judged",
        Code::SignedTimeUnknown => "nothing says when it was signed, and the signer's key expires",
        Code::LogNotRemembered => "this host has not seen the log before",
        Code::ClockBehind => "the clock of this host cannot be believed",
        Code::ShardMissing | Code::ShardForeign | Code::ShardTwice => "not every part counts, once",
        Code::GateUnchecked => "a gate could not be judged by what is in the pack",
        _ => "something could not be checked",
    }
}

/// What to type next.
pub fn hint(outcome: &Outcome, trust: &TrustArgs) -> Option<String> {
    let has = |code| outcome.errors().any(|finding| finding.code == code);
    let changed =
        [Code::Altered, Code::Missing, Code::Extra, Code::AgeInvalid, Code::FrameInvalid, Code::TarInvalid];
    if changed.into_iter().any(has) {
        return Some("do not use it; get another copy from whoever sealed it".into());
    }
    if has(Code::NoTrust) {
        return Some(
            "add --key FILE with the signer's public key; get it from somewhere else\n      than the archive"
                .into(),
        );
    }
    if has(Code::NoIdentity) {
        let given = if trust.identities.is_empty() { "the " } else { "another " };
        return Some(format!(
            "add --identity FILE with {given}secret key of one of the recipients,\n      or --evidence-only"
        ));
    }
    if has(Code::BaseMissing) {
        return Some(
            "put that archive and its receipt beside it, or name the store that has both:\n      --store URL"
                .into(),
        );
    }
    if has(Code::NoPayload) {
        return Some("verify the archive, or say --evidence-only".into());
    }
    if has(Code::WaiverUnjudged) {
        return Some("keep the receipt beside it: it says when the waiver was used".into());
    }
    if has(Code::ApprovalMissing) {
        return Some("attestar approve, by a key that trust gives one of these roles".into());
    }
    let may_not_log = |finding: &Finding| {
        finding.code == Code::SignerNotAllowed && finding.expected.as_deref() == Some(Right::Log.as_str())
    };
    if outcome.errors().any(may_not_log) {
        return Some(
            "--key trusts nobody with a log: --trust FILE, where its key may `log`\n      (attestar keys trust FILE --role R --may log)"
                .into(),
        );
    }
    if has(Code::SignerUnknown) {
        return Some(
            "add --key FILE with the key that should have signed it; never a key that\n      came with it"
                .into(),
        );
    }
    None
}
