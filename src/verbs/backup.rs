//! `backup`: captures, scan, comparison with the last one, pack, archive into the store, log. A capture that fails fails the
//! backup; the old ones stay.

mod adopt;
mod compare;
mod listing;
mod payload;
mod previous;
mod put;
mod remember;
mod source;
mod standing;
mod unchanged;

use crate::error::{Error, Result};
use crate::evidence::compose::Identity;
use crate::evidence::seal::SEAL;
use crate::evidence::stored::ARCHIVES;
use crate::evidence::tag_files::TagFiles;
use crate::finding::{Code, Finding};
use crate::format::backup_cache::{Header, Held};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use crate::format::pack::Pack;
use crate::format::receipt::Receipt;
use crate::format::seal::Totals;
use crate::keys::public::PublicKey;
use crate::keys::recipient::Recipient;
use crate::keys::signing::SigningKey;
use crate::keys::sniff;
use crate::log::append::{Appended, Writer};
use crate::pipeline::pack::{self, ArchiveWriter, Settings};
use crate::pipeline::scratch::Scratch;
use crate::pipeline::sink::Written;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::backup::OnChange;
use crate::store::{ObjectName, Store, leftovers};
use crate::tree::capture::Environment;
use crate::tree::version;
use crate::verbs::seal::{append_tags, encryptor, receipt_name, seal_of};
use adopt::Stored;
use compare::Known;
use jiff::Timestamp;
use payload::{Read, Writing};
use previous::{Basis, Previous};
use remember::Memory;
use source::Source;
use std::path::{Path, PathBuf};
pub use unchanged::Unchanged;

/// How often a run begins anew when others take its name.
const ATTEMPTS_MAX: usize = 8;

/// What to back up, how, and where to.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that chooses the payload.
    pub policy: &'a Policy,
    /// Signs seal and receipt.
    pub key: &'a SigningKey,
    /// Who can decrypt; empty for an archive that is not encrypted.
    pub recipients: &'a [Recipient],
    /// Secret files that may not be backed up wherever they lie.
    pub secrets: &'a [PathBuf],
    /// Folders that are never payload: a store in the tree.
    pub excluded: &'a [PathBuf],
    /// A private folder on this host, in which captures are made.
    pub scratch: &'a Path,
    /// The folder in which this host remembers what it read; `None` remembers nothing.
    pub cache: Option<&'a Path>,
    /// Whether everything is read and kept, whatever did not change.
    pub full: bool,
    /// Where it is kept.
    pub store: &'a dyn Store,
    /// Writes to the store's log.
    pub log: &'a Writer<'a>,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The environment for captures; `None` unless whoever runs this named the policy.
    pub environment: Option<Environment<'a>>,
    /// Worker threads.
    pub threads: usize,
}

/// What came of it.
pub enum Done {
    /// There is an archive more.
    Stored(Box<BackedUp>),
    /// Nothing had changed, and that is logged.
    Unchanged(Box<Unchanged>),
}

