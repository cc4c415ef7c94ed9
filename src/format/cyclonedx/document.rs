//! The document as it is written: the parts of the CycloneDX 1.6 schema that are used, in the order of the schema.
//! Strings are borrowed from what is described.

use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a, C, D> {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub bom_format: &'static str,
    pub spec_version: &'static str,
    pub serial_number: String,
    pub version: u32,
    pub metadata: Metadata<'a>,
    /// Of [`Component`].
    pub components: C,
    /// Of [`Dependency`].
    pub dependencies: D,
    pub compositions: Vec<Composition<'a>>,
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub timestamp: String,
    pub tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<Organisation<'a>>,
    pub component: Component<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Organisation<'a>>,
    pub properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Tools<'a> {
    pub components: [Tool<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: &'a str,
    pub version: &'a str,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Organisation<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(rename = "bom-ref")]
    pub bom_ref: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Organisation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<&'a str>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash<'a>>,
    /// One or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<Licence<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
pub(super) struct Hash<'a> {
    pub alg: &'static str,
    pub content: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Licence<'a> {
    License(OneLicence<'a>),
    Expression(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OneLicence<'a> {
    Id(&'a str),
    Name(&'a str),
}

#[derive(Serialize)]
pub(super) struct Evidence<'a> {
    pub occurrences: Vec<Occurrence<'a>>,
}

#[derive(Serialize)]
pub(super) struct Occurrence<'a> {
    pub location: &'a str,
}

#[derive(Serialize)]
pub(super) struct Property<'a> {
    pub name: &'static str,
    pub value: Cow<'a, str>,
}

#[derive(Serialize)]
pub(super) struct Dependency<'a> {
    #[serde(rename = "ref")]
    pub of: &'a str,
    #[serde(rename = "dependsOn")]
    pub depends_on: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Composition<'a> {
    pub aggregate: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assemblies: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<&'a str>,
}
