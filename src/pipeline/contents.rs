//! What a pack holds, in little memory: 96 bytes a payload member, the links, and the tag files.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::digest::Digests;
use crate::format::index::IndexReader;
use crate::format::member::{FileType, Fingerprint, Member};
use crate::format::path::PackPath;
use crate::pipeline::source::read_full;
use crate::pipeline::unpack::{Limits, payload_path, split_root};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

/// The most payload members that are read, and so that are sealed: 400 MB of rows.
pub const MEMBERS_MAX: usize = 4_000_000;

/// How many tag files a pack may have.
pub const TAG_FILES_MAX: usize = 10_000;

/// Tag files past this many bytes in all wait in an unnamed temporary file.
const TAGS_IN_MEMORY_BYTES: usize = 64 << 20;
/// What tag files may come to in all: so much, which both SBOMs and their statement fit into, and so much more for each
/// member.
const TAGS_BYTES_BASE: u64 = 192 << 20;
const TAGS_BYTES_PER_MEMBER: u64 = 16 << 10;

/// The most bytes of tag files that so many payload members call for.
pub fn tags_bytes_max(members: usize) -> u64 {
    TAGS_BYTES_BASE + TAGS_BYTES_PER_MEMBER * members as u64
}

/// A payload member: 96 bytes. The path itself comes again with the manifests, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which member it is, and its metadata.
    pub fingerprint: Fingerprint,
    /// Bytes of content.
    pub size: u64,
    /// Of the content; of folders and links, those of nothing.
    pub digests: Digests,
}

const _: () = assert!(size_of::<Row>() == 96);

/// Everything that a pack holds.
pub struct Contents {
    /// The folder that all members lie in.
    pub root: String,
    /// Files, links and folders of the payload, in order.
    pub rows: Vec<Row>,
    /// Everything that is no tag file or payload file: links and folders, with paths as in the tree.
    pub others: Vec<Member>,
    /// The tag files.
    pub tags: Tags,
    /// Whether modes, times and owners are the pack's own; a folder on disk may have lost them.
    pub has_metadata: bool,
    /// Files of the payload whose bytes other archives hold, in order.
    pub fetched: Vec<Fetched>,
    /// The member index: names the rows again where a finding needs it.
    index: Vec<u8>,
}

/// A payload file whose bytes another archive holds: what is needed to find it there, and what was found.
#[derive(Clone, Copy, Debug)]
pub struct Fetched {
    /// Which member it is: [`Fingerprint::identity`] of a file of this path.
    pub identity: [u8; 16],
    /// The same of its path in the other archive.
    pub there: [u8; 16],
    /// Which of the pack's bases holds it.
    pub base: u32,
    /// How many bytes it has.
    pub size: u64,
    /// What was read there: size, digests, and the metadata that the file has there.
    pub read: Option<Row>,
}

impl Contents {
    /// What a folder on disk holds; `index` names its rows.
    pub fn of_folder(
        root: String,
        rows: Vec<Row>,
        others: Vec<Member>,
        tags: Tags,
        index: Vec<u8>,
    ) -> Contents {
        Contents { root, rows, others, tags, has_metadata: false, fetched: Vec::new(), index }
    }

    /// The path in the tree of the payload member in this row. Reads the index up to it.
    pub fn path_of(&self, row: usize) -> Option<String> {
        let rows = IndexReader::new(&self.index).ok()?;
        let mut paths = rows
            .map_while(io::Result::ok)
            .filter_map(|row| payload_path(row.path.as_str()).map(str::to_owned));
        paths.nth(row)
    }
}

/// A digest over (path, offset, size) of all members, as the member index must have them; and how many there are.
#[derive(Default)]
struct IndexDigest(blake3::Hasher, usize);

impl IndexDigest {
    fn add(&mut self, path: &str, offset: u64, size: u64) {
        self.0.update(&(path.len() as u64).to_le_bytes()).update(path.as_bytes());
        self.0.update(&offset.to_le_bytes()).update(&size.to_le_bytes());
        self.1 += 1;
    }

    /// Refuses an index that is not this one.
    fn check(&self, index: &[u8]) -> Result<()> {
        let mut other = IndexDigest::default();
        // One row too many is enough to know.
        let read = IndexReader::new(index).and_then(|rows| {
            rows.take(self.1 + 1)
                .try_for_each(|row| row.map(|row| other.add(row.path.as_str(), row.offset, row.size)))
        });
        if read.is_ok() && other.0.finalize() == self.0.finalize() {
            return Ok(());
        }
        let what = read.err().map_or("it does not match the members".to_owned(), |error| error.to_string());
        Err(Error::refused(Finding::new(Code::IndexInvalid, "member index").actual(what)))
    }
}