/// What was backed up.
pub struct BackedUp {
    /// The pack as its `pack.json` says.
    pub pack: Pack,
    /// The archive's name in the store.
    pub archive: String,
    /// Its digest and size.
    pub written: Written,
    /// Why nothing was built upon, where that is worth saying.
    pub why_full: Option<String>,
    /// What earlier archives hold of the payload.
    pub referred: Totals,
    /// Who signed.
    pub signer: PublicKey,
    /// How many recipients can decrypt it.
    pub recipients: usize,
    /// What became of the log.
    pub logged: Appended,
    /// Files and links that no rule takes.
    pub unmatched: Vec<Box<str>>,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// Backs up. A file that is gone before it is read has the tree looked at once more, unless the policy refuses what changes.
pub fn backup(request: &Request<'_>, watch: &Watch) -> Result<Done> {
    let is_of_changes = |error: &Error| match error {
        Error::Refused(findings) => findings.iter().all(|finding| finding.code == Code::FileChanging),
        _ => false,
    };
    let mut may_look_again = request.policy.backup.on_change == OnChange::Warn;
    let mut left = Vec::new();
    for _ in 0..ATTEMPTS_MAX {
        match attempt(request, &mut left, watch) {
            Err(error) if is_of_changes(&error) && may_look_again => may_look_again = false,
            // Somebody else took the name in the same second: now there is another one, and perhaps nothing left to keep. Or
            // a prune took what it was built upon: now it is built upon nothing.
            Ok(None) => {}
            Ok(Some(mut done)) => {
                done.warnings().splice(..0, left);
                return Ok(done);
            }
            Err(error) => return Err(error),
        }
    }
    let message =
        format!("others took the name of this backup, or what it is built upon, {ATTEMPTS_MAX} times");
    Err(Error::input(message, "run it again"))
}

/// What holds for one run.
struct Run<'r> {
    request: &'r Request<'r>,
    watch: &'r Watch,
    scratch: &'r Scratch,
    project: String,
    begun: Timestamp,
    /// What lay among the archives when it began.
    stored: Stored,
    warnings: Vec<Finding>,
    unmatched: Vec<Box<str>>,
}

/// One backup; nothing if somebody else took its name meanwhile, or pruned what it is built upon. What earlier runs had left is
/// put in order by the first attempt and is not there for the next one: `left` has it of all.
fn attempt(request: &Request<'_>, left: &mut Vec<Finding>, watch: &Watch) -> Result<Option<Done>> {
    let begun = (request.clock)();
    let scratch = Scratch::new(request.scratch, watch)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let adopted = adopt::adopt(request, &project, begun)?;
    let found =
        [scratch.findings(), adopted.findings.clone(), leftovers::sweep(request.store, begun)?].concat();
    for finding in found {
        if !left.contains(&finding) {
            left.push(finding);
        }
    }
    let mut source = Source::gather(request, &scratch, watch)?;
    let warnings = std::mem::take(&mut source.findings);
    let unmatched = std::mem::take(&mut source.unmatched);
    let basis = previous::basis(request, &project, begun, &adopted)?;
    let stored = adopted.stored;
    let run = Run { request, watch, scratch: &scratch, project, begun, stored, warnings, unmatched };
    let Some(mut done) = run.build(source, basis)? else { return Ok(None) };
    if let Err(error) = scratch.remove() {
        done.warnings()
            .push(Finding::warning(Code::LeftBehind, error.to_string()).actual(error.with_causes()));
    }
    Ok(Some(done))
}

impl Done {
    /// What is worth saying.
    pub fn warnings(&mut self) -> &mut Vec<Finding> {
        match self {
            Done::Stored(made) => &mut made.warnings,
            Done::Unchanged(same) => &mut same.warnings,
        }
    }
}

/// A pack that was written, and is not in the store yet.
struct Made {
    pack: Pack,
    written: Written,
    seal_sha256: Sha256,
    tag_manifest: Sha256,
    read: Read,
    listing: String,
}

