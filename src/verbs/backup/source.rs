//! What goes into a backup: the files of the tree that the policy takes, and what was captured, in the order of the paths.

use crate::error::{Error, Result};
use crate::evidence::compose::{Identity, backup_member};
use crate::finding::{Code, Finding, Severity};
use crate::format::capture::Captured;
use crate::format::kind::Kind;
use crate::format::member::Member;
use crate::format::path::PackPath;
use crate::keys::sniff::Secrets;
use crate::pipeline::contents::MEMBERS_MAX;
use crate::pipeline::feed::Plan;
use crate::pipeline::pack::ArchiveWriter;
use crate::pipeline::scratch::Scratch;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::capture::Capture;
use crate::policy::rules;
use crate::tree::capture::{self, Place, Stream, Taken};
use crate::tree::member::{Member as Scanned, MemberKind};
use crate::tree::scan::{Scan, ScanOptions, scan};
use crate::verbs::backup::Request;
use crate::verbs::backup::payload::Read;
use std::path::{Path, PathBuf};

/// Where captures lie in the payload.
const CAPTURES: &str = "captures";

/// Side files of SQLite and DuckDB, which are part of what is captured.
const SIDE_FILES: [&str; 4] = ["-wal", "-shm", "-journal", ".wal"];

/// The policy that takes everything of the folder of captures.
const EVERYTHING: &str = "schema = 1\n[[include]]\nclass = \"data\"\npaths = [\"captures/**\"]\n";

/// What goes into a backup.
pub(super) struct Source {
    tree: Scan,
    /// What lies in the scratch folder.
    files: Scan,
    /// What is worth saying of both.
    findings: Vec<Finding>,
    captured: Vec<Captured>,
    captures: PathBuf,
}

/// A stretch of the payload.
enum Stretch<'s> {
    /// Members of one folder, in order.
    Files { folder: &'s Path, members: Vec<&'s Scanned> },
    /// A capture that is read as it is made.
    Stream(&'s Capture),
}

/// Something in the order of the paths.
enum One<'s> {
    Member(&'s Path, &'s Scanned),
    Stream(&'s Capture),
}

impl Source {
    /// Takes the captures that are files, and scans.
    pub(super) fn gather(request: &Request<'_>, scratch: &Scratch, watch: &Watch) -> Result<Source> {
        let captures = scratch.make("payload")?;
        let mut captured = Vec::new();
        for one in &request.policy.captures {
            let folder = scratch.make(&format!("payload/{CAPTURES}/{}", one.id))?;
            if !one.source.is_stream()
                && let Taken::Files(facts) = take(request, one, &folder, watch)?
            {
                captured.push(facts);
            }
        }
        let tree = look(request.root, request.policy, &excluded(request), watch)?;
        if let (false, Some(member)) =
            (request.policy.captures.is_empty(), tree.members.iter().find(is_in_the_way))
        {
            let message =
                format!("{}: captured databases go to {CAPTURES}/, which the tree has too", member.path);
            return Err(Error::input(
                message,
                format!("exclude = [\"{CAPTURES}/**\"], or rename the folder"),
            ));
        }
        let files = if request.policy.captures.is_empty() {
            Scan::default()
        } else {
            let everything = Policy::parse(rules::Source::Builtin(CAPTURES), EVERYTHING)?;
            look(&captures, &everything, &[], watch)?
        };
        let findings = judge(&tree, &files, &request.policy.captures)?;
        if let Some(empty) = captured.iter().find(|facts| !has_files(&files, &facts.id)) {
            return Err(nothing(&empty.id));
        }
        if tree.members.len() + files.members.len() > MEMBERS_MAX {
            return Err(Error::input(
                format!("there are more members than one pack holds ({MEMBERS_MAX})"),
                "back the tree up in parts, with a policy each",
            ));
        }
        watch.expect_bytes(tree.total().bytes + files.total().bytes);
        Ok(Source { tree, files, findings, captured, captures })
    }

    /// Reads everything into the archive.
    pub(super) fn write(
        self,
        request: &Request<'_>,
        identity: &Identity,
        secrets: &Secrets,
        archive: &mut ArchiveWriter,
        watch: &Watch,
    ) -> Result<Read> {
        let prefix = format!("{}/data/", identity.name);
        let mut read = Read::new(&prefix);
        read.captured.clone_from(&self.captured);
        for stretch in self.stretches(request) {
            match stretch {
                Stretch::Files { folder, members } => files(archive, &mut read, folder, &members, secrets)?,
                Stretch::Stream(one) => {
                    let folder = self.captures.join(CAPTURES).join(&one.id);
                    if let Taken::Stream(stream) = take(request, one, &folder, watch)? {
                        drain(archive, &mut read, one, stream, identity.source_date_epoch, watch)?;
                    }
                }
            }
        }
        let order = |facts: &Captured| request.policy.captures.iter().position(|one| one.id == facts.id);
        read.captured.sort_by_key(order);
        read.unmatched = self.tree.unmatched;
        read.warnings = self.findings;
        Ok(read)
    }

