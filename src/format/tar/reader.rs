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
mod tests;
