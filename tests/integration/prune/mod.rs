//! `prune`: what the policy lets go is deleted, the rest stays; and whoever verifies asks the same again.

mod dates;
mod faults;
mod halves;
pub mod nights;
mod projects;
mod story;

use attestar::error::Error;
use attestar::evidence::pruned::Retention;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::policy::prune::{Rule, Why};
use attestar::store::Store;
use attestar::store::memory::Memory;
use jiff::SignedDuration;
use nights::{Laid, backup, drill, keep, night, nights, object, put, run, run_by, say, there, verify};

fn name(day: i64) -> String {
    backup(day).name()
}

fn names(days: impl IntoIterator<Item = i64>) -> Vec<String> {
    days.into_iter().map(name).collect()
}

#[test]
fn what_no_rule_keeps_goes_with_its_receipt_and_every_verifier_agrees() {
    let store = Memory::new();
    nights(&store, 0..30);
    let now = night(30);
    let pruned = run(&store, &keep(7, 2), now).unwrap();
    // 2026-01-30, day 29, is a Friday; the week before ended on day 24.
    assert_eq!(there(&store), names(23..30));
    assert_eq!(pruned.deleted.len(), 23);
    assert_eq!(pruned.logged.unwrap().size, 53);
    let newest_first: Vec<&str> = pruned.deleted.iter().map(|one| &*one.name).collect();
    assert_eq!(newest_first, names((0..23).rev()), "those first that might need others");
    assert_eq!(store.list("archives").unwrap().entries.len(), 14, "no receipt without its archive");
    assert!(verify(&store, Some(&keep(7, 2)), now).is_empty());
    // By a policy that keeps more, it should not have gone; without a policy nobody can say.
    let found = verify(&store, Some(&keep(9, 2)), now);
    assert_eq!(found, [format!("prune-not-due {}", name(22)), format!("prune-not-due {}", name(21))]);
    assert_eq!(verify(&store, None, now), ["prune-not-judged 23 archives of nightly"]);
    // Once more there is nothing to do, and nothing is written.
    let before = store.list("").unwrap();
    let again = run(&store, &keep(7, 2), now).unwrap();
    assert!(again.deleted.is_empty() && again.logged.is_none() && again.completed.is_empty());
    assert_eq!(store.list("").unwrap(), before);
}

#[test]
fn a_key_without_the_right_deletes_nothing_and_its_leaf_excuses_nothing() {
    let store = Memory::new();
    nights(&store, 0..10);
    let before = store.list("").unwrap();
    let refused = run_by(1, &store, &keep(1, 0), night(10), &nights::FORGETFUL).unwrap_err();
    let Error::Refused(findings) = refused else { panic!("{refused}") };
    assert_eq!(findings[0].code.as_str(), "signer-not-allowed");
    assert_eq!(store.list("").unwrap(), before);
    // The host that backs up has the store's credentials and may log: what it says it pruned is missing.
    say(&store, 1, What::Pruned, &backup(3), night(10));
    store.delete(&object(&format!("archives/{}.tar.zst.age", name(3)))).unwrap();
    let found = verify(&store, Some(&keep(1, 0)), night(10));
    assert!(found.iter().any(|one| one.starts_with("signer-not-allowed events/")), "{found:?}");
    assert!(found.contains(&format!("missing {}.tar.zst.age", name(3))), "{found:?}");
    // And while the log does not verify, nothing is pruned.
    let before = store.list("").unwrap();
    let pruned = run(&store, &keep(1, 0), night(10)).unwrap();
    assert!(pruned.deleted.is_empty() && pruned.outcome.errors().count() > 0);
    assert_eq!(store.list("").unwrap(), before);
}

