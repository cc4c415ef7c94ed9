//! `seal`: policy, scan, pack, archive, receipt.

mod filing;

use crate::error::{Error, Result};
use crate::evidence::attest::Attesting;
use crate::evidence::compose::{Identity, Payload, Shape};
use crate::evidence::ddl;
use crate::evidence::filing::Filed;
use crate::evidence::gates::events::Reader;
use crate::evidence::gates::programs::Environment;
use crate::evidence::gates::tree::seen::{Searching, Seen, is_payload};
use crate::evidence::gates::waivers::{self, WaiverFile};
use crate::evidence::gates::{Evaluation, Part, Tally, record};
use crate::evidence::gathered::Gathered;
use crate::evidence::provenance::Origin;
use crate::evidence::receipt::SUFFIX;
use crate::evidence::sbom::Sbom;
use crate::evidence::seal::SEAL;
use crate::evidence::tag_files::TagFiles;
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::gates::Waived;
use crate::format::kind::Kind;
use crate::format::member::{FileType, Member};
use crate::format::pack::Pack;
use crate::format::path::PackPath;
use crate::format::receipt::Receipt;
use crate::format::seal::{PolicyRef, Seal, Tool};
use crate::keys::public::PublicKey;
use crate::keys::recipient::Recipient;
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::sniff;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::pipeline::contents::MEMBERS_MAX;
use crate::pipeline::feed::Plan;
use crate::pipeline::open::RECIPIENTS_MAX;
use crate::pipeline::pack::{self, ArchiveWriter, Settings};
use crate::pipeline::sink::Written;
use crate::pipeline::source::Root;
use crate::pipeline::staging::Staging;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::gate::Stage;
use crate::tree::git::{self, GitFacts};
use crate::tree::member::MemberKind;
use crate::tree::scan::{Scan, ScanOptions, scan};
use crate::tree::version::{self, Told};
use crate::verbs::gate::{Judged, not_sealed};
use crate::verbs::origin::{origin, unread};
use crate::verbs::place::{Place, Placed};
use filing::Filing;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder of the tree that gets what is sealed, unless another is named.
pub const OUT: &str = "sealed";

/// What to seal, how, and with which keys.
pub struct Request<'a> {
    /// The tree.
    pub root: &'a Path,
    /// The policy that chooses the payload.
    pub policy: &'a Policy,
    /// The version, if it was given.
    pub version: Option<&'a str>,
    /// The folder that gets archive, receipt and evidence.
    pub out: &'a Path,
    /// Signs seal and receipt.
    pub key: &'a SigningKey,
    /// Who can decrypt; empty for an archive that is not encrypted.
    pub recipients: &'a [Recipient],
    /// Whether the evidence folder gets the payload too.
    pub with_payload: bool,
    /// `SOURCE_DATE_EPOCH`, if it is set.
    pub source_date_epoch: Option<i64>,
    /// Secret files that may not be sealed wherever they lie.
    pub secrets: &'a [PathBuf],
    /// Tells the time for the receipt.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Looks up what the environment of a CI job says of itself.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
    /// The environment for programs of the policy's gates; `None` unless whoever runs this named the policy.
    pub programs: Option<Environment<'a>>,
    /// Reads the log of the policy's store, if a gate asks for what happened.
    pub events: Reader<'a>,
    /// By whom the seals of earlier releases must be, where a gate compares with them, and who may waive; empty if nobody
    /// is trusted.
    pub trust: &'a Trust,
    /// Signed waivers.
    pub waivers: &'a [WaiverFile],
    /// The tier, if it was given.
    pub tier: Option<&'a str>,
    /// Worker threads.
    pub threads: usize,
}

