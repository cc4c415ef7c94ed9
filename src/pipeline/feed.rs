//! The reading end: several workers turn members into blocks of tar, each file read once and hashed from the same
//! buffer.
//!
//! Blocks are handed out in order, buffer first, so that the earliest block always has what it needs. Small files are
//! read whole, several to a block; a large one comes in pieces that any worker reads and the lanes hash in order.

use crate::finding::{Code, Finding};
use crate::format::digest::{Digests, Hasher};
use crate::format::frames::FRAME_BYTES;
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::format::tar;
use crate::pipeline::buffers::{Buffer, Pool};
use crate::pipeline::source::{self, Root, SMALL_BYTES_MAX, Steadiness};
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::Target;
use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use rustix::fs::Stat;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The most members that one block holds.
const BLOCK_MEMBERS_MAX: usize = 2048;
/// How much room a header is thought to need when a block is filled.
const HEADER_BYTES: u64 = 512;

/// Looks at the content of a small file before it is packed; a finding stops the run.
pub type Inspect<'a> = dyn Fn(&PackPath, &[u8]) -> Option<Finding> + Sync + 'a;

/// What to read: members in the order of the archive, paths relative to `root`.
pub struct Plan<'a> {
    /// The folder they are read from.
    pub root: &'a Root,
    /// In order. Sizes are what the scan saw; what is read counts.
    pub members: &'a [Member],
    /// What stands before each path in the archive, with a final slash.
    pub prefix: &'a str,
    /// Looks at each small file.
    pub inspect: &'a Inspect<'a>,
    /// Gets the payload as it is read, for a pack that is to lie there as a folder too.
    pub copy: Option<&'a Staging>,
    /// Whether a file that does not hold still is kept as it came, and marked; else it stops the run.
    pub keep_torn: bool,
    /// Whether a file that is gone when its turn comes is kept as an empty one, and marked; else it stops the run.
    pub keep_gone: bool,
}

/// A stretch of the tar.
pub struct Block {
    /// Its place in the order, from 0.
    pub seq: u64,
    /// The bytes.
    pub buffer: Buffer,
    /// Members that begin in it.
    pub heads: Vec<Head>,
    /// Small files, which are whole in it, with their digests.
    pub files: Vec<(usize, Digests)>,
    /// Files of which something was read while they changed.
    pub torn: Vec<usize>,
    /// A piece of a large file.
    pub piece: Option<Piece>,
}

/// A member that begins in a block.
pub struct Head {
    /// Which one.
    pub member: usize,
    /// Where its header lies in the block.
    pub at: usize,
    /// Its size as read.
    pub size: u64,
}

/// The content of a large file that a block holds.
pub struct Piece {
    /// Which member.
    pub member: usize,
    /// Where in the block the content lies.
    pub content: Range<usize>,
    /// Whether the file ends with it.
    pub last: bool,
}

/// Hands out work in order.
pub struct Feed<'a> {
    plan: Plan<'a>,
    pool: &'a Pool,
    watch: &'a Watch,
    cursor: Mutex<Cursor>,
}

#[derive(Default)]
struct Cursor {
    next: usize,
    seq: u64,
    large: Option<Large>,
}

#[derive(Clone)]
struct Large {
    member: usize,
    file: Arc<File>,
    stat: Stat,
    offset: u64,
}

enum Task {
    Small { seq: u64, members: Range<usize>, buffer: Buffer },
    Piece { seq: u64, large: Large, buffer: Buffer },
}

