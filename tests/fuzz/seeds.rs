//! Input that every parser takes, made by our own writers: what fuzzing begins with.

use attestar::format::bag::declaration::Declaration;
use attestar::format::bag::{fetch, info};
use attestar::format::bom::{
    Aggregate, Algorithm, Checksum, Component, ComponentKind, Graph, Licence, Merged, Origin, Purl, Release,
    Source,
};
use attestar::format::bundle::Bundle;
use attestar::format::class::Class;
use attestar::format::cyclonedx;
use attestar::format::digest::{Blake3, Sha256};
use attestar::format::envelope::{Envelope, PAYLOAD_TYPE};
use attestar::format::frames::{INDEX_MAGIC, SeekTable, skippable_header};
use attestar::format::index::IndexWriter;
use attestar::format::inventory::Row;
use attestar::format::kind::Kind;
use attestar::format::listing;
use attestar::format::member::{FileType, Member};
use attestar::format::path::PackPath;
use attestar::format::receipt::Receipt;
use attestar::format::seal::{PolicyRef, Seal, Tool, Totals};
use attestar::format::spdx;
use attestar::format::tar as tar_format;
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
        let row = Row { member, class: Some(Class::Doc), blake3, archived: true };
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

fn statements() -> [Vec<u8>; 2] {
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
    [seal.over(zero).to_bytes(), receipt.for_archive("p-1.tar.zst.age", zero).to_bytes()]
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
