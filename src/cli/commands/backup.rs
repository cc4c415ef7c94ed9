//! `backup`

use crate::cli::answer::Answer;
use crate::cli::args::BackupArgs;
use crate::cli::commands::seal::{recipients, signing_key};
use crate::cli::context::Context;
use crate::cli::documents::Totals;
use crate::cli::documents::backup::{BackupDocument, BackupResult, CapturedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, number, safe, size};
use crate::cli::stores::state;
use attestar::error::Result;
use attestar::format::capture::{CaptureKind, Captured};
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::policy::Policy;
use attestar::store::Store;
use attestar::telemetry::metrics::Metric;
use attestar::tree::version;
use attestar::verbs::backup::{self, BackedUp, Done, Request, Unchanged};
use attestar::verbs::seal::not_payload;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The widest name of a capture that the screen is laid out for, in columns.
const NAME_COLUMNS: usize = 11;

/// Backs up.
pub fn run(context: &Context, args: &BackupArgs) -> Result<Answer> {
    let started = Instant::now();
    let policy = context.policy()?;
    let store = match &args.store.store {
        Some(url) => context.open(url, None, Path::new(""), true)?,
        None => context.policy_store(&policy, true)?,
    };
    let (key, key_file) = signing_key(context, &policy, args.key.as_deref())?;
    let recipients =
        if args.no_encrypt { Vec::new() } else { recipients(context, &policy, &args.recipients)? };
    let mut secrets: Vec<PathBuf> = context.home().secrets()?.into_iter().map(|secret| secret.path).collect();
    secrets.extend(key_file);
    secrets.extend(context.global.passphrase_file.clone());
    let folder = context.state_folder(&args.store);
    let project = version::project_name(&context.global.tree, &policy)?.value;
    let trust = context.trust_file(args.trust.as_deref())?;
    let origin = policy.log_origin.as_deref().unwrap_or(&project);
    let log = Log { store: &*store, trust: &trust, origin: Some(origin) };
    let remembered = state(&folder);
    let writer = Writer { log, origin, key: &key, state: &remembered };
    let progress = Progress::start(context, "backing up");
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        key: &key,
        recipients: &recipients,
        secrets: &secrets,
        excluded: &not_payload(&context.global.tree, &policy, Path::new(store.place())),
        scratch: &folder.join("scratch"),
        cache: Some(&folder.join("backups")),
        full: args.full,
        store: &*store,
        log: &writer,
        clock: &Timestamp::now,
        environment: Some(context.programs()),
        threads: context.threads(),
    };
    let mut done = backup::backup(&request, &context.watch)?;
    drop(progress);
    let mut text = match &done {
        Done::Stored(made) => lines(&*store, made),
        Done::Unchanged(same) => same_lines(&*store, same),
    };
    screen::findings(&mut text, done.warnings());
    text += &format!("{}\n", screen::cost(started.elapsed()));
    let (document, bytes) = match &done {
        Done::Stored(made) => (document(&*store, made), made.written.size_bytes),
        Done::Unchanged(same) => (same_document(&*store, &policy, same), same.size_bytes),
    };
    Ok(Answer::new(Exit::Done, text, document).measured([(Metric::ArchiveBytes, bytes as f64)]))
}

fn lines(store: &dyn Store, made: &BackedUp) -> String {
    let pack = &made.pack;
    let mut text = String::new();
    let payload = format!("{}, {}", count(pack.payload.files, "file"), size(pack.payload.bytes));
    let _ = writeln!(text, "payload     {payload}");
    if !made.unmatched.is_empty() {
        let _ = writeln!(text, "            {} match no rule", count(made.unmatched.len() as u64, "file"));
    }
    for captured in &pack.captures {
        let _ = writeln!(text, "{:<NAME_COLUMNS$} {}", safe(&captured.id), told(captured));
    }
    let recipients = match made.recipients {
        0 => "not encrypted".to_owned(),
        many => count(many as u64, "recipient"),
    };
    if let Some(why) = &made.why_full {
        let _ = writeln!(text, "full        {}", safe(why));
    }
    if !pack.bases.is_empty() {
        let referred = format!("{}, {}", count(made.referred.files, "file"), size(made.referred.bytes));
        let _ = writeln!(
            text,
            "unchanged   {referred}, in {}",
            count(pack.bases.len() as u64, "earlier archive")
        );
    }
    let written = size(made.written.size_bytes);
    let _ = writeln!(text, "backed up   {}    {written}, {recipients}", safe(&made.archive));
    let _ = writeln!(text, "            in {}", safe(store.place()));
    let _ = writeln!(text, "logged      {}", leaf(made.logged.size));
    let _ = writeln!(text, "signed      {}", made.signer.fingerprint());
    text
}

