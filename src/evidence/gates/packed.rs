//! Evidence of gates from a pack: its payload, and what was signed when it was sealed. What the tree knew and the pack does
//! not (the status of files, other commits, the log, programs) is told as that, so that nobody takes it for an answer.

use crate::error::{Error, Result};
use crate::evidence::gates::said::Said;
use crate::evidence::gates::signatures;
use crate::evidence::links::LinkMap;
use crate::evidence::payload::{Fault, Lists};
use crate::finding::{Code, Finding};
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::index;
use crate::format::member::FileType;
use crate::format::pack::Pack;
use crate::format::path::PackPath;
use crate::format::units::size;
use crate::pipeline::contents::Tags;
use crate::pipeline::pick::Picker;
use crate::pipeline::source::Root;
use crate::pipeline::unpack::payload_path;
use crate::policy::Policy;
use crate::policy::gate::evidence::{Approval, DOCUMENT_BYTES_MAX, Event, LastRelease, Order, Ran, Tag};
use crate::policy::gate::{Document, Evidence, Git, PayloadFile};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::Arc;

/// A file that was asked for: its content, or why there is none.
type Asked = std::result::Result<Option<Arc<Document>>, String>;

/// Where the bytes of the payload are.
pub enum Source<'a> {
    /// In a pack's folder: its `data/`.
    Folder(Root),
    /// In an archive.
    Archive(Box<Archive<'a>>),
    /// Nowhere, and why.
    Nowhere(String),
}

/// An archive whose members are looked up in its index.
pub struct Archive<'a> {
    picker: Picker<'a>,
    rows: HashMap<PackPath, index::Row>,
}

impl<'a> Archive<'a> {
    /// Reads the index.
    pub fn new(picker: Picker<'a>) -> Result<Archive<'a>> {
        let mut rows = HashMap::new();
        for row in picker.index()? {
            let row = row?;
            if let Some(path) = payload_path(row.path.as_str())
                && let Ok(path) = PackPath::new(path.as_bytes())
            {
                rows.insert(path, row);
            }
        }
        Ok(Archive { picker, rows })
    }
}

/// A file as the signed lists have it.
struct Listed {
    path: PackPath,
    sha256: Sha256,
    size: u64,
}

/// A pack that verified, as gates see it.
pub struct PackEvidence<'a> {
    policy: &'a Policy,
    files: Vec<PackPath>,
    payload: Vec<PayloadFile>,
    /// The same files with what is signed of each, in the same order.
    listed: Vec<Listed>,
    /// Where the links of the payload end.
    links: BTreeMap<PackPath, PackPath>,
    source: RefCell<Source<'a>>,
    git: Git,
    ddl: Arc<DdlPack>,
    approvals: std::result::Result<Vec<Approval>, String>,
    asked: RefCell<BTreeMap<PackPath, Asked>>,
    /// What the gate that is judged asked for, and a pack cannot tell: the first of it.
    untold: RefCell<Option<String>>,
    /// Whether that gate looked for files by patterns.
    searched: RefCell<bool>,
    /// Files that are not what was sealed.
    altered: RefCell<Vec<Finding>>,
}

/// What of a pack is judged, and by which policy.
pub struct Judging<'a> {
    /// The auditor's policy.
    pub policy: &'a Policy,
    /// The tag files.
    pub tags: &'a Tags,
    /// What the pack says of itself.
    pub pack: &'a Pack,
    /// What was signed of its origin.
    pub said: &'a Said,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// The approvals over its seal, or why they cannot be told.
    pub approvals: std::result::Result<Vec<Approval>, String>,
}

