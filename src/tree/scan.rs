//! The scan: which files, folders and links of the tree the policy takes. Nothing is opened or followed.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Severity};
use crate::format::class::Class;
use crate::format::kind::Kind;
use crate::policy::Policy;
use crate::tree::links;
use crate::tree::member::{LinkTo, Member, MemberKind};
use crate::tree::names;
use crate::tree::walk::{self, Walk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How to scan.
pub struct ScanOptions<'a> {
    /// A release takes `policy.release_classes`; a backup takes every class.
    pub kind: Kind,
    /// Files and folders that are never payload, such as the output folder. They need not exist; the root itself
    /// is ignored here.
    pub excluded: &'a [PathBuf],
    /// Called for each folder, from any thread, with the number of entries seen so far; an error ends the scan.
    pub progress: &'a (dyn Fn(u64) -> Result<()> + Sync),
}

/// What the scan found.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Everything of the pack, in bytewise order of the path.
    pub members: Vec<Member>,
    /// Files and links that no rule takes, in bytewise order; control characters and bytes that are not UTF-8
    /// are escaped.
    pub unmatched: Vec<Box<str>>,
    /// How many files and links a rule takes, whose class is not one of the release's.
    pub left_out: BTreeMap<Class, u64>,
    /// How many files the pack holds of each class, and their bytes.
    pub classes: BTreeMap<Class, Count>,
    /// What must be refused, and what is worth saying; errors first.
    pub findings: Vec<Finding>,
}

/// A number of files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many files.
    pub files: u64,
    /// Their size in bytes when they were scanned.
    pub bytes: u64,
}

impl Scan {
    /// All files of the pack.
    pub fn total(&self) -> Count {
        self.classes.values().fold(Count::default(), |sum, count| Count {
            files: sum.files + count.files,
            bytes: sum.bytes + count.bytes,
        })
    }

    /// The error-level findings as [`Error::Refused`], if there are any: such a tree cannot be sealed.
    pub fn refuse(&self) -> Result<()> {
        let errors: Vec<_> =
            self.findings.iter().filter(|f| f.severity == Severity::Error).cloned().collect();
        if errors.is_empty() { Ok(()) } else { Err(Error::Refused(errors)) }
    }
}

/// Finds everything that belongs in the pack. A root that cannot be read is an error; what is wrong with the files
/// of the tree is in [`Scan::findings`].
pub fn scan(root: &Path, policy: &Policy, options: &ScanOptions<'_>) -> Result<Scan> {
    let Walk { mut members, mut unmatched, left_out, matches, mut findings, .. } =
        walk::walk(root, policy, options)?;
    members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    unmatched.sort_unstable();
    links::resolve(&mut members);
    if options.kind == Kind::Backup {
        walk::add_folders(root, &mut members)?;
    }
    findings.extend(members.iter().filter_map(|member| link_finding(member, options.kind)));
    findings.extend(names::collisions(&members));
    findings.extend(unmet(policy, &matches));
    let classes = count(&members);
    if classes.is_empty() {
        let finding = Finding::new(Code::NothingSelected, root.display().to_string());
        findings
            .push(finding.expected("at least one file").actual(format!("{} match no rule", unmatched.len())));
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.subject.cmp(&b.subject)));
    Ok(Scan { members, unmatched, left_out, classes, findings })
}

/// The files of each class.
fn count(members: &[Member]) -> BTreeMap<Class, Count> {
    let mut classes = BTreeMap::<Class, Count>::new();
    for member in members.iter().filter(|member| member.kind == MemberKind::File) {
        if let Some(class) = member.class {
            let count = classes.entry(class).or_default();
            count.files += 1;
            count.bytes += member.size;
        }
    }
    classes
}

/// Required rules that match nothing.
fn unmet(policy: &Policy, matches: &[u64]) -> impl Iterator<Item = Finding> {
    policy.include.iter().zip(matches).filter(|(rule, matches)| rule.required && **matches == 0).map(
        |(rule, _)| {
            let place = format!("{}:{}", policy.source, rule.line);
            Finding::new(Code::RequiredMissing, place)
                .expected(rule.paths.join(", "))
                .actual("no file matches")
        },
    )
}

/// What is to be said about a link.
fn link_finding(member: &Member, kind: Kind) -> Option<Finding> {
    let MemberKind::Link(link) = &member.kind else { return None };
    let finding = match (&link.to, kind) {
        (LinkTo::Dangling, _) => Finding::new(Code::LinkDangling, member.path.as_str()),
        (LinkTo::Leaves, Kind::Release) => Finding::new(Code::LinkLeavesTree, member.path.as_str()),
        (LinkTo::Leaves, Kind::Backup) => Finding::warning(Code::LinkLeavesTree, member.path.as_str()),
        _ => return None,
    };
    Some(finding.actual(format!("leads to {}", names::escape(link.target.as_bytes()))))
}
