//! Planted faults: each fails the drill with a finding of its own.

use super::{
    APP, Connection, POLICY, append, back_up, database, drill, facts, fails, nothing_is_left, plant,
    plant_at, report, scratches, sql, world,
};
use crate::forge::{Entry, file, own_key};
use crate::world::{World, said};
use attestar::format::capture::{CaptureKind, Captured, Form};
use attestar::format::drill_report::{DrillReport, Ended, StepName};
use attestar::format::event::Event;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::log::append::Record;
use jiff::{SignedDuration, Timestamp};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// The drill fails with this exit code and these findings, errors and warnings, and no other.
#[track_caller]
fn only(world: &World, code: i32, findings: &[&str]) -> DrillReport {
    let report = fails(world, code, findings[0]);
    let found: Vec<String> =
        report.findings.iter().map(|found| format!("{} {}", found.code, found.subject)).collect();
    assert_eq!(found, findings);
    report
}

/// A backup whose database was changed by `harm` after its facts were recorded.
fn harmed(world: &World, harm: impl FnOnce(&std::path::Path)) {
    let path = world.path().join("app.db");
    database(&path);
    let captured = facts(&path);
    harm(&path);
    plant(world, 0, vec![file("captures/app/app.db", fs::read(&path).unwrap())], vec![captured]);
}

#[test]
fn a_flipped_index_page() {
    let world = world(APP);
    harmed(&world, |path| {
        let connection = Connection::open(path).unwrap();
        let number =
            |query: &str| connection.query_row(query, (), |row| row.get::<_, u32>(0)).unwrap() as usize;
        let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'by_price'");
        let size = number("PRAGMA page_size");
        drop(connection);
        let mut bytes = fs::read(path).unwrap();
        // Cells are at the end of a page.
        bytes[page * size - 40..page * size - 20].iter_mut().for_each(|byte| *byte ^= 0xff);
        fs::write(path, bytes).unwrap();
    });
    let report = only(&world, 3, &["database-corrupt captures/app/app.db"; 2]);
    assert_eq!(report.probes[0].status, Ended::Failed);
    assert!(report.does_not_prove.iter().any(|line| line == "what app-opens asks: it failed"));
}

#[test]
fn a_foreign_key_orphan() {
    let world = world(APP);
    sql(&world.tree().join("var/app.db"), "PRAGMA foreign_keys = off; DELETE FROM owners WHERE id = 7");
    back_up(&world);
    let report = only(&world, 3, &["foreign-key-orphan captures/app/app.db"]);
    let check = report.probes[0].checks.iter().find(|check| check.name == "foreign_key_check").unwrap();
    assert!(check.actual.starts_with("100 orphans: trades row 6 refers to owners"), "{}", check.actual);
    // A project that lives with orphans says so.
    world.write("attestar.toml", format!("{POLICY}{APP}foreign_keys = false\n"));
    drill(&world, &[]).done();
}

#[test]
fn a_table_short_by_one_row() {
    let world = world(APP);
    harmed(&world, |path| sql(path, "DELETE FROM trades WHERE id = 2000"));
    let report = only(&world, 3, &["rows-differ captures/app: trades"]);
    let found = report.findings.iter().find(|finding| finding.code == "rows-differ").unwrap();
    assert_eq!(
        (found.expected.as_deref(), found.actual.as_deref()),
        (Some("2,000 rows"), Some("1,999 rows"))
    );
}

#[test]
fn a_row_that_is_another() {
    let world = world(APP);
    harmed(&world, |path| sql(path, "UPDATE trades SET price = 0.001 WHERE id = 1000"));
    only(&world, 3, &["content-differs captures/app: trades"]);
}

#[test]
fn a_dropped_view_and_a_view_that_is_another() {
    let world = world(APP);
    harmed(&world, |path| sql(path, "DROP VIEW dear"));
    only(&world, 3, &["object-missing captures/app: dear"]);
    let world = self::world(APP);
    harmed(&world, |path| {
        sql(path, "DROP VIEW dear; CREATE VIEW dear AS SELECT * FROM trades WHERE price > 11")
    });
    only(&world, 3, &["schema-differs captures/app"]);
}

