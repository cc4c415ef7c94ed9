//! What machines and people hear of a run: metrics in a text file, and a notice where it did not end well.

pub mod metrics;
pub mod notify;
pub mod text;
mod webhook;
