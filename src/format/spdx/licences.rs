//! What stands as `licenseDeclared`, and the `LicenseRef-` entries that this needs.

use crate::format::bom::Licence;
use crate::format::spdx::document::ExtractedLicence;
use crate::format::spdx::id;
use ::spdx::{Expression, LicenseItem};
use std::collections::{BTreeMap, HashMap};

/// A licence that nothing is said of.
pub(super) const NOASSERTION: &str = "NOASSERTION";

const TEXT_UNKNOWN: &str = "The sources of this document name the licence and do not have its text.";

/// Every licence of a release as SPDX writes it. Each text is parsed once, however many packages have it.
#[derive(Default)]
pub(super) struct Licences<'a> {
    declared: HashMap<&'a Licence, String>,
    /// By id: name, text.
    extracted: BTreeMap<String, (String, String)>,
}

impl<'a> Licences<'a> {
    /// Every licence in this list.
    pub fn of(licences: impl Iterator<Item = &'a Licence>) -> Licences<'a> {
        let mut all = Licences::default();
        for licence in licences {
            if !all.declared.contains_key(licence) {
                let declared = all.declare(licence);
                all.declared.insert(licence, declared);
            }
        }
        all
    }

    /// `licenseDeclared` of a licence from that list.
    pub fn declared(&self, licence: Option<&Licence>) -> &str {
        licence.and_then(|licence| self.declared.get(licence)).map_or(NOASSERTION, String::as_str)
    }

    /// `hasExtractedLicensingInfos`.
    pub fn extracted(&self) -> Vec<ExtractedLicence<'_>> {
        let entries = self.extracted.iter().map(|(license_id, (name, extracted_text))| ExtractedLicence {
            license_id,
            name,
            extracted_text,
        });
        entries.collect()
    }

    fn declare(&mut self, licence: &Licence) -> String {
        if let Licence::Expression(text) = licence
            && let Some(references) = references(text)
        {
            for id in references {
                self.extracted.entry(id.clone()).or_insert((id, TEXT_UNKNOWN.to_owned()));
            }
            return text.clone();
        }
        let name = licence.text();
        let id = id::licence(name);
        self.extracted.insert(id.clone(), (name.to_owned(), name.to_owned()));
        id
    }
}

/// The `LicenseRef-` ids of an expression; `None` if it names what only another document or a later SPDX defines.
fn references(expression: &str) -> Option<Vec<String>> {
    let parsed = Expression::parse(expression).ok()?;
    let mut references = Vec::new();
    for node in parsed.requirements() {
        let addition_is_known = node.req.addition.as_ref().is_none_or(|addition| addition.id().is_some());
        match &node.req.license {
            _ if !addition_is_known => return None,
            LicenseItem::Spdx { .. } => {}
            LicenseItem::Other(other) if other.doc_ref.is_none() => {
                references.push(format!("LicenseRef-{}", other.lic_ref));
            }
            LicenseItem::Other(_) => return None,
        }
    }
    Some(references)
}
