//! The rules by example, and what must hold of every log.

use super::{Archive, Fate, Moment, Rule, Why, judge};
use crate::policy::backup::Keep;
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

const DAY_S: i64 = 86_400;

fn day(day: i64) -> Timestamp {
    let first: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    first + SignedDuration::from_secs(day * DAY_S)
}

fn archive(name: &str, time: Timestamp, leaf: u64) -> Archive<'_> {
    Archive {
        name,
        moments: vec![Moment { time, leaf }],
        bases: Vec::new(),
        verified: None,
        drilled: None,
        is_doubtful: false,
        locked_until: None,
        is_gone: false,
    }
}

/// `0`, `1`, … one a day.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn nightly(names: &[String]) -> Vec<Archive<'_>> {
    names.iter().zip(0..).map(|(name, at)| archive(name, day(at as i64), at)).collect()
}

fn kept(archives: &[Archive<'_>], rule: &Rule, now: Timestamp) -> Vec<String> {
    let fates = judge(archives, rule, now);
    let kept = archives.iter().zip(fates).filter(|(_, fate)| matches!(fate, Fate::Kept(_)));
    kept.map(|(archive, _)| archive.name.to_owned()).collect()
}

fn keep(daily: u64, weekly: u64, monthly: u64) -> Keep {
    Keep { daily, weekly, monthly, ..Keep::default() }
}

#[test]
fn of_each_span_the_newest_is_kept() {
    let names = names(100);
    let archives = nightly(&names);
    let now = day(99) + SignedDuration::from_hours(6);
    // 2026-04-10 is a Friday; weeks end on Sundays: days 94, 87 and so on.
    let daily = ["93", "94", "95", "96", "97", "98", "99"];
    assert_eq!(kept(&archives, &Rule::Backups(keep(7, 0, 0)), now), daily);
    assert_eq!(kept(&archives, &Rule::Backups(keep(0, 3, 0)), now), ["87", "94", "99"]);
    assert_eq!(kept(&archives, &Rule::Backups(keep(0, 0, 12)), now), ["30", "58", "89", "99"]);
    assert_eq!(kept(&archives, &Rule::Backups(keep(2, 2, 2)), now), ["89", "94", "98", "99"]);
    let last = Keep { last: 3, ..Keep::default() };
    assert_eq!(kept(&archives, &Rule::Backups(last), now), ["97", "98", "99"]);
    let yearly = Keep { yearly: 5, ..Keep::default() };
    assert_eq!(kept(&archives, &Rule::Backups(yearly), now), ["99"]);
    assert_eq!(kept(&archives, &Rule::Backups(Keep::default()), now).len(), 100, "no number keeps all");
    let young = Keep { daily: 1, min_age_s: 3 * DAY_S as u64, ..Keep::default() };
    assert_eq!(kept(&archives, &Rule::Backups(young), now), ["97", "98", "99"]);
}

#[test]
fn a_release_goes_by_its_age_alone_and_never_the_last_one() {
    let names = names(10);
    let mut archives = nightly(&names);
    let rule = Rule::Releases(Some(3 * DAY_S as u64));
    assert_eq!(kept(&archives, &rule, day(9)), ["7", "8", "9"]);
    archives[2].drilled = Some(20);
    assert_eq!(kept(&archives, &rule, day(99)), ["2", "9"], "the last drilled one, and the newest");
    assert_eq!(kept(&archives, &Rule::Releases(None), day(99)).len(), 10);
}

#[test]
fn what_is_kept_keeps_what_it_needs() {
    let names = names(9);
    let mut archives = nightly(&names);
    for at in [1, 2, 4, 5, 7, 8] {
        archives[at].bases = vec![if at % 3 == 1 { &*names[at - 1] } else { &*names[at - 2] }];
    }
    archives[8].bases.push(&names[7]);
    let rule = Rule::Backups(keep(1, 0, 0));
    let fates = judge(&archives, &rule, day(9));
    assert_eq!(fates[8], Fate::Kept(Why::Newest).clone().max_daily());
    assert_eq!(fates[7], Fate::Kept(Why::Needed("8".into())));
    assert_eq!(fates[6], Fate::Kept(Why::Needed("8".into())));
    assert_eq!(fates[5], Fate::Due);
    // What the store has locked keeps its chain, too.
    archives[5].locked_until = Some(day(30));
    assert_eq!(judge(&archives, &rule, day(9))[5], Fate::Kept(Why::Locked(day(30))));
    assert_eq!(kept(&archives, &rule, day(9)), ["3", "5", "6", "7", "8"]);
    assert_eq!(kept(&archives, &rule, day(30)), ["6", "7", "8"], "once it is not any more, it goes");
}

impl Fate {
    /// The newest of all is the newest of its day as well, which is said first.
    fn max_daily(self) -> Fate {
        if self == Fate::Kept(Why::Newest) { Fate::Kept(Why::Daily) } else { self }
    }
}

#[test]
fn a_night_in_which_nothing_changed_holds_the_archive_that_it_stands_for() {
    let names = names(3);
    let mut archives = nightly(&names);
    for night in 3..40 {
        archives[2].moments.push(Moment { time: day(night), leaf: night as u64 });
    }
    let rule = Rule::Backups(Keep { daily: 30, min_age_s: 5 * DAY_S as u64, ..Keep::default() });
    assert_eq!(kept(&archives, &rule, day(40)), ["2"]);
    let last = Rule::Backups(Keep { last: 2, ..Keep::default() });
    assert_eq!(kept(&archives, &last, day(40)), ["1", "2"], "the last two archives, not nights");
}

#[test]
fn whoever_dates_archives_as_they_like_evicts_nothing() {
    let names = names(30);
    let honest = nightly(&names);
    let rule = Rule::Backups(keep(7, 3, 0));
    let now = day(30);
    let before = kept(&honest, &rule, now);
    let survives = |archives: &[Archive<'_>], now: Timestamp| {
        let after = kept(archives, &rule, now);
        before.iter().all(|name| after.contains(name))
    };
    // In the future, on every one of ten days.
    let future: Vec<String> = (0..10).map(|number| format!("f{number}")).collect();
    let mut archives = honest.clone();
    archives.extend(future.iter().zip(1..).map(|(name, at)| archive(name, day(30 + at), 100 + at as u64)));
    assert!(survives(&archives, now));
    assert_eq!(judge(&archives, &rule, now)[30], Fate::Kept(Why::Future));
    // In the past, on each of the days that have one, an hour later.
    let past: Vec<String> = (0..30).map(|number| format!("p{number}")).collect();
    let late = |at: i64| day(at) + SignedDuration::from_hours(1);
    let mut archives = honest.clone();
    archives.extend(past.iter().zip(0..29).map(|(name, at)| archive(name, late(at), 100 + at as u64)));
    assert!(survives(&archives, now));
    // Ahead of those that were logged after it, which has become the past since.
    let mut archives = honest.clone();
    archives.insert(20, Archive { moments: vec![Moment { time: late(25), leaf: 19 }], ..honest[0].clone() });
    archives[20].name = "ahead";
    assert!(survives(&archives, now));
    // One that does not hold evicts nothing, either, and neither does a doubt.
    let mut archives = honest.clone();
    archives.push(Archive { is_doubtful: true, ..archive("bad", late(29), 100) });
    assert!(survives(&archives, now));
}

#[test]
fn what_is_dated_in_the_future_takes_the_place_of_none_that_the_log_keeps() {
    let names = names(5);
    let mut archives = nightly(&names);
    // Two are not dated as they came: the last that nothing speaks against is kept for that alone.
    archives[1].moments[0].time = day(9);
    archives[3].moments[0].time = day(5);
    archives[4].is_doubtful = true;
    let rule = Rule::Backups(keep(1, 0, 0));
    assert_eq!(kept(&archives, &rule, day(20)), ["1", "2", "3", "4"]);
    archives.push(archive("future", day(30), 100));
    assert_eq!(kept(&archives, &rule, day(20)), ["1", "2", "3", "4", "future"]);
    // Nor where it was made in the past, and says in the future that it still stands.
    archives[5].moments = vec![Moment { time: day(0), leaf: 0 }, Moment { time: day(30), leaf: 100 }];
    assert_eq!(kept(&archives, &rule, day(20)), ["1", "2", "3", "4", "future"]);
}

/// A log: archives in its order, dated mostly as they came, and what else is known of them.
fn logs() -> impl Strategy<Value = Vec<(i64, Option<usize>, u8)>> {
    vec((-20i64..200, proptest::option::of(any::<usize>()), any::<u8>()), 1..40)
}

fn of<'n>(names: &'n [String], log: &[(i64, Option<usize>, u8)]) -> Vec<Archive<'n>> {
    let mut archives: Vec<Archive<'n>> = Vec::new();
    for (at, (jitter, base, bits)) in log.iter().enumerate() {
        // Six in eight nights come when they should.
        let hours = if bits & 3 == 0 { *jitter } else { 0 };
        let time = day(at as i64) + SignedDuration::from_hours(hours * 24);
        let mut one = archive(&names[at], time, 2 * at as u64);
        if let Some(base) = base.filter(|_| at > 0 && bits & 4 > 0) {
            one.bases.push(&names[base % at]);
        }
        one.is_doubtful = bits & 0x38 == 0x38;
        one.verified = (bits & 0x40 > 0).then_some(2 * at as u64 + 1);
        one.drilled = (bits & 0x80 > 0 && bits & 0x10 > 0).then_some(2 * at as u64 + 1);
        archives.push(one);
    }
    archives
}

