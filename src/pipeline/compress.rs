//! The compressors: independent frames, each on whichever thread is free.

use crate::format::frames::{FRAME_BYTES, FRAME_COMPRESSED_MAX};
use crate::pipeline::buffers::Buffer;
use crate::pipeline::feed::Block;
use crate::pipeline::sink::{Compressed, Part};
use crate::pipeline::watch::Watch;
use crate::{Error, Result};
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use zstd::bulk::Compressor;

/// The plaintext of a frame: stretches of blocks, and the buffer that the frame goes into.
pub struct FrameJob {
    /// Its place in the order.
    pub seq: u64,
    /// Where its plaintext lies.
    pub parts: Vec<(Arc<Block>, Range<usize>)>,
    /// Empty, with room for the frame.
    pub frame: Buffer,
}

/// Starts so many compressors between two queues; they end with the queue they take from.
pub fn start(
    threads: usize,
    level: i32,
    jobs: &Receiver<FrameJob>,
    done: &Sender<Part>,
    watch: &Watch,
) -> Vec<JoinHandle<()>> {
    (0..threads)
        .map(|_| {
            let (jobs, done, watch) = (jobs.clone(), done.clone(), watch.clone());
            thread::spawn(move || {
                if let Err(error) = run(level, &jobs, &done) {
                    watch.fail(error);
                }
            })
        })
        .collect()
}

fn run(level: i32, jobs: &Receiver<FrameJob>, done: &Sender<Part>) -> Result<()> {
    let failed =
        |source: io::Error| Error::Io { action: "compress into", path: "the archive".into(), source };
    let mut frames = FrameCompressor::new(level).map_err(failed)?;
    let mut gathered = Vec::new();
    for FrameJob { seq, parts, mut frame } in jobs {
        let content = match &parts[..] {
            [(block, range)] => &block.buffer[range.clone()],
            many => {
                gathered.clear();
                gathered.reserve(FRAME_BYTES);
                many.iter()
                    .for_each(|(block, range)| gathered.extend_from_slice(&block.buffer[range.clone()]));
                &gathered[..]
            }
        };
        let content_bytes = content.len() as u32;
        frames.compress(content, &mut frame).map_err(failed)?;
        drop(parts);
        let compressed = Compressed { seq, frame, content: content_bytes };
        if done.send(Part::Frame(compressed)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Compresses frames one after another with the same settings: the bytes depend on nothing but the content.
struct FrameCompressor {
    context: Compressor<'static>,
}

impl FrameCompressor {
    fn new(level: i32) -> io::Result<FrameCompressor> {
        let mut context = Compressor::new(level)?;
        context.include_checksum(true)?;
        context.include_contentsize(true)?;
        Ok(FrameCompressor { context })
    }

    fn compress(&mut self, content: &[u8], frame: &mut Vec<u8>) -> io::Result<()> {
        frame.clear();
        frame.reserve(FRAME_COMPRESSED_MAX);
        self.context.compress_to_buffer(content, frame)?;
        Ok(())
    }
}
