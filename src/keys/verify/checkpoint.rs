//! Checkpoints of a log: signed notes (<https://c2sp.org/signed-note>) under the log's origin.

use crate::finding::{Code, Finding};
use crate::format::checkpoint::Checkpoint;
use crate::format::digest::Sha256;
use crate::format::note::{Note, NoteSignature, key_id};
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::trust::{Signer, Trust};
use crate::keys::verify::{Expect, Verified, shorten};
use jiff::Timestamp;

impl SigningKey {
    /// Signs a checkpoint; the key's name is the log's origin.
    pub fn sign_checkpoint(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        let text = checkpoint.to_text();
        let signature = NoteSignature {
            name: checkpoint.origin.clone(),
            key_id: key_id(&checkpoint.origin, self.public().as_bytes()),
            signature: self.sign(text.as_bytes()).to_vec(),
        };
        Note { text, signatures: vec![signature] }.to_bytes()
    }
}

impl Trust {
    /// Verifies a checkpoint, and gives it only if a key that may `log` signed it, and it is of this origin where one is
    /// given. A key that is limited to projects signs for the logs whose origin ends in one of them.
    ///
    /// A signature by a trusted key that does not verify refuses the whole note; those of unknown keys are not looked at.
    /// Whether the key had expired is still to be judged, once a time is known: [`Verified::expired`].
    pub fn verify_checkpoint(
        &self,
        note: &[u8],
        file: &str,
        origin: Option<&str>,
    ) -> Result<Verified<Checkpoint>, Finding> {
        let invalid = |why: String| Finding::new(Code::LogInvalid, file).actual(why);
        let note = Note::parse(note).map_err(|fault| invalid(fault.to_string()))?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|fault| invalid(fault.to_string()))?;
        if let Some(expected) = origin.filter(|&expected| expected != checkpoint.origin) {
            let actual = format!("origin {}", shorten(&checkpoint.origin));
            return Err(invalid(actual).expected(format!("origin {expected}")));
        }
        let signer = self.signer_of(&note, &checkpoint.origin, file)?;
        let kept_at = self.kept_at(Sha256::of(note.text.as_bytes()));
        signer.check_log(&checkpoint.origin, kept_at, file)?;
        Ok(Verified { value: checkpoint, file: file.to_owned(), signer: signer.clone(), kept_at })
    }

    /// The trusted key that signed a note: one that may `log`, if there is one.
    fn signer_of(&self, note: &Note, origin: &str, file: &str) -> Result<&Signer, Finding> {
        if self.is_empty() {
            return Err(Finding::new(Code::NoTrust, file));
        }
        let mut known = Vec::new();
        for line in note.signatures.iter().filter(|line| line.name == origin) {
            let signer = self.signers.iter().find(|one| key_id(origin, one.key.as_bytes()) == line.key_id);
            let Some(signer) = signer else { continue };
            let signature: Option<&[u8; 64]> = line.signature.as_slice().try_into().ok();
            if !signature.is_some_and(|it| signer.key.verify_strict(note.text.as_bytes(), it)) {
                return Err(Finding::new(Code::SignatureInvalid, file).actual(signer.key.fingerprint()));
            }
            known.push(signer);
        }
        let may_log = |signer: &&&Signer| signer.rights.contains(&Right::Log);
        let signer = known.iter().find(may_log).or(known.first()).copied();
        signer.ok_or_else(|| {
            let names: Vec<String> = note.signatures.iter().map(|line| shorten(&line.name)).collect();
            Finding::new(Code::SignerUnknown, file).actual(format!("signed as {}", names.join(", ")))
        })
    }
}

impl Signer {
    fn check_log(&self, origin: &str, kept_at: Option<Timestamp>, file: &str) -> Result<(), Finding> {
        self.check_right(Expect { file, right: Right::Log, project: None, kind: None }, kept_at)?;
        let is_of = |project: &String| {
            origin.strip_suffix(project.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        match &self.projects {
            Some(projects) if !projects.iter().any(is_of) => {
                let projects: Vec<&str> = projects.iter().map(String::as_str).collect();
                let finding = Finding::new(Code::SignerWrongProject, file).expected(projects.join(", "));
                Err(finding.actual(format!("the log {origin}")))
            }
            _ => Ok(()),
        }
    }
}

impl Verified<Checkpoint> {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.value
    }

    /// What is wrong if it was signed at this time or later: the key had expired. The newest leaf tells such a time.
    pub fn expired(&self, at: Timestamp) -> Option<Finding> {
        let expect = Expect { file: &self.file, right: Right::Log, project: None, kind: None };
        self.signer.check_expiry(expect, Some(at)).err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "log/checkpoint";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "example.com/shop".into(), size: 3, root: Sha256([7; 32]) }
    }

