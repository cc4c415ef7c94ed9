//! Alpine's database of installed packages: one letter, a colon and a value on a line, an empty line between packages.

use crate::format::bom::{Component, ComponentKind};
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::packages::Package;
use crate::tree::artifact::parts::{licence, person};

/// The installed packages of a database.
pub fn read(bytes: &[u8], os: &Os) -> Result<Vec<Package>, Trouble> {
    let text = String::from_utf8_lossy(bytes);
    let mut packages = Vec::new();
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for line in text.lines().chain([""]) {
        match line.split_once(':') {
            // Files and folders are most of the lines.
            Some(("F" | "R" | "a" | "Z" | "M", _)) => {}
            Some((letter, value)) => lines.push((letter, value)),
            None if !line.is_empty() => {}
            None => {
                packages.extend(package(&lines, os));
                lines.clear();
            }
        }
    }
    match packages.is_empty() && !text.trim().is_empty() {
        true => Err(Trouble::invalid("no package in it can be read")),
        false => Ok(packages),
    }
}

fn package(lines: &[(&str, &str)], os: &Os) -> Option<Package> {
    let get = |letter: &str| lines.iter().find(|(key, _)| *key == letter).map(|(_, value)| *value);
    let (name, version) = (get("P").and_then(short)?, get("V").and_then(short));
    let arch = get("A").and_then(short).unwrap_or_default();
    let mut component = Component::new(ComponentKind::Library, name, version);
    component.purl = os.purl("apk", name, version.unwrap_or_default(), arch, "");
    component.licence = get("L").and_then(licence);
    component.supplier = get("m").and_then(person);
    let words = |letter: &str| get(letter).unwrap_or_default().split_ascii_whitespace();
    let needs = words("D").filter(|word| !word.starts_with('!')).map(|word| vec![bare(word)]).collect();
    let provides = words("p").map(bare).collect();
    Some(Package { component, arch: arch.to_owned(), provides, needs })
}

/// `so:libc.musl-x86_64.so.1=1`, `busybox>1.36`, `cmd:sh`, each without its version.
fn bare(word: &str) -> String {
    word.split(['=', '<', '>', '~']).next().unwrap_or_default().to_owned()
}
