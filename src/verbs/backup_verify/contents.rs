//! The check `contents`: archives read again, down to each file's digest where something decrypts them.

use crate::error::{Error, Result};
use crate::evidence::chain::Chain;
use crate::evidence::chain::listed::Known;
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::logged::pairs;
use crate::evidence::pack::{self, Judge, Presence};
use crate::evidence::receipt;
use crate::evidence::register::Register;
use crate::finding::{Code, Finding, Outcome, Severity};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::leaf::What;
use crate::format::units::{count, limit, size, span};
use crate::format::verify_report::{CheckedArchive, Depth, ReadAgain, ReadCoverage, Shard, Share};
use crate::pipeline::crew;
use crate::pipeline::open::{Archive, READ_BYTES};
use crate::pipeline::unpack::unpack;
use crate::pipeline::watch::Watch;
use crate::store::{ObjectName, error_of};
use crate::verbs::backup_verify::archives::{Archive as Stored, Archives};
use crate::verbs::backup_verify::share::{self, Candidate};
use crate::verbs::backup_verify::{Run, Selection, merge, newest};
use crate::verbs::verify::{age_identities, limits, shut};
use jiff::Timestamp;
use sha2::Digest as _;
use std::collections::HashSet;
use std::io::Read as _;
use std::time::Instant;

/// The name of the check.
pub(super) const CHECK: &str = "contents";

/// The most archives that are read beside each other. Each has buffers of its own.
const BESIDE_MAX: usize = 4;

/// What is said of a shard that no archive falls to: fewer archives than parts. Joining the parts finds out whether all were read.
const EMPTY_PART: &str = "nothing in this part: there are fewer archives than parts";

/// What was read.
pub(super) struct Contents {
    pub(super) share: Share,
    /// Not one archive was read before this.
    pub(super) since: Timestamp,
    pub(super) archives: Vec<CheckedArchive>,
    pub(super) coverage: ReadCoverage,
    /// Of a shard: the log by which archives were shared out.
    pub(super) shared_out_at: Option<Checkpoint>,
}

/// An archive that was read, and what is wrong with it.
struct Outcomes {
    read: ReadAgain,
    findings: Vec<Finding>,
}

/// What was read, before anybody looked at what became of the store meanwhile.
pub(super) struct Reading {
    share: Share,
    /// Every archive that was there, of a shard those of its part; with what is wrong.
    archives: Vec<(ObjectName, CheckedArchive, Vec<Finding>)>,
    /// Whether there are archives, and none falls to this shard.
    is_empty_part: bool,
    shared_out_at: Option<Checkpoint>,
}

/// Reads the archives whose turn it is.
pub(super) fn read(run: &Run<'_>, selection: Selection, watch: &Watch) -> Result<Reading> {
    let found = Archives::find(run);
    let is_shard = run.request.is_shard();
    let all: Vec<&Stored> = match is_shard {
        true => merge::shared_out(&found),
        false => found.all.iter().collect(),
    };
    let chosen = choose(run, selection, &all, newest::name(run, &found).as_deref());
    let archives: Vec<&Stored> = chosen.iter().map(|&at| all[at]).collect();
    let mut again: Vec<Option<Outcomes>> = all.iter().map(|_| None).collect();
    let known = Bases { lists: Known::default(), read: read_anyway(run, selection, &all, &archives) };
    for (&at, outcomes) in chosen.iter().zip(read_all(run, &archives, &known, watch)?) {
        again[at] = Some(outcomes);
    }
    let mut archives = Vec::new();
    for (archive, read) in all.iter().zip(again).filter(|(_, read)| read.is_some() || !is_shard) {
        let (read, findings) = read.map_or((None, Vec::new()), |it| (Some(it.read), it.findings));
        archives.push((archive.object.clone(), checked(archive, read), findings));
    }
    let head = run.logged.map(|logged| logged.leaves.head.checkpoint().clone());
    Ok(Reading {
        share: share_of(run, selection),
        is_empty_part: is_shard && chosen.is_empty() && !all.is_empty(),
        shared_out_at: head.filter(|_| is_shard),
        archives,
    })
}

