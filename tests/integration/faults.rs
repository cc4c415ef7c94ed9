//! What the machine does while we work: files that change, disks that fill, signals, names that are taken.

use crate::world::{Said, World, everything_in, names_in, noise, said};
use attestar::error::Error;
use attestar::finding::{Code, Finding};
use attestar::format::member::{FileType, Member};
use attestar::format::path::PackPath;
use attestar::pipeline::feed::Plan;
use attestar::pipeline::pack::{self, Settings};
use attestar::pipeline::source::Root;
use attestar::pipeline::watch::Watch;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Packs `a` and `b`; as soon as `a` was read, `meanwhile` happens to `b`. Gives what is found.
fn packed_while(meanwhile: impl Fn(&Path) + Sync) -> Vec<Finding> {
    let tree = tempfile::tempdir().unwrap();
    let member = |name: &str| {
        fs::write(tree.path().join(name), "content").unwrap();
        let path = PackPath::new(name.as_bytes()).unwrap();
        Member { path, kind: FileType::File, size: 7, mode: 0o644, mtime_s: 0, mtime_ns: 0, uid: 0, gid: 0 }
    };
    let (root, members) = (Root::open(tree.path()).unwrap(), [member("a"), member("b")]);
    let inspect = |path: &PackPath, _: &[u8]| {
        if path.as_str() == "a" {
            meanwhile(&tree.path().join("b"));
        }
        None
    };
    let plan = Plan {
        root: &root,
        members: &members,
        prefix: "p-1/data/",
        inspect: &inspect,
        copy: None,
        keep_torn: false,
    };
    let settings = Settings { level: 1, threads: 1 };
    let (mut file, path) = (tempfile::tempfile().unwrap(), Path::new("p-1.tar.zst"));
    let payload = pack::archive(&mut file, path, None, &settings, &Watch::default(), |mut archive| {
        archive.payload(plan)
    });
    match payload {
        Ok(read) => {
            assert_eq!(read.len(), 2);
            Vec::new()
        }
        Err(Error::Refused(findings)) => findings,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_file_that_turns_into_something_else_before_it_is_read() {
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    type Change<'a> = &'a (dyn Fn(&Path) + Sync);
    let changes: [(&str, Change); 4] = [
        ("vanished", &gone),
        ("symbolic link", &|path| (gone(path), symlink("/etc/passwd", path).unwrap()).1),
        ("no longer a regular file", &|path| (gone(path), fs::create_dir(path).unwrap()).1),
        ("no longer a regular file", &|path| {
            gone(path);
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
    ];
    for (says, change) in changes {
        let [finding] = &packed_while(change)[..] else { panic!("one finding: {says}") };
        assert_eq!((finding.code, &*finding.subject), (Code::FileChanging, "b"));
        assert!(finding.actual.as_ref().unwrap().contains(says), "{finding:?}");
    }
}

#[test]
fn a_small_file_that_changed_since_the_scan_is_read_as_it_is_now() {
    assert_eq!(packed_while(|path| fs::write(path, "longer than before").unwrap()), []);
    assert_eq!(packed_while(|path| fs::write(path, "").unwrap()), []);
}

#[test]
fn a_large_file_that_grows_all_the_while_is_refused() {
    let world = World::release();
    world.write("dist/log.bin", noise(9 << 20));
    let (path, done) = (world.tree().join("dist/log.bin"), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = OpenOptions::new().append(true).open(&path).unwrap();
            while !done.load(Relaxed) {
                log.write_all(b"one line more\n").unwrap();
            }
        });
        let sealed = world.seal(&[]);
        done.store(true, Relaxed);
        sealed.exits(1).complains("file-changing").complains("dist/log.bin");
    });
    assert_eq!(everything_in(&world.out()), [], "nothing is left");
}

const ARTIFACTS: &str = "schema = 1
[[include]]
class = \"artifact\"
paths = [\"a/**\"]
[[include]]
class = \"doc\"
paths = [\"**\"]
";

/// A tree whose archive takes a while: a large artifact comes first, a lockfile last.
fn slow() -> World {
    let world = World::new();
    world.write("attestar.toml", ARTIFACTS);
    world.write("a/tool.whl", noise(9 << 20));
    world.write("m/large.bin", noise(4 << 20).repeat(24));
    world.write("z/package-lock.json", "{\"lockfileVersion\":3,\"packages\":{}}\n");
    world
}

/// How many bytes of the archive that is being written are there.
fn written(world: &World) -> u64 {
    let work = names_in(&world.out()).into_iter().find(|name| name.ends_with(".sealing"));
    let files = work.map(|work| world.out().join(work));
    let sizes =
        files.iter().flat_map(fs::read_dir).flatten().flatten().filter_map(|file| file.metadata().ok());
    sizes.map(|metadata| metadata.len()).max().unwrap_or(0)
}

/// Seals while another thread does something, which it is told when the artifact is packed, and the lockfile not yet.
fn sealed_while(world: &World, meanwhile: impl Fn(&AtomicBool) + Sync) -> Said {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while written(world) < 12 << 20 && !done.load(Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            meanwhile(&done);
        });
        let sealed = world.seal(&[]);
        done.store(true, Relaxed);
        sealed
    })
}