/// What was sealed.
pub struct Sealed {
    /// The pack as its `pack.json` says.
    pub pack: Pack,
    /// Where archive, receipt and evidence lie.
    pub placed: Placed,
    /// The archive's digest and size.
    pub archive: Written,
    /// How many recipients can decrypt it.
    pub recipients: usize,
    /// Who signed.
    pub signer: PublicKey,
    /// Which version, and where it was found.
    pub version: Told,
    /// What the times of the members come from.
    pub epoch_source: &'static str,
    /// Files and links that no rule takes.
    pub unmatched: Vec<Box<str>>,
    /// What the SBOM holds, and where it comes from.
    pub sbom: Sbom,
    /// How the gates ended.
    pub gates: Tally,
    /// The gates that were waived, and by what.
    pub waived: Vec<(String, Waived)>,
    /// The archive for a software registry, where the policy asks for one.
    pub filed: Option<Filed>,
    /// Where the release comes from, as the provenance says.
    pub origin: Origin,
    /// Files a rule takes whose class is not the release's.
    pub left_out: u64,
    /// What is worth saying.
    pub warnings: Vec<Finding>,
}

/// Seals a release.
pub fn seal(request: &Request<'_>, watch: &Watch) -> Result<Sealed> {
    let evaluated_at = (request.clock)();
    let facts = git::facts(request.root)?;
    let project = version::project_name(request.root, request.policy)?;
    let version = version::version(request.root, request.policy, request.version, facts.as_ref())?;
    still_signs(request, &project.value, evaluated_at)?;
    let name = format!("{}-{}", project.value, version.value);
    let filing = filing::name(request.policy, &name, &project.value, &version.value)?;
    let place =
        Place::prepare(request.out, &name, request.recipients, filing.map(|name| format!("{name}.tar")))?;
    let scanned = scan_release(request, watch)?;
    let (epoch, epoch_source) = source_date_epoch(request.source_date_epoch, facts.as_ref(), &scanned);
    let identity = Identity {
        name: place.name().to_owned(),
        project: project.value,
        version: version.value.clone(),
        kind: Kind::Release,
        policy_name: request.policy.name.clone(),
        policy_text: request.policy.text.clone(),
        source_date_epoch: epoch,
    };
    let out = not_payload(request.root, request.policy, request.out);
    let origin = origin(request.root, request.policy, &version.value, facts, &out, request.variables)?;
    let judged = judged(request, &identity, &origin, evaluated_at);
    let before = judged.part(Part::Before, &scanned, None, watch)?;
    watch.check()?;
    if judged.waived(before.clone()).refuses() {
        // Whoever has to mend something wants to hear of everything.
        let payload = judged.part(Part::Payload, &scanned, None, watch)?;
        return Err(Error::Refused(judged.waived(before.join(payload)).findings()));
    }
    let context = Sealing { request, identity: &identity, judged: &judged, before: &before, place: &place };
    let made = write_steady(&context, scanned, watch)?;
    let receipt = receipt(request, &made, &place, evaluated_at);
    let placed = place.publish(&request.key.sign_statement(&receipt).to_bytes())?;
    Ok(Sealed {
        placed,
        archive: made.archive,
        recipients: request.recipients.len(),
        signer: request.key.public(),
        version,
        epoch_source,
        left_out: made.scan.left_out.values().sum(),
        unmatched: made.scan.unmatched,
        warnings: made
            .scan
            .findings
            .into_iter()
            .chain(ddl::warnings(made.pack.ddl.as_ref()))
            .chain(unread(&origin))
            .chain(made.gates.findings())
            .chain(made.sbom.findings.clone())
            .collect(),
        pack: made.pack,
        sbom: made.sbom,
        filed: made.filed,
        gates: Tally::of(&made.gates),
        waived: made.gates.waived(),
        origin: origin.clone(),
    })
}

/// Refuses to seal with a key of which the trust that was given says that it has expired or is revoked: nobody who trusts
/// alike would take the seal.
fn still_signs(request: &Request<'_>, project: &str, now: Timestamp) -> Result<()> {
    let expect =
        Expect { file: SEAL, right: Right::SealRelease, project: Some(project), kind: Some(Kind::Release) };
    match request.trust.may_sign(&request.key.public(), expect, now) {
        Err(finding) if matches!(finding.code, Code::SignerExpired | Code::SignerRevoked) => {
            Err(Error::refused(finding))
        }
        _ => Ok(()),
    }
}

