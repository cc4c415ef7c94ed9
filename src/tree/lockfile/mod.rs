//! Lockfiles: which packages a project was resolved to. One file an ecosystem's format; [`KINDS`] is the table of all.
//!
//! A reader gives what the file states and nothing else. It never starts a program, never asks the network, and bounds
//! what a hostile file can make it do: depth, repetition, size.

mod assembly;
mod bun;
mod cargo;
mod cargo_toml;
mod composer;
mod gemfile;
mod go_mod;
mod gradle;
mod javascript;
mod json;
mod maven;
mod mix;
mod npm;
mod npm_v1;
mod nuget;
mod packages;
mod pdm;
mod pip_lines;
mod pipfile;
mod places;
mod pnpm;
mod poetry;
mod pubspec;
mod pylock;
mod pyproject;
mod python;
mod requirement;
mod requirements;
#[cfg(test)]
mod samples;
mod source;
mod terms;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod toml_tree;
mod uv;
mod xml;
mod yarn;
mod yarn_berry;
mod yarn_classic;
mod yarn_lines;

use crate::tree::reading::Reading;

/// The largest lockfile that is read, in bytes.
pub const LOCKFILE_BYTES_MAX: u64 = 64 << 20;

/// A lockfile, and what lies beside it.
pub struct Lockfile<'a> {
    /// Its path in the tree, for names of projects and for people.
    pub path: &'a str,
    /// Its content, at most [`LOCKFILE_BYTES_MAX`].
    pub bytes: &'a [u8],
    /// Files in its folder and below: the manifests of the project and of its workspace's members, vendored manifests.
    pub beside: &'a dyn Beside,
}

/// Files in a lockfile's folder and below: of the tree, of an image's layers, of a test.
pub trait Beside {
    /// A file by its path relative to the lockfile's folder, with forward slashes; `None` if it is not there, cannot be
    /// read, leaves the folder, or is larger than a manifest may be.
    fn read(&self, relative: &str) -> Option<Vec<u8>>;
}

impl Lockfile<'_> {
    /// What a project without a name is called: its folder in the tree, or at the top of it the lockfile.
    pub fn folder_name(&self, folder: &str) -> String {
        let (above, file) = self.path.rsplit_once('/').unwrap_or(("", self.path));
        let folder = folder.trim_start_matches("./").trim_matches(['.', '/']);
        let parts: Vec<&str> = [above, folder].into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { file.to_owned() } else { parts.join("/") }
    }
}

/// Nothing lies beside it.
impl Beside for () {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// A kind of lockfile.
pub struct Kind {
    /// What it is called in documents: `Cargo.lock`, `pnpm-lock.yaml`.
    pub name: &'static str,
    /// Whether a file of this name, without its folder, is one.
    pub is: fn(file_name: &str) -> bool,
    /// Reads it.
    pub read: fn(&Lockfile<'_>) -> Reading,
}

/// Every kind that is known, sorted by name.
pub const KINDS: &[Kind] = &[
    Kind { name: "Cargo.lock", is: |name| name == "Cargo.lock", read: cargo::read },
    Kind { name: "bun.lock", is: |name| name == "bun.lock", read: bun::read },
    Kind { name: "Gemfile.lock", is: gemfile::is, read: gemfile::read },
    Kind { name: "Pipfile.lock", is: pipfile::is, read: pipfile::read },
    Kind { name: "composer.lock", is: composer::is, read: composer::read },
    Kind { name: "go.mod", is: go_mod::is, read: go_mod::read },
    Kind { name: "gradle.lockfile", is: gradle::is, read: gradle::read },
    Kind { name: "mix.lock", is: mix::is, read: mix::read },
    Kind { name: "npm-shrinkwrap.json", is: |name| name == "npm-shrinkwrap.json", read: npm::read },
    Kind { name: "package-lock.json", is: |name| name == "package-lock.json", read: npm::read },
    Kind { name: "packages.lock.json", is: nuget::is, read: nuget::read },
    Kind { name: "pdm.lock", is: pdm::is, read: pdm::read },
    Kind { name: "pnpm-lock.yaml", is: |name| name == "pnpm-lock.yaml", read: pnpm::read },
    Kind { name: "poetry.lock", is: poetry::is, read: poetry::read },
    Kind { name: "pom.xml", is: maven::is, read: maven::read },
    Kind { name: "pubspec.lock", is: pubspec::is, read: pubspec::read },
    Kind { name: "pylock.toml", is: pylock::is, read: pylock::read },
    Kind { name: "requirements.txt", is: requirements::is, read: requirements::read },
    Kind { name: "uv.lock", is: uv::is, read: uv::read },
    Kind { name: "yarn.lock", is: |name| name == "yarn.lock", read: yarn::read },
];

/// The kind of a file by its path in the tree.
pub fn kind_of(path: &str) -> Option<&'static Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    KINDS.iter().find(|kind| (kind.is)(name))
}
