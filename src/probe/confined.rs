//! Programs of probes, shut off: no network, nothing outside of their own folder that they could change, and nothing of what
//! they need not see. What they tried to write elsewhere is told.
//!
//! It is done by namespaces and layers of the kernel, which util-linux' `unshare`, `mount` and `setpriv` ask for; a script
//! does it ([confined.sh](confined.sh)). Where the system does not allow it, programs run within the limits alone, and the report
//! says so.

mod sockets;
mod trial;

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::pipeline::program::{Ended, Program};
use crate::pipeline::watch::Watch;
use crate::probe::deadline::Deadline;
use crate::probe::ledger::Ledger;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What shuts a program off.
const SCRIPT: &str = concat!(include_str!("limits.sh"), include_str!("confined.sh"));

/// What limits it all the same where that is not possible.
const UNCONFINED: &str = concat!(include_str!("limits.sh"), include_str!("unconfined.sh"));

/// How much of a program's output is kept of its beginning, and as much of its end, in bytes.
pub const OUTPUT_BYTES: usize = 4096;

/// How far this system shuts programs off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Everything: what is written outside lands in a layer, is dropped, and told.
    Layered,
    /// Without root: what is written outside is refused to the program.
    ReadOnly,
    /// Nothing.
    None,
}

/// What a program may reach beyond itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Nothing,
    /// A server by this socket; no network.
    Socket(PathBuf),
    /// The network of this host.
    Network,
}

/// A program, and what it gets.
pub struct Confined<'a> {
    /// How far it is shut off.
    pub confinement: Confinement,
    /// Its own folder: what it writes there stays.
    pub work: PathBuf,
    /// Where it runs.
    pub here: PathBuf,
    /// A folder for what this notes: in it, one for each run.
    pub note: PathBuf,
    /// What it does not see.
    pub hidden: &'a [PathBuf],
    /// Folders that it reads even where others of their kind are empty for it.
    pub shown: Vec<PathBuf>,
    /// What it reaches beyond itself.
    pub reach: Reach,
    /// User and group that it runs as.
    pub ids: Option<(u32, u32)>,
    /// Bytes of memory of its own for each process; `None`: as much as there is.
    pub memory: Option<u64>,
    /// Bytes of the largest file that it may write; `None`: as large as it likes.
    pub file_bytes: Option<u64>,
    /// Its whole environment.
    pub variables: Vec<(OsString, OsString)>,
    /// When it has to be through.
    pub deadline: Deadline,
    /// How much of its output is kept of its beginning, and as much of its end, in bytes.
    pub output_bytes_max: usize,
}

impl Confinement {
    /// Whether a program has no network and changes nothing outside.
    pub fn is_whole(self) -> bool {
        self != Confinement::None
    }
}

/// A path as an argument of the scripts.
fn text(path: &Path) -> Result<String> {
    let refused = || Error::input(format!("{} is not UTF-8", path.display()), "choose another scratch");
    path.to_str().map(str::to_owned).ok_or_else(refused)
}

/// An error where no folder of `PATH` has this program: what is started shut off could not say so in words of its own.
pub fn is_there(program: &str, environment: &dyn Fn(&str) -> Option<OsString>, hint: &str) -> Result<()> {
    let path = environment("PATH").unwrap_or_default();
    let path = path.to_string_lossy();
    let is_here = |folder: &str| Path::new(folder).join(program).is_file();
    if path.is_empty() || program.contains('/') || path.split(':').any(is_here) {
        return Ok(());
    }
    Err(Error::input(format!("{program} is not there: no folder of PATH has it"), hint))
}

