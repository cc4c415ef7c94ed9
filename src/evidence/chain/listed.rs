//! A pack's files that other archives hold, compared with what those list. Whoever reads every archive of a store anyway need
//! not read the bases once more for each one that refers to them: that their bytes are what they list is found when it is their
//! turn.

use crate::error::{Error, Result};
use crate::evidence::agreement;
use crate::evidence::chain::fetches;
use crate::evidence::chain::{Chain, FoundBase, here, not_there};
use crate::evidence::closure;
use crate::evidence::payload::{FETCH, Fault, Lists};
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::{Digests, Sha256};
use crate::format::kind::Kind;
use crate::format::units::count;
use crate::pipeline::contents::{Contents, Row, Tags};
use crate::pipeline::pick::{self, Picker};
use crate::pipeline::watch::Watch;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The files that an archive holds itself, in the order of their paths' identities.
type Rows = Arc<[Row]>;

/// Those, or what is wrong with its lists.
type Listed = std::result::Result<Rows, Vec<Finding>>;

/// How many rows are kept of all bases together: some 50 MiB. What is beyond that is read again where it is needed.
const ROWS_MAX: usize = 500_000;

/// What bases list, kept for a run that asks of many packs: those of one week all refer to the same few.
#[derive(Default)]
pub struct Known {
    by_archive: Mutex<HashMap<Sha256, Rows>>,
}

impl Known {
    fn get(&self, archive: &Sha256) -> Option<Rows> {
        self.by_archive.lock().unwrap_or_else(PoisonError::into_inner).get(archive).cloned()
    }

    /// Whoever asked first paid for it; two who ask at once both do.
    fn keep(&self, archive: Sha256, listed: &Rows) {
        let mut all = self.by_archive.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&archive)
            && all.values().map(|rows| rows.len()).sum::<usize>() + listed.len() <= ROWS_MAX
        {
            all.insert(archive, listed.clone());
        }
    }
}

impl Chain<'_> {
    /// Fills in, for each file of a pack that another archive holds, what that one lists of it. Runs the check `bases`, unless
    /// there are none. A base that is not there, whose lists are not those that its receipt stands for, or that does not hold
    /// the file itself is a finding.
    pub fn compare(
        &self,
        contents: &mut Contents,
        known: &Known,
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
            let listed = match self.find(&pack.project, base)? {
                // What stands under the digest that was signed is the same whoever asks.
                Ok(found) => match known.get(&base.sha256) {
                    Some(listed) => Ok(listed),
                    None => self.listed(&found, watch)?,
                },
                Err(found) => Err(found),
            };
            match listed {
                Ok(listed) => {
                    for file in fetches.files.iter_mut().filter(|file| file.base == at) {
                        let at = listed.binary_search_by_key(&file.there, |row| row.fingerprint.identity);
                        file.read = at.ok().map(|at| listed[at]);
                    }
                    known.keep(base.sha256, &listed);
                    findings.extend(not_there((contents, &here), &pack, at, &fetches)?);
                }
                Err(found) => findings.extend(found),
            }
        }
        contents.fetched = fetches.files;
        let files = count(contents.fetched.len() as u64, "file");
        let archives = count(pack.bases.len() as u64, "earlier archive");
        outcome.conclude("bases", format!("{files} in {archives}, by their lists"), findings);
        Ok(())
    }

    /// What one base lists. Nothing but its tag files is read.
    fn listed(&self, base: &FoundBase<'_>, watch: &Watch) -> Result<Listed> {
        let name = &*base.found.file_name;
        let identities = base.found.is_encrypted().then_some(self.identities);
        let opened = Picker::of(base.found.parts()?, &base.found.path, identities);
        let tags = match opened.and_then(|picker| pick::tags(picker, watch)) {
            Ok(contents) => contents.tags,
            Err(Error::Refused(findings)) => return Ok(Err(findings)),
            Err(Error::Unavailable { message, .. }) => {
                return Ok(Err(vec![Finding::new(Code::NoIdentity, name).actual(message)]));
            }
            Err(error) => return Err(error),
        };
        let said = base.receipt.predicate();
        let closure = closure::check(&tags, None)?;
        if closure.tag_manifest != Some(said.tagmanifest_sha256) || !closure.findings.is_empty() {
            let finding =
                Finding::new(Code::BaseAltered, name).expected("the lists that its receipt stands for");
            return Ok(Err(vec![finding.actual("others")]));
        }
        let elsewhere = fetches::read(&tags, &said.name, &said.bases)?.files;
        let elsewhere: HashSet<[u8; 16]> = elsewhere.iter().map(|file| file.identity).collect();
        rows(&tags, said.kind, &elsewhere)
    }
}

/// What a base lists and holds itself.
fn rows(tags: &Tags, kind: Kind, elsewhere: &HashSet<[u8; 16]>) -> Result<Listed> {
    let mut lists = match Lists::open(tags, kind) {
        Ok(lists) => lists,
        Err(finding) => return Ok(Err(vec![finding])),
    };
    let mut rows = Vec::new();
    loop {
        let (row, line) = match lists.next_member() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            Err(Fault::Finding(finding)) => return Ok(Err(vec![*finding])),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        };
        let fingerprint = row.member.fingerprint();
        let (Some(line), Some(blake3)) = (line, row.blake3) else { continue };
        if !elsewhere.contains(&fingerprint.identity) {
            let digests = Digests { sha256: Sha256(line.digest), blake3 };
            rows.push(Row { fingerprint, size: row.member.size, digests });
        }
    }
    rows.sort_unstable_by_key(|row| row.fingerprint.identity);
    Ok(Ok(rows.into()))
}
