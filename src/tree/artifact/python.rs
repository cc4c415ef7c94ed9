//! Python's core metadata (PyPA specifications, version 2.4), which wheels and source archives carry.

use crate::format::bom::{Component, ComponentKind, Licence, Purl, Scope};
use crate::tree::artifact::bounds::short;
use crate::tree::artifact::fields::{Fields, Folding};
use crate::tree::artifact::parts::{Needed, licence, people, person};

/// What a METADATA or PKG-INFO says.
#[derive(Debug)]
pub struct Metadata {
    /// The package.
    pub component: Component,
    /// What it needs: `Requires-Dist`.
    pub needed: Needed,
}

/// Reads a METADATA or PKG-INFO; `None` if it names no package.
pub fn metadata(bytes: &[u8]) -> Option<Metadata> {
    let fields = Fields::first(&String::from_utf8_lossy(bytes), Folding::Line);
    let name = fields.get("Name").and_then(short)?;
    let version = fields.get("Version").and_then(short);
    let mut component = Component::new(ComponentKind::Library, name, version);
    component.purl = purl(name, version.unwrap_or_default());
    component.licence = stated_licence(&fields);
    component.supplier = supplier(&fields);
    let mut needed = Needed::default();
    for requirement in fields.all("Requires-Dist") {
        if let Some((name, scope)) = requirement_of(requirement) {
            needed.add(name, scope);
        }
    }
    Some(Metadata { component, needed })
}

/// The package URL of a package of the Python Package Index.
pub fn purl(name: &str, version: &str) -> Option<Purl> {
    Purl::new("pypi", "", name, version)
}

/// PEP 639's expression, else the one line of `License`, else what the classifiers say.
fn stated_licence(fields: &Fields) -> Option<Licence> {
    let is_said = |text: &&str| !text.eq_ignore_ascii_case("UNKNOWN");
    let of = |name| fields.get(name).filter(is_said).and_then(licence);
    of("License-Expression").or_else(|| of("License")).or_else(|| {
        let classifiers = fields.all("Classifier").filter(|text| text.starts_with("License ::"));
        let names: Vec<&str> = classifiers.filter_map(|text| text.rsplit(" :: ").next()).collect();
        match &names[..] {
            [] => None,
            names => licence(&names.join(", ")),
        }
    })
}

fn supplier(fields: &Fields) -> Option<String> {
    let is_said = |text: &&str| !text.eq_ignore_ascii_case("UNKNOWN");
    let plain = |name| fields.get(name).filter(is_said).and_then(person);
    let mailed = |name| fields.get(name).and_then(|text| people(split_mails(text)));
    plain("Author")
        .or_else(|| mailed("Author-email"))
        .or_else(|| plain("Maintainer"))
        .or_else(|| mailed("Maintainer-email"))
}

/// `A <a@x>, "B, C" <b@x>`: a comma parts people only behind a mail.
fn split_mails(text: &str) -> impl Iterator<Item = &str> {
    text.split('>').map(|one| one.trim_start_matches([',', ' ', '\n', '\t'])).filter(|one| one.contains('<'))
}

/// `name[extra] (>=1) ; marker`: what an extra or a platform asks for is optional (PEP 508).
fn requirement_of(text: &str) -> Option<(&str, Scope)> {
    let (what, marker) = text.split_once(';').unwrap_or((text, ""));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let what = what.trim_start();
    let end = what.find(|c| !is_name(c)).unwrap_or(what.len());
    let name = what.get(..end).filter(|name| !name.is_empty())?;
    Some((name, if marker.trim().is_empty() { Scope::Runtime } else { Scope::Optional }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_lose_versions_extras_and_markers() {
        for (text, expected) in [
            ("requests", ("requests", Scope::Runtime)),
            ("requests[security]>=2.0,<3", ("requests", Scope::Runtime)),
            ("Django (>=4)", ("Django", Scope::Runtime)),
            ("pytest>=7 ; extra == 'test'", ("pytest", Scope::Optional)),
            ("colorama; sys_platform == \"win32\"", ("colorama", Scope::Optional)),
            ("x @ https://example.org/x.whl", ("x", Scope::Runtime)),
        ] {
            assert_eq!(requirement_of(text), Some(expected), "{text}");
        }
        assert_eq!(requirement_of(" ; python_version<'3'"), None);
    }

    #[test]
    fn licences_stand_in_three_places() {
        let read = |text: &str| {
            let text = format!("Metadata-Version: 2.4\nName: x\nVersion: 1\n{text}\n\nbody: not a field\n");
            metadata(text.as_bytes()).unwrap().component.licence
        };
        let expression = |text: &str| Some(Licence::Expression(text.into()));
        assert_eq!(
            read("License: UNKNOWN\nLicense-Expression: MIT OR Apache-2.0"),
            expression("MIT OR Apache-2.0")
        );
        assert_eq!(read("License: BSD-3-Clause"), expression("BSD-3-Clause"));
        assert_eq!(
            read("License: Copyright me\n and you\nClassifier: License :: OSI Approved :: MIT License"),
            Some(Licence::Named("MIT License".into()))
        );
        assert_eq!(read("License: UNKNOWN"), None);
    }

    #[test]
    fn authors_are_named_by_mail_addresses_too() {
        let read = |text: &str| metadata(format!("Name: x\n{text}").as_bytes()).unwrap().component.supplier;
        assert_eq!(read("Author: Jane Doe\nAuthor-email: j@example.org").as_deref(), Some("Jane Doe"));
        let two = read("Author-email: Jane <j@example.org>, \"Doe, John\" <d@example.org>");
        assert_eq!(two.as_deref(), Some("Jane, Doe, John"));
        assert_eq!(read("Author-email: j@example.org"), None);
        assert!(metadata(b"Version: 1\n").is_none());
    }
}
