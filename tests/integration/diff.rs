//! `diff`: what it says of two versions of a tree, and what it refuses to say.

use crate::world::{Said, World};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const A: &str = "out/shop-1.0.0";
const B: &str = "out/shop-1.1.0.tar.zst.age";

/// Seals the tree as another version.
fn seal(world: &World, version: &str, flags: &[&str]) {
    world.run(&[&["-C", "shop", "seal", "--version", version, "--out", "../out"], flags].concat()).done();
}

/// `diff A B`, and its document.
fn diff(world: &World, a: &str, b: &str) -> Value {
    world.run(&["diff", a, b, "--json"]).done().json()
}

/// `event class path` of every file that differs.
fn files(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = document["changes"]["files"].as_array().expect("files were compared");
    list.iter()
        .map(|f| format!("{} {} {}", text(&f["change"]), text(&f["class"]), text(&f["path"])))
        .collect()
}

/// The codes that a side's evidence was refused with.
fn codes(document: &Value, side: &str) -> Vec<String> {
    let found = document["findings"].as_array().expect("evidence was judged").iter();
    let found = found.filter(|finding| finding["side"] == side);
    found.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// Refused: nothing is said of what differs.
#[track_caller]
fn refuses(world: &World, args: &[&str], code: i32) -> Value {
    let said: Said = world.run(&[&["diff"], args, &["--json"]].concat()).exits(code);
    let document = said.json();
    assert!(document["changes"].is_null() && document["differs"].is_null(), "{document:#}");
    let screen = world.run(&[&["diff"], args].concat()).exits(code);
    assert!(!screen.out.contains("\nfiles  "), "{}", screen.out);
    document
}

#[test]
fn files_that_were_added_removed_altered_and_renamed_are_told_by_class() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    world.write("docs/guide.md", "# A longer guide\n");
    fs::rename(world.tree().join("docs/100% sure.md"), world.tree().join("docs/sure.md")).unwrap();
    fs::remove_file(world.tree().join("ddl/0002_more.sql")).unwrap();
    let tool = world.tree().join("dist/tool.bin");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    seal(&world, "1.1.0", &[]);
    let document = diff(&world, A, B);
    assert_eq!(
        files(&document),
        [
            "altered doc docs/guide.md",
            "added doc docs/new.md",
            "renamed doc docs/sure.md",
            "removed ddl ddl/0002_more.sql",
            "altered artifact dist/tool.bin",
        ]
    );
    let changes = &document["changes"];
    assert_eq!(changes["files"][2]["renamed_from"], "docs/100% sure.md");
    let modes = &changes["files"][4];
    assert_eq!((&modes["a"]["mode"], &modes["b"]["mode"]), (&"0644".into(), &"0755".into()));
    assert_eq!(modes["a"]["sha256"], modes["b"]["sha256"]);
    assert_eq!(changes["compared"], serde_json::json!({ "a": 5, "b": 5 }));
    assert_eq!(changes["settings"]["version"], serde_json::json!({ "a": "1.0.0", "b": "1.1.0" }));
    let said = world.run(&["diff", A, B]).done();
    assert_eq!(said.err, "");
    said.says("files        1 added, 1 removed, 2 altered, 1 renamed")
        .says("artifact   altered    dist/tool.bin       mode 0755, was 0644")
        .says("version      1.1.0, was 1.0.0")
        .says("verified");
}

#[test]
fn no_line_of_the_screen_is_longer_than_it_must_be() {
    let world = World::sealed();
    (0..30).for_each(|number| world.write(&format!("docs/chapter-{number:02}.md"), "text\n"));
    seal(&world, "1.1.0", &[]);
    let said = world.run(&["diff", A, B]).done().says("… 10 more   --json lists all");
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
    assert_eq!(files(&diff(&world, A, B)).len(), 30);
}

