//! `Cargo.lock`, versions 1 to 4.
//!
//! A lockfile does not say when a package is needed: that follows from the manifests of the workspace's members, where
//! they lie beside it. Without them everything counts as needed at runtime.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Algorithm, Checksum, Component, ComponentKind, Node, Purl, Scope};
use crate::format::yaml::utf8;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::cargo_toml::Members;
use crate::tree::lockfile::source::vcs_url;
use crate::tree::reading::{Fault, Reading};
use std::collections::HashMap;
use toml::de::{DeTable, DeValue};

/// The newest version of the format that is known.
const VERSION_MAX: u32 = 4;

/// Reads a lockfile of cargo.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let text = match utf8(lockfile.bytes) {
        Ok(text) => text,
        Err(fault) => return fault.into(),
    };
    let lines = Lines::of(text);
    let mut assembly = Assembly::new(Aggregate::Complete);
    let file = match DeTable::parse(text) {
        Ok(file) => file.into_inner(),
        Err(error) => {
            let line = error.span().map_or(1, |span| lines.at(span.start));
            let what = format!("not TOML: {}", error.message());
            assembly.fault(Fault::new(Code::SbomSourceInvalid, line, what));
            return assembly.finish();
        }
    };
    if let Some(version) = file.get("version") {
        let line = lines.at(version.span().start);
        match version.get_ref().as_integer().and_then(|version| version.as_str().parse::<u32>().ok()) {
            Some(1..=VERSION_MAX) => {}
            Some(version) if version > VERSION_MAX => {
                assembly.newer(line, format!("version {version}; known up to {VERSION_MAX}"));
            }
            _ => assembly.invalid(line, "a version that is none"),
        }
    }
    let packages = packages(&file, &lines, &mut assembly);
    let members = Members::read(lockfile.beside);
    add(packages, &file, &members, &mut assembly);
    assembly.finish_by_reach()
}

/// A package as it stands in the file.
struct Package<'a> {
    line: usize,
    name: &'a str,
    version: &'a str,
    source: Option<&'a str>,
    checksum: Option<&'a str>,
    needs: Vec<(usize, &'a str)>,
}