    /// Trusts key 1 with what is given besides.
    fn trust(more: &str) -> Trust {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("k.pub"), key(1).public().to_pem()).unwrap();
        let text = format!("[[signer]]\nrole = \"ops\"\nkey = \"k.pub\"\n{more}\n");
        Trust::parse(&folder.path().join("trust.toml"), &text).unwrap()
    }

    fn code(trust: &Trust, note: &[u8]) -> Option<Code> {
        trust.verify_checkpoint(note, FILE, Some("example.com/shop")).err().map(|finding| finding.code)
    }

    #[test]
    fn a_checkpoint_counts_only_by_a_key_that_may_log() {
        let note = key(1).sign_checkpoint(&checkpoint());
        let trusted = trust("may = [\"log\"]");
        let verified = trusted.verify_checkpoint(&note, FILE, None).unwrap();
        assert_eq!((verified.checkpoint(), verified.role()), (&checkpoint(), "ops"));
        assert_eq!(code(&trust("may = [\"receipt\", \"seal:backup\"]"), &note), Some(Code::SignerNotAllowed));
        assert_eq!(code(&Trust::default(), &note), Some(Code::NoTrust));
        assert_eq!(code(&trusted, &key(2).sign_checkpoint(&checkpoint())), Some(Code::SignerUnknown));
        let mut by_flag = Trust::default();
        by_flag.grant(key(1).public(), "k.pub");
        assert_eq!(code(&by_flag, &note), Some(Code::SignerNotAllowed), "--key does not let anybody log");
        let other = key(1).sign_checkpoint(&Checkpoint { origin: "example.com/bank".into(), ..checkpoint() });
        assert_eq!(code(&trusted, &other), Some(Code::LogInvalid));
    }

    #[test]
    fn a_signature_of_a_trusted_key_must_verify_and_those_of_others_are_not_looked_at() {
        let trusted = trust("may = [\"log\"]");
        let mut note = Note::parse(&key(1).sign_checkpoint(&checkpoint())).unwrap();
        let own = note.signatures[0].clone();
        let other = Note::parse(&key(2).sign_checkpoint(&checkpoint())).unwrap().signatures[0].clone();
        note.signatures.insert(0, other);
        assert_eq!(code(&trusted, &note.to_bytes()), None);
        note.signatures[0].name = "witness.example".into();
        assert_eq!(code(&trusted, &note.to_bytes()), None);
        note.text = note.text.replace("\n3\n", "\n4\n");
        assert_eq!(code(&trusted, &note.to_bytes()), Some(Code::SignatureInvalid));
        let short = NoteSignature { signature: own.signature[..63].to_vec(), ..own.clone() };
        let bad = Note { text: checkpoint().to_text(), signatures: vec![own.clone(), short] };
        assert_eq!(code(&trusted, &bad.to_bytes()), Some(Code::SignatureInvalid));
        let renamed = NoteSignature { name: "shop".into(), ..own };
        let bad = Note { text: checkpoint().to_text(), signatures: vec![renamed] };
        assert_eq!(
            code(&trusted, &bad.to_bytes()),
            Some(Code::SignerUnknown),
            "under another name it is another key"
        );
        assert_eq!(code(&trusted, b"no note"), Some(Code::LogInvalid));
    }

    #[test]
    fn a_keys_limits_hold_for_its_checkpoints() {
        let note = key(1).sign_checkpoint(&checkpoint());
        assert_eq!(code(&trust("may = [\"log\"]\nprojects = [\"shop\"]"), &note), None);
        let elsewhere = trust("may = [\"log\"]\nprojects = [\"hop\", \"bank\"]");
        assert_eq!(code(&elsewhere, &note), Some(Code::SignerWrongProject));
        let expiring = trust("may = [\"log\"]\nnot_after = 2026-06-30T00:00:00Z");
        let verified = expiring.verify_checkpoint(&note, FILE, None).unwrap();
        assert_eq!(verified.expired("2026-06-30T00:00:00Z".parse().unwrap()), None);
        let late = verified.expired("2026-06-30T00:00:01Z".parse().unwrap()).unwrap();
        assert_eq!(late.code, Code::SignerExpired);
    }

    #[test]
    fn a_revoked_keys_checkpoint_counts_if_it_was_seen_before() {
        let note = key(1).sign_checkpoint(&checkpoint());
        let mut revoked = trust("may = [\"log\"]\nrevoked_at = 2026-06-30T00:00:00Z");
        assert_eq!(code(&revoked, &note), Some(Code::SignerRevoked));
        let text = Sha256::of(checkpoint().to_text().as_bytes());
        revoked.keep(text, "2026-06-30T00:00:00Z".parse().unwrap());
        assert_eq!(code(&revoked, &note), Some(Code::SignerRevoked), "not before, but at that moment");
        revoked.keep(text, "2026-06-29T23:59:59Z".parse().unwrap());
        assert_eq!(code(&revoked, &note), None);
    }
}
