//! SBOMs that others put into an artifact (CycloneDX 1.4 to 1.6, JSON): what a wheel says of the libraries that were
//! copied into it (PEP 770).

use crate::format::bom::{Component, ComponentKind, Node, Purl};
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::parts::licence;
use crate::tree::reading::Reading;
use packageurl::PackageUrl;
use serde_json::Value;
use std::str::FromStr;

/// How deep components lie in each other.
const DEPTH_MAX: usize = 8;

/// Adds every component of an SBOM as something that `holder` has inside.
pub fn add(bytes: &[u8], holder: Node, reading: &mut Reading) -> Result<(), Trouble> {
    let json: Value =
        serde_json::from_slice(bytes).map_err(|error| Trouble::invalid(format!("not JSON: {error}")))?;
    if json.get("bomFormat").and_then(Value::as_str) != Some("CycloneDX") {
        return Err(Trouble::invalid("it is not CycloneDX"));
    }
    below(&json, holder, 0, reading)
}

fn below(json: &Value, holder: Node, depth: usize, reading: &mut Reading) -> Result<(), Trouble> {
    let inner = json.get("components").and_then(Value::as_array).into_iter().flatten();
    for component in inner {
        if depth == DEPTH_MAX {
            return Err(Trouble::too_large(format!("components more than {DEPTH_MAX} deep")));
        }
        let Some(read) = read(component) else {
            return Err(Trouble::invalid("a component without a name"));
        };
        let node = reading.graph.add(read);
        reading.graph.depend(holder, node);
        below(component, node, depth + 1, reading)?;
    }
    Ok(())
}

fn read(json: &Value) -> Option<Component> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).and_then(short);
    let name = match (text("group"), text("name")?) {
        (Some(group), name) => format!("{group}/{name}"),
        (None, name) => name.to_owned(),
    };
    let mut component = Component::new(ComponentKind::Library, name, text("version"));
    component.purl = text("purl").and_then(purl);
    component.licence = match json.get("licenses").and_then(Value::as_array).map(Vec::as_slice) {
        Some([one]) => {
            let of = |key: &str| one.get("license").and_then(|licence| licence.get(key));
            one.get("expression")
                .or_else(|| of("id"))
                .or_else(|| of("name"))
                .and_then(Value::as_str)
                .and_then(licence)
        }
        _ => None,
    };
    Some(component)
}

/// A package URL in its canonical spelling; `None` for what is none.
fn purl(text: &str) -> Option<Purl> {
    let read = PackageUrl::from_str(text).ok()?;
    let qualifiers: Vec<(&str, &str)> =
        read.qualifiers().iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    let (namespace, version) = (read.namespace().unwrap_or_default(), read.version().unwrap_or_default());
    Purl::qualified(read.ty(), namespace, read.name(), version, &qualifiers)
}
