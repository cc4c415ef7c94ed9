//! `diff`

use crate::cli::answer::Answer;
use crate::cli::args::DiffArgs;
use crate::cli::changes;
use crate::cli::commands::verify::{hint, why};
use crate::cli::context::Context;
use crate::cli::documents::{DiffDocument, SideDocument, SideFinding};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, paint, safe};
use anstyle::AnsiColor;
use attestar::error::Result;
use attestar::finding::{Finding, Outcome, Verdict};
use attestar::verbs::diff::{self, Diff, Judged, Request, Side};
use std::fmt::Write as _;
use std::path::Path;

/// Compares two packs, archives or trees.
pub fn run(context: &Context, args: &DiffArgs) -> Result<Answer> {
    let (a, b) = (Side::find(&args.a)?, Side::find(&args.b)?);
    let trust = context.trust(&args.trust)?;
    let is_shut = a.needs_identity() || b.needs_identity();
    let identities = if is_shut { context.identities(&args.trust)? } else { Vec::new() };
    let progress = Progress::start(context, "comparing");
    let request = Request {
        a,
        b,
        trust: &trust,
        identities: &identities,
        policy: context.global.policy.as_deref(),
        threads: context.threads(),
    };
    let diff = diff::diff(&request, &context.watch)?;
    drop(progress);
    let differs = diff.changes.as_ref().map(|changes| !changes.is_empty());
    let exit = match diff.verdict {
        // As diff(1) and git have it; nothing was said to have failed.
        Verdict::Holds if args.exit_code && differs == Some(true) => Exit::Failed,
        verdict => Exit::from(verdict),
    };
    let sides = [(&request.a, &*args.a), (&request.b, &*args.b)];
    let is_asked_quietly = context.global.quiet && diff.verdict == Verdict::Holds;
    let text = if is_asked_quietly { String::new() } else { text(&diff, sides) };
    let all = whole(&diff);
    // Of a million changes the document takes gigabytes, and nobody would see it.
    let changes = diff.changes.filter(|_| context.global.json);
    let answer = Answer::new(exit, text, document(Diff { changes, ..diff }, exit, differs, sides));
    Ok(match hint(&all, &args.trust) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// Both outcomes as one.
fn whole(diff: &Diff) -> Outcome {
    let mut whole = Outcome::default();
    diff.sides.iter().for_each(|side| whole.append(side.outcome.clone()));
    whole
}

fn text(diff: &Diff, sides: [(&Side, &Path); 2]) -> String {
    let mut text = String::new();
    for ((name, judged), (side, path)) in ["A", "B"].into_iter().zip(&diff.sides).zip(sides) {
        head(&mut text, name, judged, side, path);
    }
    if let Some(changes) = &diff.changes {
        text.push_str(&changes::text(changes));
    }
    text.push_str(&last_line(diff));
    text.push('\n');
    text
}

/// What a side is: which release, where it lies, and whether that can be believed.
fn head(text: &mut String, name: &str, judged: &Judged, side: &Side, path: &Path) {
    let said = [judged.project.as_deref(), judged.version.as_deref()];
    let said = said.into_iter().flatten().map(safe).collect::<Vec<_>>().join(" ");
    let place = safe(&path.display().to_string());
    let verdict = judged.outcome.verdict();
    let status = match side {
        Side::Tree(_) => "tree".to_owned(),
        Side::Pack(_) | Side::Bag(_) => match verdict {
            Verdict::Holds => paint(AnsiColor::Green, "verified"),
            Verdict::Unverified => paint(AnsiColor::Yellow, "not verified"),
            _ => paint(AnsiColor::Red, "failed"),
        },
    };
    let title = if said.is_empty() { &place } else { &said };
    let _ = writeln!(text, "{name:<12} {title:<52} {status}");
    if !said.is_empty() {
        let _ = writeln!(text, "{:12} {place}", "");
    }
    if let Some(policy) = &judged.policy {
        let _ = writeln!(text, "{:12} under {}", "", safe(policy));
    }
    match side {
        Side::Pack(_) | Side::Bag(_) if verdict == Verdict::Holds => {}
        Side::Pack(_) | Side::Bag(_) => text.push_str(&screen::outcome(&judged.outcome.open())),
        Side::Tree(_) => screen::findings(text, &judged.outcome.notes),
    }
}

/// The verdict.
fn last_line(diff: &Diff) -> String {
    let errors = diff.sides.iter().flat_map(|side| side.outcome.errors());
    let findings = || count(errors.clone().count() as u64, "finding");
    let Some(changes) = &diff.changes else {
        let why = errors.clone().next().map_or("something could not be read", |finding| why(finding.code));
        return match diff.verdict {
            Verdict::Unverified | Verdict::Holds => format!("not compared: {why}"),
            Verdict::Refuted => format!("not compared, as it does not verify: {}", findings()),
            Verdict::Failed | Verdict::Refused => format!("not compared: {}", findings()),
        };
    };
    let differences = changes::summary(changes);
    match (diff.verdict, errors.clone().next()) {
        (Verdict::Holds, _) => differences,
        (_, Some(finding)) => format!("{differences}\nnot verified: {}", why(finding.code)),
        (_, None) => "not verified: there was nothing to compare".to_owned(),
    }
}

fn document(diff: Diff, exit: Exit, differs: Option<bool>, sides: [(&Side, &Path); 2]) -> DiffDocument {
    let [(side_a, path_a), (side_b, path_b)] = sides;
    let [a, b] = &diff.sides;
    DiffDocument {
        schema: "attestar/diff/v1",
        exit_code: exit as u8,
        verdict: diff.verdict,
        differs,
        a: side_document(a, side_a, path_a),
        b: side_document(b, side_b, path_b),
        findings: found("a", a).chain(found("b", b)).collect(),
        notes: notes("a", a).chain(notes("b", b)).collect(),
        changes: diff.changes,
    }
}

fn side_document(judged: &Judged, side: &Side, path: &Path) -> SideDocument {
    let (form, is_tree) = match side {
        Side::Pack(_) => ("pack", false),
        Side::Bag(_) => ("bag", false),
        Side::Tree(_) => ("tree", true),
    };
    SideDocument {
        target: path.display().to_string(),
        form,
        project: judged.project.clone(),
        version: judged.version.clone(),
        policy: judged.policy.clone(),
        verdict: (!is_tree).then(|| judged.outcome.verdict()),
        checks: judged.outcome.checks.clone(),
    }
}

fn found<'a>(side: &'static str, judged: &'a Judged) -> impl Iterator<Item = SideFinding> + use<'a> {
    judged.outcome.checks.iter().flat_map(move |check| {
        let finding =
            move |finding: &Finding| SideFinding { side, check: Some(check.name), finding: finding.clone() };
        check.findings.iter().map(finding)
    })
}

fn notes<'a>(side: &'static str, judged: &'a Judged) -> impl Iterator<Item = SideFinding> + use<'a> {
    let finding = move |finding: &Finding| SideFinding { side, check: None, finding: finding.clone() };
    judged.outcome.notes.iter().map(finding)
}
