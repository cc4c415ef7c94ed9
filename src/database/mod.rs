//! Databases: how copies of them are opened, and what is recorded of them, alike when they are captured and when a drill
//! probes what came back.

pub mod duckdb;
pub mod postgres;
pub mod sqlite;
