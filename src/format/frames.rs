//! Zstandard frames (RFC 8878) as an archive holds them: data frames, then two skippable frames, the member index and
//! the seek table of the zstd seekable format.
//!
//! A frame's end is found from its own headers, so a reader trusts neither the seek table nor the index.

use std::io::{self, Read};

/// Plaintext bytes in every data frame but the last, which may be shorter.
pub const FRAME_BYTES: usize = 4 << 20;

/// The most compressed bytes that a data frame may have: stored blocks, their headers, the frame's own.
pub const FRAME_COMPRESSED_MAX: usize = FRAME_BYTES + FRAME_BYTES / 128 + 1024;

/// The most bytes of a member index or seek table that are read.
pub const SKIPPABLE_BYTES_MAX: u32 = 512 << 20;

/// Magic of the skippable frame with the member index.
pub const INDEX_MAGIC: u32 = 0x184D_2A51;
/// Magic of the skippable frame with the seek table (zstd seekable format).
pub const SEEK_TABLE_MAGIC: u32 = 0x184D_2A5E;

const ZSTD_MAGIC: u32 = 0xFD2F_B528;
/// The footer's magic of the zstd seekable format.
const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;
/// Bytes of the seek table's footer.
const FOOTER_BYTES: usize = 9;
/// Bytes of a seek table entry without checksum.
const ENTRY_BYTES: usize = 8;
/// Bytes of a skippable frame's header.
pub const SKIPPABLE_HEADER_BYTES: usize = 8;

/// What kind of frame was read, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A data frame of so many plaintext bytes, at least 1 and at most [`FRAME_BYTES`].
    Data {
        /// Plaintext bytes, as its header says.
        content: usize,
    },
    /// A skippable frame; its body alone is given.
    Skippable {
        /// Which one.
        magic: u32,
    },
}

/// Why a frame is refused.
#[derive(Debug, thiserror::Error)]
pub enum FrameFault {
    /// Reading failed, or the frame is cut short.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Not a frame that attestar writes.
    #[error("{0}")]
    Invalid(&'static str),
    /// Asks for more output or memory than a frame may.
    #[error("{0}")]
    TooLarge(&'static str),
}

/// Reads the next frame into `frame` (cleared first): a data frame whole, of a skippable frame the body. `None` at a
/// clean end of the input.
pub fn read_frame(input: &mut impl Read, frame: &mut Vec<u8>) -> Result<Option<Frame>, FrameFault> {
    frame.clear();
    let mut magic = [0; 4];
    if !read_or_end(input, &mut magic)? {
        return Ok(None);
    }
    match u32::from_le_bytes(magic) {
        ZSTD_MAGIC => {
            frame.extend_from_slice(&magic);
            data_frame(input, frame).map(Some)
        }
        magic @ (INDEX_MAGIC | SEEK_TABLE_MAGIC) => {
            let length = u32::from_le_bytes(read_array(input)?);
            if length > SKIPPABLE_BYTES_MAX {
                return Err(FrameFault::TooLarge("a skippable frame that is too large"));
            }
            append(input, frame, length as usize)?;
            Ok(Some(Frame::Skippable { magic }))
        }
        _ => Err(FrameFault::Invalid("bytes that begin no frame of an archive")),
    }
}

/// Reads the rest of a data frame: header, blocks, checksum (RFC 8878, section 3.1.1).
fn data_frame(input: &mut impl Read, frame: &mut Vec<u8>) -> Result<Frame, FrameFault> {
    let [descriptor] = read_array(input)?;
    frame.push(descriptor);
    let single_segment = descriptor & 0x20 != 0;
    let has_checksum = descriptor & 0x04 != 0;
    if descriptor & 0x18 != 0 || descriptor & 0x03 != 0 {
        return Err(FrameFault::Invalid("a frame with reserved bits or a dictionary"));
    }
    if !has_checksum {
        return Err(FrameFault::Invalid("a frame without a checksum"));
    }
    if !single_segment {
        append(input, frame, 1)?;
        let window = frame[frame.len() - 1];
        let base = 1u64 << (10 + (window >> 3));
        if base + base / 8 * u64::from(window & 7) > 2 * FRAME_BYTES as u64 {
            return Err(FrameFault::TooLarge("a frame that asks for too large a window"));
        }
    }
    let content = content_size(input, frame, descriptor)?;
    blocks(input, frame)?;
    append(input, frame, 4)?;
    Ok(Frame::Data { content })
}

fn content_size(input: &mut impl Read, frame: &mut Vec<u8>, descriptor: u8) -> Result<usize, FrameFault> {
    let width = match (descriptor >> 6, descriptor & 0x20 != 0) {
        (0, false) => return Err(FrameFault::Invalid("a frame that does not say its size")),
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    append(input, frame, width)?;
    let mut size = [0; 8];
    size[..width].copy_from_slice(&frame[frame.len() - width..]);
    let size = u64::from_le_bytes(size) + if width == 2 { 256 } else { 0 };
    match usize::try_from(size) {
        Ok(0) => Err(FrameFault::Invalid("an empty frame")),
        Ok(size) if size <= FRAME_BYTES => Ok(size),
        _ => Err(FrameFault::TooLarge("a frame that holds more than it may")),
    }
}

fn blocks(input: &mut impl Read, frame: &mut Vec<u8>) -> Result<(), FrameFault> {
    loop {
        append(input, frame, 3)?;
        let at = frame.len() - 3;
        let header = u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], 0]);
        let size = (header >> 3) as usize;
        match (header >> 1) & 3 {
            0 | 2 => append(input, frame, size)?,
            1 => append(input, frame, 1)?,
            _ => return Err(FrameFault::Invalid("a block of a reserved type")),
        }
        if frame.len() > FRAME_COMPRESSED_MAX {
            return Err(FrameFault::TooLarge("a frame with more blocks than its content needs"));
        }
        if header & 1 == 1 {
            return Ok(());
        }
    }
}

