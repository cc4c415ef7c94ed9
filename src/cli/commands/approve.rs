//! `approve`

use crate::cli::answer::Answer;
use crate::cli::args::ApproveArgs;
use crate::cli::commands::publish;
use crate::cli::context::Context;
use crate::cli::documents::waive::ApproveDocument;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::safe;
use attestar::error::Result;
use attestar::keys::signing::SigningKey;
use attestar::verbs::approve::{self, Approved, Request};
use attestar::verbs::target::Target;
use jiff::Timestamp;

/// Where the second word of a line begins.
const COLUMN: usize = 12;

/// Verifies what is to be approved, and signs that.
pub fn run(context: &Context, args: &ApproveArgs) -> Result<Answer> {
    let target = Target::find(&args.pack)?;
    let key = SigningKey::load(&args.key, &mut context.passphrases(false))?;
    let trust = context.trust_file(args.trust.as_deref())?;
    let progress = Progress::start(context, "verifying");
    let request = Request {
        target: target.clone(),
        role: &args.role,
        key: &key,
        trust: &trust,
        // Whole seconds are what people compare.
        now: Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default(),
        threads: context.threads(),
    };
    let approved = approve::approve(&request, &context.watch)?;
    drop(progress);
    let stored = publish::again(context, &target, &key, &trust)?;
    let text = text(&approved) + &publish::told(stored.as_ref(), &target, COLUMN);
    let (stored, not_stored) = publish::apart(stored);
    Ok(Answer::new(Exit::Done, text, ApproveDocument { stored, not_stored, ..document(&approved) }))
}

fn text(approved: &Approved) -> String {
    let Approved { name, approval, path, signer, already } = approved;
    let path = safe(&path.display().to_string());
    let (first, wrote) = if *already {
        (format!("approved    {name}, already at {}", approval.approved_at), "there")
    } else {
        (format!("approved    {name}"), "wrote")
    };
    format!("{first}\nsigned      {}  {}\n{wrote:<11} {path}\n", signer.fingerprint(), approval.role)
}

fn document(approved: &Approved) -> ApproveDocument {
    let approval = &approved.approval;
    ApproveDocument {
        schema: "attestar/approve/v1",
        exit_code: 0,
        name: approved.name.clone(),
        approval: approved.path.display().to_string(),
        project: approval.project.clone(),
        version: approval.version.clone(),
        role: approval.role.clone(),
        signer: approved.signer.fingerprint(),
        seal_sha256: approval.seal_sha256.to_string(),
        approved_at: approval.approved_at.to_string(),
        already: approved.already,
        stored: None,
        not_stored: None,
    }
}
