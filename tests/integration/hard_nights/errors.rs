//! System calls of a backup that fail, each in turn: a disk without room, for once or from then on; one that does not sync,
//! or does nothing at all.

use super::prepared::Prepared;
use super::syscalls::{Call, EIO, ENOSPC, What};

/// How an error of a disk reads; SQLite has words of its own.
const WORDS: [&str; 5] =
    ["No space left", "Input/output error", "disk is full", "disk I/O error", "unable to open"];

/// Whether a run that met an error there must have failed: all of the store up to the moment at which its log has the leaf.
fn counts(prepared: &Prepared, calls: &[Call], at: usize) -> bool {
    let is_checkpoint =
        |call: &&Call| call.name == "renameat" && call.arguments[1].ends_with("log/checkpoint");
    let is_logged = calls[..at - 1].iter().any(|call| is_checkpoint(&call)) && calls[at - 1].name != "fsync";
    let call = &calls[at - 1];
    let in_store = call.path().is_some_and(|path| path.starts_with(prepared.store()));
    in_store && !is_logged && !call.name.starts_with("unlink")
}

/// A share of the calls that are concerned meets an error, each in turn.
fn survives(
    prepared: &Prepared,
    one_in: usize,
    what: impl Fn(usize) -> What,
    concerns: impl Fn(&Call) -> bool,
) {
    let calls = prepared.calls();
    let is_concerned = |at: &usize| {
        let call = &calls[at - 1];
        call.path().is_some_and(|path| path.starts_with(prepared.host.world.path())) && concerns(call)
    };
    let points: Vec<usize> = (1..=calls.len()).filter(is_concerned).collect();
    let points: Vec<usize> =
        prepared.share(points.len(), one_in).into_iter().map(|at| points[at - 1]).collect();
    let mut failed = 0;
    for &at in &points {
        let ended = prepared.night(what(at));
        let Some(met) = ended.calls.get(at - 1) else { continue };
        let told = format!("{:?}, {} {:?}", what(at), met.name, met.arguments);
        match ended.code {
            0 => {
                assert!(!counts(prepared, &ended.calls, at), "{told}: and all is said to be well");
                prepared.done(&told);
            }
            1 => {
                assert!(WORDS.iter().any(|words| ended.said.contains(words)), "{told}: {}", ended.said);
                prepared.harmless(&told);
                if !met.name.starts_with("unlink") {
                    prepared.is_clean(&told);
                }
                failed += 1;
            }
            code => panic!("{told}: exit code {code}: {}", ended.said),
        }
        prepared.next_works(&told);
    }
    println!("{} of {} calls, {failed} runs failed", points.len(), calls.len());
    assert!(failed * 2 > points.len() && failed > 10, "{failed} of {} failed", points.len());
}

fn syncs(call: &Call) -> bool {
    call.name == "fsync" || call.name == "fdatasync"
}

fn takes_room(call: &Call) -> bool {
    !syncs(call) && !call.name.starts_with("unlink") && call.name != "rmdir"
}

#[test]
fn a_sync_that_fails_is_a_backup_that_fails() {
    survives(&Prepared::after(2, true), 1, |at| What::Fails(at, EIO), syncs);
    survives(&Prepared::after(0, true), 1, |at| What::Fails(at, EIO), syncs);
}

#[test]
fn a_disk_that_is_full_from_any_call_on_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 1, What::Full, takes_room);
}

#[test]
fn a_first_backup_onto_a_disk_that_is_full_from_any_call_on_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(0, true), 3, What::Full, takes_room);
}

#[test]
fn a_call_without_room_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 2, |at| What::Fails(at, ENOSPC), takes_room);
}

#[test]
fn a_call_that_the_disk_fails_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 2, |at| What::Fails(at, EIO), |call| !syncs(call));
}
