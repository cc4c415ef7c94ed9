//! An image as components: itself, its system, the packages that are installed, and what its lockfiles list.

use crate::format::bom::{Component, ComponentKind, Node};
use crate::tree::artifact::bounds::Trouble;
use crate::tree::artifact::image::collect::Blobs;
use crate::tree::artifact::image::layer::{APK, Layer, OS_RELEASE};
use crate::tree::artifact::image::manifest::Image;
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::overlay::Files;
use crate::tree::artifact::image::packages::{self, Package};
use crate::tree::artifact::image::{apk, dpkg, rpm};
use crate::tree::artifact::parts::{absorb, noted};
use crate::tree::lockfile::{Beside, Lockfile, kind_of};
use crate::tree::reading::Reading;

/// The most layers of an image. Docker makes at most 127.
const LAYERS_MAX: usize = 512;

/// Adds an image to the reading.
pub fn image(image: &Image, blobs: &Blobs, reading: &mut Reading) {
    let layers = layers(image, blobs, reading);
    let files = Files::of(&layers);
    for (path, target) in files.dangling() {
        Trouble::invalid(format!("a link to {target}, which is not there")).note(path, reading);
    }
    let version = image.version.as_deref();
    let mut component = Component::new(ComponentKind::Container, &image.name, version);
    component.purl = image.purl.clone();
    let root = reading.graph.add_root(component);
    let os = OS_RELEASE.iter().find_map(|path| files.get(path)).map(Os::read).unwrap_or_default();
    if let Some(component) = os.component() {
        let node = reading.graph.add(component);
        reading.graph.depend(root, node);
    }
    installed(&files, &os, root, reading);
    lockfiles(&files, root, reading);
}

/// The image's layers that are there, the lowest first, with what is wrong with them.
fn layers<'a>(image: &Image, blobs: &'a Blobs, reading: &mut Reading) -> Vec<&'a Layer> {
    let mut found = Vec::new();
    if image.layers.len() > LAYERS_MAX {
        Trouble::too_large(format!("more than {LAYERS_MAX} layers")).note(&image.name, reading);
    }
    for name in image.layers.iter().take(LAYERS_MAX) {
        let Some(layer) = blobs.layer(name) else {
            Trouble::invalid("a layer that is not in the archive, or cannot be read").note(name, reading);
            continue;
        };
        for (path, trouble) in &layer.troubles {
            let inside = if path.is_empty() { name } else { path };
            trouble.clone().note(inside, reading);
        }
        found.push(layer);
    }
    found
}

/// The packages of every database that is there.
fn installed(files: &Files<'_>, os: &Os, root: Node, reading: &mut Reading) {
    let mut add = |path: &str, read: Result<Vec<Package>, Trouble>| match read {
        Ok(found) => packages::add(found, root, &mut reading.graph),
        Err(trouble) => trouble.note(path, reading),
    };
    if let Some(bytes) = files.get(dpkg::STATUS) {
        add(dpkg::STATUS, dpkg::read(bytes, os));
    }
    let mut pieces = Vec::new();
    let folder = format!("{}/", dpkg::STATUS_FOLDER);
    for (path, bytes) in files.all().filter(|(path, _)| path.starts_with(&folder)) {
        match dpkg::read(bytes, os) {
            Ok(found) => pieces.extend(found),
            Err(trouble) => add(path, Err(trouble)),
        }
    }
    add(dpkg::STATUS_FOLDER, Ok(pieces));
    if let Some((path, bytes)) = APK.iter().find_map(|path| Some((path, files.get(path)?))) {
        add(path, apk::read(bytes, os));
    }
    if let Some((path, bytes)) = rpm::PLACES.iter().find_map(|path| Some((path, files.get(path)?))) {
        let read = rpm::read(bytes, os);
        add(path, Ok(read.packages));
        for trouble in read.troubles {
            trouble.note(path, reading);
        }
    }
    for path in rpm::LOGS.iter().filter(|path| files.get(path).is_some_and(|log| !log.is_empty())) {
        Trouble::invalid("changes that the database does not have yet, and that are not read")
            .note(path, reading);
    }
}

/// The files of a folder and below.
struct Below<'a> {
    files: &'a Files<'a>,
    folder: &'a str,
}

impl Beside for Below<'_> {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        let leaves = relative.split('/').any(|part| matches!(part, "" | "." | ".."));
        let path =
            if self.folder.is_empty() { relative.to_owned() } else { format!("{}/{relative}", self.folder) };
        (!leaves).then(|| self.files.get(&path)).flatten().map(<[u8]>::to_vec)
    }
}

fn lockfiles(files: &Files<'_>, root: Node, reading: &mut Reading) {
    for (path, bytes) in files.all() {
        let Some(kind) = kind_of(path) else { continue };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let lock = (kind.read)(&Lockfile { path, bytes, beside: &Below { files, folder } });
        let moved = absorb(&mut reading.graph, &lock.graph);
        let is_root = |node: &Node| lock.graph.roots().contains(node);
        let tops =
            lock.graph.nodes().zip(moved).filter(|(node, _)| lock.graph.roots().is_empty() || is_root(node));
        tops.for_each(|(_, node)| reading.graph.depend(root, node));
        reading.aggregate = reading.aggregate.max(lock.aggregate);
        for fault in lock.faults {
            noted(fault, path, reading);
        }
    }
}
