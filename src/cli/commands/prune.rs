//! `prune`

use crate::cli::answer::Answer;
use crate::cli::args::PruneArgs;
use crate::cli::commands::log::hint;
use crate::cli::commands::seal::signing_key;
use crate::cli::commands::verify::last_line;
use crate::cli::context::Context;
use crate::cli::documents::OutcomeDocument;
use crate::cli::documents::prune::{KeptDocument, PruneDocument, PrunedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, number, safe, size};
use crate::cli::stores::state;
use attestar::error::Result;
use attestar::evidence::pruned::Retention;
use attestar::finding::Verdict;
use attestar::format::kind::Kind;
use attestar::format::units::limit_s;
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::policy::Policy;
use attestar::policy::prune::{Rule, Why};
use attestar::verbs::prune::{self, Judged, Pruned, Request};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// Prunes, or says what would be.
pub fn run(context: &Context, args: &PruneArgs) -> Result<Answer> {
    let started = Instant::now();
    let policy = context.policy()?;
    let store = match &args.store.store {
        Some(url) => context.open(url, None, Path::new(""), false)?,
        None => context.policy_store(&policy, false)?,
    };
    let retention = context.retention_of(&policy)?;
    let trust = context.trust_file(args.trust.as_deref())?;
    let key = match args.dry_run {
        true => None,
        false => Some(signing_key(context, &policy, args.key.as_deref())?.0),
    };
    let folder = context.state_folder(&args.store);
    let remembered = state(&folder);
    let origin = policy.log_origin.as_deref().unwrap_or(&retention.project);
    let log = Log { store: &*store, trust: &trust, origin: Some(origin) };
    let now = Timestamp::now();
    let progress = Progress::start(context, "reading the log");
    let pruned = match &key {
        None => prune::plan(&log, &remembered, &retention, now),
        Some(key) => {
            let writer = Writer { log, origin, key, state: &remembered };
            let request = Request { log: &writer, retention: &retention, now };
            prune::prune(&request, &context.watch)
        }
    }?;
    drop(progress);
    let exit = Exit::from(pruned.outcome.verdict());
    let text = head(&policy, &retention) + &body(&pruned, args.dry_run, started);
    let document = document(exit, &*store, &retention, &pruned, args.dry_run);
    let answer = Answer::new(exit, text, document);
    Ok(match hint(&remembered, store.place(), &pruned.outcome) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// What was kept and what went; or why nothing more did, where the log does not hold.
fn body(pruned: &Pruned, is_dry: bool, started: Instant) -> String {
    let mut text = String::new();
    if pruned.outcome.verdict() == Verdict::Holds {
        let kept: Vec<&Judged> = pruned.judged.iter().filter(|one| one.kept.is_some()).collect();
        let _ = writeln!(text, "kept        {}", reasons(&kept));
        text += &lines(pruned, is_dry);
        screen::findings(&mut text, &pruned.warnings);
        let _ = writeln!(text, "{}", screen::cost(started.elapsed()));
        return text;
    }
    let _ = writeln!(text, "{}{}", screen::outcome(&pruned.outcome), last_line(&pruned.outcome, started));
    match pruned.logged {
        None => text += "nothing pruned\n",
        // The log held when it began.
        Some(_) => text += &lines(pruned, is_dry),
    }
    text
}

/// The policy, and what it keeps of backups and of releases.
fn head(policy: &Policy, retention: &Retention) -> String {
    let policy = format!("{} ({})", safe(&policy.name), safe(&policy.source.to_string()));
    let [backups, releases] = [&retention.backups, &retention.releases].map(told);
    format!("policy      {policy}\nbackups     {backups}\nreleases    {releases}\n")
}

/// What a rule keeps, in words.
fn told(rule: &Rule) -> String {
    let age = |seconds: u64| format!("whatever is younger than {}", limit_s(seconds));
    match rule {
        rule if rule.is_everything() => "every one is kept".to_owned(),
        Rule::Releases(min_age_s) => age(min_age_s.unwrap_or_default()),
        Rule::Backups(keep) => {
            let counts = [
                (keep.last, "last"),
                (keep.daily, "daily"),
                (keep.weekly, "weekly"),
                (keep.monthly, "monthly"),
                (keep.yearly, "yearly"),
            ];
            let mut parts: Vec<String> = counts
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, span)| format!("{count} {span}"))
                .collect();
            parts.extend((keep.min_age_s > 0).then(|| age(keep.min_age_s)));
            parts.join(", ")
        }
    }
}

