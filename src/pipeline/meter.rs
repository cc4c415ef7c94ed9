//! Looks how much a folder takes, again and again, and calls an operation off once that is too much.

use crate::error::Error;
use crate::pipeline::watch::Watch;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long is waited between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// A meter that runs. Dropped, it stops.
pub struct Meter {
    call_off: Option<Sender<()>>,
    looking: Option<JoinHandle<()>>,
}

impl Meter {
    /// Fails the operation that `watch` is over, with what `refusal` makes of the number, once the folder takes more than `most`
    /// bytes of its disk.
    pub fn start(
        folder: PathBuf,
        most: u64,
        watch: &Watch,
        refusal: impl Fn(u64) -> Error + Send + 'static,
    ) -> Meter {
        let (call_off, called_off) = bounded::<()>(0);
        let watch = watch.clone();
        let looking = std::thread::spawn(move || {
            while called_off.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                let taken = taken(&folder);
                if taken > most {
                    return watch.fail(refusal(taken));
                }
            }
        });
        Meter { call_off: Some(call_off), looking: Some(looking) }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.call_off = None;
        if let Some(looking) = self.looking.take() {
            let _ = looking.join();
        }
    }
}

/// How many bytes of the disk a folder takes: each file once, and none that has a name elsewhere too. What goes away meanwhile
/// is nothing.
fn taken(folder: &Path) -> u64 {
    let (mut pending, mut names, mut bytes) = (vec![folder.to_owned()], HashMap::new(), 0);
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let named: &mut u64 = names.entry((metadata.dev(), metadata.ino())).or_default();
            *named += 1;
            if metadata.is_dir() {
                pending.push(entry.path());
            }
            if metadata.is_dir() || *named == metadata.nlink() {
                bytes += metadata.blocks() * 512;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn an_operation_that_takes_too_much_is_called_off() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::default().child();
        let meter = Meter::start(folder.path().to_owned(), 300_000, &watch, |bytes| {
            Error::input(format!("{bytes} are too many"), "")
        });
        fs::create_dir(folder.path().join("below")).unwrap();
        let file = folder.path().join("below/file");
        fs::write(&file, vec![1; 200_000]).unwrap();
        fs::hard_link(&file, folder.path().join("the same")).unwrap();
        std::thread::sleep(3 * PAUSE);
        assert!(watch.check().is_ok(), "{} is not too much", taken(folder.path()));
        fs::write(folder.path().join("more"), vec![1; 200_000]).unwrap();
        let started = Instant::now();
        while watch.check().is_ok() {
            assert!(started.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(meter);
        assert!(watch.failure_or(Error::Interrupted).to_string().ends_with("are too many"));
    }
}
