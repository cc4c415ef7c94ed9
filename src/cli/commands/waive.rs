//! `waive`

use crate::cli::answer::Answer;
use crate::cli::args::WaiveArgs;
use crate::cli::commands::seal::out_folder;
use crate::cli::context::Context;
use crate::cli::documents::waive::WaiveDocument;
use crate::cli::exit::Exit;
use crate::cli::screen::safe;
use attestar::error::{Error, Result};
use attestar::format::moment::{MOMENT, moment};
use attestar::format::units::duration_s;
use attestar::keys::signing::SigningKey;
use attestar::verbs::seal::OUT;
use attestar::verbs::waive::{self, Request, Signed};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

/// Signs a waiver, and says what it is of.
pub fn run(context: &Context, args: &WaiveArgs) -> Result<Answer> {
    let policy = context.policy()?;
    let now = Timestamp::now();
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        gate: &args.gate,
        version: &args.version,
        reason: &args.reason,
        until: until(&args.until, now)?,
        role: &args.role,
        key: &SigningKey::load(&args.key, &mut context.passphrases(false))?,
        trust: &context.trust_file(args.trust.as_deref())?,
        folder: &out_folder(context, Path::new(OUT)),
        out: args.out.as_deref(),
        now,
    };
    let signed = waive::waive(&request)?;
    Ok(Answer::new(Exit::Done, text(&signed), document(&signed)))
}

/// The end of a waiver: a moment, or so long from now, in whole seconds.
fn until(text: &str, now: Timestamp) -> Result<Timestamp> {
    let from_now = |seconds: u64| {
        let seconds = i64::try_from(seconds).ok()?;
        let now = Timestamp::from_second(now.as_second()).ok()?;
        now.checked_add(SignedDuration::from_secs(seconds)).ok()
    };
    moment(text).or_else(|| from_now(duration_s(text)?)).ok_or_else(|| {
        let hint = format!("{MOMENT}, or a duration from now, like 24h or 7d");
        Error::usage(format!("--until cannot be `{text}`"), hint)
    })
}

fn text(signed: &Signed) -> String {
    let waiver = &signed.waiver;
    let commit = waiver.commit.as_deref().map_or("no commit", |commit| commit.get(..7).unwrap_or(commit));
    let path = safe(&signed.path.display().to_string());
    format!(
        "waived      {} for {} {}, {commit}\nuntil       {}\nreason      {}\nsigned      {}  {}\n\
         wrote       {path}\n\nnext        attestar seal --waive {path}\n",
        waiver.gate,
        waiver.project,
        waiver.version,
        waiver.until,
        safe(&waiver.reason),
        signed.signer.fingerprint(),
        waiver.role,
    )
}

fn document(signed: &Signed) -> WaiveDocument {
    let waiver = &signed.waiver;
    WaiveDocument {
        schema: "attestar/waive/v1",
        exit_code: 0,
        waiver: signed.path.display().to_string(),
        sha256: signed.sha256.to_string(),
        gate: waiver.gate.clone(),
        project: waiver.project.clone(),
        version: waiver.version.clone(),
        commit: waiver.commit.clone(),
        policy: waiver.policy.name.clone(),
        policy_sha256: waiver.policy.sha256.to_string(),
        role: waiver.role.clone(),
        signer: signed.signer.fingerprint(),
        reason: waiver.reason.clone(),
        until: waiver.until.to_string(),
    }
}
