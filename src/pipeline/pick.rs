//! Parts of an archive without the rest: the frames are found by the seek table, the members by the index.
//!
//! Both are only hints. What comes out is compared with the signed lists, like anything else that was read.

use crate::error::{Error, Result};
use crate::finding::Code;
use crate::format::frames::{self, FRAME_BYTES, Frame, SKIPPABLE_BYTES_MAX, SeekTable};
use crate::format::index::{IndexReader, Row};
use crate::format::member::Member;
use crate::format::tar::{self, Step};
use crate::pipeline::contents::{self, Contents, TAG_FILES_MAX, Tags};
use crate::pipeline::open::{
    AgeReader, HEADER_BYTES_MAX, Identities, PASSPHRASE, header_ends, header_fault, invalid, refuse,
};
use crate::pipeline::unpack::{payload_path, refuse_tar};
use crate::pipeline::watch::Watch;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An archive that is read here and there.
pub struct Picker<'a> {
    plain: Box<dyn ReadSeek + 'a>,
    path: PathBuf,
    /// Where each data frame begins: in the compressed stream, and in the tar.
    frames: Vec<(u64, u64)>,
    /// Plaintext bytes of the tar.
    length: u64,
    index: Vec<u8>,
    /// The frame that was read last.
    current: Option<(usize, Vec<u8>)>,
    /// Bytes of the compressed stream that were read.
    pub read_bytes: u64,
}

/// What can be read from anywhere.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A member whose content is given in pieces.
pub type Piece<'a> = &'a mut dyn FnMut(&Member, &[u8], bool) -> Result<()>;

impl Picker<'static> {
    /// Opens an archive that lies here.
    pub fn open(path: &Path, identities: Option<&Identities>) -> Result<Picker<'static>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Picker::of(Box::new(file), path, identities)
    }
}

