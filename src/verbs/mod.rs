//! One file a command; each reads as its list of steps.

pub mod afterwards;
pub mod approve;
pub mod backup;
pub mod copy;
pub mod destination;
pub mod diff;
mod elsewhere;
pub mod fetch;
pub mod gate;
pub mod hash;
pub mod init;
pub mod log;
pub mod origin;
pub mod place;
pub mod proof;
pub mod prune;
pub mod publish;
pub mod report;
pub mod restore;
pub mod results;
pub mod sbom;
pub mod seal;
pub mod select;
pub mod stage;
pub mod target;
pub mod verify;
pub mod waive;
