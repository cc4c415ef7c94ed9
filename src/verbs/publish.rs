//! `publish`: a release into a store, and into its log. Archive, receipt, evidence, then what was signed of it, then the
//! leaves; so whoever starts at the log finds everything. Done again, it adds what has come since.

mod records;
mod refused;

use crate::error::{Error, Result};
use crate::evidence::later;
use crate::evidence::receipt::{SUFFIX, VerifiedReceipt};
use crate::evidence::stored::release_folder;
use crate::finding::{Finding, Outcome, Verdict};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::leaf::Leaf;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::append::{Appended, Record, Writer};
use crate::log::state::State;
use crate::pipeline::contents::Contents;
use crate::pipeline::open::READ_BYTES;
use crate::pipeline::watch::Watch;
use crate::store::{Created, ObjectName, Store, error_of, leftovers};
use crate::verbs::target::Target;
use crate::verbs::{results, verify};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A release that was verified, and everything of it that a store gets.
pub struct Release {
    /// The pack's name.
    pub name: String,
    /// The project.
    pub project: String,
    /// The archive.
    archive: PathBuf,
    /// Its file name.
    pub archive_name: String,
    /// Its size, in bytes.
    pub size_bytes: u64,
    sha256: Sha256,
    receipt: Vec<u8>,
    /// Tag files and what came after the seal, by their names in the pack.
    evidence: Vec<(String, Vec<u8>)>,
    /// The one of the archive first.
    records: Vec<Record>,
    /// What lies beside the seal and is not published, because nobody who may has signed it.
    pub left_out: Vec<Finding>,
}

impl Release {
    /// The leaf of the archive.
    fn sealed(&self) -> &Leaf {
        &self.records[0].leaf
    }
}

/// What a release came to when it was verified.
pub struct Prepared {
    /// Checks and findings.
    pub outcome: Outcome,
    /// The release, if they hold.
    pub release: Option<Release>,
}

/// Verifies a release by its evidence and its archive's ciphertext, and gathers what is to be published.
pub fn prepare(target: Target, trust: &Trust, threads: usize, watch: &Watch) -> Result<Prepared> {
    let target = archive_of(target)?;
    let Some(folder) = target.evidence_beside() else {
        let message = format!("there is no evidence folder {}", target.evidence_folder().display());
        return Err(Error::input(message, "publish what `attestar seal` wrote: archive, receipt and folder"));
    };
    let request = verify::Request {
        target: target.clone(),
        shelf: None,
        trust,
        identities: &[],
        tree: None,
        evidence_only: true,
        allow_unsigned: false,
        approvals: false,
        policy: None,
        threads,
    };
    let verified = verify::verify(&request, watch)?;
    let outcome = verified.outcome;
    let release = match (outcome.verdict(), verified.receipt, verified.contents) {
        (Verdict::Holds, Some(receipt), Some(contents)) => {
            refused::backup(receipt.predicate())?;
            Some(gather(&target, &folder, &receipt, &contents, trust)?)
        }
        _ => None,
    };
    Ok(Prepared { outcome, release })
}

/// The archive of what was named: itself, or the one that lies beside the folder.
fn archive_of(target: Target) -> Result<Target> {
    let Target::Folder { name, .. } = &target else { return Ok(target) };
    let beside = target.folder_of()?;
    let names = [format!("{name}.tar.zst.age"), format!("{name}.tar.zst")];
    match names.iter().map(|name| beside.join(name)).find(|path| path.is_file()) {
        Some(path) => Target::find(&path),
        None => Err(Error::input(
            format!("there is no archive {} beside {name}/", names[0]),
            "publish what `attestar seal` wrote: archive, receipt and folder",
        )),
    }
}

fn gather(
    target: &Target,
    folder: &Path,
    receipt: &VerifiedReceipt,
    contents: &Contents,
    trust: &Trust,
) -> Result<Release> {
    let Target::Archive { path, file_name, .. } = target else { unreachable!("archive_of gives an archive") };
    let (_, bundle) = target.receipt()?;
    let bundle = bundle.unwrap_or_default();
    let said = receipt.predicate();
    let mut evidence = Vec::new();
    for name in contents.tags.names() {
        let mut bytes = Vec::new();
        if let Some(mut file) = contents.tags.open(name.as_str()) {
            file.read_to_end(&mut bytes).map_err(Error::io("read", folder.join(name.as_str())))?;
        }
        evidence.push((name.to_string(), bytes));
    }
    let sealed = records::Sealed { receipt: said, bundle: &bundle, trust };
    let mut records = sealed.records(&evidence)?;
    let (after, left_out) = sealed.later(later::read(folder)?);
    for (name, record) in after {
        evidence.push((name, record.statement.clone()));
        records.push(record);
    }
    let subject = receipt.statement().subject.first();
    Ok(Release {
        name: said.name.clone(),
        project: said.project.clone(),
        archive: path.clone(),
        archive_name: file_name.clone(),
        size_bytes: said.size_bytes,
        sha256: subject.map(|subject| subject.digest.sha256).unwrap_or_default(),
        receipt: bundle,
        evidence,
        records,
        left_out,
    })
}

/// Who publishes, and whereto.
pub struct Request<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Who may log.
    pub trust: &'a Trust,
    /// The log's origin.
    pub origin: &'a str,
    /// Signs the log's checkpoints.
    pub key: &'a SigningKey,
    /// What this host remembers of the log, and the present.
    pub state: State<'a>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Where the release lies in the store.
    pub folder: String,
    /// How many objects are new there.
    pub created: u64,
    /// How many were there before.
    pub already: u64,
    /// What the log has.
    pub appended: Appended,
    /// The leaves of the release, new and old.
    pub leaves: Vec<Leaf>,
    /// What killed runs had left on its way in, and was removed.
    pub cleaned: Vec<Finding>,
}

