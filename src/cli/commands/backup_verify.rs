//! `backup-verify`

use crate::cli::answer::Answer;
use crate::cli::args::BackupVerifyArgs;
use crate::cli::commands::seal::signing_key;
use crate::cli::commands::verify::last_line;
use crate::cli::context::Context;
use crate::cli::documents::backup_verify::{BackupVerifyDocument, RecordedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen;
use crate::cli::stores::{Named, state};
use attestar::error::{Error, Result};
use attestar::evidence::receipt::SUFFIX;
use attestar::finding::{Code, Finding, Outcome};
use attestar::format::units::duration_s;
use attestar::format::verify_report::{CheckedPolicy, REPORT_BYTES_MAX, VerifyReport};
use attestar::keys::signing::SigningKey;
use attestar::pipeline::whole_file;
use attestar::policy::Policy;
use attestar::store::{ObjectName, Store};
use attestar::telemetry::metrics::Metric;
use attestar::verbs::backup_verify::{self, Checked, Part, Recorded, Request, Selection, Work};
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The name of the check that fails where `--out` cannot be written.
const OUT: &str = "out";

/// Checks the store of the policy, or the one that was named.
pub fn run(context: &Context, args: &BackupVerifyArgs) -> Result<Answer> {
    let started = Instant::now();
    let policy = context.policy()?;
    let Named { store, origin } = context.store(&args.store)?;
    let work = work(args, &*store)?;
    let trust = context.trust(&args.trust)?;
    let reads = matches!(work, Work::Read(_));
    let identities = if reads { context.identities(&args.trust)? } else { Vec::new() };
    let key = match args.no_record {
        true => None,
        false => Some(verifier_key(context, &policy, args.signing_key.as_deref())?),
    };
    let folder = context.state_folder(&args.store);
    let project = context.project_of(&policy)?;
    let retention = context.retention(&args.store)?;
    let progress = Progress::start(context, "reading");
    let request = Request {
        store: &*store,
        trust: &trust,
        origin: origin.as_deref(),
        state: state(&folder),
        first: args.first,
        retention: retention.as_ref(),
        project: project.as_deref(),
        policy: CheckedPolicy { name: policy.name.clone(), sha256: policy.sha256 },
        max_age_s: max_age_s(args, &policy)?,
        verify_within_s: policy.backup.verify_within_s,
        work,
        identities: &identities,
        key: key.as_ref(),
        clock: &Timestamp::now,
        trace_id: &context.trace.id(),
        threads: context.threads(),
    };
    let mut checked = backup_verify::backup_verify(&request, &context.watch)?;
    drop(progress);
    if let Some(out) = &args.out {
        leave(out, &mut checked);
    }
    let exit = Exit::from(checked.outcome.verdict());
    let text = format!("{}{}\n", screen::outcome(&checked.outcome), last_line(&checked.outcome, started));
    let hint = hint(&request, &checked.outcome);
    let measured = measured(&checked.report);
    let answer = Answer::new(exit, text, document(exit, checked)).measured(measured);
    Ok(match hint {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// The key that signs what a command found out, where `--key` is whom to trust.
pub fn verifier_key(context: &Context, policy: &Policy, given: Option<&Path>) -> Result<SigningKey> {
    match signing_key(context, policy, given) {
        Ok((key, _)) => Ok(key),
        Err(Error::Unavailable { message, hint }) => {
            Err(Error::unavailable(message, hint.replace("--key FILE", "--signing-key FILE, or --no-record")))
        }
        Err(error) => Err(error),
    }
}

fn max_age_s(args: &BackupVerifyArgs, policy: &Policy) -> Result<u64> {
    let Some(text) = &args.max_age else { return Ok(policy.backup.max_age_s) };
    duration_s(text).ok_or_else(|| {
        Error::usage(format!("--max-age {text} is no duration"), "one whole number and s, m, h, d or w: 26h")
    })
}

fn work(args: &BackupVerifyArgs, store: &dyn Store) -> Result<Work> {
    if !args.merge.is_empty() {
        let parts = args.merge.iter().map(|path| parts_at(path, store)).collect::<Result<Vec<_>>>()?;
        return Ok(Work::Merge(parts.into_iter().flatten().collect()));
    }
    selection(args).map(Work::Read)
}

fn selection(args: &BackupVerifyArgs) -> Result<Selection> {
    if let Some(text) = &args.subset {
        let (part, parts) = part_of("--subset", text, 1)?;
        return Ok(Selection::Subset(part, parts));
    }
    if let Some(text) = &args.shard {
        let (part, parts) = part_of("--shard", text, 0)?;
        return Ok(Selection::Shard(part, parts));
    }
    Ok(match (args.latest, args.all) {
        (true, _) => Selection::Latest,
        (_, true) => Selection::All,
        _ => Selection::Window,
    })
}

/// `I/N`, where I counts from `first`.
fn part_of(flag: &str, text: &str, first: u32) -> Result<(u32, u32)> {
    const PARTS_MAX: u32 = 10_000;
    let read = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    let is_in = |&(part, parts): &(u32, u32)| {
        (1..=PARTS_MAX).contains(&parts) && (first..parts + first).contains(&part)
    };
    read.filter(is_in).ok_or_else(|| {
        let hint = match first {
            0 => "it counts from 0, as JOB_COMPLETION_INDEX does: of 4 parts 0/4, 1/4, 2/4 and 3/4",
            _ => "it counts from 1: of 7 parts 1/7 to 7/7, for example $(date +%u)/7",
        };
        Error::usage(format!("{flag} {text} is no part"), hint)
    })
}

/// The reports of shards at a path: a file, every one in a folder; or, where nothing lies there, of that name in the store.
fn parts_at(path: &Path, store: &dyn Store) -> Result<Vec<Part>> {
    let is_part = |name: &str| name.contains(".shard-") && name.ends_with(".json") && !name.ends_with(SUFFIX);
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(Error::io("read", path))?;
        let mut files: Vec<PathBuf> =
            entries.map(|entry| Ok(entry.map_err(Error::io("read", path))?.path())).collect::<Result<_>>()?;
        files.retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_part));
        files.sort_unstable();
        return files.iter().map(|file| part_in(file)).collect();
    }
    if path.exists() {
        return Ok(vec![part_in(path)?]);
    }
    let named = path.to_str().unwrap_or_default().trim_end_matches('/');
    let listed = match ObjectName::new(named) {
        Ok(name) if is_part(name.file_name()) => {
            store.head(&name)?.map(|entry| entry.name).into_iter().collect()
        }
        Ok(_) => store.list(named)?.entries.into_iter().map(|entry| entry.name).collect(),
        Err(_) => Vec::new(),
    };
    let parts: Vec<Part> = listed
        .into_iter()
        .filter(|name| is_part(name.file_name()))
        .map(|name| part_in_store(&name, store))
        .collect::<Result<_>>()?;
    if parts.is_empty() {
        let message = format!("there is no report of a shard at {}", path.display());
        return Err(Error::input(
            message,
            "backup-verify --shard I/N writes them, into reports/verify of the store",
        ));
    }
    Ok(parts)
}

fn part_in(file: &Path) -> Result<Part> {
    let length = fs::metadata(file).map_err(Error::io("read", file))?.len();
    if length > REPORT_BYTES_MAX as u64 {
        return Err(Error::input(format!("{} is longer than any report", file.display()), ""));
    }
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let bundle = match fs::read(file.with_file_name(format!("{name}{SUFFIX}"))) {
        Ok(bundle) => Some(bundle),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::io("read", file)(error)),
    };
    Ok(Part { name, report: fs::read(file).map_err(Error::io("read", file))?, bundle })
}

