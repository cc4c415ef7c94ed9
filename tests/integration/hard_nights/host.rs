//! A host with everything that a backup needs: it backs up, looks at what is in a store, restores, all without a process.

use super::POLICY;
use crate::world::World;
use attestar::error::Result;
use attestar::evidence::chain::shelf::Shelf;
use attestar::evidence::pruned::Retention;
use attestar::keys::home::Home;
use attestar::keys::identity::Identity;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::recipient::Recipient;
use attestar::keys::signing::SigningKey;
use attestar::keys::trust::Trust;
use attestar::log::Log;
use attestar::log::append::Writer;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::policy::Policy;
use attestar::policy::prune::Rule;
use attestar::policy::rules::Source;
use attestar::store::Store;
use attestar::verbs::backup::{Done, Request, backup};
use attestar::verbs::{log, restore};
use jiff::{SignedDuration, Timestamp};
use std::fs;

pub(super) const ORIGIN: &str = "nightly";

/// A host with everything that a backup needs.
pub(super) struct Host {
    pub(super) world: World,
    pub(super) key: SigningKey,
    pub(super) trust: Trust,
    recipients: Vec<Recipient>,
    pub(super) identities: Vec<Identity>,
    policy: Policy,
}

impl Host {
    pub(super) fn new() -> Host {
        let world = super::world();
        let home = Home::new(world.home());
        Host {
            key: SigningKey::load(&home.signing_key(), &mut NoPassphrases).unwrap(),
            trust: home.trust().unwrap(),
            recipients: Recipient::load_file(&home.recipient()).unwrap(),
            identities: Identity::load_file(&home.identity(), &mut NoPassphrases).unwrap(),
            policy: Policy::parse(Source::File("attestar.toml".into()), POLICY).unwrap(),
            world,
        }
    }

    /// The night of this number: something changed, and is backed up. Gives the archive's name.
    pub(super) fn night(&self, store: &dyn Store, number: usize) -> Result<String> {
        super::change(&self.world, number);
        match self.back_up(store, number)? {
            Done::Stored(made) => Ok(made.pack.name),
            Done::Unchanged(_) => panic!("something changed"),
        }
    }

    /// The same, of the tree as it is.
    pub(super) fn back_up(&self, store: &dyn Store, number: usize) -> Result<Done> {
        let now = night(number);
        let state = State { folder: None, now };
        let log = Log { store, trust: &self.trust, origin: Some(ORIGIN) };
        let writer = Writer { log, origin: ORIGIN, key: &self.key, state: &state };
        let request = Request {
            root: &self.world.tree(),
            policy: &self.policy,
            key: &self.key,
            recipients: &self.recipients,
            secrets: &[],
            excluded: &[],
            scratch: &self.world.path().join("scratch"),
            cache: Some(&self.world.path().join("cache")),
            full: false,
            store,
            log: &writer,
            clock: &|| now,
            environment: Some(&|_| None),
            threads: 1,
        };
        backup(&request, &Watch::default())
    }

    /// What `log verify` finds, as codes.
    pub(super) fn findings(&self, store: &dyn Store, now: Timestamp) -> Vec<String> {
        let [backups, releases] = Rule::of(&self.policy);
        self.findings_by(store, now, &Retention { project: "nightly".into(), backups, releases })
    }

    pub(super) fn findings_by(
        &self,
        store: &dyn Store,
        now: Timestamp,
        retention: &Retention,
    ) -> Vec<String> {
        let request = log::Request {
            store,
            trust: &self.trust,
            origin: Some(ORIGIN),
            state: State { folder: None, now },
            retention: Some(retention),
        };
        let verified = log::verify(&request, true).unwrap();
        let findings = verified.outcome.checks.iter().flat_map(|check| &check.findings);
        findings.map(|found| format!("{} {}", found.code.as_str(), found.subject)).collect()
    }

    /// Restores an archive, and compares the file that changes.
    pub(super) fn restores(&self, store: &dyn Store, name: &str, number: usize, what: &str) {
        let to = self.world.path().join("back");
        let fetched = attestar::verbs::fetch::fetch(store, name, &Watch::default())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let request = restore::Request {
            target: fetched.target.clone(),
            asked: Default::default(),
            shelf: Some(&Shelf::Store(store)),
            to: &to,
            trust: &self.trust,
            identities: &self.identities,
            paths: &[],
            dry_run: false,
            threads: 1,
        };
        let restored = restore::restore(&request, &Watch::default());
        let restored = restored.unwrap_or_else(|error| panic!("{what}: {name}: {error}"));
        assert!(restored.published, "{what}: {name}: {:?}", restored.outcome);
        let content = fs::read_to_string(to.join("etc/app.conf")).unwrap();
        assert_eq!(content, format!("port = {number}\n"), "{what}: {name}");
        fs::remove_dir_all(to).unwrap();
    }
}

pub(super) fn night(number: usize) -> Timestamp {
    let first: Timestamp = "2026-11-01T01:00:00Z".parse().unwrap();
    first + SignedDuration::from_hours(24 * number as i64)
}
