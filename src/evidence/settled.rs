//! A store and its log as they are at one moment. Both change while they are looked at: an archive may be pruned between
//! the reading of the log and that of the store, another one may come. So nothing is told of the one against the other before
//! the log was found not to have grown while the store was looked at.

use crate::error::{Error, Result};
use crate::evidence::held::Held;
use crate::evidence::logged::{self, Judging, Logged};
use crate::evidence::stored;
use crate::finding::{Finding, Outcome};
use crate::log::Log;
use crate::log::state::State;
use jiff::Timestamp;
use std::sync::Arc;

/// How often both are looked at. Past that, hosts write more often than they can be looked at, and what was seen last is told.
const LOOKS_MAX: usize = 20;

/// A store and its log.
pub struct Settled {
    /// What lies in the store.
    pub held: Held,
    /// What the log says; `None` if it does not hold any more.
    pub logged: Option<Arc<Logged>>,
    /// What is wrong with the one by the other.
    pub findings: Vec<Finding>,
    /// When that was so.
    pub now: Timestamp,
}

/// Looks at both until they can be judged. `log` has what was found of the log, and is replaced by what is found of it later.
/// `held` may have been read long ago, and what is there by now is read.
pub fn settle(
    judging: &Judging<'_>,
    clock: &dyn Fn() -> Timestamp,
    held: &Held,
    mut logged: Arc<Logged>,
    log: &mut Outcome,
) -> Result<Settled> {
    let mut held = held.again(judging.log.store)?;
    for _ in 1..LOOKS_MAX {
        let now = clock();
        let findings = stored::judge(&held, &logged, now);
        if findings.is_empty() || !has_grown(judging, &logged)? {
            return Ok(Settled { held, logged: Some(logged), findings, now });
        }
        let mut newer = Outcome::default();
        let judging = Judging { state: State { now, ..judging.state }, ..*judging };
        let grown = logged::check_after(&judging, Some(&logged), &mut newer)?;
        *log = newer;
        let Some(grown) = grown else {
            return Ok(Settled { held, logged: None, findings: Vec::new(), now });
        };
        logged = Arc::new(grown);
        held = held.again(judging.log.store)?;
    }
    let now = clock();
    let findings = stored::judge(&held, &logged, now);
    Ok(Settled { held, logged: Some(logged), findings, now })
}

/// Whether the log is another one by now, or cannot be believed.
fn has_grown(judging: &Judging<'_>, logged: &Logged) -> Result<bool> {
    let log = Log { trust: &logged.trust, ..judging.log };
    match log.head() {
        Ok(head) => {
            let seen = logged.leaves.head.checkpoint();
            Ok(head.is_none_or(|head| head.size() != seen.size || head.checkpoint().root != seen.root))
        }
        Err(Error::Refused(_)) => Ok(true),
        Err(error) => Err(error),
    }
}