fn part_in_store(name: &ObjectName, store: &dyn Store) -> Result<Part> {
    let get = |name: &ObjectName| Ok(store.get(name, REPORT_BYTES_MAX)?.map(|(bytes, _)| bytes));
    let bundle = get(&ObjectName::new(&format!("{name}{SUFFIX}"))?)?;
    Ok(Part { name: name.file_name().to_owned(), report: get(name)?.unwrap_or_default(), bundle })
}

/// Leaves report and signature in a folder. That this cannot be done takes nothing back of what was found.
fn leave(folder: &Path, checked: &mut Checked) {
    let Some(recorded) = &checked.recorded else { return };
    if let Err(error) = lay_down(folder, &checked.report, recorded) {
        let detail = format!("{} lies in the store alone", recorded.report);
        let finding = Finding::new(Code::NotRecorded, folder.display().to_string());
        checked.conclude(OUT, detail, vec![finding.actual(error.with_causes())]);
    }
}

/// Puts report and signature into a folder. A part that was read again there is the one that counts: a machine that is
/// started once more after it failed makes no second one of it.
fn lay_down(folder: &Path, report: &VerifyReport, recorded: &Recorded) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    if let Some(suffix) = report.part_suffix() {
        let ends = [format!("{suffix}.json"), format!("{suffix}.json{SUFFIX}")];
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if ends.iter().any(|end| name.ends_with(end)) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
    }
    let name = recorded.report.rsplit('/').next().unwrap_or(&recorded.report);
    for (name, bytes) in [name.to_owned(), format!("{name}{SUFFIX}")].iter().zip(&recorded.bytes) {
        whole_file::replace(&folder.join(name), |out| out.write_all(bytes))?;
    }
    Ok(())
}

