//! The zstd program and an independent reader of the seekable format judge the compressed stream.

use crate::judge::{passes, python, tool};
use crate::sample::Sealed;

#[test]
fn zstd_finds_the_stream_sound_and_in_several_frames() {
    let sealed = Sealed::new(&[]);
    let stream = sealed.decrypted();
    passes(tool("zstd").arg("-t").arg(&stream));

    let listing = passes(tool("zstd").arg("-lv").arg(&stream));
    let count = |label: &str| -> usize {
        let line =
            listing.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label}: {listing}"));
        line.rsplit(' ')
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no number: {line}"))
    };
    assert!(count("Zstandard Frames:") > 1, "9 MiB of noise are more than one frame: {listing}");
    assert_eq!(count("Skippable Frames:"), 2, "the member index and the seek table: {listing}");
}

#[test]
fn each_frame_of_the_seek_table_restores_alone() {
    let sealed = Sealed::new(&[]);
    let said = passes(python("zstd_seekable.py").arg(sealed.decrypted()));
    assert!(said.contains(" frames, "), "{said}");
}
