//! What works here of shutting programs off: it is tried.

use super::{Confined, Confinement, OUTPUT_BYTES, Reach, variables};
use crate::error::{Error, Result};
use crate::pipeline::watch::Watch;
use crate::probe::deadline::Deadline;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a trial may take.
const LIMIT: Duration = Duration::from_secs(20);

impl Confinement {
    /// Tries what works here. Only a trial that says itself that it does not work leads to a weaker one: one that hangs, that is
    /// ended, or that cannot be started says nothing, and is an error.
    pub fn find(
        work: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
        watch: &Watch,
    ) -> Result<Confinement> {
        Confinement::find_within(LIMIT, work, environment, watch)
    }

    fn find_within(
        limit: Duration,
        work: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
        watch: &Watch,
    ) -> Result<Confinement> {
        let tried = to_try(rustix::process::geteuid().is_root());
        for (index, confinement) in tried.iter().copied().enumerate() {
            let work = work.join(format!("trial-{index}"));
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&work);
            made.map_err(Error::io("create", &work))?;
            if confinement.works(limit, work, environment, watch)? {
                return Ok(confinement);
            }
        }
        Ok(Confinement::None)
    }

    fn works(
        self,
        limit: Duration,
        work: PathBuf,
        environment: &dyn Fn(&str) -> Option<OsString>,
        watch: &Watch,
    ) -> Result<bool> {
        let trial = Confined {
            confinement: self,
            here: work.clone(),
            note: work.join("note"),
            hidden: &[],
            shown: vec![work.clone()],
            reach: Reach::Nothing,
            ids: None,
            memory: None,
            file_bytes: None,
            variables: variables(environment, &work),
            work,
            deadline: Deadline::after(limit),
            output_bytes_max: OUTPUT_BYTES,
        };
        let ended = trial.run(&["true".to_owned()], watch)?;
        match ended.code {
            Some(0) if trial.is_ready() => Ok(true),
            Some(code) if code != 0 => Ok(false),
            _ => {
                let why = ended.why.unwrap_or_else(|| "it ended before it had begun".to_owned());
                let message = format!("whether programs can be shut off here is not known: {why}");
                Err(Error::input(message, "util-linux must be installed, and `unshare` of it first in PATH"))
            }
        }
    }
}

/// What is tried, the strongest first.
fn to_try(is_root: bool) -> &'static [Confinement] {
    if is_root { &[Confinement::Layered, Confinement::ReadOnly] } else { &[Confinement::ReadOnly] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// What is found where this is `unshare`, which has as long as it needs.
    fn found(unshare: &str) -> Result<Confinement> {
        found_within(Duration::from_secs(60), unshare)
    }

    fn found_within(limit: Duration, unshare: &str) -> Result<Confinement> {
        let folder = tempfile::tempdir().unwrap();
        let stub = folder.path().join("unshare");
        fs::write(&stub, format!("#!/bin/sh\n{unshare}\n")).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let environment = |name: &str| (name == "PATH").then(|| OsString::from(&path));
        Confinement::find_within(limit, &folder.path().join("work"), &environment, &Watch::default())
    }

    #[test]
    fn each_is_tried_once() {
        assert_eq!(to_try(false), [Confinement::ReadOnly]);
        assert_eq!(to_try(true), [Confinement::Layered, Confinement::ReadOnly]);
    }

    #[test]
    fn a_system_that_says_no_shuts_nothing_off() {
        assert_eq!(found("exit 1").unwrap(), Confinement::None);
    }

    #[test]
    fn a_trial_that_says_nothing_leads_to_nothing_weaker() {
        let hangs = found_within(Duration::from_secs(1), "exec sleep 60");
        assert!(matches!(hangs, Err(Error::Late(_))), "{hangs:?}");
        for silent in ["kill -9 $$", "exit 0"] {
            let error = found(silent).unwrap_err().to_string();
            assert!(error.contains("is not known"), "{silent}: {error}");
        }
    }

    #[test]
    fn without_the_program_it_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "PATH").then(|| OsString::from(folder.path()));
        let found = Confinement::find(&folder.path().join("work"), &environment, &Watch::default());
        assert!(matches!(found, Err(Error::Io { action: "start", .. })), "{found:?}");
    }
}
