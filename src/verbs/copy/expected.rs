//! What the objects of a pack must be, before any of them is copied: the receipt names archive, seal and tag manifest, and
//! that names every tag file.

use crate::error::{Error, Result};
use crate::evidence::closure::{self, TAG_MANIFEST};
use crate::evidence::receipt::{self, SUFFIX, pack_name};
use crate::evidence::seal::SEAL;
use crate::evidence::stored::ARCHIVES;
use crate::finding::{Code, Finding};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::keys::trust::Trust;
use crate::store::{ObjectName, Store};
use std::collections::BTreeMap;

/// The most bytes of a tag manifest: a line for each tag file that a pack may have.
const TAG_MANIFEST_BYTES_MAX: usize = 16 << 20;

/// What the objects of one pack must be.
pub(super) struct Expected {
    digests: BTreeMap<String, Sha256>,
    /// The archives that its own one needs.
    pub(super) bases: Vec<String>,
}

impl Expected {
    /// Verifies the receipt of an archive, and follows what it names; what does not hold refuses the copy.
    pub(super) fn of(store: &dyn Store, trust: &Trust, archive: &ObjectName) -> Result<Expected> {
        let file = format!("{archive}{SUFFIX}");
        let bundle = store.get(&ObjectName::new(&file)?, BUNDLE_BYTES_MAX)?.map(|(bytes, _)| bytes);
        let receipt = receipt::verify(trust, archive.file_name(), bundle.as_deref());
        let receipt = receipt.map_err(Error::Refused)?;
        let mut digests = BTreeMap::new();
        if let (Some(subject), Some(bundle)) = (receipt.statement().subject.first(), &bundle) {
            digests.insert(archive.to_string(), subject.digest.sha256);
            digests.insert(file, Sha256::of(bundle));
        }
        let said = receipt.predicate();
        let folder = archive.parent().unwrap_or_default();
        if folder != ARCHIVES {
            let pack = format!("{folder}/{}", pack_name(archive.file_name()).unwrap_or_default());
            digests.insert(format!("{pack}/{SEAL}"), said.seal_sha256);
            digests.extend(tag_files(store, &pack, said.tagmanifest_sha256)?);
        }
        Ok(Expected { digests, bases: said.bases.iter().map(|base| base.name.clone()).collect() })
    }

    /// What an object must hash to, where anything says so.
    pub(super) fn digest(&self, object: &ObjectName) -> Option<Sha256> {
        self.digests.get(object.as_str()).copied()
    }
}

/// The tag files of a pack, by the tag manifest that was sealed.
fn tag_files(store: &dyn Store, pack: &str, sealed: Sha256) -> Result<Vec<(String, Sha256)>> {
    let name = format!("{pack}/{TAG_MANIFEST}");
    let Some((manifest, _)) = store.get(&ObjectName::new(&name)?, TAG_MANIFEST_BYTES_MAX)? else {
        return Err(Error::refused(Finding::new(Code::Missing, name)));
    };
    let found = Sha256::of(&manifest);
    if found != sealed {
        let finding = Finding::new(Code::Altered, name).expected(format!("sha256 {sealed}"));
        return Err(Error::refused(finding.actual(format!("sha256 {found}"))));
    }
    let listed = closure::parse(&manifest).map_err(Error::refused)?;
    let beside = listed.into_iter().map(|(file, sha256)| (format!("{pack}/{file}"), sha256));
    Ok(beside.chain([(name, sealed)]).collect())
}
