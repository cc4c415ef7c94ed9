//! The release notes of the tree: their evidence section is written, or checked.

use crate::error::{Error, Result};
use crate::evidence::ddl;
use crate::evidence::hashes::listed_as;
use crate::evidence::notes::{self, Ddl, MARKS, Stated};
use crate::evidence::provenance::ddl_digest;
use crate::evidence::sbom::Format;
use crate::finding::{Outcome, Status};
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::gate::Release;
use crate::policy::gate::evidence::DOCUMENT_BYTES_MAX;
use crate::tree::scan::Scan;
use crate::tree::{git, version};
use crate::verbs::hash::{Request, put};
use crate::verbs::sbom;
use crate::verbs::seal::OUT;
use std::collections::BTreeMap;
use std::io::Read;

/// The notes of this version, as they are, and the section as it should be.
struct Notes {
    path: PackPath,
    text: String,
    section: String,
}

/// Writes the section, where the policy names notes and they have its marks. Gives whether anything was written.
pub fn write(request: &Request<'_>, scan: &Scan, outcome: &mut Outcome, watch: &Watch) -> Result<bool> {
    let Some(notes) = read(request, scan, outcome, watch)? else { return Ok(false) };
    let Some(text) = notes::with_section(&notes.text, &notes.section) else {
        let message = format!("{} has no place for the evidence section", notes.path);
        let hint = format!("write {} and {} into it, each once and on a line of its own", MARKS[0], MARKS[1]);
        return Err(Error::input(message, hint));
    };
    outcome.conclude("notes", notes.path.to_string(), Vec::new());
    if text == notes.text {
        return Ok(false);
    }
    put(request.root, &notes.path, |out| out.write_all(text.as_bytes()))?;
    Ok(true)
}

/// Checks that the section is what it would be.
pub fn check(request: &Request<'_>, scan: &Scan, outcome: &mut Outcome, watch: &Watch) -> Result<()> {
    let Some(notes) = read(request, scan, outcome, watch)? else { return Ok(()) };
    let findings = notes::check(notes.path.as_str(), &notes.text, &notes.section);
    outcome.conclude("notes", notes.path.to_string(), findings);
    Ok(())
}

/// Nothing where the policy names no notes; or where there are none of this version yet, which is said.
fn read(request: &Request<'_>, scan: &Scan, outcome: &mut Outcome, watch: &Watch) -> Result<Option<Notes>> {
    let Some(template) = &request.policy.notes else { return Ok(None) };
    let facts = git::facts(request.root)?;
    let project = version::project_name(request.root, request.policy)?.value;
    let version = version::version(request.root, request.policy, None, facts.as_ref())?.value;
    let path = template.path(&Release::named(&project, &version, request.policy.tag.name(&version)));
    let path = path.map_err(|fault| Error::input(fault.actual.unwrap_or(fault.subject), ""))?;
    let Some(text) = content(&Root::open(request.root)?, &path)? else {
        outcome.skip("notes", Status::Skipped, format!("{path} is not there"));
        return Ok(None);
    };
    let section = section(request, scan, &format!("{project}-{version}"), watch)?;
    Ok(Some(Notes { path, text, section }))
}

fn content(root: &Root, path: &PackPath) -> Result<Option<String>> {
    let file = match root.open_file(path.as_str()) {
        Ok((file, _)) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    let read = file.take(DOCUMENT_BYTES_MAX).read_to_string(&mut text);
    read.map_err(Error::io("read", path.as_str()))?;
    Ok(Some(text))
}

/// The section of this tree.
fn section(request: &Request<'_>, scan: &Scan, name: &str, watch: &Watch) -> Result<String> {
    let Request { root, policy, threads } = *request;
    let mut classes = BTreeMap::new();
    let listed = scan.members.iter().filter(|member| listed_as(member, &policy.hashes).is_some());
    listed.filter_map(|member| member.class).for_each(|class| *classes.entry(class).or_default() += 1);
    let gathered = ddl::gather(&Root::open(root)?, policy, &scan.members, watch)?;
    let ddl: Vec<(String, Sha256)> =
        gathered.read.iter().map(|(path, digest)| (path.to_string(), *digest)).collect();
    let out = root.join(OUT);
    let source_date_epoch = Some(0);
    let format = Format::CycloneDx;
    let of = sbom::Request { root, policy, version: None, out: &out, source_date_epoch, format, threads };
    let described = sbom::sbom(&of, watch)?.sbom;
    Ok(notes::section(&Stated {
        name,
        classes,
        hashes: &policy.hashes,
        ddl: ddl.first().zip(ddl.last()).map(|((first, _), (last, _))| Ddl {
            first,
            last,
            files: ddl.len() as u64,
            list: ddl_digest(&ddl),
        }),
        components: described.components,
        lockfiles: &described.lockfiles,
    }))
}