/// The tag files of a pack: by name, several at once, as often as they are needed. In memory while they are few, else
/// in a temporary file without a name.
#[derive(Default)]
pub struct Tags {
    memory: Vec<u8>,
    file: Option<File>,
    end: u64,
    files: BTreeMap<PackPath, (u64, u64)>,
}

/// Reads one tag file.
pub type TagReader<'a> = BufReader<TagFile<'a>>;

/// A stretch of the tag files' bytes.
pub struct TagFile<'a> {
    tags: &'a Tags,
    at: u64,
    end: u64,
}

impl Tags {
    /// The names, in bytewise order.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &PackPath> {
        self.files.keys()
    }

    /// The size of a tag file in bytes.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|(_, size)| *size)
    }

    /// Reads a tag file from its start.
    pub fn open(&self, name: &str) -> Option<TagReader<'_>> {
        let &(start, size) = self.files.get(name)?;
        Some(BufReader::with_capacity(128 << 10, TagFile { tags: self, at: start, end: start + size }))
    }

    /// A tag file whole; nothing if there is none of that name, or if it has more than `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.size(name).is_some_and(|size| size > limit) {
            return Ok(None);
        }
        let Some(mut file) = self.open(name) else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Begins a tag file.
    pub fn begin(&mut self, name: PackPath) {
        self.files.insert(name, (self.end, 0));
    }

    /// Appends to the tag file that was begun last.
    pub fn append(&mut self, name: &PackPath, content: &[u8]) -> io::Result<()> {
        match &self.file {
            Some(file) => file.write_all_at(content, self.end)?,
            None if self.memory.len() + content.len() <= TAGS_IN_MEMORY_BYTES => {
                self.memory.extend_from_slice(content);
            }
            None => {
                let file = tempfile::tempfile()?;
                file.write_all_at(&self.memory, 0)?;
                file.write_all_at(content, self.end)?;
                self.memory = Vec::new();
                self.file = Some(file);
            }
        }
        self.end += content.len() as u64;
        if let Some((_, size)) = self.files.get_mut(name) {
            *size += content.len() as u64;
        }
        Ok(())
    }

    /// Adds a whole tag file from a reader, at most `limit` bytes of it.
    pub fn add(&mut self, name: PackPath, content: impl Read, limit: u64) -> io::Result<()> {
        self.begin(name.clone());
        let mut content = content.take(limit);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match read_full(&mut content, &mut buffer)? {
                0 => return Ok(()),
                count => self.append(&name, &buffer[..count])?,
            }
        }
    }
}

impl Read for TagFile<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).map_or(bytes.len(), |left| left.min(bytes.len()));
        let count = match &self.tags.file {
            Some(file) => file.read_at(&mut bytes[..most], self.at)?,
            None => (&self.tags.memory[self.at as usize..]).read(&mut bytes[..most])?,
        };
        self.at += count as u64;
        Ok(count)
    }
}

/// Keeps count while a tar is read, and refuses what cannot be a pack.
pub struct Ledger {
    limits: Option<Limits>,
    root: Option<String>,
    rows: Vec<Row>,
    others: Vec<Member>,
    tags: Tags,
    index: IndexDigest,
    /// Where the next member's header begins.
    offset: u64,
    /// Plaintext bytes taken so far.
    position: u64,
    payload_bytes: u64,
    last: Option<PackPath>,
    /// Members that are no folders and whose paths the last path begins with, shortest first.
    above: Vec<PackPath>,
}

impl Ledger {
    /// An empty one.
    pub fn new(limits: Option<Limits>) -> Ledger {
        Ledger {
            limits,
            root: None,
            rows: Vec::new(),
            others: Vec::new(),
            tags: Tags::default(),
            index: IndexDigest::default(),
            offset: 0,
            position: 0,
            payload_bytes: 0,
            last: None,
            above: Vec::new(),
        }
    }

    /// Counts bytes of the tar.
    pub fn advance(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }

    /// Takes the next member. Gives its row, or nothing for a tag file, and the member as named in the tree or the pack.
    pub fn member(&mut self, member: Member) -> Result<(Option<usize>, Member)> {
        let refuse = |code, what: &str| Error::refused(Finding::new(code, member.path.as_str()).actual(what));
        let Some((root, inside)) = split_root(&member.path) else {
            return Err(refuse(Code::TarInvalid, "a member that lies in no folder"));
        };
        if self.root.get_or_insert_with(|| root.to_owned()) != root {
            return Err(refuse(Code::TarInvalid, "members in more than one folder"));
        }
        let content_at = self.position;
        self.index.add(inside, self.offset, member.size);
        let end = content_at.saturating_add(member.size);
        self.offset = end.saturating_add(crate::format::tar::padding(member.size) as u64);
        let named = |path: &str| {
            PackPath::new(path.as_bytes())
                .map_err(|fault| refuse(Code::PathUnsafe, &format!("a path with {fault}")))
        };
        let Some(path) = payload_path(inside) else {
            let path = named(inside)?;
            return self.tag(&path, &member).map(|()| (None, Member { path, ..member.clone() }));
        };
        let path = named(path)?;
        self.in_order(&path, &member)?;
        let inside = Member { path, ..member };
        self.row(&inside).map(|row| (Some(row), inside))
    }