impl<'a> Feed<'a> {
    /// A feed from the beginning of the plan.
    pub fn new(plan: Plan<'a>, pool: &'a Pool, watch: &'a Watch) -> Feed<'a> {
        Feed { plan, pool, watch, cursor: Mutex::default() }
    }

    /// The next block that is ready, made on the calling thread; `None` when there are no more.
    pub fn next_block(&self) -> Result<Option<Block>> {
        match self.take()? {
            None => Ok(None),
            Some(Task::Small { seq, members, buffer }) => self.small_block(seq, members, buffer).map(Some),
            Some(Task::Piece { seq, large, buffer }) => self.piece_block(seq, large, buffer).map(Some),
        }
    }

    fn take(&self) -> Result<Option<Task>> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        if cursor.large.is_none() && cursor.next == self.plan.members.len() {
            return Ok(None);
        }
        let buffer = self.pool.take(self.watch)?;
        let seq = cursor.seq;
        cursor.seq += 1;
        if cursor.large.is_none() && is_large(&self.plan.members[cursor.next]) {
            let member = cursor.next;
            cursor.next += 1;
            match self.open_large(member) {
                // Nothing of it is there to be read in pieces.
                Err(error) if self.keeps(&error) => {
                    return Ok(Some(Task::Small { seq, members: member..member + 1, buffer }));
                }
                opened => cursor.large = Some(opened?),
            }
        }
        if let Some(large) = &mut cursor.large {
            let task = Task::Piece { seq, large: large.clone(), buffer };
            large.offset += FRAME_BYTES as u64;
            if large.offset >= large.stat.st_size as u64 {
                cursor.large = None;
            }
            return Ok(Some(task));
        }
        let members = self.batch(cursor.next);
        cursor.next = members.end;
        Ok(Some(Task::Small { seq, members, buffer }))
    }

    /// As many small members as fill a block.
    fn batch(&self, start: usize) -> Range<usize> {
        let (mut end, mut bytes) = (start, 0);
        for member in &self.plan.members[start..] {
            let next = bytes + member.size + HEADER_BYTES;
            if is_large(member)
                || end - start == BLOCK_MEMBERS_MAX
                || (end > start && next > FRAME_BYTES as u64)
            {
                break;
            }
            bytes = next;
            end += 1;
        }
        start..end
    }

    fn open_large(&self, member: usize) -> Result<Large> {
        let path = &self.plan.members[member].path;
        let (file, stat) = self.plan.root.open_file(path.as_str()).map_err(|error| gone(path, error))?;
        Ok(Large { member, file: Arc::new(file), stat, offset: 0 })
    }

    fn small_block(&self, seq: u64, members: Range<usize>, mut buffer: Buffer) -> Result<Block> {
        let (mut heads, mut files) = (Vec::with_capacity(members.len()), Vec::with_capacity(members.len()));
        let (mut hasher, mut torn) = (Hasher::default(), Vec::new());
        for index in members {
            let member = &self.plan.members[index];
            let at = buffer.len();
            if member.kind != FileType::File {
                buffer.extend_from_slice(&self.header(member, 0));
                heads.push(Head { member: index, at, size: 0 });
                continue;
            }
            let (content, steadiness) = self.read_small(member, &mut buffer)?;
            if steadiness == Steadiness::Changing {
                torn.push(index);
            }
            let size = content.len() as u64;
            heads.push(Head { member: index, at, size });
            hasher.update(&buffer[content.clone()]);
            if let Some(copy) = self.plan.copy {
                copy.whole(&Member { size, ..member.clone() }, &buffer[content])?;
            }
            files.push((index, hasher.finish()));
            let padded = buffer.len() + tar::padding(size);
            buffer.resize(padded, 0);
            self.watch.advance(1, size);
        }
        Ok(Block { seq, buffer, heads, files, torn, piece: None })
    }

