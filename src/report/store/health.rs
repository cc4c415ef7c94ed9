//! Whether things were done, and often enough: one card for each, and the worst of them for whoever watches.

use crate::finding::Verdict;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::moment::SKEW;
use crate::report::store::{EventFacts, StoreFacts};
use crate::report::words::{limit as told, verdict};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was done, and lately enough.
    Good,
    /// It never was, and need not have been yet.
    Never,
    /// It was not done for too long.
    Late,
    /// It failed last time, or nobody knows.
    Failed,
}

/// One thing that is to be done now and then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Card {
    /// `backup`, `verification`, `drill`, `seal`, `gates` or `log`.
    pub name: &'static str,
    /// Whose it is: of several projects, of the one that stands worst. Null for the log, which is the store's.
    pub project: Option<String>,
    /// How it stands.
    pub state: State,
    /// When it was done last.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Which pack it was about.
    pub about: Option<String>,
    /// How old it may be, in seconds; null: as old as it likes.
    pub limit_s: Option<u64>,
    /// Why it stands so, in words.
    pub says: String,
}

impl Card {
    /// Whether it was never done, and will be late if it is not.
    pub fn is_due_later(&self) -> bool {
        self.state == State::Never && self.limit_s.is_some()
    }

    /// How badly it stands. Of two that stand alike, what is owed is as old as the older one, what is not as the newer one.
    fn weight(&self) -> (u8, i64) {
        let rank = match self.state {
            State::Never if self.limit_s.is_none() => 0,
            State::Good => 1,
            State::Never => 2,
            State::Late => 3,
            State::Failed => 4,
        };
        let at = self.at.map_or(i64::MIN, Timestamp::as_second);
        (rank, if self.limit_s.is_some() { at.saturating_neg() } else { at })
    }
}

/// The cards of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProjectCards {
    /// Whose; null where the store has nothing of anybody.
    pub project: Option<String>,
    /// The worst of them.
    pub state: State,
    /// Backup, verification, drill, seal, gates.
    pub cards: Vec<Card>,
}

/// `attestar/health/v1`: what a watchdog asks.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "attestar/health/v1")]
pub struct Health {
    /// `attestar/health/v1`.
    pub schema: &'static str,
    /// The worst of the cards: 503 if it is `late` or `failed`.
    pub state: State,
    /// The moment it is about.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// When the store was looked at last; null: not yet.
    #[schemars(with = "Option<String>")]
    pub looked_at: Option<Timestamp>,
    /// Why it could not be looked at after that.
    pub trouble: Option<String>,
    /// Each of them.
    pub cards: Vec<Card>,
}

/// Whether a moment lies at most so many seconds back, and not ahead.
pub fn is_within(at: Timestamp, limit_s: u64, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    age >= -SKEW && age <= SignedDuration::from_secs(i64::try_from(limit_s).unwrap_or(i64::MAX))
}

/// The worst of all. Never is fine where nothing asks for it; nothing at all is not.
pub fn state(cards: &[Card]) -> State {
    let worst = cards.iter().map(|card| card.state).filter(|state| *state != State::Never).max();
    worst.unwrap_or(State::Late)
}

/// The cards of each project, by its name: what one does says nothing of another.
pub fn projects(facts: &StoreFacts, now: Timestamp) -> Vec<ProjectCards> {
    let mut events: BTreeMap<Option<&str>, Vec<&EventFacts>> = BTreeMap::new();
    for event in &facts.events {
        events.entry(Some(&event.project)).or_default().push(event);
    }
    if events.is_empty() {
        events.insert(facts.project.as_deref(), Vec::new());
    }
    let of_each = events.into_iter().map(|(project, events)| {
        let cards = Owed { facts, project, events, now }.cards();
        ProjectCards { project: project.map(str::to_owned), state: state(&cards), cards }
    });
    of_each.collect()
}

/// Every card of a store: each is that of the project which stands worst.
pub fn cards(facts: &StoreFacts, projects: &[ProjectCards]) -> Vec<Card> {
    let worse = |one: Card, other: Card| if other.weight() > one.weight() { other } else { one };
    let worst = projects
        .iter()
        .map(|project| project.cards.clone())
        .reduce(|all, project| all.into_iter().zip(project).map(|(one, other)| worse(one, other)).collect());
    let mut cards = worst.unwrap_or_default();
    cards.push(log(facts));
    cards
}

