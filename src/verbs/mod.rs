//! One file a command; each reads as its list of steps.

pub mod place;
pub mod seal;
