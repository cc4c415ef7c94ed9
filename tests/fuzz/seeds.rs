//! Input that every parser takes, made by our own writers: what fuzzing begins with.

use attestar::format::approval::Approval;
use attestar::format::bag::declaration::Declaration;
use attestar::format::bag::{fetch, info};
use attestar::format::bom::{
    Aggregate, Algorithm, Checksum, Component, ComponentKind, Graph, Licence, Merged, Origin, Purl, Release,
    Source,
};
use attestar::format::bundle::Bundle;
use attestar::format::checkpoint::Checkpoint;
use attestar::format::class::Class;
use attestar::format::cyclonedx;
use attestar::format::digest::{Blake3, Sha256};
use attestar::format::envelope::{Envelope, PAYLOAD_TYPE};
use attestar::format::frames::{INDEX_MAGIC, SeekTable, skippable_header};
use attestar::format::gates::{
    Fault, Gate, Gates, PolicyDigest, VERIFIER, VerificationResult, VerificationSummary, Verifier, Version,
    Waived,
};
use attestar::format::index::IndexWriter;
use attestar::format::inventory::Row;
use attestar::format::kind::Kind;
use attestar::format::leaf::{Leaf, What};
use attestar::format::listing;
use attestar::format::member::{FileType, Member};
use attestar::format::note::{Note, NoteSignature};
use attestar::format::path::PackPath;
use attestar::format::provenance::{
    BUILD_TYPE, BuildDefinition, Builder, BuilderVersion, ExternalParameters, InternalParameters, Provenance,
    Resource, RunDetails,
};
use attestar::format::receipt::Receipt;
use attestar::format::seal::{PolicyRef, Seal, Tool, Totals};
use attestar::format::spdx;
use attestar::format::statement::{DigestSet, Statement, Subject};
use attestar::format::tar as tar_format;
use attestar::format::tlog::proof_file::ProofFile;
use attestar::format::tlog::{entries, staged};
use attestar::format::waiver::Waiver;
use attestar::tree::lockfile::KINDS;
use jiff::Timestamp;

const KEY: &str = include_str!("../../fixtures/keys/test-only-a.pub");
const SSH_KEY: &str = include_str!("../../fixtures/keys/test-only-a.ssh.pub");
const IDENTITY: &[u8] = include_bytes!("../../fixtures/keys/test-only-a.identity.txt");
const LOCKED_IDENTITY: &[u8] = include_bytes!("../../fixtures/keys/test-only-a.identity.age");
const PATHS: [&str; 4] = ["data/100% sure.md", "data/ddl/0001.sql", "data/dist/é", "manifest-sha256.txt"];

fn member(path: &str, kind: FileType, size: u64) -> Member {
    let path = PackPath::new(path.as_bytes()).expect("a path");
    Member { path, kind, size, mode: 0o644, mtime_s: 1_700_000_000, mtime_ns: 0, uid: 0, gid: 0 }
}

fn members() -> Vec<Member> {
    let long = format!("pack/data/{}/{}", "d".repeat(99), "f".repeat(99));
    let old = Member { mtime_s: -1, mtime_ns: 5, uid: 1 << 22, ..member("pack/old", FileType::File, 513) };
    vec![
        member("pack/data/a", FileType::File, 3),
        member("pack/data/b", FileType::Link("a".into()), 0),
        member("pack/data/c", FileType::Dir, 0),
        member(&long, FileType::File, 0),
        old,
    ]
}

pub fn tar() -> Vec<Vec<u8>> {
    let mut tar = Vec::new();
    for member in members() {
        tar.extend(tar_format::encode(&member));
        tar.resize(tar.len() + member.size as usize, b'x');
        tar.resize(tar.len() + tar_format::padding(member.size), 0);
    }
    tar.extend(tar_format::END);
    vec![tar, tar_format::END.to_vec()]
}

fn frame(content: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(3).expect("a compressor");
    compressor.include_checksum(true).expect("a compressor that can");
    compressor.compress(content).expect("memory takes it")
}

pub fn frames() -> Vec<Vec<u8>> {
    let data = frame(&b"to be or not to be, ".repeat(40));
    let index = [skippable_header(INDEX_MAGIC, 5), b"index".to_vec()].concat();
    let table = SeekTable { frames: vec![(data.len() as u32, 800), (13, 0)] }.to_frame();
    vec![[data.clone(), data, index, table].concat(), frame(b"x")]
}

