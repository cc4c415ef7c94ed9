//! Lockfiles and artifacts that are damaged, too new or hostile: the rest of the release is described all the same, and
//! what could not be read is said, with file and line.

use crate::world::{Said, World, noise};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tar::{EntryType, Header};

const POLICY: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"artifact\"
paths = [\"dist/**\"]
[[include]]
class = \"doc\"
paths = [\"**\"]
";

/// How long a hostile file may keep a test build busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A release with an honest lockfile, which is never lost.
fn shop() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("Cargo.lock", fixture("cargo-4/Cargo.lock"));
    world
}

fn fixture(path: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lockfiles").join(path);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// `sbom` and `seal` end well, say this of the file, and mark the SBOM incomplete; what else there is, is in it.
#[track_caller]
fn says(world: &World, code: &str, subject: &str, why: &str) {
    let started = Instant::now();
    let said = unbroken(world.run(&["-C", "shop", "--json", "sbom"]).done());
    let document = said.json();
    assert!(said.findings().contains(&format!("{code} {subject}")), "{:?}", said.findings());
    assert_eq!(document["incomplete"], true);
    assert_eq!(whole(&document["bom"]), "incomplete", "{}", document["bom"]);
    has_the_rest(&document["bom"]);
    let said = unbroken(world.run(&["-C", "shop", "sbom"]).done().complains(code).complains(subject));
    assert!(said.err.contains(why), "no {why:?} in {}", said.err);
    let bom: Value = serde_json::from_str(&said.out).expect("stdout is the SBOM alone");
    has_the_rest(&bom);
    unbroken(world.seal(&[]).done().says("; incomplete").says(code).says(subject));
    let bom = fs::read(world.evidence().join("sbom/bom.cdx.json")).unwrap();
    has_the_rest(&serde_json::from_slice(&bom).unwrap());
    world.verify(&[]).done();
    fs::remove_dir_all(world.out()).unwrap();
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

/// How much of the release is in an SBOM.
pub fn whole(bom: &Value) -> &str {
    let subject = &bom["metadata"]["component"]["bom-ref"];
    let all = bom["compositions"].as_array().expect("compositions");
    let is_whole = |one: &&Value| one["assemblies"].as_array().is_some_and(|of| of.contains(subject));
    all.iter().find(is_whole).expect("one of the whole")["aggregate"].as_str().unwrap()
}

/// What the honest lockfile says.
#[track_caller]
fn has_the_rest(bom: &Value) {
    let components = bom["components"].as_array().expect("components");
    let has = |name: &str| components.iter().any(|one| one["name"] == name);
    assert!(has("fastrand") && has("scopeguard"), "{bom:#}");
}

#[track_caller]
fn unbroken(said: Said) -> Said {
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

#[test]
fn lockfiles_that_end_in_the_middle() {
    for (name, from, line) in [
        ("package-lock.json", "npm-3/package-lock.json", true),
        ("poetry.lock", "poetry-1.8/poetry.lock", true),
        ("pnpm-lock.yaml", "pnpm-9/pnpm-lock.yaml", false),
    ] {
        let world = shop();
        let whole = fixture(from);
        // In the middle of a text, whatever the format.
        let quote =
            whole.iter().skip(whole.len() / 2).position(|&byte| byte == b'"' || byte == b'\'').unwrap();
        let cut = &whole[..whole.len() / 2 + quote + 1];
        world.write(&format!("web/{name}"), cut);
        let said = world.run(&["-C", "shop", "--json", "sbom"]).done();
        let found = said.findings();
        let begins = format!("sbom-source-invalid web/{name}");
        let hit =
            found.iter().find(|found| found.starts_with(&begins)).unwrap_or_else(|| panic!("{found:?}"));
        assert!(!line || hit.len() > begins.len() + 1, "no line: {hit}");
        let subject = hit.trim_start_matches("sbom-source-invalid ").to_owned();
        says(&world, "sbom-source-invalid", &subject, "");
    }
}

#[test]
fn lockfiles_of_a_version_that_nobody_knows_yet() {
    let newer = |path: &str, from: &str, to: &str| {
        let text = String::from_utf8(fixture(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        text.replacen(from, to, 1)
    };
    let world = shop();
    world.write(
        "web/package-lock.json",
        newer("npm-3/package-lock.json", "\"lockfileVersion\": 3", "\"lockfileVersion\": 99"),
    );
    let said = world.run(&["-C", "shop", "--json", "sbom"]).done();
    let found = said.findings();
    let hit = found.iter().find(|found| found.starts_with("sbom-source-newer web/package-lock.json"));
    let subject =
        hit.unwrap_or_else(|| panic!("{found:?}")).trim_start_matches("sbom-source-newer ").to_owned();
    says(&world, "sbom-source-newer", &subject, "99");
}

#[test]
fn lockfiles_made_to_hang_whoever_reads_them() {
    let world = shop();
    world.write("web/pnpm-lock.yaml", "lockfileVersion: '9.0'\na: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n");
    says(&world, "sbom-source-invalid", "web/pnpm-lock.yaml:2", "an anchor");
    let world = shop();
    world.write("web/pnpm-lock.yaml", format!("lockfileVersion: '9.0'\na: {}", "[".repeat(200_000)));
    says(&world, "sbom-source-invalid", "web/pnpm-lock.yaml:2", "");
    let world = shop();
    world.write(
        "web/package-lock.json",
        format!("{{\"lockfileVersion\":3,\"packages\":{}", "{\"a\":".repeat(200_000)),
    );
    says(&world, "sbom-source-too-large", "web/package-lock.json:1", "");
    let world = shop();
    world.write("web/poetry.lock", format!("a = {}", "[".repeat(200_000)));
    let said = unbroken(world.run(&["-C", "shop", "--json", "sbom"]).done());
    assert!(said.findings().iter().any(|found| found.starts_with("sbom-source-invalid web/poetry.lock")));
}

#[test]
fn a_lockfile_of_a_hundred_megabytes() {
    let world = shop();
    fs::create_dir(world.tree().join("web")).unwrap();
    fs::File::create(world.tree().join("web/yarn.lock")).unwrap().set_len(100 << 20).unwrap();
    says(&world, "sbom-source-too-large", "web/yarn.lock", "larger than 64.0 MiB");
}

#[test]
fn lockfiles_that_disagree() {
    let world = shop();
    let other = String::from_utf8(fixture("cargo-4/Cargo.lock")).unwrap();
    let sum = other.split("checksum = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    world.write("web/Cargo.lock", other.replace(&sum, &"0".repeat(64)));
    let said = unbroken(world.run(&["-C", "shop", "--json", "sbom"]).done());
    let found = said.findings();
    let [hit] = &found[..] else { panic!("one finding: {found:?}") };
    assert!(hit.starts_with("sbom-sources-disagree pkg:cargo/"), "{hit}");
    let document = said.json();
    let finding = &document["findings"][0];
    assert!(finding["expected"].as_str().unwrap().ends_with("(Cargo.lock)"), "{finding}");
    assert!(finding["actual"].as_str().unwrap().ends_with("(web/Cargo.lock)"), "{finding}");
    assert_eq!(document["incomplete"], false, "both were read whole");
    unbroken(world.seal(&[]).done().says("sbom-sources-disagree"));
    world.verify(&[]).done();
}

/// A zip of stored or deflated members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::write::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_bomb_in_a_wheel() {
    let world = shop();
    let bomb = vec![b'\n'; 80 << 20];
    let metadata = b"Metadata-Version: 2.1\nName: bomb\nVersion: 1.0\n";
    let wheel = zip(&[
        ("bomb-1.0.dist-info/METADATA", &[&metadata[..], &bomb].concat()),
        ("bomb-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n"),
    ]);
    assert!(wheel.len() < 1 << 20, "{}", wheel.len());
    world.write("dist/bomb-1.0-py3-none-any.whl", wheel);
    let member = "dist/bomb-1.0-py3-none-any.whl!bomb-1.0.dist-info/METADATA";
    says(&world, "sbom-source-too-large", member, "");
}

#[test]
fn wheels_that_are_no_zips_and_zips_that_lie() {
    let world = shop();
    world.write("dist/a-1.0-py3-none-any.whl", "not a zip");
    world.write("dist/b-1.0.jar", noise(4096));
    let mut torn = zip(&[("c-1.0.dist-info/METADATA", b"Name: c\nVersion: 1.0\n")]);
    torn.truncate(torn.len() / 2);
    world.write("dist/c-1.0-py3-none-any.whl", torn);
    for path in ["dist/a-1.0-py3-none-any.whl", "dist/b-1.0.jar", "dist/c-1.0-py3-none-any.whl"] {
        says(&world, "sbom-source-invalid", path, "");
    }
}

/// A tar of regular files, under names that a well-behaved writer refuses.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in members {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        all.extend_from_slice(header.as_bytes());
        all.extend_from_slice(bytes);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1024, 0);
    all
}

#[test]
fn an_image_whose_layers_lead_out_of_it() {
    let world = shop();
    world.write("secret.tar", "never read");
    let manifest = br#"[{"RepoTags":["shop:1"],"Layers":["layer.tar","../../secret.tar","/etc/passwd"]}]"#;
    let layer = tar(&[("../../etc/os-release", b"ID=evil\n"), ("etc/../../os-release", b"ID=evil\n")]);
    world.write("dist/image.tar", tar(&[("manifest.json", manifest), ("layer.tar", &layer)]));
    let said = unbroken(world.run(&["-C", "shop", "--json", "sbom"]).done());
    let found = said.findings();
    let hit = found.iter().find(|found| found.contains(" dist/image.tar"));
    let hit = hit.unwrap_or_else(|| panic!("{found:?}")).clone();
    assert!(!said.out.contains("evil") && !said.out.contains("root:"), "{}", said.out);
    let (code, subject) = hit.split_once(' ').unwrap();
    says(&world, code, subject, "");
}
