//! The system calls of a run that change something, one by one: what they are, and what becomes of a run that is killed, or
//! refused, at one of them. The driver is `syscalls.c`, which the machine's compiler builds.

use super::attestar;
use crate::world::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No space left on the device.
pub(super) const ENOSPC: i32 = 28;
/// The disk does not do what it should.
pub(super) const EIO: i32 = 5;

/// Names of calls, with commas.
pub(super) type Names = &'static str;

/// All of them.
pub(super) const ALL: Names = "-";

/// What happens at the call of a number, counted from 1 over all threads, of those with these names.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// Nothing: the calls are noted.
    Watched,
    /// The run is killed before it.
    Killed(usize, Names),
    /// It fails with this error.
    Fails(usize, i32, Names),
    /// From it on whatever needs room on a disk fails.
    Full(usize, Names),
}

/// A call that changes something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    /// Paths, numbers of flags, where a socket or a pipe leads.
    pub(super) arguments: Vec<String>,
}

impl Call {
    /// The path that it is about, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.arguments.first().filter(|path| path.starts_with('/')).map(Path::new)
    }

    /// What two runs have in common: of the names everything before what is random or a time.
    pub(super) fn kind(&self, world: &World) -> String {
        let kind = |argument: &String| {
            let path = Path::new(argument);
            let parts = path.strip_prefix(world.path()).unwrap_or(path).iter();
            let short = |part: &str| {
                let hidden = [".attestar-run-", ".tmp"].iter().find(|hidden| part.starts_with(**hidden));
                let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
                let is_digest = part.get(..64).is_some_and(is_hex);
                // What is on its way has 16 digits more.
                let part = match part.rsplit_once('.') {
                    _ if is_digest => "",
                    Some((name, random)) if random.len() == 16 && is_hex(random) => name,
                    _ => part,
                };
                let end = hidden.map(|hidden| hidden.len()).or(part.find(|c: char| c.is_ascii_digit()));
                part[..end.unwrap_or(part.len())].to_owned()
            };
            parts.map(|part| short(&part.to_string_lossy())).collect::<Vec<_>>().join("/")
        };
        let kinds: Vec<String> = self.arguments.iter().map(kind).collect();
        format!("{} {}", self.name, kinds.join(" "))
    }
}

/// How a run ended.
pub(super) struct Ended {
    /// Its exit code; 137 if it was killed.
    pub(super) code: i32,
    /// What it complained of.
    pub(super) said: String,
    /// Its calls, up to the end.
    pub(super) calls: Vec<Call>,
}

/// Stands at the calls of a run.
pub(super) struct Driver {
    folder: tempfile::TempDir,
}

impl Driver {
    pub(super) fn new() -> Driver {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/hard_nights/syscalls.c");
        let mut command = Command::new("cc");
        command
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(folder.path().join("syscalls"))
            .arg(source);
        let output = command.output().expect("a C compiler (gcc) starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Driver { folder }
    }

    /// Where the bytes are that the call of this number, counted from 0, synced; if it synced a file.
    pub(super) fn synced(&self, call: usize) -> PathBuf {
        self.folder.path().join("synced").join((call + 1).to_string())
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// The command, and the driver before it.
    pub(super) fn command(&self, inner: &Command, what: What) -> Command {
        let (what, at, names) = match what {
            What::Watched => ("watch".to_owned(), 0, ALL),
            What::Killed(at, names) => ("kill".to_owned(), at, names),
            What::Fails(at, error, names) => (format!("fail={error}"), at, names),
            What::Full(at, names) => (format!("full={ENOSPC}"), at, names),
        };
        let synced = self.folder.path().join("synced");
        let _ = fs::remove_dir_all(&synced);
        fs::create_dir(&synced).unwrap();
        let mut command = Command::new(self.folder.path().join("syscalls"));
        command.arg(self.journal()).arg(synced).args([&what, &at.to_string(), names]);
        command.arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(inner.get_current_dir().unwrap());
        command.stdin(std::process::Stdio::null());
        command
    }

    /// The calls of the last run.
    pub(super) fn calls(&self) -> Vec<Call> {
        let journal = fs::read_to_string(self.journal()).unwrap();
        let call = |(at, line): (usize, &str)| {
            let mut words = line.split('\t').map(str::to_owned);
            assert_eq!(words.next(), Some((at + 1).to_string()), "{journal}");
            Call { name: words.next().unwrap(), arguments: words.collect() }
        };
        journal.lines().enumerate().map(call).collect()
    }

    /// Runs a command.
    pub(super) fn runs(&self, inner: &Command, what: What) -> Ended {
        let output = self.command(inner, what).output().expect("the driver starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code().expect("the driver lives");
        assert!(code != 125 && code != 127, "{said}");
        Ended { code, said, calls: self.calls() }
    }

    /// `attestar -C shop backup`.
    pub(super) fn backup(&self, world: &World, what: What) -> Ended {
        self.runs(&attestar(world, &["backup"]), what)
    }
}