pub fn seek_table() -> Vec<Vec<u8>> {
    let of = |frames| SeekTable { frames }.to_frame().split_off(8);
    vec![of(vec![]), of(vec![(1000, 4 << 20), (70, 0)])]
}

pub fn index() -> Vec<Vec<u8>> {
    let mut writer = IndexWriter::new().expect("an encoder");
    for (at, path) in PATHS.iter().enumerate() {
        writer.push(path, at as u64 * 70_000, 300).expect("memory takes it");
    }
    vec![writer.finish().expect("memory takes it")]
}

pub fn inventory() -> Vec<Vec<u8>> {
    let row = |member: Member| {
        let blake3 = (member.kind == FileType::File).then_some(Blake3([7; 32]));
        let mut line = Vec::new();
        let row = Row { member, class: Some(Class::Doc), blake3, archived: true, torn: false };
        row.write(&mut line).expect("memory takes it");
        line
    };
    members().into_iter().map(row).collect()
}

fn lines(write: impl Fn(&mut Vec<u8>, &PackPath)) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    PATHS.iter().for_each(|path| write(&mut list, &PackPath::new(path.as_bytes()).expect("a path")));
    vec![list]
}

pub fn listing() -> Vec<Vec<u8>> {
    lines(|list, path| {
        listing::write_line(list, listing::Encoding::Percent, &Sha256([1; 32]), path.as_str())
            .expect("memory");
    })
}

pub fn hashes() -> Vec<Vec<u8>> {
    lines(|list, path| {
        listing::write_line(list, listing::Encoding::Plain, &Sha256([2; 32]), path.as_str())
            .expect("memory takes it")
    })
}

pub fn bag_declaration() -> Vec<Vec<u8>> {
    vec![
        Declaration::default().to_text().into(),
        b"BagIt-version : 0.96 \r\nTag-File-Character-Encoding:x".into(),
    ]
}

pub fn bag_info() -> Vec<Vec<u8>> {
    let element = |label, value| info::Element::new(label, value).expect("an element");
    let elements = [element("Payload-Oxum", "12.3"), element("External-Description", "one\ntwo\nthree")];
    let mut text = Vec::new();
    info::write(&mut text, &elements).expect("memory takes it");
    in_ways(&text)
}

pub fn bag_manifest() -> Vec<Vec<u8>> {
    let written = lines(|list, path| {
        listing::write_line(list, listing::Encoding::Percent, &Sha256([3; 32]), path.as_str())
            .expect("memory takes it");
    });
    let odd = b"\\d41d8cd9 *./a\\\\b\n\nabcd\tdata/50%\r\n".to_vec();
    written.iter().chain([&odd]).flat_map(|text| in_ways(text)).collect()
}

pub fn bag_fetch() -> Vec<Vec<u8>> {
    let url = "attestar://base/data/a%20b";
    let written = lines(|list, path| {
        fetch::write_line(list, url, Some(12), path.as_str()).expect("memory takes it");
    });
    in_ways(&written[0])
}

/// A text under the RFC's rules and a draft's, and in UTF-16 with a mark: as the first byte says.
fn in_ways(text: &[u8]) -> Vec<Vec<u8>> {
    let wide: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.iter().flat_map(|&byte| [0, byte])).collect();
    vec![[b"1", text].concat(), [b"0", text].concat(), [b"7", &wide[..]].concat()]
}

