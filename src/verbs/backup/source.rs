//! What goes into a backup: the files of the tree that the policy takes, and what was captured, in the order of the paths.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Severity};
use crate::format::capture::Captured;
use crate::format::kind::Kind;
use crate::pipeline::contents::MEMBERS_MAX;
use crate::pipeline::scratch::Scratch;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::backup::OnBadName;
use crate::policy::capture::Capture;
use crate::policy::rules;
use crate::tree::capture::{self, Place, Taken};
use crate::tree::member::{Member as Scanned, MemberKind};
use crate::tree::scan::{Scan, ScanOptions, scan};
use crate::verbs::backup::Request;
use std::path::{Path, PathBuf};

/// Where captures lie in the payload.
pub(super) const CAPTURES: &str = "captures";

/// The policy that takes everything of the folder of captures.
const EVERYTHING: &str = "schema = 1\n[[include]]\nclass = \"data\"\npaths = [\"captures/**\"]\n";

/// What goes into a backup.
pub(super) struct Source {
    /// Everything but what streams bring, in order.
    pub(super) members: Vec<Scanned>,
    /// Which of the members were captured: they lie in the folder of captures, not in the tree.
    pub(super) captured: Vec<bool>,
    /// Files and links that no rule takes.
    pub(super) unmatched: Vec<Box<str>>,
    /// What is worth saying.
    pub(super) findings: Vec<Finding>,
    /// What was recorded of the captures that are files.
    pub(super) facts: Vec<Captured>,
    /// The folder in the scratch folder that captures lie in as in the payload.
    pub(super) captures: PathBuf,
}

/// A stretch of the payload.
pub(super) enum Stretch<'r> {
    /// These members lie in the tree.
    Tree(std::ops::Range<usize>),
    /// These lie in the folder of captures.
    Captured(std::ops::Range<usize>),
    /// A capture that is read as it is made.
    Stream(&'r Capture),
}

impl Source {
    /// Takes the captures that are files, and scans.
    pub(super) fn gather(request: &Request<'_>, scratch: &Scratch, watch: &Watch) -> Result<Source> {
        let captures = scratch.make("payload")?;
        let mut facts = Vec::new();
        for one in &request.policy.captures {
            let folder = scratch.make(&format!("payload/{CAPTURES}/{}", one.id))?;
            if !one.source.is_stream()
                && let Taken::Files(taken) = take(request, one, &folder, watch)?
            {
                facts.push(taken);
            }
        }
        let tree = look(request.root, request.policy, &excluded(request), watch)?;
        let has_captures = !request.policy.captures.is_empty();
        if let (true, Some(member)) = (has_captures, tree.members.iter().find(|one| is_capture(one))) {
            let message =
                format!("{}: captured databases go to {CAPTURES}/, which the tree has too", member.path);
            let hint = format!("exclude = [\"{CAPTURES}/**\"], or rename the folder");
            return Err(Error::input(message, hint));
        }
        let files = match has_captures {
            false => Scan::default(),
            true => {
                let everything = Policy::parse(rules::Source::Builtin(CAPTURES), EVERYTHING)?;
                look(&captures, &everything, &[], watch)?
            }
        };
        let findings = judge(&tree, &files, request.policy)?;
        if let Some(empty) = facts.iter().find(|facts| !has_files(&files, &facts.id)) {
            return Err(nothing(&empty.id));
        }
        watch.expect_bytes(tree.total().bytes + files.total().bytes);
        let unmatched = tree.unmatched;
        let (members, captured) = merge(tree.members, files.members)?;
        Ok(Source { members, captured, unmatched, findings, facts, captures })
    }

    /// Whether a member was captured, not found in the tree.
    pub(super) fn is_captured(&self, at: usize) -> bool {
        self.captured.get(at).copied().unwrap_or_default()
    }

    /// Everything in the order of the paths, cut where it comes from elsewhere.
    pub(super) fn stretches<'r>(&self, request: &'r Request<'_>) -> Vec<Stretch<'r>> {
        let mut streams: Vec<(String, &Capture)> =
            streams(request).map(|one| (format!("{CAPTURES}/{}/part-", one.id), one)).collect();
        streams.sort_by(|a, b| a.0.cmp(&b.0));
        let mut streams = streams.into_iter().peekable();
        let (mut stretches, mut start) = (Vec::new(), 0);
        let cut = |from: usize, to: usize| match self.is_captured(from) {
            true => Stretch::Captured(from..to),
            false => Stretch::Tree(from..to),
        };
        for (at, member) in self.members.iter().enumerate() {
            let is_other = at > start && self.is_captured(at) != self.is_captured(start);
            let comes_first = streams.peek().is_some_and(|(path, _)| path.as_str() < member.path.as_str());
            if (is_other || comes_first) && at > start {
                stretches.push(cut(start, at));
                start = at;
            }
            while let Some((_, one)) = streams.next_if(|(path, _)| path.as_str() < member.path.as_str()) {
                stretches.push(Stretch::Stream(one));
            }
        }
        if start < self.members.len() {
            stretches.push(cut(start, self.members.len()));
        }
        stretches.extend(streams.map(|(_, one)| Stretch::Stream(one)));
        stretches
    }
}

