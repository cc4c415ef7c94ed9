//! Stock tools alone open an archive, and agree with every digest in it.

use std::fs;
use std::path::Path;

use crate::judge::{passes, refuses, shell, tool};
use crate::sample::{PERCENT, Sealed};

/// Runs a checker of digests over `list` in `folder`; gives the number of files it agreed on.
fn check(name: &str, list: &Path, folder: &Path) -> usize {
    let said = passes(tool(name).arg("-c").arg(list).current_dir(folder));
    assert!(said.lines().count() > 1 && said.lines().all(|line| line.ends_with(": OK")), "{said}");
    said.lines().count()
}

#[test]
fn age_zstd_and_tar_give_back_the_tree() {
    let sealed = Sealed::with(&[PERCENT], &[]);
    let pack = sealed.open();
    passes(tool("diff").args(["-r", "--no-dereference"]).arg(&sealed.tree).arg(pack.join("data")));
}

#[test]
fn sha256sum_and_b3sum_agree_with_the_hashes_files() {
    let sealed = Sealed::with(&[PERCENT], &[]);
    let pack = sealed.open();
    let manifest = fs::read_to_string(pack.join("manifest-sha256.txt")).expect("the manifest");
    let files = manifest.lines().count();
    assert_eq!(check("sha256sum", &pack.join("HASHES.sha256.txt"), &pack.join("data")), files);
    assert_eq!(check("b3sum", &pack.join("HASHES.blake3.txt"), &pack.join("data")), files);
}

#[test]
fn sha256sum_agrees_with_manifest_and_tag_manifest() {
    let sealed = Sealed::new(&[]);
    let opened = sealed.open();
    check("sha256sum", &opened.join("manifest-sha256.txt"), &opened);
    check("sha256sum", &opened.join("tagmanifest-sha256.txt"), &opened);
    // The evidence beside the archive is the evidence inside it, byte for byte.
    passes(tool("diff").args(["-r", "--exclude=data"]).arg(&opened).arg(sealed.folder()));
}

#[test]
fn one_flipped_byte_is_seen_by_sha256sum() {
    let sealed = Sealed::new(&[]);
    let pack = sealed.open();
    let file = pack.join("data/dist/tool.bin");
    let mut bytes = fs::read(&file).expect("an unpacked file");
    bytes[4096] ^= 1;
    fs::write(&file, bytes).expect("the damaged file");
    refuses(tool("sha256sum").args(["-c", "manifest-sha256.txt"]).current_dir(&pack), "tool.bin: FAILED");
}

#[test]
fn bsdtar_reads_the_stream_by_itself() {
    let sealed = Sealed::with(&[PERCENT], &[]);
    let by_gnu = sealed.open();
    let opened = sealed.scratch("by-bsdtar");
    let mut bsdtar = shell(r#"mkdir "$2" && bsdtar -xf "$1" -C "$2""#);
    passes(bsdtar.arg(sealed.decrypted()).arg(&opened));
    passes(tool("diff").args(["-r", "--no-dereference"]).arg(by_gnu).arg(opened.join(&sealed.name)));
}

#[test]
fn tar_lists_owner_mode_time_and_order_as_promised() {
    let sealed = Sealed::with(&[PERCENT], &[]);
    let stream = sealed.decrypted();
    let long = r#"TZ=UTC0 tar --numeric-owner --full-time -tvf <(zstd -dc "$1")"#;
    for line in passes(shell(long).arg(&stream)).lines() {
        let modes = ["-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x", "lrwxrwxrwx"];
        assert!(modes.iter().any(|mode| line.starts_with(mode)), "mode: {line}");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], "0/0", "owner: {line}");
        assert_eq!(words[3..5], ["2023-11-14", "22:13:20"], "time: {line}");
    }

    let names = passes(shell(r#"tar --quoting-style=literal -tf <(zstd -dc "$1")"#).arg(&stream));
    let root = format!("{}/", sealed.name);
    assert!(names.lines().all(|name| name.starts_with(&root)), "all in one folder: {names}");
    let names: Vec<&str> =
        names.lines().map(|name| &name[root.len()..]).filter(|name| !name.ends_with('/')).collect();
    let payload: Vec<&str> = names.iter().copied().filter(|name| name.starts_with("data/")).collect();
    assert!(payload.len() > 10, "{names:?}");
    assert!(payload.is_sorted(), "bytewise by path: {payload:?}");
    let manifest = names.iter().position(|name| *name == "manifest-sha256.txt").expect("a manifest");
    let last = names.iter().rposition(|name| name.starts_with("data/")).expect("payload");
    assert!(manifest > last, "the manifest comes after what it lists");
}
