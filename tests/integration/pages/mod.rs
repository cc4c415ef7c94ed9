//! The pages in a real browser: in both schemes, on paper, on a narrow screen, without script, by keyboard alone.

mod browser;
mod console;
mod console_kept;
mod console_seen;
mod console_told;
mod decades;
mod files;
mod reports;
mod samples;
