//! The receipt beside an archive: who sealed it, when, and that this file is that archive.

use crate::finding::{Code, Finding};
use crate::format::kind::Kind;
use crate::format::receipt::Receipt;
use crate::format::statement::Statement;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::{Expect, Verified};
use crate::pipeline::sink::Written;

/// A receipt whose signature holds.
pub type VerifiedReceipt = Verified<Statement<Receipt>>;

/// What follows an archive's name in its receipt's.
pub const SUFFIX: &str = ".sigstore.json";

/// No receipt is longer: it would name some 20,000 bases. What is, is none, and is not fetched.
pub const RECEIPT_BYTES_MAX: usize = 4 << 20;

/// What an archive has to be, by more than its name: `shop-eu-1` may be `eu-1` of `shop`, or `1` of `shop-eu`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Of which project; `None` where the receipt is what tells it.
    pub project: Option<&'a str>,
    /// Release or backup; `None` where the receipt is what tells it.
    pub kind: Option<Kind>,
}

/// Verifies a receipt's signature, its signer's rights, and that it is the receipt of an archive of this name. The
/// digest is compared apart, by [`matches()`], once the file was read.
pub fn verify(
    trust: &Trust,
    archive_name: &str,
    bundle: Option<&[u8]>,
) -> Result<VerifiedReceipt, Vec<Finding>> {
    verify_asked(trust, archive_name, bundle, Asked::default())
}

/// The same, of the archive of a project or a kind.
pub fn verify_asked(
    trust: &Trust,
    archive_name: &str,
    bundle: Option<&[u8]>,
    asked: Asked<'_>,
) -> Result<VerifiedReceipt, Vec<Finding>> {
    let file = format!("{archive_name}{SUFFIX}");
    let Some(bundle) = bundle else {
        return Err(vec![Finding::new(Code::ReceiptMissing, file)]);
    };
    if trust.is_empty() {
        return Err(vec![Finding::new(Code::NoTrust, file)]);
    }
    let expect = Expect { file: &file, right: Right::Receipt, project: None, kind: None };
    let receipt = trust.verify::<Receipt>(bundle, expect, None).map_err(|finding| vec![finding])?;
    let findings = names(&receipt, &file, archive_name, asked);
    if findings.is_empty() { Ok(receipt) } else { Err(findings) }
}

/// The pack that an archive of this file name holds.
pub fn pack_name(archive_name: &str) -> Option<&str> {
    archive_name.strip_suffix(".age").unwrap_or(archive_name).strip_suffix(".tar.zst")
}

/// File name, subject and the receipt's own name must agree, and be what is asked for: an old archive under a newer name does
/// not, and another project's is not.
fn names(receipt: &VerifiedReceipt, file: &str, archive_name: &str, asked: Asked<'_>) -> Vec<Finding> {
    let predicate = receipt.predicate();
    let mut findings = Vec::new();
    let mut agree = |what: &str, expected: &str, actual: &str| {
        if expected != actual {
            let finding = Finding::new(Code::Disagreement, format!("{file}: {what}"));
            findings.push(finding.expected(expected).actual(actual));
        }
    };
    match &receipt.statement().subject[..] {
        [subject] => agree("subject", archive_name, &subject.name),
        _ => agree("subject", "one archive", "several"),
    }
    agree("name", &predicate.name, pack_name(archive_name).unwrap_or(archive_name));
    agree("name", &format!("{}-{}", predicate.project, predicate.version), &predicate.name);
    let encrypted = if archive_name.ends_with(".age") { "encrypted" } else { "not encrypted" };
    agree("project", asked.project.unwrap_or(&predicate.project), &predicate.project);
    agree("kind", asked.kind.unwrap_or(predicate.kind).as_str(), predicate.kind.as_str());
    agree("recipients", if predicate.recipients > 0 { "encrypted" } else { "not encrypted" }, encrypted);
    findings
}

/// Compares the file as it was read with what the receipt says of it.
pub fn matches(receipt: &VerifiedReceipt, archive_name: &str, file: &Written) -> Vec<Finding> {
    let mut findings = receipt.match_subjects(&[(archive_name, file.sha256)]);
    findings.extend(size_matches(receipt, archive_name, file.size_bytes));
    findings
}

/// Compares the size alone.
pub fn size_matches(receipt: &VerifiedReceipt, archive_name: &str, size_bytes: u64) -> Option<Finding> {
    let signed = receipt.predicate().size_bytes;
    (signed != size_bytes).then(|| {
        let finding = Finding::new(Code::Altered, archive_name);
        finding.expected(format!("{signed} bytes")).actual(format!("{size_bytes} bytes"))
    })
}
