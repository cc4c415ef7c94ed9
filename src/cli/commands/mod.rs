//! One file a command: asks the library, and shows the answer.

pub mod demo;
pub mod restore;
pub mod seal;
pub mod verify;
