//! What the store's log says, as gates ask it. Leaves that lie in the future count for nothing: a clock was wrong.

use crate::policy::gate::Evidence;
use crate::policy::gate::evidence::Event;
use crate::policy::gate::judged::Fault;
use jiff::{SignedDuration, Timestamp};

/// Events that say that a backup was made; one in which nothing changed writes no archive, and counts all the same.
const BACKED_UP: [&str; 2] = ["backed-up", "unchanged"];

/// The leaves in the order of their times, none of them later than the present; and a fault for each that is.
pub(super) fn leaves(evidence: &dyn Evidence, now: Timestamp) -> Result<(Vec<&Event>, Vec<Fault>), Fault> {
    let events = match evidence.events() {
        Ok(events) => events,
        Err(why) => return Err(Fault::new("the log").expected("a log").actual(why)),
    };
    let (past, future): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.at <= now);
    let mut past = past;
    past.sort_by_key(|event| event.at);
    let fault = |event: &&Event| {
        Fault::new("the log")
            .expected("no event of the future")
            .actual(format!("{} {}", event.what, event.at))
    };
    Ok((past, future.iter().map(fault).collect()))
}

/// Whether an event says that a backup was made.
pub(super) fn is_backup(event: &Event) -> bool {
    BACKED_UP.contains(&event.what.as_str()) && event.passed
}

/// The time so long before the present.
pub(super) fn before(now: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// An event as evidence: its name and its digest.
pub(super) fn read(event: &Event) -> (String, crate::format::digest::Sha256) {
    (format!("log/{} {}", event.what, event.at), event.sha256)
}
