//! `requirements*.txt`, as pip reads them: requirements (PEP 508), options, hashes, and other files of the same kind.
//!
//! Only what is pinned (`==`, `===`) has a version. Who needs whom is not in it, nor whether it is all.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Checksum, Component};
use crate::format::yaml::utf8;
use crate::tree::lockfile::assembly::Assembly;
use crate::tree::lockfile::pip_lines::{self, Statement};
use crate::tree::lockfile::python::{self, normalized};
use crate::tree::lockfile::requirement::Requirement;
use crate::tree::lockfile::{Beside, Lockfile};
use crate::tree::reading::{Fault, Reading};
use std::collections::{HashMap, HashSet};

/// The deepest that files include each other, and the most of them.
const INCLUDE_DEPTH_MAX: usize = 16;
const INCLUDES_MAX: usize = 100;

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name.starts_with("requirements") && file_name.ends_with(".txt")
}

/// Reads one, and the files that it includes.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let text = match utf8(lockfile.bytes) {
        Ok(text) => text,
        Err(fault) => return fault.into(),
    };
    let mut assembly = Assembly::new(Aggregate::Unknown);
    python::add_project(&mut assembly, lockfile);
    let own = lockfile.path.rsplit('/').next().unwrap_or(lockfile.path);
    let mut files = Files {
        beside: lockfile.beside,
        seen: HashSet::from([own.to_owned()]),
        open: Vec::new(),
        found: Vec::new(),
    };
    files.read(&mut assembly, own, text, false);
    add(&mut assembly, files.found);
    assembly.finish()
}

/// A requirement, and whether it only constrains others.
struct Found {
    requirement: Requirement,
    hashes: Vec<Checksum>,
    constrains: bool,
}

struct Files<'a> {
    beside: &'a dyn Beside,
    /// What was read already, by path in the lockfile's folder.
    seen: HashSet<String>,
    /// What is being read, outermost first.
    open: Vec<String>,
    found: Vec<Found>,
}

impl Files<'_> {
    fn read(&mut self, assembly: &mut Assembly, path: &str, text: &str, constrains: bool) {
        self.open.push(path.to_owned());
        for (line, text) in pip_lines::joined(text) {
            match pip_lines::statement(&text) {
                Ok(Statement::Nothing) => {}
                Ok(Statement::Include(file)) => self.include(assembly, line, file, constrains),
                Ok(Statement::Constrain(file)) => self.include(assembly, line, file, true),
                Ok(Statement::Require { text, hashes }) => {
                    match Requirement::read(text, &self.here(), self.beside) {
                        Ok(requirement) => self.found.extend(requirement.map(|requirement| Found {
                            requirement,
                            hashes,
                            constrains,
                        })),
                        Err(what) => self.fault(assembly, line, &what),
                    }
                }
                Err(what) => self.fault(assembly, line, &what),
            }
        }
        self.open.pop();
    }

    /// The folder of the file that is being read, in the lockfile's folder: empty or with a slash at its end.
    fn here(&self) -> String {
        let path = self.open.last().map_or("", String::as_str);
        path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"))
    }

    fn include(&mut self, assembly: &mut Assembly, line: usize, file: &str, constrains: bool) {
        let said = file.escape_debug().to_string();
        let Some(path) = pip_lines::resolved(&self.here(), file) else {
            return self.fault(assembly, line, &format!("`{said}` is not in this folder, and was not read"));
        };
        if self.open.contains(&path) {
            return self.fault(assembly, line, &format!("`{said}` includes itself"));
        }
        if self.seen.contains(&path) {
            return;
        }
        if self.open.len() > INCLUDE_DEPTH_MAX || self.seen.len() > INCLUDES_MAX {
            let what = format!("`{said}` is one file more than may be included");
            return assembly.fault(Fault::of_file(Code::SbomSourceTooLarge, what));
        }
        self.seen.insert(path.clone());
        let Some(bytes) = self.beside.read(&path) else {
            return self.fault(assembly, line, &format!("`{said}` cannot be read"));
        };
        match utf8(&bytes) {
            Ok(text) => self.read(assembly, &path, text, constrains),
            Err(fault) => self.fault(assembly, line, &format!("`{said}`: {}", fault.what)),
        }
    }

    /// A fault of the file that is being read; lines are those of the first file, so others stand in the text.
    fn fault(&self, assembly: &mut Assembly, line: usize, what: &str) {
        match &self.open[..] {
            [_] => assembly.invalid(line, what),
            [.., file] => {
                let what = format!("{}:{line}: {what}", file.escape_debug());
                assembly.fault(Fault::of_file(Code::SbomSourceInvalid, what));
            }
            [] => {}
        }
    }
}

/// Adds every package once. A constraint gives the version of what is required without one.
fn add(assembly: &mut Assembly, found: Vec<Found>) {
    let mut pins: HashMap<String, (String, Vec<Checksum>)> = HashMap::new();
    for one in found.iter().filter(|one| one.constrains) {
        if let Some(version) = &one.requirement.version {
            pins.insert(normalized(&one.requirement.name), (version.clone(), one.hashes.clone()));
        }
    }
    for mut one in found.into_iter().filter(|one| !one.constrains) {
        let name = normalized(&one.requirement.name);
        if one.requirement.version.is_none()
            && one.requirement.origin == python::Origin::Index
            && let Some((version, hashes)) = pins.get(&name)
        {
            one.requirement.version = Some(version.clone());
            one.hashes.extend(hashes.iter().cloned());
        }
        let Requirement { name, version, origin } = one.requirement;
        let package = python::package(&name, version.as_deref(), &origin);
        assembly.package(Component { checksums: one.hashes, ..package });
    }
}

#[cfg(test)]
mod tests;
