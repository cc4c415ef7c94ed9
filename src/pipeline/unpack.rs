//! The way back: an archive's frames to tar members, every payload file hashed, and written if somebody wants it.
//!
//! ```text
//! file ─▶ open (digest, decrypt, split) ─▶ decompressors ─▶ here, in order ─▶ hashers (one a core)
//!                                                                └▶ lanes: files past one frame
//! ```
//!
//! Nothing here is trusted yet: what is given back is what the archive *says*, with the digests of what it *holds*.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::digest::{Digests, Hasher};
use crate::format::frames::{FRAME_BYTES, FRAME_COMPRESSED_MAX};
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::format::tar::{self, FaultKind, Step};
use crate::pipeline::buffers::{Buffer, Pool};
use crate::pipeline::contents::{Contents, Ledger};
use crate::pipeline::lanes::Lanes;
use crate::pipeline::open::{self, Archive, FrameIn, READ_BYTES, Trailer};
use crate::pipeline::sink::Written;
use crate::pipeline::watch::Watch;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::thread;

/// Takes the payload as it is read: before it is verified, so never into its final place.
pub trait Target: Sync {
    /// A whole file.
    fn whole(&self, member: &Member, content: &[u8]) -> Result<()>;
    /// The next piece of a file that comes in several; all of one file come before the next one's.
    fn piece(&self, member: &Member, content: &[u8], last: bool) -> Result<()>;
}

/// What an archive came to.
pub struct Unpacked {
    /// The file's digest and size. Read to the end whatever became of the content.
    pub file: Written,
    /// What is in it, or why that cannot be said.
    pub contents: Result<Contents>,
}

/// How much an archive may hold, as its verified receipt says.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Payload files and links.
    pub files: u64,
    /// Bytes of payload.
    pub bytes: u64,
}

/// A decompressed frame, in memory of the pool.
struct Plain {
    seq: u64,
    bytes: Buffer,
}

