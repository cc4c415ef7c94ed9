//! `go.mod` (Go Modules Reference): the module, and the versions that it requires.
//!
//! Since Go 1.17 a main module lists everything that its packages need, with `// indirect` where another module asked
//! for it; who asked is nowhere. The digests in `go.sum` are of a list of a module's files (`h1:`), not of any file, so
//! they are no checksums of a component; and it lists versions that were only looked at, so nothing is taken from it.
//! The `go` line is the least version that is required, not the one that builds, so it gives no component either.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Component, ComponentKind, Purl};
use crate::format::yaml::utf8;
use crate::tree::lockfile::Lockfile;
use crate::tree::reading::Reading;
use std::collections::HashMap;

/// Directives that are known. All but three say nothing of what the module is made of.
const DIRECTIVES: [&str; 10] =
    ["module", "require", "replace", "exclude", "retract", "go", "toolchain", "godebug", "tool", "ignore"];

/// Whether a file is one.
pub fn is(file_name: &str) -> bool {
    file_name == "go.mod"
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let text = match utf8(lockfile.bytes) {
        Ok(text) => text,
        Err(fault) => return fault.into(),
    };
    let mut reading = Reading::new(Aggregate::Unknown);
    let module = Module::parse(&mut reading, text);
    let Some(name) = module.name else {
        reading.fault(Code::SbomSourceInvalid, None, "no module is named");
        return reading;
    };
    let purl = purl(&name, "");
    let root = Component { purl, ..Component::new(ComponentKind::Application, name, None) };
    let root = reading.graph.add_root(root);
    for required in module.required {
        let replaced = module.replaced.get(&(required.path.clone(), Some(required.version.clone())));
        let replaced = replaced.or_else(|| module.replaced.get(&(required.path.clone(), None)));
        let component = match replaced {
            None => library(required.path, Some(&required.version)),
            Some(Replacement::Module(path, version)) => library(path.clone(), Some(version)),
            // A folder has no version, and is not what the path stands for elsewhere.
            Some(Replacement::Folder) => Component::new(ComponentKind::Library, required.path, None),
        };
        let node = reading.graph.add(component);
        if !required.indirect {
            reading.graph.depend(root, node);
        }
    }
    reading
}

fn library(path: String, version: Option<&str>) -> Component {
    let purl = purl(&path, version.unwrap_or_default());
    Component { purl, ..Component::new(ComponentKind::Library, path, version) }
}

fn purl(path: &str, version: &str) -> Option<Purl> {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    Purl::new("golang", namespace, name, version)
}

struct Required {
    path: String,
    version: String,
    indirect: bool,
}

enum Replacement {
    Module(String, String),
    Folder,
}

#[derive(Default)]
struct Module {
    name: Option<String>,
    required: Vec<Required>,
    /// The version each was required at, to see what is required twice.
    known: HashMap<String, String>,
    /// By path, and by version where only that is replaced.
    replaced: HashMap<(String, Option<String>), Replacement>,
}

impl Module {
    fn parse(reading: &mut Reading, text: &str) -> Module {
        let mut module = Module::default();
        let mut block: Option<&str> = None;
        let mut last = 1;
        for (line, number) in text.lines().zip(1..) {
            last = number;
            let (code, comment) = split_comment(line);
            let Some(words) = words(code) else {
                reading.fault(Code::SbomSourceInvalid, Some(number), "a quote that does not end");
                continue;
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (directive, rest) = match (block, &words[..]) {
                (_, []) => continue,
                (Some(_), [")"]) => {
                    block = None;
                    continue;
                }
                (Some(directive), rest) => (directive, rest),
                (None, [directive, "("]) => {
                    block = DIRECTIVES.into_iter().find(|known| known == directive).or(Some("unknown"));
                    check_directive(reading, number, directive);
                    continue;
                }
                (None, [directive, rest @ ..]) => {
                    check_directive(reading, number, directive);
                    (*directive, rest)
                }
            };
            if !module.directive(directive, rest, comment) {
                let what = format!("a {} line that cannot be read", directive.escape_debug());
                reading.fault(Code::SbomSourceInvalid, Some(number), what);
            }
        }
        if let Some(directive) = block {
            let what = format!("the {directive} block does not end");
            reading.fault(Code::SbomSourceInvalid, Some(last), what);
        }
        module
    }

    /// Takes one line; whether it could be read.
    fn directive(&mut self, directive: &str, words: &[&str], comment: &str) -> bool {
        match (directive, words) {
            ("module", [path]) if self.name.is_none() => self.name = Some((*path).to_owned()),
            ("module", _) => return false,
            ("require", [path, version]) => {
                let indirect = comment == "indirect" || comment.starts_with("indirect;");
                return self.require(path, version, indirect);
            }
            ("require", _) => return false,
            ("replace", [path, "=>", by @ ..]) => return self.replace(path, None, by),
            ("replace", [path, version, "=>", by @ ..]) => return self.replace(path, Some(version), by),
            ("replace", _) => return false,
            _ => {}
        }
        true
    }

    fn require(&mut self, path: &str, version: &str, indirect: bool) -> bool {
        if !version.starts_with('v') {
            return false;
        }
        match self.known.get(path) {
            Some(known) => known == version,
            None => {
                self.known.insert(path.to_owned(), version.to_owned());
                self.required.push(Required { path: path.to_owned(), version: version.to_owned(), indirect });
                true
            }
        }
    }

    fn replace(&mut self, path: &str, version: Option<&str>, by: &[&str]) -> bool {
        let by = match by {
            [path, version] => Replacement::Module((*path).to_owned(), (*version).to_owned()),
            [_] => Replacement::Folder,
            _ => return false,
        };
        self.replaced.insert((path.to_owned(), version.map(str::to_owned)), by);
        true
    }
}

fn check_directive(reading: &mut Reading, line: usize, directive: &str) {
    if !DIRECTIVES.contains(&directive) {
        let what = format!("the directive `{}` is not known", directive.escape_debug());
        reading.fault(Code::SbomSourceNewer, Some(line), what);
    }
}

fn split_comment(line: &str) -> (&str, &str) {
    let (code, comment) = line.split_once("//").unwrap_or((line, ""));
    (code, comment.trim())
}

/// The words of a line; quotes of both kinds hold one word, in which Go knows no escapes for paths.
fn words(code: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '`' => rest.get(1..)?.split_once(first)?,
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests;