#[test]
fn whoever_may_prune_may_prune_what_the_policy_lets_go_and_nothing_else() {
    let rules = keep(7, 0);
    for (of, at, found) in [
        (backup(9), night(10), true),  // the newest
        (backup(4), night(10), true),  // one of the seven days
        (backup(1), night(10), false), // due
        (backup(1), night(12), true),  // due, in a time to come
    ] {
        let store = Memory::new();
        nights(&store, 0..10);
        say(&store, 2, What::Pruned, &of, at);
        for end in ["", ".sigstore.json"] {
            store.delete(&object(&format!("archives/{}.tar.zst.age{end}", of.name()))).unwrap();
        }
        let expected: &[String] = &if found { vec![format!("prune-not-due {}", of.name())] } else { vec![] };
        assert_eq!(verify(&store, Some(&rules), night(11)), expected, "{} {at}", of.name());
        let before = store.list("").unwrap();
        let again = run(&store, &rules, night(11)).unwrap();
        assert_eq!(again.outcome.errors().count(), expected.len());
        assert_eq!(
            store.list("").unwrap() == before,
            found,
            "nothing is pruned beside a prune against the policy"
        );
    }
}

#[test]
fn chains_are_kept_whole_and_go_from_their_end() {
    let store = Memory::new();
    // A full one every fifth night; each other one needs all since.
    for day in 0..14 {
        let bases = names(day - day % 5..day);
        put(&store, &[Laid { bases, ..backup(day) }]);
    }
    let pruned = run(&store, &keep(2, 0), night(14)).unwrap();
    assert_eq!(there(&store), names(10..14));
    let needed = pruned.judged.iter().filter(|one| matches!(one.kept, Some(Why::Needed(_))));
    assert_eq!(needed.map(|one| &*one.name).collect::<Vec<_>>(), names(10..12));
    let order: Vec<&str> = pruned.deleted.iter().map(|one| &*one.name).collect();
    assert_eq!(order, names((0..10).rev()));
    assert!(verify(&store, Some(&keep(2, 0)), night(14)).is_empty());
    // A base that went all the same is found out.
    say(&store, 2, What::Pruned, &backup(10), night(14));
    let found = verify(&store, Some(&keep(2, 0)), night(14));
    assert!(found.contains(&format!("prune-not-due {}", name(10))), "{found:?}");
    assert!(found.contains(&format!("base-gone {}", name(10))), "{found:?}");
}

#[test]
fn who_says_once_more_that_an_archive_was_put_there_takes_nothing_from_what_it_needs() {
    let store = Memory::new();
    let needs = Laid { bases: names([0]), ..backup(1) };
    put(&store, &[backup(0), needs]);
    nights(&store, 2..10);
    drill(&store, &backup(1), true, night(2));
    // By the key of the host that backs up, in a thief's hand: it stands alone.
    let (file, sha256) = backup(1).archive();
    let alone = backup(1).receipt().for_archive(file, sha256);
    nights::log_of(&store, 1, What::BackedUp, &name(1), alone, night(1));
    run(&store, &keep(1, 0), night(10)).unwrap();
    assert_eq!(there(&store), names([0, 1, 9]));
    let found = verify(&store, Some(&keep(1, 0)), night(10));
    assert_eq!(found, [format!("altered archives/{}.tar.zst.age.sigstore.json", name(1))]);
}

#[test]
fn a_base_that_is_gone_is_found_out_whoever_says_that_it_was_pruned() {
    let store = Memory::new();
    put(
        &store,
        &[backup(0), Laid { bases: names([0]), ..backup(1) }, Laid { bases: names([0, 1]), ..backup(2) }],
    );
    let gone = |store: &Memory| {
        let mut found = verify(store, None, night(3));
        found.retain(|one| one.starts_with("base-gone "));
        found
    };
    assert_eq!(gone(&store), [""; 0]);
    // By a leaf, with what was put there deleted.
    let pruned = store.copy();
    say(&pruned, 2, What::Pruned, &backup(0), night(3));
    assert_eq!(gone(&pruned), [format!("base-gone {}", name(0))]);
    for end in ["", ".sigstore.json"] {
        pruned.delete(&object(&format!("archives/{}.tar.zst.age{end}", name(0)))).unwrap();
    }
    assert_eq!(gone(&pruned), [format!("base-gone {}", name(0))], "one finding, however many need it");
    // Without any.
    store.delete(&object(&format!("archives/{}.tar.zst.age", name(1)))).unwrap();
    assert_eq!(gone(&store), [format!("base-gone {}", name(1))]);
    // Those that need it gone as well, nobody misses it.
    for day in [2, 1] {
        say(&pruned, 2, What::Pruned, &backup(day), night(3));
    }
    assert_eq!(gone(&pruned), [""; 0]);
}