fn packages<'a>(file: &'a DeTable<'a>, lines: &Lines, assembly: &mut Assembly) -> Vec<Package<'a>> {
    // Version 1 had the only project of a folder in a table of its own, long ago.
    let root = file.get("root").into_iter();
    let list = match file.get("package").map(|list| (list.span().start, list.get_ref())) {
        Some((_, DeValue::Array(list))) => list.iter().collect(),
        Some((at, _)) => {
            assembly.invalid(lines.at(at), "package is not a list of tables");
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut packages = Vec::with_capacity(list.len());
    for spanned in root.chain(list) {
        let line = lines.at(spanned.span().start);
        match spanned.get_ref().as_table().and_then(|table| package(line, table, lines)) {
            Some(package) => packages.push(package),
            None => assembly.invalid(line, "a package without name and version, or with a wrong type"),
        }
    }
    packages
}

fn package<'a>(line: usize, table: &'a DeTable<'a>, lines: &Lines) -> Option<Package<'a>> {
    let text = |key: &str| match table.get(key) {
        Some(value) => value.get_ref().as_str().map(Some),
        None => Some(None),
    };
    let needs = match table.get("dependencies").map(|needs| needs.get_ref()) {
        Some(DeValue::Array(needs)) => {
            let one = |need: &'a toml::Spanned<DeValue<'a>>| {
                Some((lines.at(need.span().start), need.get_ref().as_str()?))
            };
            needs.iter().map(one).collect::<Option<_>>()?
        }
        Some(_) => return None,
        None => Vec::new(),
    };
    Some(Package {
        line,
        name: text("name")??,
        version: text("version")??,
        source: text("source")?,
        checksum: text("checksum")?,
        needs,
    })
}

fn add(packages: Vec<Package<'_>>, file: &DeTable<'_>, members: &Members, assembly: &mut Assembly) {
    let metadata = file.get("metadata").and_then(|metadata| metadata.get_ref().as_table());
    // The first of each name, then the others by name and version, and by name, version and source.
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut nodes = Vec::with_capacity(packages.len());
    for (at, package) in packages.iter().enumerate() {
        let same = by_name.entry(package.name).or_default();
        same.push(at);
        let checksum = package.checksum.or_else(|| in_metadata(metadata?, package));
        nodes.push(node(package, checksum, members, assembly));
    }
    // A name has as many packages as versions of it are used: looking through them is quick, unless somebody means ill.
    let by_version: HashMap<(&str, &str), Vec<usize>> =
        packages.iter().enumerate().fold(HashMap::new(), |mut map, (at, package)| {
            map.entry((package.name, package.version)).or_default().push(at);
            map
        });
    for (package, from) in packages.iter().zip(&nodes) {
        for (line, need) in &package.needs {
            let mut words = need.splitn(3, ' ');
            let name = words.next().unwrap_or_default();
            let (version, source) = (words.next(), words.next());
            let candidates = match version {
                Some(version) => by_version.get(&(name, version)),
                None => by_name.get(name),
            };
            let source = source.and_then(|source| source.strip_prefix('(')?.strip_suffix(')'));
            let fits = |at: &&usize| {
                source.is_none() || packages.get(**at).is_some_and(|other| other.source == source)
            };
            let found =
                candidates.into_iter().flatten().take(SAME_MAX).find(fits).and_then(|at| nodes.get(*at));
            match found {
                Some(to) => {
                    let when = match package.source {
                        None => members.when(package.name, name),
                        Some(_) => Scope::Runtime,
                    };
                    assembly.need(*from, *to, when);
                }
                None => assembly.invalid(*line, format!("`{}` is not in it", need.escape_debug())),
            }
        }
    }
}

/// The most packages of one name and version that are told apart by their sources.
const SAME_MAX: usize = 64;

/// A package without a source lies in the tree itself: it is a project, or a path that projects depend on.
fn node(package: &Package<'_>, checksum: Option<&str>, members: &Members, assembly: &mut Assembly) -> Node {
    let qualifiers = package.source.map(qualifier);
    let qualifiers = qualifiers.as_ref().and_then(Option::as_ref);
    let qualifiers: Vec<(&str, &str)> = qualifiers.map(|(key, value)| (*key, &**value)).into_iter().collect();
    let purl = Purl::qualified("cargo", "", package.name, package.version, &qualifiers);
    let mut component =
        Component { purl, ..Component::new(ComponentKind::Library, package.name, Some(package.version)) };
    if let Some(hex) = checksum.filter(|hex| *hex != "<none>") {
        match Checksum::from_hex(Algorithm::Sha256, hex) {
            Some(checksum) => component.checksums.push(checksum),
            None => {
                let what = format!("the checksum of `{}` is no SHA-256", package.name.escape_debug());
                assembly.invalid(package.line, what);
            }
        }
    }
    if package.source.is_some() {
        return assembly.package(component);
    }
    component.kind = ComponentKind::Application;
    component.licence = members.licence(package.name);
    assembly.root(component)
}

/// What tells a package from the one of the same name on crates.io: where it comes from instead.
fn qualifier(source: &str) -> Option<(&'static str, String)> {
    let (kind, address) = source.split_once('+')?;
    match kind {
        "git" => Some(("vcs_url", vcs_url(address)?)),
        "registry" | "sparse" if !is_crates_io(address) => {
            let address = address.split(['?', '#']).next()?;
            Some(("repository_url", crate::tree::lockfile::source::download_url(address)?))
        }
        _ => None,
    }
}

/// Cargo names the same registry in two ways: by the repository of its index, and by the host that serves it.
fn is_crates_io(address: &str) -> bool {
    let address = address.trim_end_matches('/');
    address == "https://github.com/rust-lang/crates.io-index"
        || address.strip_prefix("https://index.").is_some_and(|host| host == "crates.io")
}

/// Version 1 had the checksums at the end: `"checksum NAME VERSION (SOURCE)" = "…"`.
fn in_metadata<'a>(metadata: &'a DeTable<'a>, package: &Package<'_>) -> Option<&'a str> {
    let key = format!("checksum {} {} ({})", package.name, package.version, package.source?);
    metadata.get(&*key)?.get_ref().as_str()
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|end| *end < byte)
    }
}
