//! A backup in which nothing had changed: no archive, a signed leaf that names the one it stands for.

use crate::error::Result;
use crate::finding::Finding;
use crate::format::backup_cache::Held;
use crate::format::digest::Sha256;
use crate::format::event::Event;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::seal::Totals;
use crate::keys::public::PublicKey;
use crate::log::append::{Appended, Record};
use crate::tree::member::{LinkTo, Member as Scanned, MemberKind};
use crate::verbs::backup::payload::Read;
use crate::verbs::backup::previous::Previous;
use crate::verbs::backup::{Done, Run, archive_name, standing};
use jiff::Timestamp;

/// What had not changed.
pub struct Unchanged {
    /// The pack that it stands for.
    pub name: String,
    /// Whose.
    pub project: String,
    /// Its archive's name in the store.
    pub archive: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How much there is, unchanged.
    pub payload: Totals,
    /// When that was found.
    pub at: Timestamp,
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

impl Run<'_> {
    /// Logs that nothing changed; nothing if what it would stand for was pruned meanwhile. What was read to find that out is remembered, so that the next one need not.
    pub(super) fn unchanged(
        mut self,
        previous: &Previous,
        members: &[Scanned],
        read: Option<Read>,
    ) -> Result<Option<Done>> {
        let request = self.request;
        let newest = &previous.header.newest;
        let held = previous.header.archives.iter().find(|held| held.name == *newest);
        let Held { name, sha256, size_bytes, .. } = held.expect("a cache names its newest archive").clone();
        let archive = archive_name(request, &name);
        let event = Event {
            project: self.project.clone(),
            kind: Kind::Backup,
            what: What::Unchanged,
            name: name.clone(),
            passed: true,
            at: self.begun,
        };
        let statement = event.clone().of([(archive.clone(), sha256)]);
        let bundle = request.key.sign_statement(&statement).to_bytes();
        let record = Record::of(What::Unchanged, &name, &event, self.begun, bundle);
        let counted_on: Vec<&str> = previous.header.archives.iter().map(|held| &*held.name).collect();
        let Some(logged) = standing::append(request, record, &counted_on)? else { return Ok(None) };
        if let Some(read) = &read {
            self.remember(Some(previous), None, read, previous.header.listing.clone())?;
        }
        let members = read.as_ref().map_or(members, |read| &read.scanned);
        Ok(Some(Done::Unchanged(Box::new(Unchanged {
            name,
            project: self.project,
            archive,
            sha256,
            size_bytes,
            payload: total(members),
            at: self.begun,
            signer: request.key.public(),
            recipients: request.recipients.len(),
            logged,
            unmatched: self.unmatched,
            warnings: self.warnings,
        }))))
    }
}

/// Files, and links to files, as a manifest counts them.
fn total(members: &[Scanned]) -> Totals {
    let mut totals = Totals::default();
    for member in members {
        match &member.kind {
            MemberKind::File => totals.add(member.size),
            MemberKind::Link(link) => {
                if let LinkTo::File(target) = &link.to {
                    let found = members.binary_search_by(|other| other.path.cmp(target));
                    totals.add(found.ok().and_then(|at| members.get(at)).map_or(0, |target| target.size));
                }
            }
            MemberKind::Dir => {}
        }
    }
    totals
}
