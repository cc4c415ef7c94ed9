//! Reads the payload of a backup into its archive, but for what earlier archives hold.

use crate::error::{Error, Result};
use crate::evidence::compose::{Identity, Payload, Shape, backup_member};
use crate::evidence::elsewhere::Elsewhere;
use crate::format::capture::{Captured, part_name};
use crate::format::class::Class;
use crate::format::digest::Digests;
use crate::format::member::Member;
use crate::format::path::PackPath;
use crate::keys::sniff::Secrets;
use crate::pipeline::feed::Plan;
use crate::pipeline::pack::{self, ArchiveWriter};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::backup::OnChange;
use crate::policy::capture::Capture;
use crate::tree::capture::{Stream, Taken};
use crate::tree::member::{Member as Scanned, MemberKind, Stamp};
use crate::verbs::backup::Request;
use crate::verbs::backup::compare::Known;
use crate::verbs::backup::listing::Listing;
use crate::verbs::backup::source::{CAPTURES, Source, Stretch, failed, nothing, take};
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

/// The size of a part of a stream, in bytes; the last one is shorter. A part is held until its size is known.
const PART_BYTES: usize = 64 << 20;

/// The payload as it was read, with what streams brought.
pub(super) struct Read {
    /// Every member, in order.
    pub(super) scanned: Vec<Scanned>,
    /// Which of them were captured.
    pub(super) captured: Vec<bool>,
    /// What was read of each, or known before.
    pub(super) read: Vec<pack::Read>,
    /// Which earlier archives hold what.
    pub(super) elsewhere: Elsewhere,
    /// What was recorded of the captures, in the order of the policy.
    pub(super) facts: Vec<Captured>,
}

impl Read {
    fn push(&mut self, scanned: Scanned, captured: bool, read: pack::Read) {
        self.scanned.push(scanned);
        self.captured.push(captured);
        self.read.push(read);
    }

    /// The digest over everything that the lists will say of it.
    pub(super) fn listing(&self) -> String {
        let mut listing = Listing::default();
        for ((scanned, read), captured) in self.scanned.iter().zip(&self.read).zip(&self.captured) {
            listing.push(scanned, read, *captured);
        }
        listing.finish()
    }

    /// Whether earlier archives hold every file.
    pub(super) fn is_all_elsewhere(&self) -> bool {
        let files = self.scanned.iter().enumerate().filter(|(_, member)| member.kind == MemberKind::File);
        files.into_iter().all(|(at, _)| self.elsewhere.of(at).is_some())
    }

    /// The payload, to be listed.
    pub(super) fn payload(&self) -> Payload<'_> {
        let (scanned, read) = (&*self.scanned, &*self.read);
        Payload { scanned, shape: Shape::Backup, read, elsewhere: Some(&self.elsewhere) }
    }
}

/// Who writes it.
pub(super) struct Writing<'w, 'r> {
    pub(super) request: &'r Request<'r>,
    pub(super) identity: &'w Identity,
    pub(super) secrets: &'w Secrets,
    pub(super) watch: &'w Watch,
}

impl Writing<'_, '_> {
    /// Reads everything that is not known, and puts it into the archive.
    pub(super) fn write(
        &self,
        source: Source,
        known: Known,
        archive: &mut ArchiveWriter<'_>,
    ) -> Result<Read> {
        let prefix = format!("{}/data/", self.identity.name);
        let Known { mut read, elsewhere, parts } = known;
        read.resize(source.members.len(), pack::Read::default());
        let mut streamed: Vec<(usize, Streamed)> = Vec::new();
        let mut facts = source.facts.clone();
        for stretch in source.stretches(self.request) {
            let (folder, range) = match stretch {
                Stretch::Tree(range) => (self.request.root, range),
                Stretch::Captured(range) => (&*source.captures, range),
                Stretch::Stream(one) => {
                    let folder = source.captures.join(CAPTURES).join(&one.id);
                    if let Taken::Stream(stream) = take(self.request, one, &folder, self.watch)? {
                        let mut parts = Parts { archive, prefix: &prefix, known: &parts, made: Vec::new() };
                        facts.push(self.drain(&mut parts, one, stream)?);
                        let before = |member: &Scanned| {
                            member.path.as_str() < &*format!("{CAPTURES}/{}/part-", one.id)
                        };
                        let at = source.members.partition_point(before);
                        streamed.extend(parts.made.into_iter().map(|part| (at, part)));
                    }
                    continue;
                }
            };
            self.files(&source, folder, range, &elsewhere, (&prefix, &mut *archive), &mut read)?;
        }
        let order = |facts: &Captured| self.request.policy.captures.iter().position(|one| one.id == facts.id);
        facts.sort_by_key(order);
        Ok(joined(source, read, elsewhere, streamed, facts))
    }

