//! How far programs of probes are shut off: what they may do, what is told of what they did, and what happens where the system
//! does not do it.

use super::databases::{LEDGER, captures, ledger};
use super::host::{as_nobody, in_namespace, is_root};
use super::{APP, POLICY, back_up, drill, drilling, fails, report, stub, world};
use crate::world::{Said, World, everything_in, said};
use attestar::format::drill_report::{Ended, ProbeReport};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// A probe that runs this script.
pub(super) fn script(id: &str, script: &str) -> String {
    format!("[[probe]]\nid = \"{id}\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", '''{script}''']\n")
}

/// `drill` where this script is `unshare`.
pub(super) fn drill_with_unshare(world: &World, script: &str) -> Said {
    said(drilling(world).env("PATH", stub(world, "unshare", script)).output().unwrap())
}

#[test]
fn a_program_has_one_right_of_root() {
    // To read what belongs to others, and not to open files by their handles, past what it sees.
    let world = world(&script("rights", "grep -qx \"CapEff:.0000000000000002\" /proc/self/status"));
    back_up(&world);
    drill(&world, &[]).done();
}

#[test]
fn of_programs_that_never_ran_nothing_is_told() {
    let world = world(&script("runs", "true"));
    back_up(&world);
    drill(&world, &["nightly-20200101T000000Z"]).exits(1);
    let told = report(&world).does_not_prove;
    assert!(!told.iter().any(|line| line.contains("could not watch")), "{told:#?}");
    drill_with_unshare(&world, "exit 1").done();
    let told = report(&world).does_not_prove;
    assert!(told.iter().any(|line| line.contains("could not watch")), "{told:#?}");
}

/// Where keys and store are it sees nothing, and writes there all the same.
#[test]
fn what_is_written_to_the_store_and_the_keys_is_told() {
    let world = world("");
    back_up(&world);
    let (store, home) = (world.path().join("store"), world.home());
    for harmed in [store.join("new"), store.join(".a b"), home.join("signing.key")] {
        let policy = script("harms", &format!("echo x > \"{}\"", harmed.display()));
        world.write("attestar.toml", format!("{POLICY}{policy}"));
        let before = fs::read(&harmed).ok();
        fails(&world, 3, &format!("wrote-outside {}", harmed.display()));
        assert_eq!(fs::read(&harmed).ok(), before);
    }
    // To look there is no fault.
    world.write(
        "attestar.toml",
        format!("{POLICY}{}", script("looks", &format!("! ls {}/*", store.display()))),
    );
    drill(&world, &[]).done();
    // Without root it is refused.
    world.write(
        "attestar.toml",
        format!("{POLICY}{}", script("harms", &format!("! touch {}/new", store.display()))),
    );
    as_nobody(&world).done();
}

#[test]
fn a_folder_in_the_place_of_another_and_odd_names_are_told() {
    let world = world("");
    back_up(&world);
    let there = world.path().join("there");
    for (harm, found) in [
        ("rm -rf full; mkdir full", "full"),
        ("rm -rf full; mkdir -p full/sub; touch full/sub/x", "full"),
        ("chmod 700 empty", "empty"),
        ("rmdir empty; mkdir -m 711 empty", "empty"),
        ("touch \"a$(printf \"\\nb\")\"", "a?b"),
        ("mkdir -p new/below; touch new/below/x", "new"),
        ("mv full/a full/b", "full/a"),
    ] {
        folders(&there);
        let policy = script("harms", &format!("cd {} && {harm}", there.display()));
        world.write("attestar.toml", format!("{POLICY}{policy}"));
        fails(&world, 3, &format!("wrote-outside {}", there.join(found).display()));
        assert!(there.join("full/a").exists() && there.join("empty").is_dir(), "{harm}: nothing was changed");
    }
    // What it does where it may is no fault, nor is what it looked at.
    let works = format!(
        "rm -rf etc; mkdir etc; chmod 700 .; touch \"etc/a$(printf \"\\nb\")\"; chmod 777 $ATTESTAR_WORK; ls {} /etc",
        there.display()
    );
    world.write("attestar.toml", format!("{POLICY}{}", script("works", &works)));
    drill(&world, &[]).done();
}

fn folders(there: &Path) {
    let _ = fs::remove_dir_all(there);
    for folder in ["full/sub", "empty"] {
        fs::create_dir_all(there.join(folder)).unwrap();
    }
    fs::write(there.join("full/a"), "a").unwrap();
}

#[test]
fn a_list_that_finds_no_room_is_no_pass() {
    let world = world("");
    let there = world.path().join("there");
    fs::create_dir(&there).unwrap();
    let harm = format!(
        "cd {}; for i in $(seq 99); do touch $(printf \"a%0200d\" $i); done; cat /dev/zero > $ATTESTAR_WORK/x; true",
        there.display()
    );
    world.write("attestar.toml", format!("{POLICY}{}", script("fills", &harm)));
    back_up(&world);
    let said = in_namespace(&world, "mount -t tmpfs -o size=8m none \"$TMPDIR\" && exec \"$@\"").exits(3);
    assert_eq!(said.findings(), ["probe-failed fills"], "{}", said.out);
    assert!(said.out.contains("no room for it"), "{}", said.out);
}

