//! Built files: what wheels, jars, programs, images and other artifacts say of themselves. One file a format.
//!
//! Nothing is unpacked to disk, nothing is run, and every size, count and depth that comes from a file has a limit.

mod bounds;
mod bytes;
mod crate_file;
mod deb;
mod embedded;
mod fields;
mod gem;
mod image;
mod jar;
mod npm;
mod parts;
mod pom;
mod program;
mod python;
mod rpm_file;
mod sdist;
mod tar;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wheel;
mod zip_file;

use crate::format::bom::Aggregate;
use crate::tree::artifact::bounds::{Budget, Pool, Trouble};
use crate::tree::artifact::bytes::{Bytes, Form, HEAD_BYTES, Peeked, Seeking, unpacked};
pub use crate::tree::artifact::image::Folder;
use crate::tree::artifact::parts::file_name;
use crate::tree::artifact::tar::Tar;
use crate::tree::reading::Reading;
use std::io::{Read, Seek, SeekFrom};

/// A file that can be read from any place.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// What an artifact says of itself; `None` for a file that is of no known kind, which is not a fault. `path` is its path
/// in the tree.
pub fn inspect(path: &str, source: &mut dyn Source) -> Option<Reading> {
    let read = head(source).and_then(|head| dispatch(path, &head, source));
    read.unwrap_or_else(|trouble| {
        let mut reading = Reading::new(Aggregate::Incomplete);
        trouble.note("", &mut reading);
        Some(reading)
    })
}

/// What an OCI image layout says that lies in the tree as a folder: one with a file `oci-layout`. `path` is the folder's
/// path in the tree.
pub fn inspect_layout(path: &str, folder: &dyn Folder) -> Reading {
    image::layout(path, folder)
}

fn head(source: &mut dyn Source) -> Result<Vec<u8>, Trouble> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    source.seek(SeekFrom::Start(0))?;
    source.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    source.seek(SeekFrom::Start(0))?;
    Ok(head)
}

/// By the name where it says what the content must be, else by the content.
fn dispatch(path: &str, head: &[u8], source: &mut dyn Source) -> Result<Option<Reading>, Trouble> {
    let name = file_name(path).to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    if ends(".whl") {
        return wheel::read(path, source).map(Some);
    }
    if jar::is_jar(&name) {
        return jar::read(path, source).map(Some);
    }
    if ends(".deb") {
        return deb::read(source).map(Some);
    }
    if head.starts_with(rpm_file::MAGIC) {
        return rpm_file::read(source).map(Some);
    }
    let form = Form::of(head);
    if ends(".crate") || ends(".gem") {
        let is_gem = ends(".gem");
        return open(source, form, |tar| match is_gem {
            true => gem::read(tar).map(Some),
            false => crate_file::read(path, tar).map(Some),
        });
    }
    match form {
        Form::Gzip | Form::Zstd | Form::Xz | Form::Tar => archive(path, form, source),
        Form::Other => program::read(path, head, source),
    }
}

/// Opens a tar that may be compressed.
fn open<T>(
    source: &mut dyn Source,
    form: Form,
    then: impl FnOnce(&mut Tar<'_>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let pool = Pool::of(source.seek(SeekFrom::End(0))?);
    let mut seeking = Seeking::new(source)?;
    unpacked(&mut seeking, form, &pool, |bytes| then(&mut Tar::new(bytes)))
}

/// A tar. What a compressed one may be, its first member must tell: finding out more would be to unpack it twice.
fn archive(path: &str, form: Form, source: &mut dyn Source) -> Result<Option<Reading>, Trouble> {
    let pool = Pool::of(source.seek(SeekFrom::End(0))?);
    if form == Form::Tar && image::is_among(&mut Seeking::new(source)?) {
        return image::read(path, &mut Seeking::new(source)?, &pool);
    }
    let mut seeking = Seeking::new(source)?;
    unpacked(&mut seeking, form, &pool, |bytes| {
        let mut bytes = Peeked::new(bytes)?;
        if Form::of(bytes.head()) != Form::Tar {
            return Ok(None);
        }
        let first = first_name(bytes.head());
        tarball(path, &first, &mut bytes, &pool)
    })
}

/// The first member's name, as far as one header can say it.
fn first_name(head: &[u8]) -> String {
    let mut budget = Budget::new();
    let mut bytes = bytes::Flowing::new(head);
    let entry = Tar::new(&mut bytes).next(&mut budget);
    entry.ok().flatten().map(|entry| entry.path).unwrap_or_default()
}

fn tarball(path: &str, first: &str, bytes: &mut dyn Bytes, pool: &Pool) -> Result<Option<Reading>, Trouble> {
    let folder = first.trim_start_matches("./").split('/').next().unwrap_or_default();
    let name = file_name(path);
    if image::begins(first) {
        return image::read(path, bytes, pool);
    }
    // PEP 625 wants this end, and the folder of the same name.
    if name.strip_suffix(".tar.gz") == Some(folder) {
        return sdist::read(&mut Tar::new(bytes), folder);
    }
    // npm takes any folder for the top; it makes `package`, some publishers others.
    match folder == "package" || name.ends_with(".tgz") {
        true => npm::read(&mut Tar::new(bytes)),
        false => Ok(None),
    }
}
