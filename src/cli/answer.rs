//! What a command answers: an exit code, text for people, a document for programs. Shown in one place.

use super::context::Context;
use super::documents::ErrorDocument;
use super::exit::Exit;
use super::log;
use super::masked::Masked;
use super::screen;
use attestar::error::{Error, Result};
use attestar::telemetry::metrics::Metric;
use serde::Serialize;

/// An answer.
pub struct Answer {
    /// How the run ended.
    pub exit: Exit,
    /// For people, on stdout.
    text: String,
    /// A line for people, on stderr: what to do next where something is wrong.
    hint: Option<String>,
    /// For programs.
    document: serde_json::Value,
    /// What the run measured.
    measured: Vec<(Metric, f64)>,
    /// Whether the text is what was asked for, so that `-q` does not take it away.
    is_data: bool,
}

impl Answer {
    /// An answer in both forms.
    pub fn new(exit: Exit, text: String, document: impl Serialize) -> Answer {
        let document = serde_json::to_value(document).expect("documents are plain data");
        Answer { exit, text, hint: None, document, measured: Vec::new(), is_data: false }
    }

    /// With what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Answer {
        self.hint = Some(hint.into());
        self
    }

    /// The text is what was asked for, not a report about it.
    pub fn data(self) -> Answer {
        Answer { is_data: true, ..self }
    }

    /// With what the run measured, for the metrics file.
    pub fn measured(mut self, measured: impl IntoIterator<Item = (Metric, f64)>) -> Answer {
        self.measured.extend(measured);
        self
    }

    /// What it comes to, for whoever hears of the run.
    pub fn told(&self) -> Told {
        Told { exit: self.exit, document: self.document.clone(), measured: self.measured.clone() }
    }

    /// The same without what is told to nobody. What was asked for as it is stays: it is no report of a run.
    pub fn masked(self, masked: &Masked) -> Answer {
        if self.is_data {
            return self;
        }
        let (text, document) = (masked.answer(&self.text), masked.answer_document(self.document));
        let hint = self.hint.map(|hint| masked.answer(&hint));
        Answer { text, hint, document, ..self }
    }

    /// Shows it. One that there was no room for is no answer, however the run ended.
    pub fn show(self, context: &Context) -> Exit {
        log::document(&self.document);
        let mut shown = Ok(());
        if context.global.json {
            shown = screen::print(&format!("{:#}\n", self.document));
        } else if !context.global.quiet || self.is_data {
            shown = screen::print(&self.text);
            if let Some(hint) = &self.hint {
                screen::say(&format!("{}\n", screen::hint(hint)));
            }
        } else if self.exit != Exit::Done {
            screen::say(&self.text);
        }
        match shown {
            Ok(()) => self.exit,
            Err(error) => {
                screen::say(&screen::error(&Error::io("write", "the standard output")(error)));
                Exit::first([self.exit, Exit::Failed])
            }
        }
    }
}

/// What is told of a run.
pub struct Told {
    /// How it ended.
    pub exit: Exit,
    /// The document of its answer or its error.
    pub document: serde_json::Value,
    /// What it measured.
    pub measured: Vec<(Metric, f64)>,
}

impl Told {
    /// What is told of an error.
    pub fn error(error: &Error, masked: &Masked) -> Told {
        let document = masked.error_document(document(error));
        Told { exit: Exit::from(error), document, measured: Vec::new() }
    }
}

fn document(error: &Error) -> serde_json::Value {
    serde_json::to_value(ErrorDocument::new(error)).expect("documents are plain data")
}

/// How a command ended, and all that a person sees of it: the demo shows that in its own story.
pub fn said(answer: Result<Answer>) -> (Exit, String) {
    match answer {
        Ok(Answer { exit, text, hint: None, .. }) => (exit, text),
        Ok(Answer { exit, text, hint: Some(hint), .. }) => (exit, format!("{text}{}\n", screen::hint(&hint))),
        Err(error) => (Exit::from(&error), screen::error(&error)),
    }
}

/// Shows an error.
pub fn show_error(json: bool, error: &Error, masked: &Masked) -> Exit {
    let document = masked.error_document(document(error));
    log::document(&document);
    if json {
        // How the run ended is told by its exit code, too.
        let _ = screen::print(&format!("{document:#}\n"));
    } else {
        screen::say(&masked.error(&screen::error(error)));
    }
    Exit::from(error)
}
