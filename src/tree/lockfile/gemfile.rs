//! `Gemfile.lock` of Bundler: sections of gems by where they come from, what each needs, and what the project asked for.
//!
//! The indentation is the grammar: a section's name at the margin, its facts and lists at 2, gems at 4, their needs at 6.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Checksum, Component, ComponentKind, Purl, Scope, checksum::Algorithm};
use crate::format::yaml::utf8;
use crate::tree::lockfile::Lockfile;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::packages::Packages;
use crate::tree::reading::{Fault, Reading};
use std::collections::HashMap;

/// Whether a file is one. The second is Bundler's other name for the same.
pub fn is(file_name: &str) -> bool {
    matches!(file_name, "Gemfile.lock" | "gems.locked")
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let text = match utf8(lockfile.bytes) {
        Ok(text) => text,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Complete);
    let mut gems = Gems::default();
    for (line, number) in text.lines().zip(1..) {
        if let Err(what) = gems.line(line.trim_end()) {
            assembly.invalid(number, what);
        }
    }
    gems.finish(&mut assembly, lockfile.path);
    assembly.finish()
}

/// What the lines so far say.
#[derive(Default)]
struct Gems<'a> {
    section: &'a str,
    remote: &'a str,
    revision: &'a str,
    gems: Vec<Component>,
    /// By name, version and platform as written: `nokogiri (1.16.0-x86_64-linux)`.
    written: HashMap<(&'a str, &'a str), usize>,
    current: Option<usize>,
    needs: Vec<(usize, &'a str)>,
    asked: Vec<&'a str>,
    has_dependencies: bool,
}

impl<'a> Gems<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), String> {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        match (indent, self.section) {
            _ if text.is_empty() => {}
            (0, _) if text.starts_with(['<', '=', '>', '|']) => {
                return Err("the mark of a merge conflict".into());
            }
            (0, _) => {
                (self.section, self.remote, self.revision, self.current) = (text, "", "", None);
                self.has_dependencies |= text == "DEPENDENCIES";
            }
            (2, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => self.fact(text),
            (4, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => self.gem(text)?,
            (6, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => {
                let (name, _) = named(text).ok_or_else(|| unreadable("need", text))?;
                let gem = self.current.ok_or_else(|| unreadable("need", text))?;
                self.needs.push((gem, name));
            }
            // The mark says that the Gemfile names a source for it.
            (2, "DEPENDENCIES") => {
                let (name, _) =
                    named(text.trim_end_matches('!')).ok_or_else(|| unreadable("dependency", text))?;
                self.asked.push(name);
            }
            (2, "CHECKSUMS") => self.checksums(text)?,
            // Platforms, Ruby's and Bundler's version: no gems.
            (_, "PLATFORMS" | "RUBY VERSION" | "BUNDLED WITH") => {}
            (_, section) => return Err(format!("what stands in {section} is not known")),
        }
        Ok(())
    }

    fn fact(&mut self, text: &'a str) {
        match text.split_once(": ") {
            Some(("remote", remote)) => self.remote = remote,
            Some(("revision", revision)) => self.revision = revision,
            _ => {}
        }
    }

    fn gem(&mut self, text: &'a str) -> Result<(), String> {
        self.current = None;
        let (name, Some(written)) = named(text).ok_or_else(|| unreadable("gem", text))? else {
            return Err(unreadable("gem", text));
        };
        if self.written.contains_key(&(name, written)) {
            return Err(format!("`{}` stands twice", text.escape_debug()));
        }
        let (version, platform) = written.split_once('-').unwrap_or((written, ""));
        let source = match self.section {
            "GIT" => format!("git+{}@{}", self.remote, self.revision),
            _ => String::new(),
        };
        let qualifiers = [("platform", platform), ("vcs_url", &source)];
        let mut gem = Component::new(ComponentKind::Library, name, Some(version));
        let is_here = self.section == "PATH" && self.remote == ".";
        if self.section != "PATH" || is_here {
            gem.purl = Purl::qualified("gem", "", name, version, &qualifiers);
        }
        if is_here {
            gem.kind = ComponentKind::Application;
        }
        self.current = Some(self.gems.len());
        self.written.insert((name, written), self.gems.len());
        self.gems.push(gem);
        Ok(())
    }

    /// `name (version) sha256=HEX,sha512=HEX`; nothing after the version where Bundler has not seen the file.
    fn checksums(&mut self, text: &'a str) -> Result<(), String> {
        let (written, digests) = text.rsplit_once(") ").unwrap_or((text.trim_end_matches(')'), ""));
        let (name, written) = written.split_once(" (").ok_or_else(|| unreadable("checksum", text))?;
        let gem = self.written.get(&(name, written)).copied();
        for digest in digests.split(',').filter(|digest| !digest.is_empty()) {
            let (algorithm, hex) = digest.split_once('=').ok_or_else(|| unreadable("checksum", text))?;
            let algorithm = Algorithm::named(algorithm).ok_or_else(|| unreadable("checksum", text))?;
            let checksum = Checksum::from_hex(algorithm, hex).ok_or_else(|| unreadable("checksum", text))?;
            if let Some(gem) = gem.and_then(|at| self.gems.get_mut(at)) {
                gem.checksums.push(checksum);
            }
        }
        Ok(())
    }

    fn finish(self, assembly: &mut Assembly, path: &str) {
        if !self.has_dependencies {
            let what = "the section DEPENDENCIES is missing";
            assembly.fault(Fault::of_file(Code::SbomSourceInvalid, what));
        }
        let (mut packages, mut nodes, mut roots) = (Packages::default(), Vec::new(), Vec::new());
        for gem in self.gems {
            let (name, is_root) = (gem.name.clone(), gem.kind == ComponentKind::Application);
            let node = if is_root { assembly.root(gem) } else { assembly.package(gem) };
            roots.extend(is_root.then_some(node));
            packages.add(name, node);
            nodes.push(node);
        }
        for (gem, name) in self.needs {
            // Bundler itself is not in it, and what no platform of the project needs neither.
            if let Some(node) = nodes.get(gem) {
                packages.link(assembly, *node, name, Scope::Runtime);
            }
        }
        // A Gemfile has no name; that of its gem will do where it has one, else its folder's.
        let root = match roots[..] {
            [gem] => gem,
            _ if self.asked.is_empty() => return,
            _ => assembly.root(Component::new(ComponentKind::Application, project(path), None)),
        };
        for name in self.asked {
            packages.link(assembly, root, name, Scope::Runtime);
        }
    }
}

/// A project without a name is called as its folder, or as the lockfile at the root of the tree.
fn project(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    folder.rsplit('/').next().unwrap_or(folder)
}

/// `name` or `name (what)`.
fn named(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once(" (") {
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(')')?))),
        None => (!text.contains([' ', '(', ')'])).then_some((text, None)),
    }
}

fn unreadable(kind: &str, text: &str) -> String {
    format!("a {kind} that cannot be read: `{}`", text.escape_debug())
}

#[cfg(test)]
mod tests;