#[test]
fn a_stale_wal_beside_the_restored_file() {
    let world = world(APP);
    let path = world.path().join("app.db");
    database(&path);
    let captured = facts(&path);
    let wal = other_wal(&world);
    let entries =
        vec![file("captures/app/app.db", fs::read(&path).unwrap()), file("captures/app/app.db-wal", wal)];
    plant(&world, 0, entries, vec![captured]);
    only(&world, 3, &["wal-stale captures/app/app.db-wal"]);
}

#[test]
fn a_stale_wal_beside_the_restored_file_of_duckdb() {
    let of = "id = \"candles\"\nkind = \"duckdb\"\n";
    let world =
        world(&format!("[[capture]]\n{of}path = \"var/c.duckdb\"\n[[probe]]\n{of}capture = \"candles\"\n"));
    super::databases::duckdb(&world, "CREATE TABLE t (x INT)");
    let bytes = fs::read(world.tree().join("var/c.duckdb")).unwrap();
    let captured = Captured {
        id: "candles".into(),
        kind: CaptureKind::Duckdb,
        form: Form::File("c.duckdb".into()),
        tool: "duckdb".into(),
        ..dump("")
    };
    let entries =
        vec![file("captures/candles/c.duckdb", bytes), file("captures/candles/c.duckdb.wal", "another's")];
    plant(&world, 0, entries, vec![captured]);
    only(&world, 3, &["wal-stale captures/candles/c.duckdb.wal"]);
}

