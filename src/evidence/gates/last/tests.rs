use super::*;
use crate::format::ddl::{DdlFile, DdlPack};
use crate::format::seal::{PolicyRef, Seal, Tool, Totals};
use crate::keys::signing::SigningKey;
use crate::policy::Source;
use crate::tree::git::history;
use crate::tree::testing::git;
use std::collections::BTreeMap;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn trust() -> Trust {
    let mut trust = Trust::default();
    trust.grant(key().public(), "test");
    trust
}

/// The evidence of a release with one DDL file, as far as it is read here.
fn seal(out: &Path, version: &str) -> PathBuf {
    let name = format!("app-{version}");
    let (policy, payload) =
        (PolicyRef { name: "p".into(), sha256: Sha256::of(b"p") }, Totals { files: 1, bytes: 3 });
    let file: DdlFile = serde_json::from_str(r#"{"path": "ddl/1.sql", "statements": 1}"#).unwrap();
    let pack = Pack {
        schema: SCHEMA.into(),
        name: name.clone(),
        project: "app".into(),
        version: version.into(),
        kind: Kind::Release,
        tool: Tool { name: "attestar".into(), version: "0.1.0".into() },
        policy: policy.clone(),
        source_date_epoch: 0,
        payload,
        classes: BTreeMap::new(),
        links: 0,
        folders: 0,
        ddl: Some(DdlPack { files: vec![file], files_omitted: 0 }),
        captures: Vec::new(),
        bases: Vec::new(),
    };
    let folder = out.join(&name);
    fs::create_dir_all(folder.join("attestations")).unwrap();
    let manifest = format!("{}  data/ddl/1.sql\n", Sha256::of(b"one"));
    let lines = [("manifest-sha256.txt", manifest.into_bytes()), ("pack.json", pack.to_bytes())];
    let mut tags = String::new();
    for (name, bytes) in lines {
        tags += &format!("{}  {name}\n", Sha256::of(&bytes));
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join("tagmanifest-sha256.txt"), &tags).unwrap();
    let seal = Seal {
        name,
        project: "app".into(),
        version: version.into(),
        kind: Kind::Release,
        tool: pack.tool,
        policy,
        payload,
    };
    let bundle = key().sign_statement(&seal.over(Sha256::of(tags.as_bytes())));
    fs::write(folder.join(SEAL), bundle.to_bytes()).unwrap();
    folder
}

fn look(out: &Path, version: &str, trust: &Trust, history: Option<&History>) -> Result<Last, String> {
    let tag = TagTemplate::new("v{version}").unwrap();
    find(&Look { out, project: "app", version, tag: &tag, trust, history })
}

fn policy() -> Policy {
    let text = "schema = 1\n[[include]]\nclass = 'ddl'\npaths = ['ddl/*.sql']\n";
    Policy::parse(Source::File("p.toml".into()), text.to_owned()).unwrap()
}

#[test]
fn the_newest_pack_below_the_version_is_the_last_release() {
    let out = tempfile::tempdir().unwrap();
    for version in ["1.9.0", "1.10.0", "2.0.0", "nightly"] {
        seal(out.path(), version);
    }
    let last = look(out.path(), "2.0.0", &trust(), None).unwrap();
    assert_eq!((last.release.version.as_str(), &last.release.seal), ("1.10.0", &Some(Ok(()))));
    assert_eq!(last.release.place, "the sealed pack app-1.10.0");
    assert_eq!(last.release.read.as_ref().unwrap().path, "app-1.10.0/tagmanifest-sha256.txt");
    assert_eq!(last.ddl(&policy(), None).unwrap(), [("ddl/1.sql".to_owned(), Sha256::of(b"one"))]);
    let rc = look(out.path(), "1.10.0-rc.1", &trust(), None).unwrap();
    assert_eq!(rc.release.version, "1.9.0");
    assert!(look(out.path(), "1.0.0", &trust(), None).is_err());
    assert!(look(out.path(), "today", &trust(), None).unwrap_err().contains("no Semantic Version"));
}

#[test]
fn a_seal_counts_only_if_it_verifies_by_the_trust_given() {
    let out = tempfile::tempdir().unwrap();
    let folder = seal(out.path(), "1.0.0");
    let seal_of = |trust: &Trust| look(out.path(), "1.1.0", trust, None).unwrap().release;
    let unverified = seal_of(&Trust::default());
    assert_eq!(unverified.seal, None);
    assert!(
        unverified.place.ends_with("(its seal was not verified: no key is trusted)"),
        "{}",
        unverified.place
    );
    let mut other = Trust::default();
    other.grant(SigningKey::from_seed(&[8; 32]).public(), "other");
    assert!(matches!(seal_of(&other).seal, Some(Err(_))));
    fs::write(folder.join("manifest-sha256.txt"), format!("{}  data/ddl/1.sql\n", Sha256::of(b"x"))).unwrap();
    let why = "app-1.0.0/manifest-sha256.txt is not what was sealed".to_owned();
    assert_eq!(seal_of(&trust()).seal, Some(Err(why.clone())));
    assert_eq!(seal_of(&Trust::default()).seal, Some(Err(why)), "nobody needs to be trusted to see that");
    fs::write(folder.join("manifest-sha256.txt"), "torn").unwrap();
    assert!(matches!(seal_of(&trust()).seal, Some(Err(_))));
    fs::write(folder.join("pack.json"), "{}").unwrap();
    assert!(look(out.path(), "1.1.0", &trust(), None).unwrap_err().contains("pack.json"));
}

#[test]
fn a_file_of_the_pack_is_read_beside_it_or_at_its_tag_if_it_is_the_same() {
    let (out, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = seal(out.path(), "1.0.0");
    let path = PackPath::new(b"ddl/1.sql").unwrap();
    let last = look(out.path(), "1.1.0", &trust(), None).unwrap();
    assert!(last.read(&path, None).unwrap_err().contains("not beside its evidence"));
    assert_eq!(last.read(&PackPath::new(b"none").unwrap(), None), Ok(None));
    fs::create_dir_all(tree.path().join("ddl")).unwrap();
    fs::write(tree.path().join("ddl/1.sql"), "one").unwrap();
    git(tree.path(), &["init", "-q"]);
    git(tree.path(), &["add", "-A"]);
    git(tree.path(), &["commit", "-q", "-m", "one"]);
    git(tree.path(), &["tag", "v1.0.0"]);
    let history = history(tree.path()).unwrap().unwrap().unwrap();
    assert_eq!(last.read(&path, Some(&history)).unwrap().unwrap().bytes, b"one");
    fs::create_dir_all(folder.join("data/ddl")).unwrap();
    fs::write(folder.join("data/ddl/1.sql"), "two").unwrap();
    assert!(last.read(&path, Some(&history)).unwrap_err().contains("is not what the sealed pack"));
}

#[test]
fn without_a_pack_the_newest_tag_below_the_version_counts() {
    let (out, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = tree.path();
    fs::create_dir_all(root.join("ddl")).unwrap();
    for name in ["10_b.sql", "2_a.sql"] {
        fs::write(root.join("ddl").join(name), name).unwrap();
    }
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "one"]);
    for tag in ["v1.0.0", "v0.9.0", "v3.0.0", "nightly"] {
        git(root, &["tag", tag]);
    }
    let history = history(root).unwrap().unwrap().unwrap();
    let last = look(&out.path().join("none"), "2.0.0", &trust(), Some(&history)).unwrap();
    assert_eq!((last.release.version.as_str(), last.release.place.as_str()), ("1.0.0", "the tag v1.0.0"));
    assert_eq!((last.release.seal.is_none(), last.release.read.is_none()), (true, true));
    let ddl = last.ddl(&policy(), Some(&history)).unwrap();
    assert_eq!(
        ddl.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["ddl/2_a.sql", "ddl/10_b.sql"]
    );
    let read = last.read(&PackPath::new(b"ddl/2_a.sql").unwrap(), Some(&history)).unwrap().unwrap();
    assert_eq!((read.bytes.as_slice(), read.path.as_str()), (&b"2_a.sql"[..], "ddl/2_a.sql of 1.0.0"));
    assert!(look(out.path(), "0.9.0", &trust(), Some(&history)).is_err());
}

#[test]
fn a_bump_is_the_first_number_that_differs() {
    let of = |before, version| bump(before, version);
    assert_eq!(of("1.2.3", "2.0.0"), Some(Bump::Major));
    assert_eq!(of("1.2.3", "1.3.0"), Some(Bump::Minor));
    assert_eq!(of("1.2.3", "1.2.4"), Some(Bump::Patch));
    assert_eq!([of("1.2.3-rc.1", "1.2.3"), of("1.2", "1.3.0")], [None; 2]);
}
