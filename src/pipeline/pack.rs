//! The way in: members to blocks of tar, blocks to frames, frames through age into a file.
//!
//! ```text
//! feed (a worker a core) ─▶ here, in order ─▶ compressors (one a core) ─▶ sink ─▶ file
//!                                └▶ lanes: digests of large files
//! ```
//!
//! Memory is bounded by two pools: the blocks, and the compressed frames.

use crate::format::digest::Digests;
use crate::format::frames::{FRAME_BYTES, FRAME_COMPRESSED_MAX};
use crate::format::index::IndexWriter;
use crate::format::member::Member;
use crate::format::path::PackPath;
use crate::format::tar;
use crate::pipeline::buffers::{Buffer, Pool};
use crate::pipeline::compress::{self, FrameJob};
use crate::pipeline::feed::{Block, Feed, Plan};
use crate::pipeline::lanes::Lanes;
use crate::pipeline::sink::{self, Out, Part, Written};
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::Target;
use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle, Scope, ScopedJoinHandle};

/// How to write an archive.
pub struct Settings {
    /// zstd's compression level, 1 to 19.
    pub level: i32,
    /// Worker threads for reading, and as many for compressing.
    pub threads: usize,
}

/// What became of a member that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Its size as read; 0 for folders and links.
    pub size: u64,
    /// Its digests; of folders and links, those of nothing.
    pub digests: Digests,
    /// Whether it changed while it was read, and was kept as it came.
    pub torn: bool,
}

/// An archive that is being written.
pub struct ArchiveWriter<'s> {
    watch: Watch,
    threads: usize,
    blocks: Pool,
    frames: Pool,
    jobs: Sender<FrameJob>,
    parts: Sender<Part>,
    compressors: Vec<JoinHandle<()>>,
    sink: ScopedJoinHandle<'s, Option<Written>>,
    index: IndexWriter,
    /// Plaintext bytes so far.
    offset: u64,
    /// The frame that is being filled.
    filling: Vec<(Arc<Block>, Range<usize>)>,
    /// The block that files are written into.
    partial: Option<Buffer>,
    filled: usize,
    next_frame: u64,
    path: PathBuf,
}

