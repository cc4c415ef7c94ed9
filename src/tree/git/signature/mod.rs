//! The signature of a tag: who made it, and whether it holds. No program is started, and no key counts but those that
//! the policy names.

mod certificate;
mod openpgp;
mod ssh;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::format::allowed_signers::AllowedSigners;
use crate::format::path::PackPath;
use crate::format::provenance::TagSignature;
use crate::policy::GitOptions;
use crate::tree::git::tag::Person;
use crate::tree::text;
use std::path::Path;

/// What a signature is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What made it.
    pub format: Format,
    /// The key, as far as the signature tells it: `SHA256:…` of an SSH key; the fingerprint, or only the key id, of an
    /// OpenPGP key, in upper-case hex.
    pub key: Option<String>,
    /// Who signed, as the given keys say: the principal of an allowed-signers file, which is the tagger's address where
    /// the line takes that, else the line's list; a user id of an OpenPGP key. Only set where the key is a given one.
    pub signer: Option<String>,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// What made a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `ssh-keygen -Y sign`: OpenSSH's PROTOCOL.sshsig.
    Ssh,
    /// OpenPGP: RFC 9580 and RFC 4880.
    OpenPgp,
    /// X.509, by `gpgsm` or `smimesign`. Not verified here.
    X509,
}

/// Whether a signature holds. Only [`Verdict::Good`] is worth anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is over these bytes, by a key that was given for this, which counted at the time.
    Good,
    /// It is not over these bytes, or broken, or its key may not sign; why.
    Bad(String),
    /// By a key that was not given.
    UnknownKey,
    /// By a key that no longer counted at the time.
    Expired,
    /// By a key that did not count yet at the time.
    NotYetValid,
    /// Of a kind that is not verified here; which.
    Unsupported(String),
}

impl Format {
    /// `ssh`, `openpgp` or `x509`.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Ssh => "ssh",
            Format::OpenPgp => "openpgp",
            Format::X509 => "x509",
        }
    }
}

impl Verdict {
    /// `good`, `bad`, `unknown-key`, `expired`, `not-yet-valid` or `unsupported`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad(_) => "bad",
            Verdict::UnknownKey => "unknown-key",
            Verdict::Expired => "expired",
            Verdict::NotYetValid => "not-yet-valid",
            Verdict::Unsupported(_) => "unsupported",
        }
    }

    /// Why, where there is more to say.
    pub fn why(&self) -> Option<&str> {
        match self {
            Verdict::Bad(why) | Verdict::Unsupported(why) => Some(why),
            _ => None,
        }
    }
}

impl Signature {
    /// As the provenance says it.
    pub fn stated(&self) -> TagSignature {
        TagSignature {
            format: self.format.as_str().to_owned(),
            verdict: self.verdict.as_str().to_owned(),
            reason: self.verdict.why().map(str::to_owned),
            key: self.key.clone(),
            signer: self.signer.clone(),
        }
    }
}

/// Whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    allowed: AllowedSigners,
    openpgp: openpgp::Keys,
}

impl Signers {
    /// Reads the files that the policy names, from the tree. One that is not there, or not what it should be, is an error:
    /// a signature must not go from good to unknown because of a slip.
    pub fn load(root: &Path, options: &GitOptions) -> Result<Signers> {
        let mut signers = Signers::default();
        if let Some(file) = &options.allowed_signers {
            let path = root.join(file.as_str());
            let text = text::read(&path)?.ok_or_else(|| missing(&path, "allowed_signers"))?;
            signers.allowed = AllowedSigners::parse(&text)
                .map_err(|fault| Error::config(&path, fault.line, fault.why, ""))?;
        }
        for file in &options.openpgp_keys {
            signers.add_openpgp(root, file)?;
        }
        Ok(signers)
    }

    /// Adds SSH keys that sign files: an allowed-signers file, or lines as in `id_ed25519.pub`.
    pub fn add_ssh_keys(&mut self, text: &str) -> std::result::Result<(), String> {
        const TYPES: [&str; 4] = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
        let is_key = |line: &str| TYPES.iter().any(|name| line.starts_with(name));
        // A public key without a principal in front is allowed for whoever its comment names.
        let with_principal = |line: &str| match line.trim() {
            line if is_key(line) => {
                let comment = line.splitn(3, ' ').nth(2).unwrap_or_default();
                let name: String = comment.chars().filter(|c| c.is_ascii_graphic() && *c != '"').collect();
                format!("{} {line}", if name.is_empty() || name.starts_with('#') { "key" } else { &name })
            }
            line => line.to_owned(),
        };
        let text: Vec<String> = text.lines().map(with_principal).collect();
        let more = AllowedSigners::parse(&text.join("\n"))
            .map_err(|fault| format!("line {}: {}", fault.line, fault.why))?;
        if more.lines.is_empty() {
            return Err("there is no key in it".to_owned());
        }
        self.allowed.lines.extend(more.lines);
        Ok(())
    }

