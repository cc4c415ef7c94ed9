//! Some of a pack's files: chosen by glob, found through the index, each compared with the signed lists.

use crate::error::{Error, Result};
use crate::evidence::attested::Attested;
use crate::evidence::chain::Chain;
use crate::evidence::links::LinkMap;
use crate::evidence::pack::{self, Judge, Presence, signer};
use crate::evidence::payload::{Fault, Lists, Payload, differs};
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::seal::{SEAL, Sealed};
use crate::evidence::{agreement, closure, seal};
use crate::evidence::{folder, receipt};
use crate::finding::{Code, Finding, Verdict};
use crate::format::digest::{Hasher, Sha256};
use crate::format::index;
use crate::format::inventory;
use crate::format::kind::Kind;
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::format::units;
use crate::pipeline::contents::{Row, Tags};
use crate::pipeline::pick::Picker;
use crate::pipeline::source::Root;
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::{Target, payload_path};
use crate::pipeline::watch::Watch;
use crate::verbs::elsewhere;
use crate::verbs::restore::{Receipted, Request, Restored, make_others};
use crate::verbs::verify;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Bytes of a file that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Which paths of the tree are wanted.
struct Selection {
    globs: Option<GlobSet>,
}

impl Selection {
    /// Globs as in a policy: `*` stops at `/`, `**` crosses it; a folder's name takes what is in it. None takes all.
    fn new(globs: &[String]) -> Result<Selection> {
        if globs.is_empty() {
            return Ok(Selection { globs: None });
        }
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let glob = glob.trim_start_matches("./").trim_end_matches('/');
            for pattern in [glob.to_owned(), format!("{glob}/**")] {
                let built = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(true).build();
                set.add(built.map_err(|error| Error::usage(format!("--path {glob}: {}", error.kind()), ""))?);
            }
        }
        let globs = set.build().map_err(|error| Error::usage(format!("--path: {error}"), ""))?;
        Ok(Selection { globs: Some(globs) })
    }

    fn takes(&self, path: &PackPath) -> bool {
        self.globs.as_ref().is_none_or(|globs| globs.is_match(path.as_str()))
    }
}

/// A member that is wanted, with the digest that the manifest lists.
pub(super) struct Wanted {
    pub(super) row: inventory::Row,
    pub(super) signed: Option<Sha256>,
}

/// Restores the paths that were asked for from an archive.
pub fn from_archive(
    request: &Request<'_>,
    archive: &Receipted<'_>,
    staging: Option<&Staging>,
    watch: &Watch,
    restored: &mut Restored,
) -> Result<()> {
    let selection = Selection::new(request.paths)?;
    let found = archive.found;
    let mut picker = Picker::of(found.parts()?, &found.path, archive.identities)?;
    let (_, tags) = picker.tags(watch)?;
    let wanted = judge_lists(request, &tags, archive.receipt, &selection, restored)?;
    let Some(wanted) = wanted else { return Ok(()) };
    let at = find(&picker, wanted.iter().map(|one| one.row.member.path.as_str()))?;
    let is_file = |one: &&Wanted| one.row.member.kind == FileType::File;
    let (here, rest): (Vec<&Wanted>, Vec<&Wanted>) =
        wanted.iter().filter(is_file).partition(|one| at.contains_key(one.row.member.path.as_str()));
    let mut findings = Vec::new();
    for one in here {
        watch.check()?;
        if let (Some(row), Some(staging)) = (at.get(one.row.member.path.as_str()), staging) {
            findings.extend(copy(&mut picker, row, one, staging)?);
        }
    }
    restored.read_bytes += picker.read_bytes;
    let rest = elsewhere::take(archive.chain, &tags, &rest, staging, watch, restored)?;
    let missing = |one: &&Wanted| Finding::new(Code::Missing, format!("data/{}", one.row.member.path));
    findings.extend(rest.iter().map(missing));
    match staging {
        Some(staging) => conclude(restored, wanted, findings, staging),
        None => Ok(()),
    }
}