#[test]
fn what_takes_no_layer_is_read_only() {
    let world = world("");
    let other = world.path().join("other");
    fs::create_dir(&other).unwrap();
    let tries = format!("cd {} && test -e seen && ! touch more", other.display());
    world.write("attestar.toml", format!("{POLICY}{}", script("tries", &tries)));
    back_up(&world);
    let mount = format!(
        "case \"$*\" in *lowerdir={},*) exit 32 ;; esac\nPATH=${{PATH#*:}}\nexec mount \"$@\"",
        other.display()
    );
    let path = stub(&world, "mount", &mount);
    let begin = format!(
        "mount -t tmpfs none {0} && touch {0}/seen && PATH={1} && exec \"$@\"",
        other.display(),
        path.display()
    );
    let said = in_namespace(&world, &begin).done();
    assert_eq!(said.findings(), Vec::<String>::new());
}

#[test]
fn a_system_that_shuts_nothing_off_is_told_and_limits_hold_all_the_same() {
    let server = ledger();
    let limits = "test $(ulimit -d) = 2097152 && ! grep -q \"Max processes *unlimited\" /proc/self/limits";
    let world = world(&format!("{}{}{LEDGER}", captures(&server), script("limits", limits)));
    back_up(&world);
    let said = drill_with_unshare(&world, "exit 1").done();
    let report = report(&world);
    assert!(report.probes.iter().all(|probe| probe.status == Ended::Passed), "{:#?}", report.probes);
    let found: Vec<String> =
        report.findings.iter().map(|finding| format!("{} {}", finding.code, finding.subject)).collect();
    assert_eq!(found, ["not-confined limits", "not-confined ledger"], "{}", said.out);
    let unwatched = |probe: &ProbeReport| {
        probe.checks.iter().any(|check| check.name == "outside" && check.status == Ended::Skipped)
    };
    assert!(report.probes.iter().all(unwatched), "{:#?}", report.probes);
}

#[test]
fn a_trial_that_says_nothing_fails_the_drill_and_no_program_runs() {
    let world = world("");
    let mark = world.path().join("ran");
    world.write("attestar.toml", format!("{POLICY}{}", script("runs", &format!("touch {}", mark.display()))));
    back_up(&world);
    let said = drill_with_unshare(&world, "kill -9 $$");
    assert_ne!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("is not known: ended by signal 9"), "{}", said.out);
    let report = report(&world);
    assert!(report.probes.iter().all(|probe| probe.status != Ended::Passed), "{:#?}", report.probes);
    assert!(!mark.exists());
    super::nothing_is_left(&world);
}

#[test]
fn without_root_no_socket_of_the_host_is_there_and_processes_are_limited() {
    let world = world("");
    let mut sockets = vec![world.path().join("agent.sock")];
    sockets.extend(is_root().then(|| format!("/run/attestar-test-{}.sock", std::process::id()).into()));
    let listeners: Vec<UnixListener> = sockets
        .iter()
        .map(|path| {
            let listener = UnixListener::bind(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            listener
        })
        .collect();
    let seen: Vec<String> = sockets.iter().map(|path| format!("! test -S {}", path.display())).collect();
    let seen = seen.join(" && ");
    let most = "test $(sed -n \"s/^Max processes  *\\([0-9]*\\) .*/\\1/p\" /proc/self/limits) -lt 20000";
    let reads = "cat etc/app.toml && echo x > $ATTESTAR_WORK/own && ! touch /tmp/x && ! touch /run/x";
    let policy = [script("sockets", &seen), script("limited", most), script("reads", reads)].concat();
    world.write("attestar.toml", format!("{POLICY}{APP}{policy}"));
    back_up(&world);
    let said = as_nobody(&world);
    drop(listeners);
    sockets.iter().for_each(|path| fs::remove_file(path).unwrap());
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let report = report(&world);
    assert!(report.probes.iter().all(|probe| probe.status == Ended::Passed), "{:#?}", report.probes);
}

#[test]
fn the_mode_that_files_get_by_themselves_keeps_no_server_out() {
    let server = ledger();
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let policy = format!("{POLICY}{}{LEDGER}", captures(&server));
    world.write("attestar.toml", &policy);
    back_up(&world);
    let scratch = world.path().join("not/yet");
    let named = format!("[drill]\nscratch = \"{}\"\n", scratch.display());
    for policy in [policy.replace("[drill]\n", &named), policy] {
        world.write("attestar.toml", policy);
        in_namespace(&world, "umask 077; exec \"$@\"").done();
    }
    assert_eq!(everything_in(&scratch), []);
    super::nothing_is_left(&world);
}