/// Ends the check by what is there now: an archive that was pruned since is neither missing nor unread.
pub(super) fn settle(run: &Run<'_>, found: &Archives, reading: Reading, outcome: &mut Outcome) -> Contents {
    let Reading { share, archives: all, mut is_empty_part, shared_out_at } = reading;
    let is_shard = run.request.is_shard();
    let register = run.logged.map(Register::of);
    let stands = |object: &str| register.as_ref().is_none_or(|register| register.stands(object));
    let was_empty = all.is_empty();
    let (mut archives, mut findings) = (Vec::new(), Vec::new());
    for (object, archive, wrong) in all {
        if run.held.get(object.as_str()).is_some() || stands(object.as_str()) {
            archives.push(archive);
            findings.extend(wrong);
        }
    }
    is_empty_part |= is_shard && !was_empty && archives.is_empty();
    let mut coverage = coverage(run, &archives, run.started);
    if !is_shard {
        found.add_unproven(&mut coverage);
    }
    match is_empty_part {
        true => outcome.conclude(CHECK, EMPTY_PART, Vec::new()),
        false => conclude(run, &archives, &coverage, run.started, findings, outcome),
    }
    Contents { share, since: run.started, archives, coverage, shared_out_at }
}

/// Those whose turn it is, by their place.
fn choose(run: &Run<'_>, selection: Selection, all: &[&Stored], newest: Option<&str>) -> Vec<usize> {
    let candidates: Vec<Candidate> = all
        .iter()
        .map(|archive| Candidate {
            sha256: archive.sha256,
            size_bytes: archive.size_bytes,
            last_read: archive.last_read,
        })
        .collect();
    let places = 0..all.len();
    let is_newest = |at: &usize| newest == Some(&*all[*at].name);
    match selection {
        Selection::Window => {
            let now = run.request.state.now;
            let due = share::due(&candidates, now, &runs(run, now), run.request.verify_within_s);
            let due: HashSet<usize> = due.into_iter().collect();
            // The newest is what a restore would take tomorrow.
            places.filter(|at| due.contains(at) || is_newest(at)).collect()
        }
        Selection::Latest => places.filter(is_newest).collect(),
        Selection::All => places.collect(),
        Selection::Subset(part, parts) => {
            places.filter(|&at| share::is_in_subset(candidates[at].sha256, part, parts)).collect()
        }
        Selection::Shard(part, parts) => {
            let of = share::parts_of(&candidates, parts);
            places.filter(|&at| of[at] == part).collect()
        }
    }
}

/// When the project's archives were checked before, in order. A run that was asked for a part alone has no rhythm.
fn runs(run: &Run<'_>, now: Timestamp) -> Vec<Timestamp> {
    let all = run.logged.into_iter().flat_map(pairs);
    let leaves = all.filter(|(leaf, told)| {
        leaf.what == What::Verified && leaf.project == run.project && !told.is_partial
    });
    let mut runs: Vec<Timestamp> =
        leaves.filter_map(|(_, told)| told.read_from).filter(|at| *at <= now).collect();
    runs.sort_unstable();
    runs
}

fn share_of(run: &Run<'_>, selection: Selection) -> Share {
    match selection {
        Selection::Window => Share::Window,
        Selection::Latest => Share::Latest,
        Selection::All => Share::All,
        Selection::Subset(part, parts) => Share::Subset { part, parts },
        Selection::Shard(part, parts) => Share::Shard(Shard { part, parts, run: merge::run_id(run, parts) }),
    }
}

pub(super) fn checked(archive: &Stored, read: Option<ReadAgain>) -> CheckedArchive {
    CheckedArchive {
        name: archive.name.clone(),
        kind: archive.kind,
        file: archive.file().to_owned(),
        sha256: archive.sha256,
        size_bytes: archive.size_bytes,
        created_at: archive.created_at,
        last_read_at: archive.last_read,
        read,
    }
}

/// What is known of bases.
struct Bases {
    /// What they list.
    lists: Known,
    /// Those whose bytes are read without being asked for as bases.
    read: HashSet<Sha256>,
}

/// The archives whose bytes are read at their own turn: in this run; by another machine, whose part is joined with this one;
/// or, where every byte has its turn within a time, in a run within it. The bases of whoever asks for a part alone have none.
fn read_anyway(run: &Run<'_>, selection: Selection, all: &[&Stored], chosen: &[&Stored]) -> HashSet<Sha256> {
    let window_ms = run.request.verify_within_s * 1000;
    let has_turn = |archive: &&&Stored| match selection {
        Selection::Shard(..) => true,
        Selection::Window => archive.last_read.is_some_and(|last| ms_since(run, last) <= window_ms),
        Selection::All | Selection::Latest | Selection::Subset(..) => false,
    };
    all.iter().filter(has_turn).chain(chosen).map(|archive| archive.sha256).collect()
}

/// Reads archives beside each other, with the threads shared out.
fn read_all(run: &Run<'_>, archives: &[&Stored], known: &Bases, watch: &Watch) -> Result<Vec<Outcomes>> {
    watch.expect_bytes(archives.iter().map(|archive| archive.size_bytes).sum());
    let beside = archives.len().min(run.request.threads).clamp(1, BESIDE_MAX);
    let threads = (run.request.threads / beside).max(1);
    let read = crew::each(archives, beside, |archive| read_one(run, archive, known, threads, &watch.child()));
    read.into_iter().collect()
}

