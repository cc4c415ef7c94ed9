//! Which archives are read this time.

use crate::format::digest::Sha256;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;

/// How long it is until the next run, unless runs were further apart.
const NIGHT: SignedDuration = SignedDuration::from_hours(24);

/// What is known of an archive when it is chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    pub(super) last_read: Option<Timestamp>,
}

/// Those that must be read now for each to be read within the window, and an even share besides: the bytes of all, times the
/// time since the last run, by the window. Those come first that were not read for longest; what never was is always read.
/// `runs` are the earlier ones, in order.
pub(super) fn due(all: &[Candidate], now: Timestamp, runs: &[Timestamp], window_s: u64) -> Vec<usize> {
    let window = SignedDuration::from_secs(window_s as i64);
    let [share, next] = steps(now, runs);
    let total: u64 = all.iter().map(|one| one.size_bytes).sum();
    let share = (u128::from(total) * share.as_secs() as u128) / u128::from(window_s.max(1));
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&at| (all[at].last_read, all[at].sha256));
    let mut taken: u128 = 0;
    order.retain(|&at| {
        let is_due = all[at].last_read.is_none_or(|last| now.duration_since(last) + next >= window);
        let take = is_due || taken < share;
        taken += if take { u128::from(all[at].size_bytes) } else { 0 };
        take
    });
    order.sort_unstable();
    order
}

/// How much time the share of this run stands for, and until when the next run is at the latest: as long as it usually is,
/// and a quarter more. A single long pause makes no rhythm.
fn steps(now: Timestamp, runs: &[Timestamp]) -> [SignedDuration; 2] {
    let gap =
        |later: Timestamp, earlier: &Timestamp| later.duration_since(*earlier).max(SignedDuration::ZERO);
    let last = runs.last().map_or(NIGHT, |last| gap(now, last));
    let before = match runs {
        [.., before, last] => gap(*last, before),
        _ => NIGHT,
    };
    let next = last.min(before).max(NIGHT);
    [last, next + next / 4]
}

/// Whether an archive is in a part, from 1, of so many. It is by its digest alone, so each stays in its part while others
/// come and go.
pub(super) fn is_in_subset(sha256: Sha256, part: u32, parts: u32) -> bool {
    let head = sha256.0[..8].iter().fold(0_u64, |head, &byte| head << 8 | u64::from(byte));
    head % u64::from(parts.max(1)) + 1 == u64::from(part)
}

/// For each archive the part, from 0, of so many: of even size, as far as whole archives can be. Whoever knows the same
/// archives comes to the same parts.
pub(super) fn parts_of(all: &[Candidate], parts: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&at| (Reverse(all[at].size_bytes), all[at].sha256));
    let mut sizes: Vec<(u64, u32)> = (0..parts.max(1)).map(|part| (0, part)).collect();
    let mut of = vec![0; all.len()];
    for at in order {
        let least = sizes.iter_mut().min().expect("there is a part");
        least.0 += all[at].size_bytes;
        of[at] = least.1;
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + number * 86_400).unwrap()
    }

    fn archive(number: u32, size_bytes: u64, last_read: Option<i64>) -> Candidate {
        let sha256 = Sha256::of(&number.to_be_bytes());
        Candidate { sha256, size_bytes, last_read: last_read.map(day) }
    }

    const WEEK_S: u64 = 7 * 86_400;

    /// Runs on these days over archives of these sizes, all of which were read on day 0; gives for how many days one was not
    /// read at most, and the most that was read in a night.
    fn nights(sizes: &[u64], days: &[i64]) -> (i64, u64) {
        let mut all: Vec<Candidate> =
            sizes.iter().enumerate().map(|(at, size)| archive(at as u32, *size, Some(0))).collect();
        let (mut longest, mut most, mut runs) = (0, 0, vec![day(0)]);
        for &today in days {
            let chosen = due(&all, day(today), &runs, WEEK_S);
            let unread = all.iter().filter_map(|one| one.last_read).min().unwrap();
            longest = longest.max(day(today).duration_since(unread).as_secs() / 86_400);
            most = most.max(chosen.iter().map(|&at| all[at].size_bytes).sum());
            chosen.iter().for_each(|&at| all[at].last_read = Some(day(today)));
            runs.push(day(today));
        }
        (longest, most)
    }

    #[test]
    fn every_archive_is_read_within_the_window_and_nights_are_even() {
        let daily: Vec<i64> = (1..60).collect();
        let (longest, most) = nights(&[100; 70], &daily);
        assert!(longest <= 7 && most <= 2000, "{longest} days, {most} bytes");
        let every_third: Vec<i64> = (1..20).map(|at| at * 3).collect();
        let uneven = [5000, 1, 1, 1, 300, 300, 300, 20, 20, 20];
        for sizes in [&[100; 70][..], &uneven, &[1]] {
            assert!(nights(sizes, &daily).0 <= 7);
            assert!(nights(sizes, &every_third).0 <= 7);
            assert!(nights(sizes, &[7, 14, 21, 28]).0 <= 7);
        }
    }

    #[test]
    fn missed_nights_are_made_up_for_at_the_next() {
        // On day 8 those are read that were not for a week, or would not be by tomorrow; the rest has its turn.
        assert_eq!(nights(&[100; 70], &[1, 2, 3, 4, 5, 8, 9, 10, 11, 12]), (8, 4000));
        let month = [archive(1, 10, Some(0)), archive(2, 10, Some(0))];
        assert_eq!(due(&month, day(30), &[day(0)], WEEK_S), [0, 1]);
    }

    #[test]
    fn what_was_never_read_is_read_and_what_was_read_a_moment_ago_is_not() {
        let all = [archive(1, 10, None), archive(2, 10, Some(10)), archive(3, 0, None)];
        let now = day(10) + SignedDuration::from_mins(5);
        assert_eq!(due(&all, now, &[day(10)], WEEK_S), [0, 2]);
        assert!(due(&[], now, &[], WEEK_S).is_empty());
    }

    #[test]
    fn parts_are_disjoint_and_complete_and_even() {
        let all: Vec<Candidate> = (0..100).map(|at| archive(at, u64::from(at * at), Some(0))).collect();
        let of = parts_of(&all, 4);
        let size = |part| -> u64 { (0..100).filter(|&at| of[at] == part).map(|at| all[at].size_bytes).sum() };
        let sizes: Vec<u64> = (0..4).map(size).collect();
        assert_eq!(sizes.iter().sum::<u64>(), all.iter().map(|one| one.size_bytes).sum::<u64>());
        assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() < 1000, "{sizes:?}");
        let mut reversed = all.clone();
        reversed.reverse();
        let mut again = parts_of(&reversed, 4);
        again.reverse();
        assert_eq!(again, of);
        for one in &all {
            let parts: Vec<u32> = (1..=7).filter(|&part| is_in_subset(one.sha256, part, 7)).collect();
            assert_eq!(parts.len(), 1);
        }
        assert!(is_in_subset(all[0].sha256, 1, 1));
    }
}
