//! The folder of one's own keys, `$ATTESTAR_HOME`: what lies there, and how it comes to be.

use crate::error::{Error, Result};
use crate::keys::entropy::Entropy;
use crate::keys::file;
use crate::keys::identity::Identity;
use crate::keys::passphrase::Passphrases;
use crate::keys::public::PublicKey;
use crate::keys::recipient::Recipient;
use crate::keys::right::Right;
use crate::keys::signing::SigningKey;
use crate::keys::trust::Trust;
use crate::keys::trust_file;
use jiff::Timestamp;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The role under which one's own keys stand in `trust.toml`.
pub const OWN_ROLE: &str = "own";

/// The folder; it need not be there yet.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// Which halves of a key set to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// `signing.key` and `signing.pub`.
    pub signing: bool,
    /// `identity.age` and `recipient.age`.
    pub identity: bool,
}

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Created {
    /// The new signing key's public half.
    pub public: Option<PublicKey>,
    /// The new identity's recipient.
    pub recipient: Option<Recipient>,
}

/// A file to keep offline, whole.
pub struct Secret {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// Its text, as it lies there: still encrypted, if it is.
    pub text: Zeroizing<String>,
    /// Whether a passphrase is needed besides.
    pub is_encrypted: bool,
}

impl Home {
    /// The home in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Home {
        Home { folder: folder.into() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `signing.key`: the secret key that signs, PKCS#8 PEM.
    pub fn signing_key(&self) -> PathBuf {
        self.folder.join("signing.key")
    }

    /// `signing.pub`: its public half, SPKI PEM.
    pub fn signing_pub(&self) -> PathBuf {
        self.folder.join("signing.pub")
    }

    /// `identity.age`: the secret key that decrypts, an age identity file.
    pub fn identity(&self) -> PathBuf {
        self.folder.join("identity.age")
    }

    /// `recipient.age`: its public half, an age recipients file.
    pub fn recipient(&self) -> PathBuf {
        self.folder.join("recipient.age")
    }

    /// `trust.toml`: whom the owner trusts.
    pub fn trust_file(&self) -> PathBuf {
        self.folder.join("trust.toml")
    }

    /// Makes a key set. Nothing is overwritten: if any of the files is there, nothing is made. The new
    /// public key gets every right in `trust.toml`, as [`OWN_ROLE`]. `now` goes into the identity's comment.
    pub fn create(
        &self,
        parts: Parts,
        passphrases: &mut dyn Passphrases,
        entropy: &mut dyn Entropy,
        now: Timestamp,
    ) -> Result<Created> {
        let mut files: Vec<(PathBuf, Zeroizing<Vec<u8>>, u32)> = Vec::new();
        let mut created = Created::default();
        self.refuse_existing(parts)?;
        // A trust file with a mistake in it is told before anything is written.
        self.trust()?;
        if parts.signing {
            let key = SigningKey::generate(entropy)?;
            let pem = key.to_pem(passphrases.choose(&self.signing_key())?.as_ref(), entropy)?;
            let public = key.public();
            files.push((self.signing_key(), Zeroizing::new(pem.as_bytes().to_vec()), file::SECRET));
            files.push((self.signing_pub(), Zeroizing::new(public.to_pem().into()), file::PUBLIC));
            created.public = Some(public);
        }
        if parts.identity {
            let identity = Identity::generate();
            let recipient = identity.recipient();
            let text = identity.to_file(now, passphrases.choose(&self.identity())?.as_ref())?;
            files.push((self.identity(), text, file::SECRET));
            files.push((self.recipient(), Zeroizing::new(format!("{recipient}\n").into()), file::PUBLIC));
            created.recipient = Some(recipient);
        }
        self.make_folder(&self.folder)?;
        for (done, (path, bytes, mode)) in files.iter().enumerate() {
            file::write_new(path, bytes, *mode).inspect_err(|_| {
                // Half a key set is none. Whether taking it away works changes nothing about the error.
                files[..done].iter().for_each(|(path, ..)| drop(std::fs::remove_file(path)));
            })?;
        }
        if let Some(public) = &created.public {
            self.trust_key(public, OWN_ROLE, Right::ALL)?;
        }
        Ok(created)
    }

    /// Trusts a key: copies it to `trusted/ROLE-xxxxxxxx.pub` and appends a `[[signer]]` to `trust.toml`,
    /// which is otherwise left as its owner wrote it. Returns the copy's path. A key that is trusted already
    /// is refused.
    pub fn trust_key(&self, key: &PublicKey, role: &str, rights: &[Right]) -> Result<PathBuf> {
        if !trust_file::is_role(role) {
            return Err(Error::usage(format!("role {role:?} is not 1 to 32 of a-z, 0-9 and -"), ""));
        }
        let trust_file = self.trust_file();
        if let Some(known) = self.trust()?.by_key_id(&key.key_id()) {
            return Err(Error::input(
                format!("{} is trusted already, as {:?}", key.fingerprint(), known.role),
                format!("edit {} to change its rights", trust_file.display()),
            ));
        }
        let name = format!("trusted/{role}-{}.pub", &key.digest().to_string()[..8]);
        let copy = self.folder.join(&name);
        self.make_folder(&self.folder.join("trusted"))?;
        match file::write_new(&copy, key.to_pem().as_bytes(), file::PUBLIC) {
            // Left over from an entry that was taken out of trust.toml by hand.
            Err(_) if PublicKey::load(&copy).is_ok_and(|there| there == *key) => {}
            written => written?,
        }
        append(&trust_file, &trust_file::entry(role, &name, rights))?;
        Ok(copy)
    }

    /// Whom the owner trusts; nobody where there is no `trust.toml`.
    pub fn trust(&self) -> Result<Trust> {
        match Trust::load(&[], Some(&self.trust_file())) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(Trust::default()),
            loaded => loaded,
        }
    }

    /// The files to keep offline: without them nothing can be decrypted, or signed in the same name, again.
    pub fn secrets(&self) -> Result<Vec<Secret>> {
        let files = [(self.identity(), "decrypts archives"), (self.signing_key(), "signs in your name")];
        let mut secrets = Vec::new();
        for (path, purpose) in files {
            if path.exists() {
                let text = file::read_text(&path)?;
                let is_encrypted = text.contains("-----BEGIN ") && text.contains("ENCRYPTED");
                secrets.push(Secret { path, purpose, text, is_encrypted });
            }
        }
        Ok(secrets)
    }

    fn refuse_existing(&self, parts: Parts) -> Result<()> {
        let signing = [self.signing_key(), self.signing_pub()].into_iter().filter(|_| parts.signing);
        let identity = [self.identity(), self.recipient()].into_iter().filter(|_| parts.identity);
        match signing.chain(identity).find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Err(file::exists(&path)),
            None => Ok(()),
        }
    }

    fn make_folder(&self, folder: &Path) -> Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::io("create", folder))
    }
}

/// Appends an entry, on a line of its own and in one write; what stands there is not touched.
fn append(trust_file: &Path, entry: &str) -> Result<()> {
    let before = match file::read_text(trust_file) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Zeroizing::default(),
        read => read?,
    };
    let gap = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let addition = format!("{gap}{entry}");
    // An inline table or the like may stand there: then appending would break it, and is not done.
    trust_file::check(trust_file, &format!("{}{addition}", *before))?;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(file::SECRET)
        .open(trust_file)
        .map_err(Error::io("open", trust_file))?;
    file.write_all(addition.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io("write", trust_file))
}

#[cfg(test)]
mod tests;
