//! The drills of a store: reports that are the ones which were signed, those of the newest drills, each of them read once.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::Sha256;
use crate::format::drill_report::{DrillReport, DrillResult, FILE, REPORT_BYTES_MAX};
use crate::format::leaf::What;
use crate::format::units::number;
use crate::report::store::{DrillFacts, EventFacts, ReportRef};
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// Where drills leave their reports.
pub const DRILLS: &str = "reports/drill";

/// Drills whose reports are read, the newest ones: twenty years of weekly ones.
pub const DRILLS_MAX: usize = 1_000;

/// Reports that are read to find that of one drill: its folder has no more than the beginning of its id.
const NAMESAKES_MAX: usize = 4;

/// What was read of reports before, so that whoever looks again reads what is new. A few hundred bytes for each.
#[derive(Default)]
pub struct Reports(BTreeMap<ObjectName, Known>);

/// A report as it was read, and by what it is known again.
#[derive(Clone)]
struct Known {
    size: u64,
    modified: Timestamp,
    /// Its digest, and what it says; `None` if it is none.
    says: Option<(String, DrillFacts)>,
}

/// The reports that lie in a store, by project and beginning of the drill's id.
pub struct Shelves(HashMap<(String, String), Vec<Entry>>);

impl Shelves {
    /// Looks at what lies there. Folders are `PROJECT-20261120T010002Z-1A2B3C4D`.
    pub fn of(store: &dyn Store) -> Result<Shelves> {
        let mut shelves: HashMap<_, Vec<Entry>> = HashMap::new();
        for entry in store.list(DRILLS)?.entries.into_iter().filter(|entry| entry.name.file_name() == FILE) {
            if let Some((project, id)) = of_drill(folder(&entry.name)) {
                shelves.entry((project.to_owned(), id.to_owned())).or_default().push(entry);
            }
        }
        Ok(Shelves(shelves))
    }

    /// Those that could be of a drill, a few at most; its digest tells which one is.
    pub fn at(&self, project: &str, drill_id: &str) -> &[Entry] {
        let key = (project.to_owned(), DrillReport::short_id(drill_id).to_owned());
        let there = self.0.get(&key).map_or(&[][..], Vec::as_slice);
        &there[..there.len().min(NAMESAKES_MAX)]
    }
}

impl Reports {
    /// The newest drills whose report is the one that was signed, in the order of the log. An event comes with the id of
    /// its drill as its report's name, and learns the folder. One whose report is gone or altered has none, and is a finding
    /// of `outcome`; one that is too old to be read has none either, and how many those are is said there.
    pub(super) fn of(
        &mut self,
        store: &dyn Store,
        events: &mut [EventFacts],
        outcome: &mut Outcome,
    ) -> Result<Vec<DrillFacts>> {
        let is_signed = |event: &&mut EventFacts| event.what == What::Drilled && event.report.is_some();
        let mut drilled: Vec<&mut EventFacts> = events.iter_mut().filter(is_signed).collect();
        if drilled.is_empty() {
            return Ok(Vec::new());
        }
        let (signed, older) = (drilled.len(), drilled.len().saturating_sub(DRILLS_MAX));
        drilled.drain(..older).for_each(|event| event.report = None);
        let (shelves, mut before) = (Shelves::of(store)?, std::mem::take(&mut self.0));
        let (mut told, mut findings) = (Vec::new(), Vec::new());
        for event in drilled {
            let Some(of_drill) = event.report.take() else { continue };
            let there = shelves.at(&event.project, &of_drill.name);
            match self.find(store, there, &of_drill.sha256, &mut before)? {
                Some(drill) => {
                    let (leaf, name) = (event.index, event.name.clone());
                    event.report = Some(ReportRef { name: drill.report.clone(), ..of_drill });
                    told.push(DrillFacts { leaf, name, ..drill });
                }
                None => findings.push(unfound(event, &of_drill, there)),
            }
        }
        let unread = if older == 0 {
            String::new()
        } else {
            format!("; {} older ones were not read", number(older as u64))
        };
        let found = format!(
            "{} of {} reports are those that were signed{unread}",
            number(told.len() as u64),
            number(signed as u64)
        );
        outcome.conclude("drill reports", found, findings);
        Ok(told)
    }

