//! What a command gets from outside: flags, environment, terminal. The only place that reads the environment.

use super::args::{Global, TrustArgs};
use super::passphrases::Prompt;
use super::trace::Trace;
use attestar::error::{Error, Result};
use attestar::evidence::gates;
use attestar::keys::home::Home;
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::Passphrases;
use attestar::keys::trust::Trust;
use attestar::pipeline::watch::Watch;
use attestar::policy::Policy;
use attestar::tree::policy_file;
use secrecy::SecretString;
use std::env;
use std::path::{Path, PathBuf};

/// The most threads of a stage. Each brings buffers of its own: with six, sealing and verifying stay under 256 MiB, and
/// reading, compressing, digests and writing together keep sixteen cores busy.
const THREADS_MAX: usize = 6;

/// The variables that attestar reads.
#[derive(Clone, Default)]
pub struct Environment {
    /// `ATTESTAR_HOME`, else `~/.config/attestar`.
    pub home: PathBuf,
    /// `ATTESTAR_PASSPHRASE`.
    pub passphrase: Option<SecretString>,
    /// `state` in `ATTESTAR_HOME`, else where the system keeps state.
    pub state: PathBuf,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<String>,
    /// The folder for temporary files: `TMPDIR`, else the system's.
    pub temporary: PathBuf,
}

impl Environment {
    /// Reads them.
    pub fn read() -> Result<Environment> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let config = || variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let default = || {
            let config = config().or_else(|| Some(env::home_dir()?.join(".config")));
            config.map(|config| config.join("attestar"))
        };
        let home = variable("ATTESTAR_HOME").map(PathBuf::from).or_else(default);
        let home =
            home.ok_or_else(|| Error::usage("there is no home folder for keys", "set ATTESTAR_HOME"))?;
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let state = || {
            let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            state.or_else(|| Some(env::home_dir()?.join(".local/state"))).map(|state| state.join("attestar"))
        };
        let own = variable("ATTESTAR_HOME").map(|home| PathBuf::from(home).join("state"));
        Ok(Environment {
            state: own.or_else(state).unwrap_or_else(|| home.join("state")),
            home,
            passphrase: text("ATTESTAR_PASSPHRASE").map(SecretString::from),
            source_date_epoch: text("SOURCE_DATE_EPOCH"),
            temporary: env::temp_dir(),
        })
    }
}

/// What every command is given.
#[derive(Clone)]
pub struct Context {
    /// The flags of every command.
    pub global: Global,
    /// The environment.
    pub environment: Environment,
    /// Progress and interruption.
    pub watch: Watch,
    /// The trace that this run is in.
    pub trace: Trace,
}

/// `TRACEPARENT`, which tells what trace a run is started in.
pub fn traceparent() -> Option<String> {
    env::var("TRACEPARENT").ok()
}

impl Context {
    /// The key folder.
    pub fn home(&self) -> Home {
        Home::new(&self.environment.home)
    }

    /// The tree, which must be a folder.
    pub fn tree(&self) -> Result<&Path> {
        let tree = &self.global.tree;
        if tree.is_dir() {
            return Ok(tree);
        }
        Err(Error::usage(format!("{} is no folder", tree.display()), "-C DIR names the tree"))
    }

    /// The policy of the tree.
    pub fn policy(&self) -> Result<Policy> {
        policy_file::load(self.tree()?, self.global.policy.as_deref())
    }

    /// The environment for programs of the policy's gates. [`Context::policy`] is the one that was named or that lies in
    /// the tree, so whoever gave the tree chose them; the policy inside a pack never starts anything.
    pub fn programs(&self) -> gates::programs::Environment<'static> {
        &|name: &str| env::var_os(name)
    }

    /// Whoever is asked for passphrases. With `no_passphrase`, new keys are not encrypted.
    pub fn passphrases(&self, no_passphrase: bool) -> Prompt {
        Prompt::new(self.global.passphrase_file.clone(), self.environment.passphrase.clone(), no_passphrase)
    }

    /// How many worker threads each stage of a pipeline has.
    pub fn threads(&self) -> usize {
        self.cores().min(THREADS_MAX)
    }

    /// How many threads there are for work that needs no buffers to speak of.
    pub fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }

    /// `SOURCE_DATE_EPOCH` as a number of seconds.
    pub fn source_date_epoch(&self) -> Result<Option<i64>> {
        let Some(text) = &self.environment.source_date_epoch else { return Ok(None) };
        // Past the year 9999 no time has an RFC 3339 form.
        match text.parse() {
            Ok(epoch @ 0..=253_402_300_799) => Ok(Some(epoch)),
            _ => Err(Error::usage(
                format!("SOURCE_DATE_EPOCH is {text:?}, which is no time since 1970 in seconds"),
                "",
            )),
        }
    }

    /// Who is trusted: `--key` and `--trust`, else the own trust file. Never anything beside what is verified.
    pub fn trust(&self, args: &TrustArgs) -> Result<Trust> {
        if args.keys.is_empty() && args.trust.is_none() {
            return self.home().trust();
        }
        Trust::load(&args.keys, args.trust.as_deref())
    }

    /// Who is trusted where only a trust file says it: `--trust`, else the own one.
    pub fn trust_file(&self, given: Option<&Path>) -> Result<Trust> {
        given.map_or_else(|| self.home().trust(), |file| Trust::load(&[], Some(file)))
    }

    /// What decrypts: `--identity`, else the own identity if there is one.
    pub fn identities(&self, args: &TrustArgs) -> Result<Vec<Identity>> {
        let mut passphrases = self.passphrases(false);
        let own = self.home().identity();
        if args.identities.is_empty() {
            return if own.exists() { Identity::load_file(&own, &mut passphrases) } else { Ok(Vec::new()) };
        }
        let files = args
            .identities
            .iter()
            .map(|file| Identity::load_file(file, &mut passphrases as &mut dyn Passphrases));
        Ok(files.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}