fn statements() -> [Vec<u8>; 6] {
    let (name, project, version) = ("p-1".to_owned(), "p".to_owned(), "1".to_owned());
    let (zero, payload, time) = (Sha256([0; 32]), Totals { files: 3, bytes: 70 }, Timestamp::UNIX_EPOCH);
    let seal = Seal {
        name: name.clone(),
        project: project.clone(),
        version: version.clone(),
        kind: Kind::Release,
        tool: Tool::this(),
        policy: PolicyRef { name: "default".to_owned(), sha256: zero },
        payload,
    };
    let receipt = Receipt {
        project,
        kind: Kind::Release,
        version,
        name,
        size_bytes: 4096,
        seal_sha256: zero,
        tagmanifest_sha256: zero,
        payload,
        recipients: 1,
        bases: Vec::new(),
        evaluated_at: time,
        created_at: time,
    };
    let resource = |name: &str| Resource::file(name, DigestSet { sha256: zero });
    let provenance = Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters: ExternalParameters {
                project: "p".to_owned(),
                kind: Kind::Release,
                version: "1".to_owned(),
                policy: PolicyRef { name: "default".to_owned(), sha256: zero },
                tag: Some("v1".to_owned()),
            },
            internal_parameters: InternalParameters { clean: Some(false), ..Default::default() },
            resolved_dependencies: vec![
                Resource::source(None, Some("v1"), &"0".repeat(40), None),
                resource("Cargo.lock"),
            ],
        },
        run_details: RunDetails {
            builder: Builder {
                id: "urn:attestar:builder:local".to_owned(),
                version: BuilderVersion { attestar: "0.1.0".to_owned() },
            },
            metadata: None,
            byproducts: vec![resource("sbom/bom.cdx.json")],
        },
    };
    let provenance = Statement::new(vec![Subject::new("dist/a", zero)], provenance);
    [
        seal.over(zero).to_bytes(),
        receipt.for_archive("p-1.tar.zst.age", zero).to_bytes(),
        provenance.to_bytes(),
        gates(zero),
        waiver(zero),
        approval(zero),
    ]
}

fn waiver(zero: Sha256) -> Vec<u8> {
    let waiver = Waiver {
        project: "p".to_owned(),
        kind: Kind::Release,
        version: "1".to_owned(),
        commit: Some("0".repeat(40)),
        policy: PolicyRef { name: "default".to_owned(), sha256: zero },
        gate: "readiness".to_owned(),
        role: "risk".to_owned(),
        reason: "tested by hand".to_owned(),
        until: Timestamp::UNIX_EPOCH,
    };
    waiver.of_policy().to_bytes()
}

fn approval(zero: Sha256) -> Vec<u8> {
    let approval = Approval {
        project: "p".to_owned(),
        kind: Kind::Release,
        version: "1".to_owned(),
        role: "qa".to_owned(),
        seal_sha256: zero,
        approved_at: Timestamp::UNIX_EPOCH,
    };
    approval.over(zero).to_bytes()
}

/// The record of one gate that failed and was waived.
fn gates(zero: Sha256) -> Vec<u8> {
    let gate = Gate {
        id: "readiness".to_owned(),
        check: "checklist".to_owned(),
        status: "waived".to_owned(),
        severity: "error".to_owned(),
        reason: None,
        output: None,
        evidence: vec![Subject::new("reports/a.md", zero)],
        faults: vec![Fault {
            subject: "reports/a.md:3".to_owned(),
            expected: None,
            actual: Some("x".to_owned()),
        }],
        waiver: Some(Waived {
            role: "captain".to_owned(),
            key_id: "a+b/c=".to_owned(),
            reason: "tested by hand".to_owned(),
            until: Timestamp::UNIX_EPOCH,
            sha256: zero,
        }),
    };
    let summary = VerificationSummary {
        verifier: Verifier { id: VERIFIER.to_owned(), version: Version { attestar: "0.1.0".to_owned() } },
        time_verified: Some(Timestamp::UNIX_EPOCH),
        resource_uri: "urn:attestar:pack:p-1".to_owned(),
        policy: PolicyDigest { uri: "urn:attestar:policy:p".to_owned(), digest: DigestSet { sha256: zero } },
        verification_result: VerificationResult::Passed,
        verified_levels: Vec::new(),
        gates: Gates {
            project: "p".to_owned(),
            kind: Kind::Release,
            version: "1".to_owned(),
            stage: "seal".to_owned(),
            commit: None,
            gates: vec![gate],
        },
    };
    summary.over(zero).to_bytes()
}

pub fn statement() -> Vec<Vec<u8>> {
    statements().into()
}

pub fn bundle() -> Vec<Vec<u8>> {
    let of = |payload| {
        let (payload_type, key_id) = (PAYLOAD_TYPE.to_owned(), "a+b/c=".to_owned());
        Bundle { envelope: Envelope { payload_type, payload, key_id, signature: [9; 64] } }.to_bytes()
    };
    statements().into_iter().map(of).collect()
}

