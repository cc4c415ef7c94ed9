//! Two projects in one store: what a key that is limited to one of them says of the other's archives counts for nothing.

use super::nights::{Laid, backup, keep, log_of, night, object, put, run, there, verify};
use super::{name, names};
use attestar::evidence::pruned::Retention;
use attestar::format::digest::Sha256;
use attestar::format::event::Event;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::policy::prune::Rule;
use attestar::store::Store;
use attestar::store::memory::Memory;

/// The key that may do everything, for `nightly` alone.
const LIMITED: u8 = 4;

fn other() -> Laid<'static> {
    Laid { project: "other", ..backup(0) }
}

/// Two backups of `nightly`, and one of another project.
fn both() -> Memory {
    let store = Memory::new();
    put(&store, &[backup(0), backup(1), other()]);
    store
}

fn take_away(store: &Memory, of: &Laid<'_>) {
    for end in ["", ".sigstore.json"] {
        store.delete(&object(&format!("archives/{}{end}", of.archive().0))).unwrap();
    }
}

/// A leaf of `nightly` that says that an archive was pruned.
fn says_pruned(store: &Memory, name: &str, archive: (String, Sha256)) {
    let (project, kind, at) = ("nightly".into(), Kind::Backup, night(3));
    let event = Event { project, kind, what: What::Pruned, name: name.into(), passed: true, at };
    log_of(store, LIMITED, What::Pruned, name, event.of([archive]), at);
}

fn missing(store: &Memory) -> Vec<String> {
    let mut found = verify(store, None, night(4));
    found.retain(|one| !one.starts_with("prune-not-judged "));
    found
}

#[test]
fn a_prune_of_one_project_excuses_nothing_that_is_missing_of_another() {
    let store = both();
    take_away(&store, &other());
    let expected = [format!("missing {}", other().archive().0)];
    assert_eq!(missing(&store), expected);
    says_pruned(&store, &other().name(), other().archive());
    assert_eq!(missing(&store), expected);
}

#[test]
fn a_prune_of_another_archive_of_the_name_excuses_nothing() {
    let store = both();
    take_away(&store, &backup(0));
    let (file, sha256) = backup(0).archive();
    says_pruned(&store, &name(0), (file.clone(), Sha256([9; 32])));
    assert_eq!(missing(&store), [format!("missing {file}")]);
    says_pruned(&store, &name(0), (file, sha256));
    assert_eq!(missing(&store), [""; 0]);
}

#[test]
fn whoever_says_that_anothers_archive_is_his_own_neither_prunes_nor_excuses_it() {
    let store = both();
    let receipt = backup(2).receipt();
    let statement = receipt.for_archive(other().archive().0, other().archive().1);
    log_of(&store, LIMITED, What::BackedUp, &name(2), statement, night(2));
    put(&store, &[backup(5)]);
    let pruned = run(&store, &keep(1, 0), night(6)).unwrap();
    assert_eq!(there(&store), [name(5), other().name()]);
    assert_eq!(pruned.deleted.iter().map(|one| &*one.name).collect::<Vec<_>>(), names([1, 0]));
    take_away(&store, &other());
    says_pruned(&store, &name(2), other().archive());
    assert_eq!(missing(&store), [format!("missing {}", other().archive().0)]);
}

/// Under one name there may be a release of one project and of another: `nightly` `eu-1.0` and `nightly-eu` `1.0`.
#[test]
fn a_receipt_that_two_projects_say_is_theirs_is_none_of_one_of_them() {
    let store = Memory::new();
    let theirs = Laid { project: "nightly-eu", kind: Kind::Release, version: "1.0".into(), ..backup(0) };
    put(&store, std::slice::from_ref(&theirs));
    let ours = Laid { project: "nightly", version: "eu-1.0".into(), ..theirs.clone() };
    let (file, sha256) = ours.archive();
    let statement = ours.receipt().for_archive(&*file, sha256);
    let receipt = object(&format!("releases/{}/{file}.sigstore.json", ours.name()));
    store.damage(&receipt, &super::nights::key(LIMITED).sign_statement(&statement).to_bytes());
    log_of(&store, LIMITED, What::Sealed, &ours.name(), statement, night(0));
    assert_eq!(missing(&store), [format!("altered {receipt}")]);
    // And it is not for a prune of the one to take away what the other says must lie there.
    put(&store, &[Laid { project: "nightly", version: "9.0".into(), at: night(9), ..theirs.clone() }]);
    let rules = Retention { releases: Rule::Releases(Some(86_400)), ..keep(1, 0) };
    run(&store, &rules, night(30)).unwrap();
    assert_eq!(there(&store), ["nightly-9.0".to_owned(), theirs.name()]);
}
