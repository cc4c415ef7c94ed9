//! Writes the cache that the next backup is built upon.

use crate::error::{Error, Result};
use crate::format::backup_cache::{Header, Held, Record, Writer};
use crate::pipeline::pack;
use crate::tree::member::{Member as Scanned, MemberKind};
use crate::verbs::backup::payload::Read;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Times within so many nanoseconds of a run do not tell whether a file changed after it was read: the coarsest clock of a file
/// system counts two seconds.
const GRAIN_NS: i64 = 2_000_000_000;

/// What is remembered of a backup.
pub(super) struct Memory<'m> {
    /// Its header, with every archive that may hold something.
    pub(super) header: Header,
    /// The payload.
    pub(super) read: &'m Read,
    /// When it began, in nanoseconds since 1970.
    pub(super) begun_ns: i64,
    /// The archive in the header that holds what no earlier one does.
    pub(super) newest: u32,
}

impl Memory<'_> {
    /// Writes it into the scratch folder, and gives it its name.
    pub(super) fn keep(self, aside: &Path, path: &Path) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        self.write(aside).map_err(Error::io("write", aside))?;
        fs::rename(aside, path).map_err(Error::io("write", path))
    }

    fn write(mut self, to: &Path) -> io::Result<()> {
        let numbers = self.compact();
        // Names and digests of everything: for nobody else to read.
        let file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, file), &self.header)?;
        let mut record = Record::default();
        for (at, (scanned, read)) in self.read.scanned.iter().zip(&self.read.read).enumerate() {
            if scanned.kind != MemberKind::File {
                continue;
            }
            let there = self.read.elsewhere.of(at);
            let archive = there.map_or(self.newest, |(archive, _)| archive);
            self.fill(&mut record, scanned, read);
            record.archive = numbers.get(&archive).copied().unwrap_or_default();
            record.place = there.and_then(|(_, moved)| moved).map(|moved| moved.as_bytes().to_vec());
            writer.push(&record)?;
        }
        let mut out = writer.finish()?;
        out.flush()?;
        out.get_ref().sync_all()
    }

    fn fill(&self, record: &mut Record, scanned: &Scanned, read: &pack::Read) {
        record.path.clear();
        record.path.extend_from_slice(scanned.path.as_str().as_bytes());
        record.size = read.size;
        record.mtime_s = scanned.mtime_s;
        record.mtime_ns = scanned.mtime_ns;
        record.ctime_ns = scanned.stamp.ctime_ns;
        record.inode = scanned.stamp.inode;
        record.device = scanned.stamp.device;
        let is_recent = scanned.stamp.ctime_ns > self.begun_ns.saturating_sub(GRAIN_NS);
        record.unsettled = is_recent || read.torn || read.size != scanned.size;
        record.torn = read.torn;
        record.digests = read.digests;
    }

    /// Drops the archives that hold nothing any more; gives the new number of each. The newest backup's stays.
    fn compact(&mut self) -> BTreeMap<u32, u32> {
        let mut used = std::collections::BTreeSet::from([self.newest]);
        let mut files = 0;
        for (at, scanned) in self.read.scanned.iter().enumerate() {
            if scanned.kind == MemberKind::File {
                files += 1;
                used.extend(self.read.elsewhere.of(at).map(|(archive, _)| archive));
            }
        }
        self.header.files = files;
        let newest = self.header.newest.clone();
        let all: Vec<Held> = std::mem::take(&mut self.header.archives);
        let mut numbers = BTreeMap::new();
        for (number, held) in all.into_iter().enumerate() {
            if used.contains(&(number as u32)) || held.name == newest {
                numbers.insert(number as u32, self.header.archives.len() as u32);
                self.header.archives.push(held);
            }
        }
        numbers
    }
}
