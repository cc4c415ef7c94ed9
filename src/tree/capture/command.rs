//! Any program: what it prints, or what it leaves in a folder.

use crate::error::Result;
use crate::format::capture::{CaptureKind, Captured, Form};
use crate::pipeline::program::Program;
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use crate::policy::capture::{Capture, Output};
use crate::policy::program::Order;
use crate::tree::capture::Environment;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// The variable that names the folder that a program fills.
const FOLDER: &str = "ATTESTAR_CAPTURE";

/// A program whose output is read as it comes.
pub(super) struct Run {
    piped: Piped,
    captured: Captured,
}

impl Run {
    /// Starts it in the tree.
    pub(super) fn start(
        capture: &Capture,
        order: &Order,
        root: &Path,
        environment: Environment<'_>,
        watch: &Watch,
    ) -> Result<Run> {
        let piped = start(order, root, None, environment, watch)?;
        Ok(Run { piped, captured: captured(capture, order, Output::Stdout) })
    }

    /// Waits for its end, which must be a good one.
    pub(super) fn finish(self) -> Result<Captured> {
        self.piped.finish()?;
        Ok(self.captured)
    }
}

impl Read for Run {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.piped.read(buffer)
    }
}

/// Runs it to its end; what it makes is in `folder`.
pub(super) fn fill(
    capture: &Capture,
    order: &Order,
    root: &Path,
    folder: &Path,
    environment: Environment<'_>,
    watch: &Watch,
) -> Result<Captured> {
    start(order, root, Some(folder), environment, watch)?.finish()?;
    Ok(captured(capture, order, Output::Folder))
}

fn start(
    order: &Order,
    root: &Path,
    folder: Option<&Path>,
    environment: Environment<'_>,
    watch: &Watch,
) -> Result<Piped> {
    let folder = folder.map(|folder| (OsString::from(FOLDER), folder.as_os_str().to_owned()));
    let variables: Vec<(OsString, OsString)> = order.given(environment).into_iter().chain(folder).collect();
    let program = Program {
        folder: root,
        words: &order.program,
        variables: &variables,
        time_limit: Duration::from_secs(order.time_limit_s),
        output_bytes_max: 0,
    };
    Piped::start(&program, watch)
}

fn captured(capture: &Capture, order: &Order, output: Output) -> Captured {
    Captured {
        id: capture.id.clone(),
        kind: CaptureKind::Command,
        form: if output == Output::Folder { Form::Folder } else { Form::Parts },
        tool: order.program.first().cloned().unwrap_or_default(),
        server: None,
        database: None,
        schema_sha256: None,
        tables: Vec::new(),
        objects: Vec::new(),
    }
}
