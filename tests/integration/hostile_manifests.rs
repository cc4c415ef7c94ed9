//! Lists that contradict themselves or each other, though a trusted key signed them.

use crate::forge::{Pack, Tar, file, own_key, publish};
use crate::world::World;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

type Tags = BTreeMap<String, Vec<u8>>;

fn pack() -> Pack {
    Pack::of([file("a.md", "# Guide\n"), file("b.md", "more\n")])
}

fn published(world: &World, pack: &Pack) {
    publish(world, pack, &Tar::of(pack).container().bytes());
}

/// The pack with its tag files bent, then closed and sealed by the key that is trusted.
fn bent(bend: impl FnOnce(&mut Tags)) -> World {
    let (world, mut pack) = (World::new(), pack());
    bend(&mut pack.tags);
    published(&world, &pack.sealed(&own_key(&world)));
    world
}

/// A tag file as text, with one thing replaced.
fn edited(name: &'static str, from: &str, to: &str) -> World {
    bent(|tags| {
        let text = String::from_utf8(tags[name].clone()).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}: {text}");
        tags.insert(name.to_owned(), text.replace(from, to).into_bytes());
    })
}

/// The same with the last line once more.
fn doubled(name: &'static str) -> World {
    bent(|tags| {
        let list = tags.get_mut(name).unwrap();
        let line = list.split_inclusive(|&byte| byte == b'\n').next_back().unwrap().to_vec();
        list.extend(line);
    })
}

/// The tag manifest bent, then signed.
fn closed_badly(bend: impl FnOnce(String) -> String) -> World {
    let (world, mut pack) = (World::new(), pack().closed());
    let list = String::from_utf8(pack.tags["tagmanifest-sha256.txt"].clone()).unwrap();
    pack.tags.insert("tagmanifest-sha256.txt".to_owned(), bend(list).into_bytes());
    published(&world, &pack.signed(&own_key(&world)));
    world
}

#[test]
fn entries_that_stand_twice() {
    doubled("inventory.jsonl").refuses(3, "manifest-invalid");
    for list in ["manifest-sha256.txt", "HASHES.sha256.txt", "HASHES.blake3.txt"] {
        doubled(list).refuses(3, "disagreement");
    }
    let first_line_twice = |list: String| {
        let end = list.find('\n').unwrap() + 1;
        format!("{}{list}", &list[..end])
    };
    closed_badly(first_line_twice).refuses(3, "manifest-invalid");
}

#[test]
fn paths_that_leave_the_pack() {
    let outside = "../../../../etc/passwd";
    edited("inventory.jsonl", "b.md", outside).refuses(3, "manifest-invalid");
    edited("inventory.jsonl", "\"b.md", "\"/etc/passwd").refuses(3, "manifest-invalid");
    edited("manifest-sha256.txt", "data/b.md", &format!("data/{outside}")).refuses(3, "disagreement");
    edited("HASHES.sha256.txt", "b.md", outside).refuses(3, "disagreement");
    for path in [outside, "/etc/passwd", "data/a.md", "tagmanifest-sha256.txt"] {
        let finding = if path.starts_with(['.', '/']) { "missing" } else { "manifest-invalid" };
        let line = format!("{}  {path}\n", "0".repeat(64));
        let sorted = |list: String| {
            let mut lines: Vec<String> =
                list.split_inclusive('\n').map(str::to_owned).chain([line.clone()]).collect();
            lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
            lines.concat()
        };
        closed_badly(sorted).refuses(3, finding);
    }
}

#[test]
fn a_weaker_algorithm_in_the_place_of_sha_256() {
    bent(|tags| {
        tags.remove("manifest-sha256.txt");
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        tags.insert("manifest-md5.txt".to_owned(), format!("{md5}  data/a.md\n{md5}  data/b.md\n").into());
    })
    .refuses(3, "missing");
    edited("inventory.jsonl", "\"blake3\":\"", "\"blake3\":\"0").refuses(3, "manifest-invalid");
    // As a folder, without anything that says it was ours: a bag under MD5 alone is no sealed pack.
    let world = World::release();
    world.seal(&["--payload"]).done();
    for name in
        ["pack.json", "manifest-sha256.txt", "tagmanifest-sha256.txt", "attestations/seal.sigstore.json"]
    {
        fs::remove_file(world.evidence().join(name)).unwrap();
    }
    fs::write(world.evidence().join("manifest-md5.txt"), "").unwrap();
    world.refuses_target("out/shop-1.0.0", 3, "seal-missing", &[]);
}

#[test]
fn a_tag_manifest_or_a_list_that_is_missing() {
    let world = World::new();
    let mut pack = pack().sealed(&own_key(&world));
    publish(&world, &pack, &{
        let mut without = pack.clone();
        without.tags.remove("tagmanifest-sha256.txt");
        Tar::of(&without).container().bytes()
    });
    world.refuses(3, "missing");
    for name in ["inventory.jsonl", "pack.json", "bagit.txt", "policy.toml"] {
        let removed = pack.tags.remove(name).unwrap();
        let bytes = Tar::of(&pack).container().bytes();
        publish(&world, &pack, &bytes);
        world.refuses(3, "missing");
        pack.tags.insert(name.to_owned(), removed);
    }
    bent(|tags| drop(tags.remove("pack.json"))).refuses(3, "missing");
    bent(|tags| drop(tags.remove("bagit.txt"))).refuses(3, "disagreement");
    closed_badly(|_| String::new()).refuses(3, "manifest-invalid");
}

