//! `keys recovery-kit`: the one place that prints secrets, because it is asked to.

use crate::cli::answer::Answer;
use crate::cli::commands::keys::document;
use crate::cli::documents::KeysDocument;
use crate::cli::exit::Exit;
use attestar::error::{Error, Result};
use attestar::keys::home::{Home, Secret};
use attestar::keys::public::PublicKey;
use std::fmt::Write as _;
use std::path::Path;

/// Prints what to keep offline. The JSON document only says where it lies.
pub fn run(home: &Home) -> Result<Answer> {
    let secrets = home.secrets()?;
    if secrets.is_empty() {
        let message = format!("there is no secret key in {}", home.folder().display());
        return Err(Error::input(message, "attestar keys new makes a key set"));
    }
    let text = kit(home, &secrets)?;
    let keep_offline = secrets.iter().map(|secret| secret.path.display().to_string()).collect();
    Ok(Answer::new(Exit::Done, text, KeysDocument { keep_offline, ..document(home) }).data())
}

fn kit(home: &Home, secrets: &[Secret]) -> Result<String> {
    let mut text = "attestar recovery kit\n\n\
        Keep this offline, on paper or on a medium that is not in the building, and\n\
        apart from the archives. Without the identity no archive can ever be decrypted\n\
        again.\n"
        .to_owned();
    if secrets.iter().any(|secret| !secret.is_encrypted) {
        text += "Whoever holds this needs nothing else: there is no passphrase on some of it.\n";
    }
    if secrets.iter().any(|secret| secret.is_encrypted) {
        text += "The passphrase is not in here: keep it too, somewhere else.\n";
    }
    for secret in secrets {
        let name = secret.path.file_name().unwrap_or_default().display();
        let lock = if secret.is_encrypted { "under its passphrase" } else { "not encrypted" };
        let _ = write!(text, "\n{name}    {}, {lock}\n\n{}", secret.purpose, *secret.text);
    }
    Ok(text + &how_to_restore(home, secrets)?)
}

fn how_to_restore(home: &Home, secrets: &[Secret]) -> Result<String> {
    let has = |path: &Path| secrets.iter().find(|secret| secret.path == path);
    let mut text = "\nOn a new host\n\n  \
        mkdir -p ~/.config/attestar && chmod 700 ~/.config/attestar\n  \
        cd ~/.config/attestar && umask 077\n  \
        (then write each block above, all of its lines, into the file of its name)\n"
        .to_owned();
    if has(&home.signing_key()).is_some() {
        text += "  openssl pkey -in signing.key -pubout -out signing.pub\n";
    }
    if let Some(identity) = has(&home.identity()) {
        text += match identity.is_encrypted {
            true => "  age -d identity.age | age-keygen -y > recipient.age\n",
            false => "  age-keygen -y identity.age > recipient.age\n",
        };
        text += "  attestar restore ARCHIVE --to DIR --key signing.pub\n";
    }
    text += "\nWithout attestar: age -d -i identity.age ARCHIVE | zstd -d | tar x\n";
    if home.signing_pub().exists() {
        let fingerprint = PublicKey::load(&home.signing_pub())?.fingerprint();
        let _ = writeln!(text, "Fingerprint of signing.pub: {fingerprint}");
    }
    Ok(text)
}
