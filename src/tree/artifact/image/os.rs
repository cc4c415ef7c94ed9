//! Which system an image holds: os-release(5).

use crate::format::bom::{Component, ComponentKind, Purl};
use crate::tree::artifact::bounds::short;

/// What a release file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Os {
    /// `ID`: `debian`, `alpine`, `fedora`.
    pub id: Option<String>,
    /// `VERSION_ID`.
    pub version: Option<String>,
}

impl Os {
    /// Reads a release file.
    pub fn read(bytes: &[u8]) -> Os {
        let mut os = Os::default();
        for line in String::from_utf8_lossy(bytes).lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            let value = short(value).map(str::to_owned);
            match key.trim() {
                "ID" => os.id = value,
                "VERSION_ID" => os.version = value,
                _ => {}
            }
        }
        os
    }

    /// The system as a component; `None` if the file names none.
    pub fn component(&self) -> Option<Component> {
        let id = self.id.as_deref()?;
        Some(Component::new(ComponentKind::OperatingSystem, id, self.version.as_deref()))
    }

    /// The package URL of one of its packages; `None` where the system is unknown, since the name alone says nothing.
    pub fn purl(&self, kind: &str, name: &str, version: &str, arch: &str, epoch: &str) -> Option<Purl> {
        let id = self.id.as_deref()?;
        let distro = match &self.version {
            Some(version) => format!("{id}-{version}"),
            None => id.to_owned(),
        };
        Purl::qualified(kind, id, name, version, &[("arch", arch), ("distro", &distro), ("epoch", epoch)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_no_part_of_the_value() {
        let os = Os::read(b"NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=\"3.20.1\"\n# ID=x\n");
        assert_eq!((os.id.as_deref(), os.version.as_deref()), (Some("alpine"), Some("3.20.1")));
        let purl = os.purl("apk", "musl", "1.2.5-r0", "x86_64", "").unwrap();
        assert_eq!(purl.as_str(), "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1");
        assert_eq!(Os::default().purl("apk", "musl", "1", "", ""), None);
        assert!(Os::read(b"\xff\nID=\n").component().is_none());
    }
}
