//! `copy`

use crate::cli::answer::Answer;
use crate::cli::args::CopyArgs;
use crate::cli::commands::verify::{hint, last_line};
use crate::cli::context::Context;
use crate::cli::documents::OutcomeDocument;
use crate::cli::documents::publish::CopyDocument;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, safe, size};
use crate::cli::stores::{Named, state};
use attestar::error::{Error, Result};
use attestar::verbs::copy::{self, Copied, Request};
use std::path::Path;
use std::time::Instant;

/// Copies, and verifies the copy.
pub fn run(context: &Context, args: &CopyArgs) -> Result<Answer> {
    let started = Instant::now();
    let Named { store: from, origin } = context.store(&args.store)?;
    let to = context.open(&args.to, None, Path::new(""), true)?;
    if from.place() == to.place() {
        return Err(Error::usage(format!("{} is the store itself", to.place()), "--to names another one"));
    }
    let folder = context.state_folder(&args.store);
    let progress = Progress::start(context, "copying");
    let request = Request {
        from: &*from,
        to: &*to,
        name: &args.name,
        trust: &context.trust(&args.trust)?,
        // Without one that was named, the evidence and every byte of the archive are compared, and nothing is decrypted.
        identities: &if args.trust.identities.is_empty() {
            Vec::new()
        } else {
            context.identities(&args.trust)?
        },
        origin: origin.as_deref(),
        state: state(&folder),
        threads: context.threads(),
    };
    let copied = copy::copy(&request, &context.watch)?;
    drop(progress);
    let exit = Exit::from(copied.outcome.verdict());
    let Copied { created, already, bytes, outcome } = &copied;
    let place = safe(to.place());
    let text = format!(
        "copied      {} to {place}\n            {}, {already} there already; {} read again\n{}{}\n",
        safe(&args.name),
        count(*created, "object"),
        size(*bytes),
        screen::outcome(outcome),
        last_line(outcome, started)
    );
    let document = CopyDocument {
        schema: "attestar/copy/v1",
        exit_code: exit as u8,
        name: args.name.clone(),
        from: from.place().to_owned(),
        to: to.place().to_owned(),
        created: *created,
        already: *already,
        bytes: *bytes,
        outcome: OutcomeDocument::new(outcome),
    };
    let answer = Answer::new(exit, text, document);
    Ok(match hint(outcome, &args.trust) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}