/// The last leaf of a log of so many, by the number that `log list` gives it.
fn leaf(size: u64) -> String {
    format!("leaf {}; {} in all", number(size.saturating_sub(1)), number(size))
}

/// What is shown where nothing had changed.
fn same_lines(store: &dyn Store, same: &Unchanged) -> String {
    let mut text = String::new();
    let payload = format!("{}, {}", count(same.payload.files, "file"), size(same.payload.bytes));
    let _ = writeln!(text, "payload     {payload}");
    if !same.unmatched.is_empty() {
        let _ = writeln!(text, "            {} match no rule", count(same.unmatched.len() as u64, "file"));
    }
    let _ = writeln!(text, "unchanged   {} stands for it", safe(&same.archive));
    let _ = writeln!(text, "            in {}", safe(store.place()));
    let _ = writeln!(text, "logged      {}", leaf(same.logged.size));
    let _ = writeln!(text, "signed      {}", same.signer.fingerprint());
    text
}

/// `sqlite: 14 tables, 1,204,331 rows`
fn told(captured: &Captured) -> String {
    let kind = captured.kind.as_str();
    if captured.kind == CaptureKind::Command {
        return format!("{kind}: {}", safe(&captured.tool));
    }
    let rows: u64 = captured.tables.iter().filter_map(|table| table.rows).sum();
    format!("{kind}: {}, {}", count(captured.tables.len() as u64, "table"), count(rows, "row"))
}

fn document(store: &dyn Store, made: &BackedUp) -> BackupDocument {
    let pack = &made.pack;
    let totals = |totals: attestar::format::seal::Totals| Totals { files: totals.files, bytes: totals.bytes };
    let captured = |captured: &Captured| CapturedDocument {
        id: captured.id.clone(),
        kind: captured.kind.to_string(),
        tool: captured.tool.clone(),
        server: captured.server.clone(),
        tables: captured.tables.len() as u64,
        rows: captured.tables.iter().filter_map(|table| table.rows).sum(),
    };
    BackupDocument {
        schema: "attestar/backup/v1",
        exit_code: 0,
        result: if pack.bases.is_empty() { BackupResult::Full } else { BackupResult::Incremental },
        name: pack.name.clone(),
        project: pack.project.clone(),
        policy: pack.policy.name.clone(),
        policy_sha256: pack.policy.sha256.to_string(),
        store: store.place().to_owned(),
        archive: made.archive.clone(),
        archive_sha256: made.written.sha256.to_string(),
        archive_bytes: made.written.size_bytes,
        signer: made.signer.fingerprint(),
        recipients: made.recipients,
        payload: totals(pack.payload),
        classes: pack.classes.iter().map(|(class, value)| (*class, totals(*value))).collect(),
        captures: pack.captures.iter().map(captured).collect(),
        why_full: made.why_full.clone(),
        bases: pack.bases.iter().map(|base| base.name.clone()).collect(),
        referred: totals(made.referred),
        log_size: made.logged.size,
        unmatched: made.unmatched.len() as u64,
        warnings: made.warnings.clone(),
    }
}

fn same_document(store: &dyn Store, policy: &Policy, same: &Unchanged) -> BackupDocument {
    BackupDocument {
        schema: "attestar/backup/v1",
        exit_code: 0,
        result: BackupResult::Unchanged,
        name: same.name.clone(),
        project: same.project.clone(),
        policy: policy.name.clone(),
        policy_sha256: policy.sha256.to_string(),
        store: store.place().to_owned(),
        archive: same.archive.clone(),
        archive_sha256: same.sha256.to_string(),
        archive_bytes: same.size_bytes,
        signer: same.signer.fingerprint(),
        recipients: same.recipients,
        payload: Totals { files: same.payload.files, bytes: same.payload.bytes },
        classes: Default::default(),
        captures: Vec::new(),
        why_full: None,
        bases: Vec::new(),
        referred: Totals { files: same.payload.files, bytes: same.payload.bytes },
        log_size: same.logged.size,
        unmatched: same.unmatched.len() as u64,
        warnings: same.warnings.clone(),
    }
}
