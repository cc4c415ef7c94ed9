//! A database that the policy names is one drill's at a time, and at the end nobody works on in it.

use crate::database::postgres::Server;
use crate::database::postgres::session::Session;
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use std::time::{Duration, Instant};

/// The number that a drill locks in the database: `attestar` in ASCII.
const LOCK: u64 = 0x6174_7465_7374_6172;

/// How long it is waited until others have ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a drill that has ended may still seem to have the lock: its server lets go a moment after it left.
const PARTING: Duration = Duration::from_secs(5);

/// How long is waited between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A lock on a database, until it is dropped or whoever holds it is killed.
pub(super) struct Held {
    /// Whose the lock is.
    _session: Session,
    pid: u64,
}

impl Held {
    /// Takes the lock; nothing where another drill has it, and keeps it.
    pub(super) fn take(server: &Server, watch: &Watch) -> Result<Option<Held>> {
        let mut session = Session::open(server, watch)?;
        let query = format!("SELECT json_build_array(pg_try_advisory_lock({LOCK}), pg_backend_pid())");
        let begun = Instant::now();
        loop {
            match session.ask::<(bool, u64)>(&query)?.first() {
                Some((true, pid)) => return Ok(Some(Held { pid: *pid, _session: session })),
                Some((false, _)) if begun.elapsed() < PARTING => watch.pause(PAUSE)?,
                Some((false, _)) => return Ok(None),
                None => return Err(Error::input("psql: no answer", "")),
            }
        }
    }

    /// Ends whatever else this role does in the database, and waits for that. A server goes on with what a program asked that was
    /// killed meanwhile, and holds what it locked.
    pub(super) fn end_others(&self, server: &Server, watch: &Watch) -> Result<()> {
        let mut session = Session::open(server, watch)?;
        let query = format!(
            "SELECT to_json(count(pg_terminate_backend(pid))) FROM pg_stat_activity WHERE datname = current_database() \
             AND usename = session_user AND pid NOT IN (pg_backend_pid(), {})",
            self.pid
        );
        let begun = Instant::now();
        while session.ask::<u64>(&query)? != [0] && begun.elapsed() < PATIENCE {
            watch.pause(PAUSE)?;
        }
        session.close()
    }
}
