//! What must hold of every parser, whatever bytes it is given: it refuses them or takes them, and what it takes it
//! writes again: the same bytes where the format has one form, else bytes that read as the same. It never panics, and
//! never keeps more than a small multiple of what it was given.

use crate::seeds;
use attestar::error::Error;
use attestar::format::allowed_signers::AllowedSigners;
use attestar::format::approval::Approval;
use attestar::format::bag::declaration::{Declaration, Version};
use attestar::format::bag::fetch::{self, FetchLines, is_absolute_uri};
use attestar::format::bag::info;
use attestar::format::bag::manifest::{ManifestLines, check_path};
use attestar::format::bag::text::{Encoding, TextLines};
use attestar::format::bom::Aggregate;
use attestar::format::bom::agreement::agrees;
use attestar::format::bundle::Bundle;
use attestar::format::checkpoint::Checkpoint;
use attestar::format::cyclonedx::attestation::Sbom;
use attestar::format::cyclonedx::read::{Bom, released};
use attestar::format::ddl::{Dialect, Room};
use attestar::format::digest::Sha256;
use attestar::format::frames::{self, Frame, SeekTable, skippable_header};
use attestar::format::gates::VerificationSummary;
use attestar::format::hashes;
use attestar::format::index::{IndexReader, IndexWriter};
use attestar::format::inventory::Row;
use attestar::format::leaf::Leaf;
use attestar::format::lines::BAD_LINES_MAX;
use attestar::format::listing::{self, Lines};
use attestar::format::note::Note;
use attestar::format::path::{self, PackPath};
use attestar::format::provenance::Provenance;
use attestar::format::receipt::Receipt;
use attestar::format::seal::Seal;
use attestar::format::statement::{Predicate, Statement};
use attestar::format::tar;
use attestar::format::tlog::proof_file::ProofFile;
use attestar::format::tlog::{entries, staged};
use attestar::format::waiver::Waiver;
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::public::PublicKey;
use attestar::keys::trust::Trust;
use attestar::policy::{Policy, Source};
use attestar::tree::artifact;
use attestar::tree::ddl;
use attestar::tree::git::Signers;
use attestar::tree::git::signature;
use attestar::tree::lockfile::{KINDS, Lockfile};
use attestar::tree::reading::Reading;
use data_encoding::HEXLOWER;
use std::io::Cursor;
use std::path::Path;

/// A parser under test.
pub struct Target {
    /// As in `fuzz_targets/`.
    pub name: &'static str,
    /// Panics where a law does not hold.
    pub body: fn(&[u8]),
    /// Input that is taken, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "tar", body: tar, seeds: seeds::tar },
    Target { name: "frames", body: frames, seeds: seeds::frames },
    Target { name: "seek_table", body: seek_table, seeds: seeds::seek_table },
    Target { name: "index", body: index, seeds: seeds::index },
    Target { name: "inventory", body: inventory, seeds: seeds::inventory },
    Target { name: "listing", body: listing, seeds: seeds::listing },
    Target { name: "log", body: log, seeds: seeds::log },
    Target { name: "hashes", body: hashes, seeds: seeds::hashes },
    Target { name: "bag_declaration", body: bag_declaration, seeds: seeds::bag_declaration },
    Target { name: "bag_info", body: bag_info, seeds: seeds::bag_info },
    Target { name: "bag_manifest", body: bag_manifest, seeds: seeds::bag_manifest },
    Target { name: "bag_fetch", body: bag_fetch, seeds: seeds::bag_fetch },
    Target { name: "bundle", body: bundle, seeds: seeds::bundle },
    Target { name: "statement", body: statement, seeds: seeds::statement },
    Target { name: "policy", body: policy, seeds: seeds::policy },
    Target { name: "ddl", body: ddl, seeds: seeds::ddl },
    Target { name: "trust", body: trust, seeds: seeds::trust },
    Target { name: "pack_path", body: pack_path, seeds: seeds::pack_path },
    Target { name: "identity", body: identity, seeds: seeds::identity },
    Target { name: "public_key", body: public_key, seeds: seeds::public_key },
    Target { name: "sbom", body: sbom, seeds: seeds::sbom },
    Target { name: "lockfile", body: lockfile, seeds: seeds::lockfile },
    Target { name: "artifact", body: artifact, seeds: seeds::artifact },
    Target { name: "allowed_signers", body: allowed_signers, seeds: seeds::allowed_signers },
    Target { name: "tag_signature", body: tag_signature, seeds: seeds::tag_signature },
];

