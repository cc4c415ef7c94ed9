//! Verifiers that others wrote accept every bundle of a pack, and refuse it with one bit of its payload flipped or
//! under another's key. All of them read the public key as `attestar keys new` wrote it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::judge::{attestar, node, passes, python, refuses, tool};
use crate::sample::Sealed;

/// Lets one judge, called as `judge BUNDLE KEY`, say yes to the bundles of a pack and no to their forgeries.
fn judged_by(judge: impl Fn() -> Command, refusal: &str) {
    let sealed = Sealed::new(&[]);
    let own = sealed.key("signing.pub");
    let stranger = sealed.scratch("stranger");
    passes(attestar(&stranger).args(["keys", "new", "--no-passphrase"]));
    for bundle in sealed.bundles() {
        passes(judge().arg(&bundle).arg(&own));
        refuses(judge().arg(&bundle).arg(stranger.join("signing.pub")), refusal);
        let flipped = sealed.scratch("flipped.json");
        passes(python("dsse_flip.py").arg(&bundle).arg(&flipped));
        refuses(judge().arg(&flipped).arg(&own), refusal);
    }
}

/// The same of what people sign around a release: a waiver of one of its gates, and an approval of its seal.
fn people_judged_by(judge: impl Fn() -> Command, refusal: &str) {
    let sealed = Sealed::new(&[]);
    let people = sealed.scratch("people");
    passes(attestar(&people).args(["keys", "new", "--no-passphrase", "--signing"]));
    let (own, key) = (people.join("signing.pub"), people.join("signing.key"));
    let may = ["--role", "qa", "--may", "approve", "waive"];
    passes(attestar(&sealed.home).args(["keys", "trust"]).arg(&own).args(may));
    let waiver = sealed.scratch("waiver.json");
    let policy = "schema = 1\n[[include]]\nclass = \"doc\"\npaths = [\"**\"]\n[[gate]]\nid = \"v\"\ncheck = \"version\"\n";
    fs::write(sealed.tree.join("attestar.toml"), policy).expect("a policy");
    let mut waive = attestar(&sealed.home);
    waive.arg("-C").arg(&sealed.tree).args([
        "waive",
        "v",
        "--version",
        "0.1.1",
        "--reason",
        "r",
        "--until",
        "7d",
    ]);
    passes(waive.args(["--role", "qa", "--key"]).arg(&key).arg("--out").arg(&waiver));
    let mut approve = attestar(&sealed.home);
    passes(approve.arg("approve").arg(sealed.folder()).args(["--role", "qa", "--key"]).arg(&key));
    let flipped = sealed.scratch("flipped.json");
    for bundle in [waiver, sealed.approval()] {
        passes(judge().arg(&bundle).arg(&own));
        refuses(judge().arg(&bundle).arg(sealed.key("signing.pub")), refusal);
        passes(python("dsse_flip.py").arg(&bundle).arg(&flipped));
        refuses(judge().arg(&flipped).arg(&own), refusal);
    }
}

#[test]
fn securesystemslib_agrees() {
    judged_by(|| python("dsse_securesystemslib.py"), "refused: ");
    people_judged_by(|| python("dsse_securesystemslib.py"), "refused: ");
}

#[test]
fn npm_sigstore_verify_agrees() {
    judged_by(|| node("sigstore_verify.mjs"), "refused: ");
    people_judged_by(|| node("sigstore_verify.mjs"), "refused: ");
}

/// `openssl pkeyutl` over the pre-authentication encoding of `bundle`.
fn openssl(scratch: &Path, bundle: &Path, key: &Path) -> Command {
    let (pae, signature) = (scratch.join("pae.bin"), scratch.join("signature"));
    passes(python("dsse_pae.py").arg(bundle).arg(&pae).arg(&signature));
    let mut openssl = tool("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(key);
    openssl.arg("-in").arg(pae).arg("-sigfile").arg(signature);
    openssl
}

#[test]
fn openssl_agrees_over_the_pre_authentication_encoding() {
    let sealed = Sealed::new(&[]);
    let key = sealed.key("signing.pub");
    let flipped = sealed.scratch("flipped.json");
    for bundle in sealed.bundles() {
        passes(&mut openssl(sealed.dir.path(), &bundle, &key));
        passes(python("dsse_flip.py").arg(&bundle).arg(&flipped));
        refuses(&mut openssl(sealed.dir.path(), &flipped, &key), "Signature Verification Failure");
    }
}