    /// The report of this digest among those that could be of the drill.
    fn find(
        &mut self,
        store: &dyn Store,
        there: &[Entry],
        signed: &str,
        before: &mut BTreeMap<ObjectName, Known>,
    ) -> Result<Option<DrillFacts>> {
        for entry in there {
            let says = self.read(store, entry, before)?;
            if let Some((_, drill)) = says.filter(|(sha256, _)| sha256 == signed) {
                return Ok(Some(drill));
            }
        }
        Ok(None)
    }

    /// What one says; read only where it is new or other than it was. What is asked for by nobody is forgotten.
    fn read(
        &mut self,
        store: &dyn Store,
        entry: &Entry,
        before: &mut BTreeMap<ObjectName, Known>,
    ) -> Result<Option<(String, DrillFacts)>> {
        let Entry { name, size, modified } = entry;
        if let Some(known) = self.0.get(name) {
            return Ok(known.says.clone());
        }
        let same = before.remove(name).filter(|known| (known.size, known.modified) == (*size, *modified));
        let known = match same {
            Some(known) => known,
            None => Known { size: *size, modified: *modified, says: says(store, name)? },
        };
        let says = known.says.clone();
        self.0.insert(name.clone(), known);
        Ok(says)
    }
}

/// What is wrong where no report is the one that was signed.
fn unfound(event: &EventFacts, signed: &ReportRef, there: &[Entry]) -> Finding {
    let expected = format!("sha256 {}", signed.sha256);
    match there.first() {
        Some(entry) => Finding::new(Code::Altered, entry.name.to_string())
            .expected(expected)
            .actual(format!("not the report that was signed for leaf {}", event.index)),
        None => Finding::new(
            Code::Missing,
            format!("{DRILLS}/{}-…-{}/{FILE}", event.project, DrillReport::short_id(&signed.name)),
        )
        .expected(format!("{expected}, the report of the drill of {}, leaf {}", event.name, event.index)),
    }
}

/// One report. What cannot be read as one is none; being interrupted ends it all.
fn says(store: &dyn Store, name: &ObjectName) -> Result<Option<(String, DrillFacts)>> {
    let bytes = match store.get(name, REPORT_BYTES_MAX) {
        Ok(Some((bytes, _))) => bytes,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Ok(None) | Err(_) => return Ok(None),
    };
    let report = DrillReport::parse(&bytes).ok();
    Ok(report.map(|report| (Sha256::of(&bytes).to_string(), drill(&report, folder(name)))))
}

/// `(PROJECT, 1A2B3C4D)`
fn of_drill(folder: &str) -> Option<(&str, &str)> {
    let (dated, id) = folder.rsplit_once('-')?;
    Some((dated.rsplit_once('-')?.0, id))
}

fn folder(name: &ObjectName) -> &str {
    name.parent().and_then(|parent| parent.rsplit('/').next()).unwrap_or_default()
}

