//! Log lines on stderr, for who collects them: `--log-format json` makes each one JSON object with a time and a level.
//! As text there are none: then a person reads the answer itself.

use super::args::LogFormat;
use super::exit::Exit;
use serde_json::Value;
use std::time::Duration;

/// Begins to log.
pub fn start(format: LogFormat) {
    if format == LogFormat::Json {
        let logs =
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::INFO);
        logs.json().flatten_event(true).with_target(false).init();
    }
}

/// Whether stderr is a log.
pub fn is_on() -> bool {
    tracing::dispatcher::has_been_set()
}

/// Logs an answer's document: its error or its findings, each on a line.
pub fn document(document: &Value) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    if let Some(error) = document["error"].as_str() {
        tracing::error!(hint = text(document, "hint"), "{error}");
    }
    for key in ["findings", "notes", "warnings"] {
        for finding in document[key].as_array().into_iter().flatten() {
            let (code, subject) = (text(finding, "code"), text(finding, "subject"));
            let (expected, actual) = (text(finding, "expected"), text(finding, "actual"));
            if finding["severity"] == "warning" {
                tracing::warn!(code, expected, actual, "{subject}");
            } else {
                tracing::error!(code, expected, actual, "{subject}");
            }
        }
    }
}

/// Logs how the run ended.
pub fn end(exit: Exit, took: Duration) {
    tracing::info!(exit_code = exit as u8, duration_ms = took.as_millis() as u64, "ended");
}
