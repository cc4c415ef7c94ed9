//! Threads that share work: each taking what is next from one place, or pieces of which every one may bring more, as
//! folders bring folders. Scanning is half of what sealing small files costs, and most of it is the kernel's; so it is
//! done on all cores.

use crate::error::{Error, Result};
use std::iter;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many hands there are: one a core, but no more than this.
pub fn hands(most: usize) -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(most)
}

/// Does the same job on so many threads (at least one), and gives what each came to. What they share is the job's.
pub fn together<T: Send>(threads: usize, job: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&job)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
    })
}

/// Does a job for each piece, and gives what each came to, in the order of the pieces. Whoever is free takes the next.
pub fn each<P: Sync, T: Send>(pieces: &[P], threads: usize, job: impl Fn(&P) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let turn = || {
        let mine = iter::from_fn(|| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            Some((at, job(pieces.get(at)?)))
        });
        mine.collect::<Vec<(usize, T)>>()
    };
    let mut all: Vec<(usize, T)> = together(threads.min(pieces.len()), turn).into_iter().flatten().collect();
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, done)| done).collect()
}

struct Crew<T> {
    board: Mutex<Board<T>>,
    changed: Condvar,
}

struct Board<T> {
    /// What nobody has begun.
    open: Vec<T>,
    /// How many pieces are in someone's hands; each may still bring more.
    begun: usize,
    /// The first failure: then nothing more is begun.
    failed: Option<Error>,
}

/// Does the first piece and all that it brings, with one thread for each of `hands`, which keep what they gather.
/// The first error ends the work.
pub fn work<T: Send, H: Send>(
    first: T,
    mut hands: Vec<H>,
    piece: impl Fn(&mut H, T, &mut Vec<T>) -> Result<()> + Sync,
) -> Result<Vec<H>> {
    let board = Board { open: vec![first], begun: 0, failed: None };
    let crew = Crew { board: Mutex::new(board), changed: Condvar::new() };
    thread::scope(|scope| {
        for hand in &mut hands {
            scope.spawn(|| crew.take_turns(hand, &piece));
        }
    });
    let board = crew.board.into_inner().unwrap_or_else(PoisonError::into_inner);
    board.failed.map_or(Ok(hands), Err)
}

impl<T> Crew<T> {
    fn take_turns<H>(&self, hand: &mut H, piece: &impl Fn(&mut H, T, &mut Vec<T>) -> Result<()>) {
        while let Some(next) = self.next() {
            // Ends the turn even if the piece panics, so that nobody waits for ever.
            let turn = Turn(self);
            let mut more = Vec::new();
            let done = piece(hand, next, &mut more);
            let mut board = self.lock();
            match done {
                Ok(()) => board.open.append(&mut more),
                Err(error) => board.failed = board.failed.take().or(Some(error)),
            }
            drop(board);
            drop(turn);
        }
    }

    /// The next piece; waits while others may bring more. `None` when all is done, or something failed.
    fn next(&self) -> Option<T> {
        let mut board = self.lock();
        loop {
            if board.failed.is_some() {
                return None;
            }
            if let Some(piece) = board.open.pop() {
                board.begun += 1;
                return Some(piece);
            }
            if board.begun == 0 {
                return None;
            }
            board = self.changed.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board<T>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Turn<'c, T>(&'c Crew<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.lock().begun -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_brought_is_done_once() {
        let hands = work(1_u32, vec![Vec::new(); 3], |done, piece, more| {
            done.push(piece);
            more.extend([piece * 2, piece * 2 + 1].into_iter().filter(|&child| child < 1000));
            Ok(())
        });
        let mut done = hands.unwrap().concat();
        done.sort_unstable();
        assert_eq!(done, (1..1000).collect::<Vec<_>>());
    }

    #[test]
    fn what_each_piece_came_to_is_in_the_order_of_the_pieces() {
        let pieces: Vec<u32> = (0..1000).collect();
        for threads in [0, 1, 3] {
            assert_eq!(each(&pieces, threads, |piece| piece * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        }
        assert!(each(&[], 3, |piece: &u32| *piece).is_empty());
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let result = work(0_u32, vec![(); 2], |(), piece, more| {
            more.push(piece + 1);
            if piece == 100 { Err(Error::Interrupted) } else { Ok(()) }
        });
        assert!(matches!(result, Err(Error::Interrupted)));
    }
}
