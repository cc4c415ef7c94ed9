//! `report`: gathers what the pages show. Nothing is judged here that a check has not judged before.

pub mod drills;
pub mod metrics;
pub mod pack;
pub mod store;
