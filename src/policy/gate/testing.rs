//! Evidence made up for the tests of gates.

use crate::format::class::Class;
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::format::settings;
use crate::policy::gate::evidence::{Approval, Event, LastRelease, Order, Ran};
use crate::policy::gate::{
    Bump, Document, Evidence, Gate, Git, Judged, PayloadFile, Release, Stage, Status, gates,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

type Answer<T> = Result<T, String>;

/// A tree and its history, as far as a test says so; of everything else there is nothing.
pub struct Fake {
    files: Vec<PackPath>,
    payload: Vec<PayloadFile>,
    read: BTreeMap<String, Answer<Option<Arc<Document>>>>,
    committed: BTreeMap<String, Timestamp>,
    before: BTreeMap<String, Arc<Document>>,
    /// Files that the policy would take, if they were there.
    pub gone: Vec<String>,
    /// What git says.
    pub git: Answer<Git>,
    /// The last release.
    pub last_release: Answer<LastRelease>,
    /// What the DDL files say.
    pub ddl: Answer<Arc<DdlPack>>,
    /// The DDL files of the last release.
    pub ddl_before: Answer<Vec<(String, Sha256)>>,
    /// The approvals over the seal.
    pub approvals: Answer<Vec<Approval>>,
    /// The store's log.
    pub events: Answer<Vec<Event>>,
    /// What every program ends like.
    pub ran: Answer<Ran>,
}

impl Fake {
    /// Nothing at all.
    pub fn new() -> Fake {
        fn none<T>(what: &str) -> Answer<T> {
            Err(format!("there is no {what}"))
        }
        Fake {
            files: Vec::new(),
            payload: Vec::new(),
            read: BTreeMap::new(),
            committed: BTreeMap::new(),
            before: BTreeMap::new(),
            gone: Vec::new(),
            git: none("git repository"),
            last_release: none("release before this one"),
            ddl: Ok(Arc::default()),
            ddl_before: none("release before this one"),
            approvals: none("seal"),
            events: none("log"),
            ran: none("program"),
        }
    }

    /// With a file, which is payload: DDL if it ends in `.sql`, else a document.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Fake {
        let class = if path.ends_with(".sql") { Class::Ddl } else { Class::Doc };
        self.file_of(Some(class), path, content)
    }

    /// With a file of a class, or of none: then it is no payload.
    pub fn file_of(mut self, class: Option<Class>, path: &str, content: impl AsRef<[u8]>) -> Fake {
        let document = document(path, content.as_ref());
        self.payload.retain(|file| file.path.as_str() != path);
        if let Some(class) = class {
            self.payload.push(PayloadFile { path: at(path), class, size: document.bytes.len() as u64 });
            self.payload.sort_by(|a, b| a.path.cmp(&b.path));
        }
        self.knows(path);
        self.read.insert(path.to_owned(), Ok(Some(document)));
        self
    }

    /// Without a file.
    pub fn without(mut self, path: &str) -> Fake {
        self.files.retain(|file| file.as_str() != path);
        self.payload.retain(|file| file.path.as_str() != path);
        self.read.remove(path);
        self
    }

    /// With a file that cannot be read.
    pub fn unreadable(mut self, path: &str, why: &str) -> Fake {
        self.knows(path);
        self.read.insert(path.to_owned(), Err(why.to_owned()));
        self
    }

    /// With the time at which a file was last committed.
    pub fn committed(mut self, path: &str, time: &str) -> Fake {
        self.committed.insert(path.to_owned(), time.parse().unwrap());
        self
    }

    /// With a file of the last release.
    pub fn before(mut self, path: &str, content: impl AsRef<[u8]>) -> Fake {
        self.before.insert(path.to_owned(), document(path, content.as_ref()));
        self.last_release = Ok(LastRelease {
            version: "1.2.2".to_owned(),
            place: "the tag v1.2.2".to_owned(),
            seal: None,
            read: None,
        });
        self
    }

    /// With git.
    pub fn git(mut self, git: Git) -> Fake {
        self.git = Ok(git);
        self
    }

    /// With a leaf of the log that is about no archive.
    pub fn event(self, what: &str, at: &str, passed: bool) -> Fake {
        self.event_of(None, what, at, passed)
    }

    /// With a leaf of the log.
    pub fn event_of(mut self, archive: Option<&str>, what: &str, at: &str, passed: bool) -> Fake {
        let event = Event {
            archive: archive.map(str::to_owned),
            what: what.to_owned(),
            at: at.parse().unwrap(),
            passed,
            sha256: Sha256::of(format!("{what}{at}").as_bytes()),
        };
        match &mut self.events {
            Ok(events) => events.push(event),
            none => *none = Ok(vec![event]),
        }
        self
    }

    /// With an approval over the seal.
    pub fn approval(mut self, role: &str, fingerprint: &str, approved_at: &str) -> Fake {
        let approval = Approval {
            role: role.to_owned(),
            fingerprint: fingerprint.to_owned(),
            approved_at: approved_at.parse().unwrap(),
        };
        match &mut self.approvals {
            Ok(approvals) => approvals.push(approval),
            none => *none = Ok(vec![approval]),
        }
        self
    }

    fn knows(&mut self, path: &str) {
        if let Err(place) = self.files.binary_search(&at(path)) {
            self.files.insert(place, at(path));
        }
    }
}

impl Evidence for Fake {
    fn files(&self) -> &[PackPath] {
        &self.files
    }

    fn payload(&self) -> &[PayloadFile] {
        &self.payload
    }

    fn read(&self, path: &PackPath) -> Answer<Option<Arc<Document>>> {
        self.read.get(path.as_str()).cloned().unwrap_or(Ok(None))
    }