#[test]
fn links_are_compared_by_where_they_lead_and_by_what_they_are() {
    let world = World::release();
    symlink("guide.md", world.tree().join("docs/latest.md")).unwrap();
    symlink("guide.md", world.tree().join("docs/other.md")).unwrap();
    world.seal(&[]).done();
    fs::remove_file(world.tree().join("docs/latest.md")).unwrap();
    symlink("100% sure.md", world.tree().join("docs/latest.md")).unwrap();
    fs::remove_file(world.tree().join("docs/other.md")).unwrap();
    world.write("docs/other.md", "# Guide\n");
    seal(&world, "1.1.0", &[]);
    let document = diff(&world, A, B);
    assert_eq!(files(&document), ["altered doc docs/latest.md", "altered doc docs/other.md"]);
    let links = &document["changes"]["files"][0];
    assert_eq!((&links["a"]["target"], &links["b"]["target"]), (&"guide.md".into(), &"100% sure.md".into()));
    world
        .run(&["diff", A, B])
        .done()
        .says("link to 100% sure.md, was guide.md")
        .says("now a file, was a link");
}

#[test]
fn files_of_one_content_keep_their_names_when_a_folder_moves() {
    let world = World::release();
    for name in ["a", "b"] {
        world.write(&format!("docs/old/{name}/LICENCE.md"), "the same\n");
        world.write(&format!("docs/old/{name}/empty-{name}.md"), "");
    }
    world.seal(&[]).done();
    fs::rename(world.tree().join("docs/old"), world.tree().join("docs/new")).unwrap();
    fs::rename(world.tree().join("docs/new/b/empty-b.md"), world.tree().join("docs/new/b/nothing.md"))
        .unwrap();
    seal(&world, "1.1.0", &[]);
    let document = diff(&world, A, B);
    assert_eq!(
        files(&document),
        [
            "renamed doc docs/new/a/LICENCE.md",
            "renamed doc docs/new/a/empty-a.md",
            "renamed doc docs/new/b/LICENCE.md",
            "added doc docs/new/b/nothing.md",
            "removed doc docs/old/b/empty-b.md",
        ],
        "an empty file under another name is another file"
    );
    assert_eq!(document["changes"]["files"][2]["renamed_from"], "docs/old/b/LICENCE.md");
}

#[test]
fn the_same_twice_has_no_differences_in_any_form() {
    let world = World::sealed();
    for (a, b) in [
        (A, A),
        (A, "out/shop-1.0.0.tar.zst.age"),
        ("out/shop-1.0.0.tar.zst.age", A),
        (A, "shop"),
        ("shop", "shop"),
    ] {
        let said = world.run(&["diff", a, b, "--exit-code"]).done();
        said.says("files        the same 5").says("policy       the same: default").says("no differences\n");
        let document = world.run(&["diff", a, b, "--exit-code", "--json"]).done().json();
        assert_eq!((&document["differs"], &document["verdict"]), (&false.into(), &"holds".into()));
    }
}

#[test]
fn only_the_flag_makes_a_difference_exit_1_and_quiet_says_nothing() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    world.run(&["diff", A, "shop"]).done().says("differ: 1 file\n");
    let said = world.run(&["diff", A, "shop", "--exit-code", "-q"]).exits(1);
    assert_eq!((&*said.out, &*said.err), ("", ""));
    let document = world.run(&["diff", A, "shop", "--exit-code", "--json"]).exits(1).json();
    assert_eq!((&document["differs"], &document["verdict"]), (&true.into(), &"holds".into()));
}

#[test]
fn tampered_evidence_is_not_compared() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    seal(&world, "1.1.0", &[]);
    let inventory = world.evidence().join("inventory.jsonl");
    let text = fs::read_to_string(&inventory).unwrap();
    fs::write(&inventory, text.replace("guide.md", "guile.md")).unwrap();
    let document = refuses(&world, &[A, B, "--exit-code"], 3);
    assert!(codes(&document, "a").contains(&"altered".to_owned()), "{document:#}");
    assert!(codes(&document, "b").is_empty());
    refuses(&world, &[B, A], 3);
    refuses(&world, &["shop", A], 3);
    world.run(&["diff", A, B]).exits(3).says("not compared, as it does not verify");
    let logged = world.run(&["diff", A, B, "--log-format", "json"]).exits(3);
    assert!(logged.err.contains("\"code\":\"altered\""), "{}", logged.err);
}

