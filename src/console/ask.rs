//! What the console needs to know, and how the thread that answers requests asks the one that may look at the store.

use crate::error::{Error, Result};
use crate::report::store::StoreFacts;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// How many may wait for a page that has to be read from the store.
const WAITING_MAX: usize = 16;

/// How long they wait, and how often they look.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

/// Whoever knows the store.
pub trait Source {
    /// Looks at the store: at the whole of it, or at what is new since the last look.
    fn look(&mut self, whole: bool) -> Result<StoreFacts>;

    /// Whether anything was logged since the last look. Cheap: it is asked every few seconds.
    fn changed(&mut self) -> Result<bool>;

    /// A page or document; `None` if there is none of this name.
    fn read(&mut self, wanted: &Wanted) -> Result<Option<Vec<u8>>>;

    /// An error in words that everybody may read: there is no secret in them.
    fn told(&self, error: &Error) -> String;

    /// Metrics as Prometheus reads them.
    fn metrics(&self, facts: &StoreFacts, now: Timestamp) -> String;
}

/// Something that has to be read from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is about.
    pub what: About,
    /// Its name in a path: of a pack, or of a report's folder or file.
    pub name: String,
    /// A page for people; else the document behind it.
    pub as_page: bool,
}

/// What can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A release.
    Pack,
    /// A drill.
    Drill,
    /// A nightly check.
    Verification,
}

/// What is known by now.
#[derive(Clone, Default)]
pub struct Known {
    /// What the last look that succeeded found.
    pub facts: Option<Arc<StoreFacts>>,
    /// Why the last look did not, and when that was.
    pub failure: Option<(Timestamp, String)>,
    /// Metrics of the facts.
    pub metrics: Arc<str>,
    /// Since when the store has not answered something small.
    pub asked: Option<Timestamp>,
}

/// After this, what is known is not said to be so any more: a look that has not ended by then hangs.
const STALE: SignedDuration = SignedDuration::from_hours(3);

/// After this, too, where something small was asked, which is a moment's work: a disk behind a network that is gone.
const SILENT: SignedDuration = SignedDuration::from_mins(5);

impl Known {
    /// The same, and where what it says is too old to go by, that.
    pub fn at(mut self, now: Timestamp) -> Known {
        let past = |since: Timestamp, limit| (now.duration_since(since) > limit).then_some(since);
        let silent = self.asked.and_then(|asked| past(asked, SILENT));
        let silent = silent.map(|since| (since, "it has not answered since then"));
        let seen = self.facts.as_ref().and_then(|facts| past(facts.looked_at, STALE));
        let stale = seen.map(|seen| (seen + STALE, "the last look at it has not ended"));
        if self.failure.is_none() {
            self.failure = silent.or(stale).map(|(at, why)| (at, why.to_owned()));
        }
        self
    }
}

/// Both ends of the conversation.
pub struct Asking {
    known: RwLock<Known>,
    ask: Sender<Question>,
    asked: Receiver<Question>,
}

/// A question, and where its answer goes.
pub struct Question {
    /// What is wanted.
    pub wanted: Wanted,
    /// Where the answer goes, or why there is none, in words that everybody may read.
    pub answer: Sender<std::result::Result<Option<Vec<u8>>, String>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is none of this name.
    Unknown,
    /// Too many wait already, or it took too long.
    Busy,
    /// It could not be read, and why.
    Failed(String),
}

impl Asking {
    /// Nothing is known yet.
    pub fn new() -> Arc<Asking> {
        let (ask, asked) = bounded(WAITING_MAX);
        Arc::new(Asking { known: RwLock::default(), ask, asked })
    }

    /// What is known.
    pub fn known(&self) -> Known {
        self.known.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Changes what is known.
    pub fn learn(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    /// The next question, if one comes within this time.
    pub fn next(&self, within: Duration) -> Option<Question> {
        self.asked.recv_timeout(within).ok()
    }

    /// Asks, and waits for the answer without holding up anybody else.
    pub async fn ask(&self, wanted: Wanted) -> std::result::Result<Vec<u8>, NoAnswer> {
        let (answer, answered) = bounded(1);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.ask.try_send(Question { wanted, answer })
        {
            return Err(NoAnswer::Busy);
        }
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            match answered.try_recv() {
                Ok(Ok(Some(bytes))) => return Ok(bytes),
                Ok(Ok(None)) => return Err(NoAnswer::Unknown),
                Ok(Err(why)) => return Err(NoAnswer::Failed(why)),
                Err(crossbeam_channel::TryRecvError::Disconnected) => return Err(NoAnswer::Busy),
                Err(crossbeam_channel::TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
            }
        }
        Err(NoAnswer::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::store::health::tests::{facts, now};

    #[test]
    fn what_is_too_old_to_go_by_is_told() {
        let after = |minutes: i64, asked: Option<Timestamp>| {
            let known = Known { facts: Some(Arc::new(facts(&[]))), asked, ..Known::default() };
            known.at(now() + SignedDuration::from_mins(minutes)).failure
        };
        assert_eq!((after(170, None), after(4, Some(now()))), (None, None));
        let (at, why) = after(190, None).expect("a look that hangs");
        assert!(at == now() + STALE && why.contains("has not ended"), "{at} {why}");
        let (at, why) = after(6, Some(now())).expect("a store that does not answer");
        assert!(at == now() && why.contains("has not answered"), "{at} {why}");
        // Nor is one heard of that never was looked at.
        let known = Known { asked: Some(now()), ..Known::default() };
        assert!(known.at(now() + SILENT + SILENT).failure.is_some());
    }
}