/// Seal, closure and agreement hold; gives the members that are wanted.
fn judge_lists(
    request: &Request<'_>,
    tags: &Tags,
    receipt: &VerifiedReceipt,
    selection: &Selection,
    restored: &mut Restored,
) -> Result<Option<Vec<Wanted>>> {
    let outcome = &mut restored.outcome;
    let closure = closure::check(tags, None)?;
    let bundle = agreement::small(tags, SEAL)?;
    let kind = receipt.predicate().kind;
    let tag_manifest = closure.tag_manifest.unwrap_or_default();
    let sealed = Sealed { bundle: bundle.as_deref(), tag_manifest, kind };
    let seal = match seal::verify(request.trust, &sealed, Some(receipt)) {
        Ok(seal) => {
            outcome.conclude("seal", format!("signed by {}", signer(&seal)), Vec::new());
            Some(seal)
        }
        Err(findings) => {
            outcome.conclude("seal", SEAL, findings);
            None
        }
    };
    outcome.conclude("closure", units::count(closure.listed as u64, "tag file"), closure.findings);
    match agreement::read_pack(tags)? {
        Ok(pack) => {
            let findings = agreement::names(&pack, request.target.pack_name(), seal.as_ref(), Some(receipt));
            outcome.conclude(
                "agreement",
                format!("{} {}, {}", pack.project, pack.version, pack.kind),
                findings,
            );
            restored.pack = Some(pack);
        }
        Err(finding) => outcome.conclude("agreement", "pack.json cannot be read", vec![finding]),
    }
    if outcome.verdict() != Verdict::Holds {
        return Ok(None);
    }
    match choose(tags, kind, selection)? {
        Ok((wanted, named)) => {
            attested(request, tags, receipt, &named, restored)?;
            if restored.outcome.verdict() != Verdict::Holds {
                return Ok(None);
            }
            count(&wanted, restored);
            Ok(Some(wanted))
        }
        Err(finding) => {
            restored.outcome.conclude("payload", "nothing can be chosen", vec![finding]);
            Ok(None)
        }
    }
}

/// The attestations are of the whole pack, and must hold for any part of it.
fn attested(
    request: &Request<'_>,
    tags: &Tags,
    receipt: &VerifiedReceipt,
    named: &Payload,
    restored: &mut Restored,
) -> Result<()> {
    let Some(pack) = &restored.pack else { return Ok(()) };
    let attested = Attested { tags, pack, payload: named, trust: request.trust, receipt: Some(receipt) };
    attested.check(&mut restored.outcome)
}

/// Reads the lists once and keeps what is wanted of them, and what the attestations speak of by name.
fn choose(tags: &Tags, kind: Kind, selection: &Selection) -> Result<Result<(Vec<Wanted>, Payload), Finding>> {
    let mut lists = match Lists::open(tags, kind) {
        Ok(lists) => lists,
        Err(finding) => return Ok(Err(finding)),
    };
    let (mut wanted, mut links, mut named) = (Vec::new(), Vec::new(), Payload::default());
    loop {
        match lists.next_member() {
            Ok(Some((row, manifest))) => {
                named.name(&row, manifest.as_ref());
                if row.archived && row.member.target().is_some() {
                    links.push(row.member.clone());
                }
                if selection.takes(&row.member.path) {
                    wanted.push(Wanted { row, signed: manifest.map(|line| Sha256(line.digest)) });
                }
            }
            Ok(None) if wanted.is_empty() => {
                let finding = Finding::new(Code::NothingChecked, "--path");
                return Ok(Err(finding.actual("it matches no path of the pack")));
            }
            Ok(None) => {
                let map = LinkMap::new(&links);
                let refused = links.iter().find_map(|link| map.refuse(&link.path));
                return Ok(refused.map_or(Ok((wanted, named)), Err));
            }
            Err(Fault::Finding(finding)) => return Ok(Err(*finding)),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        }
    }
}

fn count(wanted: &[Wanted], restored: &mut Restored) {
    let listed = wanted.iter().filter(|one| one.signed.is_some());
    (restored.files, restored.bytes) =
        listed.fold((0, 0), |(files, bytes), one| (files + 1, bytes + one.row.member.size));
}

/// Where files lie in an archive; their paths come in order.
pub(super) fn find<'w>(
    picker: &Picker<'_>,
    wanted: impl Iterator<Item = &'w str>,
) -> Result<HashMap<&'w str, index::Row>> {
    let (mut at, mut wanted) = (HashMap::new(), wanted.peekable());
    // Both are in the same order.
    for row in picker.index()? {
        let row = row?;
        let Some(path) = payload_path(row.path.as_str()) else { break };
        while wanted.next_if(|wanted| *wanted < path).is_some() {}
        if let Some(found) = wanted.next_if(|wanted| *wanted == path) {
            at.insert(found, row);
        }
    }
    Ok(at)
}

/// Copies a file out of the archive, and compares it with what is signed of it.
fn copy(
    picker: &mut Picker<'_>,
    row: &index::Row,
    wanted: &Wanted,
    staging: &Staging,
) -> Result<Option<Finding>> {
    let (mut hasher, listed) = (Hasher::default(), &wanted.row.member);
    let found = picker.member(row, &mut |_, content, last| {
        hasher.update(content);
        staging.piece(listed, content, last)
    })?;
    let named = Member { path: listed.path.clone(), ..found };
    if named != *listed {
        return Ok(Some(Finding::new(Code::MetadataMismatch, format!("data/{}", listed.path))));
    }
    let read = Row { fingerprint: named.fingerprint(), size: named.size, digests: hasher.finish() };
    Ok(differs(&wanted.row, wanted.signed.unwrap_or_default(), &read))
}

