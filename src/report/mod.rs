//! The pages people look at: one self-contained HTML file each, with nothing to load and nothing to trust.
//!
//! Everything here is pure: a document in, a page out. The documents have JSON forms with published schemas, and a page
//! shows nothing that its document does not say. `verbs/report.rs` gathers them, `console` serves them.
//!
//! Text from outside goes through [`words::shown`], and `maud` escapes what is left. A page has one style and one script
//! of its own, and its content security policy names their digests and nothing else.

pub mod chart;
pub mod checks;
pub mod drill;
pub mod list;
pub mod outcome;
pub mod pack;
pub mod shell;
pub mod store;
pub mod verification;
pub mod words;
