//! `hash`

use crate::cli::answer::Answer;
use crate::cli::args::HashArgs;
use crate::cli::commands::verify::last_line;
use crate::cli::context::Context;
use crate::cli::documents::{HashDocument, OutcomeDocument, Totals};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, number, safe, size};
use attestar::error::Result;
use attestar::finding::{Code, Status};
use attestar::policy::Policy;
use attestar::verbs::hash::{self, Hashing, Request};
use std::fmt::Write as _;
use std::time::Instant;

/// Writes the manifests, or checks them.
pub fn run(context: &Context, args: &HashArgs) -> Result<Answer> {
    let started = Instant::now();
    let policy = context.policy()?;
    let request = Request { root: &context.global.tree, policy: &policy, threads: context.cores() };
    let progress = Progress::start(context, "hashing");
    let hashing = if args.check { hash::check } else { hash::write }(&request, &context.watch)?;
    drop(progress);
    let exit = Exit::from(hashing.outcome.verdict());
    let text = if args.check {
        format!("{}{}\n", screen::outcome(&hashing.outcome), last_line(&hashing.outcome, started))
    } else {
        written(&policy, &hashing, started)
    };
    let answer = Answer::new(exit, text, document(&policy, exit, &hashing));
    let is_missing = hashing.outcome.errors().any(|finding| finding.code == Code::HashesMissing);
    Ok(if is_missing { answer.hint("attestar hash writes both manifests") } else { answer })
}

fn written(policy: &Policy, hashing: &Hashing, started: Instant) -> String {
    let mut text = format!("policy      {} ({})\n", safe(&policy.name), safe(&policy.source.to_string()));
    let _ = writeln!(text, "hashed      {}, {}", count(hashing.files, "file"), size(hashing.bytes));
    if hashing.unmatched > 0 {
        let unmatched = number(hashing.unmatched);
        let _ = writeln!(text, "            {unmatched} match no rule    attestar seal --list-unmatched");
    }
    let _ = writeln!(text, "wrote       {}\n            {}", policy.hashes.sha256, policy.hashes.blake3);
    if let Some(notes) = hashing.outcome.checks.iter().find(|check| check.name == "notes") {
        let what = if notes.status == Status::Passed { "    its evidence section" } else { "" };
        let _ = writeln!(text, "            {}{what}", safe(&notes.detail));
    }
    screen::findings(&mut text, &hashing.outcome.findings().cloned().collect::<Vec<_>>());
    let _ = writeln!(text, "{}\n\nnext        attestar hash --check", screen::cost(started.elapsed()));
    text
}

fn document(policy: &Policy, exit: Exit, hashing: &Hashing) -> HashDocument {
    HashDocument {
        schema: "attestar/hash/v1",
        exit_code: exit as u8,
        manifests: vec![policy.hashes.sha256.to_string(), policy.hashes.blake3.to_string()],
        hashed: Totals { files: hashing.files, bytes: hashing.bytes },
        unmatched: hashing.unmatched,
        outcome: OutcomeDocument::new(&hashing.outcome),
    }
}
