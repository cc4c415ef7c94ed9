//! Some files of an incremental archive that earlier ones hold: found through their indexes, and compared with what is signed of
//! them in the incremental one.

use crate::error::{Error, Result};
use crate::evidence::agreement;
use crate::evidence::chain::fetches::{self, Fetch};
use crate::evidence::chain::{Chain, FoundBase};
use crate::evidence::payload::differs;
use crate::finding::{Code, Finding, Status};
use crate::format::digest::Hasher;
use crate::format::units::count;
use crate::pipeline::contents::{Row, Tags};
use crate::pipeline::pick::Picker;
use crate::pipeline::staging::Staging;
use crate::pipeline::unpack::Target;
use crate::pipeline::watch::Watch;
use crate::verbs::restore::Restored;
use crate::verbs::select::{Wanted, find};

/// A wanted file, and where it lies.
struct There<'w> {
    wanted: &'w Wanted,
    fetch: Fetch,
}

/// Takes files, in the order of their paths, out of the archives that hold them; without a folder to put them into, only looks
/// whether the archives are there. Runs the check `bases`. Gives back what no archive is said to hold.
pub(super) fn take<'w>(
    chain: &Chain<'_>,
    tags: &Tags,
    wanted: &[&'w Wanted],
    staging: Option<&Staging>,
    watch: &Watch,
    restored: &mut Restored,
) -> Result<Vec<&'w Wanted>> {
    let (Some(pack), false) = (agreement::read_pack(tags)?.ok(), wanted.is_empty()) else {
        return Ok(wanted.to_vec());
    };
    let (mut rest, mut there) = (Vec::new(), Vec::new());
    let mut left = wanted.iter().copied().peekable();
    let mut findings = fetches::each(tags, &pack.name, &pack.bases, &mut |fetch| {
        while let Some(one) = left.next_if(|one| one.row.member.path < fetch.path) {
            rest.push(one);
        }
        if let Some(wanted) = left.next_if(|one| one.row.member.path == fetch.path) {
            there.push(There { wanted, fetch });
        }
    })?;
    rest.extend(left);
    let (mut archives, files) = (0, there.len());
    for (base, at) in pack.bases.iter().zip(0..) {
        let mut of_base: Vec<There<'_>> = there.extract_if(.., |one| one.fetch.base == at).collect();
        if of_base.is_empty() {
            continue;
        }
        archives += 1;
        // The index is in the order of the paths there.
        of_base.sort_by(|a, b| a.fetch.there.cmp(&b.fetch.there));
        match (chain.find(&pack.project, base)?, staging) {
            (Ok(found), Some(staging)) => {
                findings.extend(copy(chain, &found, &of_base, staging, watch, restored)?);
            }
            (Ok(_), None) => {}
            (Err(found), _) => findings.extend(found),
        }
    }
    if archives == 0 && findings.is_empty() {
        return Ok(rest);
    }
    let detail = format!("{} in {}", count(files as u64, "file"), count(archives, "earlier archive"));
    match staging {
        None if findings.is_empty() => {
            let detail = format!("{detail}, which a dry run does not read");
            restored.outcome.skip("bases", Status::Skipped, detail);
        }
        _ => restored.outcome.conclude("bases", detail, findings),
    }
    Ok(rest)
}

fn copy(
    chain: &Chain<'_>,
    FoundBase { found, .. }: &FoundBase<'_>,
    wanted: &[There<'_>],
    staging: &Staging,
    watch: &Watch,
    restored: &mut Restored,
) -> Result<Vec<Finding>> {
    let identities = found.is_encrypted().then_some(chain.identities);
    let mut findings = Vec::new();
    restored.archive_bytes += found.size;
    let opened = found.parts().and_then(|parts| Picker::of(parts, &found.path, identities));
    let mut picker = match opened {
        Ok(picker) => picker,
        Err(Error::Refused(found)) => return Ok(found),
        Err(Error::Unavailable { message, .. }) => {
            return Ok(vec![Finding::new(Code::NoIdentity, &*found.file_name).actual(message)]);
        }
        Err(error) => return Err(error),
    };
    let mut paths: Vec<&str> = wanted.iter().map(|one| one.fetch.there.as_str()).collect();
    paths.dedup();
    let at = find(&picker, paths.into_iter())?;
    for There { wanted, fetch } in wanted {
        watch.check()?;
        let Some(row) = at.get(fetch.there.as_str()) else {
            let finding = Finding::new(Code::NotInBase, format!("data/{}", fetch.path));
            let expected = format!("its bytes in {}", found.file_name);
            findings.push(finding.expected(expected).actual("they are not there"));
            continue;
        };
        let (mut hasher, listed) = (Hasher::default(), &wanted.row.member);
        let read = picker.member(row, &mut |_, content, last| {
            hasher.update(content);
            staging.piece(listed, content, last)
        });
        let read = match read {
            Ok(read) => read,
            Err(Error::Refused(found)) => {
                findings.extend(found);
                break;
            }
            Err(error) => return Err(error),
        };
        let read = Row { fingerprint: listed.fingerprint(), size: read.size, digests: hasher.finish() };
        findings.extend(differs(&wanted.row, wanted.signed.unwrap_or_default(), &read));
    }
    restored.read_bytes += picker.read_bytes;
    Ok(findings)
}
