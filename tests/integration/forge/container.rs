//! How a pack is carried: tar, frames, index and seek table.

use super::pack::{Entry, Pack};
use attestar::format::frames::{FRAME_BYTES, INDEX_MAGIC, SeekTable, skippable_header};
use attestar::format::index::IndexWriter;
use attestar::format::member::Member;
use attestar::format::tar::{self, BLOCK_BYTES};

/// A tar that is being written, with what the member index will say of it.
#[derive(Clone, Default)]
pub struct Tar {
    pub bytes: Vec<u8>,
    rows: Vec<(String, u64, u64)>,
    root: String,
}

/// The compressed stream in its parts.
#[derive(Clone)]
pub struct Container {
    /// Data frames, with how many plaintext bytes each holds.
    pub frames: Vec<(Vec<u8>, u32)>,
    /// The body of the member index.
    pub index: Vec<u8>,
}

impl Tar {
    /// The payload of a pack, and no tag files yet.
    pub fn payload(pack: &Pack) -> Tar {
        let mut tar = Tar { root: pack.name(), ..Tar::default() };
        pack.entries.iter().for_each(|entry| tar.entry(entry));
        tar
    }

    /// A whole pack.
    pub fn of(pack: &Pack) -> Tar {
        Tar::payload(pack).tags(pack)
    }

    /// One member more of the payload.
    pub fn entry(&mut self, entry: &Entry) {
        let inside = format!("data/{}", entry.member.path);
        self.raw(&header(&self.root, &entry.member), &entry.content, &inside);
    }

    /// A member of these header bytes, which the index calls `inside`.
    pub fn raw(&mut self, header: &[u8], content: &[u8], inside: &str) {
        self.rows.push((inside.to_owned(), self.bytes.len() as u64, content.len() as u64));
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len() + tar::padding(content.len() as u64), 0);
    }

    /// The tag files, and the end.
    pub fn tags(mut self, pack: &Pack) -> Tar {
        for (name, content) in &pack.tags {
            let mut member = super::file(name, content).member;
            member.path = member.path.under(&format!("{}/", self.root));
            self.raw(&tar::encode(&member), content, name);
        }
        self.bytes.extend_from_slice(&tar::END);
        self
    }

    /// Cut into frames, with an index that tells the truth.
    pub fn container(&self) -> Container {
        let frames = self.bytes.chunks(FRAME_BYTES).map(|content| (frame(content), content.len() as u32));
        let mut index = IndexWriter::new().expect("an index");
        for (path, offset, size) in &self.rows {
            index.push(path, *offset, *size).expect("a row");
        }
        Container { frames: frames.collect(), index: index.finish().expect("an index") }
    }
}

impl Container {
    /// The data frames alone.
    pub fn data(&self) -> Vec<u8> {
        self.frames.iter().flat_map(|(frame, _)| frame.clone()).collect()
    }

    /// The index as a skippable frame.
    pub fn index_frame(&self) -> Vec<u8> {
        [skippable_header(INDEX_MAGIC, self.index.len()), self.index.clone()].concat()
    }

    /// A seek table that tells the truth.
    pub fn table(&self) -> SeekTable {
        let data = self.frames.iter().map(|(frame, content)| (frame.len() as u32, *content));
        SeekTable { frames: data.chain([(self.index_frame().len() as u32, 0)]).collect() }
    }

    /// All of it, as it stands in an archive that is not encrypted.
    pub fn bytes(&self) -> Vec<u8> {
        [self.data(), self.index_frame(), self.table().to_frame()].concat()
    }
}

/// A data frame as attestar writes it.
pub fn frame(content: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(3).expect("a compressor");
    compressor.include_checksum(true).expect("a checksum");
    compressor.compress(content).expect("memory takes it")
}

/// The header of a payload member in the pack `root`.
pub fn header(root: &str, member: &Member) -> Vec<u8> {
    tar::encode(&Member { path: member.path.under(&format!("{root}/data/")), ..member.clone() })
}

/// A header with its last block bent, and its checksum made right again.
pub fn bent(mut header: Vec<u8>, bend: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let start = header.len() - BLOCK_BYTES;
    let block = &mut header[start..];
    bend(block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
