//! `gradle.lockfile`: one line a module, with the configurations that it is locked for. Who needs whom is not in it.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Component, ComponentKind, Purl, Scope};
use crate::format::yaml::utf8;
use crate::tree::lockfile::Lockfile;
use crate::tree::reading::Reading;
use std::collections::HashSet;

/// Whether a file is one: of a project, or of the build itself.
pub fn is(file_name: &str) -> bool {
    matches!(file_name, "gradle.lockfile" | "buildscript-gradle.lockfile" | "settings-gradle.lockfile")
}

/// Reads one.
pub fn read(lockfile: &Lockfile<'_>) -> Reading {
    let text = match utf8(lockfile.bytes) {
        Ok(text) => text,
        Err(fault) => return fault.into(),
    };
    let mut reading = Reading::new(Aggregate::Unknown);
    let of_build = !lockfile.path.ends_with("/gradle.lockfile") && lockfile.path != "gradle.lockfile";
    let (mut seen, mut ended) = (HashSet::new(), false);
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((module, configurations)) = line.split_once('=') else {
            reading.fault(Code::SbomSourceInvalid, Some(number), "a line without `=`");
            continue;
        };
        if module == "empty" {
            ended = true;
            continue;
        }
        match component(module) {
            Some(_) if !seen.insert(module) => {
                let what = format!("`{}` stands twice", module.escape_debug());
                reading.fault(Code::SbomSourceInvalid, Some(number), what);
            }
            Some(mut component) => {
                let for_tests = configurations.split(',').all(is_for_tests);
                component.scope = if of_build || for_tests { Scope::Development } else { Scope::Runtime };
                reading.graph.add(component);
            }
            None => {
                let what = format!("`{}` is no module", module.escape_debug());
                reading.fault(Code::SbomSourceInvalid, Some(number), what);
            }
        }
    }
    // Gradle ends every file with the configurations that are empty, even if there are none.
    if !ended {
        reading.fault(Code::SbomSourceInvalid, None, "the line `empty=` at its end is missing");
    }
    reading
}

/// `group:artifact:version`.
fn component(module: &str) -> Option<Component> {
    let mut parts = module.split(':');
    let (Some(group), Some(artifact), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let purl =
        Purl::new("maven", group, artifact, version).filter(|_| !group.is_empty() && !version.is_empty())?;
    let name = format!("{group}:{artifact}");
    Some(Component { purl: Some(purl), ..Component::new(ComponentKind::Library, name, Some(version)) })
}

/// `testRuntimeClasspath`, `debugAndroidTestCompileClasspath`: `test` as a word of a name in camel case.
fn is_for_tests(configuration: &str) -> bool {
    let at_start = configuration.strip_prefix("test");
    let inside = configuration.split_once("Test").map(|(_, rest)| rest);
    let ends_there = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_lowercase());
    at_start.is_some_and(ends_there) || inside.is_some_and(ends_there)
}

#[cfg(test)]
mod tests;
