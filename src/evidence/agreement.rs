//! Whatever a pack says twice, it must say alike: folder, `pack.json`, seal, receipt, BagIt files, and what was counted.

use crate::error::{Error, Result};
use crate::evidence::ddl;
use crate::evidence::payload::Payload;
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::seal::VerifiedSeal;
use crate::finding::{Code, Finding};
use crate::format::bag::declaration::Declaration;
use crate::format::bag::info::Oxum;
use crate::format::digest::Sha256;
use crate::format::pack::{Pack, SCHEMA};
use crate::format::receipt::Base;
use crate::format::seal::Totals;
use crate::pipeline::contents::Tags;
use std::fmt::Display;

/// The names of the small tag files.
pub const PACK: &str = "pack.json";
/// See [`PACK`].
pub const POLICY: &str = "policy.toml";
/// See [`PACK`].
pub const BAGIT: &str = "bagit.txt";
/// See [`PACK`].
pub const BAG_INFO: &str = "bag-info.txt";

/// The most bytes of a small tag file that are read.
pub const SMALL_TAG_BYTES_MAX: u64 = 64 << 20;

/// Reads `pack.json`.
pub fn read_pack(tags: &Tags) -> Result<Result<Pack, Finding>> {
    let Some(bytes) = small(tags, PACK)? else { return Ok(Err(Finding::new(Code::Missing, PACK))) };
    let pack = serde_json::from_slice::<Pack>(&bytes).map_err(|error| error.to_string());
    Ok(match pack {
        Ok(pack) if pack.schema == SCHEMA => Ok(pack),
        Ok(pack) => Err(Finding::new(Code::ManifestInvalid, PACK).expected(SCHEMA).actual(pack.schema)),
        Err(what) => Err(Finding::new(Code::ManifestInvalid, PACK).actual(what)),
    })
}

/// Reads a small tag file.
pub fn small(tags: &Tags, name: &str) -> Result<Option<Vec<u8>>> {
    tags.read(name, SMALL_TAG_BYTES_MAX).map_err(Error::io("read", name))
}

/// Compares the names: the folder's, the pack's, the seal's and the receipt's.
pub fn names(
    pack: &Pack,
    folder: &str,
    seal: Option<&VerifiedSeal>,
    receipt: Option<&VerifiedReceipt>,
) -> Vec<Finding> {
    let mut compare = Compare::default();
    compare.same("folder: name", &pack.name, folder);
    compare.same("pack.json: name", format!("{}-{}", pack.project, pack.version), &pack.name);
    if let Some(seal) = seal.map(|seal| seal.predicate()) {
        compare.same("seal: name", &pack.name, &seal.name);
        compare.same("seal: project", &pack.project, &seal.project);
        compare.same("seal: version", &pack.version, &seal.version);
        compare.same("seal: kind", pack.kind, seal.kind);
        compare.same("seal: policy", pack.policy.sha256, seal.policy.sha256);
        compare.totals("seal: payload", pack.payload, seal.payload);
    }
    if let Some(receipt) = receipt.map(|receipt| receipt.predicate()) {
        compare.same("receipt: name", &pack.name, &receipt.name);
        compare.same("receipt: project", &pack.project, &receipt.project);
        compare.same("receipt: version", &pack.version, &receipt.version);
        compare.same("receipt: kind", pack.kind, receipt.kind);
        compare.totals("receipt: payload", pack.payload, receipt.payload);
        compare.same("receipt: bases", bases(&pack.bases), bases(&receipt.bases));
    }
    compare.findings
}

/// Compares `pack.json` and the BagIt files with what was counted while the lists were read.
pub fn counts(tags: &Tags, pack: &Pack, payload: &Payload) -> Result<Vec<Finding>> {
    let mut compare = Compare::default();
    compare.totals("pack.json: payload", pack.payload, payload.listed);
    compare.same("pack.json: links", pack.links, payload.links);
    compare.same("pack.json: folders", pack.folders, payload.folders);
    if pack.classes != payload.classes {
        compare.findings.push(Finding::new(Code::Disagreement, "pack.json: classes"));
    }
    if let Some(ddl) = &pack.ddl {
        compare.findings.extend(ddl::agrees(tags, ddl));
    }
    let text = |name| {
        small(tags, name).map(|bytes| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
    };
    compare.same("pack.json: policy", pack.policy.sha256, Sha256::of(text(POLICY)?.as_bytes()));
    compare.same("bagit.txt", Declaration::default().to_text(), text(BAGIT)?);
    let oxum = Oxum { octets: payload.listed.bytes, streams: payload.listed.files };
    let info = text(BAG_INFO)?;
    let said = info.lines().find_map(|line| line.strip_prefix("Payload-Oxum: ")).unwrap_or("none");
    compare.same("bag-info.txt: Payload-Oxum", said, oxum);
    Ok(compare.findings)
}

fn bases(bases: &[Base]) -> String {
    let all: Vec<String> = bases.iter().map(|base| format!("{} sha256 {}", base.name, base.sha256)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

#[derive(Default)]
struct Compare {
    findings: Vec<Finding>,
}

impl Compare {
    fn same(&mut self, what: &str, said: impl Display, found: impl Display) {
        let (said, found) = (said.to_string(), found.to_string());
        if said != found {
            self.findings.push(Finding::new(Code::Disagreement, what).expected(said).actual(found));
        }
    }

    fn totals(&mut self, what: &str, said: Totals, found: Totals) {
        let show = |totals: Totals| format!("{} files, {} bytes", totals.files, totals.bytes);
        self.same(what, show(said), show(found));
    }
}
