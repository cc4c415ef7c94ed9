//! `Cargo.lock`, versions 1 to 4.
//!
//! A lockfile does not say when a package is needed: that follows from the manifests of the workspace's members, where
//! they lie beside it. Without them everything counts as needed at runtime.

use crate::format::bom::{self, Aggregate, Algorithm, Checksum, Component, ComponentKind, Purl, Scope};
use crate::format::yaml::node::Node;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::cargo_toml::Members;
use crate::tree::lockfile::source::vcs_url;
use crate::tree::lockfile::toml_tree;
use crate::tree::reading::Reading;
use std::collections::HashMap;

/// The newest version of the format that is known.
const VERSION_MAX: u32 = 4;

/// Reads a lockfile of cargo.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let file = match toml_tree::parse(lockfile.bytes) {
        Ok(file) => file,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    if let Some(version) = file.get("version") {
        let number = version.text().filter(|_| version.string().is_none());
        match number.and_then(|number| number.parse::<u32>().ok()) {
            Some(1..=VERSION_MAX) => {}
            Some(number) if number > VERSION_MAX => {
                assembly.newer(version.line(), format!("version {number}; known up to {VERSION_MAX}"));
            }
            _ => assembly.invalid(version.line(), "a version that is none"),
        }
    }
    let packages = packages(&file, &mut assembly);
    let members = Members::read(lockfile.beside);
    add(packages, file.get("metadata"), &members, &mut assembly);
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

fn packages<'a>(file: &'a Node<'a>, assembly: &mut Assembly) -> Vec<Package<'a>> {
    // Version 1 had the only project of a folder in a table of its own, long ago.
    let root = file.get("root").into_iter();
    let list = file.get("package");
    if let Some(other) = list.filter(|list| !list.is_list()) {
        assembly.invalid(other.line(), "package is not a list of tables");
    }
    let list = list.map_or(&[][..], Node::items);
    let mut packages = Vec::with_capacity(list.len());
    for table in root.chain(list) {
        match package(table) {
            Some(package) => packages.push(package),
            None => {
                assembly.invalid(table.line(), "a package without name and version, or with a wrong type");
            }
        }
    }
    packages
}

fn package<'a>(table: &'a Node<'a>) -> Option<Package<'a>> {
    let text = |key: &str| table.get(key).map_or(Some(None), |value| value.string().map(Some));
    let needs = match table.get("dependencies") {
        Some(needs) if needs.is_list() => {
            needs.items().iter().map(|need| Some((need.line(), need.string()?))).collect::<Option<_>>()?
        }
        Some(_) => return None,
        None => Vec::new(),
    };
    Some(Package {
        line: table.line(),
        name: text("name")??,
        version: text("version")??,
        source: text("source")?,
        checksum: text("checksum")?,
        needs,
    })
}

fn add(packages: Vec<Package<'_>>, metadata: Option<&Node<'_>>, members: &Members, assembly: &mut Assembly) {
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
fn node(
    package: &Package<'_>,
    checksum: Option<&str>,
    members: &Members,
    assembly: &mut Assembly,
) -> bom::Node {
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
fn in_metadata<'a>(metadata: &'a Node<'_>, package: &Package<'_>) -> Option<&'a str> {
    let key = format!("checksum {} {} ({})", package.name, package.version, package.source?);
    metadata.get(&key)?.string()
}
