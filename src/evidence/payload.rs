//! The payload against the signed lists: inventory, manifest and HASHES are read once, side by side with the rows.

use crate::error::{Error, Result};
use crate::evidence::links::LinkDigests;
use crate::evidence::matcher::Matcher;
use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::inventory;
use crate::format::kind::Kind;
use crate::format::listing::{Encoding, Line, Lines};
use crate::format::member::{FileType, Fingerprint, Member};
use crate::format::path::PackPath;
use crate::format::seal::Totals;
use crate::pipeline::contents::{Contents, Fetched, Row, TagReader, Tags};
use crate::tree::lockfile;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::iter::Peekable;

pub use crate::format::bag::fetch::FILE_NAME as FETCH;

/// The names of the lists.
pub const INVENTORY: &str = "inventory.jsonl";
/// See [`INVENTORY`].
pub const MANIFEST: &str = "manifest-sha256.txt";
/// See [`INVENTORY`].
pub const HASHES_SHA256: &str = "HASHES.sha256.txt";
/// See [`INVENTORY`].
pub const HASHES_BLAKE3: &str = "HASHES.blake3.txt";

/// What the lists say the payload is, and how it compares.
#[derive(Debug, Default)]
pub struct Payload {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Files and links to files that the manifest lists.
    pub listed: Totals,
    /// Those that were there and hold what they should.
    pub intact: u64,
    /// Files that are in other archives, which were not read.
    pub elsewhere: u64,
    /// The same as `listed`, by class.
    pub classes: BTreeMap<Class, Totals>,
    /// Links of the payload, to files and to folders.
    pub links: u64,
    /// Folders that are members of their own.
    pub folders: u64,
    /// Links and folders as the inventory has them, those included that are inventory lines only.
    pub others: Vec<inventory::Row>,
    /// What the attestations speak of by name: artifacts with their signed digests, in order.
    pub artifacts: Named,
    /// The same of lockfiles.
    pub lockfiles: Named,
    /// The same of DDL files.
    pub ddl: Named,
}

/// Files and their signed digests, in bytewise order of the path: at most one more than [`NAMED_MAX`], so that whoever
/// reads a million of them knows that there are too many.
pub type Named = Vec<(PackPath, Sha256)>;

/// The most artifacts that provenance and SBOM name one by one; past that, the manifest stands for them.
pub const NAMED_MAX: usize = 10_000;

/// Compares the rows with the lists. What is said of a list is only worth as much as the list: its own digest is
/// checked apart, against the tag manifest.
pub fn check(contents: &Contents, kind: Kind) -> Result<Payload> {
    // Where no payload was read, the inventory alone says which links there are.
    let is_link = |kind: &FileType| matches!(kind, FileType::Link(_));
    let links = match contents.rows.is_empty() {
        true => LinkDigests::new(&listed(&contents.tags, is_link)),
        false => LinkDigests::new(&contents.others),
    };
    let mut check = Check {
        contents,
        payload: Payload::default(),
        matcher: Matcher::new(&contents.rows),
        fetched: contents.fetched.iter().peekable(),
        links,
    };
    match Lists::open(&contents.tags, kind) {
        Ok(mut lists) => check.run(&mut lists)?,
        Err(finding) => check.payload.findings.push(finding),
    }
    Ok(check.conclude())
}

/// The archived members of some types, as the inventory lists them. A line that cannot be read is passed over: whoever
/// reads the lists in earnest says so.
pub fn listed(tags: &Tags, wanted: impl Fn(&FileType) -> bool) -> Vec<Member> {
    let Some(inventory) = tags.open(INVENTORY) else { return Vec::new() };
    let lines = inventory.split(b'\n').map_while(io::Result::ok);
    let rows = lines.filter_map(|line| inventory::Row::parse(&line).ok());
    rows.filter(|row| row.archived && wanted(&row.member.kind)).map(|row| row.member).collect()
}

struct Check<'a> {
    contents: &'a Contents,
    payload: Payload,
    matcher: Matcher<'a>,
    /// What other archives hold.
    fetched: Peekable<std::slice::Iter<'a, Fetched>>,
    links: LinkDigests,
}

