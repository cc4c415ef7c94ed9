//! How much of an artifact is read, and what is said where it holds more.
//!
//! A file can claim any size, and can unpack to a thousand times its own. So nothing is allocated by a claim, and every
//! reader that gives unpacked bytes stops at a limit.

use crate::finding::Code;
use crate::tree::reading::Reading;
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;

/// The most bytes of one member that are read whole, unpacked: a package database, a manifest, a jar inside a jar.
pub const MEMBER_BYTES_MAX: u64 = 64 << 20;

/// The most bytes of all members that are read whole, in one artifact.
pub const MEMBERS_BYTES_MAX: u64 = 512 << 20;

/// The largest manifest: METADATA, package.json, pom.xml, Cargo.toml, an image's JSON.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The most members of an archive, with those of the archives inside it.
pub const MEMBERS_MAX: u64 = 4_000_000;

/// How deep archives lie in each other: an ear holds wars, which hold jars.
pub const DEPTH_MAX: usize = 3;

/// How much all compressed streams of an artifact may unpack to that are walked but not kept, such as layers: this much …
pub const WALKED_BYTES_FREE: u64 = 256 << 20;

/// … and this many times the artifact's size. Programs and text reach 5 to 20, deflate at most 1,032.
pub const WALKED_RATIO_MAX: u64 = 50;

/// The longest text that is taken over from a manifest, in bytes. Longer ones are no names.
const TEXT_BYTES_MAX: usize = 1000;

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// [`Code::SbomSourceInvalid`] or [`Code::SbomSourceTooLarge`].
    pub code: Code,
    /// What is wrong, for people.
    pub what: String,
}

impl Trouble {
    /// It is not what it should be.
    pub fn invalid(what: impl Into<String>) -> Trouble {
        Trouble { code: Code::SbomSourceInvalid, what: what.into() }
    }

    /// It is more than may be read.
    pub fn too_large(what: impl Into<String>) -> Trouble {
        Trouble { code: Code::SbomSourceTooLarge, what: what.into() }
    }

    /// Notes it; `inside` is the member it lies in, or empty.
    pub fn note(self, inside: &str, reading: &mut Reading) {
        let before = reading.faults.len();
        reading.fault(self.code, None, self.what);
        if let Some(fault) = reading.faults.get_mut(before) {
            fault.inside = inside.to_owned();
        }
    }
}

/// A limit that a reader ran into, as it travels inside an [`io::Error`].
#[derive(Debug)]
struct Limit(String);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Limit {}

/// The error of a reader that has given all it may.
pub fn limit(what: impl Into<String>) -> io::Error {
    io::Error::other(Limit(what.into()))
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        let text = match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
            _ => error.to_string(),
        };
        match error.get_ref().is_some_and(|inner| inner.is::<Limit>()) {
            true => Trouble::too_large(text),
            false => Trouble::invalid(text),
        }
    }
}

/// What may still be read of one artifact.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    members: u64,
}

impl Budget {
    /// For one artifact.
    pub fn new() -> Budget {
        Budget { bytes: MEMBERS_BYTES_MAX, members: MEMBERS_MAX }
    }

    /// With fewer bytes, for what is kept in memory all at once.
    pub fn of(bytes: u64) -> Budget {
        Budget { bytes, members: MEMBERS_MAX }
    }

    /// Counts what is kept in memory beside the bytes of members: names, links.
    pub fn spend(&mut self, bytes: usize) -> Result<(), Trouble> {
        let left = self.bytes.checked_sub(bytes as u64);
        self.bytes = left.ok_or_else(|| Trouble::too_large("more names and links than can be kept"))?;
        Ok(())
    }

    /// Counts members.
    pub fn count(&mut self, members: u64) -> Result<(), Trouble> {
        match self.members.checked_sub(members) {
            Some(left) => self.members = left,
            None => return Err(Trouble::too_large(format!("more than {MEMBERS_MAX} members"))),
        }
        Ok(())
    }