    fn takes(&self, path: &str) -> bool {
        self.payload.iter().any(|file| file.path.as_str() == path)
            || self.gone.iter().any(|gone| gone == path)
    }

    fn will_ask(&self, _: &[&PackPath]) {}

    fn digest(&self, path: &PackPath) -> Answer<Sha256> {
        let document = self.read(path)?.ok_or_else(|| format!("{path} is not payload"))?;
        Ok(document.sha256)
    }

    /// A signature that holds is `good: SIGNER`; any other says why it does not.
    fn signature(&self, _: &PackPath, signature: &[u8], _: &[Arc<Document>]) -> Answer<String> {
        let text = String::from_utf8(signature.to_vec()).unwrap();
        text.strip_prefix("good: ").map(str::to_owned).ok_or(text.clone())
    }

    fn git(&self) -> Answer<&Git> {
        self.git.as_ref().map_err(Clone::clone)
    }

    fn is_committed(&self, path: &PackPath) -> Answer<bool> {
        self.git()?;
        Ok(self.committed.contains_key(path.as_str()))
    }

    fn committed_at(&self, path: &PackPath) -> Answer<Option<Timestamp>> {
        self.git()?;
        Ok(self.committed.get(path.as_str()).copied())
    }

    fn last_release(&self) -> Answer<&LastRelease> {
        self.last_release.as_ref().map_err(Clone::clone)
    }

    fn before(&self, path: &PackPath) -> Answer<Option<Arc<Document>>> {
        self.last_release()?;
        Ok(self.before.get(path.as_str()).cloned())
    }

    fn files_before(&self) -> Answer<Vec<PackPath>> {
        self.last_release()?;
        Ok(self.before.keys().map(|path| at(path)).collect())
    }

    fn ddl(&self) -> Answer<Arc<DdlPack>> {
        self.ddl.clone()
    }

    fn ddl_before(&self) -> Answer<Vec<(String, Sha256)>> {
        self.ddl_before.clone()
    }

    fn approvals(&self) -> Answer<&[Approval]> {
        self.approvals.as_deref().map_err(Clone::clone)
    }

    fn events(&self) -> Answer<&[Event]> {
        self.events.as_deref().map_err(Clone::clone)
    }

    fn run(&self, _: &Order) -> Answer<Ran> {
        self.ran.clone()
    }
}

/// A path.
pub fn at(path: &str) -> PackPath {
    PackPath::new(path.as_bytes()).unwrap()
}

/// A file that was read.
pub fn document(path: &str, bytes: &[u8]) -> Arc<Document> {
    Arc::new(Document { path: path.to_owned(), bytes: bytes.to_vec(), sha256: Sha256::of(bytes) })
}

/// The present of every test.
pub const NOW: &str = "2026-11-20T12:00:00Z";

/// app 1.2.3, after 1.2.2, at noon.
pub fn release() -> Release<'static> {
    Release {
        project: "app",
        version: "1.2.3",
        tag: "v1.2.3".to_owned(),
        previous: Some("1.2.2"),
        bump: Some(Bump::Patch),
        tier: None,
        commit: Some("0123456789abcdef0123456789abcdef01234567"),
        stage: Stage::Seal,
        now: NOW.parse().unwrap(),
    }
}

/// The one gate of a text, whose `id` and header are given: `check = "notes"\nfile = "NOTES.md"`.
pub fn gate(keys: &str) -> Gate {
    parsed(keys).unwrap()
}

/// What a gate with these keys comes to for [`release`].
pub fn judge(keys: &str, evidence: &Fake) -> Judged {
    gate(keys).check.judge(evidence, &release())
}

/// The faults of a gate that fails: subject, expected, actual.
pub fn faults(keys: &str, evidence: &Fake) -> Vec<(String, String, String)> {
    let judged = judge(keys, evidence);
    assert_eq!(judged.status == Status::Failed, !judged.faults.is_empty(), "{judged:?}");
    let words = |fault: &crate::policy::gate::judged::Fault| {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        (fault.subject.clone(), word(&fault.expected), word(&fault.actual))
    };
    judged.faults.iter().map(words).collect()
}

/// The one fault of a gate.
#[track_caller]
pub fn one_fault(keys: &str, evidence: &Fake) -> (String, String, String) {
    let mut faults = faults(keys, evidence);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

/// Asserts that a gate has this fault and no other.
#[track_caller]
pub fn fails(keys: &str, evidence: &Fake, subject: &str, expected: &str, actual: &str) {
    let fault = one_fault(keys, evidence);
    assert_eq!((fault.0.as_str(), fault.1.as_str(), fault.2.as_str()), (subject, expected, actual));
}

/// Asserts that a gate holds, and gives what it says.
#[track_caller]
pub fn passes(keys: &str, evidence: &Fake) -> Judged {
    let judged = judge(keys, evidence);
    assert_eq!(judged.status, Status::Passed, "{judged:?}");
    judged
}

/// Why a gate with these keys is refused: the line in them, the message, the hint.
#[track_caller]
pub fn refusal(keys: &str) -> (usize, String, String) {
    match parsed(keys) {
        // Two lines stand before them.
        Err(crate::error::Error::Config { line, message, hint, .. }) => {
            (line.saturating_sub(2), message, hint)
        }
        other => panic!("{other:?}"),
    }
}

fn parsed(keys: &str) -> crate::error::Result<Gate> {
    let text = format!("[[gate]]\nid = \"x\"\n{keys}\n");
    let document = settings::Document::parse(Path::new("p.toml"), &text)?;
    Ok(gates(&document.root())?.remove(0))
}
