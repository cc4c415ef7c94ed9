//! Evidence of gates from the tree that is to be sealed. Each file is read once, whoever asks.

mod git;
pub mod seen;

use crate::error::Result;
use crate::evidence::ddl;
use crate::evidence::gates::events::Reader;
use crate::evidence::gates::last::Last;
use crate::evidence::gates::tree::seen::{Reading, Seen, is_payload};
use crate::evidence::gates::{programs, signatures};
use crate::evidence::provenance::Origin;
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::format::units::size;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::gate::evidence::{Approval, DOCUMENT_BYTES_MAX, Event, LastRelease, Order, Ran, Searched};
use crate::policy::gate::secrets::search::Searcher;
use crate::policy::gate::{Document, Evidence, Git, PayloadFile};
use crate::tree::git::History;
use crate::tree::member::{LinkTo, MemberKind};
use crate::tree::scan::Scan;
use jiff::Timestamp;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A file that was asked for: its content, nothing if it is not there, or why it cannot be read.
type Asked = std::result::Result<Option<Arc<Document>>, String>;

/// Why a program is not started.
const NOT_NAMED: &str = "not run: programs are started only for a policy that was named with --policy";

/// What is judged.
pub struct Judging<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that says what belongs in the pack.
    pub policy: &'a Policy,
    /// What it takes of the tree.
    pub scan: &'a Scan,
    /// What git says.
    pub origin: &'a Origin,
    /// The name of the release's tag.
    pub tag: String,
    /// The history, or why there is none.
    pub history: &'a std::result::Result<History, String>,
    /// The last release, or why there is none.
    pub last: &'a std::result::Result<Last, String>,
    /// Worker threads.
    pub threads: usize,
}

/// The tree, as gates see it.
pub struct TreeEvidence<'a> {
    judging: Judging<'a>,
    root: Root,
    /// The environment for programs; `None` where none may be started.
    environment: Option<programs::Environment<'a>>,
    approvals: std::result::Result<Vec<Approval>, String>,
    /// Reads the store's log, the first time that a gate asks; and what it said.
    log: Option<(Reader<'a>, &'a str)>,
    events: OnceCell<std::result::Result<Vec<Event>, String>>,
    files: Vec<PackPath>,
    payload: Vec<PayloadFile>,
    /// Where the links of the payload end.
    links: BTreeMap<PackPath, PackPath>,
    git: std::result::Result<Git, String>,
    seen: RefCell<Seen>,
    asked: RefCell<BTreeMap<PackPath, Asked>>,
    ddl: OnceCell<std::result::Result<Arc<DdlPack>, String>>,
    watch: &'a Watch,
}

