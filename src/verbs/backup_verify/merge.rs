//! Work that many machines share without a coordinator: each reads its part and signs a report of it; one joins the reports,
//! and misses none. What a part is follows from the log alone, so every machine that sees the same log comes to the same
//! parts.

use crate::evidence::logged::Logged;
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::Sha256;
use crate::format::leaf::What;
use crate::format::units::{limit, span};
use crate::format::verify_report::{
    CheckResult, CheckedArchive, FoundBy, ReadAgain, Shard, Share, VerifyReport,
};
use crate::format::verify_result::VerifyResult;
use crate::keys::right::Right;
use crate::keys::verify::Expect;
use crate::verbs::backup_verify::Run;
use crate::verbs::backup_verify::archives::{Archive, Archives};
use crate::verbs::backup_verify::contents::{self, Contents};
use std::collections::{BTreeMap, HashMap};

/// A report of a part, as it was found.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its file's name.
    pub name: String,
    /// The report.
    pub report: Vec<u8>,
    /// Its signature; `None` if there is none.
    pub bundle: Option<Vec<u8>>,
}

/// What the shards of one run have in common, as a digest.
pub(super) fn run_id(run: &Run<'_>, parts: u32) -> String {
    let head = run.logged.map(|logged| logged.leaves.head.checkpoint());
    let (origin, size, root) =
        head.map_or(("", 0, Sha256::default()), |head| (&*head.origin, head.size, head.root));
    run_id_at(run, parts, (origin, size, root))
}

fn run_id_at(run: &Run<'_>, parts: u32, log: (&str, u64, Sha256)) -> String {
    let policy = run.request.policy.sha256;
    let (origin, size, root) = log;
    let text = format!("{}\n{policy}\n{origin}\n{size}\n{root}\n{parts}\n", run.project);
    Sha256::of(text.as_bytes()).to_string()
}

/// The archives that are shared out: those that the log has.
pub(super) fn shared_out(found: &Archives) -> Vec<&Archive> {
    found.all.iter().filter(|archive| archive.leaf.is_some()).collect()
}

/// Joins the reports of all parts.
pub(super) fn join(run: &Run<'_>, found: &Archives, parts: &[Part], outcome: &mut Outcome) -> Contents {
    let mut findings = Vec::new();
    let mut reports: Vec<(String, VerifyReport)> = Vec::new();
    for part in parts {
        match believed(run, part) {
            Ok(report) => reports.push((part.name.clone(), report)),
            Err(found) => findings.extend(found),
        }
    }
    let of = reports.first().and_then(|(_, report)| report.shard().cloned());
    let joined = joined(&reports, of.as_ref(), &mut findings);
    let since = joined.values().map(|report| report.started_at).min().unwrap_or(run.started);
    // Of two that claim to be the same part, both say what they found.
    let of_run =
        |report: &&VerifyReport| report.shard().map(|shard| &shard.run) == of.as_ref().map(|of| &of.run);
    for report in reports.iter().map(|(_, report)| report).filter(of_run) {
        findings.extend(all_of(report));
    }
    let archives = archives(run, found, &joined, &mut findings);
    let mut coverage = contents::coverage(run, &archives, since);
    found.add_unproven(&mut coverage);
    contents::conclude(run, &archives, &coverage, since, findings, outcome);
    let share = match of {
        Some(Shard { parts, run, .. }) => Share::Merged { parts, run },
        None => Share::Merged { parts: 0, run: String::new() },
    };
    Contents { share, since, archives, coverage, shared_out_at: None }
}

/// The report, if who may `verify` signed it, and it is a shard of this check.
fn believed(run: &Run<'_>, part: &Part) -> Result<VerifyReport, Vec<Finding>> {
    let file = part.name.rsplit('/').next().unwrap_or(&part.name);
    let refused = |code, why: &str| vec![Finding::new(code, &*part.name).actual(why)];
    let Some(bundle) = &part.bundle else {
        return Err(refused(Code::SignatureInvalid, "no signature lies beside it"));
    };
    let expect = Expect { file: &part.name, right: Right::Verify, project: Some(run.project), kind: None };
    let signed = run.trust.verify::<VerifyResult>(bundle, expect, None).map_err(|finding| vec![finding])?;
    // The report is the one subject that is no archive.
    let digest = Sha256::of(&part.report);
    let subject = signed.statement().subject.iter().find(|subject| subject.name.ends_with(".json"));
    let Some(subject) = subject else { return Err(refused(Code::StatementInvalid, "it is of no report")) };
    if subject.digest.sha256 != digest {
        let finding =
            Finding::new(Code::Altered, &*part.name).expected(format!("sha256 {}", subject.digest.sha256));
        return Err(vec![finding.actual(format!("sha256 {digest}"))]);
    }
    let report = VerifyReport::parse(&part.report)
        .map_err(|error| refused(Code::ManifestInvalid, &format!("{file}: {error}")))?;
    belongs(run, &report).map_err(|why| refused(Code::ShardForeign, &why))?;
    Ok(report)
}

