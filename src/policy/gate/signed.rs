//! `signed`: artifacts with a signature beside them.

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::sources::{self, Sources};
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::paths;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "signed",
    code: Code::GateSigned,
    holds_when: "each file has a signature beside it that one of the keys made over it: minisign (`.minisig`, both kinds), SSH \
                 (`.sig` by `ssh-keygen -Y sign -n file`), OpenPGP (`.asc` or `.sig`, detached), or a Sigstore bundle with a \
                 bare Ed25519 key (`.sigstore.json`), whose statement names the file's digest. Every signature that is there \
                 must hold",
    keys: &[
        ("files", sources::MEANING),
        (
            "keys",
            "required: key files of the tree: minisign's `.pub`, lines of `id_ed25519.pub` or an allowed-signers \
             file, OpenPGP public keys, or Ed25519 keys in PEM",
        ),
    ],
    example: "[[gate]]\nid = \"artifacts-signed\"\ncheck = \"signed\"\nfiles = [\"dist/*.tar.gz\", \"dist/*.whl\"]\n\
              keys = [\"keys/minisign.pub\"]\n",
    waivable: false,
    parse,
};

/// What the name of a signature ends in.
const ENDINGS: [&str; 5] = [".minisig", ".sig", ".asc", ".sigstore.json", ".sigstore"];

#[derive(Debug)]
struct Signed {
    files: Sources,
    keys: Vec<PackPath>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let files = Sources::required(section, "files")?;
    let keys = paths(section, "keys")?;
    if keys.is_empty() {
        let message = "a gate of this kind needs `keys`";
        return Err(section.error(section.line, message, "keys = [\"keys/minisign.pub\"]"));
    }
    Ok(Arc::new(Signed { files, keys }))
}

impl Check for Signed {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (files, mut faults) = self.files.files(evidence, release);
        let mut read: Vec<Arc<Document>> = Vec::new();
        for key in &self.keys {
            match required(evidence, key) {
                Ok(key) => read.push(key),
                Err(fault) => faults.push(fault),
            }
        }
        let keys = read.clone();
        // A pattern such as dist/* takes the signatures as well; they are not signed in turn.
        let is_artifact = |path: &&PackPath| !ENDINGS.iter().any(|ending| path.as_str().ends_with(ending));
        let artifacts: Vec<&PackPath> = files.iter().filter(is_artifact).collect();
        if artifacts.is_empty() && faults.is_empty() {
            faults.push(Fault::new("files").expected("an artifact").actual("there are signatures only"));
        }
        let mut signers: Vec<String> = Vec::new();
        for artifact in &artifacts {
            match self.signatures(evidence, artifact, &keys, &mut read) {
                Err(found) => faults.extend(found),
                Ok(found) => signers.extend(found),
            }
        }
        signers.sort_unstable();
        signers.dedup();
        let passed = format!("{} signed by {}", count(artifacts.len() as u64, "file"), signers.join(", "));
        let mut judged = Judged::of(faults, passed).reading(read.iter().map(|document| &**document));
        // Which bytes they signed.
        let digests =
            artifacts.iter().filter_map(|path| Some((path.to_string(), evidence.digest(path).ok()?)));
        judged.read.extend(digests);
        judged
    }
}

impl Signed {
    /// Who signed an artifact, by each signature beside it.
    fn signatures(
        &self,
        evidence: &dyn Evidence,
        artifact: &PackPath,
        keys: &[Arc<Document>],
        read: &mut Vec<Arc<Document>>,
    ) -> Result<Vec<String>, Vec<Fault>> {
        let (mut signers, mut faults) = (Vec::new(), Vec::new());
        for ending in ENDINGS {
            let Ok(path) = PackPath::new(format!("{artifact}{ending}").as_bytes()) else { continue };
            let signature = match evidence.read(&path) {
                Ok(None) => continue,
                Ok(Some(signature)) => signature,
                Err(why) => {
                    faults.push(Fault::new(path.as_str()).expected("a signature").actual(why));
                    continue;
                }
            };
            read.push(signature.clone());
            match evidence.signature(artifact, &signature.bytes, keys) {
                Ok(signer) => signers.push(signer),
                Err(why) => {
                    let expected = format!("a signature of {artifact} by a listed key");
                    faults.push(Fault::new(path.as_str()).expected(expected).actual(why));
                }
            }
        }
        if signers.is_empty() && faults.is_empty() {
            faults.push(
                Fault::new(artifact.as_str()).expected("a signature beside it").actual("there is none"),
            );
        }
        if faults.is_empty() { Ok(signers) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const KEYS: &str = "check = \"signed\"\nfiles = [\"dist/*\"]\nkeys = [\"k.pub\"]";

    /// The signatures of the fake hold if they say so.
    fn tree() -> Fake {
        Fake::new()
            .file("k.pub", "a key")
            .file("dist/a.tgz", "bytes")
            .file("dist/a.tgz.minisig", "good: key 1")
    }

    #[test]
    fn what_is_signed_holds() {
        let held = passes(KEYS, &tree());
        assert_eq!(held.detail, "1 file signed by key 1");
        let read: Vec<&str> = held.read.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(read, ["k.pub", "dist/a.tgz.minisig", "dist/a.tgz"]);
        let two = tree().file("dist/a.tgz.sigstore.json", "good: key 2");
        assert_eq!(passes(KEYS, &two).detail, "1 file signed by key 1, key 2");
    }

    #[test]
    fn what_is_not_signed_fails() {
        let expected = "a signature of dist/a.tgz by a listed key";
        let bad = tree().file("dist/a.tgz.minisig", "the signature is not over this file");
        fails(KEYS, &bad, "dist/a.tgz.minisig", expected, "the signature is not over this file");
        let one_of_two = tree().file("dist/a.tgz.asc", "by a key that is not listed");
        fails(KEYS, &one_of_two, "dist/a.tgz.asc", expected, "by a key that is not listed");
        let unsigned = tree().file("dist/b.tgz", "bytes");
        fails(KEYS, &unsigned, "dist/b.tgz", "a signature beside it", "there is none");
        let unreadable = tree().unreadable("dist/a.tgz.minisig", "permission denied");
        fails(KEYS, &unreadable, "dist/a.tgz.minisig", "a signature", "permission denied");
    }

    #[test]
    fn without_keys_or_artifacts_it_fails() {
        fails(KEYS, &tree().without("k.pub"), "k.pub", "a file", "it is not there");
        let none = Fake::new().file("k.pub", "a key");
        fails(KEYS, &none, "dist/*", "a file", "no file matches");
        let only = none.file("dist/a.tgz.minisig", "good: key 1");
        assert_eq!(faults(KEYS, &only)[0].2, "there are signatures only");
        assert_eq!(refusal("check = \"signed\"\nfiles = [\"a\"]").1, "a gate of this kind needs `keys`");
    }
}
