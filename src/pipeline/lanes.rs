//! Digests of files that are too large for one buffer: SHA-256 and BLAKE3 each on a thread of their own, fed the pieces
//! in order.

use crate::format::digest::{Blake3, Digests, Sha256};
use crossbeam_channel::{Receiver, Sender, unbounded};
use sha2::Digest as _;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The two threads, which begin with the first piece: most archives have no such file. Pieces are bounded by the buffers that
/// hold them, not by the queues.
pub struct Lanes<B> {
    lanes: Option<[Lane<B>; 2]>,
    results: Sender<(usize, Half)>,
    done: Receiver<(usize, Half)>,
    waiting: Vec<(usize, Half)>,
}

/// A thread and the way to it.
type Lane<B> = (Sender<Piece<B>>, JoinHandle<()>);

struct Piece<B> {
    file: usize,
    buffer: Arc<B>,
    range: Range<usize>,
    last: bool,
}

#[derive(Clone, Copy)]
enum Half {
    Sha256(Sha256),
    Blake3(Blake3),
}

impl<B: Deref<Target = [u8]> + Send + Sync + 'static> Default for Lanes<B> {
    fn default() -> Lanes<B> {
        let (results, done) = unbounded();
        Lanes { lanes: None, results, done, waiting: Vec::new() }
    }
}

impl<B: Deref<Target = [u8]> + Send + Sync + 'static> Lanes<B> {
    fn start(results: &Sender<(usize, Half)>) -> [Lane<B>; 2] {
        let sha = lane(results.clone(), |pieces: Receiver<Piece<B>>, results| {
            let mut hasher = sha2::Sha256::new();
            for piece in pieces {
                hasher.update(&piece.buffer[piece.range]);
                if piece.last {
                    let half = Half::Sha256(Sha256(hasher.finalize_reset().into()));
                    let _ = results.send((piece.file, half));
                }
            }
        });
        let blake = lane(results.clone(), |pieces: Receiver<Piece<B>>, results| {
            let mut hasher = blake3::Hasher::new();
            for piece in pieces {
                hasher.update(&piece.buffer[piece.range]);
                if piece.last {
                    let _ = results.send((piece.file, Half::Blake3(Blake3(*hasher.finalize().as_bytes()))));
                    hasher.reset();
                }
            }
        });
        [sha, blake]
    }

    /// Feeds the next piece of a file; a file is whole before the next begins.
    pub fn push(&mut self, file: usize, buffer: &Arc<B>, range: Range<usize>, last: bool) {
        for (pieces, _) in self.lanes.get_or_insert_with(|| Lanes::start(&self.results)) {
            let _ = pieces.send(Piece { file, buffer: Arc::clone(buffer), range: range.clone(), last });
        }
    }

    /// The files that are done so far, each with both digests.
    pub fn finished(&mut self) -> Vec<(usize, Digests)> {
        self.waiting.extend(self.done.try_iter());
        pair_up(&mut self.waiting)
    }

    /// Ends the threads; gives the files that were not given before.
    pub fn finish(self) -> Vec<(usize, Digests)> {
        let Lanes { lanes, done, mut waiting, .. } = self;
        for (pieces, thread) in lanes.into_iter().flatten() {
            drop(pieces);
            thread.join().expect("a hashing lane cannot panic");
        }
        waiting.extend(done.try_iter());
        pair_up(&mut waiting)
    }
}

fn lane<B: Send + Sync + 'static>(
    results: Sender<(usize, Half)>,
    run: impl FnOnce(Receiver<Piece<B>>, Sender<(usize, Half)>) + Send + 'static,
) -> Lane<B> {
    let (sender, pieces) = unbounded();
    (sender, thread::spawn(move || run(pieces, results)))
}

/// Takes out the files of which both halves are there.
fn pair_up(waiting: &mut Vec<(usize, Half)>) -> Vec<(usize, Digests)> {
    waiting.sort_by_key(|(file, _)| *file);
    let (mut whole, mut rest) = (Vec::new(), Vec::new());
    let mut halves = waiting.drain(..).peekable();
    while let Some((file, half)) = halves.next() {
        match (half, halves.peek()) {
            (Half::Sha256(sha256), Some(&(other, Half::Blake3(blake3))))
            | (Half::Blake3(blake3), Some(&(other, Half::Sha256(sha256))))
                if other == file =>
            {
                whole.push((file, Digests { sha256, blake3 }));
                halves.next();
            }
            _ => rest.push((file, half)),
        }
    }
    drop(halves);
    *waiting = rest;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_several_files_give_the_digests_of_the_whole() {
        let mut lanes = Lanes::default();
        let mut given = Vec::new();
        for file in 0..20 {
            let buffer = Arc::new(vec![file as u8; 3000].into_boxed_slice());
            lanes.push(file, &buffer, 0..1000, false);
            lanes.push(file, &buffer, 1000..3000, true);
            given.extend(lanes.finished());
        }
        given.extend(lanes.finish());
        given.sort_by_key(|(file, _)| *file);
        let expected: Vec<_> = (0..20).map(|file| (file, Digests::of(&[file as u8; 3000]))).collect();
        assert_eq!(given, expected);
    }
}