/// Why a report is no part of this check.
fn belongs(run: &Run<'_>, report: &VerifyReport) -> Result<(), String> {
    let Some(shard) = report.shard() else { return Err("it is no shard".to_owned()) };
    if report.project != run.project {
        return Err(format!("it is of the project {}", report.project));
    }
    if report.policy.sha256 != run.request.policy.sha256 {
        return Err(format!("it is of the policy {}", report.policy.sha256));
    }
    let Some((log, logged)) = report.log.as_ref().zip(run.logged) else {
        return Err("no log that holds says which archives there are".to_owned());
    };
    if logged.leaves.root_at(log.size) != Some(log.root) {
        return Err(format!("it is of another log, of {} leaves", log.size));
    }
    if run_id_at(run, shard.parts, (&log.origin, log.size, log.root)) != shard.run {
        return Err("what it is a part of is not what it says".to_owned());
    }
    is_of_now(run, report, logged, log.size)
}

/// Why a report of this check is of an earlier night: a check that passed was logged after its part had seen the log, or it
/// is older than the newest backup may be. Parts of a check that failed may be joined again, with what was missing.
fn is_of_now(run: &Run<'_>, report: &VerifyReport, logged: &Logged, seen: u64) -> Result<(), String> {
    let mut later = logged.leaves.leaves.iter().zip(&logged.told).enumerate().skip(seen as usize);
    let concluded = later.find(|(_, (leaf, told))| {
        let passed = told.as_ref().is_some_and(|told| told.passed);
        leaf.what == What::Verified && leaf.project == run.project && passed
    });
    if let Some((at, _)) = concluded {
        return Err(format!("leaf {at} concludes a check that came after it"));
    }
    let age_ms = run.request.state.now.duration_since(report.started_at).as_millis().max(0) as u64;
    if age_ms > run.request.max_age_s * 1000 {
        let most = limit(run.request.max_age_s * 1000);
        return Err(format!("it began {} ago, and a part counts for {most}", span(age_ms)));
    }
    Ok(())
}

/// The parts of one run, each once; says of any other what it is, and which is not there.
fn joined<'r>(
    reports: &'r [(String, VerifyReport)],
    of: Option<&Shard>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<u32, &'r VerifyReport> {
    let mut joined = BTreeMap::new();
    let Some(of) = of else {
        findings
            .push(Finding::new(Code::ShardMissing, "every part").actual("no report that counts was given"));
        return joined;
    };
    for (name, report) in reports {
        let Some(shard) = report.shard() else { continue };
        if shard.run != of.run {
            let (is, first) = (about(report, shard), about(&reports[0].1, of));
            findings.push(Finding::new(Code::ShardForeign, name).expected(first).actual(is));
        } else if joined.insert(shard.part, report).is_some() {
            let finding = Finding::new(Code::ShardTwice, name);
            findings.push(finding.actual(format!("part {} of {}", shard.part, shard.parts)));
        }
    }
    for part in (0..of.parts).filter(|part| !joined.contains_key(part)) {
        let finding = Finding::new(Code::ShardMissing, format!("part {part} of {}", of.parts));
        findings.push(finding.expected(format!("parts 0 to {}", of.parts - 1)));
    }
    joined
}

fn about(report: &VerifyReport, shard: &Shard) -> String {
    let leaves = report.log.as_ref().map_or(0, |log| log.size);
    format!("a part of {}, at {leaves} leaves", shard.parts)
}

/// Everything that a shard found; that it failed, where it does not say of what.
fn all_of(report: &VerifyReport) -> Vec<Finding> {
    let mut findings: Vec<Finding> = report.findings.iter().filter_map(retold).collect();
    if report.result == CheckResult::Failed && report.findings.iter().all(|found| found.severity != "error") {
        let finding = Finding::new(Code::ShardForeign, report.file_name());
        findings.push(finding.actual(format!("it {}, and does not say of what", report.verdict)));
    }
    findings
}

