//! A reader written from the C2SP documents alone takes our log and our proofs, and nothing that was changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judge::{attestar, passes, python, refuses};

/// How many releases the log has.
const RELEASES: usize = 5;

/// A store with a log of small releases, and the key that signs it.
struct Store {
    dir: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let store = Store { dir: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir_all(store.path("shop/docs")).expect("a tree");
        fs::write(store.path("shop/docs/guide.md"), "# Guide\n").expect("a document");
        store.run(&["keys", "new", "--no-passphrase"]);
        for number in 0..RELEASES {
            let version = format!("1.{number}.0");
            store.run(&["-C", "shop", "seal", "--version", &version, "--out", "../out"]);
            store.run(&["publish", &format!("out/shop-{version}"), "--store", "store"]);
        }
        store
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn run(&self, args: &[&str]) {
        let mut command = attestar(&self.path("home"));
        passes(command.args(args).current_dir(self.dir.path()).env("SOURCE_DATE_EPOCH", "1700000000"));
    }

    fn reader(&self, what: &str, place: &Path) -> Command {
        let mut reader = python("tlog.py");
        reader.arg(what).arg(place).arg(self.path("home/signing.pub")).arg("shop");
        reader
    }
}

#[test]
fn a_reader_of_the_standards_takes_the_log_and_no_changed_one() {
    let store = Store::new();
    let log = store.path("store/log");
    let accepted = passes(&mut store.reader("log", &log));
    assert_eq!(accepted, format!("accepted: {RELEASES} leaves\n"));
    let width = format!("000.p/{RELEASES}");
    for (file, verdict) in [
        (format!("tile/entries/{width}"), "refused: the entries have another root"),
        (format!("tile/0/{width}"), "refused: a tile with other hashes"),
        ("checkpoint".to_owned(), "refused: the signature does not verify"),
    ] {
        let file = log.join(file);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        // Inside the first entry, the first hash, and the size.
        bad[5] ^= 1;
        fs::write(&file, bad).unwrap();
        refuses(&mut store.reader("log", &log), verdict);
        fs::write(&file, good).unwrap();
    }
    let mut stranger = python("tlog.py");
    stranger.arg("log").arg(&log).arg(store.path("home/signing.pub")).arg("bank");
    refuses(&mut stranger, "refused: no signature by the key");
}

#[test]
fn a_reader_of_the_standards_takes_every_proof_and_no_changed_one() {
    let store = Store::new();
    for number in 0..RELEASES {
        let name = format!("shop-1.{number}.0");
        store.run(&["log", "prove", &name, "--store", "store"]);
        let proof = store.path(&format!("{name}.tlog-proof"));
        let accepted = passes(&mut store.reader("proof", &proof));
        assert!(accepted.contains(&format!("\"name\":\"{name}\"")), "{accepted}");
        let text = fs::read_to_string(&proof).unwrap();
        let other = (number + 1) % RELEASES;
        fs::write(&proof, text.replace(&format!("index {number}"), &format!("index {other}"))).unwrap();
        let said = crate::judge::hear(&mut store.reader("proof", &proof));
        assert_eq!(said.code, Some(1), "{}", said.all);
        assert!(said.out.starts_with("refused: the path "), "{}", said.all);
    }
}
