//! `report`

use crate::cli::answer::Answer;
use crate::cli::args::{ReportArgs, VerifyArgs};
use crate::cli::commands::log::hint as log_hint;
use crate::cli::commands::verify::{hint, last_line, look};
use crate::cli::context::Context;
use crate::cli::documents::report::{Of, ReportDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{safe, size};
use crate::cli::stores::{Named, state};
use attestar::error::Result;
use attestar::finding::{Outcome, Verdict};
use attestar::pipeline::whole_file;
use attestar::report::shell::Place;
use attestar::report::{pack, store};
use attestar::verbs::report::store::{self as report, Earlier, Request};
use std::path::Path;
use std::time::Instant;

/// Writes the page of a pack or of a store, whatever it has to say, and ends as the checks on it do.
pub fn run(context: &Context, args: &ReportArgs) -> Result<Answer> {
    let started = Instant::now();
    match &args.target {
        Some(target) => of_pack(context, args, target, started),
        None => of_store(context, args, started),
    }
}

fn of_pack(context: &Context, args: &ReportArgs, target: &Path, started: Instant) -> Result<Answer> {
    let args_of_verify = VerifyArgs {
        target: target.to_owned(),
        trust: args.trust.clone(),
        store: args.store.clone(),
        proof: None,
        against: None,
        evidence_only: args.evidence_only,
        allow_unsigned: args.allow_unsigned,
        report: None,
    };
    let looked = look(context, &args_of_verify)?;
    let page = pack::page(&looked.report(&args_of_verify)?, Place::File);
    let outcome = &looked.verified.outcome;
    let answer = written(args, Of::Pack, &target.display().to_string(), &page, outcome, started)?;
    Ok(match hint(outcome, &args.trust) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

fn of_store(context: &Context, args: &ReportArgs, started: Instant) -> Result<Answer> {
    let Named { store, origin } = context.store(&args.store)?;
    let folder = context.state_folder(&args.store);
    let trust = context.trust(&args.trust)?;
    let policy = context.limits_policy(&args.store)?;
    let retention = policy.as_ref().map(|policy| context.retention_of(policy)).transpose()?;
    let project = policy.as_ref().map(|policy| context.project_of(policy)).transpose()?.flatten();
    let request = Request {
        store: &*store,
        trust: &trust,
        origin: origin.as_deref(),
        state: state(&folder),
        first: args.first,
        policy: policy.as_ref(),
        project: project.as_deref(),
        retention: retention.as_ref(),
    };
    let progress = Progress::start(context, "reading the log");
    let (facts, outcome) = report::look(&request, &mut Earlier::default())?;
    drop(progress);
    let page = store::page(&facts.at(facts.looked_at), Place::File);
    let answer = written(args, Of::Store, &facts.store, &page, &outcome, started)?;
    Ok(match log_hint(&request.state, &facts.store, &outcome) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// Puts the page in place, and says what it came to.
fn written(
    args: &ReportArgs,
    of: Of,
    target: &str,
    page: &str,
    outcome: &Outcome,
    started: Instant,
) -> Result<Answer> {
    whole_file::replace(&args.out, |out| out.write_all(page.as_bytes()))?;
    let exit = Exit::from(outcome.verdict());
    let out = args.out.display().to_string();
    let last = match (of, outcome.verdict()) {
        (Of::Store, Verdict::Holds) => "log and store agree; no archive was read for this page".to_owned(),
        _ => last_line(outcome, started),
    };
    let text = format!("wrote       {}    {}\n{last}\n", safe(&out), size(page.len() as u64));
    let document = ReportDocument {
        schema: "attestar/report/v1",
        exit_code: exit as u8,
        of,
        target: target.to_owned(),
        out,
        bytes: page.len() as u64,
        verdict: outcome.verdict(),
    };
    Ok(Answer::new(exit, text, document))
}
