//! What is typed of the commands that work on a store.

use super::{StoreArgs, TrustArgs};
use attestar::verbs::drill;
use clap::{Args, ValueHint};
use std::path::PathBuf;

/// `publish`
#[derive(Args, Debug)]
pub struct PublishArgs {
    /// The archive, or the folder of its evidence, as `seal` left them
    #[arg(value_name = "PACK", value_hint = ValueHint::AnyPath)]
    pub pack: PathBuf,
    /// The store, made if it is a directory that is not there [default: the policy's]. Can be repeated
    #[arg(long = "store", value_name = "URL", value_hint = ValueHint::DirPath)]
    pub stores: Vec<String>,
    /// The secret key that signs the log [default: the policy's, else signing.key in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// A trust file: who may seal, approve and log [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
    /// Where this host remembers logs [default: state in $ATTESTAR_HOME, else ~/.local/state/attestar]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
}

impl PublishArgs {
    /// What was given of trust, for hints.
    pub fn trust_args(&self) -> TrustArgs {
        TrustArgs { keys: Vec::new(), trust: self.trust.clone(), identities: Vec::new() }
    }
}

/// `backup`
#[derive(Args, Debug)]
pub struct BackupArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The secret key that signs [default: the policy's, else signing.key in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// Who can decrypt: age1…, or a file of such lines [default: the policy's, else recipient.age in $ATTESTAR_HOME]. Can be
    /// repeated
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    pub recipients: Vec<String>,
    /// Do not encrypt
    #[arg(long, conflicts_with = "recipients")]
    pub no_encrypt: bool,
    /// A trust file: who may sign the log [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
    /// Read and keep everything, whatever did not change
    #[arg(long)]
    pub full: bool,
}

/// `backup-verify`
#[derive(Args, Debug)]
pub struct BackupVerifyArgs {
    /// Read the newest archive alone
    #[arg(long, group = "which")]
    pub latest: bool,
    /// Read every archive [default: a share, so that each is read again within verify_within of the policy]
    #[arg(long, group = "which")]
    pub all: bool,
    /// Read one of N parts, from 1/N to N/N: each archive always lies in the same one
    #[arg(long, value_name = "I/N", group = "which")]
    pub subset: Option<String>,
    /// Read one of N parts of even size, from 0/N, and sign a report of it for --merge
    #[arg(long, value_name = "I/N", group = "which")]
    pub shard: Option<String>,
    /// Join the reports of all shards: files, folders of them, or their names in the store
    #[arg(long, value_name = "FILE", group = "which", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub merge: Vec<PathBuf>,
    /// How old the newest backup may be [default: the policy's max_age, else 26h]
    #[arg(long, value_name = "DURATION")]
    pub max_age: Option<String>,
    /// Admit that this host has not seen the log before
    #[arg(long)]
    pub first: bool,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The secret key that signs what was read [default: the policy's, else signing.key in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub signing_key: Option<PathBuf>,
    /// Only look: sign and log nothing, so the next run does not know of it
    #[arg(long, conflicts_with = "signing_key", conflicts_with = "shard")]
    pub no_record: bool,
    /// Leave the report and its signature in this folder too
    #[arg(long, value_name = "DIR", conflicts_with = "no_record", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// `prune`
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Say what would be deleted, and delete nothing; needs no key
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The secret key that signs; trust must let it `prune` and `log` [default: the policy's, else signing.key in
    /// $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// A trust file: who may sign the log and what is in it [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
}

/// `copy`
#[derive(Args, Debug)]
pub struct CopyArgs {
    /// The name of a release or backup in the store
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The other store, made if it is a directory that is not there
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub to: String,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `report`
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// An archive, the folder of a pack, or any BagIt bag; with --store a name in it; without any TARGET the store itself
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where to write the page; an older one is replaced
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Signatures, receipt and closure alone
    #[arg(long, requires = "target")]
    pub evidence_only: bool,
    /// Admit a pack without a seal
    #[arg(long, requires = "target")]
    pub allow_unsigned: bool,
    /// Admit that this host has not seen the store's log before
    #[arg(long, conflicts_with = "target")]
    pub first: bool,
}

/// `serve`
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The port of 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 7878)]
    pub port: u16,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Admit that this host has not seen the store's log before
    #[arg(long)]
    pub first: bool,
}

/// `drill`
#[derive(Args, Debug)]
pub struct DrillArgs {
    /// The name of a backup or release in the store, or latest
    #[arg(value_name = "NAME", default_value = "latest")]
    pub name: String,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = drill::OUT, value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Leave the scratch folder, with everything that was restored
    #[arg(long)]
    pub keep: bool,
    /// The secret key that signs the result [default: the policy's, else signing.key in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub signing_key: Option<PathBuf>,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}
