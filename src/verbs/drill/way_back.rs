//! The way back of an archive: from the store, by its receipt, with an identity, into the scratch.

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::closure::TAG_MANIFEST;
use crate::evidence::payload::MANIFEST;
use crate::evidence::receipt::{self, Asked, VerifiedReceipt};
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::drill_report::{Coverage, StepName};
use crate::format::kind::Kind;
use crate::format::units::{count, size};
use crate::pipeline::contents::Contents;
use crate::pipeline::pick::{self, Picker};
use crate::pipeline::watch::Watch;
use crate::verbs::drill::course::Course;
use crate::verbs::drill::scratch;
use crate::verbs::drill::steps::Begun;
use crate::verbs::fetch::{Fetched, fetch};
use crate::verbs::restore::{self, Restored};
use crate::verbs::target::Target;
use crate::verbs::verify;
use std::path::Path;

impl Course<'_> {
    pub(super) fn fetch(&mut self, name: &str, watch: &Watch) -> Result<Fetched> {
        let begun = self.steps.begin();
        let store = self.request.store;
        let fetched = match fetch(store, name, watch) {
            // The log knows of it, and the store does not have it.
            Err(Error::Input { .. }) if self.request.name.is_none() => {
                let finding = Finding::new(Code::Missing, name).expected("the archive that the log names");
                Err(Error::refused(finding.actual(format!("it is not in {}", store.place()))))
            }
            fetched => fetched,
        };
        let detail = |fetched: &Fetched| match fetched.is_here() {
            true => "it lies on this host, and is read where it lies".to_owned(),
            false => format!(
                "its receipt, from {0}; the archive is read from there as it is restored",
                store.place()
            ),
        };
        let detail = fetched.as_ref().map_or_else(|error| error.to_string(), detail);
        self.steps.end(StepName::Fetch, &begun, fetched.is_ok(), detail);
        fetched
    }

    /// What is signed is the project's drill, so the archive has to be the project's; and `latest` is a backup.
    fn wanted(&self) -> Asked<'_> {
        let kind = self.request.name.is_none().then_some(Kind::Backup);
        Asked { project: Some(self.request.project), kind }
    }

    /// The receipt's signature, by who may; the file itself is digested when it is read.
    pub(super) fn receipt(&mut self, target: &Target) -> Result<VerifiedReceipt> {
        let begun = self.steps.begin();
        let (archive_name, bundle) = target.receipt()?;
        self.file = Some(archive_name.clone());
        let trust = self.request.log.log.trust;
        match receipt::verify_asked(trust, &archive_name, bundle.as_deref(), self.wanted()) {
            Ok(receipt) => {
                self.is_received(&receipt);
                self.steps.end(StepName::Receipt, &begun, true, verify::describe(&receipt));
                Ok(receipt)
            }
            Err(findings) => {
                self.steps.end(StepName::Receipt, &begun, false, "it does not verify");
                Err(Error::Refused(findings))
            }
        }
    }

    fn is_received(&mut self, receipt: &VerifiedReceipt) {
        let said = receipt.predicate();
        self.kind = said.kind;
        self.archive.created_at = Some(said.created_at);
        self.archive.seal_sha256 = said.seal_sha256.to_string();
        self.archive.signer_key_id = receipt.key_id();
        self.archive.chain = said.bases.iter().map(|base| base.name.clone()).collect();
        self.archive.size_bytes = said.size_bytes;
    }

    /// Refuses what cannot fit.
    pub(super) fn has_room(&self, bytes: u64) -> Result<()> {
        let Some(room) = &self.room else { return Ok(()) };
        scratch::has_room(room, bytes, self.request.policy.drill.disk_limit)
    }

    /// The lists of the pack, which only an identity opens; kept for the probes.
    pub(super) fn decrypt(
        &mut self,
        target: &Target,
        receipt: &VerifiedReceipt,
        watch: &Watch,
    ) -> Result<()> {
        let begun = self.steps.begin();
        let Target::Archive { path, encrypted, .. } = target else {
            return Err(Error::input(format!("{} is no archive", target.pack_name()), "attestar log list"));
        };
        let kept = match *encrypted && self.request.identities.is_empty() {
            true => Err(undecided(path, "the archive is encrypted, and no identity was given".to_owned())),
            false => self
                .tags(target.pack_name(), (path, *encrypted), watch)
                .and_then(|tags| self.keep_manifest(&tags, receipt)),
        };
        let kept = kept.map_err(|error| match error {
            Error::Unavailable { message, .. } => undecided(path, message),
            error => error,
        });
        let detail = match (&kept, encrypted) {
            (Ok(()), true) => "the lists of the pack, with an identity that was given".to_owned(),
            (Ok(()), false) => "the lists of the pack; the archive is not encrypted".to_owned(),
            (Err(error), _) => error.to_string(),
        };
        self.steps.end(StepName::Decrypt, &begun, kept.is_ok(), detail);
        kept
    }

    /// The tag files of an archive, and nothing else of it.
    fn tags(&self, name: &str, (path, encrypted): (&Path, bool), watch: &Watch) -> Result<Contents> {
        let identities = verify::age_identities(self.request.identities);
        let shelf = Shelf::Store(self.request.store);
        let found = shelf.at(path, name)?;
        let picker = Picker::of(found.parts()?, &found.path, encrypted.then_some(&*identities))?;
        pick::tags(picker, watch)
    }

    /// Notes the list of the payload. What is not what was signed is told when all of it is read.
    fn keep_manifest(&self, contents: &Contents, receipt: &VerifiedReceipt) -> Result<()> {
        let Some(room) = &self.room else { return Ok(()) };
        let whole = |name| contents.tags.read(name, u64::MAX).map_err(Error::io("read", name));
        let signed = whole(TAG_MANIFEST)?.map(|bytes| Sha256::of(&bytes));
        let is_signed = signed == Some(receipt.predicate().tagmanifest_sha256);
        let list = if is_signed { whole(MANIFEST)?.unwrap_or_default() } else { Vec::new() };
        room.keep_manifest(&list)
    }

    /// Restores everything, digests compared in the same pass; whether the files are there now.
    pub(super) fn restore(&mut self, target: &Target, watch: &Watch) -> Result<bool> {
        let Some(room) = &self.room else { return Ok(false) };
        let begun = self.steps.begin();
        let shelf = Shelf::Store(self.request.store);
        let request = restore::Request {
            target: target.clone(),
            asked: self.wanted(),
            shelf: Some(&shelf),
            to: &room.restored(),
            trust: self.request.log.log.trust,
            identities: self.request.identities,
            paths: &[],
            dry_run: false,
            threads: self.request.threads,
        };
        match restore::restore(&request, watch) {
            Err(error) => {
                self.steps.end(StepName::Restore, &begun, false, error.to_string());
                Err(error)
            }
            Ok(restored) => {
                let published = restored.published;
                let shut = if published { room.shut() } else { Ok(()) };
                self.restored(&begun, restored);
                shut.map(|()| published)
            }
        }
    }

    /// What came back, and what of it was compared.
    fn restored(&mut self, begun: &Begun, restored: Restored) {
        let totals = restored.pack.as_ref().map(|pack| pack.payload).unwrap_or_default();
        let (files, bytes) = if restored.published { (restored.files, restored.bytes) } else { (0, 0) };
        let detail = match restored.published {
            true => format!("{}, {} into a scratch folder", count(files, "file"), size(bytes)),
            false => "it does not verify".to_owned(),
        };
        self.steps.end(StepName::Restore, begun, restored.published, detail);
        // Nobody could tell the time of the one from the other's.
        let detail = format!(
            "{files} of {}: SHA-256 and BLAKE3, in the pass that restores and with its time",
            count(totals.files, "file")
        );
        self.steps.end_with_last(StepName::Hashes, restored.published && files > 0, detail);
        self.coverage = Coverage {
            files_total: totals.files,
            files_checked: files,
            bytes_total: totals.bytes,
            bytes_checked: bytes,
            digests: vec!["sha256".to_owned(), "blake3".to_owned()],
        };
        if let Some(digest) = restored.archive_sha256 {
            self.archive.sha256 = digest.to_string();
        }
        if files == 0 && restored.published {
            let finding = Finding::new(Code::NothingChecked, &*self.archive.name);
            self.outcome.conclude("hashes", "no file was checked", vec![finding]);
        }
        self.pack = restored.pack;
        self.outcome.append(restored.outcome);
    }
}

/// Nobody could look into it: not damage, and no pass.
fn undecided(path: &Path, why: String) -> Error {
    Error::refused(Finding::new(Code::NoIdentity, path.display().to_string()).actual(why))
}
