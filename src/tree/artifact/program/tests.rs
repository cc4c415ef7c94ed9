//! Programs made by hand of what their formats say, byte by byte; real ones are in tests/interop.

use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::artifact::inspect;
use crate::tree::artifact::testing::{faults, outline, read, read_whole, survives_damage};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::{Cursor, Write};

/// An ELF of 64 bits, little endian, with nothing but sections; each lies at its offset in memory too.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = vec![0];
    let mut bytes = vec![0; 64];
    let mut table = vec![0; 64];
    let mut add = |bytes: &mut Vec<u8>, name: &str, kind: u32, content: &[u8], names: &mut Vec<u8>| {
        let (name_at, at) = (names.len() as u32, bytes.len().next_multiple_of(16));
        names.extend(name.bytes().chain([0]));
        bytes.resize(at, 0);
        bytes.extend(if kind == 3 { names.as_slice() } else { content });
        let length = bytes.len() - at;
        for word in
            [u64::from(name_at) | u64::from(kind) << 32, 2, at as u64, at as u64, length as u64, 0, 16, 0]
        {
            table.extend(word.to_le_bytes());
        }
    };
    for (name, content) in sections {
        add(&mut bytes, name, 1, content, &mut names);
    }
    add(&mut bytes, ".shstrtab", 3, &[], &mut names);
    let count = sections.len() as u16 + 2;
    bytes[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let place = bytes.len() as u64;
    bytes[16..20].copy_from_slice(&[2, 0, 62, 0]);
    bytes[20] = 1;
    bytes[40..48].copy_from_slice(&place.to_le_bytes());
    bytes[52] = 64;
    bytes[58..60].copy_from_slice(&[64, 0]);
    bytes[60..62].copy_from_slice(&count.to_le_bytes());
    bytes[62..64].copy_from_slice(&(count - 1).to_le_bytes());
    bytes.extend(table);
    bytes
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

fn listed(json: &str) -> Vec<u8> {
    elf(&[(".text", b"code"), (".dep-v0", &zlib(json.as_bytes()))])
}

const LIST: &str = r#"{"packages": [
    {"name": "adler", "version": "0.2.3", "source": "crates.io"},
    {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [0, 2, 3], "root": true},
    {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
    {"name": "fork", "version": "2.0.0", "source": "git", "dependencies": [0]}]}"#;

#[test]
fn a_rust_program_lists_what_it_was_built_from() {
    let reading = read_whole("bin/app", &listed(LIST));
    assert_eq!(
        outline(&reading),
        [
            "adler@0.2.3 (Library, Runtime)",
            "app@0.1.0 (Application, Runtime) -> adler@0.2.3 cc@1.0.0 fork@2.0.0",
            "cc@1.0.0 (Library, Development)",
            "fork@2.0.0 (Library, Runtime) -> adler@0.2.3",
        ]
    );
    assert_eq!(reading.aggregate, Aggregate::Complete);
    let fork = reading.graph.nodes().last().unwrap();
    assert_eq!(reading.graph.component(fork).purl, None, "a git source is not the registry's package");
    survives_damage("bin/app", &listed(LIST), 3);
}

/// A PE of 64 bits with one section, which lies at 512.
fn pe(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[60] = 64;
    bytes[64..72].copy_from_slice(b"PE\0\0\x64\x86\x01\0");
    bytes[84..86].copy_from_slice(&240_u16.to_le_bytes());
    bytes[88..90].copy_from_slice(&0x20b_u16.to_le_bytes());
    bytes[88 + 108] = 16;
    let section = 88 + 240;
    bytes[section..section + name.len()].copy_from_slice(name);
    for (at, word) in [(8, content.len() as u32), (12, 4096), (16, content.len() as u32), (20, 512)] {
        bytes[section + at..section + at + 4].copy_from_slice(&word.to_le_bytes());
    }
    bytes.extend(content);
    bytes
}

