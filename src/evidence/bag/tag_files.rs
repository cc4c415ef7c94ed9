//! Every tag file that a tag manifest lists is there and has the digests that are listed (RFC 8493, section 2.2.1).

use super::hash::{Reader, compare};
use super::listing::Listing;
use super::open::{Opened, open_inside};
use super::walk::Walk;
use super::{Bag, count, refuse};
use crate::error::Result;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::bag::manifest::{Kind, parse_file_name};
use std::path::Path;

/// Ends the check of the tag files; `payload_manifests` are file names.
pub fn check(bag: &Bag, payload_manifests: &[String], outcome: &mut Outcome) -> Result<()> {
    let mut listing = Listing::read(bag, Kind::Tag)?;
    let mut found = listing.take_findings();
    if listing.manifests.is_empty() && found.is_empty() {
        outcome.skip("tag files", Status::NotApplicable, "the bag has no tag manifest");
        return Ok(());
    }
    find_unlisted_manifests(bag, &listing, payload_manifests, &mut found);
    compare_all(bag, &listing, &mut found)?;
    find_unlisted(bag, &listing, &mut found)?;
    let names: Vec<_> = listing.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    outcome.conclude(
        "tag files",
        format!("{} in {}", count(listing.len() as u64, "file"), names.join(", ")),
        found,
    );
    Ok(())
}

/// Each tag manifest must list every payload manifest.
fn find_unlisted_manifests(
    bag: &Bag,
    listing: &Listing,
    payload_manifests: &[String],
    found: &mut Vec<Finding>,
) {
    for tag_manifest in &listing.manifests {
        for name in payload_manifests {
            if !listing.id(name).is_some_and(|id| tag_manifest.lists(id)) {
                let finding = bag.by_version(name).expected(format!("listed in {}", tag_manifest.name));
                found.push(finding.actual("a payload manifest that the tag manifest does not list"));
            }
        }
    }
}

fn compare_all(bag: &Bag, listing: &Listing, found: &mut Vec<Finding>) -> Result<()> {
    let algorithms = listing.algorithms();
    let mut reader = Reader::new(&algorithms);
    let mut paths: Vec<_> = listing.paths().collect();
    paths.sort_unstable();
    for (path, id) in paths {
        match open_inside(&bag.root, Path::new(path)) {
            Ok(Opened::File(file, _)) => match reader.read(file) {
                Ok((_, digests)) => found.extend(compare(listing, id, path, &digests)),
                Err(e) => found.push(Finding::new(Code::Unreadable, path).actual(e)),
            },
            Ok(Opened::Absent) => found.push(Finding::new(Code::Missing, path)),
            Ok(other) => found.extend(refuse(path, &other)),
            Err(e) => found.push(Finding::new(Code::Unreadable, path).actual(e)),
        }
    }
    Ok(())
}

/// Tag files that are there should be listed. Signatures over a tag manifest cannot be: they come after it.
fn find_unlisted(bag: &Bag, listing: &Listing, found: &mut Vec<Finding>) -> Result<()> {
    let mut unlisted = Vec::new();
    for member in Walk::tags(&bag.root) {
        let path = member?.path.to_string_lossy().into_owned();
        let is_signature = path.ends_with(".sigstore.json");
        let is_tag_manifest = matches!(parse_file_name(&path), Some((Kind::Tag, _)));
        if !is_signature && !is_tag_manifest && listing.id(&path).is_none() {
            unlisted.push(path);
        }
    }
    unlisted.sort_unstable();
    found.extend(
        unlisted
            .into_iter()
            .map(|path| Finding::new(Code::BagWarning, path).actual("a tag file that no tag manifest lists")),
    );
    Ok(())
}