/// What went, and what the log got for it.
fn lines(pruned: &Pruned, is_dry: bool) -> String {
    let mut text = String::new();
    let verb = if is_dry { "would prune" } else { "pruned" };
    if pruned.deleted.is_empty() {
        let _ = writeln!(text, "{verb:<11} nothing");
    }
    for (at, one) in pruned.deleted.iter().enumerate() {
        let first = if at == 0 { verb } else { "" };
        let time = one.time.strftime("%Y-%m-%d %H:%M UTC");
        let _ = writeln!(text, "{first:<11} {}    {time}    {}", safe(&one.name), size(one.bytes));
    }
    if !pruned.deleted.is_empty() {
        let bytes = pruned.deleted.iter().map(|one| one.bytes).sum();
        let _ = writeln!(text, "{:<11} {}", if is_dry { "would free" } else { "freed" }, size(bytes));
    }
    for (at, object) in pruned.completed.iter().enumerate() {
        let verb = if is_dry { "to complete" } else { "completed" };
        let _ = writeln!(text, "{:<11} {}", if at == 0 { verb } else { "" }, safe(object));
    }
    if let Some(logged) = &pruned.logged {
        let leaves = if logged.added == 1 { "leaf" } else { "leaves" };
        let _ = writeln!(text, "logged      {} {leaves}; {} in all", logged.added, number(logged.size));
    }
    text
}

/// `21 archives: 7 daily, 4 weekly, 9 monthly, 1 needed`
fn reasons(kept: &[&Judged]) -> String {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for why in kept.iter().filter_map(|one| one.kept.as_ref()).map(Why::as_str) {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((why, 1)),
        }
    }
    let told: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let archives = count(kept.len() as u64, "archive");
    if told.is_empty() { archives } else { format!("{archives}: {}", told.join(", ")) }
}

fn document(
    exit: Exit,
    store: &dyn attestar::store::Store,
    retention: &Retention,
    pruned: &Pruned,
    dry_run: bool,
) -> PruneDocument {
    let kind = |kind: Kind| kind.as_str();
    let kept = pruned.judged.iter().filter_map(|one| {
        let why = one.kept.as_ref()?;
        Some(KeptDocument {
            name: one.name.clone(),
            kind: kind(one.kind),
            time: one.time.to_string(),
            bytes: one.bytes,
            why: why.as_str(),
            detail: why.to_string(),
        })
    });
    let deleted = pruned.deleted.iter().map(|one| PrunedDocument {
        name: one.name.clone(),
        kind: kind(one.kind),
        time: one.time.to_string(),
        bytes: one.bytes,
    });
    PruneDocument {
        schema: "attestar/prune/v1",
        exit_code: exit as u8,
        project: retention.project.clone(),
        store: store.place().to_owned(),
        dry_run,
        kept: kept.collect(),
        pruned: deleted.collect(),
        completed: pruned.completed.clone(),
        log_size: pruned.logged.map(|logged| logged.size),
        warnings: pruned.warnings.clone(),
        outcome: OutcomeDocument::new(&pruned.outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attestar::finding::{Code, Finding};
    use attestar::log::append::Appended;

    #[test]
    fn what_went_before_the_log_failed_is_said() {
        let mut pruned = Pruned::default();
        let finding = Finding::new(Code::LogForked, "log/checkpoint");
        pruned.outcome.conclude("earlier", "the log was another one before", vec![finding]);
        assert!(body(&pruned, false, Instant::now()).ends_with("\nnothing pruned\n"));
        let (name, time) = ("shop-1.0.0".to_owned(), Timestamp::UNIX_EPOCH);
        pruned.deleted = vec![Judged { name, kind: Kind::Release, time, bytes: 7, kept: None }];
        pruned.logged = Some(Appended { size: 9, added: 1, already: 0 });
        let text = body(&pruned, false, Instant::now());
        assert!(text.contains("\npruned      shop-1.0.0 ") && !text.contains("nothing pruned"), "{text}");
        assert!(text.contains("log-forked") && text.ends_with("logged      1 leaf; 9 in all\n"), "{text}");
    }
}
