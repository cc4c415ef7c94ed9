//! Incremental archives that a trusted key signed, and that say of their bases what is not so.

use crate::forge::{Pack, Tar, file, own_key, publish};
use crate::world::World;
use attestar::format::digest::Sha256;
use attestar::format::kind::Kind;
use attestar::format::pack::Pack as PackJson;
use attestar::format::receipt::Base;
use std::fs;

const BASE: &str = "shop-20261120T010002Z";
const NEXT: &str = "shop-20261121T010002Z";

/// A world with a full backup of `a.md` and `b.md`.
fn world() -> World {
    let world = World::new();
    backed_up(&world, "shop", "20261120T010002Z", Kind::Backup);
    world
}

fn backed_up(world: &World, project: &str, version: &str, kind: Kind) {
    let mut pack = Pack::named(project, version, [file("a.md", "# Guide\n"), file("b.md", "more\n")]);
    pack.kind = kind;
    pack.recompose();
    let pack = pack.sealed(&own_key(world));
    publish(world, &pack, &Tar::of(&pack).container().bytes());
}

/// The digest of an archive.
fn digest(world: &World, name: &str) -> Sha256 {
    Sha256::of(&fs::read(world.out().join(format!("{name}.tar.zst.age"))).unwrap())
}

/// The next backup: `b.md` and what stands in `fetch` are in these bases.
fn next(world: &World, bases: &[(&str, Sha256)], fetch: &str) -> String {
    let mut pack =
        Pack::named("shop", "20261121T010002Z", [file("a.md", "# Guide 2\n"), file("b.md", "more\n")]);
    pack.kind = Kind::Backup;
    pack.recompose();
    let mut said: PackJson = serde_json::from_slice(&pack.tags["pack.json"]).unwrap();
    said.bases = bases.iter().map(|(name, sha256)| Base { name: (*name).into(), sha256: *sha256 }).collect();
    pack.tags.insert("pack.json".into(), said.to_bytes());
    if !fetch.is_empty() {
        pack.tags.insert("fetch.txt".into(), fetch.as_bytes().to_vec());
    }
    let pack = pack.sealed(&own_key(world));
    let mut held = pack.clone();
    held.entries.retain(|entry| !fetch.contains(&format!(" data/{}\n", entry.member.path)));
    publish(world, &pack, &Tar::of(&held).container().bytes());
    format!("out/{NEXT}.tar.zst.age")
}

#[test]
fn what_is_as_it_says_verifies() {
    let world = world();
    let target =
        next(&world, &[(BASE, digest(&world, BASE))], &format!("attestar://{BASE}/data/b.md 5 data/b.md\n"));
    world.run(&["verify", &target]).done().says("1 file in 1 earlier archive, as signed");
    world.run(&["restore", &target, "--to", "back"]).done();
    let read = |name: &str| fs::read_to_string(world.path().join("back").join(name)).unwrap();
    assert_eq!((read("a.md"), read("b.md")), ("# Guide 2\n".to_owned(), "more\n".to_owned()));
}

#[test]
fn a_path_that_the_base_does_not_have_and_bytes_that_are_others() {
    let world = world();
    let base = (BASE, digest(&world, BASE));
    let target = next(&world, &[base], &format!("attestar://{BASE}/data/c.md 5 data/b.md\n"));
    world.refuses_target(&target, 3, "not-in-base data/b.md", &[]);
    let target = next(&world, &[base], &format!("attestar://{BASE}/data/a.md 5 data/b.md\n"));
    world.refuses_target(&target, 3, "altered data/b.md", &[]);
    let restored = world.run(&["--json", "restore", &target, "--to", "back", "--path", "b.md"]).exits(3);
    assert!(restored.findings().contains(&"altered data/b.md".to_owned()), "{}", restored.out);
}

#[test]
fn a_base_that_refers_elsewhere_itself_does_not_hold_it() {
    let world = world();
    let full = digest(&world, BASE);
    let line = format!("attestar://{BASE}/data/b.md 5 data/b.md\n");
    // The second night refers to the first, the third to the second.
    next(&world, &[(BASE, full)], &line);
    let mut pack = Pack::named("shop", "20261122T010002Z", [file("b.md", "more\n")]);
    pack.kind = Kind::Backup;
    pack.recompose();
    let mut said: PackJson = serde_json::from_slice(&pack.tags["pack.json"]).unwrap();
    said.bases = vec![Base { name: NEXT.into(), sha256: digest(&world, NEXT) }];
    pack.tags.insert("pack.json".into(), said.to_bytes());
    pack.tags.insert("fetch.txt".into(), line.replace(BASE, NEXT).into_bytes());
    let pack = pack.sealed(&own_key(&world));
    let mut held = pack.clone();
    held.entries.clear();
    publish(&world, &pack, &Tar::of(&held).container().bytes());
    world.refuses_target("out/shop-20261122T010002Z.tar.zst.age", 3, "not-in-base data/b.md", &[]);
}

