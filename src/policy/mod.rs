//! TOML to checked rules. Pure: "now", the environment and all evidence come in as arguments.
//!
//! [`Policy::parse`] takes the text of a policy file and refuses whatever is not known, not right, or can
//! never have an effect; what it returns needs no further checks. [`Policy::builtin`] gives a shipped one.

pub mod backup;
mod builtin;
pub mod capture;
pub mod drill;
pub mod filing;
pub mod gate;
pub mod git;
pub(crate) mod matcher;
pub mod probe;
pub mod program;
pub mod prune;
mod raw;
mod reach;
pub mod rules;
pub mod sbom;
pub mod secrets;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod tests;
mod values;

pub use filing::FilingOptions;
pub use git::GitOptions;
pub use rules::{Dialect, HashesPaths, Include, Policy, SealOptions, Source, TagTemplate};
pub use sbom::SbomOptions;
pub use store::StoreOptions;
pub use values::is_project_name;
