//! The pages in a real browser: in both schemes, on paper, on a narrow screen, without script, by keyboard alone.

mod browser;
mod console;
mod decades;
mod files;
mod reports;
mod samples;
