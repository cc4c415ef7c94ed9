//! What gates judge: everything comes in through [`Evidence`], the present time included.

use crate::format::class::Class;
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::secrets::SEARCHED_BYTES_MAX;
use crate::policy::gate::secrets::search::{Hit, Searcher};
use crate::policy::gate::stage::{Bump, Stage};
pub use crate::policy::program::Order;
use jiff::Timestamp;
use std::sync::Arc;

/// The largest evidence file that a gate reads, in bytes.
pub const DOCUMENT_BYTES_MAX: u64 = 64 << 20;

/// What is to be released, and when that is asked.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// The project.
    pub project: &'a str,
    /// The version that is sealed.
    pub version: &'a str,
    /// The tag's name by the policy's template.
    pub tag: String,
    /// The version of the last release before it, where one is known.
    pub previous: Option<&'a str>,
    /// How it differs from that one.
    pub bump: Option<Bump>,
    /// The tier that the policy or the command line names.
    pub tier: Option<&'a str>,
    /// The commit, as lower-case hex.
    pub commit: Option<&'a str>,
    /// The stage that is judged.
    pub stage: Stage,
    /// The present.
    pub now: Timestamp,
}

impl<'a> Release<'a> {
    /// A release of which nothing but its names is known, for paths that have them in.
    pub fn named(project: &'a str, version: &'a str, tag: String) -> Release<'a> {
        Release {
            project,
            version,
            tag,
            previous: None,
            bump: None,
            tier: None,
            commit: None,
            stage: Stage::Seal,
            now: Timestamp::UNIX_EPOCH,
        }
    }
}

/// A file that was read as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its path in the tree.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The digest of the content.
    pub sha256: Sha256,
}

/// A file of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFile {
    /// Its path in the tree.
    pub path: PackPath,
    /// What it is for.
    pub class: Class,
    /// Its size in bytes.
    pub size: u64,
}

/// What git says, or said when the pack was sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Git {
    /// HEAD.
    pub commit: Option<String>,
    /// The committer's time of HEAD.
    pub commit_time: Option<Timestamp>,
    /// The branch that HEAD is on.
    pub branch: Option<String>,
    /// The default branch of the remote, and whether HEAD is on it or before its end.
    pub default_branch: Option<String>,
    /// Whether HEAD is an ancestor of the default branch, or its end; `None` where that cannot be told.
    pub on_default_branch: Option<bool>,
    /// Whether the tag of the last release is an ancestor of HEAD, or HEAD; `None` where that cannot be told.
    pub from_last: Option<bool>,
    /// The tag of this release, if it is there.
    pub tag: Option<Tag>,
    /// Changed files that are not committed, sorted.
    pub changed: Vec<String>,
    /// Files that git does not know and does not ignore, sorted.
    pub untracked: Vec<String>,
    /// Files that could not be compared, sorted: the index says to skip them, or a filter would have to be run.
    pub uncompared: Vec<String>,
    /// Why the three above cannot be told; they are empty then.
    pub status_unread: Option<String>,
    /// What could not be read, and why.
    pub unread: Option<String>,
}

/// The tag of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its short name.
    pub name: String,
    /// Whether it is an annotated tag: an object of its own.
    pub annotated: bool,
    /// Whether it ends at HEAD.
    pub at_head: bool,
    /// Whether its commit is an ancestor of the default branch, or its end; `None` where that cannot be told.
    pub on_default_branch: Option<bool>,
    /// Who signed it, if the signature holds and its key is allowed; else why not.
    pub signed_by: Result<String, String>,
}

/// What the store's log says happened, for gates that ask for backups and drills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `backed-up`, `verified`, `drilled`, `sealed`, …
    pub what: String,
    /// When.
    pub at: Timestamp,
    /// Whether it went well.
    pub passed: bool,
    /// The archive it is about, by its name, where the event is about one.
    pub archive: Option<String>,
    /// The digest of the signed event.
    pub sha256: Sha256,
}

/// The release before the one that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRelease {
    /// Its version.
    pub version: String,
    /// Where it was found, for people: `the sealed pack app-1.2.2`, `the tag v1.2.2`.
    pub place: String,
    /// Whether its seal verifies by the trust given, and why not; `None` for a tag, which has no seal.
    pub seal: Option<Result<(), String>>,
    /// What of it is recorded as evidence; a tag has nothing with a SHA-256.
    pub read: Option<Arc<Document>>,
}

/// An approval over the seal that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The role that trust gives the key.
    pub role: String,
    /// The key, as people see it.
    pub fingerprint: String,
    /// When it was given.
    pub approved_at: Timestamp,
}

/// How a program of the team's ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; `None` if a signal or the time limit ended it.
    pub code: Option<i32>,
    /// Why it has no exit code.
    pub ended: Option<String>,
    /// What it printed, secrets masked, as evidence.
    pub output: Document,
}

