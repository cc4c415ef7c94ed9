//! Signatures that lie beside artifacts, whatever tool made them.

use crate::format::bundle::Bundle;
use crate::format::digest::Sha256;
use crate::keys::minisign::{self, MinisignKey, MinisignSignature};
use crate::keys::public::PublicKey;
use crate::policy::gate::Document;
use crate::tree::git::{Signers, Verdict};
use serde_json::Value;
use std::sync::Arc;

/// The largest artifact over which a signature is verified, in bytes: it is held as a whole.
pub const ARTIFACT_BYTES_MAX: u64 = 128 << 20;

/// All keys of all files, by what they verify.
#[derive(Default)]
struct Keys {
    minisign: Vec<MinisignKey>,
    bare: Vec<PublicKey>,
    signers: Signers,
}

/// Who signed an artifact, or why that does not count.
pub fn verify(artifact: &[u8], signature: &[u8], keys: &[Arc<Document>]) -> Result<String, String> {
    let mut all = Keys::default();
    for key in keys {
        all.add(&key.bytes).map_err(|why| format!("the key file {}: {why}", key.path))?;
    }
    if let Some(judged) = all.signers.judge_file(artifact, signature) {
        let key = judged.key.unwrap_or_else(|| "a key without a name".to_owned());
        return match judged.verdict {
            Verdict::Good => Ok(judged.signer.map_or(key.clone(), |signer| format!("{signer} ({key})"))),
            Verdict::UnknownKey => Err(format!("by {key}, which is not listed")),
            verdict => {
                Err(verdict.why().map_or_else(|| format!("{}: {key}", verdict.as_str()), str::to_owned))
            }
        };
    }
    match std::str::from_utf8(signature) {
        Ok(text) if text.starts_with(minisign::BEGINNING) => all.minisign(artifact, text),
        Ok(text) if text.trim_start().starts_with('{') => all.bundle(artifact, text.as_bytes()),
        _ => Err("it is a signature of no known kind".to_owned()),
    }
}

impl Keys {
    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        let is_binary = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let Ok(text) = std::str::from_utf8(bytes) else {
            return if is_binary {
                self.signers.add_openpgp_keys(bytes)
            } else {
                Err("it is no key".to_owned())
            };
        };
        if text.contains("-----BEGIN PGP ") {
            return self.signers.add_openpgp_keys(bytes);
        }
        if text.trim_start().starts_with("-----BEGIN ") {
            self.bare.push(PublicKey::from_text(text).map_err(|fault| fault.to_string())?);
            return Ok(());
        }
        if let Ok(key) = MinisignKey::parse(text) {
            self.minisign.push(key);
            return Ok(());
        }
        if let Ok(key) = PublicKey::from_text(text) {
            self.bare.push(key);
        }
        self.signers.add_ssh_keys(text)
    }

    fn minisign(&self, artifact: &[u8], text: &str) -> Result<String, String> {
        let signature = MinisignSignature::parse(text)?;
        let id = signature.key_id();
        let key = self.minisign.iter().find(|key| key.id() == id);
        let key = key.ok_or_else(|| format!("by minisign key {id}, which is not listed"))?;
        signature.verify(artifact, key)?;
        Ok(format!("minisign key {id}"))
    }

    /// A bundle signs a statement, which must name the artifact by its digest.
    fn bundle(&self, artifact: &[u8], bytes: &[u8]) -> Result<String, String> {
        let envelope = Bundle::parse(bytes).map_err(|fault| fault.to_string())?.envelope;
        let signed = envelope.signed_bytes();
        let signer = self.bare.iter().find(|key| key.verify_strict(&signed, &envelope.signature));
        let signer = signer.ok_or("no listed key made its signature")?;
        let statement: Value =
            serde_json::from_slice(&envelope.payload).map_err(|_| "it signs no statement")?;
        let digest = Sha256::of(artifact).to_string();
        let subjects = statement.get("subject").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_it = |subject: &Value| {
            let named = subject.pointer("/digest/sha256").and_then(Value::as_str);
            named.is_some_and(|named| named.eq_ignore_ascii_case(&digest))
        };
        if subjects.iter().any(is_it) {
            return Ok(signer.fingerprint());
        }
        Err("its statement is not about this file".to_owned())
    }
}

#[cfg(test)]
mod tests;
