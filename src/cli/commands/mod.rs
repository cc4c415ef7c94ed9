//! One file a command: asks the library, and shows the answer.

pub mod approve;
pub mod backup;
pub mod backup_verify;
pub mod copy;
pub mod demo;
pub mod diff;
pub mod drill;
pub mod gate;
pub mod hash;
pub mod init;
pub mod keys;
pub mod log;
pub mod prune;
pub mod publish;
pub mod recovery_kit;
pub mod report;
pub mod restore;
pub mod sbom;
pub mod seal;
pub mod serve;
pub mod shell;
pub mod verify;
pub mod waive;
