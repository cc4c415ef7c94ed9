//! What comes after the seal and so lies beside the sealed tag files: approvals, and what the gates of later stages came
//! to. The archive never holds them; `OUT/NAME/attestations/` does.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::pipeline::source::Root;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The folder of a pack in which they lie.
pub const FOLDER: &str = "attestations";

/// What the names of approvals begin with.
pub const APPROVAL: &str = "attestations/approval.";

/// What the names of results begin with: the stage follows.
pub const STAGES: [&str; 2] = ["attestations/gates.promote.", "attestations/gates.close."];

/// What all their names end in.
pub const SUFFIX: &str = ".sigstore.json";

/// The most bytes that are read of all of them together.
const BYTES_MAX: u64 = 64 << 20;

/// The most files that are read.
const FILES_MAX: usize = 1_000;

/// Whether a tag file of this name comes after the seal.
pub fn is_later(name: &str) -> bool {
    let inside = |start: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix(SUFFIX));
    let is_one = |start: &str| inside(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    std::iter::once(APPROVAL).chain(STAGES).any(is_one)
}

/// A file that came after the seal: nothing of it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterFile {
    /// Its name in the pack.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What lies beside a seal.
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// The files, in bytewise order of their names.
    pub files: Vec<LaterFile>,
    /// What has such a name and cannot be read as one.
    pub findings: Vec<Finding>,
}

/// Reads what came after the seal of a pack, from its folder; nothing where there is none.
pub fn read(pack: &Path) -> Result<Later> {
    let folder = pack.join(FOLDER);
    let mut names = Vec::new();
    match fs::read_dir(&folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(Error::io("read", folder)(error)),
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(Error::io("read", &folder))?;
                // A name that is no text is none of ours, and stands in nobody's way.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let name = format!("{FOLDER}/{name}");
                names.extend(is_later(&name).then_some(name));
            }
        }
    }
    names.sort_unstable();
    let mut later = Later::default();
    let mut left = BYTES_MAX;
    for name in names {
        let refused = |why: &str| Finding::new(Code::BundleInvalid, &*name).actual(why);
        match bytes(pack, &name, left)? {
            None => later.findings.push(refused("no regular file")),
            Some(bytes) if bytes.len() as u64 > left => later.findings.push(refused("more than is read")),
            Some(_) if later.files.len() == FILES_MAX => later.findings.push(refused("more than is read")),
            Some(bytes) => {
                left -= bytes.len() as u64;
                later.files.push(LaterFile { name, bytes });
            }
        }
    }
    Ok(later)
}

/// The bytes of a file, and one more than so many at most; nothing for a link or a device.
fn bytes(pack: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let path = pack.join(name);
    if !path.symlink_metadata().map_err(Error::io("read", &path))?.is_file() {
        return Ok(None);
    }
    let (file, _) = Root::open(pack)?.open_file(name)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_seal_is_known_by_its_name() {
        for name in ["approval.qa.abc", "gates.promote.abc", "gates.close.waiver.window", "approval.x"] {
            assert!(is_later(&format!("attestations/{name}.sigstore.json")), "{name}");
        }
        for name in [
            "approval.sigstore.json",
            "attestations/approval..sigstore.json",
            "attestations/approval.sigstore.json",
            "attestations/approval.qa.json",
            "attestations/approval.a/b.sigstore.json",
            "attestations/gates.sigstore.json",
            "attestations/gates.seal.abc.sigstore.json",
            "attestations/waiver.window.sigstore.json",
            "attestations/seal.sigstore.json",
            "data/attestations/approval.qa.abc.sigstore.json",
        ] {
            assert!(!is_later(name), "{name}");
        }
    }

    #[test]
    fn files_are_read_in_order_and_links_are_not() {
        let pack = tempfile::tempdir().unwrap();
        assert!(read(pack.path()).unwrap().files.is_empty(), "a folder without any");
        fs::create_dir(pack.path().join(FOLDER)).unwrap();
        for name in ["approval.b.1", "approval.a.1", "seal"] {
            fs::write(pack.path().join(format!("attestations/{name}.sigstore.json")), name).unwrap();
        }
        let link = pack.path().join("attestations/approval.c.1.sigstore.json");
        std::os::unix::fs::symlink("seal.sigstore.json", link).unwrap();
        let later = read(pack.path()).unwrap();
        let names: Vec<&str> = later.files.iter().map(|file| &*file.name).collect();
        let expected = ["attestations/approval.a.1.sigstore.json", "attestations/approval.b.1.sigstore.json"];
        assert_eq!(names, expected);
        assert_eq!(later.findings.len(), 1);
        assert_eq!(later.findings[0].subject, "attestations/approval.c.1.sigstore.json");
    }
}
