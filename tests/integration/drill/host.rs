//! What a drill does to its host, and its host to it: where the scratch may lie, what is left when it cannot be removed, a disk
//! that gets full, a user that is not root.

use super::databases::{LEDGER, captures, ledger};
use super::leftovers::{WAITS, while_it_waits};
use super::{APP, POLICY, back_up, drill, drilling, report, sh, world};
use crate::postgres::Postgres;
use crate::world::{Said, World, everything_in, said, venv};
use attestar::format::drill_report::{Ended, StepName};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// `drill` started by this script, which has the drill's own command as its arguments, in a mount namespace of its own.
pub(super) fn in_namespace(world: &World, script: &str) -> Said {
    let drilled = drilling(world);
    let mut command = with_own_mounts(script);
    command.arg(drilled.get_program()).args(drilled.get_args()).current_dir(world.path()).env_clear();
    command.envs(drilled.get_envs().filter_map(|(name, value)| Some((name, value?))));
    said(command.output().unwrap())
}

/// This script in a mount namespace of its own; what is added to the command are its arguments.
fn with_own_mounts(script: &str) -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--map-current-user", "--keep-caps"]);
    }
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command
}

#[test]
fn a_scratch_among_the_data_of_a_server_is_refused() {
    let world = world(APP);
    back_up(&world);
    let server = Postgres::start();
    let data = server.run("postgres", "SHOW data_directory");
    let mysql = world.path().join("mysql/shop");
    fs::create_dir_all(&mysql).unwrap();
    fs::write(world.path().join("mysql/ibdata1"), "").unwrap();
    let beside = world.path().join("beside");
    fs::create_dir(&beside).unwrap();
    let live = super::Connection::open(beside.join("live.db")).unwrap();
    live.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
    for (folder, what) in [
        (data.clone(), "PostgreSQL, which is running"),
        (format!("{data}/base"), "PostgreSQL, which is running"),
        (mysql.display().to_string(), "MySQL"),
        (beside.display().to_string(), "live.db"),
    ] {
        let scratch = format!("[drill]\nscratch = \"{folder}\"\n");
        world.write("attestar.toml", format!("{POLICY}{APP}{scratch}"));
        // A server that runs makes files of its own whenever it likes.
        let is_ours = |path: &Path| !folder.starts_with(&data) || path.to_string_lossy().contains("attestar");
        let there = || everything_in(Path::new(&folder)).iter().filter(|(path, _)| is_ours(path)).count();
        let before = there();
        let said = drill(&world, &[]).exits(1);
        assert!(said.findings()[0].starts_with("scratch-unsafe"), "{folder}: {}", said.out);
        assert!(said.out.contains(what), "{folder}: {}", said.out);
        assert_eq!(there(), before, "nothing was made there");
    }
}

#[test]
fn a_scratch_that_cannot_be_removed_is_said_and_the_drill_stands() {
    let world = world(&format!("{APP}{WAITS}"));
    back_up(&world);
    // Something is mounted in it while it is used.
    let etc = "$at/restored/etc";
    let script = while_it_waits("\"$@\"", &format!("mount -t tmpfs none {etc}"), &format!("umount {etc}"));
    let said = in_namespace(&world, &script).done();
    let report = report(&world);
    let found: Vec<&str> = report.findings.iter().map(|finding| &*finding.code).collect();
    assert_eq!(found, ["left-behind"], "{}", said.out);
    let cleanup = report.steps.iter().find(|step| step.name == StepName::Cleanup).unwrap();
    assert_eq!(cleanup.status, Ended::Failed);
    assert!(cleanup.detail.contains("cannot remove"), "{}", cleanup.detail);
    // The next one removes it.
    world.write("attestar.toml", format!("{POLICY}{APP}"));
    drill(&world, &[]).done();
    super::nothing_is_left(&world);
}

#[test]
fn a_disk_that_gets_full_while_it_is_restored_to() {
    let world = world(APP);
    // Each takes a byte of the pack, and a page of the disk.
    for number in 0..600 {
        world.write(&format!("many/{number}.txt"), "x");
    }
    back_up(&world);
    let script = "mount -t tmpfs -o size=1m none \"$TMPDIR\" && exec \"$@\"";
    let said = in_namespace(&world, script).exits(1);
    assert_eq!(said.findings()[0], "scratch-full scratch", "{}", said.out);
    let report = report(&world);
    assert_eq!(report.coverage.files_checked, 0);
    let full = report.steps.iter().find(|step| step.name == StepName::Restore).unwrap();
    assert_eq!(full.status, Ended::Failed, "it was found while it wrote: {:#?}", report.steps);
    assert!(report.findings.iter().all(|finding| finding.code != "step-failed"), "{:#?}", report.findings);
}

