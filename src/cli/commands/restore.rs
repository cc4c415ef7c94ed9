//! `restore`

use crate::cli::answer::Answer;
use crate::cli::args::RestoreArgs;
use crate::cli::commands::verify::{hint, why};
use crate::cli::context::Context;
use crate::cli::documents::{NextStepDocument, OutcomeDocument, RestoreDocument, Totals};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, size};
use crate::cli::stores::{Found, state};
use attestar::error::{Error, Result};
use attestar::evidence::chain::shelf::Shelf;
use attestar::evidence::receipt::Asked;
use attestar::finding::{Code, Finding, Verdict};
use attestar::format::kind::Kind;
use attestar::format::moment::{MOMENT, moment};
use attestar::keys::trust::Trust;
use attestar::log::Log;
use attestar::tree::version;
use attestar::verbs::next_steps::{NextStep, next_steps};
use attestar::verbs::nights::Nights;
use attestar::verbs::restore::{self, Request, Restored};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Restores a target.
pub fn run(context: &Context, args: &RestoreArgs) -> Result<Answer> {
    let started = Instant::now();
    let trust = context.trust(&args.trust)?;
    let newest = match newest(context, args, &trust) {
        Err(Error::Refused(findings)) => return Ok(undecided(args, findings, started)),
        newest => newest?,
    };
    let name = newest.as_ref().map_or(&args.target, |newest| &newest.name);
    let named = Found::new(context, name, &args.store)?;
    let target = named.target.clone();
    let identities = if target.is_shut() { context.identities(&args.trust)? } else { Vec::new() };
    let progress = Progress::start(context, "restoring");
    let shelf = named.store.as_ref().map(|named| Shelf::Store(&*named.store));
    let request = Request {
        target,
        asked: newest.as_ref().map(Newest::asked).unwrap_or_default(),
        shelf: shelf.as_ref(),
        to: &args.to,
        trust: &trust,
        identities: &identities,
        paths: &args.paths,
        dry_run: args.dry_run,
        threads: context.threads(),
    };
    let mut restored = restore::restore(&request, &context.watch)?;
    drop(progress);
    let mut text = String::new();
    if let Some(newest) = &newest {
        let at = newest.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let _ = writeln!(text, "newest       {}, of {at}", screen::safe(&newest.name.display().to_string()));
        restored.outcome.notes.extend(newest.future.iter().cloned());
    }
    let exit = Exit::from(restored.outcome.verdict());
    let next = steps(args, &restored);
    text += &screen_of(args, &restored, started);
    next.iter().for_each(|step| told(&mut text, step));
    let hint = hint(&restored.outcome, &args.trust);
    let answer = Answer::new(exit, text, document(args, exit, &restored, &name.display().to_string(), &next));
    Ok(match hint {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// What cannot be believed of the log says nothing of what is newest.
fn undecided(args: &RestoreArgs, findings: Vec<Finding>, started: Instant) -> Answer {
    let is_unknown = findings.iter().any(|finding| finding.code == Code::NoTrust);
    let mut restored = Restored::default();
    restored.outcome.conclude("log", "it says which backup `latest` is", findings);
    let exit = Exit::from(restored.outcome.verdict());
    let text = screen_of(args, &restored, started);
    let answer = Answer::new(exit, text, document(args, exit, &restored, "latest", &[]));
    let by_trust = "add --trust FILE, where a key may `log`; or name a backup instead of `latest`: then\n      --key FILE suffices";
    match hint(&restored.outcome, &args.trust) {
        Some(_) if is_unknown => answer.hint(by_trust),
        Some(hint) => answer.hint(hint),
        None => answer,
    }
}

/// The backup that `latest` names.
struct Newest {
    name: PathBuf,
    project: String,
    at: Timestamp,
    future: Vec<Finding>,
}

impl Newest {
    /// The log has it as a backup of that project.
    fn asked(&self) -> Asked<'_> {
        Asked { project: Some(&self.project), kind: Some(Kind::Backup) }
    }
}

/// What `latest` names: of the project that the policy says, or, with `--store`, of the only one there is.
fn newest(context: &Context, args: &RestoreArgs, trust: &Trust) -> Result<Option<Newest>> {
    let is_latest =
        args.target == Path::new("latest") && (args.store.store.is_some() || !args.target.exists());
    let as_of = args.as_of.as_deref().map(|text| {
        moment(text)
            .ok_or_else(|| Error::usage(format!("--as-of cannot be {text:?}"), format!("write {MOMENT}")))
    });
    let as_of = as_of.transpose()?;
    if !is_latest {
        return match as_of {
            None => Ok(None),
            Some(_) => Err(Error::usage(
                "--as-of says which backup is meant, and so does a name",
                "latest --as-of TIME",
            )),
        };
    }
    let named = context.store(&args.store)?;
    let log = Log { store: &*named.store, trust, origin: named.origin.as_deref() };
    let project = match args.store.store {
        Some(_) => None,
        None => Some(version::project_name(&context.global.tree, &context.policy()?)?.value),
    };
    let folder = context.state_folder(&args.store);
    let nights = Nights::read(log, &state(&folder), project.as_deref())?;
    let night = nights.newest(as_of)?;
    let project = nights.project().unwrap_or_default().to_owned();
    Ok(Some(Newest { name: night.name.into(), project, at: night.at, future: nights.future }))
}

/// What to mind, and what to type.
fn told(text: &mut String, step: &NextStep) {
    let what = format!("{} ({}): {}", screen::safe(&step.capture), step.kind, screen::safe(&step.mind));
    for (index, line) in screen::wrap(&what, 66).iter().enumerate() {
        let _ = writeln!(text, "{:<12} {line}", if index == 0 { "next" } else { "" });
    }
    for line in &step.run {
        let _ = writeln!(text, "  {}", screen::safe(line));
    }
}

/// What to type next for each captured database that is back, or would be.
fn steps(args: &RestoreArgs, restored: &Restored) -> Vec<NextStep> {
    if restored.outcome.verdict() != Verdict::Holds {
        return Vec::new();
    }
    let to = std::path::absolute(&args.to).unwrap_or_else(|_| args.to.clone());
    let steps = restored.pack.iter().flat_map(|pack| next_steps(pack, &to));
    let is_back = |step: &NextStep| args.dry_run || to.join("captures").join(&step.capture).exists();
    steps.filter(is_back).collect()
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

fn document(
    args: &RestoreArgs,
    exit: Exit,
    restored: &Restored,
    target: &str,
    next: &[NextStep],
) -> RestoreDocument {
    let step = |step: &NextStep| NextStepDocument {
        capture: step.capture.clone(),
        kind: step.kind.to_string(),
        run: step.run.clone(),
        mind: step.mind.clone(),
    };
    RestoreDocument {
        schema: "attestar/restore/v1",
        exit_code: exit as u8,
        target: target.to_owned(),
        to: args.to.display().to_string(),
        published: restored.published,
        dry_run: args.dry_run,
        restored: Totals { files: restored.files, bytes: restored.bytes },
        read_bytes: restored.read_bytes,
        archive_bytes: restored.archive_bytes,
        next: next.iter().map(step).collect(),
        outcome: OutcomeDocument::new(&restored.outcome),
    }
}
