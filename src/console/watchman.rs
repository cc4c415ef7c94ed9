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
            let read = match self.source.read(&question.wanted) {
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

    fn glance(&mut self) -> Result<bool> {
        let began = Instant::now();
        let changed = self.source.changed();
        self.next_glance = Instant::now() + (began.elapsed() * REST).clamp(GLANCE_SOONEST, GLANCE_LATEST);
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
        let took = began.elapsed() * REST;
        if whole {
            self.next_look = Instant::now() + took.clamp(LOOK_SOONEST, LOOK_LATEST);
        }
        self.next_glance = Instant::now() + took.clamp(GLANCE_SOONEST, GLANCE_LATEST);
        Ok(())
    }
}
