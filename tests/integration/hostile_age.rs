//! age files that were cut, shuffled, or ask for too much; identities and recipients that are none.

use crate::forge::{Pack, Tar, encrypt, encrypt_to, file, own_key, publish_file};
use crate::world::{World, noise};
use std::fs;
use std::time::{Duration, Instant};

/// How long refusing something may take on a busy machine; the work that is asked for takes far longer on any.
const PATIENCE: Duration = Duration::from_secs(60);

/// An encrypted chunk: 64 KiB and a tag.
const CHUNK: usize = (64 << 10) + 16;

/// A pack of several chunks, and its honest age file.
fn archive() -> (World, Pack, Vec<u8>) {
    let world = World::new();
    let pack = Pack::of([file("a.bin", noise(200_000))]).sealed(&own_key(&world));
    let bytes = encrypt(&world, &Tar::of(&pack).container().bytes());
    (world, pack, bytes)
}

/// Where the first chunk begins: after the header's last line, and a nonce of 16 bytes.
fn body(bytes: &[u8]) -> usize {
    let mac = bytes.windows(5).position(|part| part == b"\n--- ").expect("a header") + 1;
    mac + bytes[mac..].iter().position(|&byte| byte == b'\n').expect("an end of line") + 1 + 16
}

#[test]
fn an_archive_cut_at_every_chunk() {
    let (world, pack, bytes) = archive();
    let body = body(&bytes);
    let edges: Vec<usize> = (body..bytes.len()).step_by(CHUNK).collect();
    assert!(edges.len() >= 4, "several chunks");
    let header = [0, 1, 20, 22, body - 20, body - 16, body - 1];
    for cut in header.into_iter().chain(edges.iter().flat_map(|&edge| [edge, edge + 1, edge + CHUNK / 2])) {
        publish_file(&world, &pack, &bytes[..cut.min(bytes.len() - 1)]);
        world.refuses(3, "age-invalid");
    }
}

#[test]
fn chunks_that_were_swapped_doubled_or_dropped() {
    let (world, pack, bytes) = archive();
    let (header, chunks) = bytes.split_at(body(&bytes));
    let chunks: Vec<&[u8]> = chunks.chunks(CHUNK).collect();
    let orders: [&[usize]; 6] =
        [&[1, 0, 2, 3], &[0, 1, 1, 2, 3], &[0, 2, 3], &[0, 1, 3, 2], &[3], &[0, 1, 2, 3, 3]];
    for order in orders {
        let shuffled: Vec<u8> = order.iter().flat_map(|&at| chunks[at].to_vec()).collect();
        publish_file(&world, &pack, &[header, &shuffled].concat());
        world.refuses(3, "age-invalid");
    }
    publish_file(&world, &pack, &[&bytes[..], b"more"].concat());
    world.refuses(3, "age-invalid");
}

/// An age file under a passphrase whose header asks for 2^`work` rounds.
fn under_passphrase(plain: &[u8], work: &str) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new("horse".to_owned().into());
    recipient.set_work_factor(10);
    let file = encrypt_to(
        age::Encryptor::with_recipients([&recipient as &dyn age::Recipient].into_iter()).unwrap(),
        plain,
    );
    let stanza = file.windows(4).position(|part| part == b" 10\n").expect("the work factor");
    [&file[..stanza + 1], work.as_bytes(), &file[stanza + 3..]].concat()
}

#[test]
fn an_archive_under_a_passphrase_is_never_tried() {
    let (world, pack, _) = archive();
    for work in ["10", "30", "63"] {
        publish_file(&world, &pack, &under_passphrase(b"anything", work));
        let started = Instant::now();
        world.refuses(3, "age-invalid");
        assert!(started.elapsed() < PATIENCE, "nobody worked on it: {:?}", started.elapsed());
        world.restore(&["--path", "a.bin"]).exits(3).says("age-invalid");
    }
}

