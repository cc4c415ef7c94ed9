//! The tag files of a pack, written into a folder beside each other and digested as they are written.

use crate::error::{Error, Result};
use crate::evidence::agreement::{BAG_INFO, BAGIT, PACK, POLICY};
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::compose::{Identity, Payload};
use crate::evidence::payload::{HASHES_BLAKE3, HASHES_SHA256, INVENTORY, MANIFEST};
use crate::format::bag::declaration::Declaration;
use crate::format::bag::fetch;
use crate::format::bag::info::{self, Element, Oxum};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::listing::{Encoding, write_line};
use crate::format::pack::Pack;
use crate::pipeline::crew;
use jiff::Timestamp;
use sha2::Digest as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The tag files that were written into a folder, with their digests, in bytewise order of their names.
pub struct TagFiles {
    folder: PathBuf,
    /// Whether they are to outlive a power cut: not those that only pass through a scratch folder.
    durable: bool,
    files: Vec<(String, Sha256, u64)>,
}

/// A tag file to be written: its name, and what writes it.
type Job<'a> = (&'static str, Box<dyn Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a>);

impl TagFiles {
    /// None yet, in a folder that is kept.
    pub fn kept(folder: &Path) -> TagFiles {
        TagFiles { folder: folder.to_owned(), durable: true, files: Vec::new() }
    }

    /// None yet, in a folder that goes when the archive is written.
    pub fn passing(folder: &Path) -> TagFiles {
        TagFiles { durable: false, ..TagFiles::kept(folder) }
    }

    /// Writes every tag file but the tag manifest and the seal, beside each other.
    pub fn write(
        mut self,
        identity: &Identity,
        payload: &Payload<'_>,
        pack: &Pack,
        threads: usize,
    ) -> Result<TagFiles> {
        let jobs = jobs(identity, payload, pack);
        for made in crew::each(&jobs, threads, |(name, emit)| self.put(name, emit)) {
            self.files.push(made?);
        }
        Ok(self)
    }

    /// Writes the tag manifest over what is there, which no later tag file may join; gives its digest.
    pub fn close(&mut self) -> Result<Sha256> {
        let mut listed = std::mem::take(&mut self.files);
        listed.sort();
        let digest = self.add(TAG_MANIFEST, |out| {
            listed.iter().try_for_each(|(name, digest, _)| write_line(out, Encoding::Percent, digest, name))
        })?;
        self.files.extend(listed);
        Ok(digest)
    }

    /// Writes one more tag file, named relative to the folder; gives its digest.
    pub fn add(&mut self, name: &str, emit: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<Sha256> {
        let made = self.put(name, &emit)?;
        let digest = made.1;
        self.files.push(made);
        Ok(digest)
    }

    fn put(
        &self,
        name: &str,
        emit: &dyn Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(String, Sha256, u64)> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        let write = || {
            let out = Hashing { file: File::create_new(&path)?, hasher: sha2::Sha256::new(), size: 0 };
            // Lines come in many small pieces.
            let mut out = BufWriter::with_capacity(256 << 10, out);
            emit(&mut out)?;
            let Hashing { file, hasher, size } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            if self.durable {
                file.sync_all()?;
            }
            Ok((name.to_owned(), Sha256(hasher.finalize().into()), size))
        };
        write().map_err(Error::io("write", &path))
    }

    /// The digest of a tag file that was written.
    pub fn digest(&self, name: &str) -> Option<Sha256> {
        self.files.iter().find(|(known, ..)| known == name).map(|(_, digest, _)| *digest)
    }

    /// The files in bytewise order: name, size, and the file to read.
    pub fn in_order(&mut self) -> impl Iterator<Item = (&str, u64, PathBuf)> {
        self.files.sort();
        self.files.iter().map(|(name, _, size)| (&**name, *size, self.folder.join(name)))
    }
}

/// What is to be written, the longest first.
fn jobs<'a>(identity: &'a Identity, payload: &'a Payload<'a>, pack: &'a Pack) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job<'a>> = vec![
        (INVENTORY, Box::new(|out| payload.inventory(out))),
        (
            MANIFEST,
            Box::new(|out| {
                payload.list(out, |out, path, digests| {
                    write_line(out, Encoding::Percent, &digests.sha256, &format!("data/{path}"))
                })
            }),
        ),
    ];
    if let Some(elsewhere) = payload.elsewhere.filter(|elsewhere| !elsewhere.is_empty()) {
        jobs.push((fetch::FILE_NAME, Box::new(|out| payload.fetches(elsewhere, out))));
    }
    if identity.kind == Kind::Release {
        let plain = Encoding::Plain;
        jobs.push((
            HASHES_BLAKE3,
            Box::new(move |out| {
                payload.list(out, |out, path, digests| write_line(out, plain, &digests.blake3, path.as_str()))
            }),
        ));
        jobs.push((
            HASHES_SHA256,
            Box::new(move |out| {
                payload.list(out, |out, path, digests| write_line(out, plain, &digests.sha256, path.as_str()))
            }),
        ));
    }
    jobs.push((BAG_INFO, Box::new(|out| write_bag_info(out, pack))));
    jobs.push((BAGIT, Box::new(|out| out.write_all(Declaration::default().to_text().as_bytes()))));
    jobs.push((PACK, Box::new(|out| out.write_all(&pack.to_bytes()))));
    jobs.push((POLICY, Box::new(|out| out.write_all(identity.policy_text.as_bytes()))));
    jobs
}

fn write_bag_info(out: &mut dyn Write, pack: &Pack) -> io::Result<()> {
    let date = Timestamp::from_second(pack.source_date_epoch).map_err(io::Error::other)?;
    let date = date.to_string();
    let oxum = Oxum { octets: pack.payload.bytes, streams: pack.payload.files };
    let elements = [
        ("Bag-Software-Agent", format!("{} {}", pack.tool.name, pack.tool.version)),
        ("Bagging-Date", date.split('T').next().unwrap_or(&date).to_owned()),
        ("External-Identifier", pack.name.clone()),
        ("Payload-Oxum", oxum.to_string()),
    ];
    let elements: Vec<Element> =
        elements.into_iter().filter_map(|(label, value)| Element::new(label, value)).collect();
    info::write(&mut &mut *out, &elements)
}

/// Digests and counts what is written.
struct Hashing {
    file: File,
    hasher: sha2::Sha256,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