impl Deref for Plain {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whole files of one frame.
struct Batch {
    plain: Arc<Plain>,
    files: Vec<(usize, Member, Range<usize>)>,
}

/// A piece of a file that spans frames.
struct Piece {
    plain: Arc<Plain>,
    member: Arc<Member>,
    range: Range<usize>,
    last: bool,
}

/// Reads an archive whole. `limits` bound what is written to a target.
pub fn unpack(
    archive: Archive<'_>,
    limits: Option<Limits>,
    target: Option<&dyn Target>,
    threads: usize,
    watch: &Watch,
) -> Result<Unpacked> {
    let threads = threads.max(1);
    let Archive { mut input, path, identities } = archive;
    let pieces_pool = Pool::new(6, READ_BYTES);
    let frames_pool = Pool::new(2 * threads + 2, FRAME_COMPRESSED_MAX);
    let plain_pool = Pool::new(4 * threads + 2, FRAME_BYTES);
    let unpacked = thread::scope(|scope| {
        let (to_split, pieces) = bounded(4);
        let (to_decompress, frames) = bounded(threads);
        let (to_parse, plain) = bounded(threads);
        let reader = scope.spawn(|| open::read_file(&mut *input, path, &pieces_pool, to_split, watch));
        let splitter = scope.spawn({
            let pools = (&frames_pool, &plain_pool);
            move || open::split(pieces, (path, identities), pools, &to_decompress, watch)
        });
        for _ in 0..threads {
            let (frames, to_parse) = (frames.clone(), to_parse.clone());
            scope.spawn(move || decompress(&frames, &to_parse, watch));
        }
        drop((frames, to_parse));
        let parsed = parse(plain, limits, target, threads, watch);
        let trailer = splitter.join().map_err(|_| Error::Interrupted)?;
        let file = reader.join().map_err(|_| Error::Interrupted)??;
        Ok(Unpacked { file, contents: conclude(parsed, trailer, watch) })
    });
    watch.check().map_err(|echo| watch.failure_or(echo))?;
    unpacked
}

/// Which of the two ends tells the truth: a fault of the tar or of a target first, else one of the container.
fn conclude(parsed: Result<Parsed>, trailer: Result<Trailer>, watch: &Watch) -> Result<Contents> {
    let parsed = parsed.map_err(|echo| watch.failure_or(echo));
    match (parsed, trailer) {
        (Ok(Parsed { ended: false, .. }), Ok(_)) => Err(Error::refused(
            Finding::new(Code::TarInvalid, "").actual("the archive ends before the tar does"),
        )),
        (Ok(parsed), Ok(trailer)) => parsed.ledger.finish(trailer.index),
        (Err(Error::Interrupted) | Ok(_), Err(fault)) => Err(fault),
        (Err(fault), _) => Err(fault),
    }
}

fn decompress(frames: &Receiver<FrameIn>, out: &Sender<Plain>, watch: &Watch) {
    let mut context = match zstd::bulk::Decompressor::new() {
        Ok(context) => context,
        Err(source) => {
            return watch.fail(Error::Io { action: "decompress", path: "the archive".into(), source });
        }
    };
    for FrameIn { seq, frame, content, mut plain } in frames {
        let done = context.decompress_to_buffer(&frame, &mut *plain);
        if !matches!(done, Ok(count) if count == content) {
            let finding = Finding::new(Code::FrameInvalid, format!("frame {seq}"));
            return watch
                .fail(Error::refused(finding.actual("its content does not match its checksum or size")));
        }
        if out.send(Plain { seq, bytes: plain }).is_err() {
            return;
        }
    }
}

/// Takes frames as they come, parses them in order, and hands the payload to the hashers.
fn parse(
    plain: Receiver<Plain>,
    limits: Option<Limits>,
    target: Option<&dyn Target>,
    threads: usize,
    watch: &Watch,
) -> Result<Parsed> {
    thread::scope(|scope| {
        let (batches, to_hash) = bounded::<Batch>(threads);
        let (pieces, to_write) = unbounded::<Piece>();
        let (results, hashed) = unbounded();
        for _ in 0..threads {
            let (to_hash, results) = (to_hash.clone(), results.clone());
            scope.spawn(move || hash(&to_hash, &results, target, watch));
        }
        drop((to_hash, results));
        match target {
            Some(target) => drop(scope.spawn(move || write_pieces(&to_write, target, watch))),
            // A queue that nobody reads would keep the frames, and there are only so many.
            None => drop(to_write),
        }
        let ledger = Ledger::new(limits);
        let mut parser = Parser {
            ledger,
            tar: tar::Reader::default(),
            current: None,
            lanes: Lanes::default(),
            batches,
            pieces,
        };
        let parsed = parser.run(plain, &hashed, watch);
        let Parser { mut ledger, lanes, batches, pieces, tar, .. } = parser;
        drop((batches, pieces));
        hashed.iter().for_each(|(row, digests)| ledger.digested(row, digests));
        lanes.finish().into_iter().for_each(|(row, digests)| ledger.digested(row, digests));
        parsed?;
        watch.check()?;
        Ok(Parsed { ledger, ended: tar.ended() })
    })
}

/// What the frames came to.
struct Parsed {
    ledger: Ledger,
    /// Whether the tar was complete. If not, the container says what cut it short.
    ended: bool,
}

struct Parser {
    ledger: Ledger,
    tar: tar::Reader,
    current: Option<Current>,
    lanes: Lanes<Plain>,
    batches: Sender<Batch>,
    pieces: Sender<Piece>,
}

/// The member whose content comes next.
struct Current {
    member: Arc<Member>,
    /// Its row, or nothing for a tag file.
    row: Option<usize>,
    /// Whether some of its content was in an earlier frame.
    begun: bool,
}

impl Parser {
    fn run(
        &mut self,
        plain: Receiver<Plain>,
        hashed: &Receiver<(usize, Digests)>,
        watch: &Watch,
    ) -> Result<()> {
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for frame in plain {
            early.insert(frame.seq, frame);
            while let Some(frame) = early.remove(&next) {
                next += 1;
                watch.advance(0, frame.len() as u64);
                self.frame(Arc::new(frame))?;
            }
            hashed.try_iter().for_each(|(row, digests)| self.ledger.digested(row, digests));
            self.lanes.finished().into_iter().for_each(|(row, digests)| self.ledger.digested(row, digests));
        }
        Ok(())
    }