impl<'a> PackEvidence<'a> {
    /// Of a pack whose seal, closure and lists hold.
    pub fn new(judging: Judging<'a>) -> Result<PackEvidence<'a>> {
        let (mut listed, mut payload, mut links, mut members) = Default::default();
        lists(&judging, &mut listed, &mut payload, &mut members)?;
        let map = LinkMap::new(&members);
        for link in &members {
            let end = map.resolve(&link.path).and_then(|end| PackPath::new(end.as_bytes()).ok());
            if let Some(end) = end {
                BTreeMap::insert(&mut links, link.path.clone(), end);
            }
        }
        let Judging { policy, pack, said, source, approvals, .. } = judging;
        Ok(PackEvidence {
            policy,
            files: listed.iter().map(|file: &Listed| file.path.clone()).collect(),
            payload,
            listed,
            links,
            source: RefCell::new(source),
            git: git(said, policy, &pack.version),
            ddl: Arc::new(pack.ddl.clone().unwrap_or_default()),
            approvals,
            asked: RefCell::default(),
            untold: RefCell::default(),
            searched: RefCell::default(),
            altered: RefCell::default(),
        })
    }

    /// Forgets what the gate before asked for.
    pub fn begin(&self) {
        self.untold.take();
        self.searched.take();
    }

    /// Why the gate that was judged last, and read so many files, cannot be held against the pack: what it asked for is
    /// not in it.
    pub fn untold(&self, read: usize) -> Option<String> {
        let no_file = || {
            let found_none = *self.searched.borrow() && read == 0;
            found_none.then(|| "the files that it looks for are not in the pack".to_owned())
        };
        self.untold.borrow().clone().or_else(no_file)
    }

    /// Files that are not what was sealed, where nothing had read them before.
    pub fn altered(&self) -> Vec<Finding> {
        self.altered.take()
    }

    fn tell<T>(&self, why: impl Into<String>) -> std::result::Result<T, String> {
        let why = why.into();
        self.untold.borrow_mut().get_or_insert_with(|| why.clone());
        Err(why)
    }

    fn listed(&self, path: &PackPath) -> Option<&Listed> {
        let path = self.links.get(path).unwrap_or(path);
        self.listed.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|at| self.listed.get(at))
    }

    fn load(&self, path: &PackPath) -> Asked {
        let bytes = self.load_bytes(path, DOCUMENT_BYTES_MAX)?;
        let sha256 = Sha256::of(&bytes);
        Ok(Some(Arc::new(Document { path: path.to_string(), bytes, sha256 })))
    }

    /// A file's bytes, which must be those that were sealed.
    fn load_bytes(&self, path: &PackPath, most: u64) -> std::result::Result<Vec<u8>, String> {
        let Ok(at) = self.listed.binary_search_by(|file| file.path.cmp(path)) else {
            return self.tell(format!("{path} is not in the pack"));
        };
        let Some(listed) = self.listed.get(at) else { return self.tell("it is not in the pack") };
        if listed.size > most {
            return Err(format!("{} is larger than a gate reads ({})", size(listed.size), size(most)));
        }
        let bytes = match &mut *self.source.borrow_mut() {
            Source::Nowhere(why) => return self.tell(why.clone()),
            Source::Folder(root) => from_folder(root, path, most),
            Source::Archive(archive) => from_archive(archive, path),
        };
        let bytes = bytes.or_else(|error| self.tell(error.to_string()))?;
        let found = Sha256::of(&bytes);
        if found == listed.sha256 {
            return Ok(bytes);
        }
        let finding = Finding::new(Code::Altered, format!("data/{path}"));
        let finding = finding.expected(format!("sha256 {}", listed.sha256)).actual(format!("sha256 {found}"));
        self.altered.borrow_mut().push(finding);
        Err("it is not what was sealed".to_owned())
    }
}

/// Reads the signed lists: files with their digests, the payload by class, the links.
fn lists(
    judging: &Judging<'_>,
    listed: &mut Vec<Listed>,
    payload: &mut Vec<PayloadFile>,
    links: &mut Vec<crate::format::member::Member>,
) -> Result<()> {
    let mut lists = Lists::open(judging.tags, judging.pack.kind).map_err(Error::refused)?;
    loop {
        match lists.next_member() {
            Ok(Some((row, manifest))) => match (&row.member.kind, manifest) {
                (FileType::File, Some(line)) => {
                    let (path, size) = (row.member.path.clone(), row.member.size);
                    if let Some(class) = row.class {
                        payload.push(PayloadFile { path: path.clone(), class, size });
                    }
                    listed.push(Listed { path, sha256: Sha256(line.digest), size });
                }
                (FileType::Link(_), Some(_)) if row.archived => links.push(row.member),
                _ => {}
            },
            Ok(None) => return Ok(()),
            Err(Fault::Finding(finding)) => return Err(Error::refused(*finding)),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        }
    }
}

fn from_folder(root: &Root, path: &PackPath, most: u64) -> Result<Vec<u8>> {
    let (file, _) = root.open_file(path.as_str())?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(Error::io("read", path.as_str()))?;
    Ok(bytes)
}

fn from_archive(archive: &mut Archive<'_>, path: &PackPath) -> Result<Vec<u8>> {
    let Archive { picker, rows } = archive;
    let Some(row) = rows.get(path) else {
        return Err(Error::refused(Finding::new(Code::Missing, format!("data/{path}"))));
    };
    let mut bytes = Vec::new();
    picker.member(row, &mut |_, content, _| {
        bytes.extend_from_slice(content);
        Ok(())
    })?;
    Ok(bytes)
}

