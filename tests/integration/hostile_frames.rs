//! Compressed streams that ask for too much, or are not the ones that the tar was cut into.

use crate::forge::{Container, Pack, Tar, dir, file, frame, own_key, publish};
use crate::world::{World, noise};
use attestar::format::frames::{FRAME_BYTES, INDEX_MAGIC, SEEK_TABLE_MAGIC, SeekTable, skippable_header};
use attestar::format::index::IndexWriter;
use std::io::Write;
use zstd::zstd_safe::CParameter;

/// A pack in a world that trusts its signer.
struct Forgery {
    world: World,
    pack: Pack,
    container: Container,
}

impl Forgery {
    fn of(content: &[u8]) -> Forgery {
        let world = World::new();
        let pack = Pack::of([file("a.md", content)]).sealed(&own_key(&world));
        let container = Tar::of(&pack).container();
        Forgery { world, pack, container }
    }

    #[track_caller]
    fn refuses(&self, bytes: &[u8], finding: &str) {
        publish(&self.world, &self.pack, bytes);
        self.world.refuses(3, finding);
    }

    /// Restoring a part reads the archive another way: from its end.
    #[track_caller]
    fn refuses_a_part(&self, bytes: &[u8], finding: &str) {
        publish(&self.world, &self.pack, bytes);
        let said = self.world.restore(&["--json", "--path", "a.md"]).exits(3);
        let found = said.findings();
        assert!(found.iter().any(|found| found.starts_with(finding)), "{found:?} instead of {finding}");
        assert_eq!(self.world.listing(), ["home", "out", "shop"], "nothing was restored");
    }

    fn with_index(&self, index: Vec<u8>) -> Vec<u8> {
        Container { index, ..self.container.clone() }.bytes()
    }
}

/// A skippable frame.
fn skippable(magic: u32, body: &[u8]) -> Vec<u8> {
    [skippable_header(magic, body.len()), body.to_vec()].concat()
}

#[test]
fn more_payload_than_the_receipt_says() {
    let forgery = Forgery::of(b"small");
    let mut tar = Tar::payload(&forgery.pack);
    tar.entry(&file("zeros", vec![0; 64 << 20]));
    forgery.refuses(&tar.tags(&forgery.pack).container().bytes(), "frame-too-large");
}

#[test]
fn more_members_than_the_receipt_says() {
    let forgery = Forgery::of(b"small");
    let mut tar = Tar::payload(&forgery.pack);
    (0..50_000).for_each(|at| tar.entry(&file(&format!("b{at:06}"), "")));
    forgery.refuses(&tar.tags(&forgery.pack).container().bytes(), "frame-too-large");
}

#[test]
fn tag_files_that_the_payload_does_not_call_for() {
    let mut forgery = Forgery::of(b"small");
    forgery.pack.tags.insert("zeros".to_owned(), vec![0; 193 << 20]);
    let bytes = Tar::of(&forgery.pack).container().bytes();
    forgery.refuses(&bytes, "frame-too-large");
    forgery.refuses_a_part(&bytes, "frame-too-large");
}

#[test]
fn folders_without_number() {
    let forgery = Forgery::of(b"small");
    let mut tar = Tar::payload(&forgery.pack);
    (0..1000).for_each(|at| tar.entry(&dir(&format!("b{at:06}"))));
    forgery.refuses(&tar.tags(&forgery.pack).container().bytes(), "extra");
}