impl Check<'_> {
    fn run(&mut self, lists: &mut Lists<'_>) -> Result<()> {
        loop {
            match lists.next_member() {
                Ok(Some(listed)) => self.one(listed),
                Ok(None) => return Ok(()),
                // Lists that contradict each other say nothing more that could be compared.
                Err(Fault::Finding(finding)) => {
                    self.payload.findings.push(*finding);
                    return Ok(());
                }
                Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
            }
        }
    }

    fn one(&mut self, (line, manifest): (inventory::Row, Option<Line>)) {
        let member = &line.member;
        self.payload.name(&line, manifest.as_ref());
        if line.archived {
            let fingerprint = member.fingerprint();
            match self.fetched.next_if(|fetched| fetched.identity == fingerprint.identity) {
                Some(fetched) => self.elsewhere(&line, manifest.as_ref(), fetched, fingerprint),
                None => match self.matcher.find(fingerprint.identity) {
                    Some(row) => self.present(&line, manifest.as_ref(), row),
                    None => self.absent(&line, manifest.as_ref()),
                },
            }
            match member.kind {
                FileType::File => self.payload.count(line.class, member.size),
                FileType::Link(_) => self.payload.links += 1,
                FileType::Dir => self.payload.folders += 1,
            }
        }
        if line.member.kind != FileType::File {
            self.payload.others.push(line);
        }
    }

    /// What the lists say of it still counts.
    fn absent(&mut self, line: &inventory::Row, manifest: Option<&Line>) {
        self.payload.findings.push(Finding::new(Code::Missing, format!("data/{}", line.member.path)));
        let signed = manifest.map(|manifest| Sha256(manifest.digest));
        self.links.member(line, signed, line.member.size);
    }

    /// A file that another archive holds; in a folder that was completed it lies there.
    fn elsewhere(
        &mut self,
        line: &inventory::Row,
        manifest: Option<&Line>,
        fetched: &Fetched,
        fingerprint: Fingerprint,
    ) {
        if fetched.size != line.member.size {
            let finding = Finding::new(Code::FetchInvalid, FETCH);
            let said = |bytes: u64| format!("{bytes} bytes of {}", line.member.path);
            self.payload.findings.push(finding.expected(said(line.member.size)).actual(said(fetched.size)));
        }
        // An archive that holds it all the same has one file too many, and that is said.
        let here = if self.contents.has_metadata { None } else { self.matcher.find(fetched.identity) };
        match (here, fetched.read) {
            (Some(row), _) => self.present(line, manifest, row),
            // Modes, times and owners stand in the signed inventory alone.
            (None, Some(row)) => self.present(line, manifest, &Row { fingerprint, ..row }),
            (None, None) => {
                self.payload.elsewhere += 1;
                let signed = manifest.map(|manifest| Sha256(manifest.digest));
                self.links.member(line, signed, line.member.size);
            }
        }
    }

    fn present(&mut self, line: &inventory::Row, manifest: Option<&Line>, row: &Row) {
        let member = &line.member;
        if self.contents.has_metadata && row.fingerprint.metadata != member.fingerprint().metadata {
            self.payload.findings.push(Finding::new(Code::MetadataMismatch, format!("data/{}", member.path)));
        }
        let signed = manifest.map(|manifest| Sha256(manifest.digest));
        self.links.member(line, signed, row.size);
        if let (FileType::File, Some(signed)) = (&member.kind, signed) {
            match differs(line, signed, row) {
                Some(finding) => self.payload.findings.push(finding),
                None => self.payload.intact += 1,
            }
        }
    }

    fn conclude(mut self) -> Payload {
        let unlisted = self.fetched.len();
        if unlisted > 0 {
            let finding = Finding::new(Code::FetchInvalid, FETCH);
            let what = format!("{unlisted} of its lines are of no file of the inventory, or out of order");
            self.payload.findings.push(finding.actual(what));
        }
        for row in self.matcher.unmatched() {
            let path = self.contents.path_of(row).unwrap_or_else(|| format!("member {row}"));
            self.payload.findings.push(Finding::new(Code::Extra, format!("data/{path}")));
        }
        for link in self.links.conclude() {
            match link {
                Ok(Some((class, size))) => {
                    self.payload.count(class, size);
                    self.payload.intact += 1;
                }
                Ok(None) => {}
                Err(finding) => self.payload.findings.push(finding),
            }
        }
        self.payload
    }
}

