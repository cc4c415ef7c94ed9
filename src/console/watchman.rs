//! Looks at the store now and then, and reads what is asked for.

use crate::console::ask::{Asking, Source};
use crate::console::server::Server;
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use jiff::Timestamp;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked whether something was logged.
const GLANCE: Duration = Duration::from_secs(5);

/// A whole look is due after this at the soonest, and after that at the latest, logged or not: an archive can go without
/// a leaf. In between, after a hundred times as long as it took, so that a large bucket is not read all the time.
const LOOK_SOONEST: Duration = Duration::from_secs(60);
const LOOK_LATEST: Duration = Duration::from_secs(3600);
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
        if is_due || (now >= self.next_glance && self.glance()?) {
            self.look()?;
        }
        if let Some(question) = self.asking.next(LISTEN) {
            let read = self.source.read(&question.wanted);
            if let Err(Error::Interrupted) = read {
                return Err(Error::Interrupted);
            }
            // Whoever asked may have gone.
            let _ = question.answer.try_send(read);
        }
        Ok(())
    }

    fn glance(&mut self) -> Result<bool> {
        self.next_glance = Instant::now() + GLANCE;
        match self.source.changed() {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            // What is wrong is told by the look that follows.
            changed => Ok(changed.unwrap_or(true)),
        }
    }

    /// A look that fails is told on every page; what was known before stays.
    fn look(&mut self) -> Result<()> {
        let began = Instant::now();
        let looked = self.source.look();
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
                let at = (self.clock)();
                self.asking.learn(|known| known.failure = Some((at, error.with_causes())));
            }
        }
        let rest = (began.elapsed() * REST).clamp(LOOK_SOONEST, LOOK_LATEST);
        self.next_look = Instant::now() + rest;
        self.next_glance = Instant::now() + GLANCE;
        Ok(())
    }
}
