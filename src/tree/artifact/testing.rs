//! What the tests of several formats share: small archives, and what is asked of every damaged one.

use crate::tree::artifact::inspect;
use crate::tree::reading::Reading;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Cursor, Write};
use tar::{EntryType, Header};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A tar of regular files.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in members {
        all.extend(member(name, bytes, EntryType::Regular, ""));
    }
    all.extend([0; 1024]);
    all
}

/// One member of a tar, of any kind and name.
pub fn member(name: &str, bytes: &[u8], kind: EntryType, link: &str) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    let mut all = header.as_bytes().to_vec();
    all.extend(bytes);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What an artifact says, which must be of a known kind.
#[track_caller]
pub fn read(path: &str, bytes: &[u8]) -> Reading {
    inspect(path, &mut Cursor::new(bytes)).expect("it is of a known kind")
}

/// What an artifact says, of which everything can be read.
#[track_caller]
pub fn read_whole(path: &str, bytes: &[u8]) -> Reading {
    let reading = read(path, bytes);
    assert_eq!(reading.faults, [], "{path}");
    reading
}

/// Each component and what it needs: `name@version (kind, scope) -> need need`.
pub fn outline(reading: &Reading) -> Vec<String> {
    let graph = &reading.graph;
    let name = |node| {
        let component = graph.component(node);
        let version = component.version.as_deref();
        version.map_or(component.name.clone(), |version| format!("{}@{version}", component.name))
    };
    let line = |node| {
        let component = graph.component(node);
        let mut needs: Vec<String> = graph.needs(node).iter().map(|need| name(*need)).collect();
        needs.sort();
        let arrow = if needs.is_empty() { "" } else { " -> " };
        format!("{} ({:?}, {:?}){arrow}{}", name(node), component.kind, component.scope, needs.join(" "))
    };
    graph.nodes().map(line).collect()
}

/// The faults, as `inside: what`.
pub fn faults(reading: &Reading) -> Vec<String> {
    reading.faults.iter().map(|fault| format!("{}: {}", fault.inside, fault.what)).collect()
}

/// Cuts a file short at many places and damages it at many others: nothing panics, and whatever was cut off is either
/// not missed or told.
#[track_caller]
pub fn survives_damage(path: &str, bytes: &[u8], step: usize) {
    let whole = read_whole(path, bytes);
    for end in (0..bytes.len()).step_by(step) {
        let Some(cut) = inspect(path, &mut Cursor::new(&bytes[..end])) else { continue };
        assert!(!cut.faults.is_empty() || cut.graph == whole.graph, "{path} cut at {end}: {cut:?}");
    }
    for at in (0..bytes.len()).step_by(step) {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            drop(inspect(path, &mut Cursor::new(damaged)));
        }
    }
}
