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
    /// It failed last time.
    Failed,
}

/// One thing that is to be done now and then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Card {
    /// `backup`, `verification`, `drill`, `seal`, `gates` or `log`.
    pub name: &'static str,
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

/// Every card of a store.
pub fn cards(facts: &StoreFacts, now: Timestamp) -> Vec<Card> {
    let limits = &facts.limits;
    // A store of releases alone owes nobody a backup, nor what follows from one.
    let first_backup = facts.events.iter().find(|event| event.what == What::BackedUp).map(|event| event.time);
    let has_releases = facts.archives.iter().any(|archive| archive.kind == Kind::Release);
    let owed = |name, whats: &[What], limit_s| {
        let newest = facts.events.iter().rev().find(|event| whats.contains(&event.what));
        match newest {
            Some(event) => done(name, event, Some(limit_s), now),
            None => never(name, limit_s, first_backup, has_releases, now),
        }
    };
    vec![
        owed("backup", &[What::BackedUp, What::Unchanged], limits.backup_max_age_s),
        owed("verification", &[What::Verified], limits.verify_within_s),
        owed("drill", &[What::Drilled], limits.drill_every_s),
        whenever("seal", What::Sealed, facts, now),
        whenever("gates", What::Gated, facts, now),
        log(facts),
    ]
}

fn done(name: &'static str, event: &EventFacts, limit_s: Option<u64>, now: Timestamp) -> Card {
    let age = now.duration_since(event.time);
    let (state, says) = match (event.passed, limit_s) {
        (None, _) => (State::Failed, "its statement does not verify".to_owned()),
        (Some(false), _) => (State::Failed, "the last one failed".to_owned()),
        _ if age < -SKEW => (State::Failed, "it is dated in the future".to_owned()),
        (_, Some(limit)) if !is_within(event.time, limit, now) => {
            (State::Late, format!("at most {}", told(limit)))
        }
        (_, Some(limit)) => (State::Good, format!("at most {}", told(limit))),
        (_, None) => (State::Good, String::new()),
    };
    Card { name, state, at: Some(event.time), about: Some(event.name.clone()), limit_s, says }
}

/// What was never done is late from as long after the first backup as it may be old.
fn never(
    name: &'static str,
    limit_s: u64,
    first_backup: Option<Timestamp>,
    has_releases: bool,
    now: Timestamp,
) -> Card {
    let card = |state, limit_s, says| Card { name, state, at: None, about: None, limit_s, says };
    match first_backup {
        Some(first) if is_within(first, limit_s, now) => {
            card(State::Never, Some(limit_s), format!("due {} after the first backup", told(limit_s)))
        }
        Some(_) => {
            card(State::Late, Some(limit_s), format!("was due {} after the first backup", told(limit_s)))
        }
        None if has_releases => card(State::Never, None, "the store holds releases alone".to_owned()),
        None => card(State::Late, Some(limit_s), "the store holds no archive".to_owned()),
    }
}

/// What is done when there is reason to.
fn whenever(name: &'static str, what: What, facts: &StoreFacts, now: Timestamp) -> Card {
    match facts.events.iter().rev().find(|event| event.what == what) {
        Some(event) => done(name, event, None, now),
        None => Card { name, state: State::Never, at: None, about: None, limit_s: None, says: String::new() },
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
    Card { name: "log", state, at: Some(facts.looked_at), about: None, limit_s: None, says }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Outcome;
    use crate::report::outcome::OutcomeDocument;
    use crate::report::store::Limits;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    /// A store in which these things happened so many hours ago, and passed or did not.
    fn facts(happened: &[(What, i64, Option<bool>)]) -> StoreFacts {
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
            report: None,
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

    #[track_caller]
    fn stands(happened: &[(What, i64, Option<bool>)], expected: [State; 3], whole: State) {
        let cards = cards(&facts(happened), now());
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
    fn a_log_that_does_not_hold_fails_everything() {
        let mut facts = facts(&[(BackedUp, 1, WELL)]);
        facts.outcome = OutcomeDocument::new(&Outcome::default());
        assert_eq!(state(&cards(&facts, now())), Failed);
    }
}
