use super::*;
use proptest::prelude::*;

fn file(path: &str, size: u64) -> Member {
    let path = PackPath::new(path.as_bytes()).unwrap();
    Member {
        path,
        kind: FileType::File,
        size,
        mode: 0o644,
        mtime_s: 1_700_000_000,
        mtime_ns: 0,
        uid: 0,
        gid: 0,
    }
}

/// Reads a whole tar in pieces of `piece` bytes; gives members and contents.
fn read(bytes: &[u8], piece: usize) -> Result<Vec<(Member, Vec<u8>)>, Fault> {
    let (mut reader, mut members) = (Reader::default(), Vec::<(Member, Vec<u8>)>::new());
    for part in bytes.chunks(piece) {
        let mut rest = part;
        loop {
            let (step, used) = reader.step(rest)?;
            match step {
                Step::More => break,
                Step::End => break,
                Step::Member(member) => members.push((member, Vec::new())),
                Step::Data { len, .. } => {
                    members.last_mut().unwrap().1.extend_from_slice(&rest[used - len..used]);
                }
            }
            rest = &rest[used..];
        }
    }
    if reader.ended() { Ok(members) } else { Err(reader.invalid("cut short")) }
}

fn write(members: &[(Member, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (member, content) in members {
        tar.extend_from_slice(&encode(member));
        tar.extend_from_slice(content);
        tar.resize(tar.len() + padding(content.len() as u64), 0);
    }
    tar.extend_from_slice(&super::super::END);
    tar
}

fn any_member() -> impl Strategy<Value = (Member, Vec<u8>)> {
    let path = "[a-z%é]{1,60}(/[a-z é]{1,60}){0,2}";
    let kind = prop_oneof![Just(0), Just(1), Just(2)];
    let numbers =
        (0u32..0o1000, -5_000_000_000i64..90_000_000_000, 0u32..1_000_000_000, any::<u32>(), any::<u32>());
    (path, kind, "[a-zé./]{1,120}", numbers, proptest::collection::vec(any::<u8>(), 0..1500)).prop_map(
        |(path, kind, target, (mode, mtime_s, mtime_ns, uid, gid), content)| {
            let kind = match kind {
                0 => FileType::File,
                1 => FileType::Dir,
                _ => FileType::Link(target.into()),
            };
            let content = if kind == FileType::File { content } else { Vec::new() };
            let path = PackPath::new(path.as_bytes()).unwrap();
            let size = content.len() as u64;
            (Member { path, kind, size, mode, mtime_s, mtime_ns, uid, gid }, content)
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_in_pieces_of_any_size(
        members in proptest::collection::vec(any_member(), 0..5), piece in 1usize..2000,
    ) {
        prop_assert_eq!(read(&write(&members), piece).unwrap(), members);
    }

    #[test]
    fn another_reader_reads_the_same(members in proptest::collection::vec(any_member(), 1..4)) {
        let bytes = write(&members);
        let mut archive = tar::Archive::new(&bytes[..]);
        for (entry, (member, content)) in archive.entries().unwrap().zip(&members) {
            let mut entry = entry.unwrap();
            let name = entry.path_bytes().into_owned();
            prop_assert_eq!(name.strip_suffix(b"/").unwrap_or(&name), member.path.as_str().as_bytes());
            prop_assert_eq!(entry.header().mode().unwrap(), member.mode);
            let target = entry.link_name_bytes().map(|name| name.into_owned());
            prop_assert_eq!(target.as_deref(), member.target().map(str::as_bytes));
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut read).unwrap();
            prop_assert_eq!(&read, content);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _ = read(&bytes, 700);
    }

    #[test]
    fn a_changed_header_byte_is_never_the_same_member(at in 0usize..512, flip in 1u8..=255) {
        let members = [(file("docs/guide.md", 3), b"abc".to_vec())];
        let mut bytes = write(&members);
        bytes[at] ^= flip;
        prop_assert_ne!(read(&bytes, 512).ok(), Some(members.to_vec()));
    }
}

#[test]
fn a_file_past_eight_gibibytes_has_its_size_in_a_pax_record() {
    let big = file("data/dump", 9 << 30);
    let blocks = encode(&big);
    let (step, _) = Reader::default().step(&blocks).unwrap();
    assert_eq!(step, Step::Member(big));
    assert!(blocks.windows(16).any(|part| part == b"size=9663676416\n"));
}

fn forged(typeflag: u8, change: impl Fn(&mut [u8; BLOCK_BYTES])) -> Result<Vec<(Member, Vec<u8>)>, Fault> {
    let mut block: [u8; BLOCK_BYTES] = encode(&file("x", 0)).try_into().unwrap();
    block[156] = typeflag;
    change(&mut block);
    let sum = format!("{:06o}\0", checksum(&block));
    block[148..155].copy_from_slice(sum.as_bytes());
    read(&[&block[..], &super::super::END].concat(), 4096)
}

#[test]
fn members_that_are_never_unpacked_are_refused_by_type() {
    for typeflag in [b'1', b'3', b'4', b'6', b'7', b'S', b'g', b'L', b'K', 0] {
        let fault = forged(typeflag, |_| ()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Forbidden, "{}", char::from(typeflag));
    }
}

#[test]
fn setuid_negative_sizes_and_unsafe_paths_are_refused() {
    let mode = forged(b'0', |block| block[100..107].copy_from_slice(b"0004755")).unwrap_err();
    assert_eq!(mode.kind, FaultKind::Forbidden);
    let negative = forged(b'0', |block| block[124..136].copy_from_slice(&[0xff; 12])).unwrap_err();
    assert_eq!((negative.kind, &*negative.path), (FaultKind::Invalid, "x"));
    for path in ["../x", "/etc/passwd", "a/../../b", "C:\\x", "a//b"] {
        let fault = forged(b'0', |block| block[..path.len()].copy_from_slice(path.as_bytes())).unwrap_err();
        assert_eq!((fault.kind, &*fault.path), (FaultKind::Path, path));
    }
}

#[test]
fn pax_and_ustar_that_disagree_are_refused() {
    let mut long = encode(&file("d/".repeat(60).trim_end_matches('/'), 7));
    let last = long.len() - BLOCK_BYTES;
    let mut block: [u8; BLOCK_BYTES] = long[last..].try_into().unwrap();
    block[0] = b'X';
    let sum = format!("{:06o}\0", checksum(&block));
    block[148..155].copy_from_slice(sum.as_bytes());
    long[last..].copy_from_slice(&block);
    assert_eq!(read(&long, 4096).unwrap_err().kind, FaultKind::Invalid);
}

#[test]
fn a_tar_cut_at_any_block_is_not_complete() {
    let bytes = write(&[(file("a", 600), vec![1; 600]), (file("b", 1), vec![2])]);
    for cut in (0..bytes.len()).step_by(100) {
        assert!(read(&bytes[..cut], 333).is_err(), "cut at {cut}");
    }
}
