//! PyPI bagit judges our packs as bags.
//!
//! The sample has no `%` in its names: bagit 1.9.0 does not decode `%25`, which RFC 8493, section 2.1.3 asks for.

use std::fs;
use std::path::{Path, PathBuf};

use crate::judge::{attestar, passes, python, refuses, shell};
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

/// Backs the tree up; gives the pack, opened with age, zstd and tar alone.
fn night(sealed: &Sealed, opened: &Path) -> PathBuf {
    let store = sealed.scratch("store");
    let mut backup = attestar(&sealed.home);
    backup.arg("-C").arg(&sealed.tree).args(["--json", "backup", "--store"]).arg(&store);
    let said: serde_json::Value = serde_json::from_str(&passes(&mut backup)).expect("a document");
    let name = |key: &str| said[key].as_str().expect("a name").to_owned();
    fs::create_dir_all(opened).expect("a folder to unpack into");
    let mut pipe = shell(r#"age -d -i "$1" "$2" | zstd -d | tar x -C "$3""#);
    pipe.arg(sealed.key("identity.age")).arg(store.join("archives").join(name("archive"))).arg(opened);
    passes(&mut pipe);
    opened.join(name("name"))
}

#[test]
fn an_incremental_one_is_a_holey_bag_that_is_valid_once_it_is_complete() {
    let (sealed, opened) = (Sealed::new(&[]), tempfile::tempdir().expect("a temporary folder"));
    night(&sealed, opened.path());
    fs::write(sealed.tree.join("docs/README.md"), "# Another\n").expect("the changed file");
    let bag = night(&sealed, opened.path());
    refuses(python("bag_validate.py").arg(&bag), "invalid: ");
    let fetch = fs::read_to_string(bag.join("fetch.txt")).expect("what is elsewhere");
    assert!(fetch.lines().count() > 5, "{fetch}");
    let mut complete = shell(
        r#"cd "$1"; while read -r url length path; do
             from=$(printf '%b' "$(printf %s "${url#attestar://}" | sed 's/%/\\x/g')")
             mkdir -p "$(dirname "$2/$path")"; cp -p "$from" "$2/$path"
           done < "$2/fetch.txt""#,
    );
    passes(complete.arg(opened.path()).arg(&bag));
    valid(&bag);
}
