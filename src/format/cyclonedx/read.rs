//! Reads a CycloneDX document of ours back: what two releases are compared by, and what a signature is about.

use crate::format::bom::{RELEASED_FILE, Scope};
use crate::format::cyclonedx::{KIND_PROPERTY, join};
use crate::format::digest::Sha256;
use crate::format::kind::Kind;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;

/// The largest SBOM that is read, in bytes: what fits into a bundle, which holds it as base64.
pub const BOM_BYTES_MAX: usize = 47 << 20;

/// A document as far as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bom {
    /// The project that it describes.
    pub project: String,
    /// The version of the release.
    pub version: Option<String>,
    /// Release or backup.
    pub kind: Kind,
    /// Everything in it but the project itself, in the order of the document. No `bom_ref` stands twice.
    pub components: Vec<Item>,
    /// How many needs are named, of the project and of the components.
    pub dependencies: usize,
    /// Whether the document says that something is missing.
    pub incomplete: bool,
}

/// A component of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name inside the document.
    pub bom_ref: String,
    /// Its whole name, group included, as its ecosystem writes it.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Its licence: an expression, an id or a name.
    pub licence: Option<String>,
    /// When it is needed.
    pub scope: Scope,
}

/// Why bytes are not such a document.
#[derive(Debug, thiserror::Error)]
pub enum BomFault {
    /// Longer than [`BOM_BYTES_MAX`].
    #[error("larger than 47 MiB")]
    TooLarge,
    /// Not the JSON of an SBOM.
    #[error("not an SBOM of ours: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format, or another version of it.
    #[error("not {0}")]
    Version(&'static str),
    /// It does not say what it is an SBOM of.
    #[error("no property attestar:kind that is release or backup")]
    Kind,
    /// Two components have one name.
    #[error("bom-ref {0:?} stands twice")]
    RefTwice(String),
    /// An edge to or from nothing.
    #[error("a dependency names {0:?}, which is not in it")]
    RefUnknown(String),
}

impl Bom {
    /// Reads a document.
    pub fn parse(bytes: &[u8]) -> Result<Bom, BomFault> {
        let json = Json::parse(bytes)?;
        check_refs(&json)?;
        let subject = json.metadata.component;
        Ok(Bom {
            project: subject.name.into_owned(),
            version: subject.version.map(Cow::into_owned),
            kind: kind(&json.metadata.properties)?,
            dependencies: json.dependencies.iter().map(|one| one.depends_on.len()).sum(),
            incomplete: json.compositions.iter().any(|one| one.aggregate == "incomplete"),
            components: json.components.into_iter().map(item).collect(),
        })
    }
}

/// What a document says of the release's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The version of the release.
    pub version: Option<String>,
    /// Every file of the release by its path, in the order of the document, with its SHA-256 where it has one.
    pub files: Vec<(String, Option<Sha256>)>,
}

/// Reads what a document says of the release's own files: the components whose name inside the document says so, as
/// nobody else's does.
pub fn released(bytes: &[u8]) -> Result<Released, BomFault> {
    let json = Json::parse(bytes)?;
    let file = |component: &ComponentJson<'_>| {
        let path = component.bom_ref.strip_prefix(RELEASED_FILE)?.to_owned();
        let sha256 = component.hashes.iter().find(|hash| hash.alg == "SHA-256");
        Some((path, sha256.and_then(|hash| Sha256::from_hex(&hash.content))))
    };
    let files = json.components.iter().filter_map(file).collect();
    Ok(Released { version: json.metadata.component.version.map(Cow::into_owned), files })
}

/// Project and kind of a document, without reading the rest.
pub(crate) fn subject(text: &str) -> Result<(String, Kind), BomFault> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        metadata: MetadataJson<'a>,
    }
    let head: Head<'_> = serde_json::from_str(text)?;
    let kind = kind(&head.metadata.properties)?;
    Ok((head.metadata.component.name.into_owned(), kind))
}

