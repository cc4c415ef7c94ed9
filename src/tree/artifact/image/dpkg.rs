//! Debian's database of installed packages (deb-control(5)): one file, or one a package as distroless images have it.

use crate::format::bom::{Component, ComponentKind};
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::fields::{Fields, Folding, paragraphs};
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::packages::Package;
use crate::tree::artifact::parts::person;

/// Where the database lies.
pub const STATUS: &str = "var/lib/dpkg/status";
/// Where distroless images keep a file a package.
pub const STATUS_FOLDER: &str = "var/lib/dpkg/status.d";

/// The installed packages of a database.
pub fn read(bytes: &[u8], os: &Os) -> Result<Vec<Package>, Trouble> {
    let text = String::from_utf8_lossy(bytes);
    let mut packages = Vec::new();
    let mut broken = 0_usize;
    for fields in paragraphs(&text, Folding::Line) {
        // Distroless has no such field: what is listed is installed.
        let is_installed = fields.get("Status").is_none_or(|status| status.ends_with(" installed"));
        match package(&fields, os) {
            Some(package) if is_installed => packages.push(package),
            Some(_) => {}
            None => broken += 1,
        }
    }
    match (broken, packages.is_empty()) {
        (0, _) => Ok(packages),
        (_, true) => Err(Trouble::invalid("no package in it can be read")),
        (_, false) => Ok(packages),
    }
}

/// One paragraph; `None` if it names no package.
pub fn package(fields: &Fields, os: &Os) -> Option<Package> {
    let name = fields.get("Package").and_then(short)?;
    let version = fields.get("Version").and_then(short);
    let arch = fields.get("Architecture").and_then(short).unwrap_or_default();
    let mut component = Component::new(ComponentKind::Library, name, version);
    component.purl = os.purl("deb", name, version.unwrap_or_default(), arch, "");
    component.supplier = fields.get("Maintainer").and_then(person);
    let names = |field: &str| -> Vec<Vec<String>> {
        let text = fields.get(field).unwrap_or_default();
        text.split(',').map(alternatives).filter(|any| !any.is_empty()).collect()
    };
    let needs = [names("Pre-Depends"), names("Depends")].concat();
    let provides = names("Provides").concat();
    Some(Package { component, arch: arch.to_owned(), provides, needs })
}

/// `a (>= 1) | b:any`: the names.
fn alternatives(text: &str) -> Vec<String> {
    let name = |one: &str| {
        let end = one.find(|c: char| c.is_whitespace() || "(:[<".contains(c)).unwrap_or(one.len());
        one.get(..end).and_then(short).map(str::to_owned)
    };
    text.split('|').filter_map(|one| name(one.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_counts() {
        let status = b"Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: amd64\n\
            Maintainer: People <p@example.org>\nDepends: b (>= 1) | c, d:any\nProvides: e (= 1)\n\n\
            Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
            Package: half\nStatus: install ok half-installed\nVersion: 1\n";
        let os = Os::read(b"ID=debian\nVERSION_ID=12\n");
        let [a] = &read(status, &os).unwrap()[..] else { panic!("one is installed") };
        assert_eq!(
            a.component.purl.as_ref().unwrap().as_str(),
            "pkg:deb/debian/a@1:2-3?arch=amd64&distro=debian-12"
        );
        assert_eq!(a.component.supplier.as_deref(), Some("People"));
        assert_eq!(a.needs, [vec!["b".to_owned(), "c".to_owned()], vec!["d".to_owned()]]);
        assert_eq!(a.provides, ["e"]);
    }
}
