//! Every byte counts: each one flipped, cuts made, and always caught.
//!
//! Thousands of runs: through the library, not through processes.

use crate::forge::{Pack, Tar, encrypt, file, link, own_key, publish, publish_file};
use crate::signers::TRUST;
use crate::waive::waived;
use crate::world::{World, noise};
use attestar::error::Error;
use attestar::finding::{Outcome, Verdict};
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::trust::Trust;
use attestar::pipeline::watch::Watch;
use attestar::verbs::target::Target;
use attestar::verbs::verify::{Request, verify};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// How many verifications run at once.
const RUNNERS: usize = 2;

/// Verifies things over and over, each thread in a copy of its own.
struct Prober {
    world: World,
    trust: Trust,
    identities: Vec<Identity>,
}

impl Prober {
    fn new(world: World) -> Prober {
        let trust = Trust::load(&[world.home().join("signing.pub")], None).unwrap();
        let identities = Identity::load_file(&world.home().join("identity.age"), &mut NoPassphrases).unwrap();
        Prober { world, trust, identities }
    }

    /// By a trust file that lies in the world.
    fn trusting(world: World, file: &str) -> Prober {
        let trust = Trust::load(&[], Some(&world.path().join(file))).unwrap();
        Prober { trust, ..Prober::new(world) }
    }

    fn verdict(&self, target: &Path) -> Verdict {
        // A file that is gone or is none any more is no target: the caller never makes one of those.
        let request = Request {
            target: Target::find(target).unwrap(),
            shelf: None,
            trust: &self.trust,
            identities: &self.identities,
            tree: None,
            evidence_only: false,
            allow_unsigned: false,
            approvals: true,
            policy: None,
            threads: 1,
        };
        match verify(&request, &Watch::default()) {
            Ok(verified) => verified.outcome.verdict(),
            Err(Error::Refused(findings)) => {
                Verdict::of(findings.iter()).unwrap_or(Outcome::default().verdict())
            }
            Err(error) => panic!("{}: {error}", target.display()),
        }
    }

    /// Each of these changes to `file`, one at a time, makes `target` (both relative to `out/`) not verify.
    fn caught(&self, target: &str, file: &str, changes: &[Change]) {
        assert!(!changes.is_empty(), "{file}: nothing was changed, so nothing was caught");
        let honest = fs::read(self.world.out().join(file)).unwrap();
        let (next, out) = (AtomicUsize::new(0), self.world.out());
        thread::scope(|scope| {
            for _ in 0..RUNNERS {
                scope.spawn(|| {
                    let copy = copy_of(&out);
                    let (target, path) = (copy.path().join(target), copy.path().join(file));
                    assert_eq!(self.verdict(&target), Verdict::Holds, "it verifies while nothing is changed");
                    while let Some(change) = changes.get(next.fetch_add(1, Relaxed)) {
                        fs::write(&path, change.of(&honest)).unwrap();
                        assert_eq!(self.verdict(&target), Verdict::Refuted, "{file}: {change:?}");
                    }
                });
            }
        });
    }

    /// Every file in a folder of `out/`.
    fn files(&self, folder: &str) -> Vec<String> {
        let everything = crate::world::everything_in(&self.world.out().join(folder));
        let files = everything
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| path.symlink_metadata().unwrap().is_file());
        let relative =
            |path: PathBuf| path.strip_prefix(self.world.out()).unwrap().to_str().unwrap().to_owned();
        files.map(relative).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    /// Xor this into the byte there.
    Flip(usize, u8),
    /// Add one to it.
    Add(usize),
    /// Keep only so many bytes.
    Cut(usize),
}

impl Change {
    fn of(self, honest: &[u8]) -> Vec<u8> {
        let mut bytes = honest.to_vec();
        match self {
            Change::Flip(at, bits) => bytes[at] ^= bits,
            Change::Add(at) => bytes[at] = bytes[at].wrapping_add(1),
            Change::Cut(len) => bytes.truncate(len),
        }
        bytes
    }
}

/// Of an archive, all alike under its receipt's digest: every third byte, or each where the whole is asked for.
fn archive_bytes(len: usize) -> Vec<Change> {
    let step = if std::env::var_os("ATTESTAR_TEST_WHOLE").is_some() { 1 } else { 3 };
    (0..len)
        .step_by(step)
        .map(|at| Change::Flip(at, 1 << (at % 8)))
        .chain((0..len).step_by(17).map(Change::Cut))
        .collect()
}

/// A bit of every byte, a different one in each; one added to every eighth, which makes digits and letters of others; and cuts.
fn every_byte(len: usize) -> Vec<Change> {
    let flips = (0..len).map(|at| Change::Flip(at, 1 << (at % 8)));
    let added = (0..len).step_by(8).map(Change::Add);
    flips.chain(added).chain((0..len).step_by(17).map(Change::Cut)).collect()
}

fn copy_of(out: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut cp = std::process::Command::new("cp");
    assert!(cp.arg("-a").arg(out.join(".")).arg(copy.path()).status().unwrap().success());
    copy
}

fn size(prober: &Prober, file: &str) -> usize {
    fs::metadata(prober.world.out().join(file)).unwrap().len() as usize
}

/// A pack of a file and a link, as small as they come.
fn tiny() -> (World, Pack) {
    let world = World::new();
    let pack = Pack::of([file("a.md", "a\n"), link("b.md", "a.md")]).sealed(&own_key(&world));
    (world, pack)
}