/// Reads one archive. What cannot be read is a finding, so that the others are still read.
fn read_one(
    run: &Run<'_>,
    archive: &Stored,
    known: &Bases,
    threads: usize,
    watch: &Watch,
) -> Result<Outcomes> {
    let started = Instant::now();
    let shut = archive.file().ends_with(".age") && run.request.identities.is_empty();
    let depth = if shut { Depth::Ciphertext } else { Depth::Files };
    let read = match depth {
        Depth::Ciphertext => ciphertext(run, archive, watch).map(|findings| (0, findings)),
        Depth::Files => files(run, archive, known, threads, watch),
    };
    let (files, findings) = match read {
        Ok(read) => read,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => (0, vec![unreadable(archive.object.as_str(), &error)]),
    };
    let intact = !findings.iter().any(|finding| finding.severity == Severity::Error);
    let read = ReadAgain { depth, intact, files, duration_ms: started.elapsed().as_millis() as u64 };
    Ok(Outcomes { read, findings })
}

/// What could not be read, and why.
pub(super) fn unreadable(subject: &str, error: &Error) -> Finding {
    Finding::new(Code::Unreadable, subject).actual(error.with_causes())
}

/// The ciphertext against the receipt.
fn ciphertext(run: &Run<'_>, archive: &Stored, watch: &Watch) -> Result<Vec<Finding>> {
    let store = run.request.store;
    let Some(mut reading) = store.read(&archive.object)? else {
        return Ok(vec![Finding::new(Code::Missing, archive.object.as_str())]);
    };
    let (mut digest, mut bytes) = (sha2::Sha256::new(), 0_u64);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        watch.check()?;
        let read = reading.read(&mut buffer).map_err(|error| error_of(error, store.place()))?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
        bytes += read as u64;
        watch.advance(0, read as u64);
    }
    let found = Sha256(digest.finalize().into());
    if found == archive.sha256 && bytes == archive.size_bytes {
        return Ok(Vec::new());
    }
    let finding = Finding::new(Code::Altered, archive.object.as_str());
    let signed = format!("sha256 {}, {} bytes", archive.sha256, archive.size_bytes);
    Ok(vec![finding.expected(signed).actual(format!("sha256 {found}, {bytes} bytes"))])
}

/// Everything that `verify` asks of an archive: receipt, seal, closure, every file; of files that earlier archives hold, what
/// those list, if they are read at their own turn, else their bytes. Gives how many files there are.
fn files(
    run: &Run<'_>,
    archive: &Stored,
    known: &Bases,
    threads: usize,
    watch: &Watch,
) -> Result<(u64, Vec<Finding>)> {
    let shelf = Shelf::Held(run.request.store, run.held);
    let Some(found) = shelf.find(&archive.name)?.filter(|found| found.file_name == archive.file()) else {
        return Ok((0, vec![Finding::new(Code::Missing, archive.object.as_str())]));
    };
    let receipt = match receipt::verify(run.trust, archive.file(), found.receipt.as_deref()) {
        Ok(receipt) => receipt,
        Err(findings) => return Ok((0, findings)),
    };
    let identities = age_identities(run.request.identities);
    let opened = Archive {
        input: found.whole()?,
        path: &found.path,
        identities: found.is_encrypted().then_some(&*identities),
    };
    let unpacked = unpack(opened, Some(limits(&receipt)), None, threads, watch)?;
    let mut outcome = Outcome::default();
    outcome.conclude("receipt", "", receipt::matches(&receipt, archive.file(), &unpacked.file));
    let mut files = 0;
    match unpacked.contents {
        Ok(mut contents) => {
            let chain = Chain { shelf: &shelf, trust: run.trust, identities: &identities, threads };
            match receipt.predicate().bases.iter().all(|base| known.read.contains(&base.sha256)) {
                true => chain.compare(&mut contents, &known.lists, &mut outcome, watch)?,
                false => chain.complete(&mut contents, None, &mut outcome, watch)?,
            }
            let name = &*archive.name;
            let judge = Judge {
                trust: run.trust,
                receipt: Some(&receipt),
                name,
                allow_unsigned: false,
                payload: Presence::Read,
            };
            let report = pack::check(&contents, &judge)?;
            files = report.payload.listed.files;
            outcome.append(report.outcome);
        }
        Err(Error::Refused(findings)) => outcome.conclude("archive", "", findings),
        Err(Error::Unavailable { message, .. }) => shut(&found.path, message, &mut outcome),
        Err(error) => return Err(error),
    }
    Ok((files, outcome.findings().map(|finding| of_archive(finding, archive)).collect()))
}