/// What a shard found. That its host had not seen the log before says nothing of the log.
fn retold(found: &FoundBy) -> Option<Finding> {
    if found.code == Code::LogNotRemembered.as_str() {
        return None;
    }
    let known = Code::ALL.iter().copied().find(|code| code.as_str() == found.code);
    let Some(code) = known else {
        let told = match &*found.severity {
            "warning" => Finding::warning(Code::ShardForeign, &*found.subject),
            _ => Finding::new(Code::ShardForeign, &*found.subject),
        };
        let why = format!("its part found `{}`, which this version does not know", found.code);
        return Some(told.actual(why));
    };
    let mut finding = match &*found.severity {
        "warning" => Finding::warning(code, &*found.subject),
        _ => Finding::new(code, &*found.subject),
    };
    finding.expected.clone_from(&found.expected);
    finding.actual.clone_from(&found.actual);
    Some(finding)
}

/// Every archive of the store, with what its part says of it. One that the log had then and no part has read is a finding.
fn archives(
    run: &Run<'_>,
    found: &Archives,
    joined: &BTreeMap<u32, &VerifyReport>,
    findings: &mut Vec<Finding>,
) -> Vec<CheckedArchive> {
    let size =
        joined.values().filter_map(|report| report.log.as_ref()).map(|log| log.size).min().unwrap_or(0);
    let whole =
        joined.values().filter_map(|report| report.shard()).all(|shard| joined.len() == shard.parts as usize);
    let said = joined.values().flat_map(|report| &report.archives);
    let reads = said.filter_map(|said| Some((said.sha256, said.read.as_ref()?)));
    // Of an archive that two parts have read, what does not hold in one does not hold.
    let mut read: HashMap<Sha256, &ReadAgain> = HashMap::new();
    for (sha256, again) in reads {
        let known = read.entry(sha256).or_insert(again);
        *known = if known.intact { again } else { known };
    }
    let mut all = Vec::new();
    for archive in &found.all {
        let read = read.get(&archive.sha256).copied().cloned();
        // Where a part is not there, that says it.
        if read.is_none() && whole && archive.leaf.is_some_and(|leaf| leaf < size) {
            let finding = Finding::new(Code::ShardMissing, archive.object.as_str());
            findings.push(finding.actual(format!("no part of {} has read it", run.project)));
        }
        all.push(contents::checked(archive, read));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::format::verify_report::tests::report;

    #[test]
    fn a_part_that_failed_is_never_taken_as_well() {
        let passed = report(Share::All);
        assert!(all_of(&passed).is_empty());
        let failed = VerifyReport { result: CheckResult::Failed, verdict: "refuted".to_owned(), ..passed };
        let told = all_of(&failed);
        assert_eq!((told.len(), told[0].code, told[0].severity), (1, Code::ShardForeign, Severity::Error));
        let warning = FoundBy::new("contents", &Finding::warning(Code::PathCollision, "A"));
        let warned = VerifyReport { findings: vec![warning], ..failed.clone() };
        let codes: Vec<Code> = all_of(&warned).iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::PathCollision, Code::ShardForeign]);
        let found = FoundBy::new("contents", &Finding::new(Code::Altered, "archives/a"));
        let said = VerifyReport { findings: vec![found], ..failed.clone() };
        assert_eq!(all_of(&said).iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Altered]);
        // That its host had not seen the log says nothing of the log, and is why it failed.
        let first = FoundBy::new("log", &Finding::new(Code::LogNotRemembered, "log/checkpoint"));
        assert!(all_of(&VerifyReport { findings: vec![first], ..failed }).is_empty());
    }

    #[test]
    fn what_a_newer_version_found_is_not_taken_as_well() {
        let finding = Finding::new(Code::Altered, "archives/a.tar.zst.age").actual("sha256 0");
        let found = FoundBy::new("contents", &finding);
        assert_eq!(
            retold(&found).map(|told| (told.code, told.actual)),
            Some((Code::Altered, finding.actual))
        );
        let later = FoundBy { code: "from-tomorrow".to_owned(), ..found };
        let told = retold(&later).expect("it is told");
        assert_eq!((told.code, told.severity), (Code::ShardForeign, Severity::Error));
        let warning = FoundBy { severity: "warning".to_owned(), ..later.clone() };
        let told = retold(&warning).expect("a warning is told, too");
        assert_eq!((told.code, told.severity), (Code::ShardForeign, Severity::Warning));
        let neither = FoundBy { severity: "grave".to_owned(), ..later };
        assert_eq!(retold(&neither).map(|told| told.severity), Some(Severity::Error));
    }
}
