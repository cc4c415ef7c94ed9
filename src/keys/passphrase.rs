//! Passphrases come from outside: the library neither prompts nor reads the environment.

use crate::error::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// Whoever knows the passphrases: a prompt, an environment variable or a file, as the command line decides.
pub trait Passphrases {
    /// The passphrase that opens this existing file.
    fn unlock(&mut self, file: &Path) -> Result<SecretString>;

    /// A passphrase to encrypt this new file with; `None` to leave it in the clear.
    fn choose(&mut self, file: &Path) -> Result<Option<SecretString>>;
}

/// Knows none: encrypted files stay shut, new ones are written in the clear.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPassphrases;

impl Passphrases for NoPassphrases {
    fn unlock(&mut self, file: &Path) -> Result<SecretString> {
        Err(Error::unavailable(
            format!("{} is encrypted, and no passphrase was given", file.display()),
            "set ATTESTAR_PASSPHRASE, or run it on a terminal",
        ))
    }

    fn choose(&mut self, _: &Path) -> Result<Option<SecretString>> {
        Ok(None)
    }
}

/// An empty passphrase is no passphrase, however it came about.
pub(super) fn refuse_empty(passphrase: &SecretString) -> Result<()> {
    if passphrase.expose_secret().is_empty() {
        return Err(Error::usage("the passphrase is empty", "choose one, or say --no-passphrase"));
    }
    Ok(())
}

/// One passphrase for every file. For tests alone.
#[cfg(test)]
pub(crate) struct OnePassphrase(pub &'static str);

#[cfg(test)]
impl Passphrases for OnePassphrase {
    fn unlock(&mut self, _: &Path) -> Result<SecretString> {
        Ok(self.0.into())
    }

    fn choose(&mut self, _: &Path) -> Result<Option<SecretString>> {
        Ok(Some(self.0.into()))
    }
}