/// The log of another database.
fn other_wal(world: &World) -> Vec<u8> {
    let path = world.path().join("other.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    fs::read(world.path().join("other.db-wal")).unwrap()
}

#[test]
fn a_torn_wal() {
    let probe = "[[probe]]\nid = \"live\"\nkind = \"sqlite\"\npath = \"var/live.db\"\n\
                 queries = [{ sql = \"SELECT count(*) FROM t\", expect = \"3\" }]\n";
    let world = world(probe);
    let live = world.tree().join("var/live.db");
    let connection = Connection::open(&live).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").unwrap();
    connection
        .execute_batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (3);")
        .unwrap();
    // As it lies there while it is used, its log is whole, and all rows come back.
    back_up(&world);
    drill(&world, &[]).done();
    let log = world.tree().join("var/live.db-wal");
    let bytes = fs::read(&log).unwrap();
    std::mem::forget(connection);
    // Cut in the middle of a page at its end, and in its midst.
    for length in [bytes.len() - 1000, bytes.len() / 2 + 77] {
        fs::write(&log, &bytes[..length]).unwrap();
        back_up(&world);
        // Rows are lost with it.
        only(&world, 3, &["wal-torn var/live.db-wal", "query-differs live: SELECT count(*) FROM t"]);
    }
}

#[test]
fn an_archive_older_than_the_rpo() {
    let world = world(&format!("{APP}[drill]\nrpo = \"24h\"\n"));
    let path = world.path().join("app.db");
    database(&path);
    let entries = || vec![file("captures/app/app.db", fs::read(&path).unwrap())];
    let name = plant(&world, 25, entries(), vec![facts(&path)]);
    let report = only(&world, 4, &["rpo-missed RPO"]);
    assert!(!report.objectives.rpo_met && report.objectives.rto_met);
    assert!((90_000_000..91_000_000).contains(&report.objectives.rpo_measured_ms));
    // A night in which nothing had changed says that it still is all there is.
    let at = Timestamp::from_second(Timestamp::now().as_second()).unwrap() - SignedDuration::from_hours(1);
    let event = Event {
        project: "nightly".into(),
        kind: Kind::Backup,
        what: What::Unchanged,
        name: name.clone(),
        passed: true,
        at,
    };
    let archive = format!("{name}.tar.zst.age");
    let digest = attestar::format::digest::Sha256::of(
        &fs::read(world.path().join("store/archives").join(&archive)).unwrap(),
    );
    let statement = event.of([(archive, digest)]);
    let bundle = own_key(&world).sign_statement(&statement).to_bytes();
    append(&world, &[Record::of(What::Unchanged, &name, &statement.predicate, at, bundle)]);
    drill(&world, &[]).done();
    assert!((3_600_000..4_000_000).contains(&report_rpo(&world)), "{}", report_rpo(&world));
}

fn report_rpo(world: &World) -> u64 {
    report(world).objectives.rpo_measured_ms
}

#[test]
fn a_gap_between_two_backups_is_lost_time_too() {
    let world = world(&format!("{APP}[drill]\nrpo = \"24h\"\n"));
    let path = world.path().join("app.db");
    database(&path);
    for hours in [60, 30, 1] {
        plant(&world, hours, vec![file("captures/app/app.db", fs::read(&path).unwrap())], vec![facts(&path)]);
    }
    let report = only(&world, 4, &["rpo-missed RPO"]);
    assert_eq!(report.objectives.rpo_measured_ms / 3_600_000, 30, "from 60 to 30 hours ago");
    // What was before the last drill was told then.
    drill(&world, &[]).done();
}

#[test]
fn a_restore_slower_than_the_rto() {
    let slow = "[[probe]]\nid = \"slow\"\nkind = \"command\"\nrun = [\"sleep\", \"2\"]\n";
    let world = world(&format!("{APP}[drill]\nrto = \"1s\"\n{slow}"));
    back_up(&world);
    let report = only(&world, 4, &["rto-missed RTO"]);
    assert!(report.objectives.rto_measured_ms >= 2000 && !report.objectives.rto_met);
}

#[test]
fn a_receipt_of_another_archive() {
    let world = world(APP);
    let path = world.path().join("app.db");
    database(&path);
    let entry = |content: &str| -> Vec<Entry> {
        vec![file("captures/app/app.db", fs::read(&path).unwrap()), file("etc/x", content)]
    };
    let older = plant(&world, 2, entry("older"), vec![facts(&path)]);
    let newer = plant(&world, 1, entry("newer"), vec![facts(&path)]);
    let archives = world.path().join("store/archives");
    let receipt = |name: &str| archives.join(format!("{name}.tar.zst.age.sigstore.json"));
    let good = fs::read(receipt(&newer)).unwrap();
    fs::copy(receipt(&older), receipt(&newer)).unwrap();
    let receipt_of = format!("disagreement {newer}.tar.zst.age.sigstore.json");
    let [subject, name] = ["subject", "name"].map(|what| format!("{receipt_of}: {what}"));
    let unmeasured = ["probe-skipped app-opens", "rto-missed RTO", "rpo-missed RPO"];
    let report = only(&world, 3, &[&[&*subject, &*name][..], &unmeasured].concat());
    assert!(report.steps.iter().any(|step| step.name == StepName::Receipt && step.status == Ended::Failed));
    assert_eq!(report.coverage.files_checked, 0);
    // Neither is the older archive under the newer name.
    fs::write(receipt(&newer), good).unwrap();
    let archive = |name: &str| archives.join(format!("{name}.tar.zst.age"));
    fs::copy(archive(&older), archive(&newer)).unwrap();
    let altered = format!("altered {newer}.tar.zst.age");
    let parts =
        ["receipt: seal", "receipt: tag manifest", "folder: name", "receipt: name", "receipt: version"];
    let disagree = parts.into_iter().chain(["folder in the archive: name"]);
    let disagree: Vec<String> = disagree.map(|what| format!("disagreement {what}")).collect();
    let disagree: Vec<&str> = disagree.iter().map(String::as_str).collect();
    let unasked = ["probe-skipped app-opens", "rto-missed RTO"];
    only(&world, 3, &[&[&*altered, &*altered][..], &disagree, &unasked].concat());
}

#[test]
fn a_probe_that_hangs() {
    let probe = "[[probe]]\nid = \"hangs\"\nkind = \"command\"\nrun = [\"sleep\", \"100\"]\ntime_limit = \"1s\"\n\
                 [[probe]]\nid = \"endless\"\nkind = \"sqlite\"\ncapture = \"app\"\ntime_limit = \"1s\"\n\
                 queries = [{ sql = \"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n\", expect = \"1\" }]\n";
    let world = world(&format!("{APP}{probe}"));
    back_up(&world);
    let report = only(&world, 3, &["probe-timeout hangs", "probe-timeout endless"]);
    assert_eq!(report.probes[0].status, Ended::Passed, "the others ran");
}

#[test]
fn a_full_scratch() {
    let world = world(&format!("{APP}[drill]\ndisk_limit = \"10KiB\"\n"));
    back_up(&world);
    let report = only(&world, 1, &["scratch-full scratch", "probe-skipped app-opens", "rto-missed RTO"]);
    assert_eq!(report.coverage.files_checked, 0);
    // A small disk, seen before anything is written.
    world.write("attestar.toml", format!("{POLICY}{APP}"));
    let place = scratches(&world);
    let script = "mount -t tmpfs -o size=40k none \"$1\" && shift && exec \"$@\"";
    let drilled = world.command(&["-C", "shop", "--json", "drill", "--out", "drill"]);
    let mut words = vec![drilled.get_program().to_owned()];
    words.extend(drilled.get_args().map(ToOwned::to_owned));
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(&place).args(words);
    command.current_dir(world.path()).env_clear().env("TMPDIR", &place);
    command.env("ATTESTAR_HOME", world.home()).env("PATH", std::env::var_os("PATH").unwrap());
    let said = said(command.output().unwrap());
    let said = said.exits(1);
    assert_eq!(said.findings(), ["scratch-full scratch", "probe-skipped app-opens", "rto-missed RTO"]);
    nothing_is_left(&world);
}

#[test]
fn a_probe_that_fills_the_scratch() {
    let limit = "[drill]\ndisk_limit = \"1MiB\"\n";
    let writes = |script: &str| {
        let run = format!("run = [\"sh\", \"-c\", '{script}']\n");
        format!("{POLICY}{APP}{limit}[[probe]]\nid = \"fills\"\nkind = \"command\"\n{run}")
    };
    let world = world("");
    world.write("attestar.toml", writes("true"));
    back_up(&world);
    // One file past the limit: below a shell, and by itself; and many below it.
    for script in [
        "head -c 3000000 /dev/zero > \"$ATTESTAR_WORK/x\"",
        "exec head -c 3000000 /dev/zero > \"$ATTESTAR_WORK/x\"",
        "for n in 1 2 3 4 5 6 7 8; do head -c 900000 /dev/zero > \"$ATTESTAR_WORK/$n\"; done; sleep 60",
    ] {
        world.write("attestar.toml", writes(script));
        let report = only(&world, 1, &["scratch-full scratch"]);
        assert_eq!(report.probes[1].status, Ended::Failed, "{script}");
    }
    world.write("attestar.toml", writes("echo a file; exit 1"));
    only(&world, 3, &["probe-failed fills"]);
}

#[test]
fn a_probe_that_writes_outside() {
    let world = World::new();
    let outside = world.path().join("escaped");
    let probe = format!(
        "[[probe]]\nid = \"writes\"\nkind = \"command\"\n\
         run = [\"sh\", \"-c\", \"echo x > {}; echo y > scribble; touch $ATTESTAR_WORK/own; cat etc/app.toml\"]\n",
        outside.display()
    );
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    back_up(&world);
    only(&world, 3, &[&format!("wrote-outside {}", outside.display())]);
    assert!(!outside.exists(), "what was written there was dropped");
    // Keys and store are nowhere, and nobody answers.
    let home = world.home();
    let store = world.path().join("store");
    let probe = format!(
        "[[probe]]\nid = \"looks\"\nkind = \"command\"\n\
         run = [\"sh\", \"-c\", \"! ls {}/signing.key && ! ls {}/archives && test $(ls /sys/class/net 2>/dev/null | wc -l) = 0 && test $(grep -c : /proc/net/dev) = 1 && ! (exec 3>>/proc/sys/kernel/core_pattern)\"]\n",
        home.display(),
        store.display()
    );
    world.write("attestar.toml", format!("{POLICY}{probe}"));
    drill(&world, &[]).done();
}

#[test]
fn what_a_program_was_given_to_know_is_in_no_report() {
    let script = "env; for n in 1 2 3 4 5 6 7 8 9; do echo \\\"pass is $DEPLOY_PASS\\\"; done; exit 3";
    let probe = format!(
        "[[probe]]\nid = \"tells\"\nkind = \"command\"\nvariables = [\"DEPLOY_PASS\"]\nrun = [\"sh\", \"-c\", \"{script}\"]\n"
    );
    let world = world(&probe);
    back_up(&world);
    let mut command = world.command(&["-C", "shop", "--json", "drill", "--out", "drill"]);
    command
        .env("TMPDIR", scratches(&world))
        .env("DEPLOY_PASS", "hunter2-hunter2")
        .env("OTHER", "zebra-zebra");
    fs::create_dir_all(scratches(&world)).unwrap();
    let said = said(command.output().unwrap()).exits(3);
    assert_eq!(said.findings(), ["probe-failed tells"]);
    assert!(said.out.contains("pass is [masked: a variable]"), "{}", said.out);
    let folder = world.path().join("drill");
    let files = crate::world::names_in(&folder)
        .into_iter()
        .map(|name| fs::read_to_string(folder.join(name)).unwrap());
    for text in files.chain([said.out, said.err]) {
        assert!(!text.contains("hunter2") && !text.contains("zebra"), "{text}");
    }
}

#[test]
fn an_archive_that_is_gone_and_a_capture_that_never_was() {
    let world = world(APP);
    back_up(&world);
    let archives = world.path().join("store/archives");
    let archive = fs::read_dir(&archives).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.into_iter().find(|path| path.extension().unwrap() == "age").unwrap();
    let aside = world.path().join("aside");
    fs::rename(&archive, &aside).unwrap();
    let name = archive.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.zst.age").unwrap();
    let unmeasured = ["probe-skipped app-opens", "rto-missed RTO", "rpo-missed RPO"];
    let report = only(&world, 3, &[&[&*format!("missing {name}")][..], &unmeasured].concat());
    assert!(report.steps.iter().any(|step| step.name == StepName::Fetch && step.status == Ended::Failed));
    fs::rename(&aside, &archive).unwrap();
    // The policy asks for a capture that this archive does not have.
    let more = "[[capture]]\nid = \"late\"\nkind = \"sqlite\"\npath = \"var/late.db\"\n\
                [[probe]]\nid = \"late-opens\"\nkind = \"sqlite\"\ncapture = \"late\"\n";
    world.write("attestar.toml", format!("{POLICY}{APP}{more}"));
    let report = only(&world, 5, &["probe-skipped captures/late"]);
    assert_eq!(report.probes[1].status, Ended::Skipped);
    // A name that is none, and no identity.
    let said = drill(&world, &["nightly-20200101T000000Z"]).exits(1);
    assert_eq!(
        said.findings(),
        [
            "step-failed nightly-20200101T000000Z",
            "probe-skipped app-opens",
            "probe-skipped late-opens",
            "rto-missed RTO",
            "rpo-missed RPO"
        ]
    );
    fs::remove_file(world.home().join("identity.age")).unwrap();
    let report = fails(&world, 5, "no-identity");
    let codes: Vec<&str> = report.findings.iter().map(|found| &*found.code).collect();
    assert_eq!(codes, ["no-identity", "probe-skipped", "probe-skipped", "rto-missed"]);
}

#[test]
fn a_pack_without_a_file_proves_nothing() {
    let world = world("");
    plant(&world, 0, Vec::new(), Vec::new());
    let report = only(&world, 5, &["nothing-checked payload", "rto-missed RTO"]);
    assert!(report.proves.is_empty());
}

#[test]
fn files_that_do_not_parse_and_a_capture_that_nobody_asks_for() {
    let world = world("[[probe]]\nid = \"configs\"\nkind = \"files\"\npaths = [\"etc/**\"]\n");
    world.write("etc/half.json", "{\"a\": ");
    back_up(&world);
    let report = only(&world, 3, &["file-unparsed etc/half.json"]);
    let digests = report.probes[0].checks.iter().find(|check| check.name == "digests").unwrap();
    assert_eq!(digests.actual, "4 files");
    world.write("etc/half.json", "{}");
    world.write(
        "attestar.toml",
        format!("{POLICY}[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n"),
    );
    back_up(&world);
    let said = drill(&world, &[]).done();
    assert!(said.out.contains("capture-unprobed"), "{}", said.out);
    nothing_is_left(&world);
}

#[test]
fn a_scratch_in_the_tree_or_the_store_is_refused() {
    let world = world(APP);
    back_up(&world);
    for folder in ["shop/tmp", "store/tmp"] {
        let place = world.path().join(folder);
        let scratch = format!("[drill]\nscratch = \"{}\"\n", place.display());
        world.write("attestar.toml", format!("{POLICY}{APP}{scratch}"));
        let said = drill(&world, &[]).exits(1);
        let refused = format!("scratch-unsafe {}", place.display());
        assert_eq!(
            said.findings(),
            [&*refused, "probe-skipped app-opens", "rto-missed RTO", "rpo-missed RPO"]
        );
        assert!(!place.exists(), "it was judged before it was made");
    }
}

#[test]
fn a_key_that_may_not_drill_drills_nothing() {
    let world = world(APP);
    back_up(&world);
    let trust = world.home().join("trust.toml");
    let text = fs::read_to_string(&trust).unwrap();
    assert!(text.contains("\"drill\", "), "{text}");
    fs::write(&trust, text.replace("\"drill\", ", "")).unwrap();
    drill(&world, &[]).exits(3).tells("signer-not-allowed");
    assert!(!world.path().join("drill").exists());
}

#[test]
fn a_backup_of_the_future_does_not_win_unseen() {
    let world = world(APP);
    let path = world.path().join("app.db");
    database(&path);
    let entries = || vec![file("captures/app/app.db", fs::read(&path).unwrap())];
    let good = plant(&world, 1, entries(), vec![facts(&path)]);
    let ahead = Timestamp::now() + SignedDuration::from_hours(48);
    let future = plant_at(&world, ahead, entries(), vec![facts(&path)]);
    let said = drill(&world, &[]).done();
    assert!(said.out.contains("future-dated") && said.out.contains(&future), "{}", said.out);
    assert_eq!(report(&world).archive.name, good);
}

/// A dump that nothing has to read.
pub(super) fn dump(server: &str) -> Captured {
    Captured {
        id: "ledger".into(),
        kind: CaptureKind::Postgres,
        form: Form::Parts,
        tool: "pg_dump".into(),
        server: Some(server.into()),
        database: None,
        schema_sha256: None,
        tables: Vec::new(),
        objects: Vec::new(),
    }
}

#[test]
fn a_missing_chain_link() {
    let world = world(APP);
    world.write("etc/large.bin", crate::world::noise(300_000));
    back_up(&world);
    let archives = world.path().join("store/archives");
    let first: Vec<String> = crate::world::names_in(&archives);
    world.write("etc/app.toml", "port = 2\n");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    back_up(&world);
    drill(&world, &[]).done();
    assert_eq!(report(&world).archive.chain.len(), 1, "the second night stands on the first");
    nothing_is_left(&world);
    let base = first.iter().find(|name| name.ends_with(".age")).unwrap();
    fs::remove_file(archives.join(base)).unwrap();
    let base_missing = format!("base-missing {}", base.strip_suffix(".tar.zst.age").unwrap());
    let report =
        only(&world, 5, &[&*base_missing, "no-payload data/", "probe-skipped app-opens", "rto-missed RTO"]);
    assert_eq!(report.coverage.files_checked, 0);
    let found = report.findings.iter().find(|finding| finding.code == "base-missing").unwrap();
    let said = format!("{} {:?} {:?}", found.subject, found.expected, found.actual);
    assert!(said.contains(base.strip_suffix(".tar.zst.age").unwrap()), "it is said by name: {said}");
}

#[test]
fn a_report_that_cannot_be_written_here_is_kept_and_logged() {
    let world = world(&format!("{APP}[[probe]]\nid = \"never\"\nkind = \"command\"\nrun = [\"false\"]\n"));
    back_up(&world);
    fs::write(world.path().join("drill"), "a file").unwrap();
    let document = drill(&world, &[]).exits(3).json();
    assert_eq!(document["log_size"], 2);
    assert!(document["not_written"].as_str().unwrap().contains("drill"), "{document:#}");
    assert_eq!(crate::world::names_in(&world.path().join("store/reports/drill")).len(), 1);
}

#[test]
fn a_drill_that_is_interrupted_leaves_its_report() {
    let slow = "[[probe]]\nid = \"slow\"\nkind = \"command\"\n\
                run = [\"sh\", \"-c\", 'touch \"$ATTESTAR_WORK/asked\"; sleep 600']\n\
                [[probe]]\nid = \"after\"\nkind = \"files\"\n";
    let world = world(&format!("{APP}{slow}"));
    back_up(&world);
    fs::create_dir_all(scratches(&world)).unwrap();
    let mut command = world.command(&["-C", "shop", "--json", "drill", "--out", "drill"]);
    command.stdout(std::process::Stdio::piped());
    let mut child = command.env("TMPDIR", scratches(&world)).spawn().unwrap();
    let begun = Instant::now();
    // Files come and go there meanwhile.
    let is_asked = || {
        let found = Command::new("find").arg(scratches(&world)).args(["-name", "asked"]).output().unwrap();
        !found.stdout.is_empty()
    };
    while !is_asked() {
        assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(50));
    }
    super::sh(&format!("kill -INT {}", child.id()));
    let document = said(child.wait_with_output().unwrap()).exits(130).json();
    let checks = document["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap());
    let probes: Vec<&str> = checks.filter(|name| ["probes", "drill"].contains(name)).collect();
    assert_eq!(probes, ["probes", "drill"], "{document:#}");
    nothing_is_left(&world);
    let report = report(&world);
    let ended: Vec<(&str, Ended)> = report.probes.iter().map(|probe| (&*probe.id, probe.status)).collect();
    // What ended before is told as it ended, and what did not is not told as unrestored.
    let expected = [("app-opens", Ended::Passed), ("slow", Ended::Skipped), ("after", Ended::Skipped)];
    assert_eq!(ended, expected);
    assert_eq!(super::proven(&report, "app-opens").len(), 1, "{:#?}", report.proves);
    super::proves_nothing(&report, "slow", "did not run");
    super::proves_nothing(&report, "after", "did not run");
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|found| (&*found.code, found.actual.as_deref().unwrap_or(""))).collect();
    let skipped = ("probe-skipped", "the drill ended before it was through");
    let late = ("rto-missed", "the drill did not come that far");
    assert_eq!(found, [skipped, skipped, ("step-failed", "interrupted"), late]);
    let step = report.steps.iter().find(|step| step.name == StepName::Probes).unwrap();
    assert_eq!((step.status, &*step.detail), (Ended::Failed, "2 of 3 probes did not pass"));
}

#[test]
fn a_release_is_held_to_no_recovery_point() {
    let world = world("[drill]\nrpo = \"24h\"\n");
    let at = Timestamp::from_second(Timestamp::now().as_second()).unwrap() - SignedDuration::from_hours(50);
    let pack =
        crate::forge::Pack::named("nightly", "1.0.0", vec![file("etc/x", "x")]).sealed(&own_key(&world));
    let archive = crate::forge::encrypt(&world, &crate::forge::Tar::of(&pack).container().bytes());
    let name = format!("{}.tar.zst.age", pack.name());
    let mut receipt = crate::forge::receipt(&pack, &name, &archive);
    (receipt.predicate.evaluated_at, receipt.predicate.created_at) = (at, at);
    super::put(&world, &name, &archive, &receipt);
    drill(&world, &[&pack.name()]).done();
    let report = report(&world);
    let said =
        (report.objectives.rpo_target_ms, report.objectives.rpo_measured_ms, report.objectives.rpo_met);
    assert_eq!(said, (0, 0, true));
    assert!(report.does_not_prove.iter().any(|line| line.contains("held to no RPO")));
}
