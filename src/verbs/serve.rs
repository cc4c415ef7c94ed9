//! `serve`: what the console asks about a store. Nothing is started, nothing is written but what this host remembers of
//! the log.

use crate::console::{About, Source, Wanted};
use crate::error::{Error, Result};
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::pruned::Retention;
use crate::format::digest::Sha256;
use crate::format::drill_report::{DrillReport, FILE, REPORT_BYTES_MAX};
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::verify_report::{self, FOLDER, VerifyReport};
use crate::keys::trust::Trust;
use crate::log::CHECKPOINT;
use crate::log::state::State;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::report::shell::Place;
use crate::report::store::{EventFacts, StoreFacts};
use crate::report::{drill, pack, verification};
use crate::store::{ObjectName, Revision, Store};
use crate::verbs::fetch;
use crate::verbs::report::drills::DRILLS;
use crate::verbs::report::store::Earlier;
use crate::verbs::report::{metrics, pack as pack_report, store as store_report};
use crate::verbs::verify::{self, Request};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The largest checkpoint that is read to see whether it changed.
const NOTE_BYTES_MAX: usize = 1 << 20;

/// By what a store is judged.
pub struct Judge {
    /// Who may sign what lies there.
    pub trust: Trust,
    /// The policy that says how often what is to be done.
    pub policy: Option<Policy>,
    /// Whose leaves count; `None`: those of every project in the store.
    pub project: Option<String>,
    /// What it keeps.
    pub retention: Option<Retention>,
    /// What runs on this host have written for a collector of metrics.
    pub textfile: Option<PathBuf>,
}

impl Judge {
    /// The digest of the policy.
    fn policy_sha256(&self) -> Option<Sha256> {
        self.policy.as_ref().map(|policy| policy.sha256)
    }
}

/// A store, and by what it is judged.
pub struct Served<'a> {
    /// The store, opened anew whenever something is asked of it.
    pub store: Box<dyn Store>,
    /// By what it was judged last.
    pub judge: Judge,
    /// Reads trust and policy as they are now: at each look, so that what changes in them counts from then on.
    pub judges: &'a dyn Fn() -> Result<Judge>,
    /// Which log it must be; `None` takes the one that is there.
    pub origin: Option<&'a str>,
    /// Where this host remembers logs.
    pub state: &'a Path,
    /// Whether it may be the first time that this host sees it.
    pub first: bool,
    /// The present.
    pub clock: fn() -> Timestamp,
    /// Progress and interruption.
    pub watch: &'a Watch,
    /// A text without what nobody may read on a page.
    pub masked: &'a dyn Fn(&str) -> String,
    /// What the last look saw.
    pub seen: Seen,
    /// What earlier looks have read.
    pub earlier: Earlier,
}

/// What the last look saw.
#[derive(Default)]
pub struct Seen {
    checkpoint: Option<Revision>,
    events: Vec<EventFacts>,
    releases: Vec<String>,
}

impl Source for Served<'_> {
    fn look(&mut self, whole: bool) -> Result<StoreFacts> {
        if whole {
            self.earlier.forget_statements();
        }
        self.judge = (self.judges)()?;
        self.open()?;
        // Before anything else, so that what comes meanwhile is seen by the next look.
        let checkpoint = self.checkpoint()?;
        let request = store_report::Request {
            store: &*self.store,
            trust: &self.judge.trust,
            origin: self.origin,
            state: State { folder: Some(self.state), now: (self.clock)() },
            first: self.first,
            policy: self.judge.policy.as_ref(),
            project: self.judge.project.as_deref(),
            retention: self.judge.retention.as_ref(),
        };
        let (facts, _) = store_report::look(&request, &mut self.earlier)?;
        let releases = facts.archives.iter().filter(|archive| archive.kind == Kind::Release);
        self.seen = Seen {
            checkpoint,
            events: facts.events.clone(),
            releases: releases.map(|archive| archive.name.clone()).collect(),
        };
        Ok(facts)
    }

    fn changed(&mut self) -> Result<bool> {
        let now = (self.judges)()?;
        self.open()?;
        let is_other = (now.policy_sha256(), &now.trust) != (self.judge.policy_sha256(), &self.judge.trust);
        Ok(is_other || self.checkpoint()? != self.seen.checkpoint)
    }

    fn read(&mut self, wanted: &Wanted) -> Result<Option<Vec<u8>>> {
        self.open()?;
        match wanted.what {
            About::Pack => self.pack(wanted),
            About::Drill => self.drill(wanted),
            About::Verification => self.verification(wanted),
        }
    }

    fn told(&self, error: &Error) -> String {
        (self.masked)(&error.with_causes())
    }

    fn metrics(&self, facts: &StoreFacts, now: Timestamp) -> String {
        metrics::text(facts, self.judge.policy.as_ref(), self.judge.textfile.as_deref(), now)
    }
}

