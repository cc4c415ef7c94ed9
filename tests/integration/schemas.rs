//! Every `--json` document of these stories is judged by its published schema.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// Holds a document to the schema that it names.
#[track_caller]
pub fn judge(document: &Value) {
    let named = document["schema"].as_str().expect("a document names its schema");
    let name = named.strip_prefix("attestar/").and_then(|name| name.strip_suffix("/v1")).expect(named);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.schema.json"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let schema = serde_json::from_str(&text).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "not as {named} says: {faults:#?}\n{document:#}");
}
