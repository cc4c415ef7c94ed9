//! Runs programs that a policy names, and the tools of databases: the one place of the library that starts programs.
//!
//! It gets nothing but what it is given: no input, and a clean environment. It is the leader of a process group, and
//! whatever of that is left when it ends, or when its time is over, is ended too. What moves itself into another session
//! (a daemon) leaves that group; its output is not waited for.

mod group;
pub mod piped;
#[cfg(test)]
mod testing;

use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use group::Group;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use std::ffi::OsString;
use std::io::{self, ErrorKind, PipeReader, Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether there is output, or an end.
const PAUSE: Duration = Duration::from_millis(10);

/// How long a program has to end by itself once it was asked to, and how long its last output is waited for.
const GRACE: Duration = Duration::from_secs(2);

/// What to run.
pub struct Program<'a> {
    /// Where.
    pub folder: &'a Path,
    /// The program and its arguments; with a `/` in it the program is a file beneath the folder.
    pub words: &'a [String],
    /// The whole environment.
    pub variables: &'a [(OsString, OsString)],
    /// How long it may take.
    pub time_limit: Duration,
    /// How much of its output is kept of the beginning, and as much of the end, in bytes; what is between them is read
    /// and dropped.
    pub output_bytes_max: usize,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` if it has none.
    pub code: Option<i32>,
    /// Why it has none: a signal, or the time limit.
    pub why: Option<String>,
    /// Whether it was ended because its time was over.
    pub is_late: bool,
    /// The beginning of what it printed, on both streams.
    pub output: Vec<u8>,
    /// How many bytes it printed after that which are not kept.
    pub dropped: u64,
    /// The end of what it printed; empty if the beginning is all.
    pub tail: Vec<u8>,
}

impl Program<'_> {
    /// Runs it to its end. That it cannot be started is an error; that it fails is none.
    pub fn run(&self, watch: &Watch) -> Result<Ended> {
        self.run_from(Stdio::null(), watch)
    }

    /// The same with these bytes as its input. They lie in a file without a name, so that a program which does not read them
    /// keeps nobody waiting.
    pub fn run_on(&self, input: &[u8], watch: &Watch) -> Result<Ended> {
        let file = tempfile::tempfile().and_then(|mut file| {
            file.write_all(input)?;
            file.rewind()?;
            Ok(file)
        });
        let file =
            file.map_err(Error::io("write the input of", self.words.first().map_or("", String::as_str)))?;
        self.run_from(Stdio::from(file), watch)
    }

    fn run_from(&self, input: Stdio, watch: &Watch) -> Result<Ended> {
        let (path, arguments) = self.resolve()?;
        let io = |error: io::Error| Error::io("start", &path)(error);
        let (reader, writer) = io::pipe().map_err(io)?;
        let flags = fcntl_getfl(&reader).map_err(|errno| io(errno.into()))?;
        fcntl_setfl(&reader, flags | OFlags::NONBLOCK).map_err(|errno| io(errno.into()))?;
        let mut command = self.command(&path, arguments);
        command.stdin(input).stdout(writer.try_clone().map_err(io)?).stderr(writer);
        let group = Group::start(&mut command).map_err(io)?;
        // Its ends of the pipe are open in the program alone.
        drop(command);
        Running { group, output: Output::new(reader, self.output_bytes_max) }.finish(self.time_limit, watch)
    }

    /// What is started, with nothing but what it is given.
    fn command(&self, path: &Path, arguments: &[String]) -> Command {
        let mut command = Command::new(path);
        command.args(arguments).current_dir(self.folder).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program's file, and its arguments.
    fn resolve(&self) -> Result<(PathBuf, &[String])> {
        let Some((name, arguments)) = self.words.split_first() else {
            return Err(Error::input("no program is named", ""));
        };
        let folder = std::fs::canonicalize(self.folder).map_err(Error::io("open", self.folder))?;
        Ok((if name.contains('/') { folder.join(name) } else { name.into() }, arguments))
    }
}

/// A program that runs.
struct Running {
    group: Group,
    output: Output,
}

impl Running {
    fn finish(mut self, time_limit: Duration, watch: &Watch) -> Result<Ended> {
        let started = Instant::now();
        let is_over = loop {
            self.output.read();
            if self.group.has_ended() {
                break false;
            }
            watch.check()?;
            if started.elapsed() >= time_limit {
                break true;
            }
            std::thread::sleep(PAUSE);
        };
        if is_over {
            self.group.signal(Signal::TERM);
            self.wait_a_while();
        }
        let status = self.group.end().map_err(Error::io("wait for", "the program"))?;
        self.output.read_the_rest();
        let why = if is_over {
            Some("it did not end within the time limit".to_owned())
        } else {
            status.signal().map(|signal| format!("ended by signal {signal}"))
        };
        let code = status.code().filter(|_| !is_over);
        let Output { kept, tail, dropped, .. } = self.output.finish();
        let (output, tail, dropped) = (std::mem::take(kept), std::mem::take(tail), *dropped);
        Ok(Ended { code, why, is_late: is_over, output, dropped, tail })
    }

    fn wait_a_while(&mut self) {
        let asked = Instant::now();
        while !self.group.has_ended() && asked.elapsed() < GRACE {
            self.output.read();
            std::thread::sleep(PAUSE);
        }
    }
}

/// What is printed: its beginning and its end, each up to a limit.
struct Output {
    reader: PipeReader,
    kept: Vec<u8>,
    /// What came last: up to twice the limit, so that it is not moved at each reading.
    tail: Vec<u8>,
    most: usize,
    dropped: u64,
    buffer: Vec<u8>,
}

impl Output {
    fn new(reader: PipeReader, most: usize) -> Output {
        let (kept, tail) = (Vec::new(), Vec::new());
        Output { reader, kept, tail, most, dropped: 0, buffer: vec![0; 64 * 1024] }
    }

    /// Takes what is there; whether that was the end of it. Not more than some rounds, so that a program that prints
    /// without end does not keep its own limit from being looked at.
    fn read(&mut self) -> bool {
        for _ in 0..64 {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return true,
                Ok(count) => {
                    let free = self.most.saturating_sub(self.kept.len()).min(count);
                    self.kept.extend_from_slice(self.buffer.get(..free).unwrap_or_default());
                    self.tail.extend_from_slice(self.buffer.get(free..count).unwrap_or_default());
                    if self.tail.len() > 2 * self.most {
                        self.cut();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// Drops what is before the end of the tail.
    fn cut(&mut self) {
        let before = self.tail.len().saturating_sub(self.most);
        self.tail.drain(..before);
        self.dropped += before as u64;
    }

    fn finish(&mut self) -> &mut Output {
        self.cut();
        self
    }

    /// Everybody who could print has ended, but for what left the group.
    fn read_the_rest(&mut self) {
        let ended = Instant::now();
        while !self.read() && ended.elapsed() < GRACE {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Pipe;
    use super::*;

    fn run(script: &str, variables: &[(&str, &str)], limit: Duration) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let words = ["sh", "-c", script].map(str::to_owned);
        let variables: Vec<(OsString, OsString)> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let program = Program {
            folder: folder.path(),
            words: &words,
            variables: &variables,
            time_limit: limit,
            output_bytes_max: 1000,
        };
        program.run(&Watch::default()).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn exit_codes_and_both_streams_are_kept() {
        let ended = run("echo out; echo err >&2; exit 3", &[], LONG);
        assert_eq!((ended.code, ended.why, ended.dropped), (Some(3), None, 0));
        assert_eq!(String::from_utf8(ended.output).unwrap(), "out\nerr\n");
        let ended = run("kill -9 $$", &[], LONG);
        assert_eq!((ended.code, ended.why.as_deref()), (None, Some("ended by signal 9")));
    }

    #[test]
    fn the_environment_is_what_is_given_and_there_is_no_input() {
        let ended = run("env; cat; pwd -P", &[("ONE", "1"), ("PATH", "/usr/bin:/bin")], LONG);
        let output = String::from_utf8(ended.output).unwrap();
        let names: Vec<&str> =
            output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        // A shell sets some of its own.
        assert!(names.contains(&"ONE") && !names.contains(&"CARGO_MANIFEST_DIR"), "{output}");
        assert!(
            names.iter().all(|name| ["ONE", "PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains(name)),
            "{output}"
        );
    }

    #[test]
    fn binary_output_without_end_is_counted() {
        let ended = run("head -c 100000 /dev/zero; printf '\\377'", &[("PATH", "/usr/bin:/bin")], LONG);
        assert_eq!((ended.code, ended.output.len(), ended.dropped), (Some(0), 1000, 98_001));
        assert_eq!((ended.tail.len(), ended.tail.last()), (1000, Some(&0xff)), "the end is kept as well");
        let ended = run("head -c 1500 /dev/zero", &[("PATH", "/usr/bin:/bin")], LONG);
        assert_eq!((ended.output.len(), ended.dropped, ended.tail.len()), (1000, 0, 500));
    }

    #[test]
    fn what_hangs_is_ended_with_everything_that_it_started() {
        let started = Instant::now();
        let pipe = Pipe::new();
        let script = format!("trap '' TERM; {} sleep 600 & echo begun; sleep 600", pipe.held());
        // All but the sleep takes no time beside that.
        let ended = run(&script, &[("PATH", "/usr/bin:/bin")], Duration::from_secs(4));
        assert_eq!((ended.code, ended.why.as_deref()), (None, Some("it did not end within the time limit")));
        assert_eq!(ended.output, b"begun\n");
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        pipe.is_let_go();
    }

    #[test]
    fn what_it_leaves_behind_is_ended() {
        let (started, pipe) = (Instant::now(), Pipe::new());
        let script = format!("{} sleep 600 & echo done", pipe.held());
        let ended = run(&script, &[("PATH", "/usr/bin:/bin")], LONG);
        assert_eq!((ended.code, ended.output.as_slice()), (Some(0), b"done\n".as_slice()));
        assert!(started.elapsed() < LONG, "it was waited for: {:?}", started.elapsed());
        pipe.is_let_go();
    }

    #[test]
    fn what_is_not_there_is_an_error_and_an_interruption_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = |words: &'static [&'static str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let watch = Watch::default();
            watch.interrupt();
            Program {
                folder: folder.path(),
                words: &words,
                variables: &[],
                time_limit: LONG,
                output_bytes_max: 10,
            }
            .run(&watch)
        };
        assert!(matches!(program(&["scripts/none.sh"]), Err(Error::Io { action: "start", .. })));
        assert!(matches!(program(&["sleep", "100"]), Err(Error::Interrupted)));
    }
}
