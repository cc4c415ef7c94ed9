//! The command line: names, flags and what `--help` says.

mod store;

use attestar::verbs::seal::OUT;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

pub use store::{
    BackupArgs, BackupVerifyArgs, CopyArgs, DrillArgs, PruneArgs, PublishArgs, ReportArgs, ServeArgs,
};

/// Seals a release or a backup into one signed, encrypted archive, and proves that it verifies and restores.
#[derive(Parser, Debug)]
#[command(name = "attestar", version, max_term_width = 80, propagate_version = false)]
#[command(
    after_help = "Exit codes: 0 done and checked, 1 failed, 2 usage, 3 does not verify, 4 the policy refuses, \
                        5 could not be verified, 130 interrupted.\nAn archive opens without attestar too: \
                        age -d -i KEY ARCHIVE | zstd -d | tar x"
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The tree
    #[arg(short = 'C', value_name = "DIR", default_value = ".", global = true, value_hint = ValueHint::DirPath)]
    pub tree: PathBuf,
    /// The policy: a file, or builtin:NAME [default: attestar.toml in the tree, else builtin:default]
    #[arg(long, value_name = "POLICY", global = true, value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// One JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// No progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// How log lines on stderr look
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,
    /// A file with the passphrase of the keys [default: $ATTESTAR_PASSPHRASE, else a prompt]
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub passphrase_file: Option<PathBuf>,
}

/// How log lines look: for people, or one JSON object a line. (Documented variants would spread `--help` over two
/// screens.)
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write attestar.toml from a shipped policy, and a key set if there is none
    Init(InitArgs),
    /// Make, show and trust keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Write, or check, the HASHES manifests in the tree
    Hash(HashArgs),
    /// Write the SBOM of the tree, without sealing it
    Sbom(SbomArgs),
    /// Evaluate the gates of the policy: may this release go?
    Gate(GateArgs),
    /// Sign that one gate need not hold for one release
    Waive(WaiveArgs),
    /// Seal the tree: archive, receipt and signed evidence
    Seal(SealArgs),
    /// Sign that a sealed release may go
    Approve(ApproveArgs),
    /// Put a sealed release into a store, and into its log
    Publish(PublishArgs),
    /// Back up the tree and its databases into a store, and log it
    Backup(BackupArgs),
    /// The nightly check: how old, whole and readable the backups of a store are
    BackupVerify(Box<BackupVerifyArgs>),
    /// Delete what the policy lets go; every deletion is logged first
    Prune(PruneArgs),
    /// Copy what a store holds under a name, and verify the copy
    Copy(CopyArgs),
    /// Check every byte and signature of an archive, a pack or any BagIt bag
    Verify(VerifyArgs),
    /// Write a page to look at: of an archive, a pack, or a store
    Report(ReportArgs),
    /// Show the pages of a store to this host, and its health and metrics
    Serve(ServeArgs),
    /// Say what differs between two packs, archives or trees
    Diff(DiffArgs),
    /// Restore the tree's files, published only once verified
    Restore(RestoreArgs),
    /// Drill a restore: every hash, the databases opened and asked, the time taken
    Drill(DrillArgs),
    /// Read, verify and prove what a store's log says
    #[command(subcommand)]
    Log(LogCommand),
    /// The whole story on a small release: seal, tamper and be caught, restore
    Demo(DemoArgs),
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

/// `init`
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Which shipped policy
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub from: String,
    /// Who can decrypt: age1…, or a file of recipients. With it, no identity is made here
    #[arg(long = "recipient", value_name = "R")]
    pub recipients: Vec<String>,
    /// Do not encrypt the new keys
    #[arg(long)]
    pub no_passphrase: bool,
}