    /// The members of one folder that no earlier archive holds.
    fn files(
        &self,
        source: &Source,
        folder: &Path,
        range: Range<usize>,
        elsewhere: &Elsewhere,
        (prefix, archive): (&str, &mut ArchiveWriter<'_>),
        read: &mut [pack::Read],
    ) -> Result<()> {
        let root = Root::open(folder)?;
        let is_here = |at: &usize| {
            source.members.get(*at).is_some_and(Scanned::is_archived) && elsewhere.of(*at).is_none()
        };
        let here: Vec<usize> = range.filter(is_here).collect();
        let members: Vec<Member> =
            here.iter().filter_map(|&at| source.members.get(at)).map(backup_member).collect();
        let inspect = |path: &PackPath, content: &[u8]| self.secrets.finding(path, content);
        let keep_torn = self.request.policy.backup.on_change == OnChange::Warn;
        let plan = Plan { root: &root, members: &members, prefix, inspect: &inspect, copy: None, keep_torn };
        let made = archive.payload(plan)?;
        for (at, made) in here.into_iter().zip(made) {
            if let Some(read) = read.get_mut(at) {
                *read = made;
            }
        }
        Ok(())
    }

    /// Reads a stream into parts, and notes what it was when it has ended well.
    fn drain(&self, parts: &mut Parts<'_, '_>, one: &Capture, mut stream: Stream) -> Result<Captured> {
        let folder = format!("{CAPTURES}/{}", one.id);
        let read = |error: io::Error| Error::input(error.to_string(), "");
        let broken = |error: io::Error| failed(one)(error.downcast::<Error>().unwrap_or_else(read));
        let bytes =
            parts.take(&folder, (&mut stream, &broken), self.identity.source_date_epoch, self.watch)?;
        // Why nothing came, its own end says best.
        let facts = stream.finish().map_err(failed(one))?;
        if bytes == 0 { Err(nothing(&one.id)) } else { Ok(facts) }
    }
}

/// A part of a stream.
struct Streamed {
    scanned: Scanned,
    read: pack::Read,
    /// Which archive holds it, and under which path if not its own.
    there: Option<(u32, Option<Box<str>>)>,
}

/// What earlier archives hold of streams.
pub(super) type KnownParts = std::collections::HashMap<Digests, (u32, Box<str>)>;

/// The parts of one stream.
struct Parts<'p, 's> {
    archive: &'p mut ArchiveWriter<'s>,
    prefix: &'p str,
    known: &'p KnownParts,
    made: Vec<Streamed>,
}

impl Parts<'_, '_> {
    /// Puts a stream into the archive as `FOLDER/part-00001`, …; gives how many bytes it had.
    fn take(
        &mut self,
        folder: &str,
        (stream, broken): (&mut dyn io::Read, &dyn Fn(io::Error) -> Error),
        time_s: i64,
        watch: &Watch,
    ) -> Result<u64> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        for number in 1.. {
            part.clear();
            let failed = |error: io::Error| match watch.check() {
                Err(interrupted) => interrupted,
                Ok(()) => broken(error),
            };
            stream.take(PART_BYTES as u64).read_to_end(&mut part).map_err(failed)?;
            if part.is_empty() {
                break;
            }
            self.part(&format!("{folder}/{}", part_name(number)), &part, time_s)?;
            bytes += part.len() as u64;
            watch.advance(1, part.len() as u64);
            if part.len() < PART_BYTES {
                break;
            }
        }
        Ok(bytes)
    }

    fn part(&mut self, path: &str, bytes: &[u8], time_s: i64) -> Result<()> {
        let path =
            PackPath::new(path.as_bytes()).map_err(|fault| Error::input(format!("{path}: {fault}"), ""))?;
        let scanned = Scanned {
            path,
            kind: MemberKind::File,
            class: Some(Class::Data),
            size: bytes.len() as u64,
            mode: 0o600,
            mtime_s: time_s,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
            stamp: Stamp::default(),
        };
        let read = pack::Read { size: bytes.len() as u64, digests: Digests::of(bytes), torn: false };
        let there = self
            .known
            .get(&read.digests)
            .map(|(archive, place)| (*archive, (**place != *scanned.path.as_str()).then(|| place.clone())));
        if there.is_none() {
            let member = backup_member(&scanned);
            self.archive.file(&Member { path: member.path.under(self.prefix), ..member }, &mut &*bytes)?;
        }
        self.made.push(Streamed { scanned, read, there });
        Ok(())
    }
}

/// Puts the parts of streams where they belong in the order.
fn joined(
    source: Source,
    read: Vec<pack::Read>,
    elsewhere: Elsewhere,
    mut streamed: Vec<(usize, Streamed)>,
    facts: Vec<Captured>,
) -> Read {
    let Source { members, captured, .. } = source;
    if streamed.is_empty() {
        return Read { scanned: members, captured, read, elsewhere, facts };
    }
    streamed.sort_by_key(|(at, _)| *at);
    let mut streamed = streamed.into_iter().peekable();
    let archives = elsewhere.archives.clone();
    let count = members.len();
    let mut all = Read {
        scanned: Vec::with_capacity(count),
        captured: Vec::with_capacity(count),
        read: Vec::with_capacity(count),
        elsewhere: Elsewhere::new(archives, 0),
        facts,
    };
    let mut rows = members.into_iter().zip(captured).zip(read);
    for at in 0..=count {
        while let Some((_, part)) = streamed.next_if(|(before, _)| *before == at) {
            all.elsewhere.push(part.there.as_ref().map(|(archive, moved)| (*archive, moved.as_deref())));
            all.push(part.scanned, true, part.read);
        }
        if let Some(((member, captured), read)) = rows.next() {
            all.elsewhere.push(elsewhere.of(at));
            all.push(member, captured, read);
        }
    }
    all
}