/// A Mach-O of 64 bits with one section, which lies at 256.
fn mach_o(name: &[u8], content: &[u8]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let named = |name: &[u8]| [name, &vec![0; 16 - name.len()]].concat();
    let length = content.len() as u32;
    let bytes = [
        words(&[0xfeed_facf, 0x0100_000c, 0, 2, 1, 152, 0, 0]),
        words(&[0x19, 152]),
        named(b"__DATA"),
        words(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        named(name),
        named(b"__DATA"),
        words(&[4096, 0, length, 0, 256, 0, 0, 0, 0, 0, 0, 0]),
    ];
    let mut bytes = bytes.concat();
    bytes.resize(256, 0);
    bytes.extend(content);
    bytes
}

#[test]
fn programs_of_other_systems_list_the_same() {
    let list = zlib(LIST.as_bytes());
    let expected = outline(&read_whole("bin/app", &listed(LIST)));
    let fat = {
        let inner = mach_o(b".dep-v0", &list);
        let words = [0xcafe_babe, 1, 0x0100_000c, 0, 4096, inner.len() as u32, 12];
        let mut fat: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        fat.resize(4096, 0);
        [fat, inner].concat()
    };
    for program in [pe(b".dep-v0", &list), mach_o(b".dep-v0", &list), fat] {
        assert_eq!(outline(&read_whole("bin/app", &program)), expected);
        survives_damage("bin/app", &program, 13);
    }
    let go = inline("go1.22.3", &marked(MODULES));
    let padded = [&[1; 48][..], &go].concat();
    for program in [pe(b".data", &padded), mach_o(b"__go_buildinfo", &go)] {
        assert_eq!(outline(&read_whole("bin/tool", &program)), OUTLINE);
    }
    let class = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d\x0a\0\x06\0\x0f\x09";
    assert_eq!(inspect("Main.class", &mut Cursor::new(class)), None);
    assert_eq!(
        inspect(
            "old.exe",
            &mut Cursor::new(b"MZ and no more than that, for sixty-four bytes and some more, as DOS had")
        ),
        None
    );
}

#[test]
fn a_list_that_lies_is_told() {
    let stray = r#"{"packages": [{"name": "a", "version": "1", "source": "local", "dependencies": [7, 8]}]}"#;
    let reading = read("bin/app", &listed(stray));
    assert_eq!(outline(&reading), ["a@1 (Library, Runtime)", "app (Application, Runtime) -> a@1"]);
    assert_eq!(
        faults(&reading),
        [".dep-v0: no package of the list is its root", ".dep-v0: 2 dependencies that are not in the list"]
    );
    assert!(faults(&read("bin/app", &listed("[]")))[0].starts_with(": the section .dep-v0: not the list"));
    let plain = elf(&[(".dep-v0", b"not compressed")]);
    assert!(faults(&read("bin/app", &plain))[0].starts_with(": the section .dep-v0: "));
    let bomb = elf(&[(".dep-v0", &zlib(&vec![b' '; 9 << 20]))]);
    assert_eq!(read("bin/app", &bomb).faults[0].code, Code::SbomSourceTooLarge);
}

#[test]
fn sections_that_lie_are_told() {
    let with_size = |size: u64| {
        let mut bytes = elf(&[(".dep-v0", &zlib(LIST.as_bytes()))]);
        let at = bytes.len() - 2 * 64 + 32;
        bytes[at..at + 8].copy_from_slice(&size.to_le_bytes());
        faults(&read("bin/app", &bytes))
    };
    assert_eq!(with_size(1 << 20), [": the section .dep-v0 lies past the end of the file"]);
    assert_eq!(with_size(u64::MAX), [": the section .dep-v0 is larger than 8388608 bytes"]);
    let mut far = elf(&[]);
    far[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(read("bin/app", &far).faults[0].code, Code::SbomSourceInvalid);
    assert_eq!(inspect("bin/app", &mut Cursor::new(elf(&[(".text", b"x")]))), None);
}

const MODULES: &str = "path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv1.2.0\th1:AAAA=\n\
    dep\tgithub.com/a/b\tv0.5.0\th1:BBBB=\ndep\tgithub.com/old/c\tv1.0.0\n=>\tgithub.com/new/c\tv1.0.1\th1:CCCC=\n\
    dep\tgithub.com/l/d\tv2.0.0\n=>\t../d\t(devel)\t\nbuild\t-compiler=gc\n";

fn marked(text: &str) -> Vec<u8> {
    [&[0x30; 16][..], text.as_bytes(), &[0x31; 16]].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn inline(go: &str, modules: &[u8]) -> Vec<u8> {
    let header = [b"\xff Go buildinf:\x08\x02", &[0; 16][..]].concat();
    [header, varint(go.len()), go.into(), varint(modules.len()), modules.into()].concat()
}

const OUTLINE: &[&str] = &[
    "example.org/tool/cmd/tool@v1.2.0 (Application, Runtime) -> github.com/a/b@v0.5.0 github.com/l/d github.com/new/c@v1.0.1 stdlib@1.22.3",
    "github.com/a/b@v0.5.0 (Library, Runtime)",
    "github.com/new/c@v1.0.1 (Library, Runtime)",
    "github.com/l/d (Library, Runtime)",
    "stdlib@1.22.3 (Library, Runtime)",
];

#[test]
fn a_go_program_lists_its_modules_behind_the_header() {
    let program = elf(&[(".go.buildinfo", &inline("go1.22.3 X:boring", &marked(MODULES)))]);
    let reading = read_whole("bin/tool", &program);
    assert_eq!(outline(&reading), OUTLINE);
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.purl.as_ref().unwrap().as_str(), "pkg:golang/example.org/tool@v1.2.0");
    assert!(root.checksums.is_empty(), "h1 is a digest of a tree, and of no file");
    survives_damage("bin/tool", &program, 3);
}

#[test]
fn a_go_program_of_old_points_to_its_texts() {
    for is_big in [false, true] {
        let number = |value: u64| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        // The first section lies at 64; its texts stand behind the header and two descriptors.
        let (base, modules) = (64_u64, marked(MODULES));
        let mut section = [b"\xff Go buildinf:\x08", &[u8::from(is_big)][..]].concat();
        section.extend([number(base + 32), number(base + 48)].concat());
        section.extend([number(base + 64), number(8)].concat());
        section.extend([number(base + 72), number(modules.len() as u64)].concat());
        section.extend(b"go1.22.3");
        section.extend(&modules);
        let program = elf(&[(".go.buildinfo", &section)]);
        assert_eq!(outline(&read_whole("bin/tool", &program)), OUTLINE, "{is_big}");
        for (at, what) in [(16, "points outside the program"), (40, "a list of modules of more than")] {
            let mut lying = section.clone();
            lying[at..at + 8].fill(0xfe);
            let reading = read("bin/tool", &elf(&[(".go.buildinfo", &lying)]));
            assert!(reading.faults[0].what.contains(what), "{reading:?}");
        }
    }
}

#[test]
fn lengths_that_lie_are_told() {
    let short = ": Go's build info ends too early";
    for rest in [&b""[..], &[0xff; 20], &[5, b'g'], &[2, b'g', b'o', 0xff, 0xff, 0x7f]] {
        let section = [b"\xff Go buildinf:\x08\x02", &[0; 16][..], rest].concat();
        assert_eq!(faults(&read("t", &elf(&[(".go.buildinfo", &section)]))), [short], "{rest:?}");
    }
    assert_eq!(faults(&read("t", &elf(&[(".go.buildinfo", b"\xff Go buildinf:")]))), [short]);
    let odd = [b"\xff Go buildinf:\x05\0", &[0; 48][..]].concat();
    assert!(faults(&read("t", &elf(&[(".go.buildinfo", &odd)])))[0].contains("pointers of an unknown size"));
    let without_modules = elf(&[(".go.buildinfo", &inline("go1.22.3", b""))]);
    assert_eq!(inspect("t", &mut Cursor::new(without_modules)), None);
}
