//! Components of the SBOMs, and their licences.
//!
//! A component is known by its package URL without the version, a project of the tree by its place there. Versions that
//! both sides have cancel out. What is left is an upgrade only where one version is left on each side: with more,
//! nobody can tell which became which.

use crate::evidence::changes::Both;
use crate::format::bom::{RELEASED_FILE, order};
use crate::format::cyclonedx::read::{Bom, Item};
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What happened to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComponentEvent {
    /// Only the second side has it, or this version of it.
    Added,
    /// Only the first side has it, or this version of it.
    Removed,
    /// It has a later version on the second side.
    Upgraded,
    /// It has an earlier version on the second side.
    Downgraded,
    /// It has another version, and its ecosystem does not tell which of the two is the later one.
    Changed,
}

/// A component that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ComponentChange {
    /// What happened to it.
    pub change: ComponentEvent,
    /// Its whole name.
    pub name: String,
    /// Its ecosystem: the type of its package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// Its package URL on the second side, else on the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Its version on both sides; nothing where it is not there, or has none.
    pub version: Both<Option<String>>,
}

/// A licence that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LicenceChange {
    /// The component's whole name.
    pub name: String,
    /// Its version on both sides.
    pub version: Both<Option<String>>,
    /// Its licence on both sides; nothing where none is stated.
    pub licence: Both<Option<String>>,
}

/// What differs between two SBOMs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Components {
    /// How many components each side has; nothing where there is no SBOM. Then nothing is compared.
    pub compared: Both<Option<u64>>,
    /// Whether a side's SBOM says itself that something is missing in it.
    pub incomplete: Both<bool>,
    /// Components by ecosystem and name.
    pub changes: Vec<ComponentChange>,
    /// Licences by the component's name, of those that are on both sides.
    pub licences: Vec<LicenceChange>,
}

/// Compares two SBOMs.
pub fn changes(a: Option<&Bom>, b: Option<&Bom>) -> Components {
    let compared = Both { a: a.map(number), b: b.map(number) };
    let incomplete = Both { a: is_incomplete(a), b: is_incomplete(b) };
    let mut components = Components { compared, incomplete, ..Components::default() };
    let (Some(a), Some(b)) = (a, b) else { return components };
    let mut groups = BTreeMap::<String, Both<Vec<&Item>>>::new();
    for item in packages(a) {
        groups.entry(key(item)).or_default().a.push(item);
    }
    for item in packages(b) {
        groups.entry(key(item)).or_default().b.push(item);
    }
    groups.into_values().for_each(|group| components.group(group));
    let by = |change: &ComponentChange| (change.ecosystem.clone(), change.name.clone());
    components.changes.sort_by_cached_key(by);
    components.licences.sort_by_cached_key(|change| change.name.clone());
    components
}

fn is_incomplete(bom: Option<&Bom>) -> bool {
    bom.is_some_and(|bom| bom.incomplete)
}

/// The files of a release stand in its SBOM too, but are compared as files.
fn packages(bom: &Bom) -> impl Iterator<Item = &Item> {
    bom.components.iter().filter(|item| !item.bom_ref.starts_with(RELEASED_FILE))
}

fn number(bom: &Bom) -> u64 {
    packages(bom).count() as u64
}

impl Components {
    /// Compares everything of one name.
    fn group(&mut self, group: Both<Vec<&Item>>) {
        let Both { a: mut left, b: mut right } = group;
        let version = |item: &&Item| item.version.clone();
        left.sort_by_cached_key(version);
        right.sort_by_cached_key(version);
        let (left, right) = self.cancel(left, right);
        if let ([a], [b]) = (&left[..], &right[..]) {
            self.changes.push(change(event(a, b), Some(a), Some(b)));
            self.licence(a, b);
            return;
        }
        self.changes.extend(left.into_iter().map(|item| change(ComponentEvent::Removed, Some(item), None)));
        self.changes.extend(right.into_iter().map(|item| change(ComponentEvent::Added, None, Some(item))));
    }