/// What was found in a file that was searched for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    /// It is not there.
    Absent,
    /// It is binary or too large, and was not searched.
    NotText,
    /// What looks like one, in order.
    Hits(Vec<Hit>),
}

impl Searched {
    /// Searches a content.
    pub fn by(searcher: &Searcher, bytes: &[u8]) -> Searched {
        let is_text = memchr::memchr(0, bytes).is_none() && bytes.len() as u64 <= SEARCHED_BYTES_MAX;
        if is_text { Searched::Hits(searcher.hits(bytes)) } else { Searched::NotText }
    }
}

/// What a gate can ask for. Files are those of the tree that is sealed, or of the payload that an auditor has.
pub trait Evidence {
    /// Every file, in bytewise order of the path; also those that no rule takes, where the tree is there.
    fn files(&self) -> &[PackPath];

    /// The files of the payload, in bytewise order of the path.
    fn payload(&self) -> &[PayloadFile];

    /// A file's content; `None` if it is not there. What cannot be read, or is larger than [`DOCUMENT_BYTES_MAX`], is
    /// an error in words.
    fn read(&self, path: &PackPath) -> Result<Option<Arc<Document>>, String>;

    /// Shows the content of a file that is looked at once and not kept; `false` if it is not there.
    fn look(&self, path: &PackPath, see: &mut dyn FnMut(&[u8])) -> Result<bool, String> {
        let document = self.read(path)?;
        if let Some(document) = &document {
            see(&document.bytes);
        }
        Ok(document.is_some())
    }

    /// Searches a payload file of at most [`SEARCHED_BYTES_MAX`] bytes for what looks like a credential. All of them may
    /// be searched at once, when the first is asked for.
    fn search(&self, path: &PackPath, searcher: &Searcher) -> Result<Searched, String> {
        let mut searched = Searched::Absent;
        self.look(path, &mut |bytes| searched = Searched::by(searcher, bytes))?;
        Ok(searched)
    }

    /// Whether the policy takes a file of this path into the release, be it there or not.
    fn takes(&self, path: &str) -> bool;

    /// Says which digests will be asked for, so that the files can be read together.
    fn will_ask(&self, paths: &[&PackPath]);

    /// The digest of a payload file, of any size. A link in the payload has that of the file where it ends.
    fn digest(&self, path: &PackPath) -> Result<Sha256, String>;

    /// Who made a signature over a payload file, if it holds and its key is in one of the key files; else why not.
    fn signature(
        &self,
        artifact: &PackPath,
        signature: &[u8],
        keys: &[Arc<Document>],
    ) -> Result<String, String>;

    /// What git says; an error in words where there is no git, or it was not recorded.
    fn git(&self) -> Result<&Git, String>;

    /// Whether HEAD has a file, in whatever form.
    fn is_committed(&self, path: &PackPath) -> Result<bool, String>;

    /// When a file was last committed; an error in words where the history is cut off.
    fn committed_at(&self, path: &PackPath) -> Result<Option<Timestamp>, String>;

    /// The last release; an error in words where none is known.
    fn last_release(&self) -> Result<&LastRelease, String>;

    /// A file of the last release; an error in words where there is none.
    fn before(&self, path: &PackPath) -> Result<Option<Arc<Document>>, String>;

    /// Every file of the last release, in bytewise order of the path; an error in words where there is none.
    fn files_before(&self) -> Result<Vec<PackPath>, String>;

    /// What the DDL files say, in the order in which they are to be applied.
    fn ddl(&self) -> Result<Arc<DdlPack>, String>;

    /// The DDL files of the last release, in order, with their digests.
    fn ddl_before(&self) -> Result<Vec<(String, Sha256)>, String>;

    /// The approvals over the seal that verified.
    fn approvals(&self) -> Result<&[Approval], String>;

    /// The store's log; an error in words where there is no store or no log.
    fn events(&self) -> Result<&[Event], String>;

    /// Runs a program of the named policy; an error in words where that may not be.
    fn run(&self, order: &Order) -> Result<Ran, String>;
}

/// Reads a file that must be there; what is wrong with it is a fault.
pub fn required(evidence: &dyn Evidence, path: &PackPath) -> Result<Arc<Document>, Fault> {
    match evidence.read(path) {
        Ok(Some(document)) => Ok(document),
        Ok(None) => Err(Fault::new(path.as_str()).expected("a file").actual("it is not there")),
        Err(why) => Err(Fault::new(path.as_str()).actual(why)),
    }
}

/// The same as text.
pub fn required_text(evidence: &dyn Evidence, path: &PackPath) -> Result<(Arc<Document>, String), Fault> {
    let document = required(evidence, path)?;
    match std::str::from_utf8(&document.bytes) {
        Ok(text) => {
            let text = text.trim_start_matches('\u{feff}').to_owned();
            Ok((document, text))
        }
        Err(error) => Err(Fault::new(path.as_str()).expected("UTF-8").actual(error)),
    }
}
