//! Which archives the spans choose, read in every way that the log allows.
//!
//! In the first reading everything counts as it is dated. In others what is doubtful does not count, so that it takes nobody's
//! place: archives that something speaks against; those that are dated later than one that was logged after them, and those
//! that are dated earlier than one that was logged before them. What any reading chooses stays. So a host whose clock is
//! wrong, or a thief who dates archives as they like, only adds to what is kept.

use super::{Archive, Moment, Why};
use crate::policy::backup::Keep;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// A moment of an archive that is there, by the archive's place.
#[derive(Clone, Copy)]
struct Point {
    archive: usize,
    time: Timestamp,
    leaf: u64,
    /// Dated later than something that was logged after it.
    is_ahead: bool,
    /// Dated earlier than something that was logged before it.
    is_behind: bool,
    is_doubtful: bool,
}

/// What the spans choose in any reading, each with its first reason.
pub(super) fn chosen(archives: &[Archive<'_>], keep: &Keep, now: Timestamp) -> Vec<(usize, Why)> {
    let points = points(archives, now);
    let mut chosen = Vec::new();
    for without_doubtful in [false, true] {
        let reading = |counts: fn(&Point) -> bool| -> Vec<Point> {
            points
                .iter()
                .filter(|one| counts(one) && !(without_doubtful && one.is_doubtful))
                .copied()
                .collect()
        };
        for reading in [reading(|_| true), reading(|one| !one.is_ahead), reading(|one| !one.is_behind)] {
            chosen.extend(spans(&reading, keep));
        }
    }
    chosen
}

/// The moments of what is there and not dated in the future, the newest first.
fn points(archives: &[Archive<'_>], now: Timestamp) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for (at, archive) in archives.iter().enumerate() {
        points.extend(come(archive, now).map(|moment| Point {
            archive: at,
            time: moment.time,
            leaf: moment.leaf,
            is_ahead: false,
            is_behind: false,
            is_doubtful: archive.is_doubtful,
        }));
    }
    points.sort_by_key(|point| point.leaf);
    let mut latest = Timestamp::MIN;
    for point in &mut points {
        point.is_behind = point.time < latest;
        latest = latest.max(point.time);
    }
    let mut earliest = Timestamp::MAX;
    for point in points.iter_mut().rev() {
        point.is_ahead = point.time > earliest;
        earliest = earliest.min(point.time);
    }
    points.retain(|point| archives.get(point.archive).is_some_and(|archive| !archive.is_gone));
    points.sort_by_key(|point| std::cmp::Reverse((point.time, point.leaf)));
    points
}

/// The newest of each span, of as many spans as are kept. The points come with the newest first.
fn spans(points: &[Point], keep: &Keep) -> Vec<(usize, Why)> {
    let mut chosen = Vec::new();
    let mut last = BTreeSet::new();
    for point in points {
        if (last.len() as u64) < keep.last && last.insert(point.archive) {
            chosen.push((point.archive, Why::Last));
        }
    }
    for (most, why, span) in [
        (keep.daily, Why::Daily, day as fn(Date) -> (i16, i16)),
        (keep.weekly, Why::Weekly, week),
        (keep.monthly, Why::Monthly, month),
        (keep.yearly, Why::Yearly, year),
    ] {
        let mut seen = BTreeSet::new();
        for point in points {
            let span = span(point.time.to_zoned(TimeZone::UTC).date());
            if (seen.len() as u64) < most && seen.insert(span) {
                chosen.push((point.archive, why.clone()));
            }
        }
    }
    chosen
}

fn day(date: Date) -> (i16, i16) {
    (date.year(), date.day_of_year())
}

fn week(date: Date) -> (i16, i16) {
    let week = date.iso_week_date();
    (week.year(), week.week().into())
}

fn month(date: Date) -> (i16, i16) {
    (date.year(), date.month().into())
}

fn year(date: Date) -> (i16, i16) {
    (date.year(), 0)
}

/// The moments of an archive that are not dated in the future.
fn come<'a>(archive: &'a Archive<'_>, now: Timestamp) -> impl Iterator<Item = &'a Moment> {
    archive.moments.iter().filter(move |moment| moment.time <= now)
}

/// What is never deleted, whatever the spans say: the newest, by its date and by the log, with and without what is doubtful;
/// the newest that was read again and held; and the one that a drill restored last. What is dated in the future, and stays for
/// that, takes nobody's place here either.
pub(super) fn protected(archives: &[Archive<'_>], now: Timestamp) -> Vec<(usize, Why)> {
    let dated = |one: &Archive<'_>| come(one, now).map(|moment| moment.time).max();
    let logged = |one: &Archive<'_>| come(one, now).map(|moment| moment.leaf).max();
    let there = || archives.iter().enumerate().filter(|(_, one)| !one.is_gone && dated(one).is_some());
    let sound = || there().filter(|(_, one)| !one.is_doubtful);
    let newest = [
        there().max_by_key(|(_, one)| (dated(one), logged(one))),
        sound().max_by_key(|(_, one)| (dated(one), logged(one))),
        there().max_by_key(|(_, one)| logged(one)),
        sound().max_by_key(|(_, one)| logged(one)),
    ];
    let verified =
        sound().filter(|(_, one)| one.verified.is_some()).max_by_key(|(_, one)| (dated(one), logged(one)));
    let drilled = there().filter(|(_, one)| one.drilled.is_some()).max_by_key(|(_, one)| one.drilled);
    let newest = newest.into_iter().flatten().map(|(at, _)| (at, Why::Newest));
    let verified = verified.map(|(at, _)| (at, Why::Verified));
    let drilled = drilled.map(|(at, _)| (at, Why::Drilled));
    newest.chain(verified).chain(drilled).collect()
}
