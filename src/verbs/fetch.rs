//! A pack that lies in a store, as a target: where it lies, if that is in the file system; else what lies beside the archive is
//! fetched into a temporary folder first. The archive itself is read where it is.

use crate::error::{Error, Result};
use crate::evidence::receipt::SUFFIX;
use crate::evidence::stored::{ARCHIVES, release_folder};
use crate::format::leaf::is_name;
use crate::pipeline::open::READ_BYTES;
use crate::pipeline::watch::Watch;
use crate::store::{ObjectName, Store, error_of};
use crate::verbs::target::Target;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A target, and what it lies in.
pub struct Fetched {
    /// The archive, with its receipt and evidence beside it. Of a bucket, the archive itself is not there: whoever reads it
    /// asks a [`Shelf`](crate::evidence::chain::shelf::Shelf).
    pub target: Target,
    /// Goes with everything in it; `None` where nothing was fetched.
    _folder: Option<TempDir>,
}

impl Fetched {
    /// Whether it is read where the store has it.
    pub fn is_here(&self) -> bool {
        self._folder.is_none()
    }
}

/// Finds a release, or a backup, by its name.
pub fn fetch(store: &dyn Store, name: &str, watch: &Watch) -> Result<Fetched> {
    let (folder, archive) = find(store, name)?;
    if let Some(path) = store.file(&archive) {
        return Ok(Fetched { target: Target::find(&path)?, _folder: None });
    }
    // Of all the backups, this one's receipt; and the archive not at all.
    let stem = archive.as_str();
    let belongs = |object: &str| match &*folder {
        ARCHIVES => object == format!("{stem}{SUFFIX}"),
        _ => object != stem,
    };
    let into = fetch_some(store, &folder, belongs, watch)?;
    let path: PathBuf = into.path().join(archive.file_name());
    Ok(Fetched { target: Target::archive(path, archive.file_name()), _folder: Some(into) })
}

/// Finds the evidence of a release: its folder, with the receipt beside it. The archive is not fetched.
pub fn evidence(store: &dyn Store, name: &str, watch: &Watch) -> Result<Fetched> {
    let (folder, archive) = find(store, name)?;
    if let Some(path) = store.file(&archive) {
        return Ok(Fetched { target: Target::find(&path.with_file_name(name))?, _folder: None });
    }
    let into = fetch_some(store, &folder, |object| object != archive.as_str(), watch)?;
    Ok(Fetched { target: Target::find(&into.path().join(name))?, _folder: Some(into) })
}

/// The objects of a folder that belong to what is wanted, in a temporary folder.
fn fetch_some(
    store: &dyn Store,
    folder: &str,
    belongs: impl Fn(&str) -> bool,
    watch: &Watch,
) -> Result<TempDir> {
    let into = tempfile::Builder::new().prefix("attestar.").tempdir();
    let into = into.map_err(Error::io("create a folder in", Path::new("the temporary folder")))?;
    for entry in store.list(folder)?.entries.iter().filter(|entry| belongs(entry.name.as_str())) {
        let inside = entry.name.as_str().strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
        download(store, &entry.name, &into.path().join(inside), watch)?;
    }
    Ok(into)
}

/// The folder and the archive of a name.
pub fn find(store: &dyn Store, name: &str) -> Result<(String, ObjectName)> {
    if !is_name(name) {
        return Err(Error::usage(
            format!("{name:?} is no name of a release or backup"),
            "for example shop-1.0.0",
        ));
    }
    for folder in [release_folder(name), ARCHIVES.to_owned()] {
        for suffix in ["tar.zst.age", "tar.zst"] {
            let archive = ObjectName::new(&format!("{folder}/{name}.{suffix}"))?;
            if store.head(&archive)?.is_some() {
                return Ok((folder, archive));
            }
        }
    }
    let message = format!("{} has no archive {name}", store.place());
    Err(Error::input(message, "attestar log list says what there is"))
}

