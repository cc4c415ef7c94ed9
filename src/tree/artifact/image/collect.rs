//! One walk over an archive of images: its JSON, and what each layer keeps.

use crate::tree::artifact::bounds::{Budget, MANIFEST_BYTES_MAX, Trouble};
use crate::tree::artifact::bytes::{Bytes, Form, Peeked, unpacked};
use crate::tree::artifact::image::layer::{self, Layer};
use crate::tree::artifact::tar::{Entry, EntryKind, Tar, inside};
use crate::tree::reading::Reading;
use std::collections::BTreeMap;

/// The most bytes that are kept of all layers together: the databases of a large system take 30 MiB a layer.
const KEPT_BYTES_MAX: u64 = 128 << 20;

/// How many links lead to a layer: old `docker save` links equal layers.
const LINKS_MAX: usize = 8;

/// What an archive holds, by the names of its members.
#[derive(Debug, Default)]
pub struct Blobs {
    json: BTreeMap<String, Vec<u8>>,
    layers: BTreeMap<String, Layer>,
    links: BTreeMap<String, String>,
}

impl Blobs {
    /// A JSON document.
    pub fn json(&self, name: &str) -> Option<&[u8]> {
        self.json.get(name).map(Vec::as_slice)
    }

    /// A layer, through links.
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        let mut name = name;
        for _ in 0..LINKS_MAX {
            match self.links.get(name) {
                Some(target) => name = target,
                None => break,
            }
        }
        self.layers.get(name)
    }
}

/// Walks an archive to its end, or to where it cannot be read; what was found until there counts.
pub fn archive(archive: &mut dyn Bytes, reading: &mut Reading) -> Result<Blobs, Trouble> {
    let mut blobs = Blobs::default();
    let mut budget = Budget::of(KEPT_BYTES_MAX);
    let mut tar = Tar::new(archive);
    loop {
        match tar.next(&mut budget) {
            Ok(Some(entry)) => member(&entry, &mut tar, &mut budget, &mut blobs, reading),
            Ok(None) => return Ok(blobs),
            Err(trouble) => {
                trouble.note("", reading);
                return Ok(blobs);
            }
        }
    }
}

fn member(entry: &Entry, tar: &mut Tar<'_>, budget: &mut Budget, blobs: &mut Blobs, reading: &mut Reading) {
    let Some(name) = inside(&entry.path) else {
        Trouble::invalid("a name that leaves the archive").note(&entry.path, reading);
        return;
    };
    let done = match entry.kind {
        EntryKind::File => file(&name, entry.size, tar, budget, blobs),
        EntryKind::Symlink => {
            blobs.links.extend(layer::resolved(&name, &entry.link).map(|target| (name.clone(), target)));
            Ok(())
        }
        EntryKind::HardLink => {
            blobs.links.extend(inside(&entry.link).map(|target| (name.clone(), target)));
            Ok(())
        }
        EntryKind::Folder | EntryKind::Other => Ok(()),
    };
    if let Err(trouble) = done {
        trouble.note(&name, reading);
    }
}

fn file(
    name: &str,
    size: u64,
    tar: &mut Tar<'_>,
    budget: &mut Budget,
    blobs: &mut Blobs,
) -> Result<(), Trouble> {
    let mut body = tar.body();
    let mut bytes = Peeked::new(&mut body)?;
    let is_json = matches!(bytes.head().iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    let form = Form::of(bytes.head());
    if form == Form::Other {
        if is_json && size <= MANIFEST_BYTES_MAX {
            let json = budget.manifest(&mut bytes)?;
            blobs.json.insert(name.to_owned(), json);
        }
        return Ok(());
    }
    let layer = unpacked(&mut bytes, form, size, |bytes| {
        let mut bytes = Peeked::new(bytes)?;
        let is_tar = Form::of(bytes.head()) == Form::Tar;
        Ok(is_tar.then(|| layer::walk(&mut bytes, budget)))
    })?;
    blobs.layers.extend(layer.map(|layer| (name.to_owned(), layer)));
    Ok(())
}