/// The release as its gates see it.
fn judged<'a>(
    request: &Request<'a>,
    identity: &'a Identity,
    origin: &'a Origin,
    now: Timestamp,
) -> Judged<'a, 'a> {
    Judged {
        root: request.root,
        policy: request.policy,
        origin,
        project: &identity.project,
        version: &identity.version,
        commit: origin.git.as_ref().and_then(|git| git.commit.as_deref()),
        tier: request.tier,
        stage: Stage::Seal,
        only: &[],
        out: request.out,
        trust: request.trust,
        waivers: request.waivers,
        now,
        programs: request.programs,
        events: request.events,
        approvals: not_sealed(),
        threads: request.threads,
    }
}

/// What would be sealed, for `--list-unmatched`: nothing is read.
pub fn preview(root: &Path, policy: &Policy, out: &Path, watch: &Watch) -> Result<Scan> {
    let progress = |_| watch.check();
    let excluded = not_payload(root, policy, out);
    scan(root, policy, &ScanOptions { kind: Kind::Release, excluded: &excluded, progress: &progress })
}

/// Folders that are never payload, though they may lie in the tree: what gets what is sealed or backed up, and the policy's store.
pub fn not_payload(root: &Path, policy: &Policy, out: &Path) -> Vec<PathBuf> {
    let store = policy.store.as_ref().and_then(|store| store.directory(root));
    [out.to_owned()].into_iter().chain(store).collect()
}

fn scan_release(request: &Request<'_>, watch: &Watch) -> Result<Scan> {
    let scan = preview(request.root, request.policy, request.out, watch)?;
    scan.refuse()?;
    if scan.members.len() > MEMBERS_MAX {
        let message = format!("{} members are more than one pack holds ({MEMBERS_MAX})", scan.members.len());
        return Err(Error::input(message, "seal the tree in parts, with a policy each"));
    }
    watch.expect_bytes(scan.total().bytes);
    Ok(scan)
}

/// The time that a release stands for, and where it comes from.
pub fn source_date_epoch(given: Option<i64>, git: Option<&GitFacts>, scan: &Scan) -> (i64, &'static str) {
    let newest = || scan.members.iter().filter(|m| m.kind == MemberKind::File).map(|m| m.mtime_s).max();
    match (given, git.and_then(|facts| facts.commit_time_s)) {
        (Some(epoch), _) => (epoch, "SOURCE_DATE_EPOCH"),
        (None, Some(time)) => (time, "the commit"),
        // A tar of the release form has no times before 1970.
        (None, None) => (newest().unwrap_or(0).max(0), "the newest file"),
    }
}

/// A pack that was written, but not put in its place.
struct Made<'p> {
    pack: Pack,
    archive: Written,
    seal_sha256: Sha256,
    tag_manifest: Sha256,
    sbom: Sbom,
    filed: Option<Filed>,
    gates: Evaluation<'p>,
    scan: Scan,
}

/// What is known before anything is written.
struct Sealing<'p, 'a> {
    request: &'a Request<'a>,
    identity: &'a Identity,
    judged: &'a Judged<'p, 'p>,
    /// What those gates came to that need not wait until the payload is read.
    before: &'a Evaluation<'p>,
    place: &'a Place,
}

impl<'p> Sealing<'p, '_> {
    /// What the gates came to, and the waivers that lifted some, signed among the tag files.
    fn record(&self, gates: &Evaluation<'_>, attesting: &Attesting<'_>, tags: &mut TagFiles) -> Result<()> {
        let about = record::About {
            policy: self.request.policy,
            pack: &self.identity.name,
            project: &self.identity.project,
            version: &self.identity.version,
            commit: self.judged.commit,
            time_verified: None,
        };
        attesting.gates(about.summary(gates), tags)?;
        gates.lifted.iter().try_for_each(|lifted| {
            tags.add(&waivers::tag_file(&lifted.gate), |out| out.write_all(&lifted.bundle)).map(drop)
        })
    }

    /// All gates, now that the payload was read: those that ask for its bytes are told of the very ones that were packed.
    fn gates(&self, scan: &Scan, seen: Seen, watch: &Watch) -> Result<Evaluation<'p>> {
        let changed = self.changed(scan, &seen);
        if !changed.is_empty() {
            return Err(Error::Refused(changed));
        }
        let payload = self.judged.part(Part::Payload, scan, Some(seen), watch)?;
        watch.check()?;
        let gates = self.judged.waived(self.before.clone().join(payload));
        if gates.refuses() { Err(Error::Refused(gates.findings())) } else { Ok(gates) }
    }
}

