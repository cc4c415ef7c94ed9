//! Which store a command works on, and what this host remembers of it.

use super::args::StoreArgs;
use super::context::Context;
use attestar::error::{Error, Result};
use attestar::evidence::gates::events;
use attestar::evidence::pruned::Retention;
use attestar::format::leaf::is_name;
use attestar::keys::trust::Trust;
use attestar::log::Log;
use attestar::log::state::State;
use attestar::policy::gate::evidence::Event;
use attestar::policy::prune::Rule;
use attestar::policy::{Policy, Source};
use attestar::store::Store;
use attestar::store::open::{Opening, open};
use attestar::tree::version;
use attestar::verbs::fetch::{Fetched, fetch};
use attestar::verbs::target::Target;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// A store that was named.
pub struct Named {
    /// The store.
    pub store: Box<dyn Store>,
    /// The origin that its log must have, where the policy says so.
    pub origin: Option<String>,
}

impl Context {
    /// The store of `--store`, else the policy's. With `--store` no policy is read, so that this works on any host.
    pub fn store(&self, args: &StoreArgs) -> Result<Named> {
        if let Some(url) = &args.store {
            return Ok(Named { store: self.open(url, None, Path::new(""), false)?, origin: None });
        }
        let policy = self.policy()?;
        let origin = policy.log_origin.clone().or_else(|| policy.project.clone());
        Ok(Named { store: self.policy_store(&policy, false)?, origin })
    }

    /// The policy's store.
    pub fn policy_store(&self, policy: &Policy, create: bool) -> Result<Box<dyn Store>> {
        let Some(options) = &policy.store else {
            return Err(Error::usage("no store was named", "--store URL, or url in [store] of the policy"));
        };
        self.open(&options.url, options.endpoint.as_deref(), &self.global.tree, create)
    }

    /// The policy that says how often what is to be done with a store: one that was named, or that the store was found by.
    pub fn limits_policy(&self, args: &StoreArgs) -> Result<Option<Policy>> {
        let known = args.store.is_none() || self.global.policy.is_some();
        known.then(|| self.policy()).transpose()
    }

    /// Whose leaves count: the project of a policy that lies in the tree or was named, as every run of it has it.
    pub fn project_of(&self, policy: &Policy) -> Result<Option<String>> {
        match policy.source {
            Source::Builtin(_) => Ok(None),
            Source::File(_) => Ok(Some(version::project_name(&self.global.tree, policy)?.value)),
        }
    }

    /// A store by its address; a relative folder lies in `base`.
    pub fn open(
        &self,
        url: &str,
        endpoint: Option<&str>,
        base: &Path,
        create: bool,
    ) -> Result<Box<dyn Store>> {
        let variable = |name: &str| std::env::var(name).ok();
        open(url, &Opening { endpoint, variable: &variable, base, create, watch: &self.watch })
    }

    /// What the log of the policy's store says happened to a project, for gates; why not, in words.
    pub fn events(&self, policy: &Policy, trust: &Trust, project: &str) -> Result<Vec<Event>, String> {
        if policy.store.is_none() {
            return Err("the policy names no [store] whose log could tell".to_owned());
        }
        let store = self.policy_store(policy, false).map_err(|error| error.to_string())?;
        let origin = Some(policy.log_origin.as_deref().unwrap_or(project));
        let log = Log { store: &*store, trust, origin };
        events::read(&log, &state(&self.environment.state), project)
    }

    /// What is kept, by the policy that was named or is the store's; nothing with `--store` alone.
    pub fn retention(&self, args: &StoreArgs) -> Result<Option<Retention>> {
        self.limits_policy(args)?.map(|policy| self.retention_of(&policy)).transpose()
    }

    /// What a policy keeps.
    pub fn retention_of(&self, policy: &Policy) -> Result<Retention> {
        let project = version::project_name(&self.global.tree, policy)?.value;
        let [backups, releases] = Rule::of(policy);
        Ok(Retention { project, backups, releases })
    }

    /// The folder in which this host remembers logs.
    pub fn state_folder(&self, args: &StoreArgs) -> PathBuf {
        args.state.clone().unwrap_or_else(|| self.environment.state.clone())
    }
}

/// A target that lies here or in a store.
pub struct Found {
    /// The target.
    pub target: Target,
    /// The store that it lies in.
    pub store: Option<Named>,
    /// Where it was fetched to, for as long as it is needed.
    _fetched: Option<Fetched>,
}

impl Found {
    /// With `--store`, a name in that store. Else what lies here; and if nothing does, a name in the policy's store.
    pub fn new(context: &Context, target: &Path, args: &StoreArgs) -> Result<Found> {
        let name = target.to_str().filter(|name| is_name(name));
        let has_store = || context.policy().is_ok_and(|policy| policy.store.is_some());
        let is_in_store = |_: &&str| args.store.is_some() || (!target.exists() && has_store());
        let Some(name) = name.filter(is_in_store) else {
            if args.store.is_some() {
                let message = format!("{} is no name of a release or backup", target.display());
                return Err(Error::usage(message, "with --store give a name, for example shop-1.0.0"));
            }
            return Ok(Found { target: Target::find(target)?, store: None, _fetched: None });
        };
        let store = context.store(args)?;
        let fetched = fetch(&*store.store, name, &context.watch)?;
        Ok(Found { target: fetched.target.clone(), store: Some(store), _fetched: Some(fetched) })
    }
}

/// What a host remembers in this folder, now.
pub fn state(folder: &Path) -> State<'_> {
    State { folder: Some(folder), now: Timestamp::now() }
}
