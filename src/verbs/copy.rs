//! `copy`: the second copy of what a store holds under a name, which is read again once it is written.
//!
//! The copy has the layout of a store: archive and receipt, evidence, every statement that the log has of it, and a proof
//! that the log had it. So it verifies where it lies, without the store that it came from.

mod expected;

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::entered;
use crate::evidence::receipt::SUFFIX;
use crate::evidence::stored::ARCHIVES;
use crate::finding::{Code, Finding, Outcome};
use crate::format::bundle::BUNDLE_BYTES_MAX;
use crate::format::digest::Sha256;
use crate::format::leaf::Leaf;
use crate::format::tlog::proof_file::EXTENSION;
use crate::keys::identity::Identity;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::log::Log;
use crate::log::state::{Known, State};
use crate::pipeline::open::READ_BYTES;
use crate::pipeline::watch::Watch;
use crate::store::{Created, ObjectName, Store, error_of, leftovers};
use crate::verbs::fetch::{fetch, find};
use crate::verbs::publish::digest;
use crate::verbs::{log, results, verify};
use expected::Expected;
use sha2::Digest;
use std::io::{Read, Write};

/// What to copy, and whereto.
pub struct Request<'a> {
    /// The store that has it.
    pub from: &'a dyn Store,
    /// The store that gets it.
    pub to: &'a dyn Store,
    /// The name of a release or backup.
    pub name: &'a str,
    /// Who may have sealed it.
    pub trust: &'a Trust,
    /// What decrypts it; without any, its evidence alone is verified.
    pub identities: &'a [Identity],
    /// The origin of the log of `from`, where it is known.
    pub origin: Option<&'a str>,
    /// What this host remembers of that log, and the present.
    pub state: State<'a>,
    /// Worker threads.
    pub threads: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Copied {
    /// How many objects are new there.
    pub created: u64,
    /// How many were there before, and are the same.
    pub already: u64,
    /// Their bytes, all of which were read again.
    pub bytes: u64,
    /// What the copy came to when it was verified.
    pub outcome: Outcome,
}

/// Copies, reads every byte again, and verifies the copy.
pub fn copy(request: &Request<'_>, watch: &Watch) -> Result<Copied> {
    let (known, mut outcome) = known(request)?;
    outcome.notes.extend(leftovers::sweep(request.to, request.state.now)?);
    let trust = known.as_ref().map_or(request.trust, |known| &known.trust);
    let mut copying = Copying { request, trust, watch, copied: Copied::default() };
    let names = copying.packs()?;
    if let Some(known) = &known {
        copying.logged(known, &names)?;
    }
    let mut copied = copying.copied;
    let fetched = fetch(request.to, request.name, watch)?;
    let to_verify = verify::Request {
        target: fetched.target.clone(),
        shelf: Some(&Shelf::Store(request.to)),
        trust,
        identities: request.identities,
        tree: None,
        evidence_only: request.identities.is_empty(),
        allow_unsigned: false,
        approvals: false,
        policy: None,
        threads: request.threads,
    };
    outcome.append(verify::verify(&to_verify, watch)?.outcome);
    copied.outcome = outcome;
    Ok(copied)
}

/// The log that the store has, if anybody is trusted with it, and whether it knows the archive.
fn known(request: &Request<'_>) -> Result<(Option<Known>, Outcome)> {
    let mut outcome = Outcome::default();
    if !request.trust.lets(Right::Log) {
        entered::nobody_may(&mut outcome);
        return Ok((None, outcome));
    }
    let log = Log { store: request.from, trust: request.trust, origin: request.origin };
    let known = request.state.read(&log)?;
    let (_, archive) = find(request.from, request.name)?;
    let receipt = request.from.get(&receipt_name(&archive)?, BUNDLE_BYTES_MAX)?.map(|(bytes, _)| bytes);
    let now = request.state.now;
    entered::judge(known.as_ref(), archive.file_name(), receipt.as_deref(), now, &mut outcome);
    Ok((known, outcome))
}

fn receipt_name(archive: &ObjectName) -> Result<ObjectName> {
    ObjectName::new(&format!("{archive}{SUFFIX}"))
}

/// A copy that is being made.
struct Copying<'a> {
    request: &'a Request<'a>,
    /// Who is trusted, with what was in the log before keys were revoked.
    trust: &'a Trust,
    watch: &'a Watch,
    copied: Copied,
}

