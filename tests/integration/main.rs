//! attestar as its users run it: one file a story.

mod real;
mod seal;
mod world;
