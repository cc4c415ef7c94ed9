//! `fetch.txt` of a pack: which files other archives hold, read side by side with the archives that the pack names as its bases.

use crate::error::{Error, Result};
use crate::evidence::elsewhere;
use crate::finding::{Code, Finding};
use crate::format::bag::declaration::Version;
use crate::format::bag::fetch::{FILE_NAME, FetchLine, FetchLines};
use crate::format::bag::text::{Encoding, TextLines};
use crate::format::lines::LineError;
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use crate::format::receipt::Base;
use crate::pipeline::contents::{Fetched, Tags};
use crate::pipeline::unpack::payload_path;
use std::collections::HashMap;

/// The most wrong lines that are told one by one.
const FINDINGS_MAX: usize = 20;

/// A line of `fetch.txt` that says what it may.
pub struct Fetch {
    /// The file of the payload.
    pub path: PackPath,
    /// Which base holds it.
    pub base: u32,
    /// Its path there.
    pub there: PackPath,
    /// How many bytes it has.
    pub size: u64,
}

/// Which files other archives hold.
#[derive(Default)]
pub struct Fetches {
    /// In the order of their paths.
    pub files: Vec<Fetched>,
    /// The paths of those that have another one there.
    pub moved: HashMap<usize, PackPath>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Which member a file of this path is.
pub fn identity(path: &PackPath) -> [u8; 16] {
    let file = Member {
        path: path.clone(),
        kind: FileType::File,
        size: 0,
        mode: 0,
        mtime_s: 0,
        mtime_ns: 0,
        uid: 0,
        gid: 0,
    };
    file.fingerprint().identity
}

/// Reads `fetch.txt`, if there is one. `name` is the pack's own.
pub fn read(tags: &Tags, name: &str, bases: &[Base]) -> Result<Fetches> {
    let mut fetches = Fetches::default();
    let mut used = vec![false; bases.len()];
    let findings = each(tags, name, bases, &mut |fetch| {
        let Fetch { path, base, there, size } = fetch;
        if let Some(used) = used.get_mut(base as usize) {
            *used = true;
        }
        let own = identity(&path);
        let there = if there == path {
            own
        } else {
            let identity = identity(&there);
            fetches.moved.insert(fetches.files.len(), path);
            identity
        };
        fetches.files.push(Fetched { identity: own, there, base, size, read: None });
    })?;
    fetches.findings = findings;
    let unused = bases.iter().zip(&used).filter(|(_, used)| !**used).map(|(base, _)| {
        let finding = Finding::new(Code::FetchInvalid, FILE_NAME);
        finding.expected(format!("a file of {}, which pack.json names as a base", base.name)).actual("none")
    });
    fetches.findings.extend(unused);
    Ok(fetches)
}

/// Gives every line that says what it may; returns what is wrong with the others.
pub fn each(tags: &Tags, name: &str, bases: &[Base], see: &mut dyn FnMut(Fetch)) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let Some(file) = tags.open(FILE_NAME) else { return Ok(findings) };
    let names: HashMap<&str, u32> = bases.iter().zip(0..).map(|(base, at)| (&*base.name, at)).collect();
    let mut last: Option<PackPath> = None;
    for line in FetchLines::new(TextLines::new(file, Encoding::Utf8), Version::V1_0) {
        let line = match line {
            Err(LineError::Io(error)) => return Err(Error::io("read", FILE_NAME)(error)),
            Err(error) => Err(error.to_string()),
            Ok(line) => parse(&line, name, &names, last.as_ref())
                .map_err(|why| format!("line {}: {why}", line.number)),
        };
        match line {
            Ok(fetch) => {
                last = Some(fetch.path.clone());
                see(fetch);
            }
            Err(why) => findings.push(Finding::new(Code::FetchInvalid, FILE_NAME).actual(why)),
        }
        if findings.len() == FINDINGS_MAX {
            break;
        }
    }
    Ok(findings)
}

fn parse(
    line: &FetchLine,
    name: &str,
    bases: &HashMap<&str, u32>,
    last: Option<&PackPath>,
) -> std::result::Result<Fetch, String> {
    let path = payload_path(&line.path).ok_or_else(|| format!("{} lies not below data/", line.path))?;
    let path = PackPath::new(path.as_bytes()).map_err(|fault| format!("{path}: a path with {fault}"))?;
    if last.is_some_and(|last| *last >= path) {
        return Err(format!("{path} is out of order, or stands twice"));
    }
    let (archive, there) =
        elsewhere::parse(&line.url).ok_or_else(|| format!("{} is no address in an archive", line.url))?;
    if archive == name {
        return Err(format!("{path} is to be fetched from the archive itself"));
    }
    let Some(&base) = bases.get(archive) else {
        return Err(format!("{archive} is not one of the bases that pack.json names"));
    };
    let there =
        PackPath::new(there.as_bytes()).map_err(|fault| format!("{}: a path with {fault}", line.url))?;
    let size = line.length_bytes.ok_or("a length is missing")?;
    Ok(Fetch { path, base, there, size })
}

/// The path of the file that stands at some place of `fetch.txt`.
pub fn path_at(tags: &Tags, name: &str, bases: &[Base], wanted: usize) -> Result<String> {
    let (mut at, mut found) = (0, None);
    each(tags, name, bases, &mut |fetch| {
        if at == wanted {
            found = Some(fetch.path.as_str().to_owned());
        }
        at += 1;
    })?;
    Ok(found.unwrap_or_else(|| format!("line {}", wanted + 1)))
}