    /// Leaves out the versions that both sides have; both lists are in order of the version.
    fn cancel<'i>(&mut self, left: Vec<&'i Item>, right: Vec<&'i Item>) -> (Vec<&'i Item>, Vec<&'i Item>) {
        let (mut only_left, mut only_right) = (Vec::new(), Vec::new());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return (only_left, only_right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.version.cmp(&b.version),
            };
            match order {
                Ordering::Less => only_left.extend(left.next()),
                Ordering::Greater => only_right.extend(right.next()),
                Ordering::Equal => {
                    if let Some((a, b)) = left.next().zip(right.next()) {
                        self.licence(a, b);
                    }
                }
            }
        }
    }

    fn licence(&mut self, a: &Item, b: &Item) {
        if a.licence != b.licence {
            self.licences.push(LicenceChange {
                name: b.name.clone(),
                version: Both { a: a.version.clone(), b: b.version.clone() },
                licence: Both { a: a.licence.clone(), b: b.licence.clone() },
            });
        }
    }
}

/// The later version, where the ecosystem tells.
fn event(a: &Item, b: &Item) -> ComponentEvent {
    let (Some(old), Some(new)) = (comparable(a), comparable(b)) else { return ComponentEvent::Changed };
    match ecosystem(b).and_then(|kind| order::compare(kind, &old, &new)) {
        Some(Ordering::Less) => ComponentEvent::Upgraded,
        Some(Ordering::Greater) => ComponentEvent::Downgraded,
        Some(Ordering::Equal) | None => ComponentEvent::Changed,
    }
}

/// The version with the epoch, which RPM's package URLs have as a qualifier.
fn comparable(item: &Item) -> Option<String> {
    let version = item.version.as_deref()?;
    let epoch = item.purl.as_deref().and_then(|purl| qualifier(purl, "epoch"));
    match epoch.filter(|_| !version.contains(':')) {
        Some(epoch) => Some(format!("{epoch}:{version}")),
        None => Some(version.to_owned()),
    }
}

fn change(event: ComponentEvent, a: Option<&Item>, b: Option<&Item>) -> ComponentChange {
    let of = b.or(a);
    ComponentChange {
        change: event,
        name: of.map(|item| item.name.clone()).unwrap_or_default(),
        ecosystem: of.and_then(ecosystem).map(str::to_owned),
        purl: of.and_then(|item| item.purl.clone()),
        version: Both {
            a: a.and_then(|item| item.version.clone()),
            b: b.and_then(|item| item.version.clone()),
        },
    }
}

/// The type of its package URL.
fn ecosystem(item: &Item) -> Option<&str> {
    item.purl.as_deref()?.strip_prefix("pkg:")?.split('/').next()
}

/// What stays the same when a version changes.
fn key(item: &Item) -> String {
    let without_version = |text: &str| -> String {
        let suffix = item.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
        text.strip_suffix(&*suffix).unwrap_or(text).to_owned()
    };
    match &item.purl {
        Some(purl) if !item.bom_ref.starts_with("project:") => {
            let path = purl.split(['?', '#']).next().unwrap_or_default();
            let name = path.rsplit_once('@').map_or(path, |(name, _)| name);
            // A host can have the packages of several architectures side by side.
            format!("{name}?{}", qualifier(purl, "arch").unwrap_or_default())
        }
        _ => without_version(&item.bom_ref),
    }
}

