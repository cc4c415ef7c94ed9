//! attestar as its users run it: one file a story.

mod every_byte;
mod faults;
mod forge;
mod hostile_age;
mod hostile_frames;
mod hostile_manifests;
mod hostile_signatures;
mod hostile_tar;
mod seal;
mod world;
