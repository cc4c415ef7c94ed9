//! Which lockfiles lie in the tree, and what each says.

use crate::error::Result;
use crate::finding::Code;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::format::units::size;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::lockfile::{self, Beside, Kind, LOCKFILE_BYTES_MAX, Lockfile};
use crate::tree::member::MemberKind;
use crate::tree::reading::Reading;
use crate::tree::scan::Scan;
use std::io::Read;
use std::path::Path;

/// Folders that tools fill with other people's packages, whose own lockfiles say nothing of this release.
const INSTALLED: &[&str] = &[
    ".bundle",
    ".gradle",
    ".nox",
    ".tox",
    ".venv",
    "Pods",
    "bower_components",
    "deps",
    "node_modules",
    "site-packages",
    "target",
    "vendor",
    "venv",
];

/// The largest file beside a lockfile that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 8 << 20;

/// A lockfile or an artifact, and what it says.
pub struct Said {
    /// Its path in the tree.
    pub path: String,
    /// The kind of lockfile; `None` for an artifact.
    pub lockfile: Option<&'static Kind>,
    /// The digest of the bytes that were read; `None` where they could not be, or where the pipeline tells.
    pub sha256: Option<Sha256>,
    /// What it says.
    pub reading: Reading,
}

/// Reads every lockfile of the tree, whether a rule of the policy takes it or not: a release of `dist/` alone is made
/// of what the lockfile above it names. In bytewise order of the path.
pub fn lockfiles(root: &Path, scan: &Scan, policy: &Policy, watch: &Watch) -> Result<Vec<Said>> {
    let root = Root::open(root)?;
    let read = |(path, kind): (&str, &'static Kind)| {
        watch.check()?;
        Ok(read(&root, path, kind))
    };
    candidates(scan, policy).into_iter().map(read).collect()
}

fn candidates<'s>(scan: &'s Scan, policy: &Policy) -> Vec<(&'s str, &'static Kind)> {
    let files = scan.members.iter().filter(|member| member.kind == MemberKind::File);
    let paths = files.map(|member| member.path.as_str()).chain(scan.unmatched.iter().map(|path| &**path));
    let mut found: Vec<_> = paths
        .filter_map(|path| Some((path, lockfile::kind_of(path)?)))
        .filter(|(path, _)| !is_installed(path) && !is_excluded(path, policy))
        .collect();
    found.sort_unstable_by_key(|(path, _)| *path);
    found
}

/// A path that is none, with escaped bytes in it, is left to the reader, who says that it cannot be read.
fn is_excluded(path: &str, policy: &Policy) -> bool {
    PackPath::new(path.as_bytes()).is_ok_and(|path| policy.sbom.excludes(&path))
}

fn is_installed(path: &str) -> bool {
    path.split('/').any(|part| INSTALLED.contains(&part))
}

fn read(root: &Root, path: &str, kind: &'static Kind) -> Said {
    let said = |sha256, reading| Said { path: path.to_owned(), lockfile: Some(kind), sha256, reading };
    let bytes = match bounded(root, path, LOCKFILE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err((code, what)) => return said(None, Reading::failed(code, None, what)),
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let lockfile = Lockfile { path, bytes: &bytes, beside: &InTree { root, folder } };
    said(Some(Sha256::of(&bytes)), Reading::guarded(|| (kind.read)(&lockfile)))
}

/// A file's content, or why there is none.
fn bounded(root: &Root, path: &str, bytes_max: u64) -> std::result::Result<Vec<u8>, (Code, String)> {
    let failed =
        |error: &dyn std::fmt::Display| (Code::SbomSourceInvalid, format!("cannot be read: {error}"));
    let (file, _) = root.open_file(path).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > bytes_max {
        return Err((Code::SbomSourceTooLarge, format!("larger than {}", size(bytes_max))));
    }
    Ok(bytes)
}

/// What lies in the tree beside a lockfile.
struct InTree<'a> {
    root: &'a Root,
    folder: &'a str,
}

impl Beside for InTree<'_> {
    fn read(&self, relative: &str) -> Option<Vec<u8>> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !relative.split('/').all(is_plain) {
            return None;
        }
        let path = match self.folder {
            "" => relative.to_owned(),
            folder => format!("{folder}/{relative}"),
        };
        bounded(self.root, &path, MANIFEST_BYTES_MAX).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockfiles_of_installed_packages_are_not_the_releases() {
        assert!(is_installed("web/node_modules/x/package-lock.json"));
        assert!(is_installed("vendor/Cargo.lock"));
        assert!(!is_installed("vendored/Cargo.lock"));
        assert!(!is_installed("Cargo.lock"));
    }

    #[test]
    fn what_lies_beside_a_lockfile_is_read_and_nothing_outside_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("app/member")).unwrap();
        std::fs::write(folder.path().join("secret"), "no").unwrap();
        std::fs::write(folder.path().join("app/member/Cargo.toml"), "yes").unwrap();
        std::os::unix::fs::symlink("../secret", folder.path().join("app/link")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let beside = InTree { root: &root, folder: "app" };
        assert_eq!(beside.read("member/Cargo.toml").as_deref(), Some(&b"yes"[..]));
        for outside in ["../secret", "link", "member/../../secret", "/etc/passwd", "", "member//Cargo.toml"] {
            assert_eq!(beside.read(outside), None, "{outside}");
        }
    }
}