impl Sealing<'_, '_> {
    /// Evidence of the first gates that is packed with other bytes than they were judged by.
    fn changed(&self, scan: &Scan, seen: &Seen) -> Vec<Finding> {
        let judged: BTreeMap<&str, Sha256> = self
            .before
            .gates
            .iter()
            .flat_map(|gate| &gate.judged.read)
            .map(|(path, sha256)| (&**path, *sha256))
            .collect();
        let files = scan.members.iter().filter(|member| is_payload(member)).enumerate();
        let differs = |(at, member): (usize, &crate::tree::member::Member)| {
            let judged = judged.get(member.path.as_str())?;
            let Some(Ok(packed)) = seen.digest(at) else { return None };
            let finding = || Finding::new(Code::FileChanging, member.path.as_str());
            (packed != *judged).then(|| finding().expected("the bytes that the gates read"))
        };
        files.filter_map(differs).collect()
    }
}

/// Writes the pack. If a file changed meanwhile, the tree is looked at once more, and then it must hold still.
fn write_steady<'p>(sealing: &Sealing<'p, '_>, scan: Scan, watch: &Watch) -> Result<Made<'p>> {
    match write(sealing, scan, watch) {
        Err(Error::Refused(findings))
            if findings.iter().all(|finding| finding.code == Code::FileChanging) =>
        {
            write(sealing, scan_release(sealing.request, watch)?, watch)
        }
        made => made,
    }
}

fn write<'p>(sealing: &Sealing<'p, '_>, scan: Scan, watch: &Watch) -> Result<Made<'p>> {
    let Sealing { request, place, .. } = *sealing;
    place.clear()?;
    let settings = Settings { level: request.policy.seal.compression_level, threads: request.threads };
    let (mut file, path) = (place.archive_file()?, place.archive_path());
    let encryptor = encryptor(request.recipients)?;
    let made = pack::archive(&mut file, &path, encryptor, &settings, watch, |archive| {
        fill(sealing, scan, archive, watch)
    })?;
    file.sync_all().map_err(Error::io("write", path))?;
    Ok(made)
}

/// The payload, and everything that is said of it.
fn fill<'p>(
    sealing: &Sealing<'p, '_>,
    scan: Scan,
    mut archive: ArchiveWriter<'_>,
    watch: &Watch,
) -> Result<Made<'p>> {
    let Sealing { request, identity, judged, place, .. } = *sealing;
    let root = Root::open(request.root)?;
    let gathered = Gathered::before(request.root, request.policy, &scan, watch)?;
    let shape = Shape::Release(identity.source_date_epoch);
    let members: Vec<Member> = scan.members.iter().map(|scanned| shape.member(scanned)).collect();
    let archived: Vec<usize> = (0..members.len()).filter(|&at| scan.members[at].is_archived()).collect();
    let copy = request.with_payload.then(|| place.payload_folder()).transpose()?;
    let secrets = sniff::Secrets::new(request.root, request.secrets);
    let searching = Searching::new(&scan, judged.searches());
    let inspect = |path: &PackPath, content: &[u8]| {
        gathered.look(path, content);
        searching.look(path, content);
        secrets.finding(path, content)
    };
    let to_pack: Vec<Member> = archived.iter().map(|&at| members[at].clone()).collect();
    let prefix = format!("{}/data/", identity.name);
    let plan = Plan {
        root: &root,
        members: &to_pack,
        prefix: &prefix,
        inspect: &inspect,
        copy: copy.as_ref(),
        keep_torn: false,
    };
    let read_archived = archive.payload(plan)?;
    let mut read = vec![Default::default(); members.len()];
    archived.iter().zip(read_archived).for_each(|(&at, one)| read[at] = one);
    let gates = sealing.gates(&scan, searching.finish(&scan, &read), watch)?;
    let payload = Payload { scanned: &scan.members, shape, read: &read, elsewhere: None };
    let says = gathered.after(&root, &payload, watch)?;
    let pack = Pack { ddl: says.ddl, ..payload.pack(identity) };
    let mut tags = TagFiles::kept(&place.evidence()).write(identity, &payload, &pack, request.threads)?;
    let attesting = Attesting {
        identity,
        supplier: request.policy.supplier.as_deref(),
        origin: judged.origin,
        payload: &payload,
        ddl: pack.ddl.as_ref(),
        key: request.key,
    };
    let sbom = attesting.write(says.software, &mut tags)?;
    sealing.record(&gates, &attesting, &mut tags)?;
    let tag_manifest = tags.close()?;
    let seal =
        request.key.sign_statement(&seal_of(identity, &pack, request.policy).over(tag_manifest)).to_bytes();
    tags.add(SEAL, |out| out.write_all(&seal))?;
    append_tags(&mut archive, &mut tags, identity)?;
    let archive = archive.finish()?;
    finish_copy(copy.as_ref(), &to_pack)?;
    let filing = Filing { root: &root, policy: request.policy, identity, place };
    let filed = filing.file(&payload, watch)?;
    Ok(Made { pack, archive, seal_sha256: Sha256::of(&seal), tag_manifest, sbom, filed, gates, scan })
}

