//! PyPI bagit judges our packs as bags.
//!
//! The sample has no `%` in its names: bagit 1.9.0 does not decode `%25`, which RFC 8493, section 2.1.3 asks for.

use std::fs;
use std::path::Path;

use crate::judge::{passes, python, refuses};
use crate::sample::Sealed;

fn valid(bag: &Path) {
    let said = passes(python("bag_validate.py").arg(bag));
    assert!(said.starts_with("valid: ") && said.ends_with("BagIt 1.0\n"), "{said}");
}

#[test]
fn the_unpacked_pack_is_a_valid_bag() {
    valid(&Sealed::new(&[]).open());
}

#[test]
fn the_folder_of_seal_with_payload_is_a_valid_bag() {
    valid(&Sealed::new(&["--payload"]).folder());
}

#[test]
fn a_changed_payload_file_makes_it_invalid() {
    let sealed = Sealed::new(&["--payload"]);
    fs::write(sealed.folder().join("data/docs/README.md"), "# Other\n").expect("the changed file");
    refuses(python("bag_validate.py").arg(sealed.folder()), "invalid: ");
}

#[test]
fn a_changed_tag_file_makes_it_invalid() {
    let sealed = Sealed::new(&["--payload"]);
    let inventory = sealed.folder().join("inventory.jsonl");
    let mut lines = fs::read_to_string(&inventory).expect("the inventory");
    lines.push('\n');
    fs::write(&inventory, lines).expect("the changed inventory");
    refuses(python("bag_validate.py").arg(sealed.folder()), "invalid: ");
}