/// What every program gets: where programs are, a folder for what it likes, one language and time zone.
pub fn variables(environment: &dyn Fn(&str) -> Option<OsString>, work: &Path) -> Vec<(OsString, OsString)> {
    let path = environment("PATH").map(|path| ("PATH".into(), path));
    let own = ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];
    let own = own.iter().map(|name| ((*name).into(), work.into()));
    let fixed = [("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("PYTHONDONTWRITEBYTECODE", "1")];
    let fixed = fixed.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    path.into_iter().chain(own).chain(fixed).collect()
}

impl Confined<'_> {
    /// The words that start a program shut off.
    pub fn words(&self, program: &[String]) -> Result<Vec<String>> {
        let note = self.new_run()?;
        let mapped = match self.confinement {
            Confinement::None => return Ok(self.limited(program)),
            Confinement::Layered => false,
            Confinement::ReadOnly => true,
        };
        // A layer lets nobody through to a socket beneath it; without one they are covered.
        let sockets = if mapped { sockets::of_this_host()? } else { Vec::new() };
        let hidden = note.join("hidden");
        let covered = self.hidden.iter().chain(&sockets).map(|path| sockets::line(path));
        fs::write(&hidden, covered.collect::<String>()).map_err(Error::io("write", &hidden))?;
        let mut words = vec!["unshare"];
        if mapped {
            words.push("--map-root-user");
        }
        if self.reach != Reach::Network {
            words.push("--net");
        }
        words.extend(["--mount", "--pid", "--ipc", "--fork", "--kill-child", "--", "sh", "-c", SCRIPT, "sh"]);
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        words.extend([text(&note)?, text(&self.work)?, text(&self.here)?]);
        words.push(self.shown.iter().map(|path| text(path)).collect::<Result<Vec<_>>>()?.join("\n"));
        words.extend(self.limits());
        words.push(u8::from(mapped).to_string());
        words.push(match &self.reach {
            Reach::Socket(path) => text(&path.canonicalize().map_err(Error::io("open", path))?)?,
            _ => String::new(),
        });
        words.extend(program.iter().cloned());
        Ok(words)
    }

    /// The words that start a program within its limits alone.
    fn limited(&self, program: &[String]) -> Vec<String> {
        let words = ["sh", "-c", UNCONFINED, "sh"].map(str::to_owned);
        words.into_iter().chain(self.limits()).chain(program.iter().cloned()).collect()
    }

    /// Whom it runs as, and KiB of memory and of a file, as the scripts take them.
    fn limits(&self) -> [String; 3] {
        let kib = |bytes: Option<u64>| bytes.map_or(0, |bytes| bytes.div_ceil(1024)).to_string();
        let ids = self.ids.map_or_else(String::new, |(user, group)| format!("{user}:{group}"));
        [ids, kib(self.memory), kib(self.file_bytes)]
    }

    /// Runs a program to its end; one whose time is over before that is an error.
    pub fn run(&self, program: &[String], watch: &Watch) -> Result<Ended> {
        self.run_called(program.first().map_or("", String::as_str), program, watch)
    }

    /// The same of a program that a shell starts, by its own name.
    pub fn run_called(&self, name: &str, program: &[String], watch: &Watch) -> Result<Ended> {
        let words = self.words(program)?;
        let here = if self.confinement == Confinement::None { &self.here } else { Path::new("/") };
        let program = Program {
            folder: here,
            words: &words,
            variables: &self.variables,
            time_limit: self.deadline.left(),
            output_bytes_max: self.output_bytes_max,
        };
        let ended = program.run(watch)?;
        if ended.is_late { Err(self.deadline.late(name)) } else { Ok(ended) }
    }

    /// A new folder for the notes of a run: what another run wrote outside stays told.
    fn new_run(&self) -> Result<PathBuf> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.note);
        made.map_err(Error::io("create", &self.note))?;
        let run = self.note.join(format!("run-{}", self.runs()?.len()));
        fs::create_dir(&run).map_err(Error::io("create", &run))?;
        Ok(run)
    }

    /// The folders of all runs so far.
    fn runs(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.note) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io("read", &self.note))?,
        };
        entries.map(|entry| Ok(entry.map_err(Error::io("read", &self.note))?.path())).collect()
    }

    /// Whether it came so far that the program was started, each time.
    pub fn is_ready(&self) -> bool {
        let all = |runs: Vec<PathBuf>| !runs.is_empty() && runs.iter().all(|run| run.join("ready").exists());
        self.confinement == Confinement::None || self.runs().is_ok_and(all)
    }

    /// Writes down what the program did elsewhere, and how far it was shut off, after all that it was asked came to `asked`;
    /// gives that, or what went wrong here.
    pub fn told<T>(&self, id: &str, asked: Result<T>, ledger: &mut Ledger) -> Result<T> {
        // One that was ended leaves no list, and its end is told already.
        let was_ended = asked.as_ref().is_err_and(Error::is_last);
        // Of one that was not even tried there is nothing to tell.
        let ran = asked.is_ok() || self.runs().map_or(true, |runs| !runs.is_empty());
        let told = if ran { self.tell(id, was_ended, ledger) } else { Ok(()) };
        let asked = asked?;
        told.map(|()| asked)
    }

    fn tell(&self, id: &str, was_ended: bool, ledger: &mut Ledger) -> Result<()> {
        let expected = "nothing is written outside";
        if self.confinement.is_whole() && self.reach == Reach::Network {
            ledger.skipped(
                "network",
                "pg_restore had all of this host's, since that database answers by it alone",
            );
        }
        match self.confinement {
            Confinement::None => {
                let finding = Finding::new(Code::NotConfined, id).actual(
                    "this system allows neither namespaces nor layers: the program could use the network and write anywhere",
                );
                ledger.findings.push(finding);
                ledger.skipped("outside", "this system does not allow to watch it");
            }
            Confinement::ReadOnly if self.is_ready() => {
                ledger.passed("outside", expected, "it was read only")
            }
            Confinement::ReadOnly => ledger.skipped("outside", "a program was not started"),
            Confinement::Layered => self.listed(id, was_ended, expected, ledger)?,
        }
        Ok(())
    }

    /// Writes down what all runs left in their layers. A run that left no list may have written anything.
    fn listed(&self, id: &str, was_ended: bool, expected: &str, ledger: &mut Ledger) -> Result<()> {
        let runs = self.runs()?;
        let mut paths = BTreeSet::new();
        let mut unlisted = 0;
        for list in runs.iter().map(|run| run.join("outside")) {
            match fs::read(&list) {
                Ok(bytes) => paths.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
                Err(error) if error.kind() == ErrorKind::NotFound => unlisted += 1,
                Err(error) => return Err(Error::io("read", &list)(error)),
            }
        }
        for path in &paths {
            let finding = Finding::new(Code::WroteOutside, path).expected(expected);
            ledger.failed("outside", finding.actual(format!("{id} wrote there; it was dropped")));
        }
        if was_ended && unlisted > 0 {
            ledger.skipped("outside", "it was ended before it could be listed what it wrote");
        } else if unlisted > 0 || runs.is_empty() {
            let finding = Finding::new(Code::ProbeFailed, id).expected("a list of what was written outside");
            let actual =
                format!("{unlisted} of {} runs left none: ended before, or no room for it", runs.len());
            ledger.failed("outside", finding.actual(actual));
        } else if paths.is_empty() {
            ledger.passed("outside", expected, "nothing was");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::drill_report::Ended as CheckEnded;

    /// Lists of runs, by what is told of them: findings, and whether the check passed.
    fn told(lists: &[Option<&str>]) -> (Vec<String>, usize) {
        let (findings, passed, _) = told_of(Confinement::Layered, lists, "outside", Ok(()));
        (findings, passed)
    }

    /// The same of runs that left this file, after all that was asked came to `asked`; and how many checks were skipped.
    fn told_of(
        confinement: Confinement,
        lists: &[Option<&str>],
        name: &str,
        asked: Result<()>,
    ) -> (Vec<String>, usize, usize) {
        let folder = tempfile::tempdir().unwrap();
        let confined = Confined {
            confinement,
            work: folder.path().to_owned(),
            here: folder.path().to_owned(),
            note: folder.path().join("note"),
            hidden: &[],
            shown: Vec::new(),
            reach: Reach::Nothing,
            ids: None,
            memory: None,
            file_bytes: None,
            variables: Vec::new(),
            deadline: Deadline::after(std::time::Duration::from_secs(20)),
            output_bytes_max: OUTPUT_BYTES,
        };
        for list in lists {
            let run = confined.new_run().unwrap();
            list.iter().for_each(|list| fs::write(run.join(name), list).unwrap());
        }
        let mut ledger = Ledger::default();
        let _ = confined.told("probe", asked, &mut ledger);
        let findings = ledger.findings.iter().map(|finding| format!("{} {}", finding.code, finding.subject));
        let ended = |status| ledger.checks.iter().filter(|check| check.status == status).count();
        (findings.collect(), ended(CheckEnded::Passed), ended(CheckEnded::Skipped))
    }

    #[test]
    fn where_no_program_ran_nothing_is_told_of_it() {
        let failed = || Err(Error::input("there is no database", ""));
        for confinement in [Confinement::Layered, Confinement::ReadOnly, Confinement::None] {
            assert_eq!(told_of(confinement, &[], "ready", failed()), (Vec::new(), 0, 0), "{confinement:?}");
        }
        let read_only = |lists: &[Option<&str>]| told_of(Confinement::ReadOnly, lists, "ready", failed());
        assert_eq!(read_only(&[Some("")]), (Vec::new(), 1, 0));
        assert_eq!(read_only(&[Some(""), None]), (Vec::new(), 0, 1));
        let unwatched = told_of(Confinement::None, &[None], "ready", failed());
        assert_eq!(unwatched, (vec!["not-confined probe".to_owned()], 0, 1));
    }

    #[test]
    fn every_run_is_told_and_one_without_a_list_is_no_pass() {
        let wrote = |path: &str| format!("wrote-outside {path}");
        assert_eq!(told(&[Some(""), Some("")]), (Vec::new(), 1));
        assert_eq!(told(&[Some("/a\n"), Some("")]), (vec![wrote("/a")], 0));
        assert_eq!(told(&[Some("/a\n"), Some("/a\n/b\n")]), (vec![wrote("/a"), wrote("/b")], 0));
        let unknown = "probe-failed probe".to_owned();
        assert_eq!(told(&[Some("/a\n"), None]), (vec![wrote("/a"), unknown.clone()], 0));
        assert_eq!(told(&[None, Some("")]), (vec![unknown.clone()], 0));
        assert_eq!(told(&[]), (vec![unknown], 0));
    }
}