/// Appends exactly `count` bytes; never trusts the count for an allocation.
fn append(input: &mut impl Read, frame: &mut Vec<u8>, count: usize) -> Result<(), FrameFault> {
    if count <= 1 << 20 {
        let start = frame.len();
        frame.resize(start + count, 0);
        input.read_exact(&mut frame[start..]).map_err(cut_short)?;
        return Ok(());
    }
    let read = input.take(count as u64).read_to_end(frame)?;
    if read == count { Ok(()) } else { Err(cut_short(io::ErrorKind::UnexpectedEof.into()).into()) }
}

fn read_array<const N: usize>(input: &mut impl Read) -> Result<[u8; N], FrameFault> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(cut_short)?;
    Ok(bytes)
}

/// `false` at the end of the input; an error when it ends inside.
fn read_or_end(input: &mut impl Read, bytes: &mut [u8]) -> Result<bool, FrameFault> {
    let mut have = 0;
    while have < bytes.len() {
        match input.read(&mut bytes[have..]) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(cut_short(io::ErrorKind::UnexpectedEof.into()).into()),
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

fn cut_short(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_none() {
        return io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside a frame");
    }
    error
}

/// The sizes of every frame, in order; the member index's plaintext size is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeekTable {
    /// (compressed bytes, plaintext bytes) of a frame.
    pub frames: Vec<(u32, u32)>,
}

impl SeekTable {
    /// The whole skippable frame, ready to be appended to an archive.
    pub fn to_frame(&self) -> Vec<u8> {
        let body = self.frames.len() * ENTRY_BYTES + FOOTER_BYTES;
        let mut frame = skippable_header(SEEK_TABLE_MAGIC, body);
        for (compressed, content) in &self.frames {
            frame.extend_from_slice(&compressed.to_le_bytes());
            frame.extend_from_slice(&content.to_le_bytes());
        }
        frame.extend_from_slice(&(self.frames.len() as u32).to_le_bytes());
        frame.push(0);
        frame.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
        frame
    }

    /// Parses the body of the skippable frame. No checksums: every frame has its own.
    pub fn parse(body: &[u8]) -> Option<SeekTable> {
        let (entries, footer) = body.split_last_chunk::<FOOTER_BYTES>()?;
        let count = footer_frames(footer)?;
        let (entries, rest) = entries.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() || entries.len() != count {
            return None;
        }
        let number =
            |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).expect("half an entry is 4 bytes");
        Some(SeekTable { frames: entries.iter().map(|e| (number(&e[..4]), number(&e[4..]))).collect() })
    }

    /// How long the whole skippable frame is, from the last [`SeekTable::FOOTER_BYTES`] of an archive.
    pub fn frame_length(footer: &[u8; FOOTER_BYTES]) -> Option<u64> {
        let entries = footer_frames(footer)? as u64 * ENTRY_BYTES as u64;
        Some(SKIPPABLE_HEADER_BYTES as u64 + entries + FOOTER_BYTES as u64)
    }

    /// Whether every frame so far holds [`FRAME_BYTES`]: only the last data frame may hold less, so that there are
    /// never more frames than the content needs.
    pub fn is_full(&self) -> bool {
        self.frames.last().is_none_or(|&(_, content)| content as usize == FRAME_BYTES)
    }

    /// Bytes of the footer.
    pub const FOOTER_BYTES: usize = FOOTER_BYTES;
}