/// `keys`
#[derive(Subcommand, Debug)]
pub enum KeysCommand {
    /// Make a key set in $ATTESTAR_HOME
    New {
        /// The signing key alone
        #[arg(long, conflicts_with = "identity")]
        signing: bool,
        /// The identity alone
        #[arg(long)]
        identity: bool,
        /// Do not encrypt the new keys
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Show the own public keys
    Show,
    /// List the keys that are trusted, and for what
    List,
    /// Trust another's public key
    Trust {
        /// The public key: SPKI PEM, or an ssh-ed25519 line
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// What its owner is called: a-z, 0-9 and -
        #[arg(long, value_name = "R")]
        role: String,
        /// What it may sign: seal:release, seal:backup, receipt, approve, waive, verify, drill, prune, log
        #[arg(long, value_name = "RIGHT", required = true, num_args = 1..)]
        may: Vec<String>,
    },
    /// Print what to keep offline
    RecoveryKit,
}

/// `hash`
#[derive(Args, Debug)]
pub struct HashArgs {
    /// Check the manifests instead of writing them
    #[arg(long)]
    pub check: bool,
}

/// `sbom`
#[derive(Args, Debug)]
pub struct SbomArgs {
    /// Which format: CycloneDX 1.6 or SPDX 2.3, as JSON
    #[arg(long, value_name = "FORMAT", default_value = "cyclonedx")]
    pub format: SbomFormat,
    /// Write it into a file instead of stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// The version [default: the policy's version file, the tag at HEAD, or the manifest of the ecosystem]
    #[arg(long, value_name = "V")]
    pub version: Option<String>,
}

/// The formats of an SBOM.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SbomFormat {
    Cyclonedx,
    Spdx,
}

/// `gate`
#[derive(Args, Debug)]
pub struct GateArgs {
    /// Which stage: seal, promote or close
    #[arg(long, value_name = "S", default_value = "seal")]
    pub stage: String,
    /// Only these gates
    #[arg(long = "only", value_name = "ID")]
    pub only: Vec<String>,
    /// List the gates that passed or do not apply, too
    #[arg(long)]
    pub all: bool,
    /// The version [default: the policy's version file, the tag at HEAD, or the manifest of the ecosystem]
    #[arg(long, value_name = "V", conflicts_with = "pack")]
    pub version: Option<String>,
    /// The tier of the release, for gates that are limited to some [default: the policy's]
    #[arg(long, value_name = "TIER")]
    pub tier: Option<String>,
    /// A signed waiver: see waive
    #[arg(long = "waive", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub waivers: Vec<PathBuf>,
    /// A sealed pack, for a stage that comes after the seal: its evidence folder, or the archive beside it
    #[arg(long, value_name = "PACK", value_hint = ValueHint::AnyPath)]
    pub pack: Option<PathBuf>,
    /// The secret key that signs the result, which is laid beside the seal
    #[arg(long, value_name = "FILE", requires = "pack", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// A trust file: who may waive, and who sealed earlier releases [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
}

/// `waive`
#[derive(Args, Debug)]
pub struct WaiveArgs {
    /// The gate's id in the policy
    #[arg(value_name = "GATE")]
    pub gate: String,
    /// The version that it need not hold for
    #[arg(long, value_name = "V")]
    pub version: String,
    /// Why, for whoever reads the release later
    #[arg(long, value_name = "T")]
    pub reason: String,
    /// Until when: 2027-06-30T12:00:00Z, a date (to its end in UTC), or a duration such as 24h or 7d
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// Your role, as the trust file gives it to the key
    #[arg(long, value_name = "R")]
    pub role: String,
    /// The secret key that signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
    /// A trust file: who may waive [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
    /// Where to write it [default: sealed/NAME.waiver.GATE.sigstore.json in the tree]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// `seal`
#[derive(Args, Debug)]
pub struct SealArgs {
    /// The version [default: the policy's version file, the tag at HEAD, or the manifest of the ecosystem]
    #[arg(long, value_name = "V")]
    pub version: Option<String>,
    /// The tier of the release, for gates that are limited to some [default: the policy's]
    #[arg(long, value_name = "TIER")]
    pub tier: Option<String>,
    /// A signed waiver: see waive
    #[arg(long = "waive", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub waivers: Vec<PathBuf>,
    /// A trust file: who may waive, and who sealed earlier releases [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
    /// Where archive, receipt and evidence go
    #[arg(long, value_name = "DIR", default_value = OUT, value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// The secret key that signs [default: the policy's, else signing.key in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// Who can decrypt: age1…, or a file of recipients [default: the policy's, else recipient.age in $ATTESTAR_HOME]
    #[arg(long = "recipient", value_name = "R")]
    pub recipients: Vec<String>,
    /// Lay the payload into the evidence folder too: a complete bag
    #[arg(long)]
    pub payload: bool,
    /// Write an archive that anyone can read
    #[arg(long, conflicts_with = "recipients")]
    pub no_encrypt: bool,
    /// List the files that no rule takes, and seal nothing
    #[arg(long)]
    pub list_unmatched: bool,
}

/// `approve`
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// The archive, or the folder of its evidence
    #[arg(value_name = "PACK", value_hint = ValueHint::AnyPath)]
    pub pack: PathBuf,
    /// Your role, as the trust file gives it to the key
    #[arg(long, value_name = "ROLE")]
    pub role: String,
    /// The secret key that signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: PathBuf,
    /// A trust file: who may seal, and who may approve [default: trust.toml in $ATTESTAR_HOME]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
}