/// The cards of a project.
const OWED_OR_NOT: [&str; 5] = ["backup", "verification", "drill", "seal", "gates"];

/// What one project did, and what is asked of it.
struct Owed<'a> {
    facts: &'a StoreFacts,
    project: Option<&'a str>,
    events: Vec<&'a EventFacts>,
    now: Timestamp,
}

impl Owed<'_> {
    fn cards(&self) -> Vec<Card> {
        if self.facts.origin.is_none() {
            return OWED_OR_NOT.map(|name| self.unknown(name)).into();
        }
        let limits = &self.facts.limits;
        vec![
            self.owed("backup", &[What::BackedUp, What::Unchanged], limits.backup_max_age_s),
            self.owed("verification", &[What::Verified], limits.verify_within_s),
            self.owed("drill", &[What::Drilled], limits.drill_every_s),
            self.whenever("seal", What::Sealed),
            self.whenever("gates", What::Gated),
        ]
    }

    /// Without a log that holds nobody knows what was done.
    fn unknown(&self, name: &'static str) -> Card {
        self.card(name, State::Failed, None, "no log holds that would tell".to_owned())
    }

    fn newest(&self, whats: &[What]) -> Option<&EventFacts> {
        self.events.iter().rev().find(|event| whats.contains(&event.what)).copied()
    }

    /// What is to be done every so often.
    fn owed(&self, name: &'static str, whats: &[What], limit_s: u64) -> Card {
        match self.newest(whats) {
            Some(event) => self.done(name, event, Some(limit_s)),
            None => self.never(name, limit_s),
        }
    }

    /// What is done when there is reason to.
    fn whenever(&self, name: &'static str, what: What) -> Card {
        match self.newest(&[what]) {
            Some(event) => self.done(name, event, None),
            None => self.card(name, State::Never, None, String::new()),
        }
    }

    fn card(&self, name: &'static str, state: State, limit_s: Option<u64>, says: String) -> Card {
        let project = self.project.map(str::to_owned);
        Card { name, project, state, at: None, about: None, limit_s, says }
    }

    fn done(&self, name: &'static str, event: &EventFacts, limit_s: Option<u64>) -> Card {
        let age = self.now.duration_since(event.time);
        let (state, says) = match (event.passed, limit_s) {
            (None, _) => (State::Failed, "its statement does not verify".to_owned()),
            (Some(false), _) => (State::Failed, "the last one failed".to_owned()),
            _ if event.what == What::Drilled && event.report.is_none() => {
                (State::Failed, "its report is gone, or is not the one that was signed".to_owned())
            }
            _ if age < -SKEW => (State::Failed, "it is dated in the future".to_owned()),
            (_, Some(limit)) if !is_within(event.time, limit, self.now) => {
                (State::Late, format!("at most {}", told(limit)))
            }
            (_, Some(limit)) => (State::Good, format!("at most {}", told(limit))),
            (_, None) => (State::Good, String::new()),
        };
        let (at, about) = (Some(event.time), Some(event.name.clone()));
        Card { at, about, ..self.card(name, state, limit_s, says) }
    }

    /// What was never done is late from as long after the first backup as it may be old. Who has releases alone owes nobody
    /// a backup, nor what follows from one.
    fn never(&self, name: &'static str, limit_s: u64) -> Card {
        let first = self.events.iter().find(|event| event.what == What::BackedUp).map(|event| event.time);
        let (state, limit, says) = match first {
            Some(first) if is_within(first, limit_s, self.now) => {
                (State::Never, Some(limit_s), format!("due {} after the first backup", told(limit_s)))
            }
            Some(_) => {
                (State::Late, Some(limit_s), format!("was due {} after the first backup", told(limit_s)))
            }
            None if !self.facts.archives.is_empty() => (State::Never, None, self.no_backup().to_owned()),
            None => (State::Late, Some(limit_s), "the store holds no archive".to_owned()),
        };
        self.card(name, state, limit, says)
    }

    fn no_backup(&self) -> &'static str {
        match self.facts.archives.iter().all(|archive| archive.kind == Kind::Release) {
            true => "the store holds releases alone",
            false => "the project has no backup",
        }
    }
}

