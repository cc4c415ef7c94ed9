//! Looks at the store now and then, and reads what is asked for.

use crate::console::ask::{Asking, Source};
use crate::console::server::Server;
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use jiff::Timestamp;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// It is looked whether something was logged, or written on this host, after this at the soonest and that at the latest.
const GLANCE_SOONEST: Duration = Duration::from_millis(500);
const GLANCE_LATEST: Duration = Duration::from_secs(5);

/// A whole look is due after this at the soonest, and after that at the latest, logged or not: an archive can go without
/// a leaf.
const LOOK_SOONEST: Duration = Duration::from_secs(60);
const LOOK_LATEST: Duration = Duration::from_secs(3600);

/// In between, after a hundred times as long as it took, so that a large bucket is not read all the time.
const REST: u32 = 100;

/// How often somebody who wants to end it is listened to.
const LISTEN: Duration = Duration::from_millis(50);

/// How it went.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Where it answered.
    pub address: SocketAddr,
    /// How many requests there were.
    pub requests: u64,
}

/// Answers on a listener until it is interrupted. `started` is told where.
pub fn run(
    listener: TcpListener,
    source: &mut dyn Source,
    clock: fn() -> Timestamp,
    watch: &Watch,
    started: impl FnOnce(SocketAddr),
) -> Result<Ended> {
    let asking = Asking::new();
    let server = Server::start(listener, &asking, clock)?;
    started(server.address);
    let mut rounds = Rounds {
        asking: &asking,
        source,
        clock,
        next_look: Instant::now(),
        next_glance: Instant::now(),
        has_failed: false,
    };
    let end = loop {
        match watch.check().and_then(|()| rounds.next()) {
            Ok(()) => {}
            Err(Error::Interrupted) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let ended = Ended { address: server.address, requests: server.requests() };
    drop(server);
    end.map(|()| ended)
}

struct Rounds<'a> {
    asking: &'a Arc<Asking>,
    source: &'a mut dyn Source,
    clock: fn() -> Timestamp,
    next_look: Instant,
    next_glance: Instant,
    /// The last look did: whatever is in the way may be gone soon.
    has_failed: bool,
}

impl Rounds<'_> {
    /// Looks if it is time to, else answers a question if there is one.
    fn next(&mut self) -> Result<()> {
        let now = Instant::now();
        let is_due = now >= self.next_look || (self.has_failed && now >= self.next_glance);
        let glances = now >= self.next_glance;
        if is_due || (glances && self.glance()?) {
            self.look(is_due)?;
        } else if glances {
            self.measure();
        }
        if let Some(question) = self.asking.next(LISTEN) {
            let read = match self.ask(|source| source.read(&question.wanted)) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                read => read.map_err(|error| self.source.told(&error)),
            };
            if let Err(why) = &read {
                tracing::warn!(page = question.wanted.name, "{why}");
            }
            // Whoever asked may have gone.
            let _ = question.answer.try_send(read);
        }
        Ok(())
    }

    /// Asks something small, and notes since when: an answer that never comes is told.
    fn ask<T>(&mut self, ask: impl FnOnce(&mut dyn Source) -> Result<T>) -> Result<T> {
        let now = (self.clock)();
        self.asking.learn(|known| known.asked = Some(now));
        let answer = ask(self.source);
        self.asking.learn(|known| known.asked = None);
        answer
    }

    fn glance(&mut self) -> Result<bool> {
        let began = Instant::now();
        let changed = self.ask(|source| source.changed());
        self.next_glance = Instant::now() + rest(began.elapsed(), false);
        match changed {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            // What is wrong is told by the look that follows.
            changed => Ok(changed.unwrap_or(true)),
        }
    }

    /// What runs on this host wrote since the last time: one that failed has no leaf that would be seen.
    fn measure(&mut self) {
        let Some(facts) = self.asking.known().facts else { return };
        let metrics = self.source.metrics(&facts, (self.clock)()).into();
        self.asking.learn(|known| known.metrics = metrics);
    }

    /// What is in the way is logged once.
    fn fails(&self, at: Timestamp, why: String) {
        let before = self.asking.known().failure;
        if before.is_none_or(|(_, told)| told != why) {
            tracing::warn!("{why}");
        }
        self.asking.learn(|known| known.failure = Some((at, why)));
    }

    /// A look that fails is told on every page; what was known before stays.
    fn look(&mut self, whole: bool) -> Result<()> {
        let began = Instant::now();
        let looked = self.source.look(whole);
        self.has_failed = looked.is_err();
        match looked {
            Ok(facts) => {
                let metrics = self.source.metrics(&facts, (self.clock)()).into();
                self.asking.learn(|known| {
                    known.facts = Some(Arc::new(facts));
                    known.failure = None;
                    known.metrics = metrics;
                });
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                self.fails((self.clock)(), self.source.told(&error));
                self.measure();
            }
        }
        let took = began.elapsed();
        if whole {
            self.next_look = Instant::now() + (took * REST).clamp(LOOK_SOONEST, LOOK_LATEST);
        }
        self.next_glance = Instant::now() + rest(took, self.has_failed);
        Ok(())
    }
}

/// How long after something that took so long it is looked again. What failed may go in a moment, and is tried as a whole:
/// what took long until then is not begun anew all the time.
fn rest(took: Duration, has_failed: bool) -> Duration {
    (took * REST).clamp(GLANCE_SOONEST, if has_failed { LOOK_SOONEST } else { GLANCE_LATEST })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::ask::Wanted;
    use crate::report::store::StoreFacts;
    use crate::report::store::health::tests::now;

    /// Says whether it was noted that something was asked.
    struct Witness(Arc<Asking>);

    impl Source for Witness {
        fn look(&mut self, _whole: bool) -> Result<StoreFacts> {
            Err(Error::Interrupted)
        }
        fn changed(&mut self) -> Result<bool> {
            Ok(self.0.known().asked == Some(now()))
        }
        fn read(&mut self, _wanted: &Wanted) -> Result<Option<Vec<u8>>> {
            Ok(None)
        }
        fn told(&self, error: &Error) -> String {
            error.to_string()
        }
        fn metrics(&self, _facts: &StoreFacts, _now: Timestamp) -> String {
            String::new()
        }
    }

    #[test]
    fn while_the_store_is_asked_that_is_known() {
        let asking = Asking::new();
        let mut rounds = Rounds {
            asking: &asking,
            source: &mut Witness(Arc::clone(&asking)),
            clock: now,
            next_look: Instant::now(),
            next_glance: Instant::now(),
            has_failed: false,
        };
        assert!(rounds.glance().unwrap(), "it was noted before it was asked");
        assert_eq!(asking.known().asked, None, "and is not any more");
    }

    #[test]
    fn what_failed_late_is_not_begun_anew_at_once() {
        let [short, long] = [Duration::from_millis(1), Duration::from_secs(90)];
        assert_eq!([rest(short, true), rest(long, true)], [GLANCE_SOONEST, LOOK_SOONEST]);
        assert_eq!([rest(short, false), rest(long, false)], [GLANCE_SOONEST, GLANCE_LATEST]);
    }
}