impl Copying<'_> {
    /// The pack that was asked for, and every one that it needs; gives their names.
    fn packs(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.request.name.to_owned()];
        let mut done = 0;
        while let Some(name) = names.get(done).cloned() {
            for base in self.pack(&name)? {
                if !names.contains(&base) {
                    names.push(base);
                }
            }
            done += 1;
        }
        Ok(names)
    }

    /// Everything of one pack, of which the receipt says what it must be; gives the archives that its own one needs.
    fn pack(&mut self, name: &str) -> Result<Vec<String>> {
        let (folder, archive) = find(self.request.from, name)?;
        let expected = Expected::of(self.request.from, self.trust, &archive)?;
        let mut objects = vec![archive.clone(), receipt_name(&archive)?];
        let mut later = Vec::new();
        if folder != ARCHIVES {
            for entry in self.request.from.list(&folder)?.entries {
                let inside = entry.name.as_str().strip_prefix(&format!("{folder}/{name}/"));
                match inside.filter(|inside| results::is_result(inside)) {
                    Some(inside) => later.push((inside.to_owned(), entry.name)),
                    None if objects.contains(&entry.name) => {}
                    None => objects.push(entry.name),
                }
            }
        }
        for object in &objects {
            self.one(object, expected.digest(object))?;
        }
        self.results(&format!("{folder}/{name}"), later)?;
        Ok(expected.bases)
    }

    /// The results of later stages, which never take the place of newer ones.
    fn results(&mut self, pack: &str, later: Vec<(String, ObjectName)>) -> Result<()> {
        let mut files = Vec::new();
        for (name, object) in later {
            if let Some((bytes, _)) = self.request.from.get(&object, BUNDLE_BYTES_MAX)? {
                files.push((name, bytes));
            }
        }
        let done = results::put(self.request.to, pack, &files)?;
        done.into_iter().for_each(|created| self.count(created));
        // A newer one may lie there: what is read again is whether it can be.
        for (name, _) in files {
            let object = ObjectName::new(&format!("{pack}/{name}"))?;
            match self.request.to.get(&object, BUNDLE_BYTES_MAX)? {
                Some((bytes, _)) => self.copied.bytes += bytes.len() as u64,
                None => return Err(gone(self.request.to, &object)),
            }
        }
        Ok(())
    }

    /// The statements that the log has of these packs, and a proof of each that it knows.
    fn logged(&mut self, known: &Known, names: &[String]) -> Result<()> {
        let of = |leaf: &&Leaf| names.contains(&leaf.name);
        for leaf in known.leaves.leaves.iter().filter(of) {
            self.one(&ObjectName::new(&leaf.event_path())?, Some(leaf.event))?;
        }
        for name in names {
            let (_, archive) = find(self.request.from, name)?;
            let Some(proof) = log::prove_in(&known.leaves, name) else { continue };
            let beside = archive.parent().unwrap_or_default();
            let object = ObjectName::new(&format!("{beside}/{name}.{EXTENSION}"))?;
            // One that lies there was made of an earlier log, and is worth no less.
            if self.request.to.head(&object)?.is_some() {
                self.count(Created::AlreadyThere);
                continue;
            }
            let bytes = proof.file.to_bytes();
            let created = self.request.to.create(&object, &bytes)?;
            self.count(created);
            self.holds(&object, bytes.len() as u64, Sha256::of(&bytes))?;
        }
        Ok(())
    }

    fn count(&mut self, created: Created) {
        match created {
            Created::Created => self.copied.created += 1,
            Created::AlreadyThere => self.copied.already += 1,
        }
    }

    /// One object: written where none is, then read again. Nothing that is not as expected gets its name.
    fn one(&mut self, object: &ObjectName, expected: Option<Sha256>) -> Result<()> {
        let Request { from, to, .. } = *self.request;
        let there = to.head(object)?;
        let (size, sha256) = match (&there, expected) {
            // What lies there already is read once, and not asked for again.
            (Some(there), Some(expected)) => (there.size, expected),
            (Some(there), None) => match digest(from, object, self.watch)? {
                Some(sha256) => (there.size, sha256),
                None => return Err(gone(from, object)),
            },
            (None, expected) => self.write(object, expected)?,
        };
        if there.is_some() {
            self.count(Created::AlreadyThere);
        }
        self.holds(object, size, sha256)
    }

    /// Reads again what lies there.
    fn holds(&mut self, object: &ObjectName, size: u64, sha256: Sha256) -> Result<()> {
        let found = digest(self.request.to, object, self.watch)?;
        if found != Some(sha256) {
            return Err(altered(self.request.to, object, sha256, found));
        }
        self.copied.bytes += size;
        Ok(())
    }

    /// Streams an object over; gives its size and digest.
    fn write(&mut self, object: &ObjectName, expected: Option<Sha256>) -> Result<(u64, Sha256)> {
        let Request { from, to, .. } = *self.request;
        let Some(mut reading) = from.read(object)? else { return Err(gone(from, object)) };
        let mut arrival = to.arrive(object)?;
        self.watch.expect_bytes(reading.size);
        let (mut hasher, mut buffer, mut size) = (sha2::Sha256::new(), vec![0; READ_BYTES], 0);
        loop {
            self.watch.check()?;
            let read = reading.read(&mut buffer).map_err(|error| error_of(error, from.place()))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            arrival.write_all(&buffer[..read]).map_err(|error| error_of(error, to.place()))?;
            size += read as u64;
            self.watch.advance(0, read as u64);
        }
        let sha256 = Sha256(hasher.finalize().into());
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(altered(from, object, expected, Some(sha256)));
        }
        let created = arrival.finish(size, &expected.unwrap_or(sha256))?;
        self.count(created);
        Ok((size, sha256))
    }
}

/// What was listed, or is named by what was, and is not there.
fn gone(store: &dyn Store, object: &ObjectName) -> Error {
    let finding = Finding::new(Code::Missing, object.as_str());
    Error::refused(finding.actual(format!("it is not in {}", store.place())))
}

fn altered(store: &dyn Store, object: &ObjectName, expected: Sha256, found: Option<Sha256>) -> Error {
    let actual = found.map_or("nothing".to_owned(), |found| format!("sha256 {found}"));
    let finding = Finding::new(Code::Altered, format!("{}/{object}", store.place()));
    Error::refused(finding.expected(format!("sha256 {expected}")).actual(actual))
}