/// The store and its log, as they were found.
fn log(facts: &StoreFacts) -> Card {
    let found = facts.outcome.verdict;
    let state = if found == Verdict::Holds { State::Good } else { State::Failed };
    let says = match found {
        Verdict::Holds => "every leaf and its statement was checked".to_owned(),
        found => verdict(found).0.to_owned(),
    };
    Card { name: "log", project: None, state, at: Some(facts.looked_at), about: None, limit_s: None, says }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::finding::Outcome;
    use crate::report::outcome::OutcomeDocument;
    use crate::report::store::{DrillFacts, Limits, ReportRef};

    const NOW: &str = "2026-11-20T12:00:00Z";

    pub(crate) fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    /// A store in which these things happened so many hours ago, and passed or did not.
    pub(crate) fn facts(happened: &[(What, i64, Option<bool>)]) -> StoreFacts {
        let mut outcome = Outcome::default();
        outcome.conclude("checkpoint", "", Vec::new());
        let event = |(index, &(what, hours, passed)): (usize, &(What, i64, Option<bool>))| EventFacts {
            index: index as u64,
            what,
            project: "shop".into(),
            name: format!("shop-{index}"),
            time: now() - SignedDuration::from_hours(hours),
            passed,
            by: None,
            report: (what == Drilled).then(|| ReportRef { name: "a".into(), sha256: "b".into() }),
        };
        StoreFacts {
            store: "store".into(),
            origin: Some("shop".into()),
            project: None,
            looked_at: now(),
            limits: Limits {
                of: "policy".into(),
                backup_max_age_s: 26 * 3600,
                verify_within_s: 7 * 86_400,
                drill_every_s: 7 * 86_400,
                rto_ms: None,
                rpo_ms: None,
            },
            leaves: happened.len() as u64,
            events: happened.iter().enumerate().map(event).collect(),
            archives: Vec::new(),
            drills: Vec::new(),
            prune: None,
            prune_says: String::new(),
            outcome: OutcomeDocument::new(&outcome),
        }
    }

    /// A drill of this leaf that took so long; nothing asked for less.
    pub(crate) fn drill(leaf: u64, rto_ms: u64) -> DrillFacts {
        DrillFacts {
            leaf,
            drill_id: "a".into(),
            report: "a".into(),
            name: "shop-1".into(),
            finished_at: now(),
            passed: true,
            rto_ms: Some(rto_ms),
            rto_target_ms: 0,
            rpo_ms: None,
            rpo_target_ms: 0,
            has_rpo: false,
        }
    }

    fn of(facts: &StoreFacts) -> Vec<Card> {
        cards(facts, &projects(facts, now()))
    }

    #[track_caller]
    fn stands(happened: &[(What, i64, Option<bool>)], expected: [State; 3], whole: State) {
        let cards = of(&facts(happened));
        assert_eq!([cards[0].state, cards[1].state, cards[2].state], expected, "{cards:#?}");
        assert_eq!(state(&cards), whole);
    }

    const WELL: Option<bool> = Some(true);
    use State::{Failed, Good, Late, Never};
    use What::{BackedUp, Drilled, Sealed, Unchanged, Verified};

    #[test]
    fn what_was_done_lately_is_good_and_what_was_not_is_late() {
        stands(&[(BackedUp, 25, WELL), (Verified, 24, WELL), (Drilled, 160, WELL)], [Good, Good, Good], Good);
        stands(&[(BackedUp, 27, WELL), (Verified, 2, WELL), (Drilled, 2, WELL)], [Late, Good, Good], Late);
        stands(
            &[(BackedUp, 27, WELL), (Unchanged, 3, WELL), (Verified, 200, WELL)],
            [Good, Late, Never],
            Late,
        );
    }

    #[test]
    fn the_last_word_counts() {
        stands(
            &[(BackedUp, 9, WELL), (Verified, 8, WELL), (Verified, 1, Some(false))],
            [Good, Failed, Never],
            Failed,
        );
        stands(
            &[(BackedUp, 9, WELL), (Drilled, 8, Some(false)), (Drilled, 1, WELL)],
            [Good, Never, Good],
            Good,
        );
        stands(&[(BackedUp, 1, None)], [Failed, Never, Never], Failed);
    }

    #[test]
    fn nothing_of_the_future_counts_as_young() {
        stands(&[(BackedUp, -30, WELL)], [Failed, Late, Late], Failed);
    }

    #[test]
    fn what_never_was_is_owed_from_the_first_backup_on() {
        stands(&[(BackedUp, 200, WELL), (BackedUp, 1, WELL)], [Good, Late, Late], Late);
        stands(&[], [Late, Late, Late], Late);
        stands(&[(Sealed, 900, WELL)], [Late, Late, Late], Late);
    }

    #[test]
    fn what_one_project_does_says_nothing_of_another() {
        let mut two = facts(&[
            (BackedUp, 2_000, WELL),
            (BackedUp, 90, WELL),
            (Verified, 30, Some(false)),
            (Verified, 3, WELL),
            (BackedUp, 2, WELL),
            (Drilled, 1, WELL),
        ]);
        two.events.iter_mut().step_by(2).for_each(|event| event.project = "dead".into());
        two.events[4].project = "shop".into();
        let cards = of(&two);
        let said = |at: usize| (cards[at].state, cards[at].project.as_deref());
        assert_eq!(
            [said(0), said(1), said(2)],
            [(Late, Some("dead")), (Failed, Some("dead")), (Late, Some("dead"))]
        );
        assert_eq!(said(5), (Good, None), "the log is the store's");
        let each = projects(&two, now());
        let stands: Vec<_> = each.iter().map(|one| (one.project.as_deref().unwrap(), one.state)).collect();
        assert_eq!(stands, [("dead", Failed), ("shop", Good)]);
        // Both on time: the older one is the card's. Who has releases alone takes nobody's card.
        let mut two =
            facts(&[(Sealed, 900, WELL), (BackedUp, 20, WELL), (BackedUp, 2, WELL), (Sealed, 500, WELL)]);
        for (event, project) in two.events.iter_mut().zip(["released", "weekly", "shop", "shop"]) {
            event.project = project.into();
        }
        two.archives.push(crate::report::store::ArchiveFacts {
            name: "released-1".into(),
            project: "released".into(),
            kind: Kind::Release,
            made_at: now(),
            bytes: None,
            verified_at: None,
            drilled_at: None,
        });
        let cards = of(&two);
        let said = |at: usize| (cards[at].state, cards[at].project.as_deref());
        assert_eq!([said(0), said(3)], [(Good, Some("weekly")), (Good, Some("shop"))]);
        assert_eq!((said(2).0, state(&cards)), (Never, Good));
        assert_eq!(projects(&two, now())[0].cards[0].says, "the store holds releases alone");
        two.archives
            .push(crate::report::store::ArchiveFacts { kind: Kind::Backup, ..two.archives[0].clone() });
        assert_eq!(projects(&two, now())[0].cards[0].says, "the project has no backup");
    }

    #[test]
    fn without_a_log_that_holds_nothing_is_known() {
        let nothing = StoreFacts { origin: None, ..facts(&[]) };
        let cards = of(&nothing);
        assert!(cards[..5].iter().all(|card| card.state == Failed && card.says.starts_with("no log holds")));
        let names: Vec<&str> = of(&facts(&[])).iter().map(|card| card.name).collect();
        assert_eq!(cards.iter().map(|card| card.name).collect::<Vec<_>>(), names);
    }

    #[test]
    fn a_drill_without_its_report_is_none() {
        let mut facts = facts(&[(BackedUp, 1, WELL), (Verified, 1, WELL), (Drilled, 1, WELL)]);
        assert_eq!(state(&of(&facts)), Good);
        facts.events[2].report = None;
        assert_eq!((of(&facts)[2].state, state(&of(&facts))), (Failed, Failed));
    }

    #[test]
    fn a_log_that_does_not_hold_fails_everything() {
        let mut facts = facts(&[(BackedUp, 1, WELL)]);
        facts.outcome = OutcomeDocument::new(&Outcome::default());
        assert_eq!(state(&of(&facts)), Failed);
    }
}
