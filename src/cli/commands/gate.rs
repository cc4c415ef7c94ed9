//! `gate`

use crate::cli::answer::Answer;
use crate::cli::args::GateArgs;
use crate::cli::commands::seal::out_folder;
use crate::cli::context::Context;
use crate::cli::documents::gate::{FaultDocument, GateDocument, OneGate, WaivedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, safe};
use attestar::error::{Error, Result};
use attestar::evidence::gates::{Evaluated, Evaluation, waivers};
use attestar::finding::{Severity, Verdict};
use attestar::policy::gate::{Stage, Status};
use attestar::verbs::gate::{self, Request};
use attestar::verbs::seal::OUT;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::Path;

/// Where the detail of a gate begins, in columns.
const DETAIL_COLUMN: usize = 29;
/// How wide a screen is.
const COLUMNS: usize = 80;

/// Evaluates, and shows what a go/no-go meeting wants to see.
pub fn run(context: &Context, args: &GateArgs) -> Result<Answer> {
    let policy = context.policy()?;
    let stage = Stage::named(&args.stage).ok_or_else(|| {
        Error::usage(format!("there is no stage `{}`", args.stage), "--stage seal, promote or close")
    })?;
    let progress = Progress::start(context, "checking");
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        stage,
        only: &args.only,
        version: args.version.as_deref(),
        out: &out_folder(context, Path::new(OUT)),
        trust: &context.trust_file(args.trust.as_deref())?,
        waivers: &waivers::load(&args.waivers)?,
        tier: args.tier.as_deref(),
        now: Timestamp::now(),
        programs: Some(context.programs()),
        threads: context.threads(),
    };
    let gated = gate::gate(&request, &context.watch)?;
    drop(progress);
    let evaluation = &gated.evaluation;
    let exit = exit_of(evaluation);
    let document = GateDocument {
        schema: "attestar/gate/v1",
        exit_code: exit as u8,
        project: gated.project.clone(),
        version: gated.version.clone(),
        stage: stage.as_str(),
        gates: evaluation.gates.iter().map(one).collect(),
        findings: evaluation.besides.clone(),
    };
    let mut text = lines(evaluation, args.all);
    screen::findings(&mut text, &evaluation.besides);
    text += &last_line(evaluation);
    Ok(Answer::new(exit, text, document))
}

/// No gate at all proves nothing. A waiver that does not verify is worse than a gate that fails.
fn exit_of(evaluation: &Evaluation<'_>) -> Exit {
    let ran = evaluation.gates.iter().any(|gate| gate.status() != Status::Skipped);
    let errors = evaluation.besides.iter().filter(|finding| finding.severity == Severity::Error);
    match (Verdict::of(errors), evaluation.refuses(), ran) {
        (Some(verdict), ..) => Exit::from(verdict),
        (None, true, _) => Exit::Refused,
        (None, false, true) => Exit::Done,
        (None, false, false) => Exit::Unverified,
    }
}

/// A line a gate that failed or was waived; of the others one line in all, or each if wished.
pub fn lines(evaluation: &Evaluation<'_>, all: bool) -> String {
    let mut text = String::new();
    for gate in &evaluation.gates {
        let status = gate.status();
        if all || matches!(status, Status::Failed | Status::Waived) {
            text.push_str(&line(gate, status));
        }
    }
    let passed = evaluation.count(Status::Passed);
    if !all && passed > 0 {
        let others = match passed {
            all if all == evaluation.gates.len() => "",
            1 => " other",
            _ => " others",
        };
        let _ =
            writeln!(text, "passed   {:<19} attestar gate --all to list them", format!("{passed}{others}"));
    }
    let skipped = evaluation.count(Status::Skipped);
    if !all && skipped > 0 {
        let _ = writeln!(text, "skipped  {skipped}");
    }
    text
}

fn line(gate: &Evaluated<'_>, status: Status) -> String {
    let warning = if gate.refuses() || status != Status::Failed { "" } else { "   (a warning)" };
    let mut text = format!("{:<8} {:<19}", status.as_str(), gate.gate.id);
    indented(&mut text, &format!("{}{warning}", gate.judged.detail));
    if let Some(waiver) = &gate.waiver {
        indented(&mut text, &format!("until {}, signed by {}", waiver.until, waiver.role));
        indented(&mut text, &waiver.reason);
    }
    // The first fault is in the detail.
    for fault in gate.judged.faults.iter().skip(1) {
        let expected = fault.expected.as_deref().map(|expected| format!("   expected {expected}"));
        let actual = fault.actual.as_deref().map(|actual| format!("   {actual}"));
        let (actual, expected) = (actual.unwrap_or_default(), expected.unwrap_or_default());
        indented(&mut text, &format!("{}{actual}{expected}", fault.subject));
    }
    text
}

/// Adds lines that begin in the column of details; the first goes on where the text ends.
fn indented(text: &mut String, detail: &str) {
    for line in screen::wrap(&safe(detail), COLUMNS - DETAIL_COLUMN) {
        let from = text.rfind('\n').map_or(0, |end| end + 1);
        // An id can be longer than its column.
        let gap = DETAIL_COLUMN.saturating_sub(text[from..].chars().count()).max(1);
        let _ = writeln!(text, "{:gap$}{line}", "");
    }
}

fn last_line(evaluation: &Evaluation<'_>) -> String {
    let refusing = evaluation.gates.iter().filter(|gate| gate.refuses()).count();
    let all = count(evaluation.gates.len() as u64, "gate");
    let errors =
        evaluation.besides.iter().filter(|finding| finding.severity == Severity::Error).count() as u64;
    let verb = if refusing == 1 { "fails" } else { "fail" };
    match (refusing, errors) {
        (0, 0) => {}
        (_, 0) => return format!("refused: {refusing} of {all} {verb}\n"),
        (0, _) => return format!("refused: {} besides the gates\n", count(errors, "finding")),
        (_, _) => {
            return format!("refused: {refusing} of {all} {verb}, {} besides\n", count(errors, "finding"));
        }
    }
    match exit_of(evaluation) {
        Exit::Done => {
            let warned = evaluation.count(Status::Failed);
            let fails = if warned == 0 { "none fails".to_owned() } else { format!("{warned} only warns") };
            let waived = match evaluation.count(Status::Waived) {
                0 => String::new(),
                waived => format!(", {waived} waived"),
            };
            format!("the release may go: {all} at stage {}{waived}, {fails}\n", evaluation.stage)
        }
        _ => format!("not checked: no gate at stage {} applies\n", evaluation.stage),
    }
}

fn one(evaluated: &Evaluated<'_>) -> OneGate {
    let fault = |fault: &attestar::policy::gate::judged::Fault| FaultDocument {
        subject: fault.subject.clone(),
        expected: fault.expected.clone(),
        actual: fault.actual.clone(),
    };
    OneGate {
        id: evaluated.gate.id.clone(),
        check: evaluated.gate.kind.name,
        code: evaluated.gate.kind.code,
        severity: evaluated.gate.severity,
        status: evaluated.status(),
        detail: evaluated.judged.detail.clone(),
        evidence: evaluated
            .judged
            .read
            .iter()
            .map(|(path, sha256)| (path.clone(), sha256.to_string()))
            .collect(),
        faults: evaluated.judged.faults.iter().map(fault).collect(),
        waiver: evaluated.waiver.as_ref().map(WaivedDocument::new),
    }
}
