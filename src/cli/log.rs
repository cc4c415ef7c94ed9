//! Log lines on stderr, for who collects them: `--log-format json` makes each one JSON object with a time, a level, and the
//! trace and span that it belongs to. As text there are none: then a person reads the answer itself.

use super::args::LogFormat;
use super::exit::Exit;
use super::trace::Trace;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log.
pub fn start(format: LogFormat, trace: &Trace) {
    if format == LogFormat::Json {
        let lines = Lines { trace: trace.clone(), steps: AtomicU64::new(0) };
        tracing_subscriber::registry().with(lines).init();
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
                tracing::warn!(code, subject, expected, actual, "{code} {subject}");
            } else {
                tracing::error!(code, subject, expected, actual, "{code} {subject}");
            }
        }
    }
}

/// Logs something that is no part of the answer, and went wrong.
pub fn warn(message: &str) {
    tracing::warn!("{message}");
}

/// Logs how the run of a command ended.
pub fn end(command: Option<&str>, exit: Exit, took: Duration) {
    let command = command.unwrap_or_default();
    tracing::info!(command, exit_code = exit as u8, duration_ms = took.as_millis() as u64, "ended");
}

/// Writes events as lines. A span of the library is a step of the run: it has a line when it ends.
struct Lines {
    trace: Trace,
    steps: AtomicU64,
}

/// A step that runs.
struct Step {
    id: String,
    fields: Map<String, Value>,
    began: Instant,
}

/// The fields of an event, in order.
struct Fields(Map<String, Value>);

impl Lines {
    fn line(&self, metadata: &Metadata<'_>, fields: Map<String, Value>, span: &str, parent: Option<String>) {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Timestamp::now().to_string().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.extend(fields);
        line.insert("trace_id".to_owned(), self.trace.id().into());
        line.insert("span_id".to_owned(), span.into());
        if let Some(parent) = parent {
            line.insert("parent_span_id".to_owned(), parent.into());
        }
        // A log that nobody takes any more ends no run.
        let _ = writeln!(std::io::stderr().lock(), "{}", Value::Object(line));
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> tracing_subscriber::Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields(Map::new());
        attributes.record(&mut fields);
        let id = self.trace.step_id(self.steps.fetch_add(1, Relaxed));
        span.extensions_mut().insert(Step { id, fields: fields.0, began: Instant::now() });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        event.record(&mut fields);
        let step =
            context.event_span(event).and_then(|span| Some(span.extensions().get::<Step>()?.id.clone()));
        let root = self.trace.span_id();
        match step {
            Some(step) => self.line(event.metadata(), fields.0, &step, Some(root)),
            None => self.line(event.metadata(), fields.0, &root, self.trace.parent_span_id()),
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let extensions = span.extensions();
        let Some(step) = extensions.get::<Step>() else { return };
        let mut fields = step.fields.clone();
        fields.insert("message".to_owned(), span.name().into());
        fields.insert("duration_ms".to_owned(), (step.began.elapsed().as_millis() as u64).into());
        self.line(span.metadata(), fields, &step.id, Some(self.trace.span_id()));
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !value.is_empty() {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}