#[test]
fn an_altered_archive_is_not_compared() {
    let world = World::sealed();
    let mut bytes = fs::read(world.archive()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(world.archive(), bytes).unwrap();
    let document = refuses(&world, &["out/shop-1.0.0.tar.zst.age", "shop"], 3);
    assert_eq!(codes(&document, "a"), ["altered"]);
    // The same where the evidence has to be read out of it.
    fs::remove_dir_all(world.evidence()).unwrap();
    fs::write(world.archive(), "age-encryption.org/v1\n").unwrap();
    let document = refuses(&world, &["out/shop-1.0.0.tar.zst.age", "shop"], 3);
    assert_eq!(codes(&document, "a"), ["age-invalid"]);
}

#[test]
fn a_signer_who_is_not_trusted_is_refused() {
    let (world, other) = (World::sealed(), World::new());
    let key = other.home().join("signing.pub").display().to_string();
    let document = refuses(&world, &[A, "shop", "--key", &key], 3);
    assert!(codes(&document, "a").contains(&"signer-unknown".to_owned()), "{document:#}");
}

#[test]
fn without_trust_the_diff_is_shown_and_is_no_pass() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    fs::remove_file(world.home().join("trust.toml")).unwrap();
    let said = world.run(&["diff", A, "shop"]).exits(5).says("added      docs/new.md");
    said.says("not verified: no trusted key was given").complains("hint: add --key FILE");
    let document = world.run(&["diff", A, "shop", "--exit-code", "--json"]).exits(5).json();
    assert_eq!((&document["differs"], &document["verdict"]), (&true.into(), &"unverified".into()));
    // Nor is it one where nothing differs.
    world.run(&["diff", A, A, "--exit-code"]).exits(5).says("not verified");
    let key = world.home().join("signing.pub").display().to_string();
    world.run(&["diff", A, "shop", "--key", &key]).done();
    // What is altered is refused all the same.
    fs::write(world.evidence().join("policy.toml"), "schema = 1\n").unwrap();
    refuses(&world, &[A, "shop"], 3);
}

#[test]
fn an_archive_without_an_identity_is_read_from_the_evidence_beside_it_or_not_at_all() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    fs::remove_file(world.home().join("identity.age")).unwrap();
    let archive = "out/shop-1.0.0.tar.zst.age";
    assert_eq!(files(&diff(&world, archive, "shop")), ["added doc docs/new.md"]);
    fs::rename(world.evidence(), world.path().join("away")).unwrap();
    let document = refuses(&world, &[archive, "shop"], 5);
    assert_eq!(codes(&document, "a"), ["no-identity"]);
    let other = World::new();
    let identity = other.home().join("identity.age").display().to_string();
    let document = refuses(&world, &[archive, "shop", "--identity", &identity], 5);
    assert_eq!(codes(&document, "a"), ["no-identity"], "nor does another's");
    world.run(&["diff", archive, "shop"]).exits(5).complains("hint: add --identity FILE");
}

#[test]
fn an_archive_is_read_without_its_evidence_folder() {
    let world = World::sealed();
    world.write("docs/new.md", "new\n");
    fs::remove_dir_all(world.evidence()).unwrap();
    assert_eq!(files(&diff(&world, "out/shop-1.0.0.tar.zst.age", "shop")), ["added doc docs/new.md"]);
}

#[test]
fn a_pack_that_lies_in_the_tree_is_no_file_of_it() {
    let world = World::release();
    let policy = "schema = 1\n[project]\nname = 'shop'\n[[include]]\nclass = 'doc'\npaths = ['**']\n";
    world.write("attestar.toml", policy);
    world.run(&["-C", "shop", "seal", "--version", "1.0.0", "--out", "packs"]).done();
    for pack in ["shop/packs/shop-1.0.0", "shop/packs/shop-1.0.0.tar.zst.age"] {
        world.run(&["diff", pack, "shop", "--exit-code"]).done().says("no differences");
    }
}

