//! A program that is talked with: what it prints is read as it comes, and it may be told things meanwhile.

use crate::pipeline::program::Program;
use crate::pipeline::program::group::Group;
use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io::{self, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// How often it is looked whether to stop.
const PAUSE: Duration = Duration::from_millis(50);

/// How much of what it complains of is kept: the end of it, in bytes.
const COMPLAINT_BYTES_MAX: usize = 4096;

/// How long is waited for the end of what it complains of; its children may never come to one.
const COMPLAINT_TIME: Duration = Duration::from_secs(5);

/// A program that runs. Dropped, it is ended with everything that it started.
pub struct Piped {
    name: String,
    group: Group,
    stdin: Option<ChildStdin>,
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// What was received and not read yet.
    chunk: Vec<u8>,
    at: usize,
    complaints: Complaints,
    over: Instant,
    limit: Duration,
    watch: Watch,
}

impl Piped {
    /// Starts a program. Its input stays open until it is waited for.
    pub fn start(program: &Program<'_>, watch: &Watch) -> Result<Piped> {
        let (path, arguments) = program.resolve()?;
        let io = |error: io::Error| Error::io("start", &path)(error);
        let mut command = program.command(&path, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::start(&mut command).map_err(io)?;
        let (stdin, stdout) = (group.leader.stdin.take(), group.leader.stdout.take());
        let stderr = group.leader.stderr.take();
        let (send, chunks) = bounded(2);
        std::thread::spawn(move || stdout.into_iter().for_each(|stdout| forward(stdout, &send)));
        Ok(Piped {
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            group,
            stdin,
            chunks,
            chunk: Vec::new(),
            at: 0,
            complaints: Complaints::of(stderr),
            over: Instant::now() + program.time_limit,
            limit: program.time_limit,
            watch: watch.clone(),
        })
    }

    /// Called so in what is told of it: it was started by another program.
    pub fn called(self, name: &str) -> Piped {
        Piped { name: name.to_owned(), ..self }
    }

    /// Tells it something.
    pub fn say(&mut self, text: &str) -> Result<()> {
        let Some(stdin) = &mut self.stdin else { return Err(self.failure("its input is closed")) };
        // One that has ended does not listen; why it has ended is what matters.
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).or_else(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                Ok(())
            } else {
                Err(Error::io("tell", &self.name)(error))
            }
        })
    }

    /// Closes its input: it is told nothing more.
    pub fn say_no_more(&mut self) {
        self.stdin = None;
    }

    /// The next line that it prints, without its end; `None` after the last.
    pub fn line(&mut self) -> Result<Option<String>> {
        self.line_within(usize::MAX)
    }

    /// The same, and an error where the line has more bytes than that.
    pub fn line_within(&mut self, bytes_max: usize) -> Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            if self.at == self.chunk.len() && !self.receive()? {
                return Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()));
            }
            let rest = self.chunk.get(self.at..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest);
            let more = end.unwrap_or(rest.len());
            if line.len() + more > bytes_max {
                return Err(Error::input(format!("{}: it answers more than is read", self.name), ""));
            }
            line.extend_from_slice(&rest[..more]);
            self.at += more;
            if end.is_some() {
                self.at += 1;
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
        }
    }

    /// Closes its input, drops what it still prints, waits for it, and ends what it left running. Any other end than exit
    /// code 0 is an error with what it complained of.
    pub fn finish(mut self) -> Result<()> {
        self.stdin = None;
        while !self.group.has_ended() {
            self.go_on()?;
            // What it started may hold its output open for longer than it lives.
            if let Err(RecvTimeoutError::Disconnected) = self.chunks.recv_timeout(PAUSE) {
                self.watch.pause(PAUSE)?;
            }
        }
        let status = self.group.end().map_err(Error::io("wait for", &self.name))?;
        if status.success() { Ok(()) } else { Err(self.failure(&status.to_string())) }
    }

    /// Reads nothing more of what it prints, and waits for it: it may end by that, and how it ends is nothing to go by.
    pub fn cut_off(mut self) -> Result<()> {
        self.stdin = None;
        self.chunks = crossbeam_channel::never();
        while !self.group.has_ended() {
            self.go_on()?;
            self.watch.pause(PAUSE)?;
        }
        self.group.end().map(|_| ()).map_err(Error::io("wait for", &self.name))
    }

    /// Whether it has ended; what it printed may still be there.
    pub fn has_ended(&self) -> bool {
        self.group.has_ended()
    }

    /// Why it is given up, with the end of what it complained of.
    pub fn failure(&mut self, why: &str) -> Error {
        let complaint = self.complaints.text();
        let complaint = complaint.trim();
        let message = if complaint.is_empty() {
            format!("{}: {why}", self.name)
        } else {
            format!(
                "{}: {}",
                self.name,
                complaint.strip_prefix(&format!("{}: ", self.name)).unwrap_or(complaint)
            )
        };
        Error::input(message, "")
    }

    /// Waits for more of what it prints; `false` after the last.
    fn receive(&mut self) -> Result<bool> {
        loop {
            // Also where it prints without a pause.
            self.go_on()?;
            match self.chunks.recv_timeout(PAUSE) {
                Ok(Ok(chunk)) => {
                    (self.chunk, self.at) = (chunk, 0);
                    return Ok(true);
                }
                Ok(Err(error)) => return Err(Error::io("read from", &self.name)(error)),
                Err(RecvTimeoutError::Disconnected) => {
                    (self.chunk, self.at) = (Vec::new(), 0);
                    return Ok(false);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn go_on(&mut self) -> Result<()> {
        self.watch.check()?;
        if Instant::now() > self.over {
            let seconds = self.limit.as_secs();
            return Err(Error::Late(format!("{}: it did not end within {seconds} s", self.name)));
        }
        Ok(())
    }
}

/// The end of what a program says on its standard error; the rest is kept nowhere.
struct Complaints {
    tail: Arc<Mutex<Vec<u8>>>,
    /// Nothing is ever sent: it is closed when there is no more.
    over: Receiver<()>,
}

impl Complaints {
    fn of(stderr: Option<ChildStderr>) -> Complaints {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (open, over) = bounded(0);
        let kept = Arc::clone(&tail);
        std::thread::spawn(move || {
            stderr.into_iter().for_each(|stderr| keep(stderr, &kept));
            drop(open);
        });
        Complaints { tail, over }
    }

    fn text(&self) -> String {
        let _ = self.over.recv_timeout(COMPLAINT_TIME);
        let tail = self.tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        String::from_utf8_lossy(&tail).into_owned()
    }
}

fn keep(mut stderr: ChildStderr, tail: &Mutex<Vec<u8>>) {
    let mut chunk = [0; COMPLAINT_BYTES_MAX];
    loop {
        match stderr.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                let mut tail = tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                tail.extend_from_slice(&chunk[..count]);
                let past = tail.len().saturating_sub(COMPLAINT_BYTES_MAX);
                tail.drain(..past);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

impl Read for Piped {
    /// What it prints. An interruption and the end of its time are errors of kind `Other`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.receive().map_err(io::Error::other)? {
            return Ok(0);
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

fn forward(mut stdout: ChildStdout, send: &Sender<io::Result<Vec<u8>>>) {
    loop {
        // What is there goes on at once; a whole chunk is not waited for.
        let mut chunk = vec![0; CHUNK_BYTES];
        match stdout.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                if send.send(Ok(chunk)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let _ = send.send(Err(error));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::program::testing::Pipe;
    use std::ffi::OsString;
    use std::path::Path;

    fn start(script: &str, limit: Duration, watch: &Watch) -> Piped {
        let words = ["sh", "-c", script].map(str::to_owned);
        let variables = [(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))];
        let program = Program {
            folder: Path::new("/"),
            words: &words,
            variables: &variables,
            time_limit: limit,
            output_bytes_max: 0,
        };
        Piped::start(&program, watch).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_is_told_things_and_answers() {
        let mut cat = start("cat; echo over", LONG, &Watch::default());
        cat.say("one\ntwo\n").unwrap();
        assert_eq!(cat.line().unwrap().as_deref(), Some("one"));
        cat.say("three\n").unwrap();
        assert_eq!(cat.line().unwrap().as_deref(), Some("two"));
        assert_eq!(cat.line().unwrap().as_deref(), Some("three"));
        cat.finish().unwrap();
    }

    #[test]
    fn a_line_is_read_as_far_as_is_asked() {
        let mut endless = start("echo four; tr '\\0' x < /dev/zero", LONG, &Watch::default());
        assert_eq!(endless.line_within(4).unwrap().as_deref(), Some("four"));
        let error = endless.line_within(1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "sh: it answers more than is read");
        // Not one byte more, though its end is there already.
        let mut short = start("echo four", LONG, &Watch::default());
        assert!(short.line_within(3).is_err());
    }

    #[test]
    fn what_is_not_read_any_more_ends_and_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let over = folder.path().join("over");
        let mut endless = start(&format!("yes; touch {}", over.display()), LONG, &Watch::default());
        endless.line().unwrap();
        let started = Instant::now();
        endless.cut_off().unwrap();
        assert!(over.exists() && started.elapsed() < Duration::from_secs(20));
        // One that prints nothing notices nothing.
        let error = start("sleep 100", Duration::from_millis(200), &Watch::default()).cut_off().unwrap_err();
        assert!(matches!(error, Error::Late(_)));
    }

    #[test]
    fn much_is_read_whole_and_in_order() {
        let mut many = start(
            "i=0; while [ $i -lt 40 ]; do head -c 100000 /dev/zero; printf x; i=$((i+1)); done",
            LONG,
            &Watch::default(),
        );
        let mut bytes = Vec::new();
        many.read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.len(), bytes.iter().filter(|&&b| b == b'x').count()), (4_000_040, 40));
        many.finish().unwrap();
    }

    #[test]
    fn a_bad_end_is_told_with_its_complaint() {
        let error = start("echo out; echo 'sh: no such table' >&2; exit 3", LONG, &Watch::default())
            .finish()
            .unwrap_err();
        assert_eq!(error.to_string(), "sh: no such table");
        let error = start("kill -9 $$", LONG, &Watch::default()).finish().unwrap_err();
        assert!(error.to_string().contains("signal: 9"), "{error}");
    }

    #[test]
    fn complaints_without_an_end_take_no_room() {
        let mut told = start("readlink /proc/self/fd/2", LONG, &Watch::default());
        assert!(told.line().unwrap().unwrap().starts_with("pipe:"), "not a file that grows");
        let error = start(
            "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo ' the end' >&2; exit 1",
            LONG,
            &Watch::default(),
        );
        let said = error.finish().unwrap_err().to_string();
        assert!(said.ends_with("x the end") && said.len() < 5000, "{} bytes", said.len());
    }

    #[test]
    fn what_it_leaves_running_is_ended_and_not_waited_for() {
        let (started, pipe) = (Instant::now(), Pipe::new());
        let script = format!("{} sleep 600 & echo out", pipe.held());
        start(&script, LONG, &Watch::default()).finish().unwrap();
        assert!(started.elapsed() < LONG, "it was waited for: {:?}", started.elapsed());
        pipe.is_let_go();
    }

    #[test]
    fn one_that_hangs_ends_with_its_time_or_with_the_run() {
        let started = Instant::now();
        let error = start("sleep 100", Duration::from_millis(200), &Watch::default()).finish().unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        let watch = Watch::default();
        let mut endless = start("yes", LONG, &watch);
        endless.line().unwrap();
        watch.interrupt();
        assert!(matches!(endless.finish(), Err(Error::Interrupted)));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
