//! How tests see that nobody of a program is left: a pipe that all of it hold open.

use rustix::fs::OFlags;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long is waited: what was ended comes to it in its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipe by a name.
pub(super) struct Pipe {
    folder: TempDir,
    reader: File,
}

impl Pipe {
    pub(super) fn new() -> Pipe {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader =
            File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&path);
        Pipe { folder, reader: reader.unwrap() }
    }

    /// The beginning of a script that holds it, and whatever it starts with it.
    pub(super) fn held(&self) -> String {
        format!("exec 9> '{}';", self.folder.path().join("pipe").display())
    }

    /// Waits until the last one that held it is gone.
    #[track_caller]
    pub(super) fn is_let_go(&self) {
        let begun = Instant::now();
        loop {
            match (&self.reader).read(&mut [0]) {
                Ok(0) => return,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => panic!("{other:?}"),
            }
            assert!(begun.elapsed() < PATIENCE, "somebody lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