#[test]
fn frames_that_hold_or_need_too_much() {
    let forgery = Forgery::of(b"small");
    forgery.refuses(&frame(&vec![0; FRAME_BYTES + 1]), "frame-too-large");
    // A window of 2 GiB, and one of 16 MiB; then a content size of 2^62.
    for window in [0xa8, 0x70] {
        forgery
            .refuses(&[b"\x28\xb5\x2f\xfd\x84".as_slice(), &[window], &[0; 64]].concat(), "frame-too-large");
    }
    let huge = [b"\x28\xb5\x2f\xfd\xe4".as_slice(), &(1u64 << 62).to_le_bytes(), &[0; 64]].concat();
    forgery.refuses(&huge, "frame-too-large");
    // Blocks without end, none of which holds anything.
    let blocks = [b"\x28\xb5\x2f\xfd\x24\x05".as_slice(), &[0; 6 << 20]].concat();
    forgery.refuses(&blocks, "frame-too-large");
    // A size that its content does not have.
    let mut lie = forgery.container.frames[0].0.clone();
    lie[6] ^= 1;
    forgery.refuses(&lie, "frame-invalid");
}

#[test]
fn floods_of_empty_skippable_and_tiny_frames() {
    let forgery = Forgery::of(b"small");
    let honest = forgery.container.bytes();
    let flood = |frame: &[u8]| [frame.repeat(10_000), honest.clone()].concat();
    for frame in [
        frame(b""),
        skippable(0x184D_2A50, b""),
        skippable(INDEX_MAGIC, b""),
        skippable(SEEK_TABLE_MAGIC, b""),
    ] {
        forgery.refuses(&flood(&frame), "frame-invalid");
    }
    let tiny: Vec<_> =
        Tar::of(&forgery.pack).bytes.chunks(512).map(|part| (frame(part), part.len() as u32)).collect();
    let tiny = Container { frames: tiny, ..forgery.container.clone() }.bytes();
    forgery.refuses(&tiny, "frame-invalid");
    forgery.refuses_a_part(&tiny, "index-invalid");
}

#[test]
fn frames_that_were_removed_doubled_or_moved() {
    let forgery = Forgery::of(&noise(13 << 20));
    let honest = &forgery.container;
    assert_eq!(honest.frames.len(), 4);
    type Frames = Vec<(Vec<u8>, u32)>;
    let bend = |bend: &dyn Fn(&mut Frames)| {
        let mut bent = honest.clone();
        bend(&mut bent.frames);
        let told = bent.bytes();
        (told, [bent.data(), honest.index_frame(), honest.table().to_frame()].concat())
    };
    // The seek table is told of it, or not.
    for removed in 0..4 {
        let (told, untold) = bend(&|frames| drop(frames.remove(removed)));
        forgery.refuses(&told, "tar-invalid");
        forgery.refuses(&untold, if removed == 0 { "tar-invalid" } else { "index-invalid" });
    }
    let (told, _) = bend(&|frames| frames.swap(1, 2));
    forgery.refuses(&told, "altered");
    forgery.refuses_a_part(&told, "altered");
    let (told, untold) = bend(&|frames| frames.insert(1, frames[1].clone()));
    forgery.refuses(&told, "tar-invalid");
    forgery.refuses(&untold, "tar-invalid");
}

#[test]
fn an_archive_cut_at_every_frame() {
    let forgery = Forgery::of(&noise(5 << 20));
    let Container { frames, .. } = &forgery.container;
    let whole = forgery.container.bytes();
    let edges = [0, frames[0].0.len(), frames[0].0.len() + frames[1].0.len()];
    let tail = whole.len() - forgery.container.table().to_frame().len();
    for edge in [&edges[..], &[tail]].concat() {
        for cut in [edge.saturating_sub(1), edge, edge + 1, edge + 5] {
            forgery.refuses(&whole[..cut], "frame-invalid");
            forgery.refuses_a_part(&whole[..cut], "index-invalid");
        }
    }
    forgery.refuses(&[&whole[..], b"\0"].concat(), "frame-invalid");
}

#[test]
fn a_frame_whose_checksum_is_wrong() {
    let mut forgery = Forgery::of(b"small");
    let last = forgery.container.frames[0].0.len() - 1;
    forgery.container.frames[0].0[last] ^= 1;
    let bytes = forgery.container.bytes();
    forgery.refuses(&bytes, "frame-invalid");
    forgery.refuses_a_part(&bytes, "frame-invalid");
}