impl<'a> Picker<'a> {
    /// Opens an archive wherever it lies, and reads the seek table and the index; `path` is for messages.
    pub fn of(
        archive: Box<dyn ReadSeek + 'a>,
        path: &Path,
        identities: Option<&Identities>,
    ) -> Result<Picker<'a>> {
        let mut plain: Box<dyn ReadSeek + 'a> = match identities {
            None => archive,
            Some(identities) => Box::new(decrypt(archive, identities, path)?),
        };
        let broken = |source: io::Error| refuse(frames::FrameFault::Io(source), path);
        let end = plain.seek(SeekFrom::End(0)).map_err(broken)?;
        let missing = || invalid(Code::IndexInvalid, path, "there is no seek table at its end");
        let mut footer = [0; SeekTable::FOOTER_BYTES];
        let footer_at = end.checked_sub(footer.len() as u64).ok_or_else(missing)?;
        plain.seek(SeekFrom::Start(footer_at)).and_then(|_| plain.read_exact(&mut footer)).map_err(broken)?;
        let length =
            SeekTable::frame_length(&footer).filter(|&l| l <= end && l <= SKIPPABLE_BYTES_MAX.into());
        let table_at = end - length.ok_or_else(missing)?;
        let mut picker = Picker {
            plain,
            path: path.to_owned(),
            frames: Vec::new(),
            length: 0,
            index: Vec::new(),
            current: None,
            read_bytes: 0,
        };
        let table = SeekTable::parse(&picker.frame_at(table_at)?.1).ok_or_else(missing)?;
        picker.lay_out(&table, table_at)?;
        Ok(picker)
    }

    /// Finds where each frame begins, and reads the index, which is the last one before the table.
    fn lay_out(&mut self, table: &SeekTable, table_at: u64) -> Result<()> {
        let broken = |picker: &Picker| {
            invalid(Code::IndexInvalid, &picker.path, "the seek table does not match the frames")
        };
        let Some((&(index_size, 0), data)) = table.frames.split_last() else { return Err(broken(self)) };
        let mut at = 0;
        let full = |&(_, content): &(u32, u32)| content as usize == FRAME_BYTES;
        if !data.split_last().is_some_and(|(_, before)| before.iter().all(full)) {
            return Err(broken(self));
        }
        for &(compressed, content) in data {
            self.frames.push((at, self.length));
            at += u64::from(compressed);
            self.length += u64::from(content);
        }
        if at + u64::from(index_size) != table_at {
            return Err(broken(self));
        }
        let (frame, index) = self.frame_at(at)?;
        if !matches!(frame, Frame::Skippable { magic: frames::INDEX_MAGIC }) {
            return Err(broken(self));
        }
        self.index = index;
        Ok(())
    }

    /// The member index, in tar order.
    pub fn index(&self) -> Result<impl Iterator<Item = Result<Row>> + '_> {
        let broken = |error: io::Error| invalid(Code::IndexInvalid, &self.path, error);
        Ok(IndexReader::new(&self.index).map_err(broken)?.map(move |row| row.map_err(broken)))
    }

    /// The tag files.
    pub fn tags(&mut self, watch: &Watch) -> Result<(String, Tags)> {
        let (rows, members) = self.tag_rows()?;
        let bytes = rows.iter().fold(0u64, |sum, row| sum.saturating_add(row.size));
        if bytes > contents::tags_bytes_max(members) {
            let what = "tag files larger than the payload calls for";
            return Err(invalid(Code::FrameTooLarge, &self.path, what));
        }
        let (mut tags, mut root) = (Tags::default(), String::new());
        for row in rows {
            watch.check()?;
            tags.begin(row.path.clone());
            self.member(&row, &mut |member, content, _| {
                member.path.as_str().split('/').next().unwrap_or_default().clone_into(&mut root);
                tags.append(&row.path, content).map_err(Error::io("write", "a temporary file"))
            })?;
        }
        Ok((root, tags))
    }

    /// The index's rows of the tag files, and how many payload members it has.
    fn tag_rows(&self) -> Result<(Vec<Row>, usize)> {
        let (mut rows, mut members) = (Vec::<Row>::new(), 0);
        for row in self.index()? {
            let row = row?;
            if payload_path(row.path.as_str()).is_some() {
                members += 1;
            } else if rows.last().is_some_and(|last| last.path >= row.path) {
                return Err(invalid(Code::IndexInvalid, &self.path, "tag files out of order"));
            } else {
                rows.push(row);
            }
            if rows.len() > TAG_FILES_MAX || members > contents::MEMBERS_MAX {
                return Err(invalid(Code::FrameTooLarge, &self.path, "more members than a pack can have"));
            }
        }
        Ok((rows, members))
    }

    /// Reads one member: its header, which must be the one the index names, and its content.
    pub fn member(&mut self, row: &Row, piece: Piece<'_>) -> Result<Member> {
        let path = self.path.clone();
        let (mut reader, mut at, mut found) = (tar::Reader::default(), row.offset, None::<Member>);
        loop {
            let (frame, start) = self.frame_of(at)?;
            let content = &frame[start..];
            let (step, used) = reader.step(content).map_err(refuse_tar)?;
            let taken = &content[..used];
            match step {
                Step::More => {}
                Step::End => {
                    return Err(invalid(Code::IndexInvalid, &path, "the index points past the tar"));
                }
                Step::Member(member) => {
                    let inside = member.path.as_str().split_once('/').map_or("", |(_, inside)| inside);
                    if inside != row.path.as_str() || member.size != row.size {
                        let what = format!("it calls {} what is {inside}", row.path);
                        return Err(invalid(Code::IndexInvalid, &path, what));
                    }
                    if member.size == 0 {
                        piece(&member, &[], true)?;
                        return Ok(member);
                    }
                    found = Some(member);
                }
                Step::Data { len, last } => {
                    let member =
                        found.as_ref().ok_or_else(|| invalid(Code::TarInvalid, &path, "no header"))?;
                    piece(member, &taken[used - len..], last)?;
                    if last {
                        return found.ok_or(Error::Interrupted);
                    }
                }
            }
            at += used as u64;
        }
    }

    /// The frame that holds a byte of the tar, and where in it that byte lies.
    fn frame_of(&mut self, at: u64) -> Result<(&[u8], usize)> {
        let after = self.frames.partition_point(|&(_, start)| start <= at);
        if after == 0 || at >= self.length {
            return Err(invalid(Code::IndexInvalid, &self.path, "the index points past the tar"));
        }
        let number = after - 1;
        if self.current.as_ref().is_none_or(|(current, _)| *current != number) {
            let (frame, bytes) = self.frame_at(self.frames[number].0)?;
            let broken =
                || invalid(Code::FrameInvalid, &self.path, "a frame does not match its checksum or size");
            let Frame::Data { content } = frame else { return Err(broken()) };
            let plain = zstd::bulk::decompress(&bytes, content).map_err(|_| broken())?;
            self.current = Some((number, plain));
        }
        let start = (at - self.frames[number].1) as usize;
        match &self.current {
            Some((_, plain)) if start < plain.len() => Ok((plain, start)),
            _ => Err(invalid(Code::IndexInvalid, &self.path, "the seek table does not match the frames")),
        }
    }

    fn frame_at(&mut self, at: u64) -> Result<(Frame, Vec<u8>)> {
        let broken = |source: io::Error| refuse(frames::FrameFault::Io(source), &self.path);
        self.plain.seek(SeekFrom::Start(at)).map_err(broken)?;
        let mut frame = Vec::new();
        let mut input = BufReader::with_capacity(64 << 10, &mut self.plain);
        let read = frames::read_frame(&mut input, &mut frame).map_err(|fault| refuse(fault, &self.path))?;
        self.read_bytes += frame.len() as u64;
        let head = read
            .ok_or_else(|| invalid(Code::IndexInvalid, &self.path, "the seek table points past the end"))?;
        Ok((head, frame))
    }
}

/// Reads the tag files alone, as contents without payload.
pub fn tags(mut picker: Picker<'_>, watch: &Watch) -> Result<Contents> {
    let (root, tags) = picker.tags(watch)?;
    Ok(Contents::of_folder(root, Vec::new(), Vec::new(), tags, Vec::new()))
}

fn decrypt<'a>(
    file: Box<dyn ReadSeek + 'a>,
    identities: &Identities,
    path: &Path,
) -> Result<impl Read + Seek + use<'a>> {
    let mut file = BufReader::with_capacity(HEADER_BYTES_MAX, file);
    header_ends(file.fill_buf().map_err(Error::io("read", path))?, path)?;
    let decryptor = age::Decryptor::new_buffered(file).map_err(|error| header_fault(error, path))?;
    if decryptor.is_scrypt() {
        return Err(invalid(Code::AgeInvalid, path, PASSPHRASE));
    }
    let keys = identities.iter().map(|identity| &**identity as &dyn age::Identity);
    Ok(AgeReader(decryptor.decrypt(keys).map_err(|error| header_fault(error, path))?))
}
