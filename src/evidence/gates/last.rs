//! The release before the one that is judged: the newest sealed pack in the output folder, else the newest tag.

use crate::evidence::seal::{SEAL, Sealed, verify};
use crate::format::digest::Sha256;
use crate::format::hashes::HashLines;
use crate::format::kind::Kind;
use crate::format::pack::{Pack, SCHEMA};
use crate::format::path::{PackPath, decode_manifest};
use crate::keys::trust::Trust;
use crate::pipeline::source::Root;
use crate::policy::gate::evidence::LastRelease;
use crate::policy::gate::{Bump, Document};
use crate::policy::{Policy, TagTemplate};
use crate::tree::ddl::order;
use crate::tree::git::History;
use semver::Version;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes of a tag file that are read: what `pack.json` of a million members may have.
const TAG_FILE_BYTES_MAX: u64 = 1 << 30;

/// The largest file of an older release that is read, in bytes.
const FILE_BYTES_MAX: u64 = crate::policy::gate::evidence::DOCUMENT_BYTES_MAX;

/// Where to look for it.
pub struct Look<'a> {
    /// The folder that gets what is sealed.
    pub out: &'a Path,
    /// Whose release.
    pub project: &'a str,
    /// The version that is judged; the last release is below it.
    pub version: &'a str,
    /// How tags are named.
    pub tag: &'a TagTemplate,
    /// By whom its seal must be; empty if nobody is trusted, and then nothing is verified.
    pub trust: &'a Trust,
    /// The history, if there is one.
    pub history: Option<&'a History>,
}

/// The last release, and how to read its files.
#[derive(Debug)]
pub struct Last {
    /// What gates see of it.
    pub release: LastRelease,
    from: From,
}

impl Last {
    /// The tag of its version, be it there or not.
    pub fn tag(&self) -> &str {
        match &self.from {
            From::Pack(files) => &files.tag,
            From::Tag(tag) => tag,
        }
    }
}

#[derive(Debug)]
enum From {
    Pack(Box<PackFiles>),
    Tag(String),
}

#[derive(Debug)]
struct PackFiles {
    folder: PathBuf,
    /// The tag of its version, from which its files can be read if they are the same.
    tag: String,
    /// What `pack.json` says of DDL, in order.
    ddl: Vec<String>,
    /// The digest of each payload file.
    manifest: BTreeMap<String, Sha256>,
}

/// Finds it; an error in words where there is none, or where it cannot be told.
pub fn find(look: &Look<'_>) -> Result<Last, String> {
    let version = Version::parse(look.version).map_err(|error| {
        format!("{} is no Semantic Version, which has one before it: {error}", look.version)
    })?;
    if let Some((folder, pack)) = newest_pack(look, &version)? {
        return of_pack(look, folder, &pack);
    }
    let none = || {
        format!(
            "no pack of {} before {} lies in the output folder, and no tag is older",
            look.project, look.version
        )
    };
    let history = look.history.ok_or_else(none)?;
    let tags = history.tags()?;
    let older = tags.iter().filter_map(|tag| {
        let of = Version::parse(look.tag.version(tag)?).ok()?;
        of.cmp_precedence(&version).is_lt().then_some((of, tag))
    });
    let (of, tag) = older.max_by(|(a, _), (b, _)| a.cmp_precedence(b)).ok_or_else(none)?;
    let release =
        LastRelease { version: of.to_string(), place: format!("the tag {tag}"), seal: None, read: None };
    Ok(Last { release, from: From::Tag(tag.clone()) })
}

/// How a version differs from the one before; `None` where only the pre-release does, or where either is no SemVer.
pub fn bump(before: &str, version: &str) -> Option<Bump> {
    let (before, version) = (Version::parse(before).ok()?, Version::parse(version).ok()?);
    if before.major != version.major {
        Some(Bump::Major)
    } else if before.minor != version.minor {
        Some(Bump::Minor)
    } else {
        (before.patch != version.patch).then_some(Bump::Patch)
    }
}

/// The folder of the newest release below the version, with what its `pack.json` says.
fn newest_pack(look: &Look<'_>, version: &Version) -> Result<Option<(PathBuf, Pack)>, String> {
    let entries = match fs::read_dir(look.out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", look.out.display())),
    };
    let mut newest: Option<(Version, PathBuf, Pack)> = None;
    for entry in entries {
        let folder = entry.map_err(|error| format!("{}: {error}", look.out.display()))?.path();
        let is_pack = folder
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(look.project));
        if !is_pack || folder.join("pack.json").symlink_metadata().is_err() {
            continue;
        }
        let pack = read_pack(&folder)?;
        if pack.kind != Kind::Release || pack.project != look.project {
            continue;
        }
        let Ok(of) = Version::parse(&pack.version) else { continue };
        let is_newer = newest.as_ref().is_none_or(|(known, ..)| of.cmp_precedence(known).is_gt());
        if of.cmp_precedence(version).is_lt() && is_newer {
            newest = Some((of, folder, pack));
        }
    }
    Ok(newest.map(|(_, folder, pack)| (folder, pack)))
}

