//! kill -9 at every system call of a backup that changes something: of its first night, of one in which something changed, and
//! of one in which nothing did.

use super::attestar;
use super::prepared::Prepared;
use super::syscalls::{ALL, What};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

/// The exit code of whoever is killed.
const KILLED: i32 = 137;

/// Runs that were killed.
struct Killed<'p> {
    prepared: &'p Prepared,
    /// Every kind of call that was the last one.
    kinds: BTreeSet<String>,
    /// Which call, counted from 1, each kind was when it was seen last.
    places: BTreeMap<String, usize>,
    count: usize,
    /// In how many of them the archive was whole by then.
    whole: usize,
}

impl Killed<'_> {
    /// Kills one at the call of this number; `false` if it ended before.
    fn at(&mut self, at: usize) -> bool {
        let prepared = self.prepared;
        let ended = prepared.night(What::Killed(at, ALL));
        let last = ended.calls.last().expect("a call");
        let what = format!("killed at call {at}, {} {:?}", last.name, last.arguments);
        let kinds = ended.calls.iter().map(|call| call.kind(&prepared.host.world));
        self.places.extend(kinds.zip(1..));
        if ended.code == KILLED {
            assert_eq!(ended.calls.len(), at, "{what}");
            self.kinds.insert(last.kind(&prepared.host.world));
            self.count += 1;
            prepared.harmless(&what);
        } else {
            assert_eq!((ended.code, ended.calls.len()), (0, at - 1), "{what}: {}", ended.said);
            prepared.done(&what);
        }
        self.whole += usize::from(prepared.archives().len() > prepared.names.len());
        prepared.next_works(&what);
        ended.code == KILLED
    }
}

/// Kills a run at each of its calls, in turn.
fn survives(prepared: &Prepared) {
    let calls = prepared.calls();
    let mut killed = Killed { prepared, kinds: BTreeSet::new(), places: BTreeMap::new(), count: 0, whole: 0 };
    let mut at = 1;
    while killed.at(at) {
        at += 1;
    }
    assert!(killed.count == calls.len() && killed.count > 50, "{} of {}", killed.count, calls.len());
    // Threads write beside each other, so a call may come a few places sooner or later each time: what slipped through by that.
    for kind in calls.iter().map(|call| call.kind(&prepared.host.world)) {
        let mut offsets = [0, 1, -1, 2, -2, 3, -3].into_iter().cycle().take(100);
        while !killed.kinds.contains(&kind) {
            let offset = offsets.next().unwrap_or_else(|| panic!("{kind} was never the last one"));
            killed.at(killed.places[&kind].saturating_add_signed(offset).max(1));
        }
    }
    println!(
        "{} calls, killed at {}, {} archives were whole by then",
        calls.len(),
        killed.count,
        killed.whole
    );
}

#[test]
fn a_backup_that_is_killed_at_any_call_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, true));
}

#[test]
fn a_first_backup_that_is_killed_at_any_call_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(0, true));
}

#[test]
fn a_night_without_changes_that_is_killed_at_any_call_harms_nothing_and_the_next_just_works() {
    survives(&Prepared::after(2, false));
}

/// System calls that change nothing that outlives the process, or only what is gone with it.
const HARMLESS: &str = "access arch_prctl brk clock_gettime clock_nanosleep clone clone3 close close_range dup dup2 epoll_create1 \
     epoll_ctl epoll_wait eventfd2 execve exit exit_group faccessat2 fadvise64 fcntl flock fstat fstatfs futex getcwd getdents64 \
     getegid geteuid getgid getpid getrandom getrusage gettid getuid ioctl lseek lstat madvise membarrier mmap mprotect mremap munmap \
     newfstatat pipe pipe2 poll ppoll prctl pread64 preadv prlimit64 read readlink readlinkat readv rseq rt_sigaction \
     rt_sigprocmask rt_sigreturn sched_getaffinity sched_setaffinity sched_yield seccomp set_robust_list set_tid_address setpgid \
     sigaltstack socketpair stat statfs statx sysinfo tgkill umask uname wait4 waitid";

/// The calls of the driver's child and its children, as strace tells them: names, and the rest of each line.
fn straced(trace: &str) -> Vec<(&str, &str)> {
    let driver = trace.lines().next().and_then(|line| line.split_once(' ')).expect("a call").0;
    let calls = trace.lines().filter_map(|line| line.split_once(' '));
    let calls =
        calls.filter(|(process, call)| *process != driver && !call.trim_start().starts_with(['<', '+', '-']));
    calls.filter_map(|(_, call)| call.trim_start().split_once('(')).collect()
}

#[test]
fn no_call_that_changes_something_goes_past_the_driver() {
    let prepared = Prepared::after(1, true);
    prepared.again();
    let world = &prepared.host.world;
    let log = world.path().join("trace");
    let driver = prepared.driver.command(&attestar(world, &["backup"]), What::Watched);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-s", "0", "-o"])
        .arg(&log)
        .arg("--")
        .arg(driver.get_program())
        .args(driver.get_args());
    command.envs(driver.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = command.current_dir(world.path()).output().expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = fs::read_to_string(&log).unwrap();
    let (mut told, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    let mut noted: BTreeMap<String, usize> = BTreeMap::new();
    prepared.driver.calls().into_iter().for_each(|call| *noted.entry(call.name).or_default() += 1);
    for (name, rest) in straced(&trace) {
        let opens = ["open", "openat", "openat2"].contains(&name);
        let makes = ["O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| rest.contains(flag));
        if HARMLESS.split(' ').any(|harmless| harmless == name) || opens && !makes {
            assert!(!rest.contains("FICLONE"), "{name}({rest}");
        } else if noted.contains_key(name) {
            *told.entry(name.to_owned()).or_default() += 1;
        } else {
            unknown.insert(format!("{name}({rest}"));
        }
    }
    assert!(unknown.is_empty(), "are these harmless, or does the driver miss them? {unknown:#?}");
    assert_eq!(noted, told);
    assert!(noted["write"] > 10 && noted["fsync"] > 20 && noted["renameat2"] > 4, "{noted:?}");
}
