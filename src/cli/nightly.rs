//! The end of a command that runs at night, when nobody looks: its metrics are written and whoever wants to hear of it is
//! told, whatever happened. Neither is part of the answer, which was shown before.

use super::answer::Told;
use super::args::Command;
use super::context::Context;
use super::exit::Exit;
use super::masked::Masked;
use super::{log, screen};
use attestar::error::Error;
use attestar::finding::{Code, Finding, Weight};
use attestar::format::notice::{FINDINGS_MAX, Notice, NoticeFinding, SCHEMA};
use attestar::policy::Policy;
use attestar::policy::telemetry::end_of;
use attestar::telemetry::{metrics, notify};
use attestar::tree::version;
use jiff::Timestamp;
use serde_json::Value;

/// The name of a command that runs at night.
pub fn name(command: &Command) -> Option<&'static str> {
    match command {
        Command::Backup(_) => Some("backup"),
        // A part that holds says nothing of the whole.
        Command::BackupVerify(args) if args.shard.is_some() => Some("backup-verify-shard"),
        Command::BackupVerify(_) => Some("backup-verify"),
        Command::Drill(_) => Some("drill"),
        Command::Prune(args) if !args.dry_run => Some("prune"),
        _ => None,
    }
}

/// Writes metrics, then tells whoever the policy names; gives how the run ended after all. Without a policy that can be read
/// there is nobody to tell, and the error said so.
pub fn ended(context: &Context, command: &'static str, told: &Told, masked: &Masked) -> Exit {
    let Ok(policy) = context.policy() else { return told.exit };
    if policy.metrics.is_none() && policy.notify.is_none() {
        return told.exit;
    }
    let project = version::project_name(&context.global.tree, &policy)
        .map_or_else(|_| policy.name.clone(), |name| name.value);
    let run = Run { context, policy: &policy, project: &project, command, told, masked };
    let mut exit = told.exit;
    let unwritten = run.write_metrics().err();
    if let Some(error) = &unwritten {
        say(&masked.error(&format!("the metrics were not written: {}", error.with_causes())));
        // Whoever waits for them would take this run for one that did not happen.
        exit = Exit::first([exit, Exit::Failed]);
    }
    run.notify(exit, unwritten.as_ref());
    exit
}

struct Run<'a> {
    context: &'a Context,
    policy: &'a Policy,
    project: &'a str,
    command: &'static str,
    told: &'a Told,
    masked: &'a Masked,
}

impl Run<'_> {
    fn write_metrics(&self) -> Result<(), Error> {
        let Some(textfile) = &self.policy.metrics else { return Ok(()) };
        let run = metrics::Run {
            project: self.project,
            policy: &self.policy.name,
            command: self.command,
            exit_code: self.told.exit as u8,
            now: Timestamp::now(),
            measured: &self.told.measured,
        };
        let warning = metrics::record(&self.context.global.tree.join(textfile), &run)?;
        if let Some(Finding { code, subject, actual, .. }) = warning {
            say(&format!("{code}: {subject}: {}", actual.unwrap_or_default()));
        }
        Ok(())
    }

    fn notify(&self, exit: Exit, unwritten: Option<&Error>) {
        let Some(to) = self.policy.notify.as_ref().filter(|to| to.on.contains(&(exit as u8))) else { return };
        let notice = self.notice(exit, unwritten);
        let root = &self.context.global.tree;
        let secrets = self.masked.values();
        // A run that was interrupted tells so, and can be interrupted no more.
        let watch = attestar::pipeline::watch::Watch::default();
        for failure in notify::notify(to, &notice, &secrets, root, self.context.programs(), &watch) {
            say(&failure);
        }
    }

    fn notice(&self, exit: Exit, unwritten: Option<&Error>) -> Notice {
        let document = &self.told.document;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let error = error(document)
            .or_else(|| Some(format!("the metrics were not written: {}", unwritten?.with_causes())));
        let all: Vec<&Value> = ["findings", "notes", "warnings"]
            .iter()
            .flat_map(|key| document[*key].as_array().into_iter().flatten())
            .collect();
        let mut findings: Vec<NoticeFinding> = all.iter().map(|value| finding(value)).collect();
        // First what the exit code is of.
        findings.sort_by_key(|finding| (finding.severity == "warning", weight(&finding.code)));
        findings.truncate(FINDINGS_MAX);
        let ended = end_of(exit as u8);
        let first = findings.first().map(|finding| format!("{} {}", finding.code, finding.subject));
        let why = error.clone().or(first).map_or_else(String::new, |why| format!(": {why}"));
        Notice {
            schema: SCHEMA.to_owned(),
            project: self.project.to_owned(),
            policy: self.policy.name.clone(),
            host: host(),
            command: self.command.to_owned(),
            exit_code: exit as u8,
            outcome: ended.to_owned(),
            at: Timestamp::now(),
            trace_id: self.context.trace.id(),
            summary: format!("{} {} {ended}{why}", self.project, self.command),
            error,
            store: text(&document["store"]),
            report: text(&document["recorded"]["report"]),
            findings,
            findings_total: all.len() as u64,
        }
    }
}

/// The error of a document with what caused it, in one line.
fn error(document: &Value) -> Option<String> {
    let causes = document["caused_by"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let all: Vec<&str> = [document["error"].as_str()?].into_iter().chain(causes).collect();
    Some(all.join(": "))
}

fn finding(value: &Value) -> NoticeFinding {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    NoticeFinding {
        code: text("code").unwrap_or_default(),
        severity: text("severity").unwrap_or_default(),
        subject: text("subject").unwrap_or_default(),
        expected: text("expected"),
        actual: text("actual"),
    }
}

/// How much a finding of this code weighs.
fn weight(code: &str) -> Option<Weight> {
    Code::ALL.iter().find(|known| known.as_str() == code).map(|known| known.weight())
}

/// What the host calls itself.
fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Says something that is no part of the answer.
fn say(text: &str) {
    log::warn(text);
    screen::say(&format!("warning: {}\n", screen::safe(text)));
}
