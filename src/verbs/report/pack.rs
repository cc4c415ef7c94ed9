//! What a page about a pack shows: from what `verify` read, and from nothing else. What a statement says stands on the
//! page only where its signature holds.

use crate::error::{Error, Result};
use crate::evidence::gates::said::{Said, commit};
use crate::evidence::later::{self, LaterFile, STAGES};
use crate::evidence::pack::signer;
use crate::evidence::payload::{Fault, Lists};
use crate::evidence::receipt::VerifiedReceipt;
use crate::evidence::sbom::CYCLONEDX;
use crate::format::bom::Scope;
use crate::format::capture::Captured;
use crate::format::class::Class;
use crate::format::cyclonedx::read::{BOM_BYTES_MAX, Bom, Item};
use crate::format::ddl::{DdlFile, Object};
use crate::format::gates::{Gate, VerificationSummary};
use crate::format::inventory::Row;
use crate::format::member::FileType;
use crate::format::pack::Pack;
use crate::format::provenance::Provenance;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::pipeline::contents::{Contents, Tags};
use crate::report::outcome::OutcomeDocument;
use crate::report::pack::{
    About, BomFacts, CaptureFacts, ClassTotals, ComponentFacts, DdlFacts, FileFacts, GateFacts, PackReport,
    ReceiptFacts, SourceFacts, StageFacts, TableFacts, UnparsedFacts,
};
use crate::verbs::target::Target;
use crate::verbs::verify::Verified;
use jiff::Timestamp;

/// Files that a report lists; the pack's inventory has them all.
const FILES_MAX: usize = 20_000;

/// The report of what was verified.
pub fn report(
    named: &str,
    target: &Target,
    verified: &Verified,
    trust: &Trust,
    now: Timestamp,
) -> Result<PackReport> {
    let mut report = PackReport {
        schema: "attestar/pack_report/v1",
        target: named.to_owned(),
        looked_at: now,
        about: verified.pack.as_ref().map(about),
        receipt: verified.receipt.as_ref().map(receipt),
        sealed_by: verified.seal.as_ref().map(signer),
        source: None,
        gates: Vec::new(),
        sbom: None,
        ddl: Vec::new(),
        ddl_omitted: 0,
        captures: Vec::new(),
        files: Vec::new(),
        files_omitted: 0,
        outcome: OutcomeDocument::new(&verified.outcome),
    };
    if let (Some(pack), Some(contents)) = (&verified.pack, &verified.contents) {
        report.captures = pack.captures.iter().map(capture).collect();
        if let Some(ddl) = &pack.ddl {
            report.ddl = ddl.files.iter().map(self::ddl).collect();
            report.ddl_omitted = ddl.files_omitted;
        }
        report.sbom = sbom(&contents.tags)?;
        (report.files, report.files_omitted) = files(pack, contents)?;
        let said = Said::read(&contents.tags, pack, trust, verified.receipt.as_ref())?;
        let later = later::read(&target.evidence_folder())?.files;
        let stages = later.iter().filter_map(|file| later_stage(file, pack, trust));
        report.gates = said.record.iter().map(stage).chain(stages).collect();
        let artifacts = pack.classes.get(&Class::Artifact).map_or(0, |totals| totals.files);
        report.source = said.provenance.as_ref().map(|said| source(said, artifacts));
    }
    Ok(report)
}

fn about(pack: &Pack) -> About {
    let classes = pack.classes.iter();
    About {
        name: pack.name.clone(),
        project: pack.project.clone(),
        version: pack.version.clone(),
        kind: pack.kind,
        tool: format!("{} {}", pack.tool.name, pack.tool.version),
        policy: pack.policy.name.clone(),
        policy_sha256: pack.policy.sha256.to_string(),
        stands_for: Timestamp::from_second(pack.source_date_epoch).ok(),
        files: pack.payload.files,
        bytes: pack.payload.bytes,
        links: pack.links,
        folders: pack.folders,
        classes: classes.map(|(&class, t)| ClassTotals { class, files: t.files, bytes: t.bytes }).collect(),
    }
}

fn receipt(receipt: &VerifiedReceipt) -> ReceiptFacts {
    let said = receipt.predicate();
    let subject = receipt.statement().subject.first();
    ReceiptFacts {
        archive: subject.map(|subject| subject.name.clone()).unwrap_or_default(),
        sha256: subject.map(|subject| subject.digest.sha256.to_string()).unwrap_or_default(),
        bytes: said.size_bytes,
        recipients: said.recipients,
        created_at: said.created_at,
        signer: signer(receipt),
        bases: said.bases.iter().map(|base| base.name.clone()).collect(),
    }
}

fn source(said: &Provenance, artifacts: u64) -> SourceFacts {
    let definition = &said.build_definition;
    let internal = &definition.internal_parameters;
    let repository =
        definition.resolved_dependencies.iter().find(|one| one.name.as_deref() == Some("source"));
    SourceFacts {
        commit: commit(said).map(str::to_owned),
        repository: repository.and_then(|one| one.uri.clone()),
        branch: internal.branch.clone(),
        tag: definition.external_parameters.tag.clone(),
        tag_signature: internal.tag_signature.as_ref().map(|signature| signature.verdict.clone()),
        clean: internal.clean,
        builder: said.run_details.builder.id.clone(),
        invocation: said.run_details.metadata.as_ref().map(|metadata| metadata.invocation_id.clone()),
        artifacts,
    }
}

