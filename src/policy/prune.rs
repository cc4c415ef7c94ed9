//! What may be deleted, and why the rest stays: a function of what the log says and of the present, so that whoever verifies
//! can ask again what whoever deleted was told.
//!
//! Dates are what hosts say, and the order of the log is what nobody can change. Where both disagree, nothing that is
//! doubtful takes the place of anything: an archive is deleted only if every reading of the log lets it go.

mod readings;
#[cfg(test)]
mod tests;

use crate::policy::Policy;
use crate::policy::backup::Keep;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// What is kept of one kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `[backup] keep`.
    Backups(Keep),
    /// `[release] keep`: after so many seconds a release may go; `None` keeps every one.
    Releases(Option<u64>),
}

impl Rule {
    /// What a policy keeps of backups, and of releases.
    pub fn of(policy: &Policy) -> [Rule; 2] {
        [Rule::Backups(policy.backup.keep), Rule::Releases(policy.keep_release_s)]
    }

    /// Whether nothing is ever to be deleted.
    pub fn is_everything(&self) -> bool {
        match self {
            Rule::Backups(keep) => keep.is_everything(),
            Rule::Releases(min_age_s) => min_age_s.is_none(),
        }
    }
}

/// A moment that an archive holds: it was made then, or nothing had changed since it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When, as was signed.
    pub time: Timestamp,
    /// Its place in the log.
    pub leaf: u64,
}

/// An archive of the log: one of a project and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive<'a> {
    /// The pack's name.
    pub name: &'a str,
    /// The moments that it holds, in the order of the log; the first is when it was made.
    pub moments: Vec<Moment>,
    /// The archives that it needs.
    pub bases: Vec<&'a str>,
    /// The last time that it was read again and held: the place of that leaf.
    pub verified: Option<u64>,
    /// The last time that a drill restored it: the place of that leaf.
    pub drilled: Option<u64>,
    /// Something speaks against it: a drill failed, or it is not in the store. It takes nobody's place.
    pub is_doubtful: bool,
    /// The store does not let it go before this.
    pub locked_until: Option<Timestamp>,
    /// It was deleted before.
    pub is_gone: bool,
}

impl Archive<'_> {
    /// The newest moment that it holds.
    pub fn newest(&self) -> Timestamp {
        self.moments.iter().map(|moment| moment.time).max().unwrap_or(Timestamp::MAX)
    }
}

/// What becomes of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept(Why),
    /// Nothing keeps it.
    Due,
    /// It was deleted before.
    Gone,
}

/// Why an archive stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The policy keeps everything.
    Everything,
    /// It is younger than `min_age`.
    Young,
    /// It is one of the `last`.
    Last,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its week.
    Weekly,
    /// It is the newest of its month.
    Monthly,
    /// It is the newest of its year.
    Yearly,
    /// It is the newest that nothing speaks against.
    Newest,
    /// It is the newest that was read again and held.
    Verified,
    /// It is the last that a drill restored.
    Drilled,
    /// It is dated in the future.
    Future,
    /// The store has it locked.
    Locked(Timestamp),
    /// This one needs it.
    Needed(String),
}

impl Why {
    /// The reason as scripts match on it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Why::Everything => "everything",
            Why::Young => "min-age",
            Why::Last => "last",
            Why::Daily => "daily",
            Why::Weekly => "weekly",
            Why::Monthly => "monthly",
            Why::Yearly => "yearly",
            Why::Newest => "newest",
            Why::Verified => "verified",
            Why::Drilled => "drilled",
            Why::Future => "future",
            Why::Locked(_) => "locked",
            Why::Needed(_) => "needed",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Locked(until) => write!(f, "locked until {until}"),
            Why::Needed(name) => write!(f, "needed by {name}"),
            other => f.pad(other.as_str()),
        }
    }
}

/// Judges every archive of a project and kind at a moment, in the order in which they are given.
///
/// Those that are gone belong to it: what they were dated still says whose date is doubtful.
pub fn judge(archives: &[Archive<'_>], rule: &Rule, now: Timestamp) -> Vec<Fate> {
    let mut fates: Vec<Fate> =
        archives.iter().map(|one| if one.is_gone { Fate::Gone } else { Fate::Due }).collect();
    let mut keep = |at: usize, why: Why| {
        if fates[at] == Fate::Due {
            fates[at] = Fate::Kept(why);
        }
    };
    let all = 0..archives.len();
    if rule.is_everything() {
        all.for_each(|at| keep(at, Why::Everything));
        return fates;
    }
    // Before any other reason, for this one has to be said.
    all.filter(|&at| archives[at].newest() > now).for_each(|at| keep(at, Why::Future));
    let chosen = match rule {
        Rule::Backups(spans) => readings::chosen(archives, spans, now),
        Rule::Releases(_) => Vec::new(),
    };
    chosen.into_iter().for_each(|(at, why)| keep(at, why));
    readings::protected(archives, now).into_iter().for_each(|(at, why)| keep(at, why));
    let min_age_s = match rule {
        Rule::Backups(keep) => keep.min_age_s,
        Rule::Releases(min_age_s) => min_age_s.unwrap_or_default(),
    };
    for (at, archive) in archives.iter().enumerate() {
        if now.duration_since(archive.newest()) < seconds(min_age_s) {
            keep(at, Why::Young);
        }
        if let Some(until) = archive.locked_until.filter(|until| *until > now) {
            keep(at, Why::Locked(until));
        }
    }
    needed(archives, &mut fates);
    fates
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Keeps what is needed by what is kept, as far as that goes.
fn needed(archives: &[Archive<'_>], fates: &mut [Fate]) {
    let mut open: Vec<usize> = (0..archives.len()).filter(|&at| matches!(fates[at], Fate::Kept(_))).collect();
    while let Some(at) = open.pop() {
        let Archive { name, bases, .. } = &archives[at];
        for base in (0..archives.len()).filter(|&base| bases.contains(&archives[base].name)) {
            if fates[base] == Fate::Due {
                fates[base] = Fate::Kept(Why::Needed((*name).to_owned()));
                open.push(base);
            }
        }
    }
}