/// What was signed of git when it was sealed.
fn git(said: &Said, policy: &Policy, version: &str) -> Git {
    let definition = said.provenance.as_ref().map(|said| &said.build_definition);
    let found = definition.map(|definition| &definition.internal_parameters);
    let is_clean = found.and_then(|found| found.clean) == Some(true);
    let name = definition.and_then(|definition| definition.external_parameters.tag.clone());
    let tag = name.filter(|name| *name == policy.tag.name(version)).map(|name| Tag {
        name,
        annotated: said.has_tag_object(),
        at_head: true,
        on_default_branch: None,
        // Its verdict is that of the keys which the sealed policy named.
        signed_by: Err("its signature was judged when it was sealed, by other keys".to_owned()),
    });
    Git {
        commit: said.commit().map(str::to_owned),
        branch: found.and_then(|found| found.branch.clone()),
        tag,
        status_unread: (!is_clean).then(|| "nothing signed says that the files were clean".to_owned()),
        ..Git::default()
    }
}

/// What a pack has none of.
const NO_HISTORY: &str = "the history is not in the pack";
const NO_LAST: &str = "the last release is not in the pack";

impl Evidence for PackEvidence<'_> {
    fn files(&self) -> &[PackPath] {
        *self.searched.borrow_mut() = true;
        &self.files
    }

    fn payload(&self) -> &[PayloadFile] {
        &self.payload
    }

    fn read(&self, path: &PackPath) -> Asked {
        let known = self.asked.borrow().get(path).cloned();
        if let Some(known) = known {
            // Each gate is to hear what is not told.
            return if known.is_ok() { known } else { self.load(path) };
        }
        let loaded = self.load(path);
        self.asked.borrow_mut().insert(path.clone(), loaded.clone());
        loaded
    }

    fn look(&self, path: &PackPath, see: &mut dyn FnMut(&[u8])) -> std::result::Result<bool, String> {
        see(&self.load_bytes(path, DOCUMENT_BYTES_MAX)?);
        Ok(true)
    }

    fn takes(&self, path: &str) -> bool {
        let Ok(path) = PackPath::new(path.as_bytes()) else { return false };
        let classes = &self.policy.release_classes;
        self.listed(&path).is_some()
            || self.policy.classify(&path).is_some_and(|(_, include)| classes.contains(&include.class))
    }

    fn will_ask(&self, _: &[&PackPath]) {}

    fn digest(&self, path: &PackPath) -> std::result::Result<Sha256, String> {
        match self.listed(path) {
            Some(listed) => Ok(listed.sha256),
            None => self.tell(format!("{path} is not in the pack")),
        }
    }

    fn signature(
        &self,
        artifact: &PackPath,
        signature: &[u8],
        keys: &[Arc<Document>],
    ) -> std::result::Result<String, String> {
        let bytes = self.load_bytes(artifact, signatures::ARTIFACT_BYTES_MAX)?;
        signatures::verify(&bytes, signature, keys)
    }

    fn git(&self) -> std::result::Result<&Git, String> {
        self.untold.borrow_mut().get_or_insert_with(|| "what git said is not in the pack".to_owned());
        Ok(&self.git)
    }

    fn is_committed(&self, _: &PackPath) -> std::result::Result<bool, String> {
        self.tell(NO_HISTORY)
    }

    fn committed_at(&self, _: &PackPath) -> std::result::Result<Option<Timestamp>, String> {
        self.tell(NO_HISTORY)
    }

    fn last_release(&self) -> std::result::Result<&LastRelease, String> {
        self.tell(NO_LAST)
    }

    fn before(&self, _: &PackPath) -> Asked {
        self.tell(NO_LAST)
    }

    fn files_before(&self) -> std::result::Result<Vec<PackPath>, String> {
        self.tell(NO_LAST)
    }

    fn ddl(&self) -> std::result::Result<Arc<DdlPack>, String> {
        Ok(Arc::clone(&self.ddl))
    }

    fn ddl_before(&self) -> std::result::Result<Vec<(String, Sha256)>, String> {
        self.tell(NO_LAST)
    }

    fn approvals(&self) -> std::result::Result<&[Approval], String> {
        match &self.approvals {
            Ok(approvals) => Ok(approvals),
            Err(why) => self.tell(why.clone()),
        }
    }

    fn events(&self) -> std::result::Result<&[Event], String> {
        self.tell("the log of a store is not in the pack")
    }

    fn run(&self, _: &Order) -> std::result::Result<Ran, String> {
        self.tell("not run: no program is started for a pack")
    }
}