impl Run<'_> {
    /// Upon the last backup, or upon nothing.
    fn build(self, source: Source, basis: Basis) -> Result<Option<Done>> {
        let (previous, why_full) = match basis {
            Basis::Nothing(why) => (None, why),
            Basis::Previous(previous) => (Some(previous), None),
        };
        let Some(previous) = previous else { return self.store(source, None, Known::default(), why_full) };
        let compared = match compare::compare(&source, &previous) {
            Ok(compared) => compared,
            Err(error) => {
                let why = previous::damaged(&error);
                return self.store(source, None, Known::default(), Some(why));
            }
        };
        let stands = previous.header.policy == self.request.policy.sha256;
        let has_streams = source::streams(self.request).next().is_some();
        if compared.listing.as_ref() == Some(&previous.header.listing) && stands && !has_streams {
            return self.unchanged(&previous, &source.members, None);
        }
        let known = compare::resolve(self.request, &source, &previous, &compared, self.watch)?;
        self.store(source, Some(&previous), known, None)
    }

    /// Writes what is not known into an archive, unless nothing is left to be written.
    fn store(
        mut self,
        source: Source,
        previous: Option<&Previous>,
        known: Known,
        why_full: Option<String>,
    ) -> Result<Option<Done>> {
        let identity = self.identity()?;
        let archive = archive_name(self.request, &identity.name);
        let name = ObjectName::new(&format!("{ARCHIVES}/{archive}"))?;
        let mut arrival = self.request.store.arrive(&name)?;
        let (request, watch) = (self.request, self.watch);
        let settings = Settings { level: request.policy.seal.compression_level, threads: request.threads };
        let encryptor = encryptor(request.recipients)?;
        let wrote =
            pack::archive(&mut *arrival, name.as_str().as_ref(), encryptor, &settings, watch, |archive| {
                self.write(&identity, source, (previous, known), archive)
            })?;
        let made = match wrote {
            Wrote::Pack(made) => made,
            Wrote::Nothing(read) => {
                drop(arrival);
                let previous = previous.expect("what stands for nothing new was built upon something");
                return self.unchanged(previous, &[], Some(*read));
            }
        };
        let receipt = self.receipt(&made, &identity).for_archive(&archive, made.written.sha256);
        let bundle = request.key.sign_statement(&receipt).to_bytes();
        let receipt_sha256 = Sha256::of(&bundle);
        let put = put::put(request, arrival, &made.written, &archive, &receipt, bundle)?;
        let Some(logged) = put else { return Ok(None) };
        self.warnings.extend(torn(&made.read));
        let held = Held {
            name: identity.name.clone(),
            sha256: made.written.sha256,
            size_bytes: made.written.size_bytes,
            receipt: receipt_sha256,
        };
        self.remember(previous, Some(held), &made.read, made.listing)?;
        Ok(Some(Done::Stored(Box::new(BackedUp {
            referred: referred(&made.read),
            pack: made.pack,
            archive,
            written: made.written,
            why_full,
            signer: request.key.public(),
            recipients: request.recipients.len(),
            logged,
            unmatched: self.unmatched,
            warnings: self.warnings,
        }))))
    }

    /// The payload, and everything that is said of it.
    fn write(
        &self,
        identity: &Identity,
        source: Source,
        (previous, known): (Option<&Previous>, Known),
        mut archive: ArchiveWriter<'_>,
    ) -> Result<Wrote> {
        let request = self.request;
        let secrets = sniff::Secrets::new(request.root, request.secrets);
        let writing = Writing { request, identity, secrets: &secrets, watch: self.watch };
        let read = writing.write(source, known, &mut archive)?;
        let listing = read.listing();
        if previous.is_some_and(|previous| {
            previous.header.listing == listing && previous.header.policy == request.policy.sha256
        }) && read.is_all_elsewhere()
        {
            return Ok(Wrote::Nothing(Box::new(read)));
        }
        let evidence = self.scratch.make("evidence")?;
        let payload = read.payload();
        let pack = Pack { captures: read.facts.clone(), ..payload.pack(identity) };
        let mut tags = TagFiles::passing(&evidence).write(identity, &payload, &pack, request.threads)?;
        let tag_manifest = tags.close()?;
        let seal = seal_of(identity, &pack, request.policy).over(tag_manifest);
        let seal = request.key.sign_statement(&seal).to_bytes();
        tags.add(SEAL, |out| out.write_all(&seal))?;
        append_tags(&mut archive, &mut tags, identity)?;
        let written = archive.finish()?;
        let seal_sha256 = Sha256::of(&seal);
        Ok(Wrote::Pack(Box::new(Made { pack, written, seal_sha256, tag_manifest, read, listing })))
    }

    /// The backup's name: the project and the second in which it began; four digits more if that is taken.
    fn identity(&self) -> Result<Identity> {
        let version = self.begun.strftime("%Y%m%dT%H%M%SZ").to_string();
        let version = put::free_version(&self.project, version, &self.stored)?;
        Ok(Identity {
            name: format!("{}-{version}", self.project),
            project: self.project.clone(),
            version,
            kind: Kind::Backup,
            policy_name: self.request.policy.name.clone(),
            policy_text: self.request.policy.text.clone(),
            source_date_epoch: self.begun.as_second(),
        })
    }

    fn receipt(&self, made: &Made, identity: &Identity) -> Receipt {
        Receipt {
            project: identity.project.clone(),
            kind: Kind::Backup,
            version: identity.version.clone(),
            name: identity.name.clone(),
            size_bytes: made.written.size_bytes,
            seal_sha256: made.seal_sha256,
            tagmanifest_sha256: made.tag_manifest,
            payload: made.pack.payload,
            recipients: self.request.recipients.len() as u32,
            bases: made.pack.bases.clone(),
            evaluated_at: self.begun,
            created_at: (self.request.clock)(),
        }
    }

    /// Leaves the next backup what it can be built upon. Failing to costs that one time, and is said.
    fn remember(
        &mut self,
        previous: Option<&Previous>,
        made: Option<Held>,
        read: &Read,
        listing: String,
    ) -> Result<()> {
        let Some(path) = previous::path(self.request, &self.project)? else { return Ok(()) };
        let mut archives = previous.map(|previous| previous.header.archives.clone()).unwrap_or_default();
        let newest = made.as_ref().map(|made| made.name.clone());
        let newest = newest.or_else(|| previous.map(|previous| previous.header.newest.clone()));
        archives.extend(made);
        let newest = newest.unwrap_or_default();
        let number = archives.iter().position(|held| held.name == newest).unwrap_or_default();
        let header = Header {
            store: self.request.store.place().to_owned(),
            project: self.project.clone(),
            root: previous::root(self.request)?,
            recipients: previous::recipients(self.request),
            policy: self.request.policy.sha256,
            listing,
            full_at: previous.map_or(self.begun, |previous| previous.header.full_at),
            newest,
            archives,
            files: 0,
        };
        let begun_ns = i64::try_from(self.begun.as_nanosecond()).unwrap_or(i64::MAX);
        let memory = Memory { header, read, begun_ns, newest: number as u32 };
        if let Err(error) = memory.keep(&self.scratch.join("cache"), &path) {
            let finding = Finding::warning(Code::CacheNotKept, path.display().to_string());
            let why = error.with_causes();
            self.warnings.push(finding.actual(format!("{why}; the next backup is a full one")));
        }
        Ok(())
    }
}