    /// Everything in the order of the paths, cut where it comes from elsewhere.
    fn stretches<'s>(&'s self, request: &'s Request<'_>) -> Vec<Stretch<'s>> {
        let mut all: Vec<(String, One<'s>)> = Vec::new();
        for (folder, scan) in [(request.root, &self.tree), (&*self.captures, &self.files)] {
            let member = |member: &'s Scanned| (member.path.to_string(), One::Member(folder, member));
            all.extend(scan.members.iter().map(member));
        }
        let streams = request.policy.captures.iter().filter(|one| one.source.is_stream());
        all.extend(streams.map(|one| (format!("{CAPTURES}/{}/part-", one.id), One::Stream(one))));
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let mut stretches: Vec<Stretch<'s>> = Vec::new();
        for (_, one) in all {
            match (one, stretches.last_mut()) {
                (One::Stream(capture), _) => stretches.push(Stretch::Stream(capture)),
                (One::Member(from, member), Some(Stretch::Files { folder, members })) if *folder == from => {
                    members.push(member);
                }
                (One::Member(folder, member), _) => {
                    stretches.push(Stretch::Files { folder, members: vec![member] });
                }
            }
        }
        stretches
    }
}

fn take(request: &Request<'_>, one: &Capture, folder: &Path, watch: &Watch) -> Result<Taken> {
    let Some(environment) = request.environment else {
        let message = "captures start programs and open databases only for a policy that was named";
        return Err(Error::usage(message, "name it: --policy attestar.toml"));
    };
    let place = Place { root: request.root, folder, environment };
    capture::take(one, place, watch).map_err(failed(one))
}

/// Which capture it was.
fn failed(one: &Capture) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Interrupted => error,
        error => {
            let hint = error.hint().to_owned();
            Error::input(format!("the capture `{}` failed: {error}", one.id), hint)
        }
    }
}

/// What is captured is not copied as a file too.
fn excluded(request: &Request<'_>) -> Vec<PathBuf> {
    let mut excluded = request.excluded.to_vec();
    excluded.push(request.scratch.to_owned());
    for path in request.policy.captures.iter().filter_map(|one| one.source.path()) {
        let path = request.root.join(path.as_str());
        let beside = |suffix: &&str| {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        excluded.extend(SIDE_FILES.iter().map(beside));
        excluded.push(path);
    }
    excluded
}

/// What was found in both places; errors refuse the backup. A tree in which no rule takes anything is said beside captures,
/// and refused without them.
fn judge(tree: &Scan, files: &Scan, captures: &[Capture]) -> Result<Vec<Finding>> {
    let is_nothing = |finding: &Finding| finding.code == Code::NothingSelected;
    let weigh = |finding: &Finding| match is_nothing(finding) && !captures.is_empty() {
        true => Finding { severity: Severity::Warning, ..finding.clone() },
        false => finding.clone(),
    };
    let captured = files.findings.iter().filter(|finding| !is_nothing(finding)).cloned();
    let findings: Vec<Finding> = tree.findings.iter().map(weigh).chain(captured).collect();
    let (errors, rest): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    if errors.is_empty() { Ok(rest) } else { Err(Error::Refused(errors)) }
}

/// Whether a capture has left any file.
fn has_files(files: &Scan, id: &str) -> bool {
    let folder = format!("{CAPTURES}/{id}/");
    let mut members = files.members.iter();
    members.any(|member| {
        member.kind == MemberKind::File && member.size > 0 && member.path.as_str().starts_with(&folder)
    })
}

/// A copy of nothing is none, however well it ended.
fn nothing(id: &str) -> Error {
    Error::input(
        format!("the capture `{id}` failed: it gave nothing"),
        "run it by hand and look at what it prints",
    )
}

fn is_in_the_way(member: &&Scanned) -> bool {
    member.path.as_str().split('/').next() == Some(CAPTURES)
}

fn look(root: &Path, policy: &Policy, excluded: &[PathBuf], watch: &Watch) -> Result<Scan> {
    let progress = |_| watch.check();
    scan(root, policy, &ScanOptions { kind: Kind::Backup, excluded, progress: &progress })
}

fn files(
    archive: &mut ArchiveWriter,
    read: &mut Read,
    folder: &Path,
    members: &[&Scanned],
    secrets: &Secrets,
) -> Result<()> {
    let root = Root::open(folder)?;
    let all: Vec<Member> = members.iter().map(|member| backup_member(member)).collect();
    let is_archived = |at: &usize| members.get(*at).is_some_and(|member| member.is_archived());
    let archived: Vec<usize> = (0..all.len()).filter(is_archived).collect();
    let to_pack: Vec<Member> = archived.iter().filter_map(|&at| all.get(at).cloned()).collect();
    let inspect = |path: &PackPath, content: &[u8]| secrets.finding(path, content);
    let prefix = read.prefix().to_owned();
    let plan = Plan { root: &root, members: &to_pack, prefix: &prefix, inspect: &inspect, copy: None };
    let mut made = archive.payload(plan)?.into_iter();
    for ((at, scanned), member) in members.iter().enumerate().zip(all) {
        let one = if archived.binary_search(&at).is_ok() {
            made.next().unwrap_or_default()
        } else {
            Default::default()
        };
        read.push((*scanned).clone(), member, one);
    }
    Ok(())
}

/// Reads a stream into parts, and notes what it was when it has ended well.
fn drain(
    archive: &mut ArchiveWriter,
    read: &mut Read,
    one: &Capture,
    mut stream: Stream,
    time_s: i64,
    watch: &Watch,
) -> Result<()> {
    let bytes = read.parts(archive, &format!("{CAPTURES}/{}", one.id), &mut stream, time_s, watch)?;
    // Why nothing came, its own end says best.
    read.captured.push(stream.finish().map_err(failed(one))?);
    if bytes == 0 { Err(nothing(&one.id)) } else { Ok(()) }
}
