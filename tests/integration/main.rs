//! attestar as its users run it: one file a story.

mod demo;
mod docs;
mod hash;
mod init;
mod keys;
mod passphrases;
mod real;
mod schemas;
mod seal;
mod shell;
mod world;
