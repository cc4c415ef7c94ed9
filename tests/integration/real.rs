//! Trees that nobody made for a test: the Rust documentation of this machine, and this repository. Every step is held
//! to the memory that attestar promises.

use crate::repository::{COMMIT_TIME_S, commit, copy, git, succeeds};
use crate::world::World;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The most memory that a step may ever have, whatever the size of its input.
const PEAK_KIB_MAX: u64 = 256 << 10;
/// The documentation of a Rust toolchain has several times as many.
const DOC_FILES_MIN: u64 = 10_000;
/// One line in so many is given to sha256sum as well.
const SAMPLE: usize = 97;

#[test]
fn the_rust_documentation_is_sealed_verified_and_restored() {
    let world = World::new();
    let docs = rust_docs();
    let [docs, out] = [&docs, &world.out()].map(|path| path.to_str().expect("a path in UTF-8").to_owned());
    step(&world, &["-C", &docs, "--policy", "builtin:default", "seal", "--version", "1", "--out", &out]);
    let archive = "out/doc-1.tar.zst.age";
    let key = ["--key", "home/signing.pub", "--identity", "home/identity.age"];
    step(&world, &[&["verify", archive], &key[..]].concat());
    step(&world, &[&["restore", archive, "--to", "back"], &key[..]].concat());
    assert_same(Path::new(&docs), &world.path().join("back"), &[]);

    let listed = fs::read_to_string(world.out().join("doc-1/HASHES.sha256.txt")).expect("a manifest");
    assert!(listed.lines().count() as u64 >= DOC_FILES_MIN, "{} files", listed.lines().count());
    let sample: Vec<&str> = listed.lines().step_by(SAMPLE).collect();
    fs::write(world.path().join("sample"), sample.join("\n") + "\n").expect("a file");
    let mut check = Command::new("sha256sum");
    succeeds(check.args(["--quiet", "--strict", "-c", "../sample"]).current_dir(world.path().join("back")));
}

#[test]
fn this_repository_is_sealed_at_its_tag_verified_and_restored() {
    let world = World::new();
    let tree = repository(&world);
    git(&tree, &["tag", "v9.8.7"]);
    step(&world, &["-C", "shop", "seal", "--out", "../out"]);
    let archive = "out/attestar-9.8.7.tar.zst.age";
    step(&world, &["verify", archive]);
    step(&world, &["verify", archive, "--tree", "shop"]);
    step(&world, &["restore", archive, "--to", "back"]);
    let back = world.path().join("back");
    assert_same(&tree, &back, &[".git", "keys"]);
    assert!(!back.join("fixtures/keys").exists(), "the policy leaves the secret keys out");
    for path in ["Cargo.toml", "src/main.rs"] {
        assert_eq!(back.join(path).metadata().expect("a file").mtime(), COMMIT_TIME_S, "{path}");
    }
}

#[test]
fn without_a_tag_the_version_is_that_of_the_package() {
    let world = World::new();
    repository(&world);
    step(&world, &["-C", "shop", "seal", "--out", "../out"]);
    let name = format!("attestar-{}.tar.zst.age", env!("CARGO_PKG_VERSION"));
    assert!(world.out().join(&name).is_file(), "{name}");
}

#[test]
fn two_clones_are_sealed_to_the_same_bytes() {
    let world = World::new();
    git(&repository(&world), &["tag", "v9.8.7"]);
    let [one, two] = ["one", "two"].map(|clone| {
        git(world.path(), &["clone", "--quiet", "shop", clone]);
        let out = format!("../out-{clone}");
        step(&world, &["-C", clone, "seal", "--no-encrypt", "--out", &out]);
        fs::read(world.path().join(format!("out-{clone}/attestar-9.8.7.tar.zst"))).expect("an archive")
    });
    assert!(one == two);
}

/// `share/doc` of the toolchain that built this test.
fn rust_docs() -> PathBuf {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc starts");
    let sysroot = String::from_utf8(asked.stdout).expect("a path in UTF-8");
    let docs = Path::new(sysroot.trim_end()).join("share/doc");
    let hint = "hint: rustup component add rust-docs";
    assert!(
        docs.join("rust/html/std/index.html").is_file(),
        "no Rust documentation in {}\n{hint}",
        docs.display()
    );
    docs
}

/// The files that git tracks here, committed anew, with a policy that leaves the keys of the fixtures out.
fn repository(world: &World) -> PathBuf {
    let tree = world.tree();
    copy(&tree);
    let policy = "schema = 1\n[project]\nname = \"attestar\"\n\
                  [[include]]\nclass = \"artifact\"\npaths = [\"**\"]\nexclude = [\"fixtures/keys/**\"]\n";
    world.write("attestar.toml", policy);
    commit(&tree);
    tree
}

fn assert_same(one: &Path, two: &Path, but: &[&str]) {
    let mut diff = Command::new("diff");
    diff.args(["-r", "--no-dereference"]).args(but.iter().flat_map(|name| ["-x", name]));
    succeeds(diff.arg(one).arg(two));
}

/// Runs attestar, which must exit 0 and never have had more memory than it promises.
#[track_caller]
fn step(world: &World, args: &[&str]) {
    let said = world.path().join("said");
    let file = || File::options().append(true).create(true).open(&said).expect("a file");
    let mut command = world.command(args);
    command.env_remove("SOURCE_DATE_EPOCH").stdin(Stdio::null()).stdout(file()).stderr(file());
    let mut child = command.spawn().expect("attestar starts");
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        // The high-water mark only grows; the last look before the end has nearly all of it.
        peak = peak_kib(&status_file).unwrap_or(peak);
        match child.try_wait().expect("our own child") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let text = fs::read_to_string(&said).expect("what it said");
    assert!(status.success(), "{args:?}: {status}\n{text}");
    assert!(peak > 0 && peak <= PEAK_KIB_MAX, "{args:?}: {peak} KiB of memory\n{text}");
    fs::remove_file(said).expect("what it said");
}

fn peak_kib(status_file: &str) -> Option<u64> {
    let status = fs::read_to_string(status_file).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}