    fn frame(&mut self, plain: Arc<Plain>) -> Result<()> {
        let mut batch = Batch { plain: Arc::clone(&plain), files: Vec::new() };
        let mut at = 0;
        loop {
            let (step, used) = self.tar.step(&plain[at..]).map_err(refuse_tar)?;
            at += used;
            self.ledger.advance(used);
            match step {
                Step::More => break,
                Step::End => {
                    if at == plain.len() {
                        break;
                    }
                }
                Step::Member(member) => self.member(member, &mut batch, at)?,
                Step::Data { len, last } => self.data(at - len..at, last, &mut batch)?,
            }
        }
        if batch.files.is_empty() { Ok(()) } else { self.batches.send(batch).map_err(|_| Error::Interrupted) }
    }

    fn member(&mut self, member: Member, batch: &mut Batch, at: usize) -> Result<()> {
        let (row, inside) = self.ledger.member(member)?;
        match row {
            Some(row) if inside.kind == FileType::File && inside.size == 0 => {
                batch.files.push((row, inside, at..at))
            }
            _ => self.current = Some(Current { member: Arc::new(inside), row, begun: false }),
        }
        Ok(())
    }

    fn data(&mut self, range: Range<usize>, last: bool, batch: &mut Batch) -> Result<()> {
        let plain = &batch.plain;
        let Some(current) = &mut self.current else {
            return Err(Error::refused(
                Finding::new(Code::TarInvalid, "").actual("content that belongs to no file"),
            ));
        };
        let Some(row) = current.row else {
            return self.ledger.tag_content(&current.member.path, &plain[range]);
        };
        if last && !current.begun {
            batch.files.push((row, Member::clone(&current.member), range));
            return Ok(());
        }
        current.begun = true;
        self.lanes.push(row, plain, range.clone(), last);
        let (plain, member) = (Arc::clone(plain), Arc::clone(&current.member));
        // Nobody takes pieces where there is no target.
        let _ = self.pieces.send(Piece { plain, member, range, last });
        Ok(())
    }
}

/// What a fault of the tar means.
pub fn refuse_tar(fault: tar::Fault) -> Error {
    let code = match fault.kind {
        FaultKind::Invalid => Code::TarInvalid,
        FaultKind::Forbidden => Code::TarForbidden,
        FaultKind::Path => Code::PathUnsafe,
    };
    Error::refused(Finding::new(code, fault.path).actual(fault.what))
}

fn hash(
    batches: &Receiver<Batch>,
    results: &Sender<(usize, Digests)>,
    target: Option<&dyn Target>,
    watch: &Watch,
) {
    let mut hasher = Hasher::default();
    for Batch { plain, files } in batches {
        for (row, member, range) in files {
            let content = &plain[range];
            hasher.update(content);
            let _ = results.send((row, hasher.finish()));
            if let Some(target) = target
                && let Err(error) = target.whole(&member, content)
            {
                return watch.fail(error);
            }
        }
    }
}

fn write_pieces(pieces: &Receiver<Piece>, target: &dyn Target, watch: &Watch) {
    for Piece { plain, member, range, last } in pieces {
        if let Err(error) = target.piece(&member, &plain[range], last) {
            return watch.fail(error);
        }
    }
}

/// The path of a payload member in the tree; `None` for a tag file.
pub fn payload_path(inside: &str) -> Option<&str> {
    inside.strip_prefix("data/")
}

/// The part of an archive member's path inside the pack's folder, with that folder's name.
pub fn split_root(path: &PackPath) -> Option<(&str, &str)> {
    path.as_str().split_once('/')
}