fn append(path: &Path) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(b"\n").unwrap();
}

#[test]
fn what_the_sbom_was_read_from_may_change_once() {
    for name in ["a/tool.whl", "z/package-lock.json"] {
        let world = slow();
        let path = world.tree().join(name);
        let before = fs::metadata(&path).unwrap().len();
        sealed_while(&world, |_| append(&path)).done();
        assert_eq!(fs::metadata(&path).unwrap().len(), before + 1, "it changed while it was sealed");
        world.verify(&["--tree", "shop"]).done();
        assert_eq!(names_in(&world.out()).len(), 3, "what was begun before the change is gone");
    }
}

#[test]
fn what_the_sbom_was_read_from_may_not_change_all_the_while() {
    for name in ["a/tool.whl", "z/package-lock.json"] {
        let world = slow();
        let path = world.tree().join(name);
        let said = sealed_while(&world, |done| {
            while !done.load(Relaxed) {
                append(&path);
                thread::sleep(Duration::from_millis(2));
            }
        });
        said.exits(1).complains("file-changing").complains(name);
        assert_eq!(everything_in(&world.out()), [], "nothing is left");
    }
}

/// Runs a shell script in a mount namespace of its own, where it may mount what it likes; `$A` is attestar.
fn mounted(world: &World, script: &str) -> Said {
    let attestar = world.command(&[]);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-euc", script]).current_dir(world.path()).env_clear().stdin(Stdio::null());
    command.envs(attestar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.env("A", env!("CARGO_BIN_EXE_attestar")).output();
    let said = said(output.expect("unshare (util-linux) starts"));
    let able = !said.err.contains("unshare:") && !said.err.contains("mount:");
    assert!(able, "this test needs to mount a tmpfs in a namespace of its own: {}", said.err);
    said
}

const SEAL: &str = "code=0; $A -C shop seal --version 1.0.0 --out ../out || code=$?; ls -A out; exit $code";
const RESTORE: &str =
    "code=0; $A -q restore out/shop-1.0.0.tar.zst.age --to back || code=$?; ls -A back; exit $code";

#[test]
fn a_disk_that_fills_up() {
    let world = World::release();
    world.write("dist/large.bin", noise(3 << 20));
    let said = mounted(&world, &format!("mkdir out; mount -t tmpfs -o size=1m none out; {SEAL}"));
    let said = said.exits(1).complains("No space left").complains("hint: free some space");
    assert_eq!(said.out, "", "nothing is left");
    fs::remove_dir(world.out()).unwrap();
    world.seal(&[]).done();
    let said = mounted(&world, &format!("mkdir back; mount -t tmpfs -o size=1m none back; {RESTORE}"));
    let said = said.exits(1).complains("No space left").complains("hint: free some space");
    assert_eq!(said.out, "", "nothing is left");
}

#[test]
fn a_target_that_cannot_be_written() {
    let world = World::sealed();
    let said = mounted(&world, &format!("mkdir back; mount -t tmpfs -o ro none back; {RESTORE}"));
    said.exits(1).complains("Read-only file system").complains("hint: choose a folder");
    fs::remove_dir_all(world.out()).unwrap();
    let said = mounted(&world, &format!("mkdir out; mount -t tmpfs -o ro none out; {SEAL}"));
    said.exits(1).complains("Read-only file system").complains("hint: choose a folder");
}

#[test]
fn an_empty_volume_is_filled() {
    let world = World::sealed();
    let said =
        mounted(&world, &format!("mkdir back; mount -t tmpfs none back; mkdir back/lost+found; {RESTORE}"));
    assert_eq!(said.done().out, "ddl\ndist\ndocs\nlost+found\n");
    assert_eq!(names_in(&world.path().join("back")), [""; 0], "the volume, not the folder beneath it");
}

#[test]
fn names_that_are_taken() {
    let world = World::sealed();
    let before = everything_in(world.path());
    world.seal(&[]).exits(1).complains("is there already").complains("hint:");
    fs::create_dir(world.path().join("back")).unwrap();
    fs::write(world.path().join("back/mine"), "").unwrap();
    world.restore(&[]).exits(1).complains("is not empty: there is mine in it").complains("hint:");
    fs::remove_dir_all(world.path().join("back")).unwrap();
    assert_eq!(everything_in(world.path()), before);
    for name in ["shop-1.0.0", "shop-1.0.0.tar.zst.age", "shop-1.0.0.tar.zst.age.sigstore.json"] {
        let world = World::release();
        fs::create_dir(world.out()).unwrap();
        fs::write(world.out().join(name), "mine").unwrap();
        world.seal(&[]).exits(1).complains(name);
        assert_eq!(names_in(&world.out()), [name]);
    }
}

/// Starts attestar, waits until a name with this ending shows that it is at work in `folder`, and sends a signal.
fn signalled(world: &World, args: &[&str], folder: &Path, ending: &str, signal: &str) -> Option<i32> {
    let mut command = world.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !names_in(folder).iter().any(|name| name.ends_with(ending)) {
        assert!(Instant::now() < deadline, "it never began");
        thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let world = World::release();
    world.write("dist/large.bin", noise(200 << 20));
    let seal = ["-C", "shop", "seal", "--version", "1.0.0", "--out", "../out", "--payload"];
    for signal in ["-INT", "-TERM"] {
        assert_eq!(signalled(&world, &seal, &world.out(), ".sealing", signal), Some(130));
        assert_eq!(names_in(&world.out()), [""; 0], "nothing is left");
    }
    assert_eq!(signalled(&world, &seal, &world.out(), ".sealing", "-KILL"), None);
    assert!(names_in(&world.out()).iter().all(|name| name.ends_with(".sealing")), "no final name");
    fs::remove_dir_all(world.out()).unwrap();
    world.seal(&[]).done();
    let restore = ["restore", "out/shop-1.0.0.tar.zst.age", "--to", "back"];
    for signal in ["-INT", "-TERM"] {
        assert_eq!(signalled(&world, &restore, world.path(), ".restoring", signal), Some(130));
        assert_eq!(world.listing(), ["home", "out", "shop"], "nothing is left");
    }
    assert_eq!(signalled(&world, &restore, world.path(), ".restoring", "-KILL"), None);
    assert!(!world.listing().contains(&"back".to_owned()), "no final name");
}

#[test]
fn signing_keys_that_cannot_sign() {
    let world = World::release();
    let key = world.home().join("signing.key");
    let honest = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    world.seal(&[]).exits(5).complains("there is no signing key").complains("keys new");
    let zero = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";
    for content in ["", "hello\n", zero, &honest[..honest.len() / 2]] {
        fs::write(&key, content).unwrap();
        world.seal(&[]).exits(1).complains("signing.key");
    }
    let other = World::new();
    fs::copy(other.home().join("signing.key"), &key).unwrap();
    world.seal(&[]).exits(1).complains("damaged, or mixed up");
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    world.seal(&[]).exits(1).complains("signing.key");
    assert_eq!(names_in(&world.out()), [""; 0], "nothing was sealed");
}

#[test]
fn a_policy_with_an_unknown_key() {
    let world = World::release();
    world.write(
        "attestar.toml",
        "schema = 1\n[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\nexlude = []\n",
    );
    world.seal(&[]).exits(2).complains("attestar.toml:5: ").complains("did you mean `exclude`?");
    assert_eq!(names_in(&world.out()), [""; 0], "nothing was sealed");
}

#[test]
fn secrets_in_the_payload_stop_the_seal() {
    let world = World::release();
    for secret in ["signing.key", "identity.age"] {
        let path = world.tree().join("docs/note.md");
        fs::copy(world.home().join(secret), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        world.seal(&["--payload"]).exits(4).complains("secret-in-payload").complains("docs/note.md");
        assert_eq!(names_in(&world.out()), [""; 0], "nothing was sealed");
    }
}

#[test]
fn a_receipt_or_an_archive_that_is_a_fifo_does_not_hang() {
    let world = World::sealed();
    for path in [world.receipt(), world.archive()] {
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        world.verify(&[]).exits(1).complains("is no regular file");
        world.restore(&[]).exits(1).complains("is no regular file");
    }
}
