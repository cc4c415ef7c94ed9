//! `gate`

use crate::cli::answer::Answer;
use crate::cli::args::GateArgs;
use crate::cli::commands::seal::out_folder;
use crate::cli::context::Context;
use crate::cli::documents::gate::{FaultDocument, GateDocument, OneGate};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{count, safe, wrap};
use attestar::error::{Error, Result};
use attestar::evidence::gates::{Evaluated, Evaluation};
use attestar::policy::gate::{Stage, Status};
use attestar::verbs::gate::{self, Request};
use attestar::verbs::seal::OUT;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::Path;

/// How wide a screen is.
const COLUMNS: usize = 80;

/// The column of ids, and its least width.
const ID_COLUMN: usize = 9;
const ID_WIDTH_MIN: usize = 19;

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
        trust: &context.home().trust()?,
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
    };
    let of = format!("{} {} at stage {stage}, policy {}", gated.project, gated.version, policy.name);
    let text = format!("release  {}\n", safe(&of)) + &lines(evaluation, args.all) + &last_line(evaluation);
    Ok(Answer::new(exit, text, document))
}

/// No gate at all proves nothing.
fn exit_of(evaluation: &Evaluation<'_>) -> Exit {
    let ran = evaluation.gates.iter().any(|gate| gate.status() != Status::Skipped);
    match (evaluation.refuses(), ran) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::Done,
        (false, false) => Exit::Unverified,
    }
}

/// A line a gate that failed or was waived; of the others one line in all, or each if wished.
pub fn lines(evaluation: &Evaluation<'_>, all: bool) -> String {
    let mut text = String::new();
    let shown = |gate: &&Evaluated<'_>| all || matches!(gate.status(), Status::Failed | Status::Waived);
    let ids = evaluation.gates.iter().filter(shown).map(|gate| gate.gate.id.len());
    let width = ids.max().unwrap_or_default().max(ID_WIDTH_MIN);
    for gate in evaluation.gates.iter().filter(shown) {
        text.push_str(&line(gate, gate.status(), width));
    }
    let passed = evaluation.count(Status::Passed);
    if !all && passed > 0 {
        let others = if passed == evaluation.gates.len() { "" } else { " others" };
        let _ =
            writeln!(text, "passed   {:<19} attestar gate --all to list them", format!("{passed}{others}"));
    }
    let skipped = evaluation.count(Status::Skipped);
    if !all && skipped > 0 {
        let _ = writeln!(text, "skipped  {skipped}");
    }
    text
}

fn line(gate: &Evaluated<'_>, status: Status, width: usize) -> String {
    let mut text = String::new();
    let warning = if gate.refuses() || status != Status::Failed { "" } else { "   (a warning)" };
    let column = ID_COLUMN + width + 1;
    let mut detail = wrap(&format!("{}{warning}", safe(&gate.judged.detail)), COLUMNS - column).into_iter();
    let first = detail.next().unwrap_or_default();
    let _ = writeln!(text, "{:<8} {:<width$} {first}", status.as_str(), gate.gate.id);
    for more in detail {
        let _ = writeln!(text, "{:column$}{more}", "");
    }
    if let Some(waiver) = &gate.waiver {
        let _ = writeln!(
            text,
            "{:column$}until {}, signed by {}: {}",
            "",
            waiver.until,
            waiver.role,
            safe(&waiver.reason)
        );
    }
    // The first fault is in the detail.
    for fault in gate.judged.faults.iter().skip(1) {
        let words = [fault.actual.as_deref(), fault.expected.as_deref()];
        let said = match words.map(|word| word.map(safe)) {
            [Some(actual), Some(expected)] => format!(": {actual}; expected {expected}"),
            [Some(actual), None] => format!(": {actual}"),
            [None, Some(expected)] => format!(": not {expected}"),
            [None, None] => String::new(),
        };
        for line in wrap(&format!("{}{said}", safe(&fault.subject)), COLUMNS - column) {
            let _ = writeln!(text, "{:column$}{line}", "");
        }
    }
    text
}

fn last_line(evaluation: &Evaluation<'_>) -> String {
    let refusing = evaluation.gates.iter().filter(|gate| gate.refuses()).count();
    let all = count(evaluation.gates.len() as u64, "gate");
    if refusing > 0 {
        let verb = if refusing == 1 { "fails" } else { "fail" };
        return format!("refused: {refusing} of {all} {verb}\n");
    }
    match exit_of(evaluation) {
        Exit::Done => {
            let warned = evaluation.count(Status::Failed);
            let fails = if warned == 0 { "none fails".to_owned() } else { format!("{warned} only warns") };
            format!("the release may go: {all} at stage {}, {fails}\n", evaluation.stage)
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
    }
}