/// The console, where a page is shown.
const CONSOLE: Place<'static> = Place::Console { trouble: None };

impl Served<'_> {
    fn open(&mut self) -> Result<()> {
        if let Some(store) = self.store.again()? {
            self.store = store;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<Option<Revision>> {
        let note = self.store.get(&ObjectName::new(CHECKPOINT)?, NOTE_BYTES_MAX)?;
        Ok(note.map(|(_, revision)| revision))
    }

    /// A release by its evidence: the archive stays where it is.
    fn pack(&self, wanted: &Wanted) -> Result<Option<Vec<u8>>> {
        if !self.seen.releases.contains(&wanted.name) {
            return Ok(None);
        }
        let fetched = fetch::evidence(&*self.store, &wanted.name, self.watch)?;
        let shelf = Shelf::Store(&*self.store);
        let request = Request {
            target: fetched.target.clone(),
            shelf: Some(&shelf),
            trust: &self.judge.trust,
            identities: &[],
            tree: None,
            evidence_only: true,
            allow_unsigned: false,
            approvals: true,
            policy: None,
            threads: 1,
        };
        let verified = verify::verify(&request, self.watch)?;
        let named = format!("{} in {}", wanted.name, self.store.place());
        let report =
            pack_report::report(&named, &fetched.target, &verified, &self.judge.trust, (self.clock)())?;
        Ok(Some(if wanted.as_page { pack::page(&report, CONSOLE).into_bytes() } else { document(&report)? }))
    }

    fn drill(&self, wanted: &Wanted) -> Result<Option<Vec<u8>>> {
        let object = format!("{DRILLS}/{}/{FILE}", wanted.name);
        let Some(bytes) = self.signed(What::Drilled, wanted, &object, REPORT_BYTES_MAX)? else {
            return Ok(None);
        };
        page_or(wanted, bytes, |bytes| Ok(drill::page_in(&DrillReport::parse(bytes)?, CONSOLE)))
    }

    fn verification(&self, wanted: &Wanted) -> Result<Option<Vec<u8>>> {
        let object = format!("{FOLDER}/{}.json", wanted.name);
        let most = verify_report::REPORT_BYTES_MAX;
        let Some(bytes) = self.signed(What::Verified, wanted, &object, most)? else { return Ok(None) };
        page_or(wanted, bytes, |bytes| Ok(verification::page_in(&VerifyReport::parse(bytes)?, CONSOLE)))
    }

    /// A report, if a leaf of the log has it and its bytes are those that were signed.
    fn signed(&self, what: What, wanted: &Wanted, object: &str, most: usize) -> Result<Option<Vec<u8>>> {
        let events = self.seen.events.iter().filter(|event| event.what == what);
        let Some(report) =
            events.filter_map(|event| event.report.as_ref()).find(|report| report.name == wanted.name)
        else {
            return Ok(None);
        };
        let Some((bytes, _)) = self.store.get(&ObjectName::new(object)?, most)? else { return Ok(None) };
        if Sha256::of(&bytes).to_string() == report.sha256 {
            return Ok(Some(bytes));
        }
        Err(Error::input(format!("{object} is not the report that was signed"), ""))
    }
}

type Parsed = std::result::Result<String, serde_json::Error>;

fn page_or(wanted: &Wanted, bytes: Vec<u8>, page: impl Fn(&[u8]) -> Parsed) -> Result<Option<Vec<u8>>> {
    if !wanted.as_page {
        return Ok(Some(bytes));
    }
    let page = page(&bytes).map_err(|error| Error::input(format!("{}: {error}", wanted.name), ""))?;
    Ok(Some(page.into_bytes()))
}

fn document(report: &pack::PackReport) -> Result<Vec<u8>> {
    serde_json::to_vec(report).map_err(|error| Error::input(error.to_string(), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    fn judge(trust: &str) -> Judge {
        let trust = Trust::parse(Path::new("trust.toml"), trust).unwrap();
        Judge { trust, policy: None, project: None, retention: None, textfile: None }
    }

    #[test]
    fn a_trust_that_changes_is_looked_by_at_once() {
        const QA: &str = "[approvals]\nany_of = [\"qa\"]\nat_least = 1\n";
        for (now, changed) in [("", false), (QA, true)] {
            let mut served = Served {
                store: Box::new(Memory::new()),
                judge: judge(""),
                judges: &|| Ok(judge(now)),
                origin: None,
                state: Path::new(""),
                first: true,
                clock: Timestamp::now,
                watch: &Watch::default(),
                masked: &str::to_owned,
                seen: Seen::default(),
                earlier: Earlier::default(),
            };
            assert_eq!(served.changed().unwrap(), changed, "{now}");
        }
    }
}
