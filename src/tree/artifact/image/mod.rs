//! Container images: OCI image layouts and what `docker save` writes, as tars.
//!
//! The archive is walked once, from its start to its end, because the manifest that says which layers there are and in
//! what order often comes last. Of each layer only the package databases, the release file of the system and the
//! lockfiles are kept; what is put together from them is done afterwards.

mod apk;
mod collect;
mod describe;
mod dpkg;
mod layer;
mod manifest;
mod os;
mod overlay;
mod packages;
mod rpm;
#[cfg(test)]
mod tests;

use crate::format::bom::Aggregate;
use crate::tree::artifact::bounds::Trouble;
use crate::tree::artifact::bytes::Bytes;
use crate::tree::reading::Reading;

/// Whether the first member of a tar can be one of an image.
pub fn begins(first: &str) -> bool {
    let first = first.trim_start_matches("./");
    let top = first.split('/').next().unwrap_or_default();
    let stem = top.split('.').next().unwrap_or_default();
    let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest || matches!(top, "blobs" | "oci-layout" | "index.json" | "manifest.json" | "repositories")
}

/// What an archive of images says of them; `None` if it holds no manifest, so that it is any archive.
pub fn read(path: &str, archive: &mut dyn Bytes) -> Result<Option<Reading>, Trouble> {
    // What is installed is known; what was copied in beside it is not.
    let mut reading = Reading::new(Aggregate::Unknown);
    let blobs = collect::archive(archive, &mut reading)?;
    let Some(images) = manifest::images(path, &blobs, &mut reading) else { return Ok(None) };
    for image in &images {
        describe::image(image, &blobs, &mut reading);
    }
    Ok(Some(reading))
}