fn footer_frames(footer: &[u8; FOOTER_BYTES]) -> Option<usize> {
    let [a, b, c, d, descriptor, magic @ ..] = *footer;
    let sound = descriptor == 0 && u32::from_le_bytes(magic) == SEEKABLE_MAGIC;
    sound.then(|| u32::from_le_bytes([a, b, c, d]) as usize)
}

/// The header of a skippable frame with a body of so many bytes.
pub fn skippable_header(magic: u32, body: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(SKIPPABLE_HEADER_BYTES + body);
    header.extend_from_slice(&magic.to_le_bytes());
    header.extend_from_slice(&(body as u32).to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compress(content: &[u8]) -> Vec<u8> {
        let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
        compressor.include_checksum(true).unwrap();
        compressor.compress(content).unwrap()
    }

    fn read_all(mut bytes: &[u8]) -> Result<Vec<(Frame, Vec<u8>)>, FrameFault> {
        let (mut frames, mut buffer) = (Vec::new(), Vec::new());
        while let Some(frame) = read_frame(&mut bytes, &mut buffer)? {
            frames.push((frame, buffer.clone()));
        }
        Ok(frames)
    }

    proptest! {
        #[test]
        fn frames_are_split_where_they_end(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..3000), 1..5),
        ) {
            let frames: Vec<_> = contents.iter().map(|content| compress(content)).collect();
            let read = read_all(&frames.concat()).unwrap();
            let expected: Vec<_> = frames.iter().zip(&contents)
                .map(|(frame, content)| (Frame::Data { content: content.len() }, frame.clone())).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_all(&[&ZSTD_MAGIC.to_le_bytes(), &bytes[..]].concat());
            let _ = SeekTable::parse(&bytes);
        }

        #[test]
        fn a_seek_table_is_read_back(frames in proptest::collection::vec(any::<(u32, u32)>(), 0..20)) {
            let table = SeekTable { frames };
            let frame = table.to_frame();
            let footer = frame.last_chunk().unwrap();
            prop_assert_eq!(SeekTable::frame_length(footer), Some(frame.len() as u64));
            prop_assert_eq!(SeekTable::parse(&frame[SKIPPABLE_HEADER_BYTES..]), Some(table));
        }
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error() {
        let frame = compress(&[b'x'; 5000]);
        for cut in 1..frame.len() {
            assert!(matches!(read_all(&frame[..cut]), Err(FrameFault::Io(_))), "cut at {cut}");
        }
    }

    #[test]
    fn frames_that_ask_for_too_much_are_refused_before_they_are_read() {
        let bomb = compress(&vec![0; FRAME_BYTES + 1]);
        assert!(matches!(read_all(&bomb), Err(FrameFault::TooLarge(_))));
        let window = [&ZSTD_MAGIC.to_le_bytes()[..], &[0b1000_0100, 0xff]].concat();
        assert!(matches!(read_all(&window), Err(FrameFault::TooLarge(_))));
        let flood = skippable_header(INDEX_MAGIC, u32::MAX as usize);
        assert!(matches!(read_all(&flood), Err(FrameFault::TooLarge(_))));
    }

    #[test]
    fn empty_unsized_unchecked_and_foreign_frames_are_refused() {
        let unchecked = zstd::bulk::compress(b"abc", 3).unwrap();
        let unsized_frame = zstd::stream::encode_all(&b"abc"[..], 3).unwrap();
        let foreign = skippable_header(0x184D_2A50, 0);
        for bytes in [compress(b""), unchecked, unsized_frame, foreign, b"BZh9".to_vec()] {
            assert!(matches!(read_all(&bytes), Err(FrameFault::Invalid(_))), "{bytes:02x?}");
        }
    }
}