    /// Everything that `input` gives, at most `most` bytes.
    pub fn read(&mut self, input: &mut dyn Read, most: u64) -> Result<Vec<u8>, Trouble> {
        let most_now = most.min(self.bytes);
        let mut bytes = Vec::new();
        input.take(most_now + 1).read_to_end(&mut bytes)?;
        let length = bytes.len() as u64;
        if length > most_now {
            self.bytes = if most_now == most { self.bytes - most } else { 0 };
            return Err(Trouble::too_large(match most_now == most {
                true => format!("more than {most} bytes"),
                false => format!("more than {MEMBERS_BYTES_MAX} bytes in all members together"),
            }));
        }
        self.bytes -= length;
        Ok(bytes)
    }

    /// A manifest.
    pub fn manifest(&mut self, input: &mut dyn Read) -> Result<Vec<u8>, Trouble> {
        self.read(input, MANIFEST_BYTES_MAX)
    }
}

/// How much the streams of one artifact may still unpack to, all together: archives in archives multiply.
#[derive(Clone, Debug)]
pub struct Pool(Rc<Cell<u64>>);

impl Pool {
    /// For an artifact of so many bytes.
    pub fn of(length_bytes: u64) -> Pool {
        let times = length_bytes.saturating_mul(WALKED_RATIO_MAX);
        Pool(Rc::new(Cell::new(times.saturating_add(WALKED_BYTES_FREE))))
    }

    /// Adds what one more file of so many bytes allows.
    pub fn add(&self, length_bytes: u64) {
        self.0.set(self.0.get().saturating_add(length_bytes.saturating_mul(WALKED_RATIO_MAX)));
    }

    /// With so many bytes left.
    pub fn with(left: u64) -> Pool {
        Pool(Rc::new(Cell::new(left)))
    }
}

/// A reader that fails with a limit, instead of ending, when the pool is empty.
pub struct Bounded<R> {
    inner: R,
    pool: Pool,
}

impl<R: Read> Bounded<R> {
    /// Takes from the pool.
    pub fn new(inner: R, pool: Pool) -> Bounded<R> {
        Bounded { inner, pool }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Some readers take a question for nothing to be their end.
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = self.pool.0.get();
        if left == 0 {
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(limit("it unpacks to more than may be read")),
            };
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.pool.0.set(left - read as u64);
        Ok(read)
    }
}

/// A text that can be a name, a version or a licence: trimmed, not empty, on one line and not long.
pub fn short(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_short = !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control);
    is_short.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_past_the_limit_is_too_large_and_costs_what_was_read() {
        let mut budget = Budget::of(100);
        assert_eq!(budget.read(&mut &[1; 10][..], 10).unwrap(), [1; 10]);
        let error = budget.read(&mut &[1; 11][..], 10).unwrap_err();
        assert_eq!(error, Trouble::too_large("more than 10 bytes"));
        assert_eq!(budget.bytes, 80);
        let error = budget.read(&mut &[1; 100][..], 90).unwrap_err();
        assert_eq!((error.code, budget.bytes), (Code::SbomSourceTooLarge, 0));
        assert!(budget.count(MEMBERS_MAX).is_ok());
        assert_eq!(budget.count(1).unwrap_err().code, Code::SbomSourceTooLarge);
    }

    #[test]
    fn a_bounded_reader_gives_what_fits_and_fails_on_more() {
        let mut all = Vec::new();
        Bounded::new(&[7; 5][..], Pool::with(5)).read_to_end(&mut all).unwrap();
        assert_eq!(all, [7; 5]);
        let shared = Pool::with(8);
        Bounded::new(&[7; 5][..], shared.clone()).read_to_end(&mut all).unwrap();
        let error = Bounded::new(&[7; 5][..], shared).read_to_end(&mut all).unwrap_err();
        assert_eq!(Trouble::from(error), Trouble::too_large("it unpacks to more than may be read"));
    }

    #[test]
    fn long_and_broken_texts_are_no_names() {
        assert_eq!(short(" MIT "), Some("MIT"));
        for none in ["", "  ", "a\nb", "a\u{1b}[0m", &"x".repeat(TEXT_BYTES_MAX + 1)] {
            assert_eq!(short(none), None, "{none:?}");
        }
    }
}
