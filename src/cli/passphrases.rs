//! Passphrases: a file, `ATTESTAR_PASSPHRASE`, or a prompt on the terminal, in this order.

use attestar::error::{Error, Result};
use attestar::keys::passphrase::Passphrases;
use secrecy::{ExposeSecret, SecretString};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most bytes of a passphrase file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Asks at most once for each file, and once for all new ones.
pub struct Prompt {
    file: Option<PathBuf>,
    variable: Option<SecretString>,
    none_for_new: bool,
    chosen: Option<SecretString>,
}

impl Prompt {
    /// From the flags and the environment.
    pub fn new(file: Option<PathBuf>, variable: Option<SecretString>, none_for_new: bool) -> Prompt {
        Prompt { file, variable, none_for_new, chosen: None }
    }

    /// What was given without asking.
    fn given(&self) -> Result<Option<SecretString>> {
        match &self.file {
            Some(file) => read(file).map(Some),
            None => Ok(self.variable.clone()),
        }
    }
}

impl Passphrases for Prompt {
    fn unlock(&mut self, file: &Path) -> Result<SecretString> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of {}: ", file.display())),
        }
    }

    fn choose(&mut self, _: &Path) -> Result<Option<SecretString>> {
        if self.none_for_new {
            return Ok(None);
        }
        if self.chosen.is_none() {
            self.chosen = Some(match self.given()? {
                Some(passphrase) => passphrase,
                None => ask_twice()?,
            });
        }
        Ok(self.chosen.clone())
    }
}

/// The first line of a file.
fn read(file: &Path) -> Result<SecretString> {
    let size = fs::metadata(file).map_err(Error::io("read", file))?.len();
    if size > FILE_BYTES_MAX {
        return Err(Error::input(format!("{} is too large for a passphrase", file.display()), ""));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(Error::io("read", file))?);
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

fn ask(prompt: &str) -> Result<SecretString> {
    if !io::stdin().is_terminal() && fs::File::open("/dev/tty").is_err() {
        return Err(Error::unavailable(
            format!(
                "{} cannot be asked for without a terminal",
                prompt.trim_end_matches(": ").to_lowercase()
            ),
            "set ATTESTAR_PASSPHRASE, or give --passphrase-file FILE",
        ));
    }
    rpassword::prompt_password(prompt).map(SecretString::from).map_err(Error::io("read from", "the terminal"))
}

fn ask_twice() -> Result<SecretString> {
    let first = ask("Passphrase for the new keys: ").map_err(|error| match error {
        Error::Unavailable { message, .. } => Error::unavailable(
            message,
            "set ATTESTAR_PASSPHRASE, give --passphrase-file FILE, or leave the keys unencrypted with --no-passphrase",
        ),
        other => other,
    })?;
    if first.expose_secret() != ask("The same again: ")?.expose_secret() {
        return Err(Error::input("the two passphrases differ", "try again"));
    }
    Ok(first)
}
