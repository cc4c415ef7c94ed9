//! Reads an SPDX document of ours back, as far as it is compared with the CycloneDX one.

use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Json<'a> {
    #[serde(borrow)]
    pub spdx_version: Cow<'a, str>,
    #[serde(borrow)]
    pub creation_info: CreationInfoJson<'a>,
    #[serde(borrow)]
    pub packages: Vec<PackageJson<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct CreationInfoJson<'a> {
    #[serde(borrow)]
    pub created: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackageJson<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub version_info: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub checksums: Vec<ChecksumJson<'a>>,
    #[serde(borrow, default)]
    external_refs: Vec<ExternalRefJson<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChecksumJson<'a> {
    #[serde(borrow)]
    pub algorithm: Cow<'a, str>,
    #[serde(borrow)]
    pub checksum_value: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRefJson<'a> {
    #[serde(borrow)]
    reference_type: Cow<'a, str>,
    #[serde(borrow)]
    reference_locator: Cow<'a, str>,
}

impl PackageJson<'_> {
    /// The package URL.
    pub fn purl(&self) -> Option<&str> {
        let purl = self.external_refs.iter().find(|one| one.reference_type == "purl")?;
        Some(&purl.reference_locator)
    }
}
