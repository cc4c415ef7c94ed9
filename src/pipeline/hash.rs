//! Both digests of many files that stay where they are.

use crate::error::{Error, Result};
use crate::format::digest::{Blake3, Digests, Hasher, Sha256};
use crate::pipeline::crew;
use crate::pipeline::source::{self, Root, SMALL_BYTES_MAX};
use crate::pipeline::watch::Watch;
use crossbeam_channel::{Receiver, bounded};
use sha2::Digest as _;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// How much of a file is read at once: it stays in the second-level cache until both digests have seen it.
const READ_BYTES: usize = 256 << 10;
/// How much of a large file is handed to the thread of the other digest at once.
const PIECE_BYTES: usize = 1 << 20;

/// A file to hash.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Relative to the root.
    pub path: &'a str,
    /// Its size when it was listed: decides the order, nothing else.
    pub size: u64,
}

/// What a file holds: its size and both digests.
pub type Hashed = (u64, Digests);

/// Hashes every file on so many threads, the largest first; gives the results in the order of the list. A file that
/// cannot be read has its error in its place, and does not end the run.
pub fn hash_files(
    root: &Root,
    wanted: &[Wanted<'_>],
    threads: usize,
    watch: &Watch,
) -> Result<Vec<Result<Hashed>>> {
    let order = largest_first(wanted);
    let large = order.iter().take_while(|&&at| wanted[at].size > SMALL_BYTES_MAX).count();
    let next = AtomicUsize::new(0);
    let done = crew::together(threads, || {
        let (mut buffer, mut hasher, mut done) = (vec![0; READ_BYTES], Hasher::default(), Vec::new());
        while watch.check().is_ok() {
            let Some(&at) = order.get(next.fetch_add(1, Relaxed)) else { break };
            let wanted = wanted[at];
            // A last large file would keep one core busy alone: its digests are made on two.
            let hashed = if at_end_of_large(wanted.size, next.load(Relaxed), large, threads) {
                hash_on_two(root, wanted.path, watch)
            } else {
                hash_one(root, wanted.path, &mut buffer, &mut hasher, watch)
            };
            done.push((at, hashed));
        }
        done
    });
    watch.check()?;
    let mut results: Vec<Option<Result<Hashed>>> = wanted.iter().map(|_| None).collect();
    done.into_iter().flatten().for_each(|(at, hashed)| results[at] = Some(hashed));
    Ok(results.into_iter().flatten().collect())
}

/// Large files first, by size; small ones in their order, which is how they lie on the disk.
fn largest_first(wanted: &[Wanted<'_>]) -> Vec<usize> {
    let mut large: Vec<usize> = (0..wanted.len()).filter(|&at| wanted[at].size > SMALL_BYTES_MAX).collect();
    large.sort_by_key(|&at| std::cmp::Reverse(wanted[at].size));
    large.extend((0..wanted.len()).filter(|&at| wanted[at].size <= SMALL_BYTES_MAX));
    large
}

/// Whether fewer large files are left than there are threads, and this is one of them.
fn at_end_of_large(size: u64, taken: usize, large: usize, threads: usize) -> bool {
    size > SMALL_BYTES_MAX && large < threads && taken <= large
}

fn hash_one(
    root: &Root,
    path: &str,
    buffer: &mut [u8],
    hasher: &mut Hasher,
    watch: &Watch,
) -> Result<Hashed> {
    let (file, _) = root.open_file(path)?;
    let mut size = 0;
    loop {
        let count = file.read_at(buffer, size).map_err(Error::io("read", root.join(path)))?;
        hasher.update(&buffer[..count]);
        size += count as u64;
        // A short read of a regular file is its end; an exact one needs another look.
        if count < buffer.len() {
            watch.advance(1, size);
            return Ok((size, hasher.finish()));
        }
        watch.check()?;
    }
}

/// SHA-256 here, BLAKE3 on another thread, of the same pieces.
fn hash_on_two(root: &Root, path: &str, watch: &Watch) -> Result<Hashed> {
    let (file, _) = root.open_file(path)?;
    thread::scope(|scope| {
        let (pieces, to_hash) = bounded::<Arc<[u8]>>(4);
        let blake3 = scope.spawn(move || blake3_of(&to_hash));
        let mut sha256 = sha2::Sha256::new();
        let mut size = 0;
        loop {
            let piece = read_piece(&file, size).map_err(Error::io("read", root.join(path)))?;
            sha256.update(&piece);
            size += piece.len() as u64;
            watch.advance(0, piece.len() as u64);
            let last = piece.len() < PIECE_BYTES;
            let _ = pieces.send(piece);
            if last {
                break;
            }
            watch.check()?;
        }
        drop(pieces);
        watch.advance(1, 0);
        let blake3 = blake3.join().expect("hashing cannot panic");
        Ok((size, Digests { sha256: Sha256(sha256.finalize().into()), blake3 }))
    })
}

fn read_piece(file: &File, offset: u64) -> std::io::Result<Arc<[u8]>> {
    let mut piece = vec![0; PIECE_BYTES];
    let count = source::read_piece(file, &mut piece, offset)?;
    piece.truncate(count);
    Ok(piece.into())
}

fn blake3_of(pieces: &Receiver<Arc<[u8]>>) -> Blake3 {
    let mut hasher = blake3::Hasher::new();
    pieces.iter().for_each(|piece| {
        hasher.update(&piece);
    });
    Blake3(*hasher.finalize().as_bytes())
}