fn qualifier<'p>(purl: &'p str, key: &str) -> Option<&'p str> {
    let qualifiers = purl.split('#').next()?.split_once('?')?.1;
    qualifiers.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bom::Scope;
    use crate::format::kind::Kind;

    fn item(purl: &str, licence: Option<&str>) -> Item {
        let path = purl.split('?').next().unwrap();
        let (base, version) = path.rsplit_once('@').unwrap();
        Item {
            bom_ref: purl.to_owned(),
            name: base.rsplit('/').next().unwrap().to_owned(),
            version: Some(version.to_owned()),
            purl: Some(purl.to_owned()),
            licence: licence.map(str::to_owned),
            scope: Scope::Runtime,
        }
    }

    fn bom(items: Vec<Item>) -> Bom {
        Bom {
            project: "shop".to_owned(),
            version: None,
            kind: Kind::Release,
            components: items,
            dependencies: 0,
            incomplete: false,
        }
    }

    fn compare(a: &[&str], b: &[&str]) -> Vec<String> {
        let of = |list: &[&str]| bom(list.iter().map(|purl| item(purl, None)).collect());
        let show = |change: ComponentChange| {
            let version = |version: Option<String>| version.unwrap_or("-".to_owned());
            let Both { a, b } = change.version;
            format!("{:?} {} {} {}", change.change, change.name, version(a), version(b))
        };
        changes(Some(&of(a)), Some(&of(b))).changes.into_iter().map(show).collect()
    }

    #[test]
    fn one_version_on_each_side_is_an_upgrade_or_a_downgrade() {
        let found = compare(
            &["pkg:cargo/serde@1.0.9", "pkg:npm/left-pad@1.3.0", "pkg:pypi/six@1.16.0"],
            &["pkg:cargo/serde@1.0.10", "pkg:npm/left-pad@1.3.0-rc.1", "pkg:pypi/seven@1.0"],
        );
        assert_eq!(
            found,
            [
                "Upgraded serde 1.0.9 1.0.10",
                "Downgraded left-pad 1.3.0 1.3.0-rc.1",
                "Added seven - 1.0",
                "Removed six 1.16.0 -",
            ]
        );
    }

    #[test]
    fn versions_on_both_sides_cancel_out_and_only_a_single_pair_is_an_upgrade() {
        let (one, two, three, four) =
            ("pkg:cargo/syn@1.0.0", "pkg:cargo/syn@2.0.0", "pkg:cargo/syn@3.0.0", "pkg:cargo/syn@4.0.0");
        assert_eq!(compare(&[one, two], &[one, three]), ["Upgraded syn 2.0.0 3.0.0"]);
        assert_eq!(compare(&[one], &[one, two]), ["Added syn - 2.0.0"]);
        let found = compare(&[one, two], &[three, four]);
        assert_eq!(
            found,
            ["Removed syn 1.0.0 -", "Removed syn 2.0.0 -", "Added syn - 3.0.0", "Added syn - 4.0.0"]
        );
    }

    #[test]
    fn what_has_no_order_is_changed() {
        assert_eq!(compare(&["pkg:generic/x@1"], &["pkg:generic/x@2"]), ["Changed x 1 2"]);
        assert_eq!(
            compare(&["pkg:cargo/x@1.0.0+a"], &["pkg:cargo/x@1.0.0+b"]),
            ["Changed x 1.0.0+a 1.0.0+b"]
        );
    }

    #[test]
    fn an_architecture_is_part_of_the_name_and_an_epoch_of_the_version() {
        let found = compare(
            &["pkg:rpm/fedora/curl@8.0-1?arch=i686", "pkg:rpm/fedora/curl@8.0-1?arch=x86_64"],
            &["pkg:rpm/fedora/curl@8.0-1?arch=i686", "pkg:rpm/fedora/curl@7.0-1?arch=x86_64&epoch=1"],
        );
        assert_eq!(found, ["Upgraded curl 8.0-1 7.0-1"]);
    }

    #[test]
    fn a_licence_is_compared_where_the_component_is_on_both_sides() {
        let a = bom(vec![
            item("pkg:npm/a@1.0.0", Some("MIT")),
            item("pkg:npm/b@1.0.0", Some("MIT")),
            item("pkg:npm/c@1.0.0", Some("MIT")),
        ]);
        let b = bom(vec![
            item("pkg:npm/a@1.0.0", Some("Apache-2.0")),
            item("pkg:npm/b@2.0.0", None),
            item("pkg:npm/d@1.0.0", Some("GPL-3.0-only")),
        ]);
        let found = changes(Some(&a), Some(&b)).licences;
        let found: Vec<_> =
            found.iter().map(|c| (&*c.name, c.licence.a.as_deref(), c.licence.b.as_deref())).collect();
        assert_eq!(found, [("a", Some("MIT"), Some("Apache-2.0")), ("b", Some("MIT"), None)]);
    }

    #[test]
    fn without_an_sbom_nothing_was_added() {
        let b = bom(vec![item("pkg:npm/a@1.0.0", None)]);
        let found = changes(None, Some(&b));
        assert_eq!((found.compared, found.changes.len()), (Both { a: None, b: Some(1) }, 0));
    }
}
