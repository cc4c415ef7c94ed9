//! The closure: the tag manifest lists every tag file but itself, the seal, and what comes after that; and each is as
//! listed.

use crate::error::{Error, Result};
use crate::evidence::later::is_later;
use crate::evidence::seal::SEAL;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::listing::{Encoding, Lines};
use crate::pipeline::contents::{TAG_FILES_MAX, Tags};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// The tag manifest's name.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

/// What the closure came to.
#[derive(Debug, Default)]
pub struct Closure {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many tag files are listed.
    pub listed: usize,
    /// The digest of the tag manifest, which the seal is about.
    pub tag_manifest: Option<Sha256>,
}

/// Compares the tag files with the tag manifest. `only` limits it to some of the listed files, where not all were read.
pub fn check(tags: &Tags, only: Option<&[&str]>) -> Result<Closure> {
    let mut closure = Closure::default();
    let Some(manifest) = tags.open(TAG_MANIFEST) else {
        closure.findings.push(Finding::new(Code::Missing, TAG_MANIFEST));
        return Ok(closure);
    };
    closure.tag_manifest = digest(tags, TAG_MANIFEST)?;
    let listed = match list(Lines::new(manifest, Encoding::Percent)) {
        Ok(listed) => listed,
        Err(finding) => {
            closure.findings.push(finding);
            return Ok(closure);
        }
    };
    closure.listed = listed.len();
    for (name, signed) in &listed {
        if only.is_some_and(|only| !only.contains(&&**name)) {
            continue;
        }
        match digest(tags, name)? {
            None => closure.findings.push(Finding::new(Code::Missing, name.as_str())),
            Some(found) if found != *signed => {
                let finding = Finding::new(Code::Altered, name.as_str());
                closure
                    .findings
                    .push(finding.expected(format!("sha256 {signed}")).actual(format!("sha256 {found}")));
            }
            Some(_) => {}
        }
    }
    let extra = tags
        .names()
        .map(AsRef::as_ref)
        .filter(|name: &&str| !matches!(*name, TAG_MANIFEST | SEAL) && !listed.contains_key(*name));
    closure.findings.extend(extra.map(|name| Finding::new(Code::Extra, name)));
    Ok(closure)
}

/// The tag files that a tag manifest lists, with their digests.
pub fn parse(manifest: &[u8]) -> std::result::Result<BTreeMap<String, Sha256>, Finding> {
    list(Lines::new(manifest, Encoding::Percent))
}

fn list(
    lines: impl Iterator<Item = io::Result<crate::format::listing::Line>>,
) -> std::result::Result<BTreeMap<String, Sha256>, Finding> {
    let invalid = |what: String| Finding::new(Code::ManifestInvalid, TAG_MANIFEST).actual(what);
    let mut listed = BTreeMap::new();
    for line in lines {
        let line = line.map_err(|error| invalid(error.to_string()))?;
        if listed.last_key_value().is_some_and(|(last, _)| *last >= line.path) {
            return Err(invalid(format!("{} is out of order", line.path)));
        }
        let closes = matches!(&*line.path, TAG_MANIFEST | SEAL);
        if closes || is_later(&line.path) || line.path.starts_with("data/") {
            return Err(invalid(format!("{} may not be listed", line.path)));
        }
        if listed.len() == TAG_FILES_MAX {
            return Err(invalid(format!("more than {TAG_FILES_MAX} tag files")));
        }
        listed.insert(line.path, Sha256(line.digest));
    }
    if listed.is_empty() { Err(invalid("no tag files".to_owned())) } else { Ok(listed) }
}

fn digest(tags: &Tags, name: &str) -> Result<Option<Sha256>> {
    let Some(mut file) = tags.open(name) else { return Ok(None) };
    let mut hasher = sha2::Sha256::new();
    let mut buffer = [0; 32 << 10];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", name))? {
            0 => return Ok(Some(Sha256(hasher.finalize().into()))),
            count => hasher.update(&buffer[..count]),
        }
    }
}
