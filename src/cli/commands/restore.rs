//! `restore`

use crate::cli::answer::Answer;
use crate::cli::args::RestoreArgs;
use crate::cli::commands::verify::{hint, why};
use crate::cli::context::Context;
use crate::cli::documents::{OutcomeDocument, RestoreDocument, Totals};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, size};
use crate::cli::stores::Found;
use attestar::error::Result;
use attestar::evidence::chain::shelf::Shelf;
use attestar::finding::Verdict;
use attestar::verbs::restore::{self, Request, Restored};
use std::fmt::Write as _;
use std::time::Instant;

/// Restores a target.
pub fn run(context: &Context, args: &RestoreArgs) -> Result<Answer> {
    let started = Instant::now();
    let named = Found::new(context, &args.target, &args.store)?;
    let target = named.target.clone();
    let trust = context.trust(&args.trust)?;
    let identities = if target.is_shut() { context.identities(&args.trust)? } else { Vec::new() };
    let progress = Progress::start(context, "restoring");
    let shelf = named.store.as_ref().map(|named| Shelf::Store(&*named.store));
    let request = Request {
        target,
        shelf: shelf.as_ref(),
        to: &args.to,
        trust: &trust,
        identities: &identities,
        paths: &args.paths,
        dry_run: args.dry_run,
        threads: context.threads(),
    };
    let restored = restore::restore(&request, &context.watch)?;
    drop(progress);
    let exit = Exit::from(restored.outcome.verdict());
    let text = screen_of(args, &restored, started);
    let hint = hint(&restored.outcome, &args.trust);
    let answer = Answer::new(exit, text, document(args, exit, &restored));
    Ok(match hint {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

fn screen_of(args: &RestoreArgs, restored: &Restored, started: Instant) -> String {
    let mut text = screen::outcome(&restored.outcome);
    let what = format!("{}, {}", count(restored.files, "file"), size(restored.bytes));
    if restored.read_bytes < restored.archive_bytes && restored.read_bytes > 0 {
        let _ =
            writeln!(text, "read         {} of {}", size(restored.read_bytes), size(restored.archive_bytes));
    }
    let _ = match restored.outcome.verdict() {
        Verdict::Holds if args.dry_run => writeln!(text, "would restore {what} into {}", args.to.display()),
        Verdict::Holds => writeln!(text, "restored     {what} into {}", args.to.display())
            .and_then(|()| writeln!(text, "{}", screen::cost(started.elapsed()))),
        Verdict::Unverified => {
            let why =
                restored.outcome.errors().next().map_or("nothing was checked", |finding| why(finding.code));
            writeln!(text, "nothing restored: {why}")
        }
        _ => {
            let findings = count(restored.outcome.errors().count() as u64, "finding");
            writeln!(text, "nothing restored: it does not verify, {findings}")
        }
    };
    text
}

fn document(args: &RestoreArgs, exit: Exit, restored: &Restored) -> RestoreDocument {
    RestoreDocument {
        schema: "attestar/restore/v1",
        exit_code: exit as u8,
        target: args.target.display().to_string(),
        to: args.to.display().to_string(),
        published: restored.published,
        dry_run: args.dry_run,
        restored: Totals { files: restored.files, bytes: restored.bytes },
        read_bytes: restored.read_bytes,
        archive_bytes: restored.archive_bytes,
        outcome: OutcomeDocument::new(&restored.outcome),
    }
}
