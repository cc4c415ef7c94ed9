//! attestar as its users run it: one file a story.

mod demo;
mod docs;
mod seal;
mod world;
