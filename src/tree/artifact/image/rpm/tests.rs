//! Databases made by hand of what their formats say; those that rpm and Berkeley DB write are in tests/interop.

use crate::finding::Code;
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::rpm::{Installed, read};
use crate::tree::artifact::testing::{faults, outline, read as inspect, read_whole, survives_damage};
use rusqlite::{Connection, MAIN_DB};

/// The values of a tag: numbers, or texts.
enum Value<'a> {
    Number(u32),
    Text(&'a str),
    Texts(&'a [&'a str]),
}

fn header(tags: &[(u32, Value<'_>)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, value) in tags {
        let (kind, count) = match value {
            Value::Number(_) => (4, 1),
            Value::Text(_) => (6, 1),
            Value::Texts(texts) => (8, texts.len()),
        };
        for word in [*tag, kind, data.len() as u32, count as u32] {
            index.extend(word.to_be_bytes());
        }
        match value {
            Value::Number(number) => data.extend(number.to_be_bytes()),
            Value::Text(text) => data.extend(text.bytes().chain([0])),
            Value::Texts(texts) => texts.iter().for_each(|text| data.extend(text.bytes().chain([0]))),
        }
    }
    let lengths = [tags.len() as u32, data.len() as u32].map(u32::to_be_bytes).concat();
    [lengths, index, data].concat()
}

fn package(name: &str, needs: &[&str]) -> Vec<u8> {
    header(&[
        (1000, Value::Text(name)),
        (1001, Value::Text("1.0")),
        (1002, Value::Text("2.fc40")),
        (1003, Value::Number(7)),
        (1011, Value::Text("Example Works")),
        (1014, Value::Text("MIT")),
        (1022, Value::Text("x86_64")),
        (1047, Value::Texts(&[name, "virtual"])),
        (1049, Value::Texts(needs)),
        (1116, Value::Number(0)),
        (1117, Value::Texts(&["sh"])),
        (1118, Value::Texts(&["/usr/bin/"])),
    ])
}

fn headers() -> Vec<Vec<u8>> {
    let key =
        header(&[(1000, Value::Text("gpg-pubkey")), (1001, Value::Text("a")), (1002, Value::Text("b"))]);
    vec![package("bash", &[]), key, package("tool", &["/usr/bin/sh", "rpmlib(X)", "virtual"])]
}

fn sqlite(table: &str, headers: &[Vec<u8>]) -> Vec<u8> {
    let mut database = Connection::open_in_memory().unwrap();
    database.execute_batch(table).unwrap();
    for header in headers {
        database.execute("INSERT INTO Packages (blob) VALUES (?)", [header]).unwrap();
    }
    database.serialize(MAIN_DB).unwrap().to_vec()
}

const TABLE: &str = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";

fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(b"RpmP");
    bytes[12..16].copy_from_slice(&1_u32.to_le_bytes());
    bytes[16..4096].chunks_mut(16).skip(1).for_each(|slot| slot[..4].copy_from_slice(b"Slot"));
    for (place, header) in headers.iter().enumerate() {
        let (slot, block) = (32 + 16 * place, (bytes.len() / 16) as u32);
        let number = place as u32 + 1;
        bytes[slot + 4..slot + 8].copy_from_slice(&number.to_le_bytes());
        bytes[slot + 8..slot + 12].copy_from_slice(&block.to_le_bytes());
        bytes.extend(b"BlbS");
        for word in [number, 1, header.len() as u32] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(header);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
    }
    bytes
}

const PAGE: usize = 512;

/// A page of the type: what stands at 16 (the next page), at 20 and 22, and its content.
fn page(kind: u8, next: u32, entries: u16, used: u16) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[16..20].copy_from_slice(&next.to_le_bytes());
    page[20..22].copy_from_slice(&entries.to_le_bytes());
    page[22..24].copy_from_slice(&used.to_le_bytes());
    page[25] = kind;
    page
}

/// One bucket; the first value on its page, the others on pages of their own.
fn bdb(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut meta = page(8, 0, 0, 0);
    meta[12..16].copy_from_slice(&0x0006_1561_u32.to_le_bytes());
    meta[20..24].copy_from_slice(&(PAGE as u32).to_le_bytes());
    let mut bucket = page(13, 0, 2 * headers.len() as u16, 0);
    let (mut chains, mut end) = (Vec::new(), PAGE);
    for (place, header) in headers.iter().enumerate() {
        let value = if place == 0 {
            [&[1][..], header].concat()
        } else {
            let first = 2 + (chains.len() / PAGE) as u32;
            let pieces: Vec<&[u8]> = header.chunks(PAGE - 26).collect();
            for (at, piece) in pieces.iter().enumerate() {
                let next = if at + 1 == pieces.len() { 0 } else { first + at as u32 + 1 };
                let mut chain = page(7, next, 0, piece.len() as u16);
                chain[26..26 + piece.len()].copy_from_slice(piece);
                chains.extend(chain);
            }
            [&[3, 0, 0, 0][..], &first.to_le_bytes(), &(header.len() as u32).to_le_bytes()].concat()
        };
        for (item, index) in [([&[1][..], &(place as u32 + 1).to_le_bytes()].concat(), 0), (value, 1)] {
            end -= item.len();
            bucket[end..end + item.len()].copy_from_slice(&item);
            let slot = 26 + 4 * place + 2 * index;
            bucket[slot..slot + 2].copy_from_slice(&(end as u16).to_le_bytes());
        }
    }
    [meta, bucket, chains].concat()
}

fn fedora() -> Os {
    Os::read(b"ID=fedora\nVERSION_ID=40\n")
}

