//! Tars that nobody honest writes, under signatures that hold: refused before anything leaves the work folder.

use crate::forge::{Entry, Pack, Tar, bent, dir, file, header, link, own_key, publish};
use crate::world::World;
use attestar::format::member::Member;
use attestar::format::tar::{self, BLOCK_BYTES};
use std::fs;
use std::os::unix::fs::symlink;

/// The root of every pack here.
const ROOT: &str = "shop-1.0.0";

fn honest(world: &World) -> Pack {
    Pack::of([file("a.md", "# Guide\n"), file("b.md", "more\n")]).sealed(&own_key(world))
}

/// A pack whose tar has, after its payload, one member that its lists do not have.
fn with_member(header: &[u8], content: &[u8]) -> World {
    let world = World::new();
    let pack = honest(&world);
    let mut tar = Tar::payload(&pack);
    tar.raw(header, content, "data/z");
    publish(&world, &pack, &tar.tags(&pack).container().bytes());
    world
}

/// A pack that its own signer made so: lists, seal and receipt agree with the tar.
fn agreed(entries: impl IntoIterator<Item = Entry>) -> World {
    let world = World::new();
    let pack = Pack::of(entries).sealed(&own_key(&world));
    publish(&world, &pack, &Tar::of(&pack).container().bytes());
    world
}

/// The header of a small file in the payload.
fn plain_header() -> Vec<u8> {
    header(ROOT, &file("z", "evil").member)
}

/// The same with these bytes as its name.
fn named(name: &[u8]) -> Vec<u8> {
    bent(plain_header(), |block| {
        block[..100].fill(0);
        block[..name.len()].copy_from_slice(name);
    })
}

/// A pax header with these records, before the header of a small file.
fn with_records(records: &[u8]) -> Vec<u8> {
    let size = file("z", records).member;
    let mut blocks = bent(header(ROOT, &size), |block| {
        block[..100].fill(0);
        block[..9].copy_from_slice(b"PaxHeader");
        block[156] = b'x';
    });
    blocks.extend_from_slice(records);
    blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
    [blocks, plain_header()].concat()
}

/// A pax record with a length that is right.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let length =
        (1..).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap() + rest.len();
    [length.to_string().into_bytes(), rest].concat()
}

#[test]
fn the_forger_can_be_honest() {
    let world = agreed([file("a.md", "# Guide\n"), link("b.md", "a.md"), dir("c")]);
    world.verify(&[]).done();
    world.restore(&[]).done();
    assert_eq!(fs::read_to_string(world.path().join("back/b.md")).unwrap(), "# Guide\n");
}

#[test]
fn names_that_leave_the_folder_or_are_no_names() {
    let names: [&[u8]; 13] = [
        b"shop-1.0.0/data/../../evil",
        b"shop-1.0.0/data/x/..",
        b"../evil",
        b"/tmp/evil",
        b"shop-1.0.0/data//tmp/evil",
        b"shop-1.0.0/data/./evil",
        b"C:\\evil",
        b"shop-1.0.0/data/C:\\evil",
        b"shop-1.0.0/data/c:/evil",
        b"shop-1.0.0/data/a\nb",
        b"shop-1.0.0/data/a\rb",
        b"shop-1.0.0/data/\xff\xfe",
        b"",
    ];
    for name in names {
        with_member(&named(name), b"evil").refuses(3, "path-unsafe");
    }
    for path in [&b"shop-1.0.0/data/a\0b"[..], b"shop-1.0.0/data/../z", b"/z", &[b'z'; 300], &[b'z'; 5000]] {
        with_member(&with_records(&record("path", path)), b"evil").refuses(3, "path-unsafe");
    }
}

#[test]
fn a_nul_ends_a_name_and_nothing_may_hide_behind_it() {
    with_member(&named(b"shop-1.0.0/data/z\0evil"), b"evil").refuses(3, "tar-invalid");
}

