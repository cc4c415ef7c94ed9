//! Container images: OCI image layouts and what `docker save` writes, as tars.
//!
//! The archive is walked once, from its start to its end, because the manifest that says which layers there are and in
//! what order often comes last. Of each layer only the package databases, the release file of the system and the
//! lockfiles are kept; what is put together from them is done afterwards.

mod apk;
mod collect;
mod describe;
pub mod dpkg;
mod layer;
mod manifest;
pub mod os;
mod overlay;
mod packages;
pub mod rpm;
#[cfg(test)]
mod tests;

use crate::format::bom::Aggregate;
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, Pool, Trouble};
use crate::tree::artifact::bytes::Bytes;
use crate::tree::artifact::tar::Tar;
use crate::tree::reading::Reading;

/// Whether the first member of a tar can be one of an image.
pub fn begins(first: &str) -> bool {
    let first = first.trim_start_matches("./");
    let top = first.split('/').next().unwrap_or_default();
    let stem = top.split('.').next().unwrap_or_default();
    let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_named = matches!(top, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "repositories");
    is_digest || is_named || top.starts_with("sha256:")
}

/// Whether a tar has a manifest of images among its members. Only headers are read.
pub fn is_among(archive: &mut dyn Bytes) -> bool {
    let (mut tar, mut budget) = (Tar::new(archive), Budget::new());
    let mut found = false;
    while let (false, Ok(Some(entry))) = (found, tar.next(&mut budget)) {
        found = begins(&entry.path);
    }
    found
}

/// The files of a folder, for images that are one.
pub trait Folder {
    /// A file by its path in the folder, with forward slashes; `None` if it is not there or cannot be read.
    fn open(&self, relative: &str) -> Option<Box<dyn Source + '_>>;
}

/// What an image layout in a folder says of its images. `path` is the folder's path in the tree.
pub fn layout(path: &str, folder: &dyn Folder) -> Reading {
    let mut reading = Reading::new(Aggregate::Unknown);
    let blobs = collect::folder(folder, &mut reading);
    match manifest::images(path, &blobs, &mut reading) {
        Some(images) => images.iter().for_each(|image| describe::image(image, &blobs, &mut reading)),
        None => Trouble::invalid("no image layout").note("", &mut reading),
    }
    reading
}

/// What an archive of images says of them; `None` if it holds no manifest, so that it is any archive.
pub fn read(path: &str, archive: &mut dyn Bytes, pool: &Pool) -> Result<Option<Reading>, Trouble> {
    // What is installed is known; what was copied in beside it is not.
    let mut reading = Reading::new(Aggregate::Unknown);
    let blobs = collect::archive(archive, pool, &mut reading);
    let Some(images) = manifest::images(path, &blobs, &mut reading) else {
        // Layers without a manifest behind a fault are an image of which the end is missing.
        return Ok((blobs.has_layers() && !reading.faults.is_empty()).then_some(reading));
    };
    for image in &images {
        describe::image(image, &blobs, &mut reading);
    }
    Ok(Some(reading))
}