pub fn policy() -> Vec<Vec<u8>> {
    let small = r#"schema = 1
name = "shop"
[project]
name = "shop"
version_file = "VERSION"
tag = "v{version}"
[[include]]
class = "ddl"
paths = ["ddl/*.sql"]
exclude = ["ddl/drafts/**"]
dialect = "postgresql"
required = true
[release]
classes = ["doc", "ddl"]
[hashes]
sha256 = "docs/HASHES.sha256.txt"
[seal]
compression_level = 3
"#;
    vec![small.into()]
}

pub fn ddl() -> Vec<Vec<u8>> {
    let small = [
        "CREATE TABLE a (b int REFERENCES c); CREATE VIEW d AS SELECT * FROM a JOIN e ON true;",
        "DO $x$ BEGIN END $x$; COPY a FROM stdin;\n1\n\\.\n/* /* */ */ E'\\'' \\gexec\n",
        "DELIMITER //\n/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN \
         IF b THEN SET c = 1; END IF; END */ //\n",
        "CREATE TRIGGER t AFTER INSERT ON [a] BEGIN UPDATE b SET c = CASE WHEN d THEN 1 END; END;",
        "CREATE TABLE [a].[b] ([c] [int] (3)) ON [x]\nGO 2\nALTER TABLE a ADD b int\nGO\n",
        "ALTER TABLE a ATTACH PARTITION b DEFAULT; DROP INDEX i ON t; COMMENT ON COLUMN a.b IS 'x'; GRANT a TO b;",
    ];
    small.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub fn trust() -> Vec<Vec<u8>> {
    let key = SSH_KEY.trim_end();
    let text = format!(
        "[[signer]]\nrole = \"captain\"\nkey = \"{key}\"\nmay = [\"seal:release\", \"receipt\"]\nprojects = [\"p\"]\n\
         not_after = 2027-06-30T00:00:00Z\n\n[approvals]\nany_of = [\"sre\", \"qa\"]\nat_least = 2\n"
    );
    vec![text.into()]
}

pub fn pack_path() -> Vec<Vec<u8>> {
    ["docs/100% sure.md", "caf\u{e9}/Cafe\u{301}.", "a\\b/..c/C:"].map(|path| path.as_bytes().to_vec()).into()
}

pub fn identity() -> Vec<Vec<u8>> {
    vec![IDENTITY.to_vec(), LOCKED_IDENTITY.to_vec()]
}

pub fn public_key() -> Vec<Vec<u8>> {
    vec![KEY.into(), SSH_KEY.into()]
}

/// A release of one lockfile with one package: as CycloneDX, as SPDX.
pub fn sbom() -> Vec<Vec<u8>> {
    let mut graph = Graph::default();
    let root = graph.add_root(Component::new(ComponentKind::Application, "web", None));
    let purl = Purl::new("npm", "@a", "b", "1").expect("a package URL");
    let mut package = Component::library("@a/b", "1", purl);
    package.licence = Licence::read("MIT OR LicenseRef-x");
    package.checksums.extend(Checksum::new(Algorithm::Sha1, &[7; 20]));
    let package = graph.add(package);
    graph.depend(root, package);
    let (path, aggregate) = ("web/yarn.lock".to_owned(), Aggregate::Incomplete);
    let source = Source { path, sha256: Some(Sha256::of(b"")), origin: Origin::Lockfile, graph, aggregate };
    let subject = Component::new(ComponentKind::Application, "shop", Some("1.0.0"));
    let tool = Tool { name: "attestar".to_owned(), version: "0.1.0".to_owned() };
    let sources = vec![source];
    let release = Release { subject, sources, files: vec![], files_omitted: 0, epoch_s: 1_700_000_000, tool };
    let merged = Merged::of(&release);
    vec![cyclonedx::to_bytes(&merged), spdx::to_bytes(&merged)]
}

/// A lockfile of each kind that is named, as far as a seed needs: behind the byte that says which kind it is.
pub fn lockfile() -> Vec<Vec<u8>> {
    macro_rules! lockfiles {
        ($($kind:literal $path:literal)+) => {
            [$(($kind, &include_bytes!(concat!("../../fixtures/lockfiles/", $path))[..]),)+]
        };
    }
    let real = lockfiles! {
        "Cargo.lock" "cargo-4/Cargo.lock"
        "Cargo.lock" "cargo-1/Cargo.lock"
        "bun.lock" "bun-1.4/bun.lock"
        "Gemfile.lock" "bundler-releaser/Gemfile.lock"
        "Pipfile.lock" "pipenv/Pipfile.lock"
        "package-lock.json" "npm-3/package-lock.json"
        "package-lock.json" "npm-1/package-lock.json"
        "pdm.lock" "pdm-extras/pdm.lock"
        "pnpm-lock.yaml" "pnpm-9/pnpm-lock.yaml"
        "poetry.lock" "poetry-1.8/poetry.lock"
        "pom.xml" "maven-jsoup/pom.xml"
        "pylock.toml" "pylock-uv/pylock.toml"
        "requirements.txt" "pip-compile/requirements.txt"
        "uv.lock" "uv-small/uv.lock"
        "yarn.lock" "yarn-1/yarn.lock"
        "yarn.lock" "yarn-4/yarn.lock"
    };
    let small: [(&str, &[u8]); 6] = [
        (
            "composer.lock",
            br#"{"packages":[{"name":"a/b","version":"1.0","require":{"php":">=8"}}],"packages-dev":[]}"#,
        ),
        ("go.mod", b"module a.example/b\n\ngo 1.22\n\nrequire (\n\tc.example/d v1.2.3 // indirect\n)\n"),
        ("gradle.lockfile", b"# comment\na.example:b:1.0=runtimeClasspath\nempty=testClasspath\n"),
        ("mix.lock", b"%{\n  \"a\": {:hex, :a, \"1.0.0\", \"00\", [:mix], [], \"hexpm\", \"00\"},\n}\n"),
        (
            "packages.lock.json",
            br#"{"version":1,"dependencies":{"net8.0":{"A":{"type":"Direct","resolved":"1.0.0"}}}}"#,
        ),
        (
            "pubspec.lock",
            b"packages:\n  a:\n    dependency: transitive\n    source: hosted\n    version: \"1.0.0\"\n",
        ),
    ];
    let of = |(kind, bytes): (&str, &[u8])| {
        let at = KINDS.iter().position(|known| known.name == kind).expect("a kind") as u8;
        [&[at], &bytes[..bytes.len().min(LOCKFILE_SEED_BYTES)]].concat()
    };
    real.into_iter().chain(small).map(of).collect()
}

/// The beginning of a large lockfile says as much as the whole.
const LOCKFILE_SEED_BYTES: usize = 3000;

/// A tar of files.
fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, bytes) in files {
        tar.extend(tar_format::encode(&member(path, FileType::File, bytes.len() as u64)));
        tar.extend_from_slice(bytes);
        tar.resize(tar.len() + tar_format::padding(bytes.len() as u64), 0);
    }
    tar.extend(tar_format::END);
    tar
}