/// Notes, checkpoints, leaves, bundles of entries, proofs and staged files each have one form.
pub fn log(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert!(note.to_bytes() == bytes);
        if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
            assert_eq!(checkpoint.to_text(), note.text);
        }
    }
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert!(leaf.to_bytes() == bytes);
    }
    if let Ok(proof) = ProofFile::parse(bytes) {
        assert!(proof.to_bytes() == bytes);
    }
    if let Some(files) = staged::parse(bytes) {
        assert!(staged::to_bytes(&files) == bytes);
    }
    if let Some(all) = entries::parse(bytes) {
        let mut again = Vec::new();
        assert!(all.iter().all(|entry| entries::append(&mut again, entry)) && again == bytes);
    }
}

/// A tar that is taken to its end is what its members encode to, in whatever pieces it came.
pub fn tar(bytes: &[u8]) {
    let whole = encode_again(bytes, bytes.len().max(1));
    assert_eq!(whole, encode_again(bytes, 7), "pieces make no difference");
    if let Ok(Some(again)) = whole {
        assert!(again == bytes, "one encoding for each member");
    }
}

/// `None` if the input ends before the tar does.
fn encode_again(bytes: &[u8], piece: usize) -> Result<Option<Vec<u8>>, tar::Fault> {
    let (mut reader, mut again, mut size) = (tar::Reader::default(), Vec::new(), 0);
    for input in bytes.chunks(piece) {
        let mut at = 0;
        loop {
            let (step, used) = reader.step(&input[at..])?;
            at += used;
            match step {
                tar::Step::More => break,
                tar::Step::End if at == input.len() => break,
                tar::Step::End => {}
                tar::Step::Member(member) => {
                    size = member.size;
                    again.extend(tar::encode(&member));
                }
                tar::Step::Data { len, last } => {
                    again.extend_from_slice(&input[at - len..at]);
                    again.resize(again.len() + if last { tar::padding(size) } else { 0 }, 0);
                }
            }
        }
    }
    again.extend(tar::END);
    Ok(reader.ended().then_some(again))
}

/// Frames are cut where they end: put together they are the input, as far as it was read.
pub fn frames(bytes: &[u8]) {
    let (mut rest, mut frame, mut at) = (bytes, Vec::new(), 0);
    while let Ok(Some(read)) = frames::read_frame(&mut rest, &mut frame) {
        if let Frame::Skippable { magic } = read {
            frame.splice(..0, skippable_header(magic, frame.len()));
        }
        assert!(bytes[at..].starts_with(&frame), "a frame is what was read");
        at += frame.len();
    }
    assert!(frame.capacity() <= 4 * bytes.len() + (4 << 20), "a length alone makes nothing large");
}

/// A seek table has one form.
pub fn seek_table(body: &[u8]) {
    if let Some(table) = SeekTable::parse(body) {
        let frame = table.to_frame();
        assert_eq!(&frame[frames::SKIPPABLE_HEADER_BYTES..], body);
        let footer = frame.last_chunk().expect("every table has a footer");
        assert_eq!(SeekTable::frame_length(footer), Some(frame.len() as u64));
    }
}

/// The rows of an index that is read to its end are those of the index made of them.
pub fn index(body: &[u8]) {
    let rows = |body: &[u8]| IndexReader::new(body)?.take(10_000).collect::<std::io::Result<Vec<_>>>();
    let Ok(read) = rows(body) else { return };
    let mut writer = IndexWriter::new().expect("an encoder");
    for row in &read {
        writer.push(row.path.as_str(), row.offset, row.size).expect("memory takes it");
    }
    assert_eq!(rows(&writer.finish().expect("memory takes it")).expect("our own"), read);
}

/// A row is written as a line that reads as the same row, and only in one way.
pub fn inventory(line: &[u8]) {
    let Ok(row) = Row::parse(line) else { return };
    let written = |row: &Row| {
        let mut line = Vec::new();
        row.write(&mut line).expect("what was read can be written");
        line
    };
    let again = Row::parse(written(&row).trim_ascii_end()).expect("our own line");
    assert_eq!(again, row);
    assert_eq!(written(&again), written(&row));
}

