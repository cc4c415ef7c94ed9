//! A release or a backup: what is in it, who vouches for it, what was found, and what was not looked at.

mod document;
mod page;

pub use document::{
    About, BomFacts, CaptureFacts, ClassTotals, ComponentFacts, DdlFacts, FileFacts, GateFacts, PackReport,
    ReceiptFacts, SourceFacts, StageFacts, TableFacts, UnparsedFacts,
};
pub use page::page;