/// A zip of one stored file, by hand: nothing here writes zips.
fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    });
    let size = (bytes.len() as u32).to_le_bytes();
    let (length, number) = ((name.len() as u16).to_le_bytes(), |number: u16| number.to_le_bytes());
    let shared = [
        &number(20)[..],
        &number(0),
        &number(0),
        &[0; 4],
        &crc.to_le_bytes(),
        &size,
        &size,
        &length,
        &number(0),
    ]
    .concat();
    let local = [b"PK\x03\x04", &*shared, name.as_bytes(), bytes].concat();
    let central = [b"PK\x01\x02", &number(20)[..], &shared, &[0; 14], name.as_bytes()].concat();
    let (at, length) = ((local.len() as u32).to_le_bytes(), (central.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06", &[0; 4][..], &number(1), &number(1), &length, &at, &number(0)].concat();
    [local, central, end].concat()
}

/// Artifacts, each behind the byte that says under which name.
pub fn artifact() -> Vec<Vec<u8>> {
    let metadata = b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Dist: b>=2\n";
    let package = br#"{"name":"a","version":"1.0.0","dependencies":{"b":"^1.0.0"}}"#;
    let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let image = br#"[{"Config":"config.json","RepoTags":["a:1"],"Layers":["layer.tar"]}]"#;
    let layer = tar_of(&[
        ("etc/os-release", b"ID=alpine\nVERSION_ID=3.20\n"),
        ("lib/apk/db/installed", b"P:musl\nV:1.2\n\n"),
    ]);
    let manifest = b"[package]\nname = \"a\"\nversion = \"1.0.0\"\n";
    let deb = b"!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n";
    let all = [
        (0, zip_of("a-1.0.dist-info/METADATA", metadata)),
        (1, zip_of("META-INF/maven/a/a/pom.properties", b"groupId=a\nartifactId=a\nversion=1\n")),
        (2, deb.to_vec()),
        (3, tar_of(&[("a-1.0/Cargo.toml", manifest)])),
        (4, tar_of(&[("metadata.gz", b"")])),
        (5, tar_of(&[("manifest.json", image), ("config.json", config), ("layer.tar", &layer)])),
        (6, frame(&tar_of(&[("package/package.json", package)]))),
        (6, tar_of(&[("a-1.0/PKG-INFO", metadata)])),
        (7, b"\x7fELF\x02\x01\x01".iter().chain(&[0; 57]).copied().collect()),
        (7, b"MZ".iter().chain(&[0; 62]).copied().collect()),
    ];
    all.into_iter().map(|(name, bytes)| [&[name], &*bytes].concat()).collect()
}

pub fn allowed_signers() -> Vec<Vec<u8>> {
    let key = SSH_KEY.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let text = format!(
        "# who\n*@example.com,!x@example.com namespaces=\"git,file\",valid-before=\"20271231Z\" {}\n\"a b\" cert-authority {}\n",
        key.trim_end(),
        key.trim_end()
    );
    vec![text.into()]
}

/// Tags with a signature of each format.
pub fn log() -> Vec<Vec<u8>> {
    let checkpoint = Checkpoint { origin: "example.com/shop".into(), size: 2, root: Sha256([7; 32]) };
    let signature = NoteSignature { name: checkpoint.origin.clone(), key_id: [1; 4], signature: vec![2; 64] };
    let note = Note { text: checkpoint.to_text(), signatures: vec![signature] }.to_bytes();
    let leaf = Leaf {
        what: What::Sealed,
        project: "shop".into(),
        name: "shop-1.0.0".into(),
        time: Timestamp::UNIX_EPOCH,
        event: Sha256([3; 32]),
    };
    let proof = ProofFile {
        entry: leaf.to_bytes(),
        index: 1,
        hashes: vec![Sha256([4; 32])],
        checkpoint: note.clone(),
    };
    let mut bundle = Vec::new();
    assert!(entries::append(&mut bundle, &leaf.to_bytes()) && entries::append(&mut bundle, b""));
    let files =
        [("tile/0/000.p/1".to_owned(), vec![5; 32]), ("tile/entries/000.p/1".to_owned(), bundle.clone())];
    vec![note, leaf.to_bytes(), proof.to_bytes(), staged::to_bytes(&files.into()), bundle]
}

pub fn tag_signature() -> Vec<Vec<u8>> {
    let tag = "object 0000000000000000000000000000000000000000\ntype commit\ntag v1\ntagger T <t@example.com> 1 +0000\n\none\n";
    let signed = |name: &str, body: &str| {
        format!("{tag}-----BEGIN {name}-----\n{body}\n-----END {name}-----\n").into()
    };
    vec![
        signed("SSH SIGNATURE", SSH_SIGNATURE),
        signed("PGP SIGNATURE", PGP_SIGNATURE),
        signed("SIGNED MESSAGE", "AAAA"),
        tag.into(),
    ]
}

/// Signatures by keys that were thrown away.
const SSH_SIGNATURE: &str = "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgYv+EDtCPPxHgcb1eDkWmy4o+a5\n\
    EkNGbilw26/HJiJooAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5\n\
    AAAAQKvaH5D75IZ7lv93vH/xLPan/aGaObOeomqezxAZPdEgPYkbutXLPJt5gorJfl5YpO\n\
    etDl6CrCybaYkft6Y/BAo=";
/// See [`SSH_SIGNATURE`].
const PGP_SIGNATURE: &str = "\n\
    iHUEABYIAB0WIQSisCxBqnMmAxoS0tQKzHYuJCJ0KQUCawBcEAAKCRAKzHYuJCJ0\n\
    KUUWAP9i5/+KzIp4bLlgE1nGzxPdgEslj1L/wwCwLHrfxw27LwD8DLuSbH7bq/Cm\n\
    6EQPN4OavUvL79t6qhZh9AvknwRsQw0=\n\
    =HHHt";