/// Publishes a release.
pub fn publish(release: &Release, request: &Request<'_>, watch: &Watch) -> Result<Published> {
    let log = Log { store: request.store, trust: request.trust, origin: Some(request.origin) };
    let writer = Writer { log, origin: request.origin, key: request.key, state: &request.state };
    // A log that cannot be appended to is found out before anything is written.
    let mut cleaned = Vec::from_iter(writer.complete()?);
    let known = request.state.read(&log)?;
    refused::pruned(known.as_ref().map_or(&[][..], |known| &known.leaves.leaves), release.sealed())?;
    cleaned.extend(leftovers::sweep(request.store, request.state.now)?);
    let folder = release_folder(&release.name);
    let mut into = Into { store: request.store, folder: &folder, created: 0, already: 0 };
    let receipt_name = format!("{}{SUFFIX}", release.archive_name);
    into.archive(release, &receipt_name, watch)?;
    into.put(&receipt_name, &release.receipt)?;
    for (name, bytes) in release.evidence.iter().filter(|(name, _)| !results::is_result(name)) {
        into.put(&format!("{}/{name}", release.name), bytes)?;
    }
    let done = results::put(request.store, &format!("{folder}/{}", release.name), &release.evidence)?;
    done.into_iter().for_each(|created| into.count(created));
    let (created, already) = (into.created, into.already);
    let appended = writer.append(&release.records)?;
    let leaves = release.records.iter().map(|record| record.leaf.clone()).collect();
    Ok(Published { folder, created, already, appended, leaves, cleaned })
}

/// The folder of a release in a store, being filled.
struct Into<'a> {
    store: &'a dyn Store,
    folder: &'a str,
    created: u64,
    already: u64,
}

impl Into<'_> {
    fn name(&self, path: &str) -> Result<ObjectName> {
        ObjectName::new(&format!("{}/{path}", self.folder))
    }

    fn count(&mut self, created: Created) {
        match created {
            Created::Created => self.created += 1,
            Created::AlreadyThere => self.already += 1,
        }
    }

    /// Something else lies under a name that was published before.
    fn taken(&self, name: &ObjectName) -> Error {
        let message =
            format!("{} holds another {name}; what was published is never changed", self.store.place());
        Error::input(message, "publish another version")
    }

    /// The archive, streamed; one that lies there must be the same.
    fn archive(&mut self, release: &Release, receipt_name: &str, watch: &Watch) -> Result<()> {
        let name = self.name(&release.archive_name)?;
        if let Some(there) = self.store.head(&name)? {
            if there.size != release.size_bytes {
                return Err(self.taken(&name));
            }
            return self.same_archive(release, &name, receipt_name, watch);
        }
        let mut arrival = self.store.arrive(&name)?;
        let mut file = File::open(&release.archive).map_err(Error::io("open", &release.archive))?;
        watch.expect_bytes(release.size_bytes);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            watch.check()?;
            let read = file.read(&mut buffer).map_err(Error::io("read", &release.archive))?;
            if read == 0 {
                break;
            }
            arrival.write_all(&buffer[..read]).map_err(|error| error_of(error, self.store.place()))?;
            watch.advance(0, read as u64);
        }
        match arrival.finish(release.size_bytes, &release.sha256)? {
            Created::Created => self.count(Created::Created),
            Created::AlreadyThere => self.same_archive(release, &name, receipt_name, watch)?,
        }
        Ok(())
    }

    /// By its receipt, which is put there after it; without one, it is read.
    fn same_archive(
        &mut self,
        release: &Release,
        name: &ObjectName,
        receipt_name: &str,
        watch: &Watch,
    ) -> Result<()> {
        let receipt = self.store.get(&self.name(receipt_name)?, BUNDLE_BYTES_MAX)?;
        let is_same = match receipt {
            Some((receipt, _)) => receipt == release.receipt,
            None => digest(self.store, name, watch)? == Some(release.sha256),
        };
        if !is_same {
            return Err(self.taken(name));
        }
        self.already += 1;
        Ok(())
    }

    /// A file that never changes.
    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let name = self.name(path)?;
        let created = self.store.create(&name, bytes)?;
        if created == Created::AlreadyThere && !self.holds(&name, bytes)? {
            return Err(self.taken(&name));
        }
        self.count(created);
        Ok(())
    }

    fn holds(&self, name: &ObjectName, bytes: &[u8]) -> Result<bool> {
        let entry = self.store.head(name)?;
        if entry.is_none_or(|entry| entry.size != bytes.len() as u64) {
            return Ok(false);
        }
        Ok(self.store.get(name, bytes.len())?.is_some_and(|(there, _)| there == bytes))
    }
}

/// The digest of an object, which is read for it.
pub fn digest(store: &dyn Store, name: &ObjectName, watch: &Watch) -> Result<Option<Sha256>> {
    use sha2::Digest;
    let Some(mut reading) = store.read(name)? else { return Ok(None) };
    watch.expect_bytes(reading.size);
    let (mut hasher, mut buffer) = (sha2::Sha256::new(), vec![0; READ_BYTES]);
    loop {
        watch.check()?;
        let read = reading.read(&mut buffer).map_err(|error| error_of(error, store.place()))?;
        if read == 0 {
            return Ok(Some(Sha256(hasher.finalize().into())));
        }
        hasher.update(&buffer[..read]);
        watch.advance(0, read as u64);
    }
}
