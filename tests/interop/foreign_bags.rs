//! Bags that PyPI bagit made: attestar agrees that they are valid, and finds each kind of damage.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::judge::{Said, attestar, hear, passes, python};

/// A bag with a few files and the manifests of `algorithms`, and a home with trust in it.
struct Foreign {
    dir: tempfile::TempDir,
}

impl Foreign {
    fn new(algorithms: &[&str]) -> Foreign {
        let foreign = Foreign { dir: tempfile::tempdir().expect("a temporary folder") };
        let bag = foreign.bag();
        fs::create_dir_all(bag.join("letters/1912")).expect("folders");
        for (path, text) in [
            ("readme.txt", "A collection.\n"),
            ("letters/1912/ol\u{e1}.txt", "Dear all,\n"),
            ("letters/empty.txt", ""),
            ("letters/two words.txt", "two\n"),
        ] {
            fs::write(bag.join(path), text).expect("a file");
        }
        passes(python("bag_make.py").arg(&bag).args(algorithms));
        passes(attestar(&foreign.home()).args(["keys", "new", "--no-passphrase"]));
        foreign
    }

    fn bag(&self) -> PathBuf {
        self.dir.path().join("bag")
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn verify(&self, flags: &[&str]) -> Said {
        hear(attestar(&self.home()).args(["verify", "--json"]).arg(self.bag()).args(flags))
    }

    /// Exit 0 for the bag as it is; exit 3, and a finding of `code` about `path`, once `damage` is done to it.
    fn caught(damage: impl Fn(&Path), code: &str, path: &str) {
        let foreign = Foreign::new(&["sha256", "sha512"]);
        let sound = foreign.verify(&["--allow-unsigned"]);
        assert_eq!(sound.code, Some(0), "{}", sound.all);
        damage(&foreign.bag());
        let said = foreign.verify(&["--allow-unsigned"]);
        assert_eq!(said.code, Some(3), "{}", said.all);
        assert!(finds(&said, code, path), "{code} {path}: {}", said.all);
    }
}

/// Whether a finding of `code` about `path` stands anywhere in the JSON document.
fn finds(said: &Said, code: &str, path: &str) -> bool {
    fn search(value: &Value, code: &str, path: &str) -> bool {
        let here =
            value["code"] == code && value["subject"].as_str().is_some_and(|subject| subject.ends_with(path));
        here || match value {
            Value::Array(items) => items.iter().any(|item| search(item, code, path)),
            Value::Object(fields) => fields.values().any(|field| search(field, code, path)),
            _ => false,
        }
    }
    let document = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.all));
    search(&document, code, path)
}

#[test]
fn bags_of_every_algorithm_verify() {
    let sets: [&[&str]; 6] = [
        &["md5"],
        &["sha1"],
        &["sha256"],
        &["sha512"],
        &["sha256", "sha512"],
        &["md5", "sha1", "sha256", "sha512"],
    ];
    for algorithms in sets {
        let said = Foreign::new(algorithms).verify(&["--allow-unsigned"]);
        assert_eq!(said.code, Some(0), "{algorithms:?}: {}", said.all);
    }
}

#[test]
fn a_bag_without_a_seal_does_not_verify_unless_asked() {
    let said = Foreign::new(&["sha512"]).verify(&[]);
    assert_eq!(said.code, Some(3), "{}", said.all);
    assert!(finds(&said, "seal-missing", ""), "{}", said.all);
}

#[test]
fn a_changed_file_is_caught() {
    Foreign::caught(
        |bag| fs::write(bag.join("data/readme.txt"), "B collection.\n").expect("a write"),
        "altered",
        "readme.txt",
    );
}

#[test]
fn a_missing_file_is_caught() {
    let path = "letters/two words.txt";
    Foreign::caught(|bag| fs::remove_file(bag.join("data").join(path)).expect("a removal"), "missing", path);
}

#[test]
fn an_extra_file_is_caught() {
    Foreign::caught(|bag| fs::write(bag.join("data/extra.txt"), "").expect("a write"), "extra", "extra.txt");
}

#[test]
fn a_changed_tag_file_is_caught() {
    Foreign::caught(
        |bag| fs::write(bag.join("bag-info.txt"), "A: b\n").expect("a write"),
        "altered",
        "bag-info.txt",
    );
}

#[test]
fn a_manifest_cut_short_is_caught() {
    let cut = |bag: &Path| {
        let manifest = bag.join("manifest-sha256.txt");
        let text = fs::read_to_string(&manifest).expect("the manifest");
        let kept = text.lines().take(1).map(|line| format!("{line}\n")).collect::<String>();
        fs::write(manifest, kept).expect("a write");
    };
    Foreign::caught(cut, "altered", "manifest-sha256.txt");
}