fn download(store: &dyn Store, object: &ObjectName, to: &Path, watch: &Watch) -> Result<()> {
    let folder = to.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let Some(mut reading) = store.read(object)? else {
        return Err(Error::input(
            format!("{object} went away from {} meanwhile", store.place()),
            "try again",
        ));
    };
    watch.expect_bytes(reading.size);
    let mut file = File::create_new(to).map_err(Error::io("create", to))?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        watch.check()?;
        let read = reading.read(&mut buffer).map_err(|error| error_of(error, store.place()))?;
        if read == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..read]).map_err(Error::io("write", to))?;
        watch.advance(0, read as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;
    use std::collections::BTreeSet;

    fn store(objects: &[&str]) -> Memory {
        let store = Memory::new();
        for object in objects {
            store.create(&ObjectName::new(object).unwrap(), object.as_bytes()).unwrap();
        }
        store
    }

    fn files(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| match path.is_dir() {
                true => files(&path),
                false => [fs::read_to_string(path).unwrap()].into(),
            })
            .collect()
    }

    #[test]
    fn what_lies_in_a_bucket_is_fetched_with_all_that_belongs_to_it() {
        let release = [
            "releases/shop-1.0.0/shop-1.0.0.tar.zst.age",
            "releases/shop-1.0.0/shop-1.0.0.tar.zst.age.sigstore.json",
            "releases/shop-1.0.0/shop-1.0.0/tagmanifest-sha256.txt",
            "releases/shop-1.0.0/shop-1.0.0/attestations/seal.sigstore.json",
        ];
        let backup = ["archives/shop-b1.tar.zst", "archives/shop-b1.tar.zst.sigstore.json"];
        let others =
            ["archives/shop-b10.tar.zst", "releases/shop-1.0.1/shop-1.0.1.tar.zst.age", "log/checkpoint"];
        let store = store(&[&release[..], &backup, &others].concat());
        for (name, expected) in [("shop-1.0.0", &release[..]), ("shop-b1", &backup)] {
            let fetched = fetch(&store, name, &Watch::default()).unwrap();
            let Target::Archive { path, file_name, .. } = &fetched.target else { panic!("{name}") };
            assert!(!path.exists(), "the archive stays where it is");
            let folder = path.parent().unwrap().to_owned();
            let expected: BTreeSet<String> =
                expected.iter().skip(1).map(|&object| object.to_owned()).collect();
            assert_eq!(files(&folder), expected, "{file_name}");
            assert_eq!(fetched.target.evidence_beside().is_some(), name == "shop-1.0.0");
            drop(fetched);
            assert!(!folder.exists(), "it goes with what was fetched");
        }
    }

    #[test]
    fn the_evidence_of_a_release_comes_with_its_receipt_and_without_its_archive() {
        let store = store(&[
            "releases/shop-1.0.0/shop-1.0.0.tar.zst.age",
            "releases/shop-1.0.0/shop-1.0.0.tar.zst.age.sigstore.json",
            "releases/shop-1.0.0/shop-1.0.0/tagmanifest-sha256.txt",
            "releases/shop-1.0.1/shop-1.0.1.tar.zst.age",
        ]);
        let fetched = evidence(&store, "shop-1.0.0", &Watch::default()).unwrap();
        let Target::Folder { path, name } = &fetched.target else { panic!("a folder") };
        assert_eq!(name, "shop-1.0.0");
        let beside = path.parent().unwrap();
        assert_eq!(files(beside).len(), 2, "{:?}", files(beside));
        assert!(fetched.target.receipt().unwrap().1.is_some());
        // An archive alone has none.
        assert!(evidence(&store, "shop-1.0.1", &Watch::default()).is_err());
    }

    #[test]
    fn what_is_not_there_or_no_name_is_told_apart() {
        let store = store(&["releases/shop-1.0.0/shop-1.0.0.tar.zst.age.sigstore.json"]);
        let error = |name: &str| fetch(&store, name, &Watch::default()).err().unwrap();
        assert!(matches!(error("shop-1.0.0"), Error::Input { .. }), "a receipt is no archive");
        assert!(matches!(error("../shop"), Error::Usage { .. }));
        assert!(matches!(error("a/b"), Error::Usage { .. }));
    }
}