/// The captures that are read as they are made.
pub(super) fn streams<'r>(request: &'r Request<'_>) -> impl Iterator<Item = &'r Capture> {
    request.policy.captures.iter().filter(|one| one.source.is_stream())
}

/// Both in one order, and of each where it is from.
fn merge(tree: Vec<Scanned>, files: Vec<Scanned>) -> Result<(Vec<Scanned>, Vec<bool>)> {
    let count = tree.len() + files.len();
    if count > MEMBERS_MAX {
        return Err(Error::input(
            format!("there are more members than one pack holds ({MEMBERS_MAX})"),
            "back the tree up in parts, with a policy each",
        ));
    }
    if files.is_empty() {
        return Ok((tree, vec![false; count]));
    }
    let mut all: Vec<(Scanned, bool)> = Vec::with_capacity(count);
    all.extend(tree.into_iter().map(|member| (member, false)));
    all.extend(files.into_iter().map(|member| (member, true)));
    all.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    Ok(all.into_iter().unzip())
}

/// Begins a capture.
pub(super) fn take(request: &Request<'_>, one: &Capture, folder: &Path, watch: &Watch) -> Result<Taken> {
    let Some(environment) = request.environment else {
        let message = "captures start programs and open databases only for a policy that was named";
        return Err(Error::usage(message, "name it: --policy attestar.toml"));
    };
    let place = Place { root: request.root, folder, environment };
    capture::take(one, place, watch).map_err(failed(one))
}

/// Which capture it was, and why, in one line: tools of databases say it in several.
pub(super) fn failed(one: &Capture) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Interrupted => error,
        error => {
            let hint = match &error {
                Error::Late(_) => "look at what it waits for, or raise `time_limit` of the capture",
                error => error.hint(),
            };
            let hint = hint.to_owned();
            let why = error.with_causes();
            let why: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            Error::input(format!("the capture `{}` failed: {}", one.id, why.join("; ")), hint)
        }
    }
}

/// What is captured is not copied as a file too.
fn excluded(request: &Request<'_>) -> Vec<PathBuf> {
    let mut excluded = request.excluded.to_vec();
    excluded.push(request.scratch.to_owned());
    excluded.extend(request.cache.map(Path::to_owned));
    let captured = request.policy.captures.iter().filter_map(|one| one.source.path());
    // A link to a database: what else is part of it lies beside where that is.
    let captured = captured.map(|path| request.root.join(path.as_str()));
    let captured = captured.flat_map(|path| [path.canonicalize().ok(), Some(path)]).flatten();
    excluded.extend(captured.flat_map(capture::parts));
    excluded
}

/// What was found in both places; errors refuse the backup. A tree in which no rule takes anything is said beside captures,
/// and refused without them; a name that no pack can hold is said where the policy leaves it out, and refused where it does not.
fn judge(tree: &Scan, files: &Scan, policy: &Policy) -> Result<Vec<Finding>> {
    let is_nothing = |finding: &Finding| finding.code == Code::NothingSelected;
    let skips = policy.backup.on_bad_name == OnBadName::Skip;
    let is_admitted = |finding: &Finding| match finding.code {
        Code::NothingSelected => !policy.captures.is_empty(),
        Code::NameRefused => skips,
        _ => false,
    };
    let weigh = |finding: &Finding| match is_admitted(finding) {
        true => Finding { severity: Severity::Warning, ..finding.clone() },
        false => finding.clone(),
    };
    let captured = files.findings.iter().filter(|finding| !is_nothing(finding)).map(weigh);
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
pub(super) fn nothing(id: &str) -> Error {
    Error::input(
        format!("the capture `{id}` failed: it gave nothing"),
        "run it by hand and look at what it prints",
    )
}

/// Whether something lies where captures do.
fn is_capture(member: &Scanned) -> bool {
    member.path.as_str().split('/').next() == Some(CAPTURES)
}

fn look(root: &Path, policy: &Policy, excluded: &[PathBuf], watch: &Watch) -> Result<Scan> {
    let progress = |_| watch.check();
    scan(root, policy, &ScanOptions { kind: Kind::Backup, excluded, progress: &progress })
}