impl Payload {
    /// Keeps a file's name and signed digest, if the attestations may speak of it.
    pub fn name(&mut self, line: &inventory::Row, manifest: Option<&Line>) {
        let (path, FileType::File, Some(manifest)) = (&line.member.path, &line.member.kind, manifest) else {
            return;
        };
        let signed = Sha256(manifest.digest);
        let note = |named: &mut Named| {
            if named.len() <= NAMED_MAX {
                named.push((path.clone(), signed));
            }
        };
        if line.class == Some(Class::Artifact) {
            note(&mut self.artifacts);
        }
        if line.class == Some(Class::Ddl) {
            note(&mut self.ddl);
        }
        if lockfile::kind_of(path.as_str()).is_some() {
            note(&mut self.lockfiles);
        }
    }

    fn count(&mut self, class: Option<Class>, size: u64) {
        self.listed.add(size);
        if let Some(class) = class {
            self.classes.entry(class).or_default().add(size);
        }
    }
}

/// How a file differs from what is signed of it.
pub fn differs(line: &inventory::Row, signed: Sha256, row: &Row) -> Option<Finding> {
    let finding = |code| Finding::new(code, format!("data/{}", line.member.path));
    if row.digests.sha256 != signed {
        let actual = format!("sha256 {}", row.digests.sha256);
        return Some(finding(Code::Altered).expected(format!("sha256 {signed}")).actual(actual));
    }
    if line.blake3 != Some(row.digests.blake3) {
        let expected = line.blake3.map_or("no BLAKE3".to_owned(), |digest| format!("blake3 {digest}"));
        return Some(
            finding(Code::Altered).expected(expected).actual(format!("blake3 {}", row.digests.blake3)),
        );
    }
    if row.size != line.member.size {
        return Some(finding(Code::MetadataMismatch).expected(line.member.size).actual(row.size));
    }
    None
}

/// Why lists cannot be read on.
pub enum Fault {
    /// What is wrong with them.
    Finding(Box<Finding>),
    /// The system refused.
    Io(io::Error),
}

impl Fault {
    /// A malformed line is a finding, anything else an error of the system.
    fn of(list: &str, error: io::Error) -> Fault {
        if error.kind() == io::ErrorKind::InvalidData {
            return Fault::Finding(Box::new(Finding::new(Code::ManifestInvalid, list).actual(error)));
        }
        Fault::Io(error)
    }

    fn disagree(list: &str, expected: &str, actual: Option<&str>) -> Fault {
        let finding = Finding::new(Code::Disagreement, list).expected(expected);
        Fault::Finding(Box::new(finding.actual(actual.unwrap_or("the end of the list"))))
    }
}

/// The lists of a pack, read side by side: they must name the same files in the same order.
pub struct Lists<'a> {
    kind: Kind,
    inventory: TagReader<'a>,
    line: Vec<u8>,
    number: u64,
    last: Option<Member>,
    manifest: Peekable<Lines<TagReader<'a>>>,
    hashes: [(&'static str, Option<Lines<TagReader<'a>>>); 2],
}

