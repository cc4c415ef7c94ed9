//! What happened to the DDL files since they were last sealed.

use crate::format::digest::Sha256;
use crate::policy::gate::judged::Fault;
use std::collections::{HashMap, HashSet};

/// A file and its digest.
type One = (String, Sha256);

/// Everything that those who applied `before` would miss; both in order.
pub(super) fn compare(before: &[One], now: &[One]) -> Vec<Fault> {
    let place: HashMap<&str, usize> =
        now.iter().enumerate().map(|(at, (path, _))| (path.as_str(), at)).collect();
    let known: HashMap<&str, Sha256> = before.iter().map(|(path, digest)| (path.as_str(), *digest)).collect();
    let new_names: HashMap<Sha256, &str> = now
        .iter()
        .filter(|(path, _)| !known.contains_key(path.as_str()))
        .map(|(path, digest)| (*digest, path.as_str()))
        .collect();
    let mut faults = gone_and_edited(before, now, &place, &new_names);
    faults.extend(reordered(before, now, &place));
    faults.extend(inserted(now, &known, before, &place));
    faults
}

fn gone_and_edited(
    before: &[One],
    now: &[One],
    place: &HashMap<&str, usize>,
    new_names: &HashMap<Sha256, &str>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, digest) in before {
        match place.get(path.as_str()).and_then(|&at| now.get(at)) {
            Some((_, same)) if same == digest => {}
            Some((_, other)) => {
                faults.push(Fault::new(path).expected(digest).actual(format!("edited: {other}")))
            }
            None => {
                let actual = match new_names.get(digest) {
                    Some(name) => format!("renamed to {name}"),
                    None => "removed".to_owned(),
                };
                faults.push(Fault::new(path).expected("a file of the last release").actual(actual));
            }
        }
    }
    faults
}

/// Files that now come before one that they came after.
fn reordered(before: &[One], now: &[One], place: &HashMap<&str, usize>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut last: Option<usize> = None;
    for (path, _) in before {
        let Some(&at) = place.get(path.as_str()) else { continue };
        match last.filter(|&last| at < last).and_then(|last| now.get(last)) {
            Some((other, _)) => {
                let fault = Fault::new(path).expected(format!("after {other}"));
                faults.push(fault.actual("it comes before it"));
            }
            None => last = Some(at),
        }
    }
    faults
}

/// New files that come before one of the old; a renamed one was told already.
fn inserted(
    now: &[One],
    known: &HashMap<&str, Sha256>,
    before: &[One],
    place: &HashMap<&str, usize>,
) -> Vec<Fault> {
    let last_old = now.iter().rposition(|(path, _)| known.contains_key(path.as_str()));
    let Some(last_old) = last_old else { return Vec::new() };
    let gone = before.iter().filter(|(path, _)| !place.contains_key(path.as_str()));
    let renamed: HashSet<Sha256> = gone.map(|(_, digest)| *digest).collect();
    let old = now.get(last_old).map_or("", |(path, _)| path.as_str());
    let is_new = |(path, digest): &&One| !known.contains_key(path.as_str()) && !renamed.contains(digest);
    let fault = |(path, _): &One| {
        Fault::new(path).expected(format!("after {old}")).actual("it is new, and comes before it")
    };
    now.iter().take(last_old).filter(is_new).map(fault).collect()
}