/// A list of our own has one form.
pub fn listing(bytes: &[u8]) {
    for encoding in [listing::Encoding::Percent, listing::Encoding::Plain] {
        let mut again = Vec::new();
        let mut whole = true;
        for line in Lines::new(bytes, encoding) {
            let Ok(line) = line else {
                whole = false;
                break;
            };
            listing::write_line(&mut again, encoding, &Sha256(line.digest), &line.path).expect("memory");
        }
        assert!(bytes.starts_with(&again), "each line has one form");
        assert!(!whole || again == bytes, "nothing is passed over");
    }
}

/// What a HASHES manifest lists is listed by the one written of it; its faults are bounded.
pub fn hashes(bytes: &[u8]) {
    let (digests, faults) = hashes::read(bytes);
    assert!(faults.len() <= BAD_LINES_MAX);
    let mut again = Vec::new();
    for (path, digest) in &digests {
        listing::write_line(&mut again, listing::Encoding::Plain, &Sha256(*digest), path.as_str())
            .expect("memory takes it");
    }
    let (read, faults) = hashes::read(&again[..]);
    assert!(faults.is_empty() && read == digests);
}

/// A declaration without faults reads back from its own text.
pub fn bag_declaration(bytes: &[u8]) {
    let (declaration, faults) = Declaration::parse(bytes);
    if faults.is_empty() {
        assert_eq!(Declaration::parse(declaration.to_text().as_bytes()), (declaration, Vec::new()));
    }
}

const ENCODINGS: [Encoding; 6] = [
    Encoding::Utf8,
    Encoding::Ascii,
    Encoding::Latin1,
    Encoding::Utf16,
    Encoding::Utf16Be,
    Encoding::Utf16Le,
];

/// The lines of a text tag file. The first byte says in which encoding, and under whose rules: a draft's, the RFC's.
fn text(bytes: &[u8]) -> (TextLines<&[u8]>, Version) {
    let (way, text) = bytes.split_first().map_or((0, bytes), |(&way, text)| (usize::from(way), text));
    let version = [Version::V0_93, Version::V1_0][way % 2];
    (TextLines::new(text, ENCODINGS[way / 2 % ENCODINGS.len()]), version)
}

/// Elements are written so that they read back.
pub fn bag_info(bytes: &[u8]) {
    let (lines, version) = text(bytes);
    let (elements, faults) = info::parse(lines, version);
    assert!(faults.len() <= BAD_LINES_MAX);
    let mut again = Vec::new();
    info::write(&mut again, &elements).expect("memory takes it");
    let (read, faults) = info::parse(TextLines::new(&again[..], Encoding::Utf8), Version::V1_0);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(read, elements);
}

/// A line whose path may be opened is written so that it reads back.
pub fn bag_manifest(bytes: &[u8]) {
    let (lines, version) = text(bytes);
    for line in ManifestLines::new(lines, version).filter_map(Result::ok) {
        // Written by tools that mark binary mode, such a path could not be told from the mark.
        if check_path(&line.path).is_err() || line.path.starts_with(['*', ' ', '\t']) {
            continue;
        }
        let mut again = Vec::new();
        listing::write_line(
            &mut again,
            listing::Encoding::Percent,
            &HEXLOWER.encode(&line.checksum),
            &line.path,
        )
        .expect("memory");
        let lines = TextLines::new(&again[..], Encoding::Utf8);
        let read: Vec<_> = ManifestLines::new(lines, Version::V1_0).map(|l| l.expect("our own")).collect();
        assert_eq!(read.len(), 1);
        assert_eq!((&read[0].checksum, &read[0].path), (&line.checksum, &line.path));
        assert!(read[0].quirks.is_empty());
    }
}

/// A line with a URL that can be one is written so that it reads back.
pub fn bag_fetch(bytes: &[u8]) {
    let (lines, version) = text(bytes);
    for line in FetchLines::new(lines, version).filter_map(Result::ok) {
        if !is_absolute_uri(&line.url) || line.path.starts_with([' ', '\t']) {
            continue;
        }
        let mut again = Vec::new();
        fetch::write_line(&mut again, &line.url, line.length_bytes, &line.path).expect("memory takes it");
        let lines = TextLines::new(&again[..], Encoding::Utf8);
        let read: Vec<_> = FetchLines::new(lines, Version::V1_0).map(|l| l.expect("our own")).collect();
        assert_eq!(read.len(), 1);
        assert_eq!((&read[0].url, &read[0].path), (&line.url, &line.path));
        assert_eq!(read[0].length_bytes, line.length_bytes);
    }
}

