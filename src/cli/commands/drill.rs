//! `drill`

use crate::cli::answer::Answer;
use crate::cli::args::DrillArgs;
use crate::cli::commands::seal::signing_key;
use crate::cli::context::Context;
use crate::cli::documents::OutcomeDocument;
use crate::cli::documents::drill::DrillDocument;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, paint, safe, size, wrap};
use crate::cli::stores::state;
use anstyle::AnsiColor;
use attestar::error::{Error, Result};
use attestar::format::drill_report::{DrillReport, DrillResult, Ended, Objective, ProbeReport, StepName};
use attestar::format::units::span;
use attestar::keys::entropy::{Entropy, OsEntropy};
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::telemetry::metrics::Metric;
use attestar::tree::version;
use attestar::verbs::drill::{self, Drilled, Request};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where the status of a line stands, in columns.
const STATUS_COLUMN: usize = 68;

/// Where the text of a line begins, in columns.
const TEXT_COLUMN: usize = 13;

/// How wide a screen is, in columns.
const COLUMNS: usize = 80;

/// Drills a restore.
pub fn run(context: &Context, args: &DrillArgs) -> Result<Answer> {
    let policy = context.policy()?;
    let named = context.store(&args.store)?;
    let (key, key_file) = signing_key(context, &policy, args.signing_key.as_deref()).map_err(by_its_flag)?;
    let trust = context.trust(&args.trust)?;
    let identities = context.identities(&args.trust)?;
    let folder = context.state_folder(&args.store);
    let project = version::project_name(&context.global.tree, &policy)?.value;
    let origin = named.origin.clone().unwrap_or_else(|| project.clone());
    let log = Log { store: &*named.store, trust: &trust, origin: named.origin.as_deref() };
    let remembered = state(&folder);
    let writer = Writer { log, origin: &origin, key: &key, state: &remembered };
    let mut hidden = vec![context.environment.home.clone(), folder.clone()];
    hidden.extend(key_file.into_iter().chain(args.trust.identities.iter().cloned()));
    let progress = Progress::start(context, "drilling");
    let request = Request {
        name: Some(&*args.name).filter(|name| *name != "latest"),
        tree: &context.global.tree,
        policy: &policy,
        project: &project,
        store: &*named.store,
        log: &writer,
        identities: &identities,
        key: &key,
        scratch: &context.environment.temporary,
        out: &args.out,
        keep: args.keep,
        hidden: &hidden,
        drill_id: uuid()?,
        trace_id: context.trace.id(),
        clock: &Timestamp::now,
        environment: context.programs(),
        threads: context.threads(),
    };
    let drilled = drill::drill(&request, &context.watch)?;
    drop(progress);
    Ok(answer(args, &drilled))
}

/// `--key` is whom to trust.
fn by_its_flag(error: Error) -> Error {
    match error {
        Error::Unavailable { message, hint } => {
            Error::unavailable(message, hint.replace("--key FILE", "--signing-key FILE"))
        }
        error => error,
    }
}

fn answer(args: &DrillArgs, drilled: &Drilled) -> Answer {
    let exit = exit(drilled);
    let mut text = lines(&drilled.report, &drilled.covered);
    screen::findings(&mut text, &drilled.outcome.findings().cloned().collect::<Vec<_>>());
    if let Err(error) = &drilled.logged {
        text += &screen::error(error);
        text += "the report is neither in the store nor in its log\n";
    }
    let report = args.out.join(attestar::format::drill_report::FILE);
    let fresh = match drilled.report.result {
        DrillResult::Passed => format!("   fresh until {}", drilled.report.fresh_until.strftime("%Y-%m-%d")),
        DrillResult::Failed => String::new(),
    };
    match &drilled.written {
        Ok(()) => row(&mut text, "report", &format!("{}{fresh}", report.display()), None),
        Err(error) => {
            text += &screen::error(error);
            text += "the report is not whole on this host\n";
        }
    }
    if let Some(kept) = &drilled.kept {
        row(&mut text, "kept", &format!("{}: remove it when you are done", kept.display()), None);
    }
    let _ = match (exit, drilled.outcome.errors().count() as u64) {
        (Exit::Done, _) => Ok(()),
        (_, 0) => writeln!(text, "the drill passed, and is not told everywhere where it belongs"),
        (_, findings) => writeln!(text, "the drill failed: {}", count(findings, "finding")),
    };
    Answer::new(exit, text, document(exit, drilled)).measured(measured(&drilled.report))
}

/// What it comes to: of what was found, of what could not be logged, and of what could not be written here.
fn exit(drilled: &Drilled) -> Exit {
    let failed = |ended: Option<&Error>| ended.map_or(Exit::Done, Exit::from);
    Exit::first([
        if drilled.is_interrupted { Exit::Interrupted } else { Exit::Done },
        Exit::from(drilled.outcome.verdict()),
        failed(drilled.logged.as_ref().err()),
        failed(drilled.written.as_ref().err()),
    ])
}

/// For the metrics file: what was measured, in seconds.
fn measured(report: &DrillReport) -> Vec<(Metric, f64)> {
    let said = &report.objectives;
    let pairs = [(Metric::DrillRto, Some(said.rto())), (Metric::DrillRpo, said.rpo())];
    let measured = pairs.into_iter().filter_map(|(metric, said)| Some((metric, said?.measured_ms?)));
    measured.map(|(metric, ms)| (metric, ms as f64 / 1000.0)).collect()
}

