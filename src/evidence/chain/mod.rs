//! Chains: an incremental archive says which earlier ones hold the rest of its files, and here they are followed.
//!
//! What is signed decides: `pack.json` and the receipt name each base with its digest, `fetch.txt` (in the tag manifest) says what
//! lies where, and the manifest lists what every file must be. The archive that physically holds a file is always named, so
//! nothing is followed further than one step.

pub mod fetches;
pub mod listed;
pub mod shelf;

use crate::error::{Error, Result};
use crate::evidence::agreement;
use crate::evidence::payload::{FETCH, Fault, Lists};
use crate::evidence::receipt::{self, VerifiedReceipt};
use crate::finding::{Code, Finding, Outcome};
use crate::format::kind::Kind;
use crate::format::member::Member;
use crate::format::pack::Pack;
use crate::format::path::PackPath;
use crate::format::receipt::Base;
use crate::format::units::count;
use crate::keys::trust::Trust;
use crate::pipeline::contents::{Contents, Fetched};
use crate::pipeline::open::{Archive, Identities};
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::{Limits, Target, unpack};
use crate::pipeline::watch::Watch;
use fetches::Fetches;
use shelf::{Found, Shelf};
use std::collections::{HashMap, HashSet};

/// The most files that are told one by one of those that a base does not hold.
const NOT_IN_BASE_MAX: usize = 20;

/// How a chain is followed.
pub struct Chain<'a> {
    /// Where the bases are found.
    pub shelf: &'a Shelf<'a>,
    /// Who may have signed their receipts.
    pub trust: &'a Trust,
    /// What decrypts them.
    pub identities: &'a Identities,
    /// Worker threads.
    pub threads: usize,
}

/// A base that was found, and whose receipt is of the archive that was signed as the base.
pub struct FoundBase<'s> {
    /// The archive.
    pub found: Found<'s>,
    /// Its receipt.
    pub receipt: VerifiedReceipt,
}

