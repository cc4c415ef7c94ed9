//! JSON Schema, of which everything stands in one file.

use crate::policy::gate::judged::Fault;
use crate::policy::gate::schema::json;
use crate::policy::gate::{Document, Release};
use crate::policy::values::show;
use jsonschema::PatternOptions;
use serde_json::Value;

/// The most faults that are told of one document.
const FAULTS_MAX: usize = 10;

/// How many steps a pattern of a schema may take back: patterns that would never come to an end are refused.
const BACKTRACKS_MAX: usize = 100_000;

/// A compiled schema.
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles a schema, in whose texts the names of a release may be filled in. No other file and no host is asked for
    /// what it refers to.
    pub fn of(document: &Document, names: Option<&Release<'_>>) -> Result<Validator, Fault> {
        let mut schema = json(document)?;
        if let Some(release) = names {
            fill(&mut schema, release);
        }
        let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS_MAX);
        let built = jsonschema::options().offline().with_pattern_options(patterns).build(&schema);
        built.map(Validator).map_err(|error| {
            let place = format!("{}#{}", document.path, error.instance_path());
            Fault::new(place).expected("a JSON Schema").actual(show(&error.masked().to_string()))
        })
    }

    /// What is wrong with a document. Its values are not shown: they can be anything.
    pub fn faults(&self, document: &Document, expected: &str) -> Vec<Fault> {
        let value = match json(document) {
            Ok(value) => value,
            Err(fault) => return vec![fault],
        };
        let errors = self.0.iter_errors(&value).take(FAULTS_MAX);
        let fault = |error: jsonschema::ValidationError<'_>| {
            let place = format!("{}#{}", document.path, error.instance_path());
            Fault::new(place).expected(expected).actual(show(&error.masked().to_string()))
        };
        errors.map(fault).collect()
    }
}

/// Names of the release in every text; keys stay.
fn fill(value: &mut Value, release: &Release<'_>) {
    match value {
        Value::String(text) if text.contains('{') => {
            let names =
                [("{version}", release.version), ("{tag}", &release.tag), ("{project}", release.project)];
            *text = names.iter().fold(std::mem::take(text), |text, (name, value)| text.replace(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, release)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, release)),
        _ => {}
    }
}