#[test]
fn a_seek_table_that_lies() {
    let forgery = Forgery::of(b"small");
    let honest = &forgery.container;
    let with = |frames: Vec<(u32, u32)>| {
        [honest.data(), honest.index_frame(), SeekTable { frames }.to_frame()].concat()
    };
    let [data, index] = honest.table().frames[..] else { panic!("one frame and the index") };
    let lies = [
        vec![],
        vec![data],
        vec![index],
        vec![index, data],
        vec![data, data, index],
        vec![(data.0 - 1, data.1), index],
        vec![(data.0, data.1 + 1), index],
        vec![data, (index.0, 1)],
        vec![data, (index.0 + 1, 0)],
        vec![(u32::MAX, u32::MAX); 1000],
    ];
    for lie in lies {
        forgery.refuses(&with(lie), "index-invalid");
    }
    for lie in
        [vec![], vec![data], vec![index, data], vec![data, data, index], vec![(u32::MAX, u32::MAX); 1000]]
    {
        forgery.refuses_a_part(&with(lie), "index-invalid");
    }
}

#[test]
fn a_member_index_that_lies() {
    let forgery = Forgery::of(b"small");
    let rows = |rows: &[(&str, u64, u64)]| {
        let mut index = IndexWriter::new().unwrap();
        rows.iter().for_each(|(path, offset, size)| index.push(path, *offset, *size).unwrap());
        index.finish().unwrap()
    };
    let mut lies = vec![
        rows(&[]),
        rows(&[("data/a.md", 0, 5)]),
        rows(&[("data/a.md", 512, 5), ("bagit.txt", 1 << 40, 9)]),
        rows(&[("data/../../evil", 0, 5)]),
        rows(&[("bagit.txt", 0, 5), ("bagit.txt", 0, 5)]),
        b"no index".to_vec(),
        b"ATSTIDX1 and then no zstd".to_vec(),
    ];
    lies.push(forgery.container.index[..forgery.container.index.len() - 5].to_vec());
    for lie in lies {
        let bytes = forgery.with_index(lie);
        forgery.refuses(&bytes, "index-invalid");
        publish(&forgery.world, &forgery.pack, &bytes);
        let said = forgery.world.restore(&["--path", "a.md"]).exits(3);
        assert!(
            ["index-invalid", "missing"]
                .iter()
                .any(|code| said.out.contains(code) || said.err.contains(code))
        );
    }
    assert_eq!(forgery.world.listing(), ["home", "out", "shop"], "nothing was restored");
}

#[test]
fn a_member_index_that_is_a_bomb() {
    let forgery = Forgery::of(b"small");
    let write = |log: u32, row: &[u8], times: usize| {
        let mut rows = zstd::stream::write::Encoder::new(b"ATSTIDX1".to_vec(), 19).unwrap();
        rows.set_parameter(CParameter::WindowLog(log)).unwrap();
        let rowful = row.repeat(1 << 16);
        (0..times).for_each(|_| rows.write_all(&rowful).unwrap());
        rows.finish().unwrap()
    };
    // 2^26 rows that each say "the same path again", and then the same as tag files.
    let same = [&[0, 6][..], b"data/a", &[0, 0]].concat();
    let tags = [&[0, 1][..], b"t", &[0, 0]].concat();
    for bomb in [write(20, &same, 1 << 10), write(20, &tags, 16)] {
        forgery.refuses(&forgery.with_index(bomb.clone()), "index-invalid");
        publish(&forgery.world, &forgery.pack, &forgery.with_index(bomb));
        let said = forgery.world.restore(&["--path", "a.md"]).exits(3);
        assert!(
            ["index-invalid", "frame-too-large"]
                .iter()
                .any(|code| said.out.contains(code) || said.err.contains(code))
        );
    }
    // It asks for a window of 128 MiB.
    forgery.refuses(&forgery.with_index(write(27, &tags, 1)), "index-invalid");
}
