//! `copy`: the second copy of what a store holds under a name, which is read again once it is written.
//!
//! The copy has the layout of a store: archive and receipt, evidence, every statement that the log has of it, and a proof
//! that the log had it. So it verifies where it lies, without the store that it came from.

use crate::error::{Error, Result};
use crate::evidence::later::STAGES;
use crate::evidence::chain::shelf::Shelf;
use crate::evidence::receipt::SUFFIX;
use crate::evidence::stored::ARCHIVES;
use crate::finding::{Code, Finding, Outcome};
use crate::format::bundle::{BUNDLE_BYTES_MAX, Bundle};
use crate::format::digest::Sha256;
use crate::format::leaf::Leaf;
use crate::format::receipt::Receipt;
use crate::format::statement::Statement;
use crate::format::tlog::proof_file::EXTENSION;
use crate::keys::identity::Identity;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::log::state::State;
use crate::pipeline::open::READ_BYTES;
use crate::pipeline::watch::Watch;
use crate::store::{Created, ObjectName, Store, Swapped, error_of};
use crate::verbs::fetch::{fetch, find};
use crate::verbs::log::{self, Request as LogRequest};
use crate::verbs::publish::digest;
use crate::verbs::verify;
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
    let mut copied = Copied::default();
    let mut names = vec![request.name.to_owned()];
    let mut done = 0;
    while let Some(name) = names.get(done).cloned() {
        let bases = pack(request, &name, &mut copied, watch)?;
        bases.into_iter().for_each(|base| {
            if !names.contains(&base) {
                names.push(base)
            }
        });
        done += 1;
    }
    logged(request, &names, &mut copied, watch)?;
    let fetched = fetch(request.to, request.name, watch)?;
    let to_verify = verify::Request {
        target: fetched.target.clone(),
        shelf: Some(&Shelf::Store(request.to)),
        trust: request.trust,
        identities: request.identities,
        tree: None,
        evidence_only: request.identities.is_empty(),
        allow_unsigned: false,
        approvals: false,
        policy: None,
        threads: request.threads,
    };
    copied.outcome = verify::verify(&to_verify, watch)?.outcome;
    Ok(copied)
}

/// Everything of one pack; gives the archives that its own one needs.
fn pack(request: &Request<'_>, name: &str, copied: &mut Copied, watch: &Watch) -> Result<Vec<String>> {
    let (folder, archive) = find(request.from, name)?;
    let receipt = ObjectName::new(&format!("{archive}{SUFFIX}"))?;
    let mut objects = vec![archive.clone(), receipt.clone()];
    if folder != ARCHIVES {
        let listed = request.from.list(&folder)?.entries.into_iter().map(|entry| entry.name);
        objects.extend(listed.filter(|object| *object != archive && *object != receipt));
    }
    for object in &objects {
        one(request, object, copied, watch)?;
    }
    let bundle =
        request.from.get(&receipt, BUNDLE_BYTES_MAX)?.and_then(|(bytes, _)| Bundle::parse(&bytes).ok());
    let said = bundle.and_then(|bundle| Statement::<Receipt>::parse(&bundle.envelope.payload).ok());
    Ok(said.map_or_else(Vec::new, |said| said.predicate.bases.into_iter().map(|base| base.name).collect()))
}

/// The statements that the log has of these packs, and a proof of each; nothing where there is no log, or nobody is
/// trusted with it.
fn logged(request: &Request<'_>, names: &[String], copied: &mut Copied, watch: &Watch) -> Result<()> {
    let log = LogRequest {
        store: request.from,
        trust: request.trust,
        origin: request.origin,
        state: request.state,
    };
    if !request.trust.lets(Right::Log) {
        return Ok(());
    }
    let leaves = match log::list(&log) {
        Ok(leaves) => leaves,
        Err(Error::Refused(found)) if found.iter().all(|one| one.code == Code::NothingChecked) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let of = |leaf: &&Leaf| names.contains(&leaf.name);
    for leaf in leaves.leaves.iter().filter(of) {
        one(request, &ObjectName::new(&leaf.event_path())?, copied, watch)?;
    }
    for name in names {
        let (_, archive) = find(request.from, name)?;
        let beside = archive.parent().unwrap_or_default();
        let proof = ObjectName::new(&format!("{beside}/{name}.{EXTENSION}"))?;
        if let Ok(made) = log::prove(&log, name) {
            // One that lies there was made of an earlier log, and is worth no less.
            count(copied, request.to.create(&proof, &made.file.to_bytes())?);
        }
    }
    Ok(())
}

fn count(copied: &mut Copied, created: Created) {
    match created {
        Created::Created => copied.created += 1,
        Created::AlreadyThere => copied.already += 1,
    }
}

/// One object: written, then read again.
fn one(request: &Request<'_>, object: &ObjectName, copied: &mut Copied, watch: &Watch) -> Result<()> {
    let Some((size, sha256)) = write(request, object, copied, watch)? else {
        let finding = Finding::new(Code::Missing, object.as_str());
        return Err(Error::refused(finding.actual(format!("it is not in {}", request.from.place()))));
    };
    let found = digest(request.to, object, watch)?;
    if found != Some(sha256) {
        let actual = found.map_or("nothing".to_owned(), |found| format!("sha256 {found}"));
        let finding = Finding::new(Code::Altered, format!("{}/{object}", request.to.place()));
        return Err(Error::refused(finding.expected(format!("sha256 {sha256}")).actual(actual)));
    }
    copied.bytes += size;
    Ok(())
}

/// Streams an object over; gives its size and digest, or nothing if there is none. What lies there already stays.
fn write(
    request: &Request<'_>,
    object: &ObjectName,
    copied: &mut Copied,
    watch: &Watch,
) -> Result<Option<(u64, Sha256)>> {
    let Some(mut reading) = request.from.read(object)? else { return Ok(None) };
    // The result of a later stage is the one file that gives way to a newer one.
    let is_result = STAGES.iter().any(|stage| object.as_str().contains(&format!("/{stage}")));
    let mut arrival = if is_result { None } else { Some(request.to.arrive(object)?) };
    let mut small = Vec::new();
    watch.expect_bytes(reading.size);
    let (mut hasher, mut buffer, mut size) = (sha2::Sha256::new(), vec![0; READ_BYTES], 0);
    loop {
        watch.check()?;
        let read = reading.read(&mut buffer).map_err(|error| error_of(error, request.from.place()))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        match &mut arrival {
            Some(arrival) => arrival.write_all(&buffer[..read]),
            None => small.write_all(&buffer[..read]),
        }
        .map_err(|error| error_of(error, request.to.place()))?;
        size += read as u64;
        watch.advance(0, read as u64);
    }
    let sha256 = Sha256(hasher.finalize().into());
    let created = match arrival {
        Some(arrival) => arrival.finish(size, &sha256)?,
        None => replace(request.to, object, &small)?,
    };
    count(copied, created);
    Ok(Some((size, sha256)))
}

/// Puts bytes in place of older ones.
fn replace(store: &dyn Store, object: &ObjectName, bytes: &[u8]) -> Result<Created> {
    let there = store.get(object, BUNDLE_BYTES_MAX)?;
    if there.as_ref().is_some_and(|(there, _)| there == bytes) {
        return Ok(Created::AlreadyThere);
    }
    match store.swap(object, bytes, there.map(|(_, revision)| revision).as_ref())? {
        Swapped::Swapped(_) => Ok(Created::Created),
        Swapped::Changed => {
            let message = format!("somebody else writes {object} in {}", store.place());
            Err(Error::input(message, "try again"))
        }
    }
}
