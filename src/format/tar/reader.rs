//! Reads a tar from pieces of any length, and takes nothing that [`encode`](super::encode) would not have written.

use super::header::checksum;
use super::{BLOCK_BYTES, encode, padding, pax};
use crate::format::member::{FileType, Member};
use crate::format::path::{PackPath, PathFault};
use std::fmt;

/// What a piece of input came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// All of the input was taken; more is needed.
    More,
    /// A member begins. Its content, if any, follows.
    Member(Member),
    /// The first so many bytes of the rest of the input are content of the current member; `last` ends it.
    Data {
        /// How many bytes.
        len: usize,
        /// Whether the member is complete with them.
        last: bool,
    },
    /// The end-of-archive blocks were seen. Nothing may follow.
    End,
}

/// Why a tar is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// The member, as far as it is known.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

/// What kind of thing is wrong with a tar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not what attestar writes.
    Invalid,
    /// A type of member that is never unpacked.
    Forbidden,
    /// A path that is no pack path.
    Path,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

enum State {
    /// Collecting a header block.
    Header,
    /// Collecting pax records of so many bytes, padding included.
    Records { size: usize },
    /// In the content of a member.
    Data { left: u64, pad: usize },
    /// Skipping zero padding.
    Pad { left: usize },
    /// One zero block was seen.
    HalfEnd,
    /// Both were.
    End,
}

/// A push parser: feed it input, act on the step, feed it the rest.
pub struct Reader {
    state: State,
    /// Header and pax blocks of the member that is being read, as received.
    raw: Vec<u8>,
    /// Where the pax records lie in `raw`.
    records: Option<std::ops::Range<usize>>,
    /// How many bytes of `raw` the current state is waiting for.
    wanted: usize,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { state: State::Header, raw: Vec::new(), records: None, wanted: BLOCK_BYTES }
    }
}