#[test]
fn a_night_in_which_nothing_changed_counts_for_the_archive_that_it_stands_for() {
    let store = Memory::new();
    nights(&store, 0..5);
    for day in 5..20 {
        say(&store, 1, What::Unchanged, &backup(4), night(day));
    }
    run(&store, &keep(3, 0), night(20)).unwrap();
    assert_eq!(there(&store), [name(4)]);
    assert!(verify(&store, Some(&keep(3, 0)), night(20)).is_empty());
}

#[test]
fn the_last_that_a_drill_restored_stays_and_what_failed_takes_nobodys_place() {
    let store = Memory::new();
    nights(&store, 0..20);
    drill(&store, &backup(3), true, night(4));
    drill(&store, &backup(5), true, night(6));
    drill(&store, &backup(19), false, night(20));
    run(&store, &keep(1, 0), night(20)).unwrap();
    assert_eq!(there(&store), names([5, 18, 19]));
    assert!(verify(&store, Some(&keep(1, 0)), night(20)).is_empty());
}

#[test]
fn what_is_not_there_takes_nobodys_place_and_is_still_missed() {
    let store = Memory::new();
    nights(&store, 0..10);
    store.delete(&object(&format!("archives/{}.tar.zst.age", name(9)))).unwrap();
    store.damage(&object(&format!("archives/{}.tar.zst.age", name(8))), b"short");
    store.delete(&object(&format!("archives/{}.tar.zst.age", name(2)))).unwrap();
    store.delete(&object(&format!("archives/{}.tar.zst.age.sigstore.json", name(2)))).unwrap();
    // What is left of this one is its receipt.
    store.delete(&object(&format!("archives/{}.tar.zst.age", name(3)))).unwrap();
    let pruned = run(&store, &keep(1, 0), night(10)).unwrap();
    let said: Vec<&str> = pruned.warnings.iter().map(|warning| &*warning.subject).collect();
    assert_eq!(said, names([2, 3, 9]), "{:?}", pruned.warnings);
    assert_eq!(there(&store), names([7]), "the newest that is whole");
    let found = verify(&store, Some(&keep(1, 0)), night(10));
    for day in [2, 3, 9] {
        assert!(found.contains(&format!("missing {}.tar.zst.age", name(day))), "{day}: {found:?}");
    }
    assert!(!found.iter().any(|one| one.starts_with("prune-")), "{found:?}");
}

#[test]
fn a_date_in_the_future_evicts_nothing_and_is_said() {
    let store = Memory::new();
    nights(&store, 0..10);
    put(&store, &(0..9).map(|day| backup(100 + day)).collect::<Vec<_>>());
    let pruned = run(&store, &keep(3, 0), night(10)).unwrap();
    let expected = names((7..10).chain(100..109));
    assert_eq!(there(&store), expected);
    let said: Vec<&str> = pruned.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(said, ["future-dated"; 9]);
    assert!(verify(&store, Some(&keep(3, 0)), night(10)).is_empty());
    // When their time has come they count like any other, and whoever verifies then still knows when it was pruned.
    assert!(verify(&store, Some(&keep(3, 0)), night(200)).is_empty());
}

