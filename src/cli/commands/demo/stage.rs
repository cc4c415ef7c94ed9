//! The folder in which the demo plays, which is the working folder while it does.

use attestar::error::{Error, Result};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder.
pub struct Stage {
    /// Gone with everything in it, unless the story comes to its end.
    temporary: Option<TempDir>,
    /// As it was given with `--dir`, or made.
    path: PathBuf,
    before: Option<PathBuf>,
}

impl Stage {
    /// Goes into a new or empty folder; without one, into a temporary one.
    pub fn prepare(dir: Option<&Path>) -> Result<Stage> {
        let temporary = match dir {
            Some(dir) => {
                fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
                if fs::read_dir(dir).map_err(Error::io("read", dir))?.next().is_some() {
                    let message = format!("{} is not empty", dir.display());
                    return Err(Error::input(message, "give --dir a new folder"));
                }
                None
            }
            None => {
                let made = tempfile::Builder::new().prefix("attestar-demo.").tempdir();
                Some(made.map_err(Error::io("create", env::temp_dir()))?)
            }
        };
        let before = env::current_dir().ok();
        let path = temporary.as_ref().map_or(dir.unwrap_or(Path::new(".")), TempDir::path).to_owned();
        env::set_current_dir(&path).map_err(Error::io("enter", &path))?;
        Ok(Stage { temporary, path, before })
    }

    /// The folder, as it was given or made.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the story: of a temporary folder these entries stay, of another all. Gives where, from the root on.
    pub fn close(mut self, staying: &[&str]) -> Result<PathBuf> {
        let here = env::current_dir().map_err(Error::io("open", &self.path))?;
        let Some(temporary) = self.temporary.take() else { return Ok(here) };
        for entry in fs::read_dir(&here).map_err(Error::io("read", &here))? {
            let entry = entry.map_err(Error::io("read", &here))?;
            if staying.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(Error::io("remove", path))?;
        }
        let _ = temporary.keep();
        Ok(here)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = env::set_current_dir(before);
        }
    }
}