    /// Adds OpenPGP keys, armored or binary.
    pub fn add_openpgp_keys(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        self.openpgp.add(bytes)
    }

    /// Judges a signature that lies beside a file: one of `ssh-keygen -Y sign -n file`, or a detached one of OpenPGP,
    /// armored or binary; `None` if it is neither.
    pub fn judge_file(&self, payload: &[u8], signature: &[u8]) -> Option<Signature> {
        const PGP: &str = "-----BEGIN PGP SIGNATURE-----";
        if signature.first().is_some_and(|first| first & 0x80 != 0) {
            let body = data_encoding::BASE64.encode(signature);
            let armored = format!("{PGP}\n\n{body}\n-----END PGP SIGNATURE-----\n");
            return Some(openpgp::judge(payload, &armored, &self.openpgp));
        }
        let armored = std::str::from_utf8(signature).ok()?;
        if armored.starts_with(PGP) {
            return Some(openpgp::judge(payload, armored, &self.openpgp));
        }
        let is_ssh = armored.starts_with("-----BEGIN SSH SIGNATURE-----");
        is_ssh.then(|| ssh::judge(ssh::FILE, payload, armored, None, &self.allowed))
    }

    fn add_openpgp(&mut self, root: &Path, file: &PackPath) -> Result<()> {
        let path = root.join(file.as_str());
        let bytes = text::read_bytes(&path)?.ok_or_else(|| missing(&path, "openpgp_keys"))?;
        self.openpgp.add(&bytes).map_err(|why| {
            let hint = "it must hold OpenPGP public keys: gpg --export --armor ID";
            Error::input(format!("{}: {why}", path.display()), hint)
        })
    }
}

fn missing(path: &Path, key: &str) -> Error {
    let message = format!("there is no {}, which the policy names under {key}", path.display());
    Error::input(message, "write the public keys into it, or take it out of the policy")
}

/// How a signature begins, and what it is then.
const BEGINNINGS: &[(&str, Format)] = &[
    ("-----BEGIN SSH SIGNATURE-----", Format::Ssh),
    ("-----BEGIN PGP SIGNATURE-----", Format::OpenPgp),
    ("-----BEGIN PGP MESSAGE-----", Format::OpenPgp),
    ("-----BEGIN SIGNED MESSAGE-----", Format::X509),
];

/// Judges the signature of a tag object; `None` if it has none.
pub fn judge(object: &[u8], tagger: Option<&Person>, signers: &Signers) -> Option<Signature> {
    let (payload, armored, format) = split(object)?;
    let unkeyed = |verdict| Signature { format, key: None, signer: None, verdict };
    let Ok(armored) = std::str::from_utf8(armored) else {
        return Some(unkeyed(Verdict::Bad("the signature is not text".to_owned())));
    };
    if !ends_where_it_should(armored) {
        return Some(unkeyed(Verdict::Bad("the signature does not end the tag".to_owned())));
    }
    Some(match format {
        Format::Ssh => ssh::judge(ssh::TAG, payload, armored, tagger, &signers.allowed),
        Format::OpenPgp => openpgp::judge(payload, armored, &signers.openpgp),
        Format::X509 => unkeyed(Verdict::Unsupported("an X.509 signature".to_owned())),
    })
}

/// What is signed, and the signature: from the last line that begins one, as git splits a tag.
fn split(object: &[u8]) -> Option<(&[u8], &[u8], Format)> {
    let mut found = None;
    let mut at = 0;
    for line in object.split_inclusive(|&b| b == b'\n') {
        let beginning = BEGINNINGS.iter().find(|(begin, _)| line.starts_with(begin.as_bytes()));
        if let Some(&(_, format)) = beginning {
            found = Some((at, format));
        }
        at += line.len();
    }
    let (at, format) = found?;
    let (payload, signature) = object.split_at_checked(at)?;
    Some((payload, signature, format))
}

/// Nothing follows the line that ends the signature: it would be shown with the tag, and signed by nobody.
fn ends_where_it_should(armored: &str) -> bool {
    let Some(end) = armored.lines().next().map(|line| line.trim_end().replacen("BEGIN", "END", 1)) else {
        return false;
    };
    let mut after = armored.lines().skip_while(|line| line.trim_end() != end);
    after.next().is_some() && after.all(|line| line.trim().is_empty())
}
