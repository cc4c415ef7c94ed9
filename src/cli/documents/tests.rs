//! The published schemas are those of the documents. `ATTESTAR_BLESS=1` writes them anew.

use super::*;
use attestar::report::pack::PackReport;
use attestar::report::store::StoreReport;
use attestar::report::store::health::Health;
use schemars::{Schema, schema_for};
use std::fs;
use std::path::Path;

/// Every document's name and schema.
fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("approve", schema_for!(waive::ApproveDocument)),
        ("backup", schema_for!(backup::BackupDocument)),
        ("completions", schema_for!(CompletionsDocument)),
        ("copy", schema_for!(publish::CopyDocument)),
        ("demo", schema_for!(DemoDocument)),
        ("diff", schema_for!(DiffDocument)),
        ("drill", schema_for!(drill::DrillDocument)),
        ("drill_report", schema_for!(attestar::format::drill_report::DrillReport)),
        ("error", schema_for!(ErrorDocument)),
        ("gate", schema_for!(gate::GateDocument)),
        ("health", schema_for!(Health)),
        ("hash", schema_for!(HashDocument)),
        ("init", schema_for!(InitDocument)),
        ("keys", schema_for!(KeysDocument)),
        ("log_list", schema_for!(log::LogListDocument)),
        ("log_prove", schema_for!(log::LogProveDocument)),
        ("log_verify", schema_for!(log::LogVerifyDocument)),
        ("man", schema_for!(ManDocument)),
        ("notice", schema_for!(attestar::format::notice::Notice)),
        ("pack_report", schema_for!(PackReport)),
        ("prune", schema_for!(prune::PruneDocument)),
        ("publish", schema_for!(publish::PublishDocument)),
        ("report", schema_for!(report::ReportDocument)),
        ("restore", schema_for!(RestoreDocument)),
        ("sbom", schema_for!(sbom::SbomDocument)),
        ("seal", schema_for!(SealDocument)),
        ("serve", schema_for!(report::ServeDocument)),
        ("store_report", schema_for!(StoreReport)),
        ("unmatched", schema_for!(UnmatchedDocument)),
        ("verify", schema_for!(VerifyDocument)),
        ("verify_report", schema_for!(backup_verify::BackupVerifyDocument)),
        ("waive", schema_for!(waive::WaiveDocument)),
    ]
}

/// The schema as it is published: `schema` says which document it is, and nothing may be in one that is not told.
fn published(name: &str, schema: Schema) -> String {
    let mut schema = schema.to_value();
    schema["properties"]["schema"]["const"] = format!("attestar/{name}/v1").into();
    schema["unevaluatedProperties"] = false.into();
    format!("{schema:#}\n")
}

#[test]
fn the_published_schemas_are_those_of_the_documents() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    for (name, schema) in schemas() {
        let file = folder.join(format!("{name}.schema.json"));
        let schema = published(name, schema);
        if std::env::var_os("ATTESTAR_BLESS").is_some() {
            fs::write(&file, &schema).unwrap();
        }
        let there = fs::read_to_string(&file).unwrap_or_default();
        assert!(there == schema, "{} differs: ATTESTAR_BLESS=1 cargo test writes it anew", file.display());
    }
    let published = fs::read_dir(&folder).unwrap().count();
    assert_eq!(published, schemas().len(), "a schema of no document lies in docs/schemas");
}
