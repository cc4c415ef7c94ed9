//! The log of a store, checked: its checkpoint, that it extends what this host remembers, every leaf and tile, and every
//! statement behind a leaf.

use crate::error::{Error, Result};
use crate::evidence::pack::signer;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::leaf::Leaf;
use crate::format::units::{count, number};
use crate::keys::trust::Trust;
use crate::log::event::Told;
use crate::log::read::{Head, Leaves};
use crate::log::state::{Remembered, State};
use crate::log::{CHECKPOINT, Log};

/// A log, and by what it is judged.
pub struct Judging<'a> {
    /// The log.
    pub log: Log<'a>,
    /// What this host remembers.
    pub state: State<'a>,
    /// Whether it may be the first time that this host sees it.
    pub first: bool,
}

/// What was found out of a log that is whole.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its leaves.
    pub leaves: Leaves,
    /// What the statement of each says, in the same order; `None` where it does not verify.
    pub told: Vec<Option<Told>>,
    /// The trust, with what was kept from before keys were revoked.
    pub trust: Trust,
    /// How many leaves were judged before, as to what they prune.
    pub prunes_judged: u64,
}

/// Runs the checks `checkpoint`, `earlier`, `tree` and `events`; gives the leaves if the first three hold. What this host
/// remembers is brought up to date then.
pub fn check(judging: &Judging<'_>, outcome: &mut Outcome) -> Result<Option<Logged>> {
    check_after(judging, None, outcome)
}

/// The same of a log that was checked a moment ago: statements that were verified then are not fetched once more.
pub fn check_after(
    judging: &Judging<'_>,
    before: Option<&Logged>,
    outcome: &mut Outcome,
) -> Result<Option<Logged>> {
    let (trust, remembered) = judging.state.trusting(&judging.log)?;
    let log = Log { trust: &trust, ..judging.log };
    let Some(head) = passes("checkpoint", "it does not count", log.head(), outcome)?
        .flatten()
        .filter(|head| head.size() > 0)
    else {
        if outcome.checks.is_empty() {
            no_log(remembered.as_ref(), outcome);
        }
        return Ok(None);
    };
    let detail = format!(
        "{} of {}, signed by {}",
        leaves(head.size()),
        head.checkpoint().origin,
        signer(&head.signed)
    );
    outcome.conclude("checkpoint", detail, Vec::new());
    if !earlier(judging, &log, &head, remembered.as_ref(), outcome)? {
        return Ok(None);
    }
    let Some(leaves) =
        passes("tree", "the entries are not those that were signed", log.leaves(head), outcome)?
    else {
        return Ok(None);
    };
    let (tiles, findings) = log.check_tiles(&leaves)?;
    let is_whole = findings.is_empty();
    let verb = if leaves.head.size() == 1 { "hashes" } else { "hash" };
    let detail =
        format!("{} {verb} to it, {} checked", self::leaves(leaves.head.size()), count(tiles, "tile"));
    outcome.conclude(
        "tree",
        if is_whole { detail } else { format!("{} checked", count(tiles, "tile")) },
        findings,
    );
    if !is_whole {
        return Ok(None);
    }
    if judging.first || remembered.is_some() {
        judging.state.remember(&log, &leaves.head)?;
    }
    let mut trust = judging.log.trust.clone();
    if let Some(remembered) = &remembered {
        remembered.keep(&mut trust, &leaves);
    }
    let told = events(&Log { trust: &trust, ..judging.log }, &leaves, before, outcome)?;
    let prunes_judged = remembered.map_or(0, |remembered| remembered.prunes_judged);
    Ok(Some(Logged { leaves, told, trust, prunes_judged }))
}

/// What was read, or its findings under the name of a check; other errors end the run.
fn passes<T>(
    name: &'static str,
    otherwise: &str,
    read: Result<T>,
    outcome: &mut Outcome,
) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::Refused(findings)) => {
            outcome.conclude(name, otherwise, findings);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn no_log(remembered: Option<&Remembered>, outcome: &mut Outcome) {
    let finding = match remembered {
        None => Finding::new(Code::NothingChecked, CHECKPOINT).actual("there is no log"),
        Some(remembered) => Finding::new(Code::LogForked, CHECKPOINT)
            .expected(format!("{}, or more", leaves(remembered.newest().size)))
            .actual("there is no log"),
    };
    outcome.conclude("checkpoint", "the store has no log", vec![finding]);
}

/// `1 leaf`, `2,361 leaves`
pub fn leaves(size: u64) -> String {
    if size == 1 { "1 leaf".to_owned() } else { format!("{} leaves", number(size)) }
}

/// Whether the log extends what is remembered, or there is nothing to extend.
fn earlier(
    judging: &Judging<'_>,
    log: &Log<'_>,
    head: &Head,
    remembered: Option<&Remembered>,
    outcome: &mut Outcome,
) -> Result<bool> {
    const NAME: &str = "earlier";
    let Some(remembered) = remembered else {
        if judging.first {
            outcome.skip(NAME, Status::Skipped, "nothing was remembered here; from now on it is");
        } else {
            let finding = Finding::new(Code::LogNotRemembered, CHECKPOINT);
            outcome.conclude(
                NAME,
                "this host has not seen the log before; --first admits that",
                vec![finding],
            );
        }
        return Ok(true);
    };
    let newest = remembered.newest();
    if passes(NAME, "the log was another one before", judging.state.check(log, Some(head)), outcome)?
        .is_none()
    {
        return Ok(false);
    }
    let at = remembered.seen.last().map(|seen| seen.at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let detail = format!("extends the {} seen {}", leaves(newest.size), at.unwrap_or_default());
    outcome.conclude(NAME, detail, Vec::new());
    Ok(true)
}

fn events(
    log: &Log<'_>,
    leaves: &Leaves,
    before: Option<&Logged>,
    outcome: &mut Outcome,
) -> Result<Vec<Option<Told>>> {
    let (mut told, mut findings) = (Vec::new(), Vec::new());
    let known = |at: usize, leaf: &Leaf| {
        let before = before.filter(|before| before.leaves.leaves.get(at) == Some(leaf))?;
        before.told.get(at)?.clone()
    };
    for (at, leaf) in leaves.leaves.iter().enumerate() {
        if let Some(known) = known(at, leaf) {
            told.push(Some(known));
            continue;
        }
        told.push(match log.told(leaf)? {
            Ok(told) => Some(told),
            Err(found) => {
                findings.extend(found);
                None
            }
        });
    }
    let all = count(leaves.leaves.len() as u64, "statement");
    let detail = match findings.is_empty() {
        true => format!("{all}, each signed by one who may"),
        false => format!("{} of {all} verify", told.iter().flatten().count()),
    };
    outcome.conclude("events", detail, findings);
    Ok(told)
}

/// A leaf and what its statement says, where that verifies.
pub fn pairs(logged: &Logged) -> impl Iterator<Item = (&Leaf, &Told)> {
    logged.leaves.leaves.iter().zip(&logged.told).filter_map(|(leaf, told)| Some((leaf, told.as_ref()?)))
}