/// One screen: what came back, what was asked of it, how long it took, and what follows.
pub fn lines(report: &DrillReport, covered: &[(String, String)]) -> String {
    let mut text = String::new();
    let chain = match report.archive.chain.len() {
        0 => String::new(),
        many => format!(" (chain of {})", many + 1),
    };
    let name = if report.archive.name.is_empty() { "none" } else { &report.archive.name };
    row(&mut text, "archive", &format!("{name}{chain}"), None);
    let coverage = &report.coverage;
    let took = |name: StepName| report.steps.iter().find(|step| step.name == name);
    let restored = took(StepName::Restore);
    let what = format!(
        "{}, {} into a scratch folder",
        count(coverage.files_checked, "file"),
        size(coverage.bytes_checked)
    );
    let time = restored.map(|step| span(step.duration_ms));
    match restored.map(|step| step.status) {
        Some(Ended::Passed) => row(&mut text, "restored", &what, time.as_deref()),
        Some(status) => row(&mut text, "restored", "nothing", Some(&word(status))),
        None => {}
    }
    if let Some(step) = took(StepName::Hashes) {
        let numbers =
            format!("{} of {}", screen::number(coverage.files_checked), screen::number(coverage.files_total));
        row(&mut text, "hashes", &numbers, Some(&word(step.status)));
    }
    for probe in &report.probes {
        row(&mut text, &probe.id, &asked(probe, covered), Some(&word(probe.status)));
    }
    objectives(&mut text, report);
    for (name, list) in [("proves", &report.proves), ("not proved", &report.does_not_prove)] {
        for (index, sentence) in list.iter().enumerate() {
            said(&mut text, if index == 0 { name } else { "" }, sentence);
        }
    }
    text
}

fn asked(probe: &ProbeReport, covered: &[(String, String)]) -> String {
    let covered = covered.iter().find(|(id, _)| *id == probe.id).map(|(_, covered)| &**covered);
    match covered.filter(|covered| !covered.is_empty()) {
        Some(covered) => format!("{}: {covered}", probe.kind),
        None => probe.kind.clone(),
    }
}

fn objectives(text: &mut String, report: &DrillReport) {
    let said = &report.objectives;
    for (name, said) in [("RTO", Some(said.rto())), ("RPO", said.rpo())] {
        let Some(Objective { target_ms, measured_ms, met }) = said else {
            row(text, name, "none: a release has no recovery point", None);
            continue;
        };
        let target = target_ms.map_or_else(|| "no target".to_owned(), |ms| format!("target {}", span(ms)));
        let measured = measured_ms.map_or_else(|| "not measured".to_owned(), span);
        let word = match (met, target_ms) {
            (true, Some(_)) => paint(AnsiColor::Green, "met"),
            (true, None) => "measured".to_owned(),
            (false, _) => paint(AnsiColor::Red, "missed"),
        };
        row(text, name, &format!("{measured:<12} {target}"), Some(&word));
    }
}

/// A sentence: nothing stands at its end, and its further lines hang.
fn said(text: &mut String, name: &str, sentence: &str) {
    for (index, line) in wrap(&safe(sentence), COLUMNS - TEXT_COLUMN - 2).iter().enumerate() {
        let (start, hang) = if index == 0 { (name, "") } else { ("", "  ") };
        let _ = writeln!(text, "{start:<TEXT_COLUMN$}{hang}{line}");
    }
}

/// A name, what is said of it, and how it ended.
fn row(text: &mut String, name: &str, what: &str, status: Option<&str>) {
    let mut lines = wrap(&safe(what), STATUS_COLUMN - TEXT_COLUMN - 1).into_iter();
    let name = safe(name);
    let width = TEXT_COLUMN - 1;
    let start = format!("{name:<width$} {}", lines.next().unwrap_or_default());
    match status {
        Some(status) => {
            let gap = " ".repeat(STATUS_COLUMN.saturating_sub(start.chars().count()).max(1));
            let _ = writeln!(text, "{start}{gap}{status}");
        }
        None => {
            let _ = writeln!(text, "{start}");
        }
    }
    for line in lines {
        let _ = writeln!(text, "{:TEXT_COLUMN$}{line}", "");
    }
}

fn word(status: Ended) -> String {
    match status {
        Ended::Passed => paint(AnsiColor::Green, "passed"),
        Ended::Failed => paint(AnsiColor::Red, "failed"),
        Ended::Skipped => paint(AnsiColor::Yellow, "skipped"),
    }
}

fn document(exit: Exit, drilled: &Drilled) -> DrillDocument {
    let shown = |path: &PathBuf| path.display().to_string();
    DrillDocument {
        schema: "attestar/drill/v1",
        exit_code: exit as u8,
        files: drilled.files.iter().map(shown).collect(),
        kept: drilled.kept.as_ref().map(shown),
        log_size: drilled.logged.as_ref().ok().map(|logged| logged.size),
        not_written: drilled.written.as_ref().err().map(ToString::to_string),
        not_logged: drilled.logged.as_ref().err().map(ToString::to_string),
        report: drilled.report.clone(),
        outcome: OutcomeDocument::new(&drilled.outcome),
    }
}

/// Version 4 (RFC 9562, section 5.4).
fn uuid() -> Result<String> {
    let mut bytes = [0; 16];
    OsEntropy.fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = data_encoding::HEXLOWER.encode(&bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}