#[test]
fn what_the_store_has_locked_stays_with_all_that_it_needs_until_it_may_go() {
    let store = Memory::new();
    for day in 0..6 {
        put(&store, &[Laid { bases: if day == 3 { names([2]) } else { Vec::new() }, ..backup(day) }]);
    }
    store.set_now(night(6));
    store.lock_until(&object(&format!("archives/{}.tar.zst.age", name(3))), night(20));
    store.lock_until(&object(&format!("archives/{}.tar.zst.age.sigstore.json", name(1))), night(9));
    let pruned = run(&store, &keep(1, 0), night(6)).unwrap();
    assert_eq!(there(&store), names([1, 2, 3, 5]));
    let said: Vec<String> =
        pruned.warnings.iter().map(|one| format!("{} {}", one.code.as_str(), one.subject)).collect();
    assert_eq!(said, [format!("locked {}", name(1)), format!("locked {}", name(3))]);
    assert!(pruned.warnings[1].actual.as_deref().unwrap().starts_with("until 2026-01-21"));
    assert_eq!(pruned.deleted.len(), 2, "and no leaf says that they are gone");
    store.set_now(night(9));
    run(&store, &keep(1, 0), night(9)).unwrap();
    assert_eq!(there(&store), names([2, 3, 5]));
    store.set_now(night(20));
    run(&store, &keep(1, 0), night(20)).unwrap();
    assert_eq!(there(&store), names([5]));
    assert!(verify(&store, Some(&keep(1, 0)), night(20)).is_empty());
}

#[test]
fn releases_go_by_their_own_rule_and_other_projects_by_none() {
    let store = Memory::new();
    let release = |version: &str, day| Laid { kind: Kind::Release, version: version.into(), ..backup(day) };
    let other = |day| Laid { project: "other", ..backup(day) };
    nights(&store, 0..3);
    put(&store, &[release("1.0.0", 0), release("1.1.0", 5), release("1.2.0", 6), other(0), other(1)]);
    store.create(&object("releases/nightly-1.0.0/nightly-1.0.0/pack.json"), b"{}").unwrap();
    store.create(&object("releases/nightly-1.0.0x/more"), b"not of it").unwrap();
    // No rule for releases: only backups go.
    run(&store, &keep(1, 0), night(6)).unwrap();
    assert_eq!(
        there(&store),
        [
            name(2),
            other(0).name(),
            other(1).name(),
            "nightly-1.0.0".into(),
            "nightly-1.1.0".into(),
            "nightly-1.2.0".into()
        ]
    );
    let day_s = 86_400;
    let rules = Retention { releases: Rule::Releases(Some(3 * day_s)), ..keep(1, 0) };
    run(&store, &rules, night(8) + SignedDuration::from_secs(1)).unwrap();
    assert_eq!(there(&store)[3..], ["nightly-1.2.0"], "the last one stays, and it is young");
    let left: Vec<String> =
        store.list("releases").unwrap().entries.iter().map(|entry| entry.name.to_string()).collect();
    assert!(left.iter().all(|path| path.starts_with("releases/nightly-1.2.0/") || path == "releases/nightly-1.0.0x/more"), "{left:?}");
    run(&store, &rules, night(100)).unwrap();
    assert_eq!(there(&store)[3..], ["nightly-1.2.0"]);
    assert!(verify(&store, Some(&rules), night(100)).is_empty());
    // Whoever verifies for another project says what it did not judge, and is not stopped by it.
    let others = Retention { project: "other".into(), ..keep(1, 0) };
    assert_eq!(verify(&store, Some(&others), night(100)), ["prune-not-judged 4 archives of nightly"]);
}

#[test]
fn a_policy_that_keeps_everything_deletes_nothing() {
    let store = Memory::new();
    nights(&store, 0..10);
    let pruned = run(&store, &keep(0, 0), night(400)).unwrap();
    assert!(pruned.deleted.is_empty() && pruned.judged.iter().all(|one| one.kept == Some(Why::Everything)));
    assert_eq!(there(&store).len(), 10);
}

#[test]
fn what_a_host_has_judged_it_does_not_judge_again_by_a_policy_of_later() {
    let (store, folder) = (Memory::new(), tempfile::tempdir().unwrap());
    nights(&store, 0..10);
    let state = attestar::log::state::State { folder: Some(folder.path()), now: night(10) };
    run_by(2, &store, &keep(3, 0), night(10), &state).unwrap();
    nights(&store, 10..20);
    let more = keep(8, 0);
    assert_eq!(verify(&store, Some(&more), night(20)).len(), 5, "a host that has not");
    run_by(2, &store, &more, night(20), &state).unwrap();
    assert_eq!(there(&store), names(12..20));
}