#[test]
fn a_disk_that_gets_full_while_a_database_is_restored() {
    let server = ledger();
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    back_up(&world);
    // A new cluster takes some forty.
    let script = "mount -t tmpfs -o size=24m,mode=711 none \"$TMPDIR\" && exec \"$@\"";
    let said = in_namespace(&world, script);
    assert_eq!(said.findings(), ["scratch-full scratch"], "{}", said.out);
    assert_eq!(said.code, 1);
}

#[test]
fn somebody_who_is_not_root_drills_all_the_same() {
    let server = ledger();
    let world = world("");
    let path = world.tree().join("var/c.duckdb");
    super::databases::duckdb(&world, "CREATE TABLE t AS SELECT range i FROM range(1000)");
    assert!(path.is_file());
    let more = "[[capture]]\nid = \"duck\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\n\
        [[probe]]\nid = \"duck\"\nkind = \"duckdb\"\ncapture = \"duck\"\n\
        [[probe]]\nid = \"files\"\nkind = \"files\"\n\
        [[probe]]\nid = \"runs\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"cat etc/app.toml && test $(id -u) != 0 || test -w /proc/self/attr\"]\n";
    // No server of this host answers what is shut off, by its socket either.
    let asks = format!(
        "[[probe]]\nid = \"asks\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"! psql -X -d '{}' -c 'SELECT 1'\"]\n",
        server.dsn("ledger")
    );
    world.write("attestar.toml", format!("{POLICY}{APP}{}{LEDGER}{more}{asks}", captures(&server)));
    back_up(&world);
    let said = as_nobody(&world);
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let report = report(&world);
    assert!(report.probes.iter().all(|probe| probe.status == Ended::Passed), "{:#?}", report.probes);
    let owner = fs::metadata(world.path().join("drill/drill_report.json")).unwrap().uid();
    assert_ne!(owner, 0, "it was somebody else");
}

/// `drill` by another user where this one is root: everything of the world is given away first.
pub(super) fn as_nobody(world: &World) -> Said {
    as_nobody_from(world, Command::new("env"))
}

/// The same in a mount namespace of its own, after this script, which ends with `exec "$@"`.
pub(super) fn as_nobody_after(world: &World, script: &str) -> Said {
    as_nobody_from(world, with_own_mounts(script))
}

/// The same, started by this command.
fn as_nobody_from(world: &World, mut command: Command) -> Said {
    let drilled = drilling(world);
    if is_root() {
        sh(&format!("chown -R 65534:65534 {0} && chmod 755 {0}", world.path().display()));
        command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    // Wherever the program was built, others may read it here.
    let program = world.path().join("attestar");
    fs::copy(drilled.get_program(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let bin = world.path().join("bin");
    fs::create_dir(&bin).unwrap();
    sh(&format!(
        "cp -L {}/lib/python3*/site-packages/duckdb_cli/duckdb {}",
        venv().parent().unwrap().display(),
        bin.display()
    ));
    command.arg(program).args(drilled.get_args()).current_dir(world.path()).env_clear();
    command.envs(drilled.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    command.env("PATH", path);
    said(command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn who_has_no_key_is_told_by_which_flag_to_name_one() {
    let world = world("");
    back_up(&world);
    let said = drill(&world, &["--signing-key", "none.key"]).exits(5);
    assert!(said.out.contains("or give --signing-key FILE"), "{}{}", said.out, said.err);
}

#[test]
fn nobody_else_keeps_drills_from_a_named_scratch() {
    let world = world("");
    back_up(&world);
    for (name, mode) in [("everybodys", 0o1777), ("seen", 0o755)] {
        let named = world.path().join(name);
        fs::create_dir(&named).unwrap();
        fs::set_permissions(&named, fs::Permissions::from_mode(mode)).unwrap();
        let scratch = format!("[drill]\nscratch = \"{}\"\n", named.display());
        world.write("attestar.toml", format!("{POLICY}{APP}{scratch}"));
        back_up(&world);
        // What anybody may do there: lock it, and where they may write, put things that look like a server's.
        let held = fs::File::open(&named).unwrap();
        held.lock().unwrap();
        if mode == 0o1777 {
            for file in ["x", "x-wal", "PG_VERSION", "ibdata1"] {
                fs::write(named.join(file), "").unwrap();
            }
            let odd = named.join(".attestar-run-x");
            fs::create_dir(&odd).unwrap();
            sh(&format!("mkfifo {}/lock", odd.display()));
        }
        drill(&world, &[]).done();
        let own = fs::read_dir(&named)
            .unwrap()
            .flatten()
            .find(|entry| entry.file_name().to_string_lossy().starts_with("attestar-"));
        let own = own.unwrap().path();
        let mode = fs::metadata(&own).unwrap().mode() & 0o777;
        assert_eq!((mode, fs::read_dir(&own).unwrap().count()), (0o711, 0), "{name}");
    }
}
