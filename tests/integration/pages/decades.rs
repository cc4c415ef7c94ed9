//! The console over a store of ten thousand backups: how soon it knows it, what it takes, and what a new leaf costs.

use super::browser::look;
use super::console::Console;
use crate::forge::own_key;
use crate::world::World;
use attestar::format::digest::Sha256;
use attestar::format::drill_report::{DrillReport, FILE, Objectives};
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::format::receipt::Receipt;
use attestar::format::seal::Totals;
use attestar::format::statement::{Statement, Subject};
use attestar::format::test_result::{self, Drill, TestResult};
use attestar::keys::home::Home;
use attestar::keys::signing::SigningKey;
use attestar::log::Log;
use attestar::log::append::{Record, Writer};
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::directory::Directory;
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const NIGHTS: u64 = 10_000;

/// Of each backup this many bytes lie there: nobody reads them here.
const BYTES: &[u8] = b"archive";

/// A store on a disk that syncs at once: making it is not what is measured.
fn disk() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("Linux has it")
}

/// Writes nights into a store whose archives nobody reads.
pub struct Decades<'w> {
    world: &'w World,
    key: SigningKey,
    store: PathBuf,
}

impl Decades<'_> {
    /// Of this world's key.
    pub fn in_store(world: &World, store: PathBuf) -> Decades<'_> {
        Decades { world, key: own_key(world), store }
    }

    pub fn append(&self, records: &[Record]) {
        let store = Directory::open(&self.store, &Watch::default()).unwrap();
        let trust = Home::new(self.world.home()).trust().unwrap();
        let log = Log { store: &store, trust: &trust, origin: Some("shop") };
        let state = State { folder: None, now: Timestamp::now() };
        let writer = Writer { log, origin: "shop", key: &self.key, state: &state };
        writer.append(records).unwrap();
    }

    /// A backup of this moment, archive and receipt in place.
    pub fn backup(&self, project: &str, at: Timestamp) -> Record {
        let at = Timestamp::from_second(at.as_second()).unwrap();
        let version = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let name = format!("{project}-{version}");
        let receipt = Receipt {
            project: project.into(),
            kind: Kind::Backup,
            version,
            name: name.clone(),
            size_bytes: BYTES.len() as u64,
            seal_sha256: Sha256::of(b"seal"),
            tagmanifest_sha256: Sha256::of(b"tags"),
            payload: Totals { files: 1, bytes: 2 },
            recipients: 1,
            bases: Vec::new(),
            evaluated_at: at,
            created_at: at,
        };
        let file = format!("{name}.tar.zst.age");
        let receipt = receipt.for_archive(file.clone(), Sha256::of(BYTES));
        let bundle = self.key.sign_statement(&receipt).to_bytes();
        self.put(&format!("archives/{file}"), BYTES);
        self.put(&format!("archives/{file}.sigstore.json"), &bundle);
        Record::of(What::BackedUp, &name, &receipt.predicate, at, bundle)
    }

    /// A drill of the same night, its report in place.
    fn drill(&self, night: u64, of: &Record) -> Record {
        let at = night_of(night) + SignedDuration::from_mins(20);
        let report = DrillReport {
            drill_id: format!("{night:08}"),
            started_at: at,
            finished_at: at,
            objectives: Objectives { rto_measured_ms: 1, rto_met: true, ..Objectives::default() },
            ..super::reports::drilled(false)
        };
        let bytes = report.to_bytes();
        self.put(&format!("{}/{FILE}", DrillReport::folder("shop", at, &report.drill_id)), &bytes);
        let drill = Drill {
            project: "shop".into(),
            kind: Kind::Backup,
            name: of.leaf.name.clone(),
            drill_id: report.drill_id,
            finished_at: at,
        };
        let said = TestResult { result: test_result::Result::Passed, configuration: Vec::new(), drill };
        let statement = Statement::new(vec![Subject::new(FILE, Sha256::of(&bytes))], said);
        let bundle = self.key.sign_statement(&statement).to_bytes();
        Record::of(What::Drilled, &of.leaf.name, &statement.predicate, at, bundle)
    }

    fn put(&self, object: &str, bytes: &[u8]) {
        let path = self.store.join(object);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn night_of(night: u64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    now - SignedDuration::from_hours(1 + 24 * i64::try_from(NIGHTS - 1 - night).unwrap())
}

/// The most memory that a process ever had, in bytes.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// A policy that keeps little, so that there is much to prune.
const POLICY: &str = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n\
                      [backup]\nkeep = { daily = 7, weekly = 5, monthly = 12, min_age = \"30d\" }\n[store]\n";

#[test]
fn ten_thousand_backups_are_served_and_painted_within_bounds_and_a_new_leaf_is_seen_soon() {
    let (world, disk) = (World::new(), disk());
    let decades = Decades::in_store(&world, disk.path().to_owned());
    let mut records = Vec::new();
    for night in 0..NIGHTS - 1 {
        records.push(decades.backup("shop", night_of(night)));
        if night.is_multiple_of(28) {
            records.push(decades.drill(night, records.last().unwrap()));
        }
    }
    decades.append(&records);
    let policy = format!("{POLICY}url = \"{}\"\n", disk.path().display());
    world.write("attestar.toml", policy);
    let flags = ["-C", "shop", "--first"];
    // Whoever ends it while it looks for the first time does not wait for that.
    let hasty = Console::begin(&world, &flags);
    let asked = Instant::now();
    assert_eq!(hasty.end("-TERM").0, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let begun = Instant::now();
    let console = Console::start(&world, &flags);
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    let known = console.document("/api/store");
    assert_eq!(known["leaves"], records.len());
    assert_eq!(known["drills"].as_array().unwrap().len(), 358);
    assert!(known["prune"].as_array().unwrap().len() > 9_000);
    decades.append(&[decades.backup("shop", night_of(NIGHTS - 1))]);
    let begun = Instant::now();
    let newest = "attestar_store_archives{project=\"shop\",policy=\"shop\"} 10000\n";
    while !console.get("/metrics").1.contains(newest) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody sees the new leaf");
        std::thread::sleep(Duration::from_millis(100));
    }
    all_at_once(&console);
    let peak = memory(console.id());
    assert!(peak < 256 << 20, "{} MiB", peak >> 20);
    let seen = look(&console.url("/"), "console-decades", &["paint"], ["", ""]);
    seen.paints_at_once("the console over 10,000 backups");
}

/// A hundred at once get the whole page, each of them.
fn all_at_once(console: &Console) {
    let begun = Instant::now();
    let pages: Vec<(u16, usize)> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(|| {
                    let (status, answer) = console.get("/");
                    (status, answer.len())
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(pages.iter().all(|(status, bytes)| *status == 200 && *bytes > 4 << 20), "{pages:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
