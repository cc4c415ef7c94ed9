//! attestar as its users run it: one file a story.

mod forge;
mod hostile_tar;
mod seal;
mod world;