#[test]
fn a_name_that_seal_refuses_is_refused_by_restore_too() {
    agreed([file("docs\\guide.md", "# Guide\n")]).refuses(3, "path-unsafe");
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap();
    agreed([link("z", target), file("z/evil", "evil")]).refuses(3, "path-unsafe");
    agreed([file("y/a", "a"), link("z", "y"), file("z-", "between"), file("z/evil", "evil")])
        .refuses(3, "path-unsafe");
    agreed([file("z", "a file"), file("z/evil", "evil")]).refuses(3, "path-unsafe");
    agreed([dir("z"), link("z", target)]).refuses(3, "path-duplicate");
    agreed([link("z", target), dir("z")]).refuses(3, "path-duplicate");
    assert!(fs::read_dir(outside.path()).unwrap().next().is_none(), "nothing came out");
}

#[test]
fn links_that_leave_the_tree_or_lead_nowhere() {
    for target in ["/etc/passwd", "../../etc/passwd", "..", "b", "a.md/x", "z"] {
        agreed([file("a.md", "a"), link("z", target)]).refuses(3, "path-unsafe");
    }
}

#[test]
fn link_chains_past_the_longest_path() {
    // Each hop doubles back through folders: the text of the chain grows past PATH_MAX.
    let long = |next: &str| format!("{}{next}", "d/../".repeat(700));
    let chain = (0..60).map(|at| link(&format!("l{at:02}"), &long(&format!("l{:02}", at + 1))));
    let entries: Vec<Entry> = [dir("d")].into_iter().chain(chain).chain([file("l60", "end")]).collect();
    agreed(entries).refuses(3, "path-unsafe");
    let growing = format!("{}l", "d/".repeat(2000));
    agreed([link("l", &growing)]).refuses(3, "path-unsafe");
    // A target that no system takes.
    for target in ["x/".repeat(2100), String::new()] {
        agreed([file("a", "a"), link("z", &target)]).refuses(3, "path-unsafe");
    }
    agreed([file("a", "a"), link("z", "a\0b")]).refuses(3, "tar-invalid");
}

#[test]
fn members_that_are_never_unpacked() {
    for typeflag in *b"1346S7gLKVMDN\0" {
        let header = bent(plain_header(), |block| {
            block[156] = typeflag;
            block[157..168].copy_from_slice(b"/etc/passwd");
        });
        with_member(&header, b"evil").refuses(3, "tar-forbidden");
    }
    for mode in [0o4755, 0o2755, 0o1777] {
        let header = tar::encode(&Member { mode, ..file("shop-1.0.0/data/z", "evil").member });
        with_member(&header, b"evil").refuses(3, "tar-forbidden");
    }
}

#[test]
fn folders_and_links_have_no_content() {
    for entry in [dir("z"), link("z", "a.md")] {
        let header = header(ROOT, &Member { size: 4, ..entry.member });
        with_member(&header, b"evil").refuses(3, "tar-invalid");
    }
}

