//! The drills of a store: reports that are the ones which were signed, the newest first to be read, each of them once.

use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::format::drill_report::{DrillReport, DrillResult, FILE, REPORT_BYTES_MAX};
use crate::format::leaf::What;
use crate::report::store::{DrillFacts, EventFacts, ReportRef};
use crate::store::{Entry, ObjectName, Store};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// Where drills leave their reports.
pub const DRILLS: &str = "reports/drill";

/// Drill reports that are read, the newest first: twenty years of weekly ones.
const DRILLS_MAX: usize = 1_000;

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

impl Reports {
    /// The newest drills of a project, or of all, whose report is the one that was signed, in the order of the log. Each
    /// event learns where its report lies; one that is gone or altered has none.
    pub(super) fn of(
        &mut self,
        store: &dyn Store,
        project: Option<&str>,
        events: &mut [EventFacts],
    ) -> Result<Vec<DrillFacts>> {
        let mut drilled: Vec<&mut EventFacts> =
            events.iter_mut().filter(|event| event.what == What::Drilled).collect();
        if drilled.is_empty() {
            return Ok(Vec::new());
        }
        self.read(store, newest(store.list(DRILLS)?.entries, project))?;
        let says = self.0.values().filter_map(|known| known.says.as_ref());
        let mut by_digest: HashMap<&str, &DrillFacts> =
            says.map(|(sha256, drill)| (&**sha256, drill)).collect();
        let mut told = Vec::new();
        for event in &mut drilled {
            let Some(signed) = event.report.take() else { continue };
            let Some(drill) = by_digest.remove(&*signed.sha256) else { continue };
            event.report = Some(ReportRef { name: drill.report.clone(), ..signed });
            told.push(DrillFacts { name: event.name.clone(), ..drill.clone() });
        }
        Ok(told)
    }

    /// Reads those that are new or other than they were, and forgets those that are not among them.
    fn read(&mut self, store: &dyn Store, entries: Vec<Entry>) -> Result<()> {
        let mut before = std::mem::take(&mut self.0);
        for Entry { name, size, modified } in entries {
            let same = before.remove(&name).filter(|known| (known.size, known.modified) == (size, modified));
            let known = match same {
                Some(known) => known,
                None => Known { size, modified, says: says(store, &name)? },
            };
            self.0.insert(name, known);
        }
        Ok(())
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

/// The newest reports: their folders are `PROJECT-20261120T010002Z-1A2B3C4D`, so of several projects the names do not sort by
/// time.
fn newest(entries: Vec<Entry>, project: Option<&str>) -> Vec<Entry> {
    let mut dated: Vec<(String, Entry)> = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.name.file_name() == FILE) {
        let Some((of, stamp)) = dated_folder(folder(&entry.name)) else { continue };
        if project.is_none_or(|project| project == of) {
            dated.push((stamp.to_owned(), entry));
        }
    }
    dated.sort_by(|(a, _), (b, _)| b.cmp(a));
    dated.truncate(DRILLS_MAX);
    dated.into_iter().map(|(_, entry)| entry).collect()
}

/// `(PROJECT, 20261120T010002Z)`
fn dated_folder(folder: &str) -> Option<(&str, &str)> {
    folder.rsplit_once('-')?.0.rsplit_once('-')
}

fn folder(name: &ObjectName) -> &str {
    name.parent().and_then(|parent| parent.rsplit('/').next()).unwrap_or_default()
}

fn drill(report: &DrillReport, folder: &str) -> DrillFacts {
    let objectives = &report.objectives;
    let (rto, rpo) = (objectives.rto(), objectives.rpo());
    DrillFacts {
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

    fn entry(folder: &str, file: &str) -> Entry {
        let name = ObjectName::new(&format!("{DRILLS}/{folder}/{file}")).unwrap();
        Entry { name, size: 1, modified: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn each_report_is_read_once() {
        let host = Memory::new();
        let put = |at: u8, text: &[u8]| {
            let name = entry(&format!("shop-202611{at:02}T010002Z-1a2b3c4d"), FILE).name;
            host.host().delete(&name).unwrap();
            host.host().create(&name, text).unwrap();
        };
        let report = crate::format::drill_report::tests::report().to_bytes();
        (1..4).for_each(|at| put(at, &report));
        let event = EventFacts {
            index: 0,
            what: What::Drilled,
            project: "shop".to_owned(),
            name: "shop-1".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            passed: Some(true),
            by: None,
            report: Some(ReportRef { name: FILE.to_owned(), sha256: Sha256::of(&report).to_string() }),
        };
        let mut reports = Reports::default();
        let mut look = || {
            let before = host.calls().len();
            let told = reports.of(&host, Some("shop"), &mut [event.clone()]).unwrap().len();
            let read = host.calls()[before..].iter().filter(|call| call.starts_with("get")).count();
            (told, read)
        };
        assert_eq!(look(), (1, 3));
        assert_eq!(look(), (1, 0));
        put(4, b"no report at all");
        assert_eq!(look(), (1, 1));
        assert_eq!(look(), (1, 0));
        (1..4).for_each(|at| put(at, b"another"));
        assert_eq!(look(), (0, 3), "what lies there now is another");
    }

    #[test]
    fn of_several_projects_the_newest_win() {
        let mut entries: Vec<Entry> =
            (0..DRILLS_MAX).map(|at| entry(&format!("z-2020{at:04}T010002Z-1a2b3c4d"), FILE)).collect();
        entries.push(entry("a-b-20261120T010002Z-1a2b3c4d", FILE));
        entries.push(entry("a-b-20261120T010002Z-1a2b3c4d", "drill_report.html"));
        entries.push(entry("nothing", FILE));
        let found = newest(entries.clone(), None);
        assert_eq!((found.len(), folder(&found[0].name)), (DRILLS_MAX, "a-b-20261120T010002Z-1a2b3c4d"));
        assert!(found.iter().all(|entry| folder(&entry.name) != "z-20200000T010002Z-1a2b3c4d"));
        assert_eq!(newest(entries.clone(), Some("a-b")).len(), 1);
        assert_eq!(newest(entries, Some("a")).len(), 0);
    }
}