impl Chain<'_> {
    /// Finds a base of a project, and compares its receipt with what was signed. Its bytes are not read.
    pub fn find(
        &self,
        project: &str,
        base: &Base,
    ) -> Result<std::result::Result<FoundBase<'_>, Vec<Finding>>> {
        let Some(found) = self.shelf.find(&base.name)? else {
            return Ok(Err(vec![Finding::new(Code::BaseMissing, &*base.name)]));
        };
        let receipt = match receipt::verify(self.trust, &found.file_name, found.receipt.as_deref()) {
            Ok(receipt) => receipt,
            Err(findings) => return Ok(Err(findings)),
        };
        let findings = is_base(project, base, &found, &receipt);
        Ok(if findings.is_empty() { Ok(FoundBase { found, receipt }) } else { Err(findings) })
    }

    /// Reads the files of a pack that other archives hold, each with its digests, into `contents`; and into a folder, where one
    /// is given, with the names and metadata that they have in this pack. Runs the check `bases`, unless there are none.
    pub fn complete(
        &self,
        contents: &mut Contents,
        staging: Option<&Staging>,
        outcome: &mut Outcome,
        watch: &Watch,
    ) -> Result<()> {
        let Ok(pack) = agreement::read_pack(&contents.tags)? else { return Ok(()) };
        if pack.bases.is_empty() && contents.tags.size(FETCH).is_none() {
            return Ok(());
        }
        let mut fetches = fetches::read(&contents.tags, &pack.name, &pack.bases)?;
        let mut findings = std::mem::take(&mut fetches.findings);
        let here = here(contents);
        for (base, at) in pack.bases.iter().zip(0..) {
            let is_wanted = |file: &Fetched| file.base == at && !here.contains(&file.identity);
            if !fetches.files.iter().any(is_wanted) {
                continue;
            }
            match self.find(&pack.project, base)? {
                Ok(found) => {
                    let (was_read, found) = self.read((base, at), &found, &mut fetches, staging, watch)?;
                    findings.extend(found);
                    if was_read {
                        findings.extend(not_there((contents, &here), &pack, at, &fetches)?);
                    }
                }
                Err(found) => findings.extend(found),
            }
        }
        contents.fetched = fetches.files;
        if let Some(staging) = staging {
            own_metadata(contents, pack.kind, staging)?;
        }
        let files = count(contents.fetched.len() as u64, "file");
        let archives = count(pack.bases.len() as u64, "earlier archive");
        let detail = match findings.is_empty() {
            true => format!("{files} in {archives}, as signed"),
            false => format!("{files} in {archives}"),
        };
        outcome.conclude("bases", detail, findings);
        Ok(())
    }

    /// Reads one base whole, and takes out of it what is wanted; tells whether it could be read to its end.
    fn read(
        &self,
        (base, at): (&Base, u32),
        found: &FoundBase<'_>,
        fetches: &mut Fetches,
        staging: Option<&Staging>,
        watch: &Watch,
    ) -> Result<(bool, Vec<Finding>)> {
        let wanted = Wanted::new(&fetches.files, at);
        let said = found.receipt.predicate();
        let archive = Archive {
            input: found.found.whole()?,
            path: &found.found.path,
            identities: found.found.is_encrypted().then_some(self.identities),
        };
        let limits = Limits { files: said.payload.files, bytes: said.payload.bytes };
        let target = staging.map(|staging| Taking { staging, wanted: &wanted, moved: &fetches.moved });
        let target = target.as_ref().map(|target| target as &dyn Target);
        let unpacked = unpack(archive, Some(limits), target, self.threads, watch)?;
        let (mut findings, was_read) = (Vec::new(), unpacked.contents.is_ok());
        if unpacked.file.sha256 != base.sha256 {
            let finding = Finding::new(Code::BaseAltered, &*found.found.file_name);
            let actual = format!("sha256 {}", unpacked.file.sha256);
            findings.push(finding.expected(format!("sha256 {}", base.sha256)).actual(actual));
        }
        match unpacked.contents {
            Ok(contents) => {
                for row in &contents.rows {
                    for file in wanted.of(row.fingerprint.identity) {
                        if let Some(file) = fetches.files.get_mut(file) {
                            file.read = Some(*row);
                        }
                    }
                }
            }
            Err(Error::Refused(found)) => findings.extend(found),
            Err(Error::Unavailable { message, .. }) => {
                findings.push(Finding::new(Code::NoIdentity, &*found.found.file_name).actual(message));
            }
            Err(error) => return Err(error),
        }
        Ok((was_read, findings))
    }
}

/// What a folder holds: somebody may have completed it. An archive that names another one for a file does not hold it.
fn here(contents: &Contents) -> HashSet<[u8; 16]> {
    let rows = if contents.has_metadata { &[][..] } else { &contents.rows };
    rows.iter().map(|row| row.fingerprint.identity).collect()
}

/// Whether an archive is, by its receipt, the base that was signed.
fn is_base(project: &str, base: &Base, found: &Found<'_>, receipt: &VerifiedReceipt) -> Vec<Finding> {
    let said = receipt.predicate();
    let mut findings = Vec::new();
    if said.project != project || said.kind != Kind::Backup {
        let finding = Finding::new(Code::BaseForeign, &*found.file_name);
        let expected = format!("a backup of {project}");
        findings.push(finding.expected(expected).actual(format!("a {} of {}", said.kind, said.project)));
    }
    if !receipt.match_subjects(&[(&*found.file_name, base.sha256)]).is_empty() {
        let finding = Finding::new(Code::BaseAltered, &*found.file_name);
        let expected = format!("the archive of sha256 {}", base.sha256);
        findings.push(finding.expected(expected).actual("a receipt of another one"));
    } else if let Some(finding) = receipt::size_matches(receipt, &found.file_name, found.size) {
        findings.push(Finding { code: Code::BaseAltered, ..finding });
    }
    findings
}