fn read_pack(folder: &Path) -> Result<Pack, String> {
    let fault = |why: String| format!("{}: {why}", folder.join("pack.json").display());
    let pack: Pack =
        serde_json::from_slice(&tag_file(folder, "pack.json")?).map_err(|error| fault(error.to_string()))?;
    if pack.schema == SCHEMA {
        Ok(pack)
    } else {
        Err(fault(format!("the schema {} is not known", pack.schema)))
    }
}

fn tag_file(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    let fault = |why: String| format!("{}: {why}", folder.join(name).display());
    let root = Root::open(folder).map_err(|error| error.to_string())?;
    let (file, _) = root.open_file(name).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(TAG_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    if bytes.len() as u64 > TAG_FILE_BYTES_MAX { Err(fault("it is too large".to_owned())) } else { Ok(bytes) }
}

fn of_pack(look: &Look<'_>, folder: PathBuf, pack: &Pack) -> Result<Last, String> {
    let document = |name: &str| {
        let bytes = tag_file(&folder, name)?;
        let sha256 = Sha256::of(&bytes);
        Ok::<_, String>(Document { path: format!("{}/{name}", pack.name), bytes, sha256 })
    };
    let tags = document("tagmanifest-sha256.txt")?;
    let manifest = document("manifest-sha256.txt")?;
    let seal = unaltered(&tags, &[&document("pack.json")?, &manifest], &pack.name)
        .and_then(|()| sealed(look, &folder, tags.sha256));
    let unverified =
        if matches!(seal, Ok(false)) { " (its seal was not verified: no key is trusted)" } else { "" };
    let place = format!("the sealed pack {}{unverified}", pack.name);
    // What was altered is not read any further.
    let files = if seal.is_ok() { listed(&manifest)? } else { BTreeMap::new() };
    let payload =
        files.into_iter().filter_map(|(path, digest)| Some((path.strip_prefix("data/")?.to_owned(), digest)));
    let ddl = pack.ddl.iter().flat_map(|ddl| &ddl.files).map(|file| file.path.clone());
    let from = PackFiles {
        tag: look.tag.name(&pack.version),
        ddl: ddl.collect(),
        manifest: payload.collect(),
        folder,
    };
    let release = LastRelease {
        version: pack.version.clone(),
        place,
        seal: match seal {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(why) => Some(Err(why)),
        },
        // The tag manifest closes all the others.
        read: Some(Arc::new(tags)),
    };
    Ok(Last { release, from: From::Pack(Box::new(from)) })
}

/// Whether the tag files are those that the tag manifest lists.
fn unaltered(tags: &Document, files: &[&Document], name: &str) -> Result<(), String> {
    let listed = listed(tags)?;
    for file in files {
        let inside = file.path.strip_prefix(name).map_or("", |rest| rest.trim_start_matches('/'));
        if listed.get(inside) != Some(&file.sha256) {
            return Err(format!("{} is not what was sealed", file.path));
        }
    }
    Ok(())
}

/// Whether the seal verifies; `false` if nobody is trusted.
fn sealed(look: &Look<'_>, folder: &Path, tag_manifest: Sha256) -> Result<bool, String> {
    if look.trust.is_empty() {
        return Ok(false);
    }
    let bundle = tag_file(folder, SEAL)?;
    let claimed = Sealed { bundle: Some(&bundle), tag_manifest, kind: Kind::Release };
    let words = |findings: Vec<crate::finding::Finding>| {
        let words = findings.iter().map(|finding| match &finding.actual {
            Some(actual) => format!("{}: {}: {actual}", finding.code.as_str(), finding.subject),
            None => format!("{}: {}", finding.code.as_str(), finding.subject),
        });
        words.collect::<Vec<_>>().join("; ")
    };
    let seal = verify(look.trust, &claimed, None).map_err(words)?;
    if seal.predicate().project == look.project {
        Ok(true)
    } else {
        Err("it is the seal of another project".to_owned())
    }
}

/// The lines of a BagIt manifest.
fn listed(manifest: &Document) -> Result<BTreeMap<String, Sha256>, String> {
    let mut listed = BTreeMap::new();
    for line in HashLines::new(&*manifest.bytes) {
        let line = line.map_err(|fault| format!("{}: {fault}", manifest.path))?;
        listed.insert(decode_manifest(line.path.as_str()), Sha256(line.digest));
    }
    Ok(listed)
}

impl Last {
    /// The DDL files, in order, with their digests.
    pub fn ddl(&self, policy: &Policy, history: Option<&History>) -> Result<Vec<(String, Sha256)>, String> {
        match &self.from {
            From::Pack(pack) => {
                let digest = |path: &String| {
                    let digest =
                        pack.manifest.get(path).ok_or_else(|| format!("{path} is not in its manifest"))?;
                    Ok((path.clone(), *digest))
                };
                pack.ddl.iter().map(digest).collect()
            }
            From::Tag(tag) => ddl_at(tag, policy, history.ok_or("the history cannot be read")?),
        }
    }

    /// Every file of it, in bytewise order of the path.
    pub fn files(&self, history: Option<&History>) -> Result<Vec<PackPath>, String> {
        let checked = |path: &str| PackPath::new(path.as_bytes()).ok();
        let mut files: Vec<PackPath> = match &self.from {
            From::Pack(pack) => pack.manifest.keys().filter_map(|path| checked(path)).collect(),
            From::Tag(tag) => {
                let history = history.ok_or("the history cannot be read")?;
                history.files_at(tag)?.iter().filter_map(|path| checked(path)).collect()
            }
        };
        files.sort_unstable();
        Ok(files)
    }

    /// A file, as it was.
    pub fn read(&self, path: &PackPath, history: Option<&History>) -> Result<Option<Arc<Document>>, String> {
        let document = |bytes: Vec<u8>| {
            let sha256 = Sha256::of(&bytes);
            Arc::new(Document { path: format!("{path} of {}", self.release.version), bytes, sha256 })
        };
        let at_tag = |tag: &str| {
            let history = history.ok_or("there is no history to read it from")?;
            Ok::<_, String>(history.read_at(tag, path.as_str(), FILE_BYTES_MAX)?.map(document))
        };
        match &self.from {
            From::Tag(tag) => at_tag(tag),
            From::Pack(pack) => {
                let Some(digest) = pack.manifest.get(path.as_str()) else { return Ok(None) };
                let beside = pack.beside(path)?.map(document);
                let found = match beside {
                    Some(found) => Some(found),
                    None => at_tag(&pack.tag)
                        .map_err(|why| format!("its payload is not beside its evidence, and {why}"))?,
                };
                match found {
                    Some(found) if found.sha256 == *digest => Ok(Some(found)),
                    Some(_) => Err(format!("{path} is not what {} has", self.release.place)),
                    None => Err(format!(
                        "{path} is in {}, but neither beside it nor at its tag",
                        self.release.place
                    )),
                }
            }
        }
    }
}

impl PackFiles {
    /// A file of the payload that lies beside the evidence, if it does.
    fn beside(&self, path: &PackPath) -> Result<Option<Vec<u8>>, String> {
        let Ok(root) = Root::open(&self.folder.join("data")) else { return Ok(None) };
        let file = match root.open_file(path.as_str()) {
            Ok((file, _)) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let mut bytes = Vec::new();
        let read =
            file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if read as u64 > FILE_BYTES_MAX {
            Err(format!("{path} is larger than a gate reads"))
        } else {
            Ok(Some(bytes))
        }
    }
}

/// The DDL at a tag: what the same rules take there, in the same order.
fn ddl_at(tag: &str, policy: &Policy, history: &History) -> Result<Vec<(String, Sha256)>, String> {
    use crate::format::class::Class;
    let mut rules: Vec<Vec<String>> = vec![Vec::new(); policy.include.len()];
    for path in history.files_at(tag)? {
        let Ok(checked) = PackPath::new(path.as_bytes()) else { continue };
        if let Some((rule, include)) = policy.classify(&checked)
            && include.class == Class::Ddl
            && let Some(files) = rules.get_mut(rule)
        {
            files.push(path);
        }
    }
    let mut ddl = Vec::new();
    for files in &mut rules {
        order::sort(files, |path| path.as_str());
        for path in files.iter() {
            let bytes = history.read_at(tag, path, FILE_BYTES_MAX)?;
            ddl.push((path.clone(), Sha256::of(&bytes.unwrap_or_default())));
        }
    }
    Ok(ddl)
}

#[cfg(test)]
mod tests;
