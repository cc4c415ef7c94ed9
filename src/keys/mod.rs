//! All secret material, and who is trusted for what. Secrets have no Debug and no Serialize, and are wiped.

pub mod entropy;
mod file;
pub mod home;
pub mod identity;
pub mod minisign;
pub mod passphrase;
mod pem;
pub mod public;
pub mod recipient;
pub mod right;
pub mod signing;
pub mod sniff;
pub mod trust;
mod trust_file;
pub mod verify;