/// Who is trusted, and what decrypts.
#[derive(Args, Clone, Debug)]
pub struct TrustArgs {
    /// A trusted public key: it may sign releases, backups and receipts
    #[arg(long = "key", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub keys: Vec<PathBuf>,
    /// A trust file: which keys may sign what [default: trust.toml in $ATTESTAR_HOME, unless --key is given]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trust: Option<PathBuf>,
    /// An age identity that decrypts [default: identity.age in $ATTESTAR_HOME]
    #[arg(long = "identity", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identities: Vec<PathBuf>,
}

/// Which store, and what this host remembers of its log.
#[derive(Args, Clone, Debug)]
pub struct StoreArgs {
    /// The store: a directory, or s3://BUCKET/PREFIX [default: the policy's]
    #[arg(long, value_name = "URL", value_hint = ValueHint::DirPath)]
    pub store: Option<String>,
    /// Where this host remembers logs [default: state in $ATTESTAR_HOME, else ~/.local/state/attestar]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
}

/// `log`
#[derive(Subcommand, Debug)]
pub enum LogCommand {
    /// List every leaf
    List(LogArgs),
    /// Check the log against itself, the store, and what this host remembers
    Verify {
        #[command(flatten)]
        log: LogArgs,
        /// Admit that this host has not seen the log before
        #[arg(long)]
        first: bool,
    },
    /// Write a proof that an archive is in the log, which verifies offline
    Prove {
        /// The name of a release or backup
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        log: LogArgs,
        /// The file [default: NAME.tlog-proof]
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
}

/// What every `log` command takes.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// `verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// An archive, the folder of a pack, or any BagIt bag; with --store a name in that store
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: PathBuf,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// A proof that the archive is in a log: `attestar log prove` writes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub proof: Option<PathBuf>,
    /// Compare the payload with a working tree too
    #[arg(long = "tree", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub against: Option<PathBuf>,
    /// Signatures, receipt and closure alone
    #[arg(long)]
    pub evidence_only: bool,
    /// Admit a pack without a seal
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Write a page to look at
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
}

/// `diff`
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// An archive, the folder of a pack, or a tree
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    pub a: PathBuf,
    /// The same: what is only here was added
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    pub b: PathBuf,
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Exit 1 if they differ
    #[arg(long)]
    pub exit_code: bool,
}

/// `restore`
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// An archive, or the folder of a pack with its payload; with --store a name in that store, or latest
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub target: PathBuf,
    /// A new or empty folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: PathBuf,
    /// With latest: the newest backup of this time or before, a date-time with its zone, or a date
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    #[command(flatten)]
    pub trust: TrustArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only these paths of the tree: * stops at /, ** crosses it, a folder takes what is in it
    #[arg(long = "path", value_name = "GLOB")]
    pub paths: Vec<String>,
    /// Say what would be restored; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `demo`
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Where to leave everything [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}
