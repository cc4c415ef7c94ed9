//! BagIt (RFC 8493, and its drafts back to version 0.93): the tag files as bytes, one file a format.
//!
//! Nothing here opens a file or judges a bag as a whole: that is [`crate::evidence::bag`].

pub mod algorithm;
pub mod declaration;
pub mod fetch;
pub mod info;
pub mod manifest;
pub mod text;