/// What the metrics file gets. A shard knows nothing of the whole.
fn measured(report: &VerifyReport) -> Vec<(Metric, f64)> {
    let covered = report.coverage;
    if report.shard().is_some() {
        return Vec::new();
    }
    let mut measured = vec![(Metric::StoreArchives, covered.archives_total as f64)];
    if covered.bytes_total > 0 {
        measured.push((
            Metric::VerifiedBytesRatio,
            covered.bytes_within_window as f64 / covered.bytes_total as f64,
        ));
    }
    measured
}

fn document(exit: Exit, checked: Checked) -> BackupVerifyDocument {
    let recorded = checked
        .recorded
        .map(|recorded| RecordedDocument { report: recorded.report, log_size: recorded.leaves });
    BackupVerifyDocument { report: checked.report, exit_code: Some(exit as u8), recorded }
}

/// What to type next.
fn hint(request: &Request<'_>, outcome: &Outcome) -> Option<String> {
    let has = |code| outcome.errors().any(|finding| finding.code == code);
    if has(Code::LogForked) {
        let file = request.state.file(request.store.place())?;
        return Some(format!(
            "somebody rolled the store back, or it is another one. Only if you know that\n      it was made anew, remove {}",
            file.display()
        ));
    }
    let damaged = [Code::Altered, Code::Missing, Code::AgeInvalid, Code::FrameInvalid, Code::TarInvalid];
    if damaged.into_iter().any(has) {
        return Some(
            "stop prune, and take it from the second copy: docs/OPERATIONS.md, the night it goes wrong"
                .to_owned(),
        );
    }
    let is_out =
        |finding: &Finding| finding.code == Code::NotRecorded && finding.subject != request.store.place();
    if outcome.errors().any(is_out) {
        return Some("another --out DIR; or take the report from the store".to_owned());
    }
    let next = [
        (Code::LogNotRemembered, "attestar backup-verify --first, once, and from then on it is compared"),
        (Code::NoTrust, "attestar keys trust FILE --role R --may log … for each host that writes"),
        (Code::SignerUnknown, "attestar keys trust FILE --role R --may … , if the key is one of yours"),
        (Code::NotRecorded, "attestar keys trust signing.pub --role R --may verify log; or --no-record"),
        (Code::NoIdentity, "another --identity FILE, or none to compare the ciphertexts alone"),
        (Code::BackupLate, "attestar backup, and see why it did not run"),
        (Code::ClockBehind, "set the clock of this host, then run it again"),
        (Code::ShardMissing, "run the missing part again, and --merge all"),
    ];
    next.into_iter().find(|(code, _)| has(*code)).map(|(_, hint)| hint.to_owned())
}
