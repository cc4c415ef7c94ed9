//! The page and the document of the whole store, each drawn every few seconds at most: of many who ask, all get the same
//! bytes.

use crate::console::ask::Known;
use crate::report::shell;
use crate::report::store::health::State;
use crate::report::store::{StoreFacts, page};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex};

/// How long something drawn is shown: what is new is drawn anew.
const SHOWN: SignedDuration = SignedDuration::from_secs(5);

/// What was drawn last.
#[derive(Default)]
pub struct Drawn(Mutex<Last>);

#[derive(Default)]
struct Last {
    facts: Option<Arc<StoreFacts>>,
    failed_at: Option<Timestamp>,
    at: Timestamp,
    page: Option<Bytes>,
    document: Option<Bytes>,
}

impl Drawn {
    /// The page of what is known.
    pub fn page(&self, known: &Known, now: Timestamp) -> Bytes {
        let draw = || {
            let trouble = known.failure.as_ref().map(|(at, why)| (*at, &**why));
            let text = match &known.facts {
                Some(facts) => page(&facts.at(now), shell::Place::Console { trouble }),
                None => shell::waiting(now, trouble),
            };
            Bytes::from(text)
        };
        self.with(known, now, |last| last.page.get_or_insert_with(draw).clone())
    }

    /// The same as a document; `None` while nothing is known. Nobody goes by what cannot be looked at any more.
    pub fn document(&self, known: &Known, now: Timestamp) -> Option<Bytes> {
        let facts = known.facts.as_ref()?;
        self.with(known, now, |last| {
            if last.document.is_none() {
                let mut report = facts.at(now);
                if known.failure.is_some() {
                    report.state = State::Failed;
                }
                let mut bytes = serde_json::to_vec(&report).ok()?;
                bytes.push(b'\n');
                last.document = Some(bytes.into());
            }
            last.document.clone()
        })
    }

    /// What was drawn of this lately; else nothing.
    fn with<T>(&self, known: &Known, now: Timestamp, act: impl FnOnce(&mut Last) -> T) -> T {
        let mut last = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let failed_at = known.failure.as_ref().map(|(at, _)| *at);
        let is_same = match (&last.facts, &known.facts) {
            (Some(before), Some(facts)) => Arc::ptr_eq(before, facts),
            (before, facts) => before.is_none() && facts.is_none(),
        };
        if !is_same
            || last.failed_at != failed_at
            || !(SignedDuration::ZERO..SHOWN).contains(&now.duration_since(last.at))
        {
            let facts = known.facts.clone();
            *last = Last { facts, failed_at, at: now, ..Last::default() };
        }
        act(&mut last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::leaf::What;
    use crate::report::store::health::tests::{facts, now};

    #[test]
    fn what_cannot_be_looked_at_any_more_has_failed_for_programs_too() {
        let facts = Some(Arc::new(facts(&[(What::BackedUp, 1, Some(true))])));
        for (failure, state) in [(None, "good"), (Some((now(), "it is gone".to_owned())), "failed")] {
            let known = Known { facts: facts.clone(), failure, ..Known::default() };
            let bytes = Drawn::default().document(&known, now()).expect("something is known");
            let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(document["state"], state);
        }
    }
}
