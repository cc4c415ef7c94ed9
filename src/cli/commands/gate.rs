//! `gate`

use crate::cli::answer::Answer;
use crate::cli::args::{GateArgs, TrustArgs};
use crate::cli::commands::publish;
use crate::cli::commands::seal::out_folder;
use crate::cli::context::Context;
use crate::cli::documents::gate::{FaultDocument, GateDocument, OneGate, WaivedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, safe};
use attestar::error::{Error, Result};
use attestar::evidence::gates::{Evaluated, Evaluation, waivers};
use attestar::finding::{Outcome, Severity, Verdict};
use attestar::keys::signing::SigningKey;
use attestar::policy::Policy;
use attestar::policy::gate::{Stage, Status};
use attestar::verbs::gate::{self, Gated, Request};
use attestar::verbs::seal::OUT;
use attestar::verbs::stage::{self, Staged};
use attestar::verbs::target::Target;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::Path;

/// The column of ids, and its least width.
const ID_COLUMN: usize = 9;
const ID_WIDTH_MIN: usize = 19;
/// How wide a screen is.
const COLUMNS: usize = 80;

/// Evaluates, and shows what a go/no-go meeting wants to see.
pub fn run(context: &Context, args: &GateArgs) -> Result<Answer> {
    let policy = context.policy()?;
    let stage = Stage::named(&args.stage).ok_or_else(|| {
        Error::usage(format!("there is no stage `{}`", args.stage), "--stage seal, promote or close")
    })?;
    if let Some(pack) = &args.pack {
        return over_pack(context, args, &policy, stage, pack);
    }
    let trust = context.trust_file(args.trust.as_deref())?;
    let progress = Progress::start(context, "checking");
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        stage,
        only: &args.only,
        version: args.version.as_deref(),
        out: &out_folder(context, Path::new(OUT)),
        trust: &trust,
        waivers: &waivers::load(&args.waivers)?,
        tier: args.tier.as_deref(),
        now: Timestamp::now(),
        programs: Some(context.programs()),
        events: &|project| context.events(&policy, &trust, project),
        threads: context.threads(),
    };
    let gated = gate::gate(&request, &context.watch)?;
    drop(progress);
    let evaluation = &gated.evaluation;
    let exit = exit_of(evaluation);
    let (project, version) = (safe(&gated.project), safe(&gated.version));
    let mut text =
        format!("release  {project} {version} at stage {stage}\npolicy   {}\n", safe(&policy.name));
    text += &lines(evaluation, args.all);
    screen::findings(&mut text, &evaluation.besides);
    text += &last_line(evaluation);
    Ok(Answer::new(exit, text, document(exit, &gated)))
}

fn document(exit: Exit, gated: &Gated<'_>) -> GateDocument {
    GateDocument {
        schema: "attestar/gate/v1",
        exit_code: exit as u8,
        project: gated.project.clone(),
        version: gated.version.clone(),
        stage: gated.evaluation.stage.as_str(),
        gates: gated.evaluation.gates.iter().map(one).collect(),
        pack: None,
        signed: None,
        stored: None,
        not_stored: None,
        findings: gated.evaluation.besides.clone(),
    }
}

/// A stage that comes after the seal.
fn over_pack(
    context: &Context,
    args: &GateArgs,
    policy: &Policy,
    stage: Stage,
    pack: &Path,
) -> Result<Answer> {
    let target = Target::find(pack)?;
    let is_shut = matches!(target, Target::Archive { encrypted: true, .. });
    let needs_identity = is_shut && target.evidence_beside().is_none();
    // `--key` is the secret key that signs: trust comes from files alone.
    let given = TrustArgs { keys: Vec::new(), trust: args.trust.clone(), identities: Vec::new() };
    let identities = if needs_identity { context.identities(&given)? } else { Vec::new() };
    let key = args.key.as_deref().map(|file| SigningKey::load(file, &mut context.passphrases(false)));
    let key = key.transpose()?;
    let trust = context.trust_file(args.trust.as_deref())?;
    let progress = Progress::start(context, "checking");
    let request = stage::Request {
        root: context.tree()?,
        policy,
        pack: target.clone(),
        stage,
        only: &args.only,
        out: &out_folder(context, Path::new(OUT)),
        trust: &trust,
        waivers: &waivers::load(&args.waivers)?,
        identities: &identities,
        tier: args.tier.as_deref(),
        now: Timestamp::now(),
        programs: Some(context.programs()),
        events: &|project| context.events(policy, &trust, project),
        key: key.as_ref(),
        threads: context.threads(),
    };
    let staged = stage::stage(&request, &context.watch)?;
    drop(progress);
    let stored = match (&staged.signed, &key) {
        (Some(_), Some(key)) => publish::again(context, &target, key, &trust)?,
        _ => None,
    };
    Ok(answer_of(args, &target, stage, &staged, stored))
}