#[test]
fn an_identity_that_asks_for_hours_of_work() {
    let world = World::sealed();
    let path = world.path().join("slow.age");
    for work in ["21", "40", "63"] {
        fs::write(&path, under_passphrase(b"AGE-SECRET-KEY-1", work)).unwrap();
        let started = Instant::now();
        let mut command = world.command(&["verify", "out/shop-1.0.0.tar.zst.age", "--identity", "slow.age"]);
        let output = command.env("ATTESTAR_PASSPHRASE", "horse").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("work factor is 2^") && said.contains("hint:"), "{said}");
        assert!(started.elapsed() < PATIENCE, "nobody worked on it: {:?}", started.elapsed());
    }
}

#[test]
fn armor_and_other_garbage_is_no_archive() {
    let (world, pack, bytes) = archive();
    let mut armored = Vec::new();
    let mut armor =
        age::armor::ArmoredWriter::wrap_output(&mut armored, age::armor::Format::AsciiArmor).unwrap();
    std::io::Write::write_all(&mut armor, &bytes).unwrap();
    armor.finish().unwrap();
    let begin = b"-----BEGIN AGE ENCRYPTED FILE-----\n".as_slice();
    let stanza = |stanza: &str| format!("age-encryption.org/v1\n-> {stanza}\n--- AAAA\n").into_bytes();
    for garbage in [
        armored,
        [begin, &noise(1000)].concat(),
        begin.to_vec(),
        noise(100_000),
        b"age-encryption.org/v9\n".to_vec(),
        stanza(&"x".repeat(1 << 20)),
        [b"age-encryption.org/v1\n".to_vec(), b"-> a\n\n".repeat(10_000)].concat(),
        Tar::of(&pack).container().bytes(),
    ] {
        publish_file(&world, &pack, &garbage);
        world.refuses(3, "age-invalid");
    }
}

#[test]
fn an_archive_for_somebody_else_could_not_be_verified() {
    let (world, pack, _) = archive();
    let other = World::new();
    publish_file(&world, &pack, &encrypt(&other, &Tar::of(&pack).container().bytes()));
    world.refuses(5, "no-identity");
    world.restore(&["--path", "a.bin"]).exits(5).says("no-identity");
}

#[test]
fn identities_that_are_none() {
    let world = World::sealed();
    let plugin = "AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQQQQQQQ\n";
    let armor = "-----BEGIN AGE ENCRYPTED FILE-----\n!!!! not base64 !!!!\n";
    for (content, says) in [
        (plugin, "a plugin identity; no plugin is ever run"),
        ("AGE-PLUGIN-../../../bin/sh-1QQQQ\n", "a plugin identity; no plugin is ever run"),
        (armor, "a damaged age file"),
        ("age1qqqq\n", "a recipient, which cannot decrypt"),
        ("AGE-SECRET-KEY-1QQQQ\n", "a mistyped or damaged identity"),
        ("\0\u{1}", "not an age identity"),
        ("", "holds no identity"),
    ] {
        fs::write(world.path().join("id"), content).unwrap();
        for command in [&["verify"][..], &["restore", "--to", "back"]] {
            let args = [command, &["out/shop-1.0.0.tar.zst.age", "--identity", "id"]].concat();
            world.run(&args).exits(1).complains(says);
        }
    }
    world.verify(&["--identity", "nowhere"]).exits(1).complains("cannot open nowhere");
}

#[test]
fn recipients_that_are_none() {
    let world = World::release();
    let weak = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
    for (recipient, says) in [
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "no plugin is ever run"),
        ("age1../../evil1qqqq", "no plugin is ever run"),
        (weak, "a weak recipient of low order"),
        ("ssh-ed25519 AAAA", "an SSH recipient"),
        ("age1qqqq", "not an age recipient"),
    ] {
        world.seal(&["--recipient", recipient]).exits(2).complains(says);
        fs::write(world.path().join("list"), format!("# them\n{recipient}\n")).unwrap();
        world.seal(&["--recipient", "list"]).exits(1).complains("list:2: ").complains(says);
    }
    world.seal(&["--recipient", "nowhere"]).exits(1).complains("cannot open nowhere");
    fs::remove_file(world.home().join("recipient.age")).unwrap();
    world.seal(&[]).exits(2).complains("there are no recipients").complains("--no-encrypt");
    assert!(crate::world::names_in(&world.out()).is_empty(), "nothing was sealed");
}
