//! `mix.lock` of Elixir's mix: every package by name, with what it needs.
//!
//! `{:hex, :name, "version", "inner", [managers], [needs], "repository", "outer"}`: the outer digest is SHA-256 of the
//! package's archive. The inner one is of its parts without their frame, which no file has, so it is no checksum here.
//! Old files have no outer one.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Checksum, Component, ComponentKind, Purl, Scope, checksum::Algorithm};
use crate::format::yaml::utf8;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::lockfile::terms::{self, Term, Value};
use crate::tree::reading::{Fault, Reading};
use std::collections::HashSet;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "mix.lock"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let lock = match utf8(lockfile.bytes).and_then(terms::parse) {
        Ok(lock) => lock,
        Err(fault) => return fault.into(),
    };
    // What a package from a repository needs is not in it; then nobody can tell.
    let from_hex = |(_, term): &(Term, Term)| term.items().first().and_then(Term::atom) == Some("hex");
    let whole = lock.pairs().iter().all(from_hex);
    let mut assembly = Assembly::new(if whole { Aggregate::Complete } else { Aggregate::Unknown });
    if !matches!(lock.value, Value::Pairs(_)) {
        assembly.fault(Fault::of_file(Code::SbomSourceInvalid, "no map of packages"));
    }
    let (mut packages, mut added, mut seen) = (Packages::default(), Vec::new(), HashSet::new());
    for (key, term) in lock.pairs() {
        let name = key.text().or(key.atom()).unwrap_or_default();
        let said = name.escape_debug();
        if !seen.insert(name) {
            assembly.invalid(key.line, format!("`{said}` stands twice"));
            continue;
        }
        match described(name, term) {
            Ok(component) => {
                let node = assembly.package(component);
                packages.add(name, node);
                added.push((node, term));
            }
            Err(what) => assembly.invalid(term.line, format!("`{said}` {what}")),
        }
    }
    for (node, term) in added {
        for needed in term.items().get(5).map_or(&[][..], Term::items) {
            // What is optional is here only where something else asks for it.
            let [name, _, options @ ..] = needed.items() else { continue };
            let optional = options.first().and_then(|options| options.keyword("optional"));
            let is_optional = optional.and_then(Term::atom) == Some("true");
            let when = if is_optional { Scope::Optional } else { Scope::Runtime };
            packages.link(&mut assembly, node, name.atom().unwrap_or_default(), when);
        }
    }
    assembly.finish()
}

fn described(name: &str, term: &Term) -> Result<Component, &'static str> {
    let items = term.items();
    let text = |at: usize| items.get(at).and_then(Term::text);
    match items.first().and_then(Term::atom) {
        Some("hex") => hex(name, items),
        Some("git") => {
            let (Some(url), Some(commit)) = (text(1), text(2)) else {
                return Err("has no address or commit");
            };
            let address = format!("git+{url}@{commit}");
            let purl = Purl::qualified("hex", "", name, "", &[("vcs_url", &address)]);
            Ok(Component { purl, ..Component::new(ComponentKind::Library, name, None) })
        }
        _ => Err("is of no kind that is known"),
    }
}

/// The name in the registry may be another than the application's, which is the key.
fn hex(name: &str, items: &[Term]) -> Result<Component, &'static str> {
    let text = |at: usize| items.get(at).and_then(Term::text);
    let (Some(package), Some(version)) = (items.get(1).and_then(Term::atom), text(2)) else {
        return Err("has no name or version");
    };
    // `hexpm`, or `hexpm:organisation` for what is not public.
    let repository = text(6).unwrap_or_default();
    let namespace = repository.strip_prefix("hexpm:").unwrap_or_default();
    let purl = Purl::new("hex", namespace, package, version);
    let mut component = Component { purl, ..Component::new(ComponentKind::Library, name, Some(version)) };
    if let Some(outer) = items.get(7) {
        let digest = outer.text().and_then(|hex| Checksum::from_hex(Algorithm::Sha256, hex));
        component.checksums.push(digest.ok_or("has a digest that is none")?);
    }
    Ok(component)
}

#[cfg(test)]
mod tests;