fn answer_of(
    args: &GateArgs,
    target: &Target,
    stage: Stage,
    staged: &Staged<'_>,
    stored: Option<std::result::Result<String, String>>,
) -> Answer {
    let name = target.pack_name();
    let besides = staged.gated.iter().flat_map(|gated| &gated.evaluation.besides);
    let findings = staged.pack.findings().chain(&staged.notes).chain(besides).cloned().collect();
    let signed = staged.signed.as_ref().map(|path| path.display().to_string());
    let Some(gated) = &staged.gated else {
        let exit = Exit::from(staged.pack.verdict());
        let text = format!(
            "{}not evaluated: {} does not verify\n",
            screen::outcome(&staged.pack.open()),
            safe(name)
        );
        let document = GateDocument {
            schema: "attestar/gate/v1",
            exit_code: exit as u8,
            project: String::new(),
            version: String::new(),
            stage: stage.as_str(),
            gates: Vec::new(),
            pack: None,
            signed: None,
            stored: None,
            not_stored: None,
            findings,
        };
        return Answer::new(exit, text, document);
    };
    let exit = exit_of(&gated.evaluation);
    let mut text = format!("pack     {}, {}\n", safe(name), sealed_by(&staged.pack));
    screen::findings(&mut text, &staged.notes);
    text += &lines(&gated.evaluation, args.all);
    screen::findings(&mut text, &gated.evaluation.besides);
    match (&signed, exit) {
        (Some(path), _) => {
            let _ = writeln!(text, "signed   {}", safe(path));
        }
        (None, Exit::Done | Exit::Refused) if args.key.is_none() => {
            let _ = writeln!(text, "not signed: --key FILE signs this, and lays it beside the seal");
        }
        (None, _) => {
            let _ = writeln!(text, "not signed");
        }
    }
    text += &publish::told(stored.as_ref(), target, ID_COLUMN);
    text += &last_line(&gated.evaluation);
    let (stored, not_stored) = publish::apart(stored);
    let document = GateDocument {
        pack: Some(name.to_owned()),
        signed,
        stored,
        not_stored,
        findings,
        ..document(exit, gated)
    };
    Answer::new(exit, text, document)
}

/// What the check of the seal says.
fn sealed_by(pack: &Outcome) -> String {
    let seal = pack.checks.iter().find(|check| check.name == "seal");
    seal.map_or_else(String::new, |seal| screen::short(&safe(&seal.detail)))
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
    let shown = |gate: &&Evaluated<'_>| all || matches!(gate.status(), Status::Failed | Status::Waived);
    let ids = evaluation.gates.iter().filter(shown).map(|gate| gate.gate.id.len());
    let width = ids.max().unwrap_or_default().max(ID_WIDTH_MIN);
    for gate in evaluation.gates.iter().filter(shown) {
        text.push_str(&line(gate, gate.status(), width));
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

fn line(gate: &Evaluated<'_>, status: Status, width: usize) -> String {
    let warning = if gate.refuses() || status != Status::Failed { "" } else { "   (a warning)" };
    let column = ID_COLUMN + width + 1;
    let mut text = format!("{:<8} {:<width$}", status.as_str(), gate.gate.id);
    indented(&mut text, &format!("{}{warning}", gate.judged.detail), column);
    if let Some(waiver) = &gate.waiver {
        indented(&mut text, &format!("until {}, signed by {}", waiver.until, waiver.role), column);
        indented(&mut text, &waiver.reason, column);
    }
    // The first fault is in the detail.
    for fault in gate.judged.faults.iter().skip(1) {
        let said = match (&fault.actual, &fault.expected) {
            (Some(actual), Some(expected)) => format!(": {actual}; expected {expected}"),
            (Some(actual), None) => format!(": {actual}"),
            (None, Some(expected)) => format!(": not {expected}"),
            (None, None) => String::new(),
        };
        indented(&mut text, &format!("{}{said}", fault.subject), column);
    }
    text
}

/// Adds lines that begin in a column; the first goes on where the text ends.
fn indented(text: &mut String, detail: &str, column: usize) {
    for line in screen::wrap(&safe(detail), COLUMNS.saturating_sub(column)) {
        let from = text.rfind('\n').map_or(0, |end| end + 1);
        let gap = column.saturating_sub(text[from..].chars().count()).max(1);
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
        output: evaluated
            .judged
            .output
            .as_ref()
            .map(|output| String::from_utf8_lossy(&output.bytes).into_owned()),
        faults: evaluated.judged.faults.iter().map(fault).collect(),
        waiver: evaluated.waiver.as_ref().map(WaivedDocument::new),
    }
}
