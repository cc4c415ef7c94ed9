//! Recognises secret keys by what is in a file, so that none is ever sealed.

use crate::finding::{Code, Finding};
use crate::format::path::PackPath;
use std::path::{Path, PathBuf};

/// Key files are small; nothing larger is looked into.
const KEY_FILE_BYTES_MAX: usize = 64 << 10;

/// File names that hold a passphrase by convention.
const PASSPHRASE_NAMES: [&str; 4] = ["passphrase", "passphrase.txt", ".passphrase", "attestar-passphrase"];

/// What may not be sealed from a tree.
pub struct Secrets {
    /// Paths in the tree of files that are known to be secret.
    known: Vec<String>,
}

impl Secrets {
    /// Files that are secret wherever they lie, such as the keys in use; those in the tree under `root` count.
    pub fn new(root: &Path, files: &[PathBuf]) -> Secrets {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let inside = files.iter().filter_map(|file| {
            let file = file.canonicalize().ok()?;
            Some(file.strip_prefix(&root).ok()?.to_str()?.to_owned())
        });
        Secrets { known: inside.collect() }
    }

    /// What is secret about a file, if anything.
    pub fn finding(&self, path: &PackPath, content: &[u8]) -> Option<Finding> {
        let what = if self.known.iter().any(|known| known == path.as_str()) {
            "a secret file that this command uses"
        } else if PASSPHRASE_NAMES.contains(&path.name()) {
            "a passphrase file"
        } else {
            secret_key(content)?
        };
        Some(Finding::new(Code::SecretInPayload, path.as_str()).actual(what))
    }
}

/// The secret key that a file holds. A document that only speaks of keys has none at the start of a line with a body
/// after it.
pub fn secret_key(content: &[u8]) -> Option<&'static str> {
    if content.len() > KEY_FILE_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    if !text.contains("PRIVATE KEY-----") && !text.contains("AGE-SECRET-KEY-1") {
        return None;
    }
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if is_age_identity(line) {
            return Some("an age identity");
        }
        let begins = line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----");
        if begins && lines.peek().is_some_and(|next| is_key_body(next)) {
            return Some("a private key");
        }
    }
    None
}

fn is_age_identity(line: &str) -> bool {
    let Some(data) = line.strip_prefix("AGE-SECRET-KEY-1") else { return false };
    data.len() == 58 && data.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A line of base64, or an encapsulated header as old OpenSSL keys have.
fn is_key_body(line: &str) -> bool {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    line.starts_with("Proc-Type:") || (line.len() >= 40 && line.bytes().all(base64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Option<Code> {
        let secrets = Secrets { known: vec!["keys/mine".to_owned()] };
        let path = PackPath::new(path.as_bytes()).unwrap();
        secrets.finding(&path, content.as_bytes()).map(|finding| finding.code)
    }

    #[test]
    fn keys_are_found_whatever_the_file_is_called() {
        let body = "MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let pem = format!("-----BEGIN {}-----\n{body}\n", "PRIVATE KEY");
        assert_eq!(found("a.txt", &pem), Some(Code::SecretInPayload));
        assert_eq!(
            found("a.txt", &format!("note\n{}", pem.replace('\n', "\r\n"))),
            Some(Code::SecretInPayload)
        );
        let age = format!("# created\nAGE-SECRET-KEY-1{}\n", "Q".repeat(58));
        assert_eq!(found("b", &age), Some(Code::SecretInPayload));
        assert_eq!(found("ops/passphrase.txt", "hunter2"), Some(Code::SecretInPayload));
        assert_eq!(found("keys/mine", ""), Some(Code::SecretInPayload));
    }

    #[test]
    fn documents_that_speak_of_keys_are_no_keys() {
        assert_eq!(found("a.md", "a file that begins with -----BEGIN PRIVATE KEY-----\nis secret"), None);
        assert_eq!(found("a.md", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"), None);
        assert_eq!(found("a.md", "AGE-SECRET-KEY-1… is how it starts"), None);
        assert_eq!(found("a.pub", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n"), None);
    }
}