impl Reader {
    /// Takes a step over `input`; gives it and how many bytes were used up. For [`Step::Data`] the content itself is
    /// counted as used.
    pub fn step(&mut self, input: &[u8]) -> Result<(Step, usize), Fault> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            if rest.is_empty() && !matches!(self.state, State::End) {
                return Ok((Step::More, used));
            }
            match self.state {
                State::Header | State::HalfEnd | State::Records { .. } => {
                    let take = rest.len().min(self.wanted - self.raw.len());
                    self.raw.extend_from_slice(&rest[..take]);
                    used += take;
                    if self.raw.len() == self.wanted
                        && let Some(step) = self.blocks_complete()?
                    {
                        return Ok((step, used));
                    }
                }
                State::Data { left, pad } => {
                    let len = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    let left = left - len as u64;
                    let last = left == 0;
                    self.state = if last { State::Pad { left: pad } } else { State::Data { left, pad } };
                    return Ok((Step::Data { len, last }, used + len));
                }
                State::Pad { left } => {
                    let take = left.min(rest.len());
                    if rest[..take].iter().any(|&b| b != 0) {
                        return Err(self.invalid("padding that is not zero"));
                    }
                    used += take;
                    self.state = if take == left { State::Header } else { State::Pad { left: left - take } };
                    self.wanted = BLOCK_BYTES;
                }
                State::End if rest.is_empty() => return Ok((Step::End, used)),
                State::End => return Err(self.invalid("bytes after the end of the archive")),
            }
        }
    }

    /// Whether the end-of-archive blocks were seen.
    pub fn ended(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// What a complete block (or the complete pax records) in `raw` means.
    fn blocks_complete(&mut self) -> Result<Option<Step>, Fault> {
        if let State::Records { size } = self.state {
            let start = self.raw.len() - size - padding(size as u64);
            self.records = Some(start..start + size);
            self.wanted = self.raw.len() + BLOCK_BYTES;
            self.state = State::Header;
            return Ok(None);
        }
        let block: [u8; BLOCK_BYTES] =
            *self.raw.last_chunk().expect("a header state waits for at least one block");
        if block == [0; BLOCK_BYTES] && self.records.is_none() {
            self.raw.clear();
            self.state = if matches!(self.state, State::HalfEnd) { State::End } else { State::HalfEnd };
            return Ok(matches!(self.state, State::End).then_some(Step::End));
        }
        if matches!(self.state, State::HalfEnd) {
            return Err(self.invalid("a member after an end-of-archive block"));
        }
        if octal(&block[148..155]) != Some(checksum(&block)) {
            return Err(self.invalid("a header whose checksum is wrong"));
        }
        if block[156] == b'x' { self.begin_records(&block) } else { self.member(&block).map(Some) }
    }

    fn begin_records(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<Option<Step>, Fault> {
        let size = octal(&block[124..136]).filter(|&size| size > 0 && size <= pax::RECORDS_BYTES_MAX);
        match size {
            Some(size) if self.records.is_none() => {
                self.state = State::Records { size: size as usize };
                self.wanted = self.raw.len() + size as usize + padding(size);
                Ok(None)
            }
            _ => Err(self.invalid("pax records that are empty, too long or repeated")),
        }
    }

    /// Decodes the member and checks that its one encoding is what was received.
    fn member(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<Step, Fault> {
        let member = self.decode(block)?;
        if encode(&member) != self.raw {
            return Err(self.fault(
                FaultKind::Invalid,
                member.path.as_str(),
                "a header that attestar does not write",
            ));
        }
        self.raw.clear();
        self.records = None;
        self.wanted = BLOCK_BYTES;
        self.state = match member.size {
            0 => State::Header,
            left => State::Data { left, pad: padding(left) },
        };
        Ok(Step::Member(member))
    }

    fn decode(&self, block: &[u8; BLOCK_BYTES]) -> Result<Member, Fault> {
        let records = match self.records.clone() {
            Some(range) => pax::parse(&self.raw[range]).map_err(|what| self.invalid(what))?,
            None => pax::Records::default(),
        };
        let raw_path = records.path.unwrap_or_else(|| until_nul(&block[..100]));
        let shown = String::from_utf8_lossy(raw_path).into_owned();
        let number = |range: std::ops::Range<usize>| {
            octal(&block[range]).ok_or_else(|| {
                self.fault(FaultKind::Invalid, &shown, "a number that is negative, too large or not octal")
            })
        };
        let kind = self.kind(block[156], &records, block, &shown)?;
        let mode = number(100..108)?;
        if mode > 0o777 {
            return Err(self.fault(FaultKind::Forbidden, &shown, "setuid, setgid or sticky bits"));
        }
        let trimmed =
            if kind == FileType::Dir { raw_path.strip_suffix(b"/").unwrap_or(raw_path) } else { raw_path };
        let path = PackPath::new(trimmed).map_err(|fault: PathFault| {
            self.fault(FaultKind::Path, &shown, &format!("a path with {fault}"))
        })?;
        let size = records.size.map_or_else(|| number(124..136), Ok)?;
        if kind != FileType::File && size != 0 {
            return Err(self.fault(FaultKind::Invalid, &shown, "a folder or link with content"));
        }
        let (mtime_s, mtime_ns) = match records.mtime {
            Some(time) => time,
            None => (number(136..148)? as i64, 0),
        };
        Ok(Member {
            path,
            kind,
            size,
            mode: mode as u32,
            mtime_s,
            mtime_ns,
            uid: records.uid.map_or_else(|| number(108..116).map(|n| n as u32), Ok)?,
            gid: records.gid.map_or_else(|| number(116..124).map(|n| n as u32), Ok)?,
        })
    }

    fn kind(
        &self,
        typeflag: u8,
        records: &pax::Records<'_>,
        block: &[u8; BLOCK_BYTES],
        shown: &str,
    ) -> Result<FileType, Fault> {
        match typeflag {
            b'0' => Ok(FileType::File),
            b'5' => Ok(FileType::Dir),
            b'2' => {
                let target = records.linkpath.unwrap_or_else(|| until_nul(&block[157..257]));
                std::str::from_utf8(target)
                    .map(|text| FileType::Link(text.into()))
                    .map_err(|_| self.fault(FaultKind::Path, shown, "a link target that is not UTF-8"))
            }
            other => {
                let name = match other {
                    b'1' => "a hard link",
                    b'3' | b'4' => "a device",
                    b'6' => "a FIFO",
                    b'S' => "a sparse file",
                    b'g' => "global pax records",
                    _ => "a member of unknown type",
                };
                Err(self.fault(FaultKind::Forbidden, shown, name))
            }
        }
    }

    fn invalid(&self, what: &str) -> Fault {
        self.fault(FaultKind::Invalid, "", what)
    }

    fn fault(&self, kind: FaultKind, path: &str, what: &str) -> Fault {
        Fault { kind, path: path.to_owned(), what: what.to_owned() }
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or(field)
}

/// Octal digits up to a NUL; nothing else, so neither spaces nor base-256.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = until_nul(field);
    if digits.is_empty() || !digits.iter().all(|b| (b'0'..=b'7').contains(b)) {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str, size: u64) -> Member {
        let path = PackPath::new(path.as_bytes()).unwrap();
        Member {
            path,
            kind: FileType::File,
            size,
            mode: 0o644,
            mtime_s: 1_700_000_000,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
        }
    }

    /// Reads a whole tar in pieces of `piece` bytes; gives members and contents.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<(Member, Vec<u8>)>, Fault> {
        let (mut reader, mut members) = (Reader::default(), Vec::<(Member, Vec<u8>)>::new());
        for part in bytes.chunks(piece) {
            let mut rest = part;
            loop {
                let (step, used) = reader.step(rest)?;
                match step {
                    Step::More => break,
                    Step::End => break,
                    Step::Member(member) => members.push((member, Vec::new())),
                    Step::Data { len, .. } => {
                        members.last_mut().unwrap().1.extend_from_slice(&rest[used - len..used]);
                    }
                }
                rest = &rest[used..];
            }
        }
        if reader.ended() { Ok(members) } else { Err(reader.invalid("cut short")) }
    }

    fn write(members: &[(Member, Vec<u8>)]) -> Vec<u8> {
        let mut tar = Vec::new();
        for (member, content) in members {
            tar.extend_from_slice(&encode(member));
            tar.extend_from_slice(content);
            tar.resize(tar.len() + padding(content.len() as u64), 0);
        }
        tar.extend_from_slice(&super::super::END);
        tar
    }

    fn any_member() -> impl Strategy<Value = (Member, Vec<u8>)> {
        let path = "[a-z%é]{1,60}(/[a-z é]{1,60}){0,2}";
        let kind = prop_oneof![Just(0), Just(1), Just(2)];
        let numbers = (
            0u32..0o1000,
            -5_000_000_000i64..90_000_000_000,
            0u32..1_000_000_000,
            any::<u32>(),
            any::<u32>(),
        );
        (path, kind, "[a-zé./]{1,120}", numbers, proptest::collection::vec(any::<u8>(), 0..1500)).prop_map(
            |(path, kind, target, (mode, mtime_s, mtime_ns, uid, gid), content)| {
                let kind = match kind {
                    0 => FileType::File,
                    1 => FileType::Dir,
                    _ => FileType::Link(target.into()),
                };
                let content = if kind == FileType::File { content } else { Vec::new() };
                let path = PackPath::new(path.as_bytes()).unwrap();
                let size = content.len() as u64;
                (Member { path, kind, size, mode, mtime_s, mtime_ns, uid, gid }, content)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_in_pieces_of_any_size(
            members in proptest::collection::vec(any_member(), 0..5), piece in 1usize..2000,
        ) {
            prop_assert_eq!(read(&write(&members), piece).unwrap(), members);
        }

        #[test]
        fn another_reader_reads_the_same(members in proptest::collection::vec(any_member(), 1..4)) {
            let bytes = write(&members);
            let mut archive = tar::Archive::new(&bytes[..]);
            for (entry, (member, content)) in archive.entries().unwrap().zip(&members) {
                let mut entry = entry.unwrap();
                let name = entry.path_bytes().into_owned();
                prop_assert_eq!(name.strip_suffix(b"/").unwrap_or(&name), member.path.as_str().as_bytes());
                prop_assert_eq!(entry.header().mode().unwrap(), member.mode);
                let target = entry.link_name_bytes().map(|name| name.into_owned());
                prop_assert_eq!(target.as_deref(), member.target().map(str::as_bytes));
                let mut read = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut read).unwrap();
                prop_assert_eq!(&read, content);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = read(&bytes, 700);
        }

        #[test]
        fn a_changed_header_byte_is_never_the_same_member(at in 0usize..512, flip in 1u8..=255) {
            let members = [(file("docs/guide.md", 3), b"abc".to_vec())];
            let mut bytes = write(&members);
            bytes[at] ^= flip;
            prop_assert_ne!(read(&bytes, 512).ok(), Some(members.to_vec()));
        }
    }

    #[test]
    fn a_file_past_eight_gibibytes_has_its_size_in_a_pax_record() {
        let big = file("data/dump", 9 << 30);
        let blocks = encode(&big);
        let (step, _) = Reader::default().step(&blocks).unwrap();
        assert_eq!(step, Step::Member(big));
        assert!(blocks.windows(16).any(|part| part == b"size=9663676416\n"));
    }

    fn forged(
        typeflag: u8,
        change: impl Fn(&mut [u8; BLOCK_BYTES]),
    ) -> Result<Vec<(Member, Vec<u8>)>, Fault> {
        let mut block: [u8; BLOCK_BYTES] = encode(&file("x", 0)).try_into().unwrap();
        block[156] = typeflag;
        change(&mut block);
        let sum = format!("{:06o}\0", checksum(&block));
        block[148..155].copy_from_slice(sum.as_bytes());
        read(&[&block[..], &super::super::END].concat(), 4096)
    }

    #[test]
    fn members_that_are_never_unpacked_are_refused_by_type() {
        for typeflag in [b'1', b'3', b'4', b'6', b'7', b'S', b'g', b'L', b'K', 0] {
            let fault = forged(typeflag, |_| ()).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Forbidden, "{}", char::from(typeflag));
        }
    }

    #[test]
    fn setuid_negative_sizes_and_unsafe_paths_are_refused() {
        let mode = forged(b'0', |block| block[100..107].copy_from_slice(b"0004755")).unwrap_err();
        assert_eq!(mode.kind, FaultKind::Forbidden);
        let negative = forged(b'0', |block| block[124..136].copy_from_slice(&[0xff; 12])).unwrap_err();
        assert_eq!((negative.kind, &*negative.path), (FaultKind::Invalid, "x"));
        for path in ["../x", "/etc/passwd", "a/../../b", "C:\\x", "a//b"] {
            let fault =
                forged(b'0', |block| block[..path.len()].copy_from_slice(path.as_bytes())).unwrap_err();
            assert_eq!((fault.kind, &*fault.path), (FaultKind::Path, path));
        }
    }

    #[test]
    fn pax_and_ustar_that_disagree_are_refused() {
        let mut long = encode(&file("d/".repeat(60).trim_end_matches('/'), 7));
        let last = long.len() - BLOCK_BYTES;
        let mut block: [u8; BLOCK_BYTES] = long[last..].try_into().unwrap();
        block[0] = b'X';
        let sum = format!("{:06o}\0", checksum(&block));
        block[148..155].copy_from_slice(sum.as_bytes());
        long[last..].copy_from_slice(&block);
        assert_eq!(read(&long, 4096).unwrap_err().kind, FaultKind::Invalid);
    }

    #[test]
    fn a_tar_cut_at_any_block_is_not_complete() {
        let bytes = write(&[(file("a", 600), vec![1; 600]), (file("b", 1), vec![2])]);
        for cut in (0..bytes.len()).step_by(100) {
            assert!(read(&bytes[..cut], 333).is_err(), "cut at {cut}");
        }
    }
}
