//! The document as it is written: the parts of the SPDX 2.3 JSON schema that are used. Strings are borrowed from what is
//! described.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a, P, R> {
    pub spdx_version: &'static str,
    pub data_license: &'static str,
    #[serde(rename = "SPDXID")]
    pub spdx_id: &'static str,
    pub document_namespace: String,
    pub name: String,
    pub creation_info: CreationInfo,
    pub comment: String,
    /// Of [`Package`].
    pub packages: P,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has_extracted_licensing_infos: Vec<ExtractedLicence<'a>>,
    /// Of [`Relationship`].
    pub relationships: R,
}

#[derive(Serialize)]
pub(super) struct CreationInfo {
    pub created: String,
    pub creators: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    pub spdx_id: &'a str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_file_name: Option<&'a str>,
    pub supplier: String,
    pub download_location: &'static str,
    pub files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_info: Option<String>,
    pub license_concluded: &'static str,
    pub license_declared: &'a str,
    pub copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_refs: Vec<ExternalRef<'a>>,
    pub primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checksum<'a> {
    pub algorithm: &'static str,
    pub checksum_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalRef<'a> {
    pub reference_category: &'static str,
    pub reference_type: &'static str,
    pub reference_locator: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtractedLicence<'a> {
    pub license_id: &'a str,
    pub name: &'a str,
    pub extracted_text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship<'a> {
    pub spdx_element_id: &'a str,
    pub relationship_type: &'static str,
    pub related_spdx_element: &'a str,
}
