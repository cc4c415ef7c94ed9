//! What the last backup of this host left behind: a cache of what it read. It is believed only if it is whole, of this very
//! store, project and tree, and if every archive that it counts on is where it should be.

use crate::error::{Error, Result};
use crate::evidence::receipt::{self, RECEIPT_BYTES_MAX, SUFFIX};
use crate::evidence::stored::ARCHIVES;
use crate::format::backup_cache::{Header, Held, Reader};
use crate::format::digest::Sha256;
use crate::format::leaf::{Leaf, What};
use crate::format::units;
use crate::store::ObjectName;
use crate::verbs::backup::adopt::Adopted;
use crate::verbs::backup::{Request, archive_name, standing};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _};
use std::path::PathBuf;

/// How much of the cache is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;

/// The last backup, as far as it can be built upon.
pub(super) struct Previous {
    /// What it was.
    pub(super) header: Header,
    file: File,
}

/// What a backup is built upon.
pub(super) enum Basis {
    /// The last one.
    Previous(Box<Previous>),
    /// Nothing: everything is read and kept. Why, where that is worth saying.
    Nothing(Option<String>),
}

impl Previous {
    /// The cache from its beginning.
    pub(super) fn read(&self) -> io::Result<Reader<BufReader<&File>>> {
        let mut file = &self.file;
        file.rewind()?;
        Reader::new(BufReader::with_capacity(READ_BYTES, file))
    }
}

/// The file of the cache.
pub(super) fn path(request: &Request<'_>, project: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = request.cache else { return Ok(None) };
    let key = format!("{}\n{project}\n{}", request.store.place(), root(request)?);
    let digest = Sha256::of(key.as_bytes()).to_string();
    Ok(Some(folder.join(format!("{}.cache", digest.get(..16).unwrap_or_default()))))
}

/// The tree, whichever way it is named.
pub(super) fn root(request: &Request<'_>) -> Result<String> {
    let root = fs::canonicalize(request.root).map_err(Error::io("open", request.root))?;
    Ok(root.to_string_lossy().into_owned())
}

/// A digest over everybody who can decrypt: whoever is new must be able to read the bases too.
pub(super) fn recipients(request: &Request<'_>) -> Sha256 {
    let mut all: Vec<String> = request.recipients.iter().map(ToString::to_string).collect();
    all.sort_unstable();
    Sha256::of(all.join("\n").as_bytes())
}

/// What this backup can be built upon.
pub(super) fn basis(
    request: &Request<'_>,
    project: &str,
    begun: Timestamp,
    adopted: &Adopted,
) -> Result<Basis> {
    let leaves = &adopted.leaves;
    let nothing = |why: &str| Ok(Basis::Nothing(Some(why.to_owned())));
    if request.full {
        return nothing("--full");
    }
    let is_ours = |leaf: &&Leaf| leaf.what == What::BackedUp && leaf.project == project;
    let Some(path) = path(request, project)? else { return Ok(Basis::Nothing(None)) };
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match leaves.iter().find(is_ours) {
                None => Ok(Basis::Nothing(None)),
                Some(_) => nothing("this host has no cache of an earlier one of this tree"),
            };
        }
        Err(error) => return nothing(&format!("what this host remembers cannot be read: {error}")),
        Ok(file) => file,
    };
    let header = match Reader::new(BufReader::new(&file)) {
        Ok(reader) => reader.header,
        Err(error) => return nothing(&damaged(&error)),
    };
    match unfit(request, project, begun, &header, adopted)? {
        Some(why) => nothing(&why),
        None => Ok(Basis::Previous(Box::new(Previous { header, file }))),
    }
}

/// What is said of a cache that cannot be read.
pub(super) fn damaged(error: &io::Error) -> String {
    format!("the cache of the last one is damaged: {error}")
}

/// Why the last backup is not built upon.
fn unfit(
    request: &Request<'_>,
    project: &str,
    begun: Timestamp,
    header: &Header,
    adopted: &Adopted,
) -> Result<Option<String>> {
    let is_other =
        header.store != request.store.place() || header.project != project || header.root != root(request)?;
    if is_other {
        return Ok(Some("the cache is of another store, project or tree".to_owned()));
    }
    if header.recipients != recipients(request) {
        return Ok(Some("the recipients are others than those of the last one".to_owned()));
    }
    let age_s = begun.duration_since(header.full_at).as_secs();
    if age_s < 0 {
        return Ok(Some("the last full one is of the future".to_owned()));
    }
    let full_every_s = request.policy.backup.full_every_s;
    if u64::try_from(age_s).is_ok_and(|age_s| age_s >= full_every_s) {
        let every = units::limit_s(full_every_s);
        return Ok(Some(format!("the last full one is of {:.0}, and full_every is {every}", header.full_at)));
    }
    for held in &header.archives {
        if let Some(why) = unfounded(request, held, adopted)? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Why an archive is not referred to: it, or its receipt, is not in the store as the log says.
fn unfounded(request: &Request<'_>, held: &Held, adopted: &Adopted) -> Result<Option<String>> {
    let file_name = archive_name(request, &held.name);
    let name = ObjectName::new(&format!("{ARCHIVES}/{file_name}"))?;
    match adopted.stored.get(&file_name) {
        None => return Ok(Some(format!("{file_name} is not in the store"))),
        Some(size) if *size != held.size_bytes => {
            return Ok(Some(format!("{file_name} has another size in the store")));
        }
        Some(_) => {}
    }
    let receipt_name = ObjectName::new(&format!("{name}{SUFFIX}"))?;
    let size = adopted.stored.get(receipt_name.file_name());
    if size.is_some_and(|size| *size > RECEIPT_BYTES_MAX as u64) {
        return Ok(Some(format!("the receipt of {file_name} is not the logged one")));
    }
    let Some((bundle, _)) = request.store.get(&receipt_name, RECEIPT_BYTES_MAX)? else {
        return Ok(Some(format!("the receipt of {file_name} is not in the store")));
    };
    let Some(logged) = standing::leaf_of(&adopted.leaves, &held.name) else {
        let was_there = adopted.leaves.iter().any(|leaf| leaf.name == held.name);
        let why = if was_there { "was pruned" } else { "is not in the log" };
        return Ok(Some(format!("{file_name} {why}")));
    };
    if Sha256::of(&bundle) != held.receipt || logged.event != held.receipt {
        return Ok(Some(format!("the receipt of {file_name} is not the logged one")));
    }
    Ok(match receipt::verify(request.log.log.trust, &file_name, Some(&bundle)) {
        Ok(receipt) if receipt.match_subjects(&[(&*file_name, held.sha256)]).is_empty() => None,
        Ok(_) => Some(format!("the receipt of {file_name} is of another archive")),
        Err(_) => Some(format!("the receipt of {file_name} does not verify")),
    })
}
