//! Jars, wars and ears (JAR File Specification): what Maven wrote into them, else their manifest; and the jars inside.

mod identity;

use crate::format::bom::{Aggregate, Node};
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, DEPTH_MAX, MANIFEST_BYTES_MAX, MEMBER_BYTES_MAX, Trouble};
use crate::tree::artifact::jar::identity::Told;
use crate::tree::artifact::parts::file_name;
use crate::tree::artifact::zip_file::Zip;
use crate::tree::reading::Reading;
use std::io::Cursor;

/// Whether a name is one of a jar.
pub fn is_jar(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && ["jar", "war", "ear"].iter().any(|known| end.eq_ignore_ascii_case(known))
}

/// What a jar says of itself and of the jars inside it. Classes that were copied in without a word nobody can list.
pub fn read(path: &str, source: &mut dyn Source) -> Result<Reading, Trouble> {
    let mut reading = Reading::new(Aggregate::Unknown);
    let mut budget = Budget::new();
    one(
        file_name(path),
        source,
        &mut Place { inside: "", depth: 0, within: None },
        &mut budget,
        &mut reading,
    )?;
    Ok(reading)
}

/// Where a jar lies.
struct Place<'a> {
    /// The jar's name in the outermost one; empty for that itself.
    inside: &'a str,
    depth: usize,
    /// The jar around it.
    within: Option<Node>,
}

fn one(
    name: &str,
    source: &mut dyn Source,
    place: &mut Place<'_>,
    budget: &mut Budget,
    reading: &mut Reading,
) -> Result<(), Trouble> {
    let mut zip = Zip::open(source, budget)?;
    let names = zip.names();
    let mut told = Told::default();
    for (at, member) in names.iter().enumerate().filter(|(_, member)| identity::is_told_by(member)) {
        let read = zip.read(at, MANIFEST_BYTES_MAX, budget);
        if let Err(trouble) = read.and_then(|bytes| told.member(member, &bytes)) {
            trouble.note(&inner(place.inside, member), reading);
        }
    }
    let node = told.add_to(name, place.within, &mut reading.graph);
    for (at, member) in names.iter().enumerate().filter(|(_, member)| is_jar(member)) {
        let inside = inner(place.inside, member);
        if place.depth == DEPTH_MAX {
            Trouble::too_large(format!("jars more than {DEPTH_MAX} deep")).note(&inside, reading);
            continue;
        }
        let mut next = Place { inside: &inside, depth: place.depth + 1, within: Some(node) };
        let read = zip
            .read(at, MEMBER_BYTES_MAX, budget)
            .and_then(|bytes| one(file_name(member), &mut Cursor::new(bytes), &mut next, budget, reading));
        if let Err(trouble) = read {
            trouble.note(&inside, reading);
        }
    }
    Ok(())
}

fn inner(outer: &str, member: &str) -> String {
    if outer.is_empty() { member.to_owned() } else { format!("{outer}!{member}") }
}
