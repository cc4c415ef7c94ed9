//! One walk over an archive of images: its JSON, and what each layer keeps.

use crate::tree::artifact::bounds::{Budget, MANIFEST_BYTES_MAX, Pool, Trouble};
use crate::tree::artifact::bytes::{Bytes, Form, Peeked, Seeking, unpacked};
use crate::tree::artifact::image::layer::{self, Layer};
use crate::tree::artifact::image::{Folder, manifest};
use crate::tree::artifact::tar::{Entry, EntryKind, Tar, inside};
use crate::tree::reading::Reading;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, SeekFrom};

/// The most bytes that are kept of all layers together: the databases of a large system take 30 MiB a layer.
const KEPT_BYTES_MAX: u64 = 128 << 20;

/// What a name in a table costs beside its text.
const NAME_BYTES: usize = 256;

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

    /// Whether anything looked like a layer.
    pub fn has_layers(&self) -> bool {
        !self.layers.is_empty()
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
pub fn archive(archive: &mut dyn Bytes, pool: &Pool, reading: &mut Reading) -> Blobs {
    let mut collector = Collector::new(pool);
    let mut tar = Tar::new(archive);
    loop {
        match tar.next(&mut collector.budget) {
            Ok(Some(entry)) => collector.member(&entry, &mut tar, reading),
            Ok(None) => return collector.blobs,
            Err(trouble) => {
                trouble.note("", reading);
                return collector.blobs;
            }
        }
    }
}

/// Reads a layout in a folder: its index, and every blob that this leads to.
pub fn folder(folder: &dyn Folder, reading: &mut Reading) -> Blobs {
    let mut collector = Collector::new(&Pool::of(0));
    let mut names = vec!["oci-layout".to_owned(), "index.json".to_owned()];
    let mut known: BTreeSet<String> = BTreeSet::new();
    while let Some(name) = names.pop() {
        if !known.insert(name.clone()) {
            continue;
        }
        // What is missing, whoever needs it will say.
        let Some(mut source) = folder.open(&name) else { continue };
        let read = source.seek(SeekFrom::End(0)).map_err(Trouble::from).and_then(|size| {
            collector.budget.count(1)?;
            collector.pool.add(size);
            collector.blob(&name, size, &mut Seeking::new(&mut *source)?)
        });
        if let Err(trouble) = read {
            trouble.note(&name, reading);
        }
        names.extend(collector.blobs.json(&name).map(manifest::blobs_of).unwrap_or_default());
    }
    collector.blobs
}

/// What a walk has found, and what it may still read.
struct Collector {
    blobs: Blobs,
    budget: Budget,
    pool: Pool,
}

impl Collector {
    fn new(pool: &Pool) -> Collector {
        Collector { blobs: Blobs::default(), budget: Budget::of(KEPT_BYTES_MAX), pool: pool.clone() }
    }

    fn member(&mut self, entry: &Entry, tar: &mut Tar<'_>, reading: &mut Reading) {
        let Some(name) = inside(&entry.path) else {
            Trouble::invalid("a name that leaves the archive").note(&entry.path, reading);
            return;
        };
        let done = match entry.kind {
            EntryKind::File => self.blob(&name, entry.size, &mut tar.body()),
            EntryKind::Symlink => self.link(&name, layer::resolved(&name, &entry.link)),
            EntryKind::HardLink => self.link(&name, inside(&entry.link)),
            EntryKind::Folder | EntryKind::Other => Ok(()),
        };
        if let Err(trouble) = done {
            trouble.note(&name, reading);
        }
    }

    fn link(&mut self, name: &str, target: Option<String>) -> Result<(), Trouble> {
        let Some(target) = target else { return Ok(()) };
        self.budget.spend(name.len() + target.len() + NAME_BYTES)?;
        self.blobs.links.insert(name.to_owned(), target);
        Ok(())
    }

    fn blob(&mut self, name: &str, size: u64, bytes: &mut dyn Bytes) -> Result<(), Trouble> {
        let mut bytes = Peeked::new(bytes)?;
        let first = bytes.head().iter().find(|byte| !byte.is_ascii_whitespace());
        let is_json = matches!(first, Some(b'{' | b'['));
        let form = Form::of(bytes.head());
        self.budget.spend(name.len() + NAME_BYTES)?;
        if form == Form::Other {
            if is_json && size <= MANIFEST_BYTES_MAX {
                let json = self.budget.manifest(&mut bytes)?;
                self.blobs.json.insert(name.to_owned(), json);
            }
            return Ok(());
        }
        let budget = &mut self.budget;
        let layer = unpacked(&mut bytes, form, &self.pool, |bytes| {
            let mut bytes = Peeked::new(bytes)?;
            let is_tar = Form::of(bytes.head()) == Form::Tar;
            Ok(is_tar.then(|| layer::walk(&mut bytes, budget)))
        })?;
        self.blobs.layers.extend(layer.map(|layer| (name.to_owned(), layer)));
        Ok(())
    }
}