impl Block {
    /// Bytes of which everything is known already.
    fn of(buffer: Buffer) -> Block {
        Block { seq: 0, buffer, heads: Vec::new(), files: Vec::new(), torn: Vec::new(), piece: None }
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

/// Writes an archive into `out`: `fill` is given the writer, and finishes it. One that is not finished is cut off where it is,
/// which is for whoever has `out` to clean up. `path` is for messages; nothing is renamed or synced here.
pub fn archive<T>(
    out: Out<'_>,
    path: &Path,
    encryptor: Option<age::Encryptor>,
    settings: &Settings,
    watch: &Watch,
    fill: impl FnOnce(ArchiveWriter<'_>) -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| fill(ArchiveWriter::new(scope, out, path, encryptor, settings, watch)?))
}

impl<'s> ArchiveWriter<'s> {
    /// Starts the threads.
    fn new(
        scope: &'s Scope<'s, '_>,
        out: Out<'s>,
        path: &Path,
        encryptor: Option<age::Encryptor>,
        settings: &Settings,
        watch: &Watch,
    ) -> Result<ArchiveWriter<'s>> {
        let threads = settings.threads.max(1);
        let (jobs, to_compress) = bounded(threads);
        let (parts, to_write) = bounded(threads);
        let compressors = compress::start(threads, settings.level, &to_compress, &parts, watch);
        Ok(ArchiveWriter {
            watch: watch.clone(),
            threads,
            // A block for each reader and compressor, and as many again on the way between them.
            blocks: Pool::new(4 * threads + 2, FRAME_BYTES + FRAME_BYTES / 8),
            frames: Pool::new(2 * threads + 2, FRAME_COMPRESSED_MAX),
            jobs,
            parts,
            compressors,
            sink: sink::start(scope, out, path, encryptor, to_write, watch),
            index: IndexWriter::new().map_err(Error::io("write", path))?,
            offset: 0,
            filling: Vec::new(),
            partial: None,
            filled: 0,
            next_frame: 0,
            path: path.to_owned(),
        })
    }

    /// Reads, hashes and appends every member of the plan; gives what was read of each, in order.
    pub fn payload(&mut self, plan: Plan<'_>) -> Result<Vec<Read>> {
        self.end_block()?;
        self.gather()?;
        let mut read = vec![Read::default(); plan.members.len()];
        let (members, prefix, copy) = (plan.members, plan.prefix, plan.copy);
        let watch = self.watch.clone();
        let pool = std::mem::replace(&mut self.blocks, Pool::new(0, 0));
        let feed = Feed::new(plan, &pool, &watch);
        let mut lanes = Lanes::default();
        let result = thread::scope(|scope| {
            let (ready, blocks) = bounded(self.threads);
            for _ in 0..self.threads {
                let (feed, ready, watch) = (&feed, ready.clone(), &watch);
                scope.spawn(move || work(feed, &ready, watch));
            }
            drop(ready);
            self.consume(&blocks, (members, prefix, copy), &mut lanes, &mut read)
        });
        for (member, digests) in lanes.finish() {
            read[member].digests = digests;
        }
        self.blocks = pool;
        result.and_then(|()| watch.check()).map_err(|echo| watch.failure_or(echo))?;
        Ok(read)
    }

    /// Takes blocks as they come and uses them in order.
    fn consume(
        &mut self,
        blocks: &Receiver<Block>,
        (members, prefix, copy): (&[Member], &str, Option<&Staging>),
        lanes: &mut Lanes<Block>,
        read: &mut [Read],
    ) -> Result<()> {
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for block in blocks {
            early.insert(block.seq, block);
            while let Some(block) = early.remove(&next) {
                next += 1;
                if let (Some(piece), Some(copy)) = (&block.piece, copy) {
                    copy.piece(&members[piece.member], &block[piece.content.clone()], piece.last)?;
                }
                for head in &block.heads {
                    self.index_member(&members[head.member].path.under(prefix), head.at, head.size)?;
                    read[head.member].size = head.size;
                }
                block.files.iter().for_each(|&(member, digests)| read[member].digests = digests);
                block.torn.iter().for_each(|&member| read[member].torn = true);
                self.append_block(block, Some(lanes))?;
            }
            lanes.finished().into_iter().for_each(|(member, digests)| read[member].digests = digests);
        }
        Ok(())
    }

    fn append_block(&mut self, block: Block, lanes: Option<&mut Lanes<Block>>) -> Result<()> {
        let block = Arc::new(block);
        if let (Some(piece), Some(lanes)) = (&block.piece, lanes) {
            lanes.push(piece.member, &block, piece.content.clone(), piece.last);
        }
        let mut start = 0;
        while start < block.len() {
            let end = block.len().min(start + FRAME_BYTES - self.filled);
            self.filling.push((Arc::clone(&block), start..end));
            self.filled += end - start;
            start = end;
            if self.filled == FRAME_BYTES {
                self.end_frame()?;
            }
        }
        self.offset += block.len() as u64;
        Ok(())
    }

    fn end_frame(&mut self) -> Result<()> {
        let frame = self.frames.take(&self.watch)?;
        let job = FrameJob { seq: self.next_frame, parts: std::mem::take(&mut self.filling), frame };
        self.filled = 0;
        self.next_frame += 1;
        self.jobs.send(job).map_err(|_| Error::Interrupted)
    }

    /// Appends the block that files are written into.
    fn end_block(&mut self) -> Result<()> {
        let Some(buffer) = self.partial.take() else { return Ok(()) };
        self.append_block(Block::of(buffer), None)
    }

    /// Makes one block of all that the frame holds so far. Where one plan ends and another begins blocks are as short as it
    /// comes: of many small plans a frame would hold more than there are.
    fn gather(&mut self) -> Result<()> {
        if self.filling.len() < 2 {
            return Ok(());
        }
        let mut buffer = self.blocks.take(&self.watch)?;
        for (block, range) in self.filling.drain(..) {
            buffer.extend_from_slice(&block[range]);
        }
        self.filling.push((Arc::new(Block::of(buffer)), 0..self.filled));
        Ok(())
    }

    fn index_member(&mut self, path: &PackPath, at: usize, size: u64) -> Result<()> {
        // The index names members relative to the pack's folder.
        let inside = path.as_str().split_once('/').map_or(path.as_str(), |(_, inside)| inside);
        self.index.push(inside, self.offset + at as u64, size).map_err(Error::io("write", &self.path))
    }

    /// Appends one file, of exactly the size that the member says.
    pub fn file(&mut self, member: &Member, content: &mut dyn io::Read) -> Result<()> {
        let at = self.partial.as_ref().map_or(0, |buffer| buffer.len());
        self.index_member(&member.path, at, member.size)?;
        BlockWriter::run(self, |archive| {
            archive.write_all(&tar::encode(member))?;
            if io::copy(&mut io::Read::take(content, member.size), archive)? != member.size {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a tag file became shorter"));
            }
            archive.write_all(&[0; tar::BLOCK_BYTES][..tar::padding(member.size)])
        })
    }

    /// Ends the tar, waits for everything to be written, and closes the age file.
    pub fn finish(mut self) -> Result<Written> {
        let ended = self.end();
        let ArchiveWriter { watch, jobs, parts, compressors, sink, index, path, .. } = self;
        drop(jobs);
        for thread in compressors {
            thread.join().map_err(|_| Error::Interrupted)?;
        }
        let index = index.finish().map_err(Error::io("write", &path));
        if let (Ok(()), Ok(index), Ok(())) = (&ended, &index, watch.check()) {
            let _ = parts.send(Part::Index(index.clone()));
        }
        drop(parts);
        let written = sink.join().map_err(|_| Error::Interrupted)?;
        ended.and(index.map(drop)).map_err(|echo| watch.failure_or(echo))?;
        written.ok_or_else(|| watch.failure_or(Error::Interrupted))
    }

    fn end(&mut self) -> Result<()> {
        BlockWriter::run(self, |archive| archive.write_all(&tar::END))?;
        self.end_block()?;
        if self.filled > 0 { self.end_frame() } else { Ok(()) }
    }
}

/// A reading worker: blocks until there are no more, or until somebody failed.
fn work(feed: &Feed<'_>, ready: &Sender<Block>, watch: &Watch) {
    loop {
        match feed.next_block() {
            Ok(Some(block)) => {
                if ready.send(block).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return watch.fail(error),
        }
    }
}

/// Cuts what is written into full blocks of the archive: a frame must never hold more buffers than there are.
struct BlockWriter<'a, 's> {
    archive: &'a mut ArchiveWriter<'s>,
    /// What stopped it: `Write` can only carry an I/O error.
    failure: Option<Error>,
}

impl<'a, 's> BlockWriter<'a, 's> {
    /// Runs `emit` on a writer of the archive.
    fn run(
        archive: &'a mut ArchiveWriter<'s>,
        emit: impl FnOnce(&mut BlockWriter<'a, 's>) -> io::Result<()>,
    ) -> Result<()> {
        let path = archive.path.clone();
        let mut writer = BlockWriter { archive, failure: None };
        let written = emit(&mut writer);
        let failure = writer.failure;
        written.map_err(|source| failure.unwrap_or(Error::Io { action: "write", path, source }))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<usize> {
        let archive = &mut *self.archive;
        let mut buffer = match archive.partial.take() {
            Some(buffer) => buffer,
            None => archive.blocks.take(&archive.watch)?,
        };
        let count = bytes.len().min(FRAME_BYTES - buffer.len());
        buffer.extend_from_slice(&bytes[..count]);
        archive.partial = Some(buffer);
        if archive.partial.as_ref().is_some_and(|buffer| buffer.len() == FRAME_BYTES) {
            archive.end_block()?;
        }
        Ok(count)
    }
}

impl Write for BlockWriter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(|error| {
            self.failure = Some(error);
            io::Error::other("the archive cannot be written")
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::member::FileType;
    use crate::pipeline::source::Root;
    use std::fs;
    use std::time::Duration;

    fn member(path: &str, size: u64) -> Member {
        let path = PackPath::new(path.as_bytes()).unwrap();
        Member { path, kind: FileType::File, size, mode: 0o644, mtime_s: 0, mtime_ns: 0, uid: 0, gid: 0 }
    }

    /// An archive of so many small plans, each with a file of a stream's after it; gives how many files were read.
    fn written(plans: usize, watch: &Watch) -> Result<usize> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "x").unwrap();
        let (root, members) = (Root::open(folder.path())?, [member("x", 1)]);
        let plan = || Plan {
            root: &root,
            members: &members,
            prefix: "pack/",
            inspect: &|_, _| None,
            copy: None,
            keep_torn: false,
        };
        let settings = Settings { level: 1, threads: 1 };
        archive(&mut Vec::new(), Path::new("out"), None, &settings, watch, |mut archive| {
            let mut read = 0;
            for _ in 0..plans {
                read += archive.payload(plan())?.len();
                archive.file(&member("pack/streamed", 1), &mut &b"y"[..])?;
            }
            archive.finish().map(|_| read)
        })
    }

    /// More than there are blocks, all in one frame.
    #[test]
    fn many_small_plans_are_written_with_few_blocks() {
        let (send, ended) = bounded(1);
        let watch = Watch::default();
        let theirs = watch.clone();
        thread::spawn(move || send.send(written(100, &theirs)));
        let read = ended.recv_timeout(Duration::from_secs(60));
        watch.interrupt();
        assert_eq!(read.expect("it waits for a block for ever").unwrap(), 100);
    }
}