impl<'a> TreeEvidence<'a> {
    /// Of a scanned tree.
    pub fn new(judging: Judging<'a>, watch: &'a Watch) -> Result<TreeEvidence<'a>> {
        let scan = judging.scan;
        let members = || scan.members.iter().filter(|member| member.kind == MemberKind::File);
        let unmatched = scan.unmatched.iter().filter_map(|path| PackPath::new(path.as_bytes()).ok());
        let mut files: Vec<PackPath> = members().map(|member| member.path.clone()).chain(unmatched).collect();
        files.sort_unstable();
        let payload = scan.members.iter().filter(|member| is_payload(member)).filter_map(|member| {
            Some(PayloadFile { path: member.path.clone(), class: member.class?, size: member.size })
        });
        let payload: Vec<PayloadFile> = payload.collect();
        let links = scan.members.iter().filter_map(|member| match &member.kind {
            MemberKind::Link(link) => match &link.to {
                LinkTo::File(target) => Some((member.path.clone(), target.clone())),
                _ => None,
            },
            _ => None,
        });
        Ok(TreeEvidence {
            root: Root::open(judging.root)?,
            environment: None,
            approvals: Err("nothing is sealed yet".to_owned()),
            log: None,
            events: OnceCell::new(),
            files,
            links: links.collect(),
            git: git::said(&judging)?,
            seen: RefCell::new(Seen::nothing(payload.len(), false)),
            payload,
            asked: RefCell::default(),
            ddl: OnceCell::new(),
            judging,
            watch,
        })
    }

    /// The same, where programs of the policy may be started: the one who runs this has named it. They get what they
    /// name of this environment.
    pub fn with_programs(self, environment: Option<programs::Environment<'a>>) -> TreeEvidence<'a> {
        TreeEvidence { environment, ..self }
    }

    /// The same, of a release that was sealed: with the approvals over the seal, or why they cannot be told.
    pub fn with_approvals(self, approvals: std::result::Result<Vec<Approval>, String>) -> TreeEvidence<'a> {
        TreeEvidence { approvals, ..self }
    }

    /// The same, where the log of a store can tell what happened to a project.
    pub fn with_log(self, log: Reader<'a>, project: &'a str) -> TreeEvidence<'a> {
        TreeEvidence { log: Some((log, project)), ..self }
    }

    /// The same, for gates of which one will ask for credentials: then each file is searched when it is read for its
    /// digest.
    pub fn with_search(self, is_asked: bool) -> TreeEvidence<'a> {
        let seen = RefCell::new(Seen::nothing(self.payload.len(), is_asked));
        TreeEvidence { seen, ..self }
    }

    /// The same, of a payload that was read already.
    pub fn with_seen(self, seen: Seen) -> TreeEvidence<'a> {
        TreeEvidence { seen: RefCell::new(seen), ..self }
    }

    fn history(&self) -> Option<&History> {
        self.judging.history.as_ref().ok()
    }

    fn load(&self, path: &PackPath) -> Asked {
        let Some(bytes) = self.load_bytes(path, DOCUMENT_BYTES_MAX)? else { return Ok(None) };
        let sha256 = Sha256::of(&bytes);
        Ok(Some(Arc::new(Document { path: path.to_string(), bytes, sha256 })))
    }

    fn load_bytes(&self, path: &PackPath, most: u64) -> std::result::Result<Option<Vec<u8>>, String> {
        let (file, stat) = match self.root.open_file(path.as_str()) {
            Ok(opened) => opened,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if stat.st_size as u64 > most {
            return Err(format!(
                "{} is larger than a gate reads ({})",
                size(stat.st_size as u64),
                size(most)
            ));
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
        Ok(Some(bytes))
    }

    /// Reads what was not read yet, each file once.
    fn pass(&self, paths: &[&PackPath], with_search: bool) {
        let asked: BTreeSet<usize> = paths.iter().filter_map(|path| self.place(self.file_of(path))).collect();
        let reading = Reading {
            root: &self.root,
            payload: &self.payload,
            threads: self.judging.threads,
            watch: self.watch,
        };
        self.seen.borrow_mut().read(&reading, &asked, with_search);
    }

    /// Where in the payload a file stands.
    fn place(&self, path: &PackPath) -> Option<usize> {
        self.payload.binary_search_by(|file| file.path.cmp(path)).ok()
    }

    /// The file whose digest a path has: a link has that of where it ends.
    fn file_of<'p>(&'p self, path: &'p PackPath) -> &'p PackPath {
        self.links.get(path).unwrap_or(path)
    }
}

impl Evidence for TreeEvidence<'_> {
    fn files(&self) -> &[PackPath] {
        &self.files
    }

    fn payload(&self) -> &[PayloadFile] {
        &self.payload
    }

    fn read(&self, path: &PackPath) -> Asked {
        if let Some(known) = self.asked.borrow().get(path) {
            return known.clone();
        }
        let loaded = self.load(path);
        self.asked.borrow_mut().insert(path.clone(), loaded.clone());
        loaded
    }

    fn look(&self, path: &PackPath, see: &mut dyn FnMut(&[u8])) -> std::result::Result<bool, String> {
        if let Some(known) = self.asked.borrow().get(path) {
            return known.as_ref().map_err(Clone::clone).map(|known| {
                known.iter().for_each(|document| see(&document.bytes));
                known.is_some()
            });
        }
        let bytes = self.load_bytes(path, DOCUMENT_BYTES_MAX)?;
        bytes.iter().for_each(|bytes| see(bytes));
        Ok(bytes.is_some())
    }

    fn takes(&self, path: &str) -> bool {
        let policy = self.judging.policy;
        let Ok(path) = PackPath::new(path.as_bytes()) else { return false };
        policy.classify(&path).is_some_and(|(_, include)| policy.release_classes.contains(&include.class))
    }

    fn search(&self, path: &PackPath, searcher: &Searcher) -> std::result::Result<Searched, String> {
        self.pass(&[], true);
        let known = self.place(path).and_then(|at| self.seen.borrow().searched(at));
        match known {
            Some(known) => known,
            None => {
                let bytes = self.load_bytes(path, DOCUMENT_BYTES_MAX)?;
                Ok(bytes.map_or(Searched::Absent, |bytes| Searched::by(searcher, &bytes)))
            }
        }
    }

    fn will_ask(&self, paths: &[&PackPath]) {
        self.pass(paths, true);
    }

    fn digest(&self, path: &PackPath) -> std::result::Result<Sha256, String> {
        self.pass(&[path], false);
        let known = self.place(self.file_of(path)).and_then(|at| self.seen.borrow().digest(at));
        known.unwrap_or_else(|| Err(format!("{path} is not payload")))
    }

    fn signature(
        &self,
        artifact: &PackPath,
        signature: &[u8],
        keys: &[Arc<Document>],
    ) -> std::result::Result<String, String> {
        let bytes = self.load_bytes(artifact, signatures::ARTIFACT_BYTES_MAX)?;
        signatures::verify(&bytes.ok_or("the artifact is not there")?, signature, keys)
    }

    fn git(&self) -> std::result::Result<&Git, String> {
        self.git.as_ref().map_err(Clone::clone)
    }

    fn is_committed(&self, path: &PackPath) -> std::result::Result<bool, String> {
        self.judging.history.as_ref().map_err(Clone::clone)?.at_head(path.as_str())
    }

    fn committed_at(&self, path: &PackPath) -> std::result::Result<Option<Timestamp>, String> {
        let history = self.judging.history.as_ref().map_err(Clone::clone)?;
        let time = history.committed_at(path.as_str())?;
        time.map(|time| Timestamp::from_second(time).map_err(|error| error.to_string())).transpose()
    }

    fn last_release(&self) -> std::result::Result<&LastRelease, String> {
        self.judging.last.as_ref().map(|last| &last.release).map_err(Clone::clone)
    }

    fn before(&self, path: &PackPath) -> Asked {
        self.judging.last.as_ref().map_err(Clone::clone)?.read(path, self.history())
    }

    fn files_before(&self) -> std::result::Result<Vec<PackPath>, String> {
        self.judging.last.as_ref().map_err(Clone::clone)?.files(self.history())
    }

    fn ddl(&self) -> std::result::Result<Arc<DdlPack>, String> {
        let read = || {
            let Judging { policy, scan, .. } = &self.judging;
            let gathered = ddl::gather(&self.root, policy, &scan.members, self.watch);
            let gathered = gathered.map_err(|error| error.to_string())?;
            for (path, digest) in gathered.read {
                self.place(&path).into_iter().for_each(|at| self.seen.borrow_mut().note(at, digest));
            }
            Ok(Arc::new(gathered.pack.unwrap_or_default()))
        };
        self.ddl.get_or_init(read).clone()
    }

    fn ddl_before(&self) -> std::result::Result<Vec<(String, Sha256)>, String> {
        let last = self.judging.last.as_ref().map_err(Clone::clone)?;
        last.ddl(self.judging.policy, self.history())
    }

    fn approvals(&self) -> std::result::Result<&[Approval], String> {
        self.approvals.as_deref().map_err(Clone::clone)
    }

    fn events(&self) -> std::result::Result<&[Event], String> {
        let (read, project) = self.log.ok_or("there is no store whose log could tell")?;
        self.events.get_or_init(|| read(project)).as_deref().map_err(Clone::clone)
    }

    fn run(&self, order: &Order) -> std::result::Result<Ran, String> {
        let environment = self.environment.ok_or(NOT_NAMED)?;
        programs::run(self.judging.root, environment, order, self.watch)
    }
}

#[cfg(test)]
mod tests;
