//! What a software registry asks for: one plain archive of the work, and its digests with their algorithms named.
//!
//! The holder keeps the exact file; only digests are filed. So it is a tar and nothing else, of the same bytes each time:
//! members in the order of the payload, the release's modes and time, no owner. It lies outside the pack, whose archive is
//! encrypted and has other bytes each time.

use crate::error::{Error, Result};
use crate::evidence::compose::Payload;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::member::Member;
use crate::format::path::PackPath;
use crate::format::tar::{END, encode, padding};
use crate::format::units::{count, number};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::FilingOptions;
use crate::tree::member::{LinkTo, Member as Scanned, MemberKind};
use sha2::{Digest, Sha512};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// The folder beside the pack that gets archive and digests.
pub const FOLDER: &str = "filing";

/// The file with the digests, as `sha256sum --tag` and `sha512sum --tag` write them.
pub const DIGESTS: &str = "inpi.txt";

/// Bytes of a file that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The archive's file name.
    pub archive: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many files are in it.
    pub files: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its SHA-512, in hex.
    pub sha512: String,
}

/// Writes the archive to `to`, everything in it under a folder of its name. A file that changed since the pack was made is
/// refused, so both hold the same.
pub fn write(
    root: &Root,
    options: &FilingOptions,
    name: &str,
    payload: &Payload<'_>,
    to: &Path,
    watch: &Watch,
) -> Result<Filed> {
    let file = File::create(to).map_err(Error::io("create", to))?;
    let mut out =
        Hashing { out: BufWriter::new(file), sha256: sha2::Sha256::new(), sha512: Sha512::new(), bytes: 0 };
    let failed = |error| Error::io("write", to)(error);
    let mut files = 0;
    for (at, scanned) in
        payload.scanned.iter().enumerate().filter(|(_, scanned)| takes(options, payload.scanned, scanned))
    {
        watch.check()?;
        let Some(read) = payload.read.get(at) else { continue };
        let member = payload.shape.member(scanned);
        let inside = format!("{name}/{}", member.path);
        let path = PackPath::new(inside.as_bytes()).expect("a name and a path of the payload are a path");
        let size = if scanned.kind == MemberKind::File { read.size } else { 0 };
        out.write_all(&encode(&Member { path, size, ..member })).map_err(failed)?;
        if scanned.kind == MemberKind::File {
            copy(root, &scanned.path, size, read.digests.sha256, &mut out)?;
            out.write_all(&[0; 512][..padding(size)]).map_err(failed)?;
            files += 1;
        }
    }
    if files == 0 {
        let finding = Finding::new(Code::NothingSelected, "[filing]");
        return Err(Error::refused(finding.actual("no file of the payload is to be filed")));
    }
    out.write_all(&END).and_then(|()| out.flush()).map_err(failed)?;
    out.out.get_ref().sync_all().map_err(failed)?;
    Ok(Filed {
        archive: format!("{name}.tar"),
        bytes: out.bytes,
        files,
        sha256: Sha256(out.sha256.finalize().into()),
        sha512: data_encoding::HEXLOWER.encode(&out.sha512.finalize()),
    })
}

/// Files, and links to files, that are to be filed. A link is nothing where its file is not there.
fn takes(options: &FilingOptions, payload: &[Scanned], scanned: &Scanned) -> bool {
    let has = |of: &Scanned| of.class.is_some_and(|class| options.takes(&of.path, class));
    let of = |path: &PackPath| payload.binary_search_by(|other| other.path.cmp(path)).ok();
    let target = match &scanned.kind {
        MemberKind::File => return has(scanned),
        MemberKind::Link(link) => match &link.to {
            LinkTo::File(target) => of(target).and_then(|at| payload.get(at)),
            _ => None,
        },
        MemberKind::Dir => None,
    };
    has(scanned) && target.is_some_and(has)
}

/// Copies a file, which must be what was read for the pack.
fn copy(root: &Root, path: &PackPath, size: u64, sha256: Sha256, out: &mut Hashing) -> Result<()> {
    let (file, _) = root.open_file(path.as_str())?;
    let mut file = file.take(size + 1);
    let (mut digest, mut copied) = (sha2::Sha256::new(), 0);
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("read", path.as_str()))?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        copied += piece.len() as u64;
        digest.update(piece);
        out.write_all(piece).map_err(Error::io("write", FOLDER))?;
    }
    let is_same = copied == size && Sha256(digest.finalize().into()) == sha256;
    if is_same { Ok(()) } else { Err(Error::refused(Finding::new(Code::FileChanging, path.as_str()))) }
}

/// The record of an archive, after those of other archives that the file had before.
pub fn digests(before: &str, project: &str, version: &str, filed: &Filed) -> String {
    let Filed { archive, bytes, files, sha256, sha512 } = filed;
    let is_other = |record: &&str| !record.is_empty() && !record.contains(&format!("({archive})"));
    let others = before.split("\n\n").map(str::trim_end).filter(is_other);
    let own = format!(
        "{project} {version}: {} in {archive}, {} bytes; its SHA-256 and its SHA-512\nSHA256 ({archive}) = {sha256}\n\
         SHA512 ({archive}) = {sha512}",
        count(*files, "file"),
        number(*bytes),
    );
    let records: Vec<&str> = others.chain([own.as_str()]).collect();
    records.join("\n\n") + "\n"
}

/// Digests what it writes.
struct Hashing {
    out: BufWriter<File>,
    sha256: sha2::Sha256,
    sha512: Sha512,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.out.write(piece)?;
        let piece = piece.get(..written).unwrap_or_default();
        self.sha256.update(piece);
        self.sha512.update(piece);
        self.bytes += piece.len() as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(archive: &str) -> Filed {
        let (archive, sha512) = (archive.to_owned(), "5".repeat(128));
        Filed { archive, bytes: 10_240, files: 2, sha256: Sha256::of(b""), sha512 }
    }

    #[test]
    fn records_of_other_archives_stay_and_ones_own_is_not_repeated() {
        let one = digests("", "app", "1.0.0", &filed("app-1.0.0.tar"));
        assert!(one.starts_with("app 1.0.0: 2 files in app-1.0.0.tar, 10,240 bytes; its SHA-256"), "{one}");
        let two = digests(&one, "app", "1.1.0", &filed("app-1.1.0.tar"));
        assert!(two.starts_with(one.trim_end()) && two.matches("SHA512 (").count() == 2, "{two}");
        assert_eq!(digests(&two, "app", "1.1.0", &filed("app-1.1.0.tar")), two);
    }
}
