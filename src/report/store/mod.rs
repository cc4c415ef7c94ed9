//! A store: what was backed up, verified and drilled, when, and whether that is often enough.

mod document;
pub mod health;
mod over_time;
mod page;

pub use document::{
    ArchiveFacts, CoverageFacts, DrillFacts, EventFacts, Limits, PruneFacts, ReportRef, StoreFacts,
    StoreReport,
};
pub use page::page;