#[test]
fn sizes_that_disagree_or_are_none() {
    // ustar says 4, pax says another size: two readers would see two archives.
    for size in ["0", "5", "512", "4"] {
        with_member(&with_records(&record("size", size.as_bytes())), b"evil").refuses(3, "tar-invalid");
    }
    let negative = bent(plain_header(), |block| block[124..136].fill(0xff));
    with_member(&negative, b"evil").refuses(3, "tar-invalid");
    let binary =
        bent(plain_header(), |block| block[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x04"));
    with_member(&binary, b"evil").refuses(3, "tar-invalid");
    for size in [u64::MAX, u64::MAX - 511, 1 << 63, 0o77_777_777_777, 1 << 40] {
        let header = header(ROOT, &Member { size, ..file("z", "").member });
        with_member(&header, b"evil").refuses(3, "frame-too-large");
    }
}

#[test]
fn pax_records_that_are_none() {
    let mut cases: Vec<Vec<u8>> = vec![
        b"garbage".to_vec(),
        b"99 path=x\n".to_vec(),
        b"0 path=x\n".to_vec(),
        b"-9 path=x\n".to_vec(),
        b"8 path=xyz\n".to_vec(),
        b"10 path=x\n\n".to_vec(),
        b"9 pathx\n\n".to_vec(),
        b"99999999999999999999 path=x\n".to_vec(),
        vec![b'9'; 1000],
    ];
    for (key, value) in [
        ("size", "-1"),
        ("size", "4.5"),
        ("size", "99999999999999999999999"),
        ("mtime", "now"),
        ("mtime", "99999999999999999999999"),
        ("uid", "-1"),
        ("GNU.sparse.size", "1099511627776"),
        ("GNU.sparse.map", "0,1"),
        ("SCHILY.xattr.security.capability", "x"),
        ("hdrcharset", "BINARY"),
        ("comment", "hello"),
        // Fits the ustar header, where attestar writes it.
        ("path", "shop-1.0.0/data/z"),
    ] {
        cases.push(record(key, value.as_bytes()));
    }
    for records in cases {
        with_member(&with_records(&records), b"evil").refuses(3, "tar-invalid");
    }
    with_member(&with_records(&record("path", &[b'z'; 20_000])), b"evil").refuses(3, "tar-invalid");
}

#[test]
fn a_path_that_stands_twice() {
    let header = header(ROOT, &file("b.md", "evil").member);
    with_member(&header, b"evil").refuses(3, "path-duplicate");
    agreed([file("a", "1"), file("a", "2")]).refuses(3, "path-duplicate");
}

#[test]
fn members_out_of_order_or_outside_the_pack() {
    agreed([file("b", "1"), file("a", "2")]).refuses(3, "out-of-order");
    for name in [&b"evil"[..], b"other-1.0.0/data/evil"] {
        with_member(&named(name), b"evil").refuses(3, "tar-invalid");
    }
}

#[test]
fn more_members_than_the_lists_have() {
    let world = World::new();
    let pack = honest(&world);
    let mut tar = Tar::payload(&pack);
    tar.entry(&dir("nothing listed me"));
    publish(&world, &pack, &tar.tags(&pack).container().bytes());
    world.refuses(3, "extra");
}

#[test]
fn padding_and_what_comes_after_the_end() {
    let world = World::new();
    let pack = honest(&world);
    let whole = Tar::of(&pack);
    for (at, byte) in [(BLOCK_BYTES + 10, 1), (whole.bytes.len() - 1, 1), (whole.bytes.len(), 0)] {
        let mut tar = whole.clone();
        tar.bytes.resize(tar.bytes.len().max(at + 1), 0);
        tar.bytes[at] = byte;
        publish(&world, &pack, &tar.container().bytes());
        world.refuses(3, "tar-invalid");
    }
    let mut short = whole.clone();
    short.bytes.truncate(whole.bytes.len() - BLOCK_BYTES);
    publish(&world, &pack, &short.container().bytes());
    world.refuses(3, "tar-invalid");
}

#[test]
fn names_that_other_systems_fold_together_are_kept_and_restored_here() {
    let world = World::new();
    for name in
        ["Readme.md", "README.md", "caf\u{e9}.md", "cafe\u{301}.md", "ends.", "ends", "ends with space "]
    {
        world.write(&format!("docs/{name}"), name);
    }
    world.seal(&["--payload"]).done().says("path-collision");
    world.verify(&[]).done();
    world.restore(&[]).done();
    assert_eq!(crate::world::names_in(&world.path().join("back/docs")).len(), 7);
}

#[test]
fn a_target_with_a_link_planted_in_it() {
    let world = World::sealed();
    let outside = world.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let back = world.path().join("back");
    symlink(&outside, &back).unwrap();
    world.restore(&[]).exits(1).complains("is there already, and is no folder");
    fs::remove_file(&back).unwrap();
    fs::create_dir(&back).unwrap();
    symlink(&outside, back.join("docs")).unwrap();
    world.restore(&[]).exits(1).complains("is not empty: there is docs in it");
    assert!(fs::read_dir(outside).unwrap().next().is_none(), "nothing came through the link");
}
