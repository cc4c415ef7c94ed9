//! kill -9 at the system calls of a backup that change something on a disk.

use super::{archives, attestar, change, holds, newest, restores, store, world};
use crate::world::{World, names_in};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// What changes something on a disk. (Opening does, too: then the next call is the moment after it.)
pub(super) const WRITES: &str = "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,\
                                 unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,fallocate,copy_file_range,fchmod";

/// At how many of them it is killed; the rest lies between.
const POINTS: usize = 48;

/// `attestar -C shop backup` under strace, with these flags.
pub(super) fn traced(world: &World, flags: &[&str]) -> Command {
    let inner = attestar(world, &["backup"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(flags).arg("--").arg(inner.get_program()).args(inner.get_args());
    command.current_dir(world.path()).env_clear();
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Every moment that strace can name: a system call, and which of those of one thread.
fn moments(world: &World) -> Vec<(String, usize)> {
    let log = world.path().join("trace");
    let flags = ["-o", log.to_str().unwrap(), "-e", &format!("trace={WRITES}")];
    assert!(traced(world, &flags).output().expect("strace starts").status.success());
    let trace = fs::read_to_string(&log).unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in trace.lines().filter(|line| !line.contains(" resumed>")) {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        *counts.entry((thread, call.trim().split('(').next().unwrap_or_default())).or_default() += 1;
    }
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for ((_, call), count) in counts {
        let known = most.entry(call).or_default();
        *known = count.max(*known);
    }
    most.into_iter().flat_map(|(call, count)| (1..=count).map(move |at| (call.to_owned(), at))).collect()
}

/// What lies in a folder as if it had done so for two days: nobody is at it any more.
fn age(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    for file in files {
        let before = SystemTime::now() - Duration::from_secs(48 * 3600);
        File::options().append(true).open(file).unwrap().set_modified(before).unwrap();
    }
}

/// The archives without a receipt.
fn bare(archives: &Path) -> Vec<PathBuf> {
    let names = names_in(archives);
    let is_bare =
        |name: &&String| name.ends_with(".age") && !names.contains(&format!("{name}.sigstore.json"));
    names.iter().filter(is_bare).map(|name| archives.join(name)).collect()
}

#[test]
fn a_backup_that_is_killed_at_any_write_harms_nothing_and_the_next_just_works() {
    let world = world();
    fs::create_dir(world.path().join("disk")).unwrap();
    assert!(attestar(&world, &["backup", "-q"]).status().unwrap().success());
    let first = archives(&world).remove(0);
    world.write("etc/app.conf", "port = 100\n");
    let moments = moments(&world);
    assert!(moments.len() > POINTS, "{moments:?}");
    let (mut killed, mut adopted, mut left) = (0, 0, 0);
    for point in 0..POINTS {
        let (call, when) = &moments[point * moments.len() / POINTS];
        let what = format!("killed at {call} {when}");
        change(&world, 2 * point);
        let before = archives(&world).len();
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let trace = format!("trace={call}");
        let ended = traced(&world, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
            .output()
            .expect("strace starts");
        killed += usize::from(!ended.status.success());
        holds(&world, &what);
        adopted += usize::from(archives(&world).len() > before);
        // Once nobody can be at it any more, the next run cleans up.
        let incoming = store(&world).join("incoming");
        left += names_in(&incoming).len().saturating_sub(1);
        age(&incoming);
        if !bare(&store(&world).join("archives")).is_empty() {
            age(&store(&world).join("archives"));
        }
        change(&world, 2 * point + 1);
        let next = attestar(&world, &["backup", "-q"]).output().unwrap();
        assert!(next.status.success(), "{what}: then {}", String::from_utf8_lossy(&next.stderr));
        holds(&world, &what);
        assert_eq!(names_in(&incoming), [".lock"], "{what}");
        assert!(bare(&store(&world).join("archives")).is_empty(), "{what}");
        assert_eq!(names_in(&world.home().join("state/scratch")), [""; 0], "{what}");
        if point % 8 == 0 {
            restores(&world, &newest(&world), 2 * point + 1, &what);
        }
    }
    assert!(killed > POINTS * 3 / 4, "{killed} of {POINTS} were killed");
    assert!(
        adopted > 0 && left > 0,
        "{adopted} archives were whole, {left} files were on their way: all alike"
    );
    restores(&world, &first, 1, "the first one");
}