    /// Payload comes in strictly rising bytewise order, and before the tag files.
    fn in_order(&mut self, path: &PackPath, member: &Member) -> Result<()> {
        let finding =
            |code, what: &str| Err(Error::refused(Finding::new(code, member.path.as_str()).actual(what)));
        if self.tags.names().next().is_some() {
            return finding(Code::OutOfOrder, "payload after a tag file");
        }
        match self.last.replace(path.clone()) {
            Some(last) if last == *path => finding(Code::PathDuplicate, "it stands twice"),
            Some(last) if last > *path => finding(Code::OutOfOrder, &format!("it comes after {last}")),
            _ => self.beneath_folders_alone(path, member),
        }
    }

    /// What lies beneath a file or a link would be written through it.
    fn beneath_folders_alone(&mut self, path: &PackPath, member: &Member) -> Result<()> {
        let path_begins_with = |above: &PackPath| path.as_str().starts_with(above.as_str());
        while self.above.pop_if(|above| !path_begins_with(above)).is_some() {}
        let follows = |above: &PackPath| path.as_str().as_bytes().get(above.as_str().len());
        if let Some(above) = self.above.iter().find(|above| follows(above) == Some(&b'/')) {
            let what = format!("it lies beneath {above}, which is no folder");
            return Err(Error::refused(Finding::new(Code::PathUnsafe, member.path.as_str()).actual(what)));
        }
        if member.kind != FileType::Dir {
            self.above.push(path.clone());
        }
        Ok(())
    }

    fn row(&mut self, member: &Member) -> Result<usize> {
        let too_many =
            |what: String| Err(Error::refused(Finding::new(Code::FrameTooLarge, "payload").actual(what)));
        self.payload_bytes = self.payload_bytes.saturating_add(member.size);
        if self.rows.len() == MEMBERS_MAX {
            return too_many(format!("more than {MEMBERS_MAX} members"));
        }
        if let Some(limits) = self.limits
            && (self.payload_bytes > limits.bytes
                || (self.rows.len() - self.others.len()) as u64 > limits.files)
        {
            return too_many("more than the receipt says".to_owned());
        }
        let row = Row { fingerprint: member.fingerprint(), size: member.size, digests: Digests::default() };
        self.rows.push(row);
        if member.kind != FileType::File {
            self.others.push(member.clone());
        }
        Ok(self.rows.len() - 1)
    }

    fn tag(&mut self, path: &PackPath, member: &Member) -> Result<()> {
        let refuse =
            |code, what: &str| Err(Error::refused(Finding::new(code, member.path.as_str()).actual(what)));
        if member.kind != FileType::File {
            return refuse(Code::TarInvalid, "a tag file that is no file");
        }
        if self.tags.files.len() == TAG_FILES_MAX {
            return refuse(Code::FrameTooLarge, "more tag files than a pack can have");
        }
        if self.tags.end.saturating_add(member.size) > tags_bytes_max(self.rows.len()) {
            return refuse(Code::FrameTooLarge, "tag files larger than the payload calls for");
        }
        if self.tags.names().next_back().is_some_and(|last| last >= path) {
            return refuse(Code::OutOfOrder, "tag files out of order");
        }
        self.tags.begin(path.clone());
        Ok(())
    }

    /// Appends content to a tag file.
    pub fn tag_content(&mut self, name: &PackPath, content: &[u8]) -> Result<()> {
        self.tags.append(name, content).map_err(Error::io("write", "a temporary file"))
    }

    /// Notes the digests of a row.
    pub fn digested(&mut self, row: usize, digests: Digests) {
        self.rows[row].digests = digests;
    }

    /// What was read, once the member index agrees. A tar without a member is no pack.
    pub fn finish(self, index: Vec<u8>) -> Result<Contents> {
        self.index.check(&index)?;
        let Ledger { root, rows, others, tags, .. } = self;
        let root =
            root.ok_or_else(|| Error::refused(Finding::new(Code::TarInvalid, "").actual("no members")))?;
        Ok(Contents { root, rows, others, tags, has_metadata: true, fetched: Vec::new(), index })
    }
}