/// What was written into an archive.
enum Wrote {
    /// A pack.
    Pack(Box<Made>),
    /// No file, and the lists would be the last one's: nothing is kept of it.
    Nothing(Box<Read>),
}

fn archive_name(request: &Request<'_>, name: &str) -> String {
    format!("{name}.{}", if request.recipients.is_empty() { "tar.zst" } else { "tar.zst.age" })
}

/// What earlier archives hold.
fn referred(read: &Read) -> Totals {
    let mut totals = Totals::default();
    for (at, one) in read.read.iter().enumerate() {
        if read.elsewhere.of(at).is_some() {
            totals.add(one.size);
        }
    }
    totals
}

/// The files that did not hold still.
fn torn(read: &Read) -> impl Iterator<Item = Finding> {
    let torn = read.scanned.iter().zip(&read.read).filter(|(_, read)| read.torn);
    torn.map(|(member, _)| {
        let finding = Finding::warning(Code::FileTorn, member.path.as_str());
        finding.actual("it changed while it was read; what was kept may be of several moments")
    })
}

/// Where an archive and its receipt lie in a store.
fn stored(archive: &str) -> [String; 2] {
    [format!("{ARCHIVES}/{archive}"), format!("{ARCHIVES}/{}", receipt_name(archive))]
}
