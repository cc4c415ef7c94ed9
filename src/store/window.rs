//! A long object of a store as something to read here and there: by ranges, a little ahead of what is asked for.

use crate::error::Result;
use crate::store::{ObjectName, Store};
use std::io::{self, Read, Seek, SeekFrom};

/// How much is fetched at least, in bytes: a header, a footer, a short file.
const LEAST_BYTES: usize = 128 << 10;

/// How much is fetched at once of what is read on and on: a frame.
const MOST_BYTES: usize = 4 << 20;

/// An object that is read here and there.
pub struct Window<'s> {
    store: &'s dyn Store,
    name: ObjectName,
    size: u64,
    at: u64,
    /// Where the fetched bytes begin.
    start: u64,
    fetched: Vec<u8>,
    /// How much is fetched next.
    ahead: usize,
}

impl<'s> Window<'s> {
    /// Nothing of it is fetched yet. It has so many bytes.
    pub fn new(store: &'s dyn Store, name: ObjectName, size: u64) -> Window<'s> {
        Window { store, name, size, at: 0, start: 0, fetched: Vec::new(), ahead: LEAST_BYTES }
    }

    /// What is fetched and lies at the present place.
    fn here(&self) -> &[u8] {
        let inside = self.at.checked_sub(self.start).and_then(|inside| usize::try_from(inside).ok());
        inside.and_then(|inside| self.fetched.get(inside..)).unwrap_or_default()
    }

    fn fetch(&mut self) -> Result<()> {
        // Who reads on from where the last range ended gets twice as much at once.
        let goes_on = !self.fetched.is_empty() && self.at == self.start + self.fetched.len() as u64;
        self.ahead = if goes_on { (2 * self.ahead).min(MOST_BYTES) } else { LEAST_BYTES };
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        self.fetched = self.store.range(&self.name, self.at, self.ahead.min(left))?;
        self.start = self.at;
        Ok(())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || bytes.is_empty() {
            return Ok(0);
        }
        if self.here().is_empty() {
            self.fetch().map_err(io::Error::other)?;
        }
        let count = self.here().read(bytes)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(offset) => (self.size, offset),
            SeekFrom::Current(offset) => (self.at, offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the start");
        self.at = base.checked_add_signed(offset).ok_or_else(before)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    #[test]
    fn what_is_read_here_and_there_is_what_is_there() {
        let store = Memory::new();
        let name = ObjectName::new("archives/a").unwrap();
        let content: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let mut arrival = store.arrive(&name).unwrap();
        arrival.write_all(&content).unwrap();
        let digest = crate::format::digest::Sha256::of(&content);
        arrival.finish(content.len() as u64, &digest).unwrap();
        let mut window = Window::new(&store, name, content.len() as u64);
        for (at, len) in [(3_999_990, 10), (0, 5), (400_000, 3_000_000), (10, 0), (3_999_999, 50)] {
            window.seek(SeekFrom::Start(at as u64)).unwrap();
            let mut bytes = Vec::new();
            (&mut window).take(len as u64).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, content[at..content.len().min(at + len)], "{at}");
        }
        assert_eq!(window.seek(SeekFrom::End(-4)).unwrap(), 3_999_996);
        assert!(window.seek(SeekFrom::Current(-4_000_000)).is_err());
        let gone = ObjectName::new("archives/b").unwrap();
        assert!(Window::new(&store, gone, 5).read(&mut [0; 5]).is_err());
    }
}