/// The result of a stage after the seal, if it is signed by one who may seal releases.
fn later_stage(file: &LaterFile, pack: &Pack, trust: &Trust) -> Option<StageFacts> {
    if !STAGES.iter().any(|start| file.name.starts_with(start)) {
        return None;
    }
    let expect = Expect {
        file: &file.name,
        right: Right::to_seal(pack.kind),
        project: Some(&pack.project),
        kind: Some(pack.kind),
    };
    let verified = trust.verify::<VerificationSummary>(&file.bytes, expect, None).ok()?;
    Some(stage(verified.predicate()))
}

fn stage(said: &VerificationSummary) -> StageFacts {
    StageFacts {
        stage: said.gates.stage.clone(),
        evaluated_at: said.time_verified,
        gates: said.gates.gates.iter().map(gate).collect(),
    }
}

fn gate(gate: &Gate) -> GateFacts {
    let waiver = gate.waiver.iter().map(|waiver| {
        format!(
            "waived by {} until {}: {}",
            waiver.role,
            waiver.until.strftime("%Y-%m-%d %H:%M UTC"),
            waiver.reason
        )
    });
    let faults = gate.faults.iter().map(|fault| match (&fault.expected, &fault.actual) {
        (Some(expected), Some(actual)) => format!("{}: expected {expected}, found {actual}", fault.subject),
        (Some(one), None) | (None, Some(one)) => format!("{}: {one}", fault.subject),
        (None, None) => fault.subject.clone(),
    });
    GateFacts {
        id: gate.id.clone(),
        check: gate.check.clone(),
        status: gate.status.clone(),
        severity: gate.severity.clone(),
        said: gate.reason.iter().cloned().chain(waiver).chain(faults).collect(),
        evidence: gate.evidence.iter().map(|subject| subject.name.clone()).collect(),
    }
}

/// The components of the SBOM; `None` where there is none, or none that can be read: the check says which.
fn sbom(tags: &Tags) -> Result<Option<BomFacts>> {
    let bytes = tags.read(CYCLONEDX, BOM_BYTES_MAX as u64).map_err(Error::io("read", CYCLONEDX))?;
    let Some(bom) = bytes.and_then(|bytes| Bom::parse(&bytes).ok()) else { return Ok(None) };
    let mut components: Vec<ComponentFacts> = bom.components.into_iter().map(component).collect();
    components.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(Some(BomFacts { incomplete: bom.incomplete, components }))
}

fn component(item: Item) -> ComponentFacts {
    let ecosystem = item.purl.as_deref().and_then(|purl| purl.strip_prefix("pkg:")?.split('/').next());
    ComponentFacts {
        ecosystem: ecosystem.map(str::to_owned),
        name: item.name,
        version: item.version,
        licence: item.licence,
        scope: match item.scope {
            Scope::Runtime => "runtime",
            Scope::Optional => "optional",
            Scope::Development => "development",
        },
    }
}

fn ddl(file: &DdlFile) -> DdlFacts {
    let names = |objects: &[Object]| {
        objects.iter().map(|object| format!("{} {}", object.kind, object.name)).collect()
    };
    let unparsed = file.unparsed.iter();
    DdlFacts {
        path: file.path.clone(),
        dialect: file.dialect.map(|dialect| format!("{dialect:?}").to_lowercase()),
        statements: file.statements,
        creates: names(&file.creates),
        alters: names(&file.alters),
        drops: names(&file.drops),
        unparsed: unparsed.map(|one| UnparsedFacts { line: one.line, start: one.start.clone() }).collect(),
        omitted: file.omitted,
    }
}

fn capture(captured: &Captured) -> CaptureFacts {
    let table = |table: &crate::format::capture::Table| TableFacts {
        name: table.name.clone(),
        rows: table.rows,
        digest: table.content.is_some(),
    };
    CaptureFacts {
        id: captured.id.clone(),
        kind: captured.kind.as_str(),
        tool: captured.tool.clone(),
        server: captured.server.clone(),
        tables: captured.tables.iter().map(table).collect(),
        objects: captured.objects.len() as u64,
    }
}

/// The members of the signed lists, as far as they agree with each other: where they do not, a check says so.
fn files(pack: &Pack, contents: &Contents) -> Result<(Vec<FileFacts>, u64)> {
    let Ok(mut lists) = Lists::open(&contents.tags, pack.kind) else { return Ok((Vec::new(), 0)) };
    let (mut files, mut omitted) = (Vec::new(), 0);
    loop {
        match lists.next_member() {
            Ok(Some((row, _))) if files.len() < FILES_MAX => files.push(file(row)),
            Ok(Some(_)) => omitted += 1,
            Ok(None) | Err(Fault::Finding(_)) => return Ok((files, omitted)),
            Err(Fault::Io(source)) => return Err(Error::io("read", "a tag file")(source)),
        }
    }
}

fn file(row: Row) -> FileFacts {
    let (bytes, link) = match row.member.kind {
        FileType::File => (Some(row.member.size), None),
        FileType::Dir => (None, None),
        FileType::Link(target) => (None, Some(target.into())),
    };
    FileFacts { path: row.member.path.to_string(), class: row.class, bytes, link }
}
