//! attestar as its users run it: one file a story.

mod seal;
mod world;