impl<'a> Lists<'a> {
    /// Opens those of a pack of this kind. The HASHES manifests may be absent, as they are from backups; the others may not.
    pub fn open(tags: &'a Tags, kind: Kind) -> Result<Lists<'a>, Finding> {
        let need = |name: &str| tags.open(name).ok_or_else(|| Finding::new(Code::Missing, name));
        let plain = |name| (name, tags.open(name).map(|list| Lines::new(list, Encoding::Plain)));
        Ok(Lists {
            kind,
            inventory: need(INVENTORY)?,
            line: Vec::new(),
            number: 0,
            last: None,
            manifest: Lines::new(need(MANIFEST)?, Encoding::Percent).peekable(),
            hashes: [plain(HASHES_SHA256), plain(HASHES_BLAKE3)],
        })
    }

    /// The next member, with its manifest line if it is a file or leads to one.
    pub fn next_member(&mut self) -> Result<Option<(inventory::Row, Option<Line>)>, Fault> {
        let Some(row) = self.inventory_line()? else { return self.ended().map(|()| None) };
        if self.last.as_ref().is_some_and(|last| last.path >= row.member.path) {
            let what = format!("line {} is out of order", self.number);
            return Err(Fault::Finding(Box::new(
                Finding::new(Code::ManifestInvalid, INVENTORY).actual(what),
            )));
        }
        if self.kind == Kind::Release && row.member.path.has_backslash() {
            let finding = Finding::new(Code::PathUnsafe, format!("data/{}", row.member.path));
            return Err(Fault::Finding(Box::new(
                finding.actual("a backslash in the name of a release's file"),
            )));
        }
        self.last = Some(row.member.clone());
        let path = format!("data/{}", row.member.path);
        let listed = matches!(self.manifest.peek(), Some(Ok(line)) if line.path == path);
        let manifest = match row.member.kind {
            FileType::File if !listed => return Err(self.manifest_differs(&path)),
            FileType::File | FileType::Link(_) if listed && row.archived => {
                self.manifest.next().and_then(Result::ok)
            }
            _ => None,
        };
        if let Some(line) = &manifest {
            self.hashes_agree(&row, line)?;
        }
        Ok(Some((row, manifest)))
    }

    fn inventory_line(&mut self) -> Result<Option<inventory::Row>, Fault> {
        self.line.clear();
        self.number += 1;
        let mut limited = (&mut self.inventory).take(inventory::LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut self.line).map_err(Fault::Io)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        let number = self.number;
        let invalid = |what: String| {
            let finding =
                Finding::new(Code::ManifestInvalid, INVENTORY).actual(format!("line {number}: {what}"));
            Fault::Finding(Box::new(finding))
        };
        let line = self.line.strip_suffix(b"\n").ok_or_else(|| invalid("no end of line".to_owned()))?;
        inventory::Row::parse(line).map(Some).map_err(invalid)
    }

    fn manifest_differs(&mut self, path: &str) -> Fault {
        match self.manifest.next() {
            Some(Ok(line)) => Fault::disagree(MANIFEST, path, Some(&line.path)),
            Some(Err(error)) => Fault::of(MANIFEST, error),
            None => Fault::disagree(MANIFEST, path, None),
        }
    }

    /// The HASHES manifests list the same files with the same digests.
    fn hashes_agree(&mut self, row: &inventory::Row, manifest: &Line) -> Result<(), Fault> {
        let expected = [Some(manifest.digest), row.blake3.map(|digest| digest.0)];
        for ((name, lines), digest) in self.hashes.iter_mut().zip(expected) {
            let Some(lines) = lines else { continue };
            let line = lines.next().transpose().map_err(|error| Fault::of(name, error))?;
            let path = row.member.path.as_str();
            match line {
                // What a link's BLAKE3 is, the inventory says at the file that it leads to.
                Some(line) if line.path == path && digest.is_none_or(|digest| digest == line.digest) => {}
                other => return Err(Fault::disagree(name, path, other.as_ref().map(|line| &*line.path))),
            }
        }
        Ok(())
    }

    /// No list may go on after the inventory has ended.
    fn ended(&mut self) -> Result<(), Fault> {
        if let Some(more) = self.manifest.next() {
            let line = more.map_err(|error| Fault::of(MANIFEST, error))?;
            return Err(Fault::disagree(MANIFEST, "the end of the list", Some(&line.path)));
        }
        for (name, lines) in &mut self.hashes {
            if let Some(more) = lines.as_mut().and_then(Iterator::next) {
                let line = more.map_err(|error| Fault::of(name, error))?;
                return Err(Fault::disagree(name, "the end of the list", Some(&line.path)));
            }
        }
        Ok(())
    }
}