#[test]
fn tag_files_that_nobody_listed_or_that_were_altered() {
    let world = World::new();
    let sealed = pack().sealed(&own_key(&world));
    let mut extra = sealed.clone();
    extra.tags.insert("zz-readme.txt".to_owned(), b"trust me".to_vec());
    published(&world, &extra);
    world.refuses(3, "extra");
    for name in ["policy.toml", "bag-info.txt", "pack.json", "inventory.jsonl"] {
        let mut altered = sealed.clone();
        altered.tags.get_mut(name).unwrap().push(b'\n');
        published(&world, &altered);
        world.refuses(3, "altered");
    }
}

#[test]
fn lists_that_are_not_as_attestar_writes_them() {
    for (name, from, to) in [
        ("inventory.jsonl", "\"size\":5", "\"size\":5,\"size\":5"),
        ("inventory.jsonl", "\"size\":5", "\"size\":5,\"run\":\"sh\""),
        ("inventory.jsonl", "\"size\":5", "\"size\":-5"),
        ("inventory.jsonl", "\"mode\":\"0644\"", "\"mode\":\"4755\""),
        ("inventory.jsonl", "\"type\":\"file\"", "\"type\":\"device\""),
        ("inventory.jsonl", "}\n", "}"),
        ("pack.json", "\"links\": 0", "\"links\": 0, \"run\": 1"),
        ("pack.json", "attestar/pack/v1", "attestar/pack/v2"),
        ("pack.json", "{", "["),
    ] {
        edited(name, from, to).refuses(3, "manifest-invalid");
    }
    for (name, from, to) in [
        ("manifest-sha256.txt", "  data/b", " *data/b"),
        ("manifest-sha256.txt", "data/b.md", "data/b%2Emd"),
        ("HASHES.sha256.txt", "b.md\n", "b.md"),
        ("pack.json", "\"files\": 2", "\"files\": 3"),
        ("pack.json", "\"folders\": 0", "\"folders\": 1"),
        ("pack.json", "\"project\": \"shop\"", "\"project\": \"bank\""),
        ("pack.json", "\"version\": \"1.0.0\"", "\"version\": \"1.0.1\""),
        ("bag-info.txt", "Payload-Oxum: 13.2", "Payload-Oxum: 13.3"),
        ("bagit.txt", "1.0", "0.97"),
        ("policy.toml", "schema", "# schema"),
    ] {
        edited(name, from, to).refuses(3, "disagreement");
    }
    edited("inventory.jsonl", "\"size\":5", "\"size\":6").refuses(3, "metadata-mismatch");
    edited("inventory.jsonl", "\"mode\":\"0644\"", "\"mode\":\"0755\"").refuses(3, "metadata-mismatch");
    edited("inventory.jsonl", "\"path\":\"b.md\"", "\"path\":\"c.md\"").refuses(3, "disagreement");
}

#[test]
fn a_payload_file_that_is_not_the_one_that_was_listed() {
    let world = World::new();
    let pack = pack().sealed(&own_key(&world));
    let mut other = pack.clone();
    other.entries[1].content = b"less\n".to_vec();
    publish(&world, &pack, &Tar::of(&other).container().bytes());
    world.refuses(3, "altered");
    other.entries.pop();
    publish(&world, &pack, &Tar::of(&other).container().bytes());
    world.refuses(3, "missing");
}

#[test]
fn a_folder_that_was_tampered_with() {
    let world = World::release();
    world.seal(&["--payload"]).done();
    let target = "out/shop-1.0.0";
    world.run(&["verify", target]).done();
    let guide = world.evidence().join("data/docs/guide.md");
    let honest = fs::read(&guide).unwrap();
    fs::write(&guide, "# Other\n").unwrap();
    world.refuses_target(target, 3, "altered", &[]);
    fs::remove_file(&guide).unwrap();
    world.refuses_target(target, 3, "missing", &[]);
    symlink("/etc/passwd", &guide).unwrap();
    world.refuses_target(target, 3, "extra", &[]);
    fs::remove_file(&guide).unwrap();
    fs::write(&guide, honest).unwrap();
    for extra in ["data/docs/more.md", "more.txt", "attestations/other.json"] {
        fs::write(world.evidence().join(extra), "extra").unwrap();
        world.refuses_target(target, 3, "extra", &[]);
        fs::remove_file(world.evidence().join(extra)).unwrap();
    }
    let policy = world.evidence().join("policy.toml");
    let kept = fs::read(&policy).unwrap();
    fs::remove_file(&policy).unwrap();
    fs::write(world.path().join("policy"), kept).unwrap();
    symlink(world.path().join("policy"), &policy).unwrap();
    world.refuses_target(target, 3, "extra", &[]);
}

#[test]
fn names_cannot_drive_the_terminal() {
    let world = World::release();
    world.seal(&["--payload"]).done();
    let evil = "data/docs/\u{1b}[2J\u{202e}gpj.md";
    fs::write(world.evidence().join(evil), "extra").unwrap();
    for command in [&["verify", "out/shop-1.0.0"][..], &["restore", "out/shop-1.0.0", "--to", "back"]] {
        let mut coloured = world.command(command);
        let output = coloured.env("CLICOLOR_FORCE", "1").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("data/docs/\\u{1b}[2J\\u{202e}gpj.md"), "{said}");
        assert!(!said.contains("\u{1b}[2J") && !said.contains('\u{202e}'), "{said:?}");
    }
    world.refuses_target("out/shop-1.0.0", 3, "extra", &[]);
}