fn rules() -> impl Strategy<Value = Rule> {
    let counts = (0u64..4, 0u64..6, 0u64..4, 0u64..3, 0u64..3, 0u64..20);
    counts.prop_map(|(last, daily, weekly, monthly, yearly, days)| {
        let min_age_s = days * DAY_S as u64;
        let keep = Keep { last, daily: daily.max(1), weekly, monthly, yearly, min_age_s };
        Rule::Backups(keep)
    })
}

proptest! {
    #[test]
    fn the_newest_the_drilled_and_every_base_stay(log in logs(), rule in rules(), now in 0i64..60) {
        let names = names(40);
        let archives = of(&names, &log);
        let fates = judge(&archives, &rule, day(now));
        let is_kept = |at: usize| matches!(fates[at], Fate::Kept(_));
        prop_assert!(is_kept(archives.len() - 1), "the last of the log");
        let sound = (0..archives.len()).rev().find(|&at| !archives[at].is_doubtful);
        prop_assert!(sound.is_none_or(is_kept), "the last of the log that nothing speaks against");
        let drilled = (0..archives.len()).max_by_key(|&at| archives[at].drilled);
        prop_assert!(drilled.is_none_or(|at| archives[at].drilled.is_none() || is_kept(at)));
        for (at, archive) in archives.iter().enumerate().filter(|(at, _)| is_kept(*at)) {
            let base = archives.iter().position(|base| archive.bases.contains(&base.name));
            prop_assert!(base.is_none_or(is_kept), "{at} needs {base:?}");
        }
        for (archive, fate) in archives.iter().zip(&fates) {
            prop_assert!(archive.newest() <= day(now) || *fate == Fate::Kept(Why::Future)
                || matches!(fate, Fate::Kept(_)), "nothing of the future is due");
        }
    }

    #[test]
    fn what_was_due_stays_due_while_the_rest_of_it_is_deleted(log in logs(), rule in rules(), order in any::<u64>()) {
        let names = names(40);
        let mut archives = of(&names, &log);
        let now = day(60);
        let mut due: Vec<usize> = (0..archives.len())
            .filter(|&at| judge(&archives, &rule, now)[at] == Fate::Due).collect();
        let before = kept(&archives, &rule, now);
        while !due.is_empty() {
            let at = due.remove((order % due.len() as u64) as usize);
            prop_assert_eq!(&judge(&archives, &rule, now)[at], &Fate::Due);
            archives[at].is_gone = true;
        }
        prop_assert_eq!(kept(&archives, &rule, now), before, "and then nothing more is");
    }

    #[test]
    fn a_date_in_the_future_evicts_nothing(log in logs(), rule in rules(), ahead in 1i64..500, at in any::<usize>()) {
        let names = names(40);
        let archives = of(&names, &log);
        let now = day(60);
        let before = kept(&archives, &rule, now);
        let mut more = archives.clone();
        let place = at % (archives.len() + 1);
        let leaf = if place == 0 { 0 } else { 2 * place as u64 - 1 };
        more.insert(place, archive("future", now + SignedDuration::from_hours(ahead), leaf));
        let after = kept(&more, &rule, now);
        prop_assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
    }

    #[test]
    fn among_honest_dates_no_single_lie_evicts_anything(days in 2i64..60, rule in rules(), lie in 0i64..60, at in 0i64..60) {
        let names = names(60);
        let honest: Vec<Archive<'_>> = nightly(&names).into_iter().take(days as usize).collect();
        let now = day(days);
        let before = kept(&honest, &rule, now);
        // Logged at a place where its date does not belong, and not as the newest of all, which is nobody's lie.
        let (at, lie) = (at % days, lie % days);
        let time = day(lie) + SignedDuration::from_mins(7);
        if lie != at && lie + 1 != at && lie < days {
            let mut more = honest.clone();
            let moments = vec![Moment { time, leaf: at as u64 }];
            more.iter_mut().skip(at as usize).for_each(|one| one.moments[0].leaf += 1);
            more.insert(at as usize, Archive { moments, ..archive("lie", time, 0) });
            let after = kept(&more, &rule, now);
            prop_assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
        }
    }
}
