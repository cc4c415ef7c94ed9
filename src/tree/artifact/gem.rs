//! RubyGems (`gem build`): `metadata.gz` in a tar, which is YAML with tags of Ruby's classes.

mod yaml;

use crate::format::bom::{Aggregate, Component, ComponentKind, Purl, Scope};
use crate::tree::artifact::bounds::{Budget, Trouble, short};
use crate::tree::artifact::gem::yaml::Yaml;
use crate::tree::artifact::parts::{Needed, licences, people};
use crate::tree::artifact::tar::{EntryKind, Tar};
use crate::tree::reading::Reading;
use flate2::read::GzDecoder;

/// What a gem says of itself.
pub fn read(tar: &mut Tar<'_>) -> Result<Reading, Trouble> {
    let mut budget = Budget::new();
    while let Some(entry) = tar.next(&mut budget)? {
        if entry.kind != EntryKind::File || entry.path != "metadata.gz" {
            continue;
        }
        let bytes = budget.manifest(&mut GzDecoder::new(tar.body()))?;
        let text = String::from_utf8(bytes).map_err(|_| Trouble::invalid("metadata.gz is not UTF-8"))?;
        return specification(&yaml::read(&text)?);
    }
    Err(Trouble::invalid("a gem without metadata.gz"))
}

fn specification(gem: &Yaml) -> Result<Reading, Trouble> {
    let name = gem.get("name").and_then(Yaml::text).and_then(short);
    let name = name.ok_or_else(|| Trouble::invalid("metadata.gz names no gem"))?;
    let version =
        gem.get("version").and_then(|version| version.get("version")).and_then(Yaml::text).and_then(short);
    let mut component = Component::new(ComponentKind::Library, name, version);
    let platform = gem.get("platform").and_then(Yaml::text).filter(|platform| *platform != "ruby");
    let qualifiers = [("platform", platform.unwrap_or_default())];
    component.purl = Purl::qualified("gem", "", name, version.unwrap_or_default(), &qualifiers);
    let texts = |key: &str| gem.get(key).into_iter().flat_map(Yaml::items).filter_map(Yaml::text);
    component.licence = licences(&texts("licenses").collect::<Vec<_>>());
    component.supplier = people(texts("authors"));
    let mut needed = Needed::default();
    for dependency in gem.get("dependencies").into_iter().flat_map(Yaml::items) {
        let kind = dependency.get("type").and_then(Yaml::text);
        if let Some(name) = dependency.get("name").and_then(Yaml::text).filter(|_| kind == Some(":runtime")) {
            needed.add(name, Scope::Runtime);
        }
    }
    let mut reading = Reading::new(Aggregate::Unknown);
    let root = reading.graph.add_root(component);
    needed.add_to(&mut reading.graph, root, |name| Purl::new("gem", "", name, ""));
    Ok(reading)
}