#[test]
fn another_policy_is_a_difference() {
    let world = World::sealed();
    let rules = "[[include]]\nclass = 'config'\npaths = ['docs/**', 'ddl/**', 'dist/**']\n";
    fs::write(world.path().join("strict.toml"), format!("schema = 1\nname = 'strict'\n{rules}")).unwrap();
    let args = ["diff", A, "shop", "--policy", "strict.toml"];
    let document = world.run(&[&args[..], &["--json"]].concat()).done().json();
    let settings = &document["changes"]["settings"];
    assert_eq!(settings["policy"], serde_json::json!({ "a": "default", "b": "strict" }));
    assert_ne!(settings["policy_sha256"]["a"], settings["policy_sha256"]["b"]);
    assert_eq!(files(&document)[0], "altered config ddl/0001_init.sql", "its class is another one");
    let said = world.run(&args).done().says("under strict.toml").says("class config, was ddl");
    said.says("policy       strict, sha256 ").says("             was default, sha256 ");
    // Without the flag a tree is under its own.
    fs::rename(world.path().join("strict.toml"), world.tree().join("attestar.toml")).unwrap();
    world.run(&["diff", A, "shop"]).done().says("under shop/attestar.toml").says("policy       strict");
}

#[test]
fn what_makes_no_sense_is_told() {
    let world = World::sealed();
    world.run(&["diff", A]).exits(2);
    world.run(&["diff", A, B, A]).exits(2);
    world.run(&["diff", A, "nothing"]).exits(1).complains("cannot open nothing");
    world.run(&["diff", A, "shop/docs/guide.md"]).exits(1).complains("neither an archive of attestar");
    fs::create_dir(world.path().join("void")).unwrap();
    world.run(&["diff", "void", "void", "--exit-code"]).exits(5).says("there was nothing to compare");
}

#[test]
fn a_pack_that_lost_its_seal_is_not_taken_for_a_tree() {
    let world = World::release();
    world.seal(&["--payload"]).done();
    fs::remove_file(world.evidence().join("attestations/seal.sigstore.json")).unwrap();
    let document = refuses(&world, &[A, "shop"], 3);
    assert!(codes(&document, "a").contains(&"seal-missing".to_owned()), "{document:#}");
    fs::remove_file(world.evidence().join("pack.json")).unwrap();
    let document = refuses(&world, &[A, "shop"], 3);
    assert_eq!(codes(&document, "a"), ["seal-missing"]);
    assert_eq!(document["a"]["form"], "bag");
}

#[test]
fn objects_of_the_database_are_told_with_the_file_that_makes_them() {
    let world = World::sealed();
    world.write("ddl/0001_init.sql", "CREATE TABLE prices (id BIGINT PRIMARY KEY, at TIMESTAMP);\n");
    world.write(
        "ddl/0003_next.sql",
        "ALTER TABLE prices ADD COLUMN note TEXT;\nDROP INDEX by_id;\nCREATE VIEW totals AS SELECT id FROM prices;\n",
    );
    seal(&world, "1.1.0", &[]);
    let document = diff(&world, A, B);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let objects = document["changes"]["ddl"]["objects"].as_array().unwrap();
    let objects: Vec<String> = objects
        .iter()
        .map(|o| format!("{} {} {}", text(&o["change"]), text(&o["kind"]), text(&o["name"])))
        .collect();
    assert_eq!(
        objects,
        ["created view totals", "dropped index by_id", "altered table prices"],
        "{document:#}"
    );
    let edited = &document["changes"]["ddl"]["files"];
    assert_eq!(edited, &serde_json::json!([{ "change": "edited", "path": "ddl/0001_init.sql" }]));
    world
        .run(&["diff", A, B])
        .done()
        .says("ddl          1 created, 1 dropped, 1 altered, 1 edited")
        .says("index      dropped    by_id")
        .says("ddl/0003_next.sql");
}
