//! The DDL of a pack: gathered when it is sealed, compared with the lists when it is verified.

use crate::error::{Error, Result};
use crate::evidence::payload::INVENTORY;
use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::ddl::{DdlFile, DdlPack, Dialect, Room, Why};
use crate::format::digest::Sha256;
use crate::format::inventory;
use crate::format::member::FileType;
use crate::format::path::PackPath;
use crate::pipeline::contents::Tags;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::ddl::{self, FILE_BYTES_MAX, order};
use crate::tree::member::{Member, MemberKind};
use crate::tree::reading::caught;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

/// What the DDL files of a tree say.
#[derive(Debug, Default)]
pub struct Gathered {
    /// For `pack.json`; `None` where there are no such files.
    pub pack: Option<DdlPack>,
    /// The digest of each file as it was read for this.
    pub read: Vec<(PackPath, Sha256)>,
}

/// Reads every DDL file among the members, in the order in which they are to be applied: the policy's rules in turn, and
/// the files of each as [`order::sort`] says.
pub fn gather(root: &Root, policy: &Policy, members: &[Member], watch: &Watch) -> Result<Gathered> {
    let is_ddl = |member: &&Member| member.class == Some(Class::Ddl) && member.kind == MemberKind::File;
    let mut rules: Vec<Vec<&PackPath>> = vec![Vec::new(); policy.include.len()];
    for member in members.iter().filter(is_ddl) {
        if let Some((rule, _)) = policy.classify(&member.path)
            && let Some(files) = rules.get_mut(rule)
        {
            files.push(&member.path);
        }
    }
    let mut room = Room::default();
    let mut pack = DdlPack::default();
    let mut read = Vec::new();
    for (files, include) in rules.iter_mut().zip(&policy.include) {
        order::sort(files, |path| path.as_str());
        for path in files {
            watch.check()?;
            let (bytes, file) = one(root, path, include.dialect, &mut room)?;
            read.extend(bytes.map(|digest| ((*path).clone(), digest)));
            match file {
                Some(file) => pack.files.push(file),
                None => pack.files_omitted += 1,
            }
        }
    }
    let any = !pack.files.is_empty() || pack.files_omitted > 0;
    Ok(Gathered { pack: any.then_some(pack), read })
}

/// One file, with the digest of what was read of it; no file if there is no room for it.
fn one(
    root: &Root,
    path: &PackPath,
    dialect: Option<Dialect>,
    room: &mut Room,
) -> Result<(Option<Sha256>, Option<DdlFile>)> {
    if !room.take(path.as_str()) {
        return Ok((None, None));
    }
    let (file, _) = root.open_file(path.as_str())?;
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(Error::io("read", root.join(path.as_str())))?;
    if bytes.len() as u64 == limit {
        return Ok((None, Some(ddl::unread(path.as_str(), dialect, Why::TooLarge, room))));
    }
    // A parser that panics leaves the room as it was, and the file is one statement that is not parsed.
    let before = room.clone();
    let said = caught(|| ddl::read(path.as_str(), &bytes, dialect, room)).unwrap_or_else(|| {
        *room = before;
        ddl::unread(path.as_str(), dialect, Why::Form, room)
    });
    Ok((Some(Sha256::of(&bytes)), Some(said)))
}

/// A warning for each file that has statements which could not be parsed.
pub fn warnings(pack: Option<&DdlPack>) -> Vec<Finding> {
    let files = pack.into_iter().flat_map(|pack| &pack.files);
    files.filter(|file| file.statements_unparsed > 0).map(warning).collect()
}

fn warning(file: &DdlFile) -> Finding {
    let first = file.unparsed.first().map_or(String::new(), |first| match first.why {
        Why::NotUtf8 => "; it is not UTF-8".to_owned(),
        Why::TooLarge if first.offset == 0 && file.statements == 1 => "; it is too large".to_owned(),
        _ => format!("; the first on line {}", first.line),
    });
    let dialect = if file.dialect.is_none() { "; the policy names no dialect" } else { "" };
    let all = if file.statements == 1 { "statement" } else { "statements" };
    let counted = format!("{} of {} {all} not parsed", file.statements_unparsed, file.statements);
    Finding::new(Code::DdlUnparsed, &file.path).actual(format!("{counted}{first}{dialect}"))
}

/// How many files that `pack.json` does not describe are named.
const UNSAID_NAMED_MAX: usize = 100;

/// Whether the files that `pack.json` describes are those that the inventory lists as DDL, each once.
pub fn agrees(tags: &Tags, pack: &DdlPack) -> Vec<Finding> {
    let disagree = |path: &str| Finding::new(Code::Disagreement, format!("pack.json: ddl: {path}"));
    let mut said = BTreeSet::new();
    let mut findings = Vec::new();
    for file in &pack.files {
        if !said.insert(file.path.as_str()) {
            findings.push(disagree(&file.path).expected("once").actual("twice"));
        }
    }
    let mut unsaid = Vec::new();
    each_listed(tags, |path| {
        if !said.remove(path) {
            unsaid.push(path.to_owned());
        }
    });
    findings.extend(said.iter().map(|path| disagree(path).actual("the inventory lists no such DDL file")));
    if unsaid.len() as u64 != pack.files_omitted {
        let finding = Finding::new(Code::Disagreement, "pack.json: ddl: files_omitted");
        findings.push(finding.expected(pack.files_omitted).actual(unsaid.len()));
        let named = unsaid.iter().take(UNSAID_NAMED_MAX);
        findings.extend(named.map(|path| disagree(path).actual("the inventory lists it as DDL")));
    }
    findings
}

/// Every DDL file of the inventory. A line that cannot be read is passed over: whoever reads the lists in earnest says
/// so.
fn each_listed(tags: &Tags, mut found: impl FnMut(&str)) {
    let Some(inventory) = tags.open(INVENTORY) else { return };
    let lines = inventory.split(b'\n').map_while(io::Result::ok);
    let rows = lines.filter_map(|line| inventory::Row::parse(&line).ok());
    for row in rows.filter(|row| row.class == Some(Class::Ddl) && row.member.kind == FileType::File) {
        found(row.member.path.as_str());
    }
}
