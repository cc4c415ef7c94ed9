//! How much of a file a parser may hold: whatever it parses, this process stays small. What goes past that is not wrong, but
//! not checked either.

use crate::format::units::{number, size};
use std::cell::{Cell, RefCell};
use std::io::{self, Read};

/// How deep what opens may stand in what is open.
pub const DEPTH_MAX: usize = 1000;

/// The largest piece of a file that a parser holds as a whole (a record, a tag, a text; the names of all open tags), in bytes.
pub const PIECE_BYTES_MAX: usize = 4 << 20;

/// What became of a file that was parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// It is what its name says.
    Well,
    /// It is not, and why.
    Wrong(String),
    /// It goes past what is parsed here, or is encoded another way, and how: that is all that is known.
    Past(String),
}

/// What is left of the bounds while a file is parsed.
#[derive(Debug, Default)]
pub struct Bounds {
    room: Cell<usize>,
    past: RefCell<Option<String>>,
}

impl Bounds {
    /// The next piece begins.
    pub fn renew(&self) {
        self.room.set(PIECE_BYTES_MAX);
    }

    /// Notes that a piece of the file is too large, and says so.
    pub fn piece(&self) -> String {
        self.over(format!("a piece of it is larger than {}", size(PIECE_BYTES_MAX as u64)))
    }

    /// Notes that it is nested too deep, and says so.
    pub fn depth(&self) -> String {
        self.over(format!("it is nested deeper than {} levels", number(DEPTH_MAX as u64)))
    }

    /// Notes that it is longer than what is held as a whole, and says so.
    pub fn whole(&self, bytes_max: u64) -> String {
        self.over(format!("it is larger than {}", size(bytes_max)))
    }

    fn over(&self, why: String) -> String {
        self.past.replace(Some(why.clone()));
        why
    }

    /// What became of the file, if this is what its parser says.
    pub fn judge(self, said: Result<(), String>) -> Parsed {
        match (self.past.into_inner(), said) {
            (Some(why), _) => Parsed::Past(why),
            (None, Ok(())) => Parsed::Well,
            (None, Err(why)) => Parsed::Wrong(why),
        }
    }
}

/// A file whose pieces are bounded: an error where one has no end in sight.
pub struct Pieces<'a, R> {
    pub file: R,
    pub bounds: &'a Bounds,
}

impl<R: Read> Read for Pieces<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let room = &self.bounds.room;
        room.set(room.get().checked_sub(count).ok_or_else(|| io::Error::other(self.bounds.piece()))?);
        Ok(count)
    }
}

/// A file of JSON whose depth is bounded: brackets are counted that stand in no text.
pub struct Nesting<'a, R> {
    file: R,
    bounds: &'a Bounds,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl<'a, R> Nesting<'a, R> {
    /// From its beginning.
    pub fn new(file: R, bounds: &'a Bounds) -> Nesting<'a, R> {
        Nesting { file, bounds, depth: 0, in_text: false, is_escaped: false }
    }

    fn see(&mut self, byte: u8) {
        match (self.in_text, byte) {
            (true, _) if self.is_escaped => self.is_escaped = false,
            (true, b'\\') => self.is_escaped = true,
            (_, b'"') => self.in_text = !self.in_text,
            (false, b'[' | b'{') => self.depth += 1,
            (false, b']' | b'}') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

impl<R: Read> Read for Nesting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        for byte in buffer.get(..count).unwrap_or_default() {
            self.see(*byte);
            if self.depth > DEPTH_MAX {
                return Err(io::Error::other(self.bounds.depth()));
            }
        }
        Ok(count)
    }
}