/// A bundle of ours has one form; one of others has the one that is made of it.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::parse(bytes) else { return };
    let again = bundle.to_bytes();
    assert_eq!(Bundle::parse_canonical(bytes).is_ok(), again == bytes);
    assert_eq!(Bundle::parse_canonical(&again).expect("our own"), bundle);
}

/// A payload is a statement of one type alone, and its fields are all that it says.
pub fn statement(payload: &[u8]) {
    fn read_back<P: Predicate + PartialEq + std::fmt::Debug>(payload: &[u8]) -> bool {
        let Ok(statement) = Statement::<P>::parse(payload) else { return false };
        assert!(!statement.subject.is_empty());
        assert_eq!(Statement::<P>::parse(&statement.to_bytes()).expect("our own"), statement);
        true
    }
    let read = [
        read_back::<Seal>(payload),
        read_back::<Receipt>(payload),
        read_back::<Provenance>(payload),
        read_back::<VerificationSummary>(payload),
        read_back::<Waiver>(payload),
        read_back::<Approval>(payload),
    ];
    assert!(read.iter().filter(|&&is_one| is_one).count() <= 1);
}

/// A policy is kept to the letter; a mistake in it has a line that there is.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Policy::parse(Source::File("attestar.toml".into()), text) {
        Ok(policy) => {
            assert_eq!(policy.text, text);
            assert_eq!(policy.sha256, Sha256::of(bytes));
            let path = PackPath::new(b"docs/guide.md").expect("a path");
            assert!(policy.classify(&path).is_none_or(|(at, _)| at < policy.include.len()));
        }
        Err(error) => assert_line(&error, text),
    }
}

/// Whatever the dialect, statements lie in the file, in order, at lines that are true, and no more is unparsed than there
/// is.
pub fn ddl(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for dialect in std::iter::once(None).chain(Dialect::ALL.map(|(_, dialect)| Some(dialect))) {
        let (rules, mut end) = (ddl::dialect::rules(dialect), 0);
        for statement in ddl::split::statements(text, &rules) {
            assert!(end <= statement.start && statement.start < statement.end);
            end = statement.end;
            assert_eq!(statement.line, 1 + text[..statement.start].matches('\n').count() as u64);
        }
        let file = ddl::read("a.sql", bytes, dialect, &mut Room::default());
        assert!(end <= text.len() && file.statements_unparsed <= file.statements);
        assert_eq!(file.unparsed.len() as u64, file.statements_unparsed, "there is room for all");
    }
}

/// A key has one role; a mistake in a trust file has a line that there is.
pub fn trust(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Trust::parse(Path::new("nowhere/trust.toml"), text) {
        Ok(trust) => {
            let mut keys: Vec<String> = trust.signers().iter().map(|signer| signer.key.key_id()).collect();
            keys.sort();
            assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
            assert!(trust.approvals().is_none_or(|approvals| approvals.at_least > 0));
        }
        Err(error) => assert_line(&error, text),
    }
}

fn assert_line(error: &Error, text: &str) {
    match error {
        Error::Config { line, .. } => {
            let lines = 1 + text.bytes().filter(|&byte| byte == b'\n').count();
            assert!((1..=lines).contains(line), "line {line} of {lines}");
        }
        other => panic!("not about a line: {other:?}"),
    }
}

/// A path is taken as it is, and stays what it is in a manifest.
pub fn pack_path(bytes: &[u8]) {
    let Ok(path) = PackPath::new(bytes) else { return };
    assert_eq!(path.as_str().as_bytes(), bytes);
    assert!(Path::new(path.as_str()).is_relative());
    assert!(path.as_str().split('/').all(|part| !["", ".", ".."].contains(&part)));
    assert_eq!(path::decode_manifest(&path::encode_manifest(path.as_str())), path.as_str());
    path.collision_key();
}

/// The identities of a file are those of the files written of each.
pub fn identity(bytes: &[u8]) {
    let parse = |bytes: &[u8]| Identity::parse_file(bytes, Path::new("identity.age"), &mut NoPassphrases);
    for identity in parse(bytes).unwrap_or_default() {
        let file = identity.to_file(jiff::Timestamp::UNIX_EPOCH, None).expect("no passphrase is needed");
        let again = parse(&file).expect("our own file");
        let recipients: Vec<String> = again.iter().map(|again| again.recipient().to_string()).collect();
        assert_eq!(recipients, [identity.recipient().to_string()]);
    }
}