/// Files that a base was read for, and did not hold.
fn not_there(
    (contents, here): (&Contents, &HashSet<[u8; 16]>),
    pack: &Pack,
    base: u32,
    fetches: &Fetches,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let files = fetches.files.iter().enumerate();
    let is_missing =
        |file: &Fetched| file.base == base && file.read.is_none() && !here.contains(&file.identity);
    let missing = files.filter(|(_, file)| is_missing(file)).map(|(at, _)| at);
    let name = pack.bases.get(base as usize).map_or("", |base| &*base.name);
    for at in missing.take(NOT_IN_BASE_MAX) {
        let path = fetches::path_at(&contents.tags, &pack.name, &pack.bases, at)?;
        let finding = Finding::new(Code::NotInBase, format!("data/{path}"));
        findings.push(finding.expected(format!("its bytes in {name}")).actual("they are not there"));
    }
    Ok(findings)
}

/// The files that are wanted of one base, by what they are there.
struct Wanted(Vec<([u8; 16], usize)>);

impl Wanted {
    fn new(files: &[Fetched], base: u32) -> Wanted {
        let files = files.iter().enumerate().filter(|(_, file)| file.base == base);
        let mut wanted: Vec<([u8; 16], usize)> = files.map(|(at, file)| (file.there, at)).collect();
        wanted.sort_unstable();
        Wanted(wanted)
    }

    /// The files that are this one there.
    fn of(&self, identity: [u8; 16]) -> impl Iterator<Item = usize> + '_ {
        let start = self.0.partition_point(|(there, _)| *there < identity);
        let rest = self.0.get(start..).unwrap_or_default();
        rest.iter().take_while(move |(there, _)| *there == identity).map(|(_, at)| *at)
    }
}

/// Writes what is wanted of a base under the names of the pack that wants it. Where several files are one there, the first is
/// written, and the others are copied from it later.
struct Taking<'t> {
    staging: &'t Staging,
    wanted: &'t Wanted,
    moved: &'t HashMap<usize, PackPath>,
}

impl Taking<'_> {
    fn named(&self, member: &Member) -> Option<Member> {
        let first = self.wanted.of(member.fingerprint().identity).next()?;
        let path = self.moved.get(&first).unwrap_or(&member.path).clone();
        Some(Member { path, ..member.clone() })
    }
}

impl Target for Taking<'_> {
    fn whole(&self, member: &Member, content: &[u8]) -> Result<()> {
        self.named(member).map_or(Ok(()), |named| self.staging.whole(&named, content))
    }

    fn piece(&self, member: &Member, content: &[u8], last: bool) -> Result<()> {
        self.named(member).map_or(Ok(()), |named| self.staging.piece(&named, content, last))
    }
}

/// Gives every file that came from a base the mode and time that it has in this pack, and makes those that are one there.
fn own_metadata(contents: &Contents, kind: Kind, staging: &Staging) -> Result<()> {
    let Ok(mut lists) = Lists::open(&contents.tags, kind) else { return Ok(()) };
    let mut written: HashMap<(u32, [u8; 16]), PackPath> = HashMap::new();
    let doubles = doubles(&contents.fetched);
    let mut files = contents.fetched.iter().peekable();
    loop {
        let row = match lists.next_member() {
            Ok(Some((row, _))) => row,
            // What is wrong with the lists is found where they are judged, and nothing is published.
            Ok(None) | Err(Fault::Finding(_)) => return Ok(()),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        };
        let fingerprint = row.member.fingerprint();
        let Some(file) = files.next_if(|file| file.identity == fingerprint.identity) else { continue };
        let Some(read) = file.read else { continue };
        let key = (file.base, file.there);
        if doubles.contains(&key) {
            match written.get(&key) {
                Some(first) => {
                    staging.copy(first, &row.member)?;
                    continue;
                }
                None => drop(written.insert(key, row.member.path.clone())),
            }
        }
        if read.fingerprint.metadata != fingerprint.metadata {
            staging.metadata(&row.member)?;
        }
    }
}

/// Which files of bases stand for several of this pack.
fn doubles(files: &[Fetched]) -> HashSet<(u32, [u8; 16])> {
    let mut all: Vec<(u32, [u8; 16])> = files.iter().map(|file| (file.base, file.there)).collect();
    all.sort_unstable();
    all.windows(2)
        .filter(|pair| pair.first() == pair.last())
        .filter_map(|pair| pair.first().copied())
        .collect()
}