fn kind(properties: &[PropertyJson<'_>]) -> Result<Kind, BomFault> {
    let mut stated = properties.iter().filter(|property| property.name == KIND_PROPERTY);
    let kind = stated.next().and_then(|property| Kind::from_name(&property.value));
    kind.filter(|_| stated.next().is_none()).ok_or(BomFault::Kind)
}

fn check_refs(json: &Json<'_>) -> Result<(), BomFault> {
    let mut refs: HashSet<&str> = HashSet::with_capacity(json.components.len() + 1);
    for component in json.components.iter().chain([&json.metadata.component]) {
        if !refs.insert(&component.bom_ref) {
            return Err(BomFault::RefTwice(component.bom_ref.clone().into_owned()));
        }
    }
    let named = json.dependencies.iter().flat_map(|one| one.depends_on.iter().chain([&one.of]));
    match named.into_iter().find(|name| !refs.contains(&***name)) {
        Some(unknown) => Err(BomFault::RefUnknown(unknown.clone().into_owned())),
        None => Ok(()),
    }
}

fn item(component: ComponentJson<'_>) -> Item {
    let name = component.whole_name().into_owned();
    Item {
        bom_ref: component.bom_ref.into_owned(),
        name,
        version: component.version.map(Cow::into_owned),
        purl: component.purl.map(Cow::into_owned),
        licence: component.licenses.into_iter().find_map(LicenceJson::text),
        scope: match component.scope.as_deref() {
            Some("excluded") => Scope::Development,
            Some("optional") => Scope::Optional,
            _ => Scope::Runtime,
        },
    }
}

/// What is looked at; everything else is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Json<'a> {
    #[serde(borrow)]
    bom_format: Cow<'a, str>,
    #[serde(borrow)]
    spec_version: Cow<'a, str>,
    #[serde(borrow)]
    pub metadata: MetadataJson<'a>,
    #[serde(borrow)]
    pub components: Vec<ComponentJson<'a>>,
    #[serde(borrow)]
    dependencies: Vec<DependencyJson<'a>>,
    #[serde(borrow)]
    compositions: Vec<CompositionJson<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct MetadataJson<'a> {
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub component: ComponentJson<'a>,
    #[serde(borrow)]
    properties: Vec<PropertyJson<'a>>,
}

#[derive(Deserialize)]
struct PropertyJson<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(crate) struct ComponentJson<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "bom-ref", borrow)]
    bom_ref: Cow<'a, str>,
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    pub version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    scope: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub hashes: Vec<HashJson<'a>>,
    #[serde(borrow, default)]
    licenses: Vec<LicenceJson<'a>>,
    #[serde(borrow)]
    pub purl: Option<Cow<'a, str>>,
}

impl ComponentJson<'_> {
    /// Whether it is a file and no package: an artifact of the release, or a file in one.
    pub fn is_file(&self) -> bool {
        self.kind.as_deref() == Some("file")
    }

    pub fn whole_name(&self) -> Cow<'_, str> {
        join(self.group.as_deref(), &self.name, self.purl.as_deref())
    }
}

#[derive(Deserialize)]
pub(crate) struct HashJson<'a> {
    #[serde(borrow)]
    pub alg: Cow<'a, str>,
    #[serde(borrow)]
    pub content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct LicenceJson<'a> {
    #[serde(borrow)]
    license: Option<OneLicenceJson<'a>>,
    #[serde(borrow)]
    expression: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OneLicenceJson<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

impl LicenceJson<'_> {
    fn text(self) -> Option<String> {
        let one = self.license.and_then(|one| one.id.or(one.name));
        self.expression.or(one).map(Cow::into_owned)
    }
}

#[derive(Deserialize)]
struct DependencyJson<'a> {
    #[serde(rename = "ref", borrow)]
    of: Cow<'a, str>,
    #[serde(rename = "dependsOn", borrow, default)]
    depends_on: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct CompositionJson<'a> {
    #[serde(borrow)]
    aggregate: Cow<'a, str>,
}

impl<'a> Json<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Json<'a>, BomFault> {
        if bytes.len() > BOM_BYTES_MAX {
            return Err(BomFault::TooLarge);
        }
        let json: Json<'a> = serde_json::from_slice(bytes)?;
        let is_known = json.bom_format == "CycloneDX" && json.spec_version == "1.6";
        if is_known { Ok(json) } else { Err(BomFault::Version("CycloneDX 1.6")) }
    }
}