/// The finding with the archive's name before what it is about.
fn of_archive(finding: &Finding, archive: &Stored) -> Finding {
    let object = archive.object.as_str();
    let inside = finding.subject.rsplit('/').next().is_none_or(|last| !last.starts_with(archive.file()));
    let subject = if inside { format!("{object}: {}", finding.subject) } else { object.to_owned() };
    Finding { subject, ..finding.clone() }
}

/// How much was read, and how much of all within the window.
pub(super) fn coverage(run: &Run<'_>, archives: &[CheckedArchive], since: Timestamp) -> ReadCoverage {
    let window_ms = run.request.verify_within_s * 1000;
    let mut coverage = ReadCoverage { window_ms, ..ReadCoverage::default() };
    let ms = |from: Timestamp| ms_since(run, from);
    for archive in archives {
        coverage.archives_total += 1;
        coverage.bytes_total += archive.size_bytes;
        let last = match &archive.read {
            Some(read) if read.intact => Some(since),
            // What it was when it was read before says nothing of what it is.
            Some(_) => None,
            None => archive.last_read_at,
        };
        if last == Some(since) && archive.read.is_some() {
            coverage.archives_read += 1;
            coverage.bytes_read += archive.size_bytes;
            // Other machines may have read it long ago.
            coverage.longest_unread_ms = coverage.longest_unread_ms.max(ms(since));
        }
        if last.is_some_and(|last| ms(last) <= window_ms) {
            coverage.bytes_within_window += archive.size_bytes;
        }
        let unread = ms(archive.last_read_at.unwrap_or(archive.created_at));
        coverage.longest_unread_ms = coverage.longest_unread_ms.max(unread);
    }
    coverage
}

fn ms_since(run: &Run<'_>, from: Timestamp) -> u64 {
    run.request.state.now.duration_since(from).as_millis().max(0) as u64
}

/// Ends the check.
pub(super) fn conclude(
    run: &Run<'_>,
    archives: &[CheckedArchive],
    coverage: &ReadCoverage,
    since: Timestamp,
    mut findings: Vec<Finding>,
    outcome: &mut Outcome,
) {
    let tried = archives.iter().filter(|archive| archive.read.is_some()).count() as u64;
    if tried == 0 {
        findings.push(Finding::new(Code::NothingChecked, "archives"));
        return outcome.conclude(CHECK, "no archive was read", findings);
    }
    findings.extend(overdue(archives, run, since));
    let deep = archives.iter().filter_map(|archive| archive.read.as_ref());
    let how = match deep.filter(|read| read.depth == Depth::Ciphertext).count() as u64 {
        0 => "each file".to_owned(),
        all if all == tried => "ciphertext alone: no identity was given".to_owned(),
        some => format!("of {some} the ciphertext alone: no identity was given"),
    };
    let window = within(coverage.longest_unread_ms, coverage.window_ms);
    let bytes = size(coverage.bytes_read);
    let broken = tried - coverage.archives_read;
    if broken > 0 && findings.iter().all(|finding| finding.severity == Severity::Warning) {
        findings.push(Finding::new(Code::Altered, count(broken, "archive")).actual("not as signed"));
    }
    let detail = match broken {
        0 => format!("{} read again, {bytes}, {how}; {window}", count(tried, "archive")),
        _ => format!("{} of {} are as signed", coverage.archives_read, count(tried, "archive")),
    };
    outcome.conclude(CHECK, detail, findings);
}

/// `all within 6.8 of 7 d`
fn within(longest_ms: u64, window_ms: u64) -> String {
    match longest_ms <= window_ms {
        true => format!("all within {} of {}", span(longest_ms), limit(window_ms)),
        false => format!("one was not for {}, of {}", span(longest_ms), limit(window_ms)),
    }
}

/// That archives are still not read within the window: no more than a part was asked for, or what was joined is too old.
fn overdue(archives: &[CheckedArchive], run: &Run<'_>, since: Timestamp) -> Option<Finding> {
    let window_ms = run.request.verify_within_s * 1000;
    let last = |archive: &CheckedArchive| match archive.read {
        Some(_) => since,
        None => archive.last_read_at.unwrap_or(archive.created_at),
    };
    let ages = archives.iter().map(|archive| ms_since(run, last(archive)));
    let late: Vec<u64> = ages.filter(|age| *age > window_ms).collect();
    let longest = late.iter().max()?;
    let finding = Finding::new(Code::UnreadTooLong, count(late.len() as u64, "archive"));
    Some(
        finding
            .expected(format!("read again within {}", limit(window_ms)))
            .actual(format!("not for {}", span(*longest))),
    )
}
