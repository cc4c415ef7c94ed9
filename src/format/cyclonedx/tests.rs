use super::*;
use crate::format::bom::merged::testing::{EPOCH_S, everything};
use crate::format::bom::release::Release;
use serde_json::Value;
use std::collections::BTreeSet;

fn text(release: &Release) -> String {
    let mut bytes = Vec::new();
    write(&Merged::of(release), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

#[test]
fn the_order_in_which_sources_come_changes_no_byte() {
    let mut release = everything();
    let first = text(&release);
    assert_eq!(text(&release), first);
    for _ in 0..release.sources.len() {
        release.sources.rotate_left(1);
        release.files.rotate_left(1);
        assert_eq!(text(&release), first);
    }
    release.sources.reverse();
    assert_eq!(text(&release), first);
}

#[test]
fn other_content_has_another_serial_number() {
    let serial = |release: &Release| {
        let document: Value = serde_json::from_str(&text(release)).unwrap();
        document["serialNumber"].as_str().unwrap().to_owned()
    };
    let mut release = everything();
    let first = serial(&release);
    assert!(first.starts_with("urn:uuid:") && first.len() == 45 && first.as_bytes()[23] == b'8', "{first}");
    release.epoch_s = EPOCH_S + 1;
    assert_ne!(serial(&release), first);
}

#[test]
fn every_edge_and_composition_refers_to_a_component_and_every_component_has_its_edges() {
    let release = everything();
    let document: Value = serde_json::from_str(&text(&release)).unwrap();
    let reference = |component: &Value| component["bom-ref"].as_str().unwrap().to_owned();
    let components = document["components"].as_array().unwrap();
    let mut refs: BTreeSet<String> = components.iter().map(reference).collect();
    refs.insert(reference(&document["metadata"]["component"]));
    assert_eq!(refs.len(), components.len() + 1, "every bom-ref once");
    let dependencies = document["dependencies"].as_array().unwrap();
    let of: BTreeSet<String> =
        dependencies.iter().map(|one| one["ref"].as_str().unwrap().to_owned()).collect();
    assert_eq!((&of, dependencies.len()), (&refs, refs.len()));
    for one in dependencies {
        let needs = strings(&one["dependsOn"]);
        assert!(needs.is_sorted_by(|a, b| a < b) && needs.iter().all(|need| refs.contains(*need)), "{one}");
    }
    let compositions = document["compositions"].as_array().unwrap();
    let named: Vec<&str> = compositions.iter().flat_map(|one| strings(&one["dependencies"])).collect();
    assert_eq!(named.len(), refs.len(), "each component's needs are known in one way");
    assert!(named.iter().all(|name| refs.contains(*name)));
    let whole =
        compositions.iter().find(|one| strings(&one["assemblies"]).contains(&"release:tideline@1.4.0"));
    assert_eq!(whole.unwrap()["aggregate"], "incomplete");
}

#[test]
fn licences_groups_and_scopes_stand_where_their_readers_look() {
    let release = everything();
    let document: Value = serde_json::from_str(&text(&release)).unwrap();
    let of = |name: &str| {
        let found = document["components"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!(of("left")["licenses"][0]["license"]["id"], "MIT");
    assert_eq!(of("right")["licenses"][0]["expression"], "Apache-2.0 OR MIT");
    assert_eq!(of("https://registry.example/x?y=z#f%20")["licenses"][0]["license"]["name"], "Proprietary");
    assert!(of("none").get("licenses").is_none());
    assert_eq!(
        (&of("right")["group"], &of("charts")["group"]),
        (&"@tideline".into(), &"org.tideline".into())
    );
    assert_eq!((&of("left")["scope"], &of("pytest")["scope"]), (&"required".into(), &"excluded".into()));
    assert_eq!(of("left")["evidence"]["occurrences"][1]["location"], "web/package-lock.json");
}

#[test]
fn nothing_in_it_is_a_command_to_a_terminal() {
    let text = text(&everything());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}
