//! Wheels (PyPA binary distribution format): METADATA, and what is vendored inside.

use crate::format::bom::Aggregate;
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, MANIFEST_BYTES_MAX, Trouble};
use crate::tree::artifact::embedded;
use crate::tree::artifact::parts::file_name;
use crate::tree::artifact::python::{self, Metadata};
use crate::tree::artifact::zip_file::Zip;
use crate::tree::reading::Reading;

/// What a wheel says of itself. Its requirements have no versions, and what else is inside nobody lists.
pub fn read(path: &str, source: &mut dyn Source) -> Result<Reading, Trouble> {
    let mut budget = Budget::new();
    let mut zip = Zip::open(source, &mut budget)?;
    let mut reading = Reading::new(Aggregate::Unknown);
    let (mut own, mut vendored) = (Vec::new(), Vec::new());
    let names = zip.names();
    for (place, name) in names.iter().enumerate() {
        let Some(folder) = name.strip_suffix(".dist-info/METADATA") else { continue };
        let read = zip.read(place, MANIFEST_BYTES_MAX, &mut budget);
        match read.map(|bytes| python::metadata(&bytes)) {
            Ok(Some(metadata)) if folder.contains('/') => vendored.push(metadata),
            Ok(Some(metadata)) => own.push((folder.to_owned(), metadata)),
            Ok(None) => Trouble::invalid("it names no package").note(name, &mut reading),
            Err(trouble) => trouble.note(name, &mut reading),
        }
    }
    let Some(metadata) = the_own(path, own, &mut reading) else {
        Trouble::invalid("a wheel without *.dist-info/METADATA").note("", &mut reading);
        return Ok(reading);
    };
    let root = reading.graph.add_root(metadata.component);
    metadata.needed.add_to(&mut reading.graph, root, |name| python::purl(name, ""));
    for inner in vendored {
        let node = reading.graph.add(inner.component);
        reading.graph.depend(root, node);
    }
    for (place, name) in names.iter().enumerate().filter(|(_, name)| is_sbom(name)) {
        let bytes = zip.read(place, MANIFEST_BYTES_MAX, &mut budget);
        if let Err(trouble) = bytes.and_then(|bytes| embedded::add(&bytes, root, &mut reading)) {
            trouble.note(name, &mut reading);
        }
    }
    Ok(reading)
}

/// PEP 770 leaves the format open; the one that builders write is CycloneDX.
fn is_sbom(name: &str) -> bool {
    let mut parts = name.split('/');
    let (info, folder) = (parts.next().unwrap_or_default(), parts.next());
    info.ends_with(".dist-info") && folder == Some("sboms") && name.ends_with(".cdx.json")
}

/// The metadata whose folder has the wheel's name in front; there must be one.
fn the_own(path: &str, mut own: Vec<(String, Metadata)>, reading: &mut Reading) -> Option<Metadata> {
    if own.len() > 1 {
        Trouble::invalid("several *.dist-info folders").note("", reading);
    }
    let name = file_name(path);
    let place = own.iter().position(|(folder, _)| name.starts_with(&format!("{folder}-"))).unwrap_or(0);
    (place < own.len()).then(|| own.swap_remove(place).1)
}
