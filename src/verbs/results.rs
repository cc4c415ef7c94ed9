//! Results of later stages in a store: of all published files the only ones that give way, to newer ones by the same key and
//! to nothing else. Every one of them stays among the events.

use crate::error::{Error, Result};
use crate::evidence::gates::stages::is_waiver;
use crate::evidence::later::{FOLDER, STAGES};
use crate::format::bundle::{BUNDLE_BYTES_MAX, Bundle};
use crate::format::gates::VerificationSummary;
use crate::format::statement::Statement;
use crate::store::{Created, ObjectName, Revision, Store, Swapped};
use jiff::Timestamp;

/// Whether a tag file of this name is a result of a later stage, or a waiver that one counted.
pub fn is_result(name: &str) -> bool {
    STAGES.iter().any(|stage| name.starts_with(stage))
}

/// Puts the results among these tag files into the folder of their pack; gives what became of each.
///
/// A result stays out where a newer one by the same key lies, and a waiver where any newer result of its stage does: that
/// one may count another waiver of the gate.
pub fn put(store: &dyn Store, pack: &str, files: &[(String, Vec<u8>)]) -> Result<Vec<Created>> {
    let mut done = Vec::new();
    for stage in STAGES {
        let of_stage: Vec<&(String, Vec<u8>)> =
            files.iter().filter(|(name, _)| name.starts_with(stage)).collect();
        if of_stage.is_empty() {
            continue;
        }
        let newest = of_stage.iter().filter_map(|(_, bytes)| verified_at(bytes)).max();
        let is_behind = newest_there(store, pack, stage)? > newest;
        for (name, bytes) in of_stage {
            let object = ObjectName::new(&format!("{pack}/{name}"))?;
            let there = store.get(&object, BUNDLE_BYTES_MAX)?;
            let stays = match &there {
                None => false,
                Some((there, _)) if there == bytes => true,
                Some(_) if is_waiver(name) => is_behind,
                Some((there, _)) => verified_at(there) > verified_at(bytes),
            };
            done.push(match stays {
                true => Created::AlreadyThere,
                false => replace(store, &object, bytes, there.map(|(_, revision)| revision))?,
            });
        }
    }
    Ok(done)
}

/// When the newest result of a stage was made that lies in the folder of a pack.
fn newest_there(store: &dyn Store, pack: &str, stage: &str) -> Result<Option<Timestamp>> {
    let mut newest = None;
    for entry in store.list(&format!("{pack}/{FOLDER}"))?.entries {
        let name = entry.name.as_str().strip_prefix(pack).unwrap_or_default().trim_start_matches('/');
        if name.starts_with(stage) && !is_waiver(name) {
            let there = store.get(&entry.name, BUNDLE_BYTES_MAX)?;
            newest = newest.max(there.and_then(|(bytes, _)| verified_at(&bytes)));
        }
    }
    Ok(newest)
}

/// When a result was made, by its own word; nothing for what is none.
fn verified_at(bundle: &[u8]) -> Option<Timestamp> {
    let bundle = Bundle::parse(bundle).ok()?;
    let said = Statement::<VerificationSummary>::parse(&bundle.envelope.payload).ok()?;
    said.predicate.time_verified
}

fn replace(store: &dyn Store, object: &ObjectName, bytes: &[u8], seen: Option<Revision>) -> Result<Created> {
    match store.swap(object, bytes, seen.as_ref())? {
        Swapped::Swapped(_) => Ok(Created::Created),
        Swapped::Changed => {
            let message = format!("somebody else writes {object} in {}", store.place());
            Err(Error::input(message, "try again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Sha256;
    use crate::format::gates::{Gates, PolicyDigest, VerificationResult, Verifier, Version};
    use crate::format::kind::Kind;
    use crate::format::statement::DigestSet;
    use crate::keys::signing::SigningKey;
    use crate::store::memory::Memory;

    const PACK: &str = "releases/shop-1/shop-1";

    fn result(key: u8, at: &str) -> (String, Vec<u8>) {
        let gates = Gates {
            project: "shop".into(),
            kind: Kind::Release,
            version: "1".into(),
            stage: "promote".into(),
            commit: None,
            gates: Vec::new(),
        };
        let summary = VerificationSummary {
            verifier: Verifier { id: "v".into(), version: Version { attestar: "0".into() } },
            time_verified: Some(at.parse().unwrap()),
            resource_uri: "urn:attestar:pack:shop-1".into(),
            policy: PolicyDigest { uri: "p".into(), digest: DigestSet { sha256: Sha256([3; 32]) } },
            verification_result: VerificationResult::Passed,
            verified_levels: Vec::new(),
            gates,
        };
        let bundle = SigningKey::from_seed(&[key; 32]).sign_statement(&summary.over_sealed(Sha256([1; 32])));
        (format!("{}k{key}.sigstore.json", STAGES[0]), bundle.to_bytes())
    }

    fn waiver(text: &str) -> (String, Vec<u8>) {
        (format!("{}waiver.window.sigstore.json", STAGES[0]), text.as_bytes().to_vec())
    }

    fn there(store: &Memory, name: &str) -> Vec<u8> {
        let name = ObjectName::new(&format!("{PACK}/{name}")).unwrap();
        store.get(&name, BUNDLE_BYTES_MAX).unwrap().unwrap().0
    }

    #[test]
    fn a_newer_result_takes_the_place_of_an_older_one_and_never_the_other_way() {
        let [old, new] = ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"].map(|at| result(1, at));
        for (first, second, created) in [(&old, &new, Created::Created), (&new, &old, Created::AlreadyThere)]
        {
            let store = Memory::new();
            assert_eq!(put(&store, PACK, &[first.clone(), waiver("first")]).unwrap(), [Created::Created; 2]);
            assert_eq!(put(&store, PACK, &[second.clone(), waiver("second")]).unwrap(), [created; 2]);
            assert_eq!(there(&store, &new.0), new.1);
            let counted = if created == Created::Created { "second" } else { "first" };
            assert_eq!(there(&store, &waiver("").0), counted.as_bytes(), "a waiver goes with its result");
        }
    }

    #[test]
    fn results_by_other_keys_stand_beside_each_other_and_keep_the_newest_ones_waivers() {
        let store = Memory::new();
        let [newer, older] = [result(1, "2026-11-20T11:00:00Z"), result(2, "2026-11-20T10:00:00Z")];
        put(&store, PACK, &[newer.clone(), waiver("newer")]).unwrap();
        let done = put(&store, PACK, &[older.clone(), waiver("older")]).unwrap();
        assert_eq!(done, [Created::Created, Created::AlreadyThere]);
        assert_eq!((there(&store, &older.0), there(&store, &waiver("").0)), (older.1, b"newer".to_vec()));
        // What nobody can read gives way.
        store.damage(&ObjectName::new(&format!("{PACK}/{}", newer.0)).unwrap(), b"nothing");
        put(&store, PACK, std::slice::from_ref(&newer)).unwrap();
        assert_eq!(there(&store, &newer.0), newer.1);
    }
}