    /// Appends a small file's header and content; gives where the content lies.
    fn read_small(&self, member: &Member, buffer: &mut Vec<u8>) -> Result<(Range<usize>, Steadiness)> {
        let path = &member.path;
        let head = buffer.len();
        // A small file's header is as long whatever its size, so it can be written again once the size is certain.
        let planned = member.size.min(SMALL_BYTES_MAX);
        buffer.extend_from_slice(&self.header(member, planned));
        let start = buffer.len();
        let (file, stat) = match self.plan.root.open_file(path.as_str()).map_err(|error| gone(path, error)) {
            Err(error) if self.keeps(&error) => {
                buffer.truncate(head);
                buffer.extend_from_slice(&self.header(member, 0));
                return Ok((buffer.len()..buffer.len(), Steadiness::Changing));
            }
            opened => opened?,
        };
        let read = source::read_small(&file, stat, buffer);
        let (_, steadiness) = read.map_err(Error::io("read", self.plan.root.join(path.as_str())))?;
        if steadiness == Steadiness::Changing && !self.plan.keep_torn {
            return Err(changing(path, "it changed each time it was read"));
        }
        let content = start..buffer.len();
        if content.len() as u64 != planned {
            buffer[head..start].copy_from_slice(&self.header(member, content.len() as u64));
        }
        match (self.plan.inspect)(path, &buffer[content.clone()]) {
            Some(finding) => Err(Error::refused(finding)),
            None => Ok((content, steadiness)),
        }
    }

    fn piece_block(&self, seq: u64, large: Large, mut buffer: Buffer) -> Result<Block> {
        let member = &self.plan.members[large.member];
        let size = large.stat.st_size as u64;
        let heads = if large.offset == 0 {
            buffer.extend_from_slice(&self.header(member, size));
            vec![Head { member: large.member, at: 0, size }]
        } else {
            Vec::new()
        };
        let start = buffer.len();
        let wanted = (size - large.offset).min(FRAME_BYTES as u64) as usize;
        buffer.resize(start + wanted, 0);
        let read = source::read_piece(&large.file, &mut buffer[start..], large.offset)
            .map_err(Error::io("read", self.plan.root.join(member.path.as_str())))?;
        let last = large.offset + wanted as u64 == size;
        let after = rustix::fs::fstat(&*large.file)
            .map_err(|errno| Error::io("read", self.plan.root.join(member.path.as_str()))(errno.into()))?;
        // What is missing of the size that it had when it was opened is zeros.
        let is_torn = read < wanted || !source::same(&large.stat, &after);
        if is_torn && !self.plan.keep_torn {
            return Err(changing(&member.path, "it changed while it was read"));
        }
        let content = start..buffer.len();
        if last {
            let padded = buffer.len() + tar::padding(size);
            buffer.resize(padded, 0);
        }
        self.watch.advance(u64::from(last), wanted as u64);
        let torn = if is_torn { vec![large.member] } else { Vec::new() };
        let piece = Piece { member: large.member, content, last };
        Ok(Block { seq, buffer, heads, files: Vec::new(), torn, piece: Some(piece) })
    }

    /// Whether a file that cannot be opened as one any more is kept as an empty one.
    fn keeps(&self, error: &Error) -> bool {
        let is_of_changes =
            matches!(error, Error::Refused(found) if found.iter().all(|one| one.code == Code::FileChanging));
        self.plan.keep_gone && is_of_changes
    }

    fn header(&self, member: &Member, size: u64) -> Vec<u8> {
        tar::encode(&archived_as(self.plan.prefix, member, size))
    }
}

/// The member as the tar names it, with the size that was read.
pub fn archived_as(prefix: &str, member: &Member, size: u64) -> Member {
    Member { path: member.path.under(prefix), size, ..member.clone() }
}

fn is_large(member: &Member) -> bool {
    member.kind == FileType::File && member.size > SMALL_BYTES_MAX
}

fn changing(path: &PackPath, how: &str) -> Error {
    Error::refused(Finding::new(Code::FileChanging, path.as_str()).actual(how))
}

/// A file that the scan saw and that cannot be opened as one now has changed; anything else is an error of the system.
fn gone(path: &PackPath, error: Error) -> Error {
    let Error::Io { source, .. } = &error else { return error };
    let is = |errno: Errno| source.raw_os_error() == Some(errno.raw_os_error());
    if source.kind() == io::ErrorKind::NotFound {
        changing(path, "it vanished")
    } else if source.kind() == io::ErrorKind::InvalidInput {
        changing(path, "it is no longer a regular file")
    } else if is(Errno::LOOP) || is(Errno::NOTDIR) {
        changing(path, "it became a symbolic link, or lies beneath one")
    } else {
        error
    }
}