fn drill(report: &DrillReport, folder: &str) -> DrillFacts {
    let objectives = &report.objectives;
    let (rto, rpo) = (objectives.rto(), objectives.rpo());
    DrillFacts {
        leaf: 0,
        drill_id: report.drill_id.clone(),
        report: folder.to_owned(),
        name: report.archive.name.clone(),
        finished_at: report.finished_at,
        passed: report.result == DrillResult::Passed,
        rto_ms: rto.measured_ms,
        rto_target_ms: objectives.rto_target_ms,
        rpo_ms: rpo.and_then(|rpo| rpo.measured_ms),
        rpo_target_ms: objectives.rpo_target_ms,
        has_rpo: rpo.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    fn name(at: usize) -> ObjectName {
        ObjectName::new(&format!("{DRILLS}/shop-20261101T010002Z-{at:08}/{FILE}")).unwrap()
    }

    /// A drill that the log has, with this report.
    fn drilled(at: usize, report: &[u8]) -> EventFacts {
        EventFacts {
            index: at as u64,
            what: What::Drilled,
            project: "shop".to_owned(),
            name: format!("shop-{at}"),
            time: Timestamp::UNIX_EPOCH,
            passed: Some(true),
            by: None,
            report: Some(ReportRef {
                name: format!("{at:08}-5a0e-4c8e"),
                sha256: Sha256::of(report).to_string(),
            }),
        }
    }

    /// How many drills are told, how many reports were read for that, and what was found.
    fn look(reports: &mut Reports, host: &Memory, events: &[EventFacts]) -> (usize, usize, Vec<Finding>) {
        let (before, mut outcome) = (host.calls().len(), Outcome::default());
        let told = reports.of(host, &mut events.to_vec(), &mut outcome).unwrap().len();
        let read = host.calls()[before..].iter().filter(|call| call.starts_with("get")).count();
        (told, read, outcome.checks.into_iter().flat_map(|check| check.findings).collect())
    }

    fn put(host: &Memory, at: usize, text: &[u8]) {
        host.host().delete(&name(at)).unwrap();
        host.host().create(&name(at), text).unwrap();
    }

    #[test]
    fn each_report_is_read_once() {
        let (host, mut reports) = (Memory::new(), Reports::default());
        let report = crate::format::drill_report::tests::report().to_bytes();
        let mut events: Vec<EventFacts> = (1..4).map(|at| drilled(at, &report)).collect();
        (1..4).for_each(|at| put(&host, at, &report));
        assert_eq!(look(&mut reports, &host, &events), (3, 3, Vec::new()));
        assert_eq!(look(&mut reports, &host, &events), (3, 0, Vec::new()));
        put(&host, 4, &report);
        assert_eq!(look(&mut reports, &host, &events), (3, 0, Vec::new()), "nobody signed it");
        events.push(drilled(4, &report));
        assert_eq!(look(&mut reports, &host, &events), (4, 1, Vec::new()));
    }

    #[test]
    fn what_is_altered_or_gone_is_found() {
        let (host, mut reports) = (Memory::new(), Reports::default());
        let report = crate::format::drill_report::tests::report().to_bytes();
        let events: Vec<EventFacts> = (1..4).map(|at| drilled(at, &report)).collect();
        (1..4).for_each(|at| put(&host, at, &report));
        assert_eq!(look(&mut reports, &host, &events).0, 3);
        put(&host, 1, b"another");
        host.host().delete(&name(2)).unwrap();
        let (told, read, findings) = look(&mut reports, &host, &events);
        assert_eq!((told, read), (1, 1));
        let found: Vec<(Code, &str)> =
            findings.iter().map(|finding| (finding.code, &*finding.subject)).collect();
        assert_eq!(found[0], (Code::Altered, &*name(1).to_string()));
        assert_eq!(found[1].0, Code::Missing);
        assert!(
            found.len() == 2 && found[1].1.contains("shop") && found[1].1.contains("00000002"),
            "{found:?}"
        );
        // Of another project, or another drill, it is none of this one's.
        put(&host, 2, &report);
        let mut other = events;
        other[1].project = "other".to_owned();
        assert_eq!(look(&mut reports, &host, &other).2.len(), 2);
    }

    #[test]
    fn of_too_many_the_newest_are_read_and_the_rest_is_said() {
        let (host, mut reports) = (Memory::new(), Reports::default());
        let report = crate::format::drill_report::tests::report().to_bytes();
        let mut events: Vec<EventFacts> = (0..DRILLS_MAX + 2).map(|at| drilled(at, &report)).collect();
        (0..events.len()).for_each(|at| put(&host, at, &report));
        let mut outcome = Outcome::default();
        let told = reports.of(&host, &mut events, &mut outcome).unwrap();
        assert_eq!((told.len(), told[0].leaf), (DRILLS_MAX, 2));
        assert!(events[..2].iter().all(|event| event.report.is_none()));
        assert_eq!(
            outcome.checks[0].detail,
            "1,000 of 1,002 reports are those that were signed; 2 older ones were not read"
        );
        assert!(outcome.checks[0].findings.is_empty());
    }
}