pub(super) fn encryptor(recipients: &[Recipient]) -> Result<Option<age::Encryptor>> {
    if recipients.is_empty() {
        return Ok(None);
    }
    if recipients.len() > RECIPIENTS_MAX {
        let message =
            format!("{} recipients are more than one archive takes ({RECIPIENTS_MAX})", recipients.len());
        return Err(Error::input(message, "encrypt to an identity that they share"));
    }
    let recipients = recipients.iter().map(|recipient| recipient.as_age() as &dyn age::Recipient);
    age::Encryptor::with_recipients(recipients)
        .map(Some)
        .map_err(|error| Error::input(format!("cannot encrypt to these recipients: {error}"), ""))
}

pub(super) fn seal_of(identity: &Identity, pack: &Pack, policy: &Policy) -> Seal {
    Seal {
        name: identity.name.clone(),
        project: identity.project.clone(),
        version: identity.version.clone(),
        kind: identity.kind,
        tool: Tool::this(),
        policy: PolicyRef { name: policy.name.clone(), sha256: policy.sha256 },
        payload: pack.payload,
    }
}

pub(super) fn append_tags(
    archive: &mut ArchiveWriter<'_>,
    tags: &mut TagFiles,
    identity: &Identity,
) -> Result<()> {
    for (name, size, path) in tags.in_order() {
        let inside = format!("{}/{name}", identity.name);
        let member = Member {
            path: PackPath::new(inside.as_bytes()).expect("a pack's name and its tag files' are valid"),
            kind: FileType::File,
            size,
            mode: 0o644,
            mtime_s: identity.source_date_epoch,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
        };
        let mut file = File::open(&path).map_err(Error::io("open", &path))?;
        archive.file(&member, &mut file)?;
    }
    Ok(())
}

/// Links and empty folders of the payload folder, after all files.
fn finish_copy(copy: Option<&Staging>, members: &[Member]) -> Result<()> {
    let Some(copy) = copy else { return Ok(()) };
    let folders = members.iter().filter(|member| member.kind == FileType::Dir);
    folders.into_iter().try_for_each(|member| copy.folder(&member.path))?;
    members.iter().try_for_each(|member| match member.target() {
        Some(target) => copy.link(&member.path, target),
        None => Ok(()),
    })?;
    copy.sync()
}

fn receipt(
    request: &Request<'_>,
    made: &Made,
    place: &Place,
    evaluated_at: Timestamp,
) -> crate::format::statement::Statement<Receipt> {
    let receipt = Receipt {
        project: made.pack.project.clone(),
        kind: made.pack.kind,
        version: made.pack.version.clone(),
        name: made.pack.name.clone(),
        size_bytes: made.archive.size_bytes,
        seal_sha256: made.seal_sha256,
        tagmanifest_sha256: made.tag_manifest,
        payload: made.pack.payload,
        recipients: request.recipients.len() as u32,
        bases: Vec::new(),
        evaluated_at,
        created_at: (request.clock)(),
    };
    receipt.for_archive(place.archive_name(), made.archive.sha256)
}

/// The name of an archive's receipt.
pub fn receipt_name(archive: &str) -> String {
    format!("{archive}{SUFFIX}")
}