fn conclude(
    restored: &mut Restored,
    wanted: Vec<Wanted>,
    findings: Vec<Finding>,
    staging: &Staging,
) -> Result<()> {
    let (files, bytes) = (units::count(restored.files, "file"), units::size(restored.bytes));
    let detail = format!("{files}, {bytes}, SHA-256 and BLAKE3");
    restored.outcome.conclude("payload", detail, findings);
    if restored.outcome.verdict() != Verdict::Holds {
        return Ok(());
    }
    let others: Vec<_> =
        wanted.into_iter().map(|one| one.row).filter(|row| row.member.kind != FileType::File).collect();
    make_others(staging, &others, &mut restored.outcome)
}

/// Restores from a pack's folder that has its payload: verified first, then copied, and compared once more.
pub fn from_folder(
    request: &Request<'_>,
    path: &Path,
    name: &str,
    staging: Option<&Staging>,
    watch: &Watch,
) -> Result<Restored> {
    let mut restored = Restored::default();
    let (archive_name, bundle) = request.target.receipt()?;
    let receipt = bundle.map(|bundle| receipt::verify(request.trust, &archive_name, Some(&bundle)));
    let receipt = match receipt {
        Some(Err(findings)) => {
            restored.outcome.conclude("receipt", archive_name, findings);
            return Ok(restored);
        }
        Some(Ok(receipt)) => {
            restored.outcome.conclude("receipt", verify::describe(&receipt), Vec::new());
            Some(receipt)
        }
        None => None,
    };
    let mut read = folder::read(path, name, true, request.threads, watch)?;
    let own = if request.shelf.is_none() { Some(request.target.own_shelf()?) } else { None };
    let shelf = request.shelf.or(own.as_ref()).expect("one of both");
    let identities = verify::age_identities(request.identities);
    let chain = &Chain { shelf, trust: request.trust, identities: &identities, threads: request.threads };
    if read.has_payload {
        chain.complete(&mut read.contents, None, &mut restored.outcome, watch)?;
    }
    let payload = if read.has_payload { Presence::Read } else { Presence::Absent };
    let judge =
        Judge { trust: request.trust, receipt: receipt.as_ref(), name, allow_unsigned: false, payload };
    let report = pack::check(&read.contents, &judge)?;
    let kind = report.pack.as_ref().map_or(Kind::Release, |pack| pack.kind);
    if !read.findings.is_empty() {
        restored.outcome.conclude("folder", "names and files that no pack has", read.findings);
    }
    restored.outcome.append(report.outcome);
    restored.pack = report.pack;
    if restored.outcome.verdict() != Verdict::Holds {
        return Ok(restored);
    }
    let wanted = match choose(&read.contents.tags, kind, &Selection::new(request.paths)?)? {
        Ok((wanted, _)) => wanted,
        Err(finding) => {
            restored.outcome.conclude("selection", "nothing can be chosen", vec![finding]);
            return Ok(restored);
        }
    };
    count(&wanted, &mut restored);
    if let Some(staging) = staging {
        let root = Root::open(&path.join("data"))?;
        let is_here = |one: &&Wanted| path.join("data").join(one.row.member.path.as_str()).exists();
        let files = wanted.iter().filter(|one| one.row.member.kind == FileType::File);
        let (here, rest): (Vec<&Wanted>, Vec<&Wanted>) = files.partition(is_here);
        let copied = here.into_iter().filter_map(|one| copy_file(&root, one, staging, watch).transpose());
        let mut findings = copied.collect::<Result<Vec<Finding>>>()?;
        let rest = elsewhere::take(chain, &read.contents.tags, &rest, Some(staging), watch, &mut restored)?;
        let missing = |one: &&Wanted| Finding::new(Code::Missing, format!("data/{}", one.row.member.path));
        findings.extend(rest.iter().map(missing));
        conclude(&mut restored, wanted, findings, staging)?;
    }
    Ok(restored)
}

fn copy_file(root: &Root, wanted: &Wanted, staging: &Staging, watch: &Watch) -> Result<Option<Finding>> {
    watch.check()?;
    let listed = &wanted.row.member;
    let (mut file, _) = root.open_file(listed.path.as_str())?;
    let (mut hasher, mut buffer, mut size) = (Hasher::default(), vec![0; COPY_BYTES], 0);
    loop {
        let count = file.read(&mut buffer).map_err(Error::io("read", root.join(listed.path.as_str())))?;
        hasher.update(&buffer[..count]);
        staging.piece(listed, &buffer[..count], count == 0)?;
        size += count as u64;
        if count == 0 {
            break;
        }
    }
    let read = Row { fingerprint: listed.fingerprint(), size, digests: hasher.finish() };
    Ok(differs(&wanted.row, wanted.signed.unwrap_or_default(), &read))
}