/// The smallest release that has every tag file: DDL, an artifact, a lockfile, and gates, of which one ran a program and
/// one was evaluated after the seal.
#[test]
fn every_byte_of_a_sealed_folder() {
    let world = World::new();
    let policy = "schema = 1\n[[include]]\nclass = 'ddl'\npaths = ['*.sql']\n\
                  [[include]]\nclass = 'artifact'\npaths = ['*.lock']\n[[gate]]\nid = 'v'\ncheck = 'version'\n\
                  [[gate]]\nid = 'c'\ncheck = 'command'\nrun = ['echo', 'fine']\nvariables = ['PATH']\n\
                  [[gate]]\nid = 'p'\ncheck = 'version'\nstage = 'promote'\n";
    world.write("attestar.toml", policy);
    world.write("a.sql", "CREATE TABLE a (b INT);\n");
    world.write("Cargo.lock", "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n");
    world.write("VERSION", "1.0.0\n");
    world.seal(&["--payload"]).done();
    let promote = ["gate", "--stage", "promote", "--pack", "out/shop-1.0.0", "--key", "home/signing.key"];
    world.run(&[&["-C", "shop"], &promote[..]].concat()).done();
    let prober = Prober::new(world);
    let files = prober.files("shop-1.0.0");
    let statements = files.iter().filter(|file| file.ends_with(".sigstore.json")).count();
    let sboms = files.iter().filter(|file| file.contains("/sbom/")).count();
    assert_eq!((statements, sboms), (5, 2), "{files:?}");
    for file in files {
        prober.caught("shop-1.0.0", &file, &every_byte(size(&prober, &file)));
    }
}

/// The same of a release with a waiver, and of an approval beside its seal.
#[test]
fn every_byte_of_a_waiver_and_of_an_approval() {
    let world = waived(&["--payload"]);
    let approve = ["approve", "out/shop-1.0.0", "--role", "qa", "--key", "qa.key"];
    world.run(&[&approve[..], &TRUST[..]].concat()).done();
    let prober = Prober::trusting(world, "trust.toml");
    let of = |part: &str| {
        let mut files = prober.files("shop-1.0.0").into_iter().filter(|file| file.contains(part));
        files.next().unwrap_or_else(|| panic!("there is no {part}"))
    };
    let (waiver, approval) = (of("/waiver."), of("/approval."));
    let changes = |file: &str| every_byte(size(&prober, file));
    prober.caught("shop-1.0.0", &waiver, &changes(&waiver));
    // An approval lies beside the archive as well; its own signature is all that holds it.
    for target in ["shop-1.0.0", "shop-1.0.0.tar.zst.age"] {
        prober.caught(target, &approval, &changes(&approval));
    }
}

#[test]
fn every_byte_of_a_plain_archive() {
    let world = World::new();
    world.write("docs/guide.md", "# Guide\n");
    world.seal(&["--no-encrypt"]).done();
    let prober = Prober::new(world);
    let (archive, receipt) = ("shop-1.0.0.tar.zst", "shop-1.0.0.tar.zst.sigstore.json");
    prober.caught(archive, archive, &archive_bytes(size(&prober, archive)));
    prober.caught(archive, receipt, &every_byte(size(&prober, receipt)));
}

#[test]
fn every_byte_of_an_encrypted_archive() {
    let (world, pack) = tiny();
    publish(&world, &pack, &Tar::of(&pack).container().bytes());
    let prober = Prober::new(world);
    let (archive, receipt) = ("shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age.sigstore.json");
    prober.caught(archive, archive, &archive_bytes(size(&prober, archive)));
    prober.caught(archive, receipt, &every_byte(size(&prober, receipt)));
}

/// The receipt's digest alone would catch all of the above. Here the receipt is made for the altered bytes, so that
/// what is inside must hold by itself.
#[test]
fn bytes_inside_under_a_receipt_that_fits() {
    let (world, pack) = tiny();
    let tar = Tar::of(&pack);
    let honest = tar.container();
    let (whole, data) = (honest.bytes(), honest.data().len());
    let prober = Prober::new(world);
    for change in every_byte(whole.len()).into_iter().step_by(7) {
        let bytes = change.of(&whole);
        publish(&prober.world, &pack, &bytes);
        match prober.verdict(&prober.world.archive()) {
            Verdict::Refuted => {}
            // zstd has several spellings of one content, and the receipt says that this one was signed.
            Verdict::Holds => {
                let content = zstd::bulk::decompress(&bytes[..data], tar.bytes.len());
                assert!(content.is_ok_and(|content| content == tar.bytes), "{change:?} changed the content");
            }
            verdict => panic!("{change:?} is {verdict:?}"),
        }
    }
}

#[test]
fn an_archive_of_several_frames_and_chunks_cut_at_each_edge() {
    let world = World::new();
    let pack = Pack::of([file("a.bin", noise(9 << 20))]).sealed(&own_key(&world));
    let container = Tar::of(&pack).container();
    let plain = container.bytes();
    let archive = encrypt(&world, &plain);
    let body = archive.len() - plain.len() - 16 * plain.len().div_ceil(64 << 10);
    publish_file(&world, &pack, &archive);
    let prober = Prober::new(world);
    let chunks = (body..archive.len()).step_by((64 << 10) + 16);
    // Where a frame of the plaintext ends, in the age file: 16 bytes of tag behind each chunk before it.
    let mut end = 0;
    let frames = container.table().frames.into_iter().map(|(size, _)| {
        end += size as usize;
        body + end + 16 * (end / (64 << 10))
    });
    let cuts: Vec<Change> = chunks.chain(frames).map(|at| Change::Cut(at.min(archive.len() - 1))).collect();
    assert!(cuts.len() > 100, "{} cuts", cuts.len());
    prober.caught("shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age", &cuts);
}
