//! System calls of a backup that fail, each in turn: a disk without room, for once or from then on; one that does not sync,
//! or does nothing at all.

use super::prepared::Prepared;
use super::syscalls::{Call, EIO, ENOSPC, Names, What};

/// How an error of a disk reads; SQLite has words of its own.
const WORDS: [&str; 5] =
    ["No space left", "Input/output error", "disk is full", "disk I/O error", "unable to open"];

/// The calls that may need room on a disk.
const ROOM: Names =
    "write,pwrite64,writev,open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,ftruncate,fallocate";

const SYNCS: Names = "fsync,fdatasync";

/// All but the syncs.
const OTHERS: Names = "write,pwrite64,writev,open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,ftruncate,fallocate,\
                       unlink,unlinkat,rmdir,fchmod";

/// Whether a run in which the call at this place failed must have failed too: all of the store, until its log has the leaf.
fn counts(prepared: &Prepared, calls: &[Call], at: usize) -> bool {
    let is_checkpoint =
        |call: &Call| call.name.starts_with("rename") && call.arguments[1].ends_with("log/checkpoint");
    // It has it once the folder is synced.
    let is_logged = calls.iter().position(is_checkpoint).is_some_and(|named| at > named + 1);
    let in_store = calls[at].path().is_some_and(|path| path.starts_with(prepared.store()));
    in_store && !is_logged && !calls[at].name.starts_with("unlink")
}

/// One in so many of the calls with these names meets an error, each in turn.
fn survives(prepared: &Prepared, one_in: usize, names: Names, what: impl Fn(usize) -> What) {
    let is_named = |call: &Call| names.split(',').any(|name| name == call.name);
    let count = prepared.calls().iter().filter(|call| is_named(call)).count();
    let (points, mut failed) = (prepared.share(count, one_in), 0);
    for &point in &points {
        let ended = prepared.night(what(point));
        let mut named = ended.calls.iter().enumerate().filter(|(_, call)| is_named(call));
        let (at, met) = named.nth(point - 1).expect("each night has the same calls");
        let told = format!("{:?}, {} {:?}", what(point), met.name, met.arguments);
        if !met.path().is_some_and(|path| path.starts_with(prepared.host.world.path())) {
            continue;
        }
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
    println!("{} of {count} calls, {failed} runs failed", points.len());
    assert!(failed * 2 > points.len() && failed > 10, "{failed} of {} failed", points.len());
}

#[test]
fn a_sync_that_fails_is_a_backup_that_fails() {
    survives(&Prepared::after(2, true), 1, SYNCS, |at| What::Fails(at, EIO, SYNCS));
    survives(&Prepared::after(0, true), 1, SYNCS, |at| What::Fails(at, EIO, SYNCS));
}

#[test]
fn a_disk_that_is_full_from_any_call_on_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 1, ROOM, |at| What::Full(at, ROOM));
}

#[test]
fn a_first_backup_onto_a_disk_that_is_full_from_any_call_on_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(0, true), 3, ROOM, |at| What::Full(at, ROOM));
}

#[test]
fn a_call_without_room_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 2, ROOM, |at| What::Fails(at, ENOSPC, ROOM));
}

#[test]
fn a_call_that_the_disk_fails_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true), 2, OTHERS, |at| What::Fails(at, EIO, OTHERS));
}