#[test]
fn a_base_of_another_project_or_kind() {
    let world = world();
    backed_up(&world, "other", "20261120T010002Z", Kind::Backup);
    backed_up(&world, "shop", "1.0.0", Kind::Release);
    for name in ["other-20261120T010002Z", "shop-1.0.0"] {
        let line = format!("attestar://{name}/data/b.md 5 data/b.md\n");
        let target = next(&world, &[(name, digest(&world, name))], &line);
        world.refuses_target(&target, 3, &format!("base-foreign {name}.tar.zst.age"), &[]);
    }
}

#[test]
fn a_base_that_is_another_one_than_was_signed() {
    let world = world();
    let line = format!("attestar://{BASE}/data/b.md 5 data/b.md\n");
    let before = digest(&world, BASE);
    // The same files, encrypted anew, with a receipt of their own: another archive.
    backed_up(&world, "shop", "20261120T010002Z", Kind::Backup);
    let target = next(&world, &[(BASE, before)], &line);
    world.refuses_target(&target, 3, &format!("base-altered {BASE}.tar.zst.age"), &[]);
    // One byte of it, past what its receipt's size tells.
    let target = next(&world, &[(BASE, digest(&world, BASE))], &line);
    let path = world.out().join(format!("{BASE}.tar.zst.age"));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    world.refuses_target(&target, 3, &format!("base-altered {BASE}.tar.zst.age"), &[]);
    fs::remove_file(world.out().join(format!("{BASE}.tar.zst.age.sigstore.json"))).unwrap();
    world.refuses_target(&target, 3, &format!("receipt-missing {BASE}.tar.zst.age.sigstore.json"), &[]);
    fs::remove_file(&path).unwrap();
    world.refuses_target(&target, 5, &format!("base-missing {BASE}"), &[]);
}

#[test]
fn lines_that_say_what_they_may_not() {
    let world = world();
    let base = (BASE, digest(&world, BASE));
    let good = format!("attestar://{BASE}/data/b.md 5 data/b.md\n");
    let lines = [
        good.replace(BASE, NEXT),
        good.replace(BASE, "shop-20261119T010002Z"),
        good.replace("attestar://", "https://"),
        good.replace("/data/b.md", "/data/../b.md"),
        good.replace("/data/b.md", "/data/%2E%2E/b.md"),
        good.replace(" data/b.md", " data/../b.md"),
        good.replace(" data/b.md", " b.md"),
        good.replace(" 5 ", " - "),
        format!("{good}{good}"),
        format!("{good}{}", good.replace("b.md", "a.md")),
        format!("{good}attestar://{BASE}/data/b.md 5 data/z.md\n"),
        String::new(),
    ];
    for line in lines {
        let target = next(&world, &[base], &line);
        world.refuses_target(&target, 3, "fetch-invalid fetch.txt", &[]);
    }
    // The length stands in the inventory too, and that is what counts.
    let target = next(&world, &[base], &good.replace(" 5 ", " 6 "));
    world.refuses_target(&target, 3, "fetch-invalid fetch.txt", &[]);
}

#[test]
fn a_file_that_is_here_all_the_same() {
    let world = world();
    let line = format!("attestar://{BASE}/data/b.md 5 data/b.md\n");
    next(&world, &[(BASE, digest(&world, BASE))], &line);
    let mut pack =
        Pack::named("shop", "20261121T010002Z", [file("a.md", "# Guide 2\n"), file("b.md", "more\n")]);
    pack.kind = Kind::Backup;
    pack.recompose();
    let mut said: PackJson = serde_json::from_slice(&pack.tags["pack.json"]).unwrap();
    said.bases = vec![Base { name: BASE.into(), sha256: digest(&world, BASE) }];
    pack.tags.insert("pack.json".into(), said.to_bytes());
    pack.tags.insert("fetch.txt".into(), line.into_bytes());
    let pack = pack.sealed(&own_key(&world));
    publish(&world, &pack, &Tar::of(&pack).container().bytes());
    let target = format!("out/{NEXT}.tar.zst.age");
    world.run(&["--json", "verify", &target]).exits(3).tells("\"extra\"");
}