/// A key reads back from its PEM.
pub fn public_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = PublicKey::from_text(text) {
        assert_eq!(PublicKey::from_text(&key.to_pem()), Ok(key));
    }
}

/// Either format, shown to the comparison beside a good one of the other. A document that is taken goes through its
/// statement as it is.
pub fn sbom(bytes: &[u8]) {
    let seeds = seeds::sbom();
    let [cyclonedx, spdx] = &*seeds else { unreachable!("one seed for each format") };
    let counts = agrees(bytes, spdx);
    let _ = agrees(cyclonedx, bytes);
    let Ok(bom) = Bom::parse(bytes) else { return assert!(counts.is_err()) };
    let mut refs: Vec<&str> = bom.components.iter().map(|item| &*item.bom_ref).collect();
    refs.sort_unstable();
    assert!(refs.is_sorted_by(|a, b| a < b), "no name twice");
    let files = released(bytes).expect("it was read before").files;
    assert!(files.iter().all(|(path, _)| refs.contains(&&*format!("file:{path}"))));
    if let Ok(sbom) = Sbom::of(bytes) {
        assert_eq!((sbom.project(), sbom.kind()), (&*bom.project, bom.kind));
        let statement = sbom.over(Sha256::of(bytes));
        assert_eq!(Statement::<Sbom>::parse(&statement.to_bytes()).expect("it was one"), statement);
    }
}

/// The most faults that a file may have.
const FAULTS_MAX: usize = 100;

/// What could not be read makes the whole incomplete, is bounded, and stands on a line that there is.
fn assert_reading(reading: &Reading, bytes: &[u8]) {
    assert!(reading.faults.len() <= FAULTS_MAX);
    assert!(reading.faults.is_empty() || reading.aggregate == Aggregate::Incomplete);
    let lines = 1 + bytes.iter().filter(|&&byte| matches!(byte, b'\n' | b'\r')).count();
    for line in reading.faults.iter().filter_map(|fault| fault.line) {
        assert!((1..=lines).contains(&line), "line {line} of {lines}: {:?}", reading.faults);
    }
}

/// A lockfile, of the kind that the first byte says.
pub fn lockfile(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let kind = &KINDS[usize::from(kind) % KINDS.len()];
    let path = format!("web/{}", kind.name);
    assert_reading(&(kind.read)(&Lockfile { path: &path, bytes, beside: &() }), bytes);
}

/// Names that say what an artifact must be, and one that does not.
pub const ARTIFACTS: [&str; 8] =
    ["a-1.0-py3-none-any.whl", "a.jar", "a.deb", "a-1.0.crate", "a.gem", "a.tar", "a-1.0.tar.gz", "a"];

/// An artifact, under the name that the first byte says.
pub fn artifact(bytes: &[u8]) {
    let Some((&name, bytes)) = bytes.split_first() else { return };
    let path = ARTIFACTS[usize::from(name) % ARTIFACTS.len()];
    if let Some(reading) = artifact::inspect(path, &mut Cursor::new(bytes)) {
        assert!(reading.faults.len() <= FAULTS_MAX);
        assert!(reading.faults.is_empty() || reading.aggregate == Aggregate::Incomplete);
    }
}

/// A mistake has a line that there is, and so has every key.
pub fn allowed_signers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = 1 + text.bytes().filter(|&byte| byte == b'\n').count();
    match AllowedSigners::parse(text) {
        Ok(signers) => {
            let numbers: Vec<usize> = signers.lines.iter().map(|one| one.line).collect();
            assert!(
                numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(|line| (1..=lines).contains(line))
            );
            for one in &signers.lines {
                assert!(!one.key.is_empty());
                let _ = (one.is_for("captain@example.com"), one.is_in("git"));
            }
        }
        Err(fault) => assert!((1..=lines).contains(&fault.line), "line {} of {lines}", fault.line),
    }
}

/// Where nobody is trusted, no signature of a tag is good.
pub fn tag_signature(object: &[u8]) {
    if let Some(signature) = signature::judge(object, None, &Signers::default()) {
        assert_ne!(signature.verdict.as_str(), "good");
        assert_eq!(signature.signer, None);
    }
}
