//! What holds for every kind.

use super::*;
use crate::format::settings::Document;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_example_is_a_gate_of_its_kind() {
    for kind in KINDS {
        let document = Document::parse(Path::new("example.toml"), kind.example).unwrap();
        let gates = gates(&document.root()).unwrap_or_else(|error| panic!("{}: {error:?}", kind.name));
        assert_eq!(gates.iter().map(|gate| gate.kind.name).collect::<Vec<_>>(), [kind.name]);
    }
}

#[test]
fn every_kind_has_a_name_and_a_code_of_its_own_and_says_what_its_keys_mean() {
    let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
    let codes: BTreeSet<_> = KINDS.iter().map(|kind| kind.code).collect();
    assert_eq!((names.len(), codes.len()), (KINDS.len(), KINDS.len()));
    for kind in KINDS {
        assert_eq!(kind.code.as_str(), format!("gate-{}", kind.name));
        assert!(!kind.holds_when.ends_with('.'), "{}", kind.name);
        assert!(kind.keys.iter().all(|(key, meaning)| !key.is_empty() && !meaning.ends_with('.')));
    }
}
