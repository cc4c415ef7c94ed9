//! What a software registry asks for: one plain archive beside the pack, and its digests with their algorithms named.

use crate::world::{World, everything_in, names_in};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const POLICY: &str = "schema = 1
[[include]]
class = 'ddl'
paths = ['ddl/*.sql']
[[include]]
class = 'artifact'
paths = ['dist/**']
[[include]]
class = 'doc'
paths = ['**']
[filing]
classes = ['doc', 'ddl']
";

/// The small release under a policy.
fn world(policy: &str) -> World {
    let world = World::release();
    world.write("attestar.toml", policy);
    symlink("guide.md", world.tree().join("docs/latest.md")).unwrap();
    symlink("../dist/tool.bin", world.tree().join("docs/tool")).unwrap();
    world
}

fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn stock_tools_open_the_archive_and_agree_with_its_digests() {
    let world = world(POLICY);
    let said = world.seal(&[]).done().says("filing      out/filing/shop-1.0.0.tar").says("5 files");
    assert!(said.out.contains("out/filing/inpi.txt    its SHA-256 and SHA-512"), "{}", said.out);
    let folder = world.out().join("filing");
    assert_eq!(names_in(&folder), ["inpi.txt", "shop-1.0.0.tar"]);
    let listed =
        stdout(Command::new("tar").args(["--list", "--file", "shop-1.0.0.tar"]).current_dir(&folder));
    let inside = [
        "attestar.toml",
        "ddl/0001_init.sql",
        "ddl/0002_more.sql",
        "docs/100% sure.md",
        "docs/guide.md",
        "docs/latest.md",
    ];
    let expected: Vec<String> = inside.iter().map(|path| format!("shop-1.0.0/{path}")).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "not what is not filed, nor a link to it");
    let back = world.path().join("unpacked");
    fs::create_dir(&back).unwrap();
    stdout(
        Command::new("tar")
            .args(["--extract", "--file"])
            .arg(folder.join("shop-1.0.0.tar"))
            .current_dir(&back),
    );
    for path in inside {
        let unpacked = fs::read(back.join("shop-1.0.0").join(path)).unwrap();
        assert_eq!(unpacked, fs::read(world.tree().join(path)).unwrap(), "{path}");
    }
    for program in ["sha256sum", "sha512sum"] {
        let said = stdout(Command::new(program).args(["--check", "inpi.txt"]).current_dir(&folder));
        assert_eq!(said, "shop-1.0.0.tar: OK\n", "{program}");
    }
    world.verify(&[]).done();
}

#[test]
fn two_seals_file_the_same_bytes_and_the_document_says_which() {
    let (one, two) = (world(POLICY), world(POLICY));
    let document = one.seal(&["--json"]).done().json();
    two.seal(&["--no-encrypt"]).done();
    for name in ["shop-1.0.0.tar", "inpi.txt"] {
        let bytes = |world: &World| fs::read(world.out().join("filing").join(name)).unwrap();
        assert!(bytes(&one) == bytes(&two), "{name}");
    }
    let filing = &document["filing"];
    let digests = fs::read_to_string(one.out().join("filing/inpi.txt")).unwrap();
    for (key, name) in [("sha256", "SHA256"), ("sha512", "SHA512")] {
        let line = format!("{name} (shop-1.0.0.tar) = {}", filing[key].as_str().unwrap());
        assert!(digests.contains(&line), "{digests}");
    }
    assert_eq!(filing["files"], 5);
    let size = fs::metadata(one.out().join("filing/shop-1.0.0.tar")).unwrap().len();
    assert_eq!(filing["bytes"], size);
}

#[test]
fn the_digests_of_earlier_releases_stay() {
    let world = world(POLICY);
    world.seal(&[]).done();
    let next = ["-C", "shop", "seal", "--version", "1.1.0", "--out", "../out"];
    world.run(&next).done();
    let folder = world.out().join("filing");
    let said = stdout(Command::new("sha512sum").args(["--check", "inpi.txt"]).current_dir(&folder));
    assert_eq!(said, "shop-1.0.0.tar: OK\nshop-1.1.0.tar: OK\n");
}

#[test]
fn nothing_is_left_behind_where_a_seal_is_refused() {
    let failing = format!("{POLICY}[[gate]]\nid = 'notes'\ncheck = 'notes'\nfile = 'NOTES.md'\n");
    let none = POLICY.replace("classes = ['doc', 'ddl']", "classes = ['config']");
    for (policy, code, says) in [(failing, 4, "gate-notes"), (none, 4, "nothing-selected")] {
        let world = world(&policy);
        world.seal(&[]).exits(code).complains(says);
        assert_eq!(names_in(&world.out()), [""; 0], "{says}");
    }
    let world = world(POLICY);
    fs::create_dir_all(world.out().join("filing")).unwrap();
    fs::write(world.out().join("filing/shop-1.0.0.tar"), "somebody's").unwrap();
    let before = everything_in(world.path());
    world.seal(&[]).exits(1).complains("is there already; a seal is never overwritten");
    assert_eq!(everything_in(world.path()), before);
}

#[test]
fn the_archive_may_have_a_name_of_its_own() {
    let world =
        world(&POLICY.replace("[filing]\n", "[filing]\nname = 'deposit-{version}'\npaths = ['ddl/**']\n"));
    world.seal(&[]).done();
    let folder = world.out().join("filing");
    let listed =
        stdout(Command::new("tar").args(["--list", "--file", "deposit-1.0.0.tar"]).current_dir(folder));
    assert_eq!(listed, "deposit-1.0.0/ddl/0001_init.sql\ndeposit-1.0.0/ddl/0002_more.sql\n");
}

#[test]
fn what_cannot_be_filed_is_refused_with_its_line() {
    for (line, says) in [
        ("clases = ['doc']", "did you mean `classes`?"),
        ("classes = ['docs']", "class `docs` is"),
        ("name = 'a/b'", "the name of a file, not a path"),
        ("name = '{versoin}'", "unknown braces"),
        ("paths = ['/ddl']", "paths are relative to the tree"),
    ] {
        let world = world(&POLICY.replace("classes = ['doc', 'ddl']", line));
        world.seal(&[]).exits(2).complains(says).complains("attestar.toml:12");
    }
}