fn names(installed: &Installed) -> Vec<&str> {
    installed.packages.iter().map(|package| package.component.name.as_str()).collect()
}

#[test]
fn all_three_formats_say_the_same() {
    let read = |bytes: &[u8]| {
        let installed = read(bytes, &fedora());
        assert_eq!(installed.troubles, []);
        installed.packages
    };
    let packages = read(&sqlite(TABLE, &headers()));
    let [bash, tool] = &packages[..] else { panic!("a signer's key is no package: {packages:?}") };
    assert_eq!(
        bash.component.purl.as_ref().unwrap().as_str(),
        "pkg:rpm/fedora/bash@1.0-2.fc40?arch=x86_64&distro=fedora-40&epoch=7"
    );
    assert_eq!(bash.component.version.as_deref(), Some("7:1.0-2.fc40"));
    assert_eq!(bash.component.supplier.as_deref(), Some("Example Works"));
    assert_eq!(bash.provides, ["bash", "virtual", "/usr/bin/sh"]);
    assert_eq!(tool.needs.concat(), ["/usr/bin/sh", "rpmlib(X)", "virtual"]);
    assert_eq!(read(&ndb(&headers())), packages);
    assert_eq!(read(&bdb(&headers())), packages);
    let mut logged = sqlite(TABLE, &headers());
    logged[18..20].fill(2);
    assert_eq!(read(&logged), packages, "as rpm leaves it: in the mode of a write-ahead log");
}

#[test]
fn damage_never_panics_and_never_runs_away() {
    for bytes in [sqlite(TABLE, &headers()), ndb(&headers()), bdb(&headers())] {
        for end in (0..bytes.len()).step_by(97) {
            drop(read(&bytes[..end], &fedora()));
        }
        for at in (0..bytes.len()).step_by(13) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            drop(read(&damaged, &fedora()));
        }
    }
}

#[test]
fn headers_that_lie_are_told_and_the_rest_counts() {
    let good = package("bash", &[]);
    for broken in [
        vec![],
        vec![0xff; 8],
        good[..good.len() - 1].to_vec(),
        header(&[(1000, Value::Text("nameless"))]),
        [[0, 0, 0, 1, 0, 0, 0, 0].as_slice(), &[0; 4]].concat(),
    ] {
        let installed = read(&ndb(&[broken, good.clone()]), &fedora());
        assert_eq!(names(&installed), ["bash"]);
        assert_eq!(installed.troubles[0].what, "1 package headers that cannot be read");
    }
    let mut far = good.clone();
    far[8 + 8..8 + 12].fill(0xff);
    assert_eq!(read(&ndb(&[far]), &fedora()).troubles.len(), 1, "a name that lies outside");
}

#[test]
fn a_schema_that_is_not_rpms_is_refused() {
    for table in [
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob TEXT)",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB AS (zeroblob(1000000000)), b2 BLOB)",
        "CREATE TABLE P (hnum INTEGER, blob BLOB); CREATE VIEW Packages AS SELECT hnum, blob FROM P",
        "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)",
        "CREATE TABLE Other (hnum INTEGER)",
    ] {
        let database = sqlite(table, &[]);
        let troubles = read(&database, &fedora()).troubles;
        assert_eq!(troubles[0].code, Code::SbomSourceInvalid, "{table}: {troubles:?}");
        assert!(troubles[0].what.contains("has not the table Packages"), "{table}: {troubles:?}");
    }
}

#[test]
fn chains_of_pages_that_go_round_end() {
    let mut round = bdb(&headers());
    let length = round.len();
    round[2 * PAGE + 16..2 * PAGE + 20].copy_from_slice(&2_u32.to_le_bytes());
    assert_eq!(
        names(&read(&round, &fedora())),
        ["bash", "tool"],
        "no longer than the length that is claimed"
    );
    let claims = 0x7fff_ffff_u32.to_le_bytes();
    let value = (PAGE..2 * PAGE).find(|at| round[*at..].starts_with(&[3, 0, 0, 0, 2])).unwrap();
    round[value + 8..value + 12].copy_from_slice(&claims);
    assert_eq!(read(&round, &fedora()).troubles[0].code, Code::SbomSourceTooLarge);
    let mut odd = bdb(&headers());
    odd[20..24].copy_from_slice(&513_u32.to_le_bytes());
    assert!(read(&odd, &fedora()).troubles[0].what.contains("unknown size"));
    assert_eq!(
        read(&bdb(&headers())[..length - 1], &fedora()).troubles[0].what,
        "the database ends within a page"
    );
    assert!(read(b"neither", &fedora()).troubles[0].what.contains("unknown format"));
    assert_eq!(names(&read(b"", &fedora())), Vec::<&str>::new());
}

#[test]
fn a_package_that_is_not_installed_says_the_same() {
    let magic = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
    let mut file =
        [&[0xed, 0xab, 0xee, 0xdb][..], &[0; 92], &magic, &header(&[(1000, Value::Text("sig"))])].concat();
    file.resize(file.len().next_multiple_of(8), 0);
    file.extend([&magic[..], &package("bash", &["libc", "/bin/sh", "rpmlib(X)"])].concat());
    let reading = read_whole("bash-1.0-2.x86_64.rpm", &file);
    assert_eq!(
        outline(&reading),
        ["bash@7:1.0-2.fc40 (Application, Runtime) -> libc", "libc (Library, Runtime)"]
    );
    survives_damage("bash.rpm", &file, 3);
    file[96] = 0;
    assert_eq!(faults(&inspect("bash.rpm", &file)), [": a header of the package that is none"]);
}
