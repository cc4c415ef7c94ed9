//! What gates are given, and should not be: policies that say nothing, evidence that is none, programs that misbehave.

use crate::world::{Said, World, everything_in, names_in};
use std::fs::{self, File};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const BEGIN: &str = "schema = 1
[project]
name = \"shop\"
[[include]]
class = \"doc\"
paths = [\"docs/**\"]
";

/// The line on which a gate that follows [`BEGIN`] begins.
const LINE: usize = 7;

fn shop(gate: &str) -> World {
    let world = World::new();
    world.write("docs/guide.md", "# Guide\n");
    policy(&world, gate);
    world
}

fn policy(world: &World, gate: &str) {
    world.write("attestar.toml", format!("{BEGIN}{gate}"));
}

fn gate(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["-C", "shop", "gate", "--version", "1.0.0"], flags].concat())
}

/// The faults of the one gate: subjects, and what they say.
fn faults(said: &Said) -> Vec<String> {
    let document = said.json();
    let faults = document["gates"][0]["faults"].as_array().expect("faults").clone();
    let text = |fault: &serde_json::Value, key: &str| fault[key].as_str().unwrap_or_default().to_owned();
    faults.iter().map(|fault| format!("{}: {}", text(fault, "subject"), text(fault, "actual"))).collect()
}

#[test]
fn policies_that_cannot_be_are_told_with_file_and_line() {
    for (gate_text, line, says) in [
        ("[[gate]]\nid = \"a\"\ncheck = \"notes\"\nfile = 3\n", 3, "`file` must be a string, not an integer"),
        ("[[gate]]\nid = \"a\"\ncheck = \"notes\"\nfiel = \"x\"\n", 3, "did you mean `file`?"),
        ("[[gate]]\nid = \"a\"\ncheck = \"tag\"\nsigned = \"yes\"\n", 3, "`signed` must be true or false"),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"tag\"\n[[gate]]\nid = \"a\"\ncheck = \"clean\"\n",
            3,
            "is there already",
        ),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"window\"\nblackouts = [\"2026-02-30\"]\n",
            3,
            "there is no date 2026-02-30",
        ),
        ("[[gate]]\nid = \"a\"\ncheck = \"window\"\nblackouts = [2026-02-30]\n", 3, ""),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"window\"\nwindows = [\"Tue 25:00-26:00\"]\n",
            3,
            "there is no time 25:00",
        ),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"window\"\nzone = \"America/Sao_Paolo\"\nwindows = [\"Tue 09:00-10:00\"]\n",
            3,
            "did you mean `America/Sao_Paulo`?",
        ),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"junit\"\nfiles = [\"reports/[\"]\nmin_tests = 1\n",
            3,
            "the pattern `reports/[`",
        ),
        (
            "[[gate]]\nid = \"a\"\ncheck = \"command\"\nrun = [\"x\"]\ntime_limit = \"soon\"\n",
            4,
            "`time_limit`",
        ),
        ("[[gate]]\nid = \"a\"\ncheck = \"notes\"\nfile = \"x\"\nfile = \"y\"\n", 4, "duplicate key"),
        ("[[gates]]\nid = \"a\"\n", 0, "did you mean `gate`?"),
        ("gate = 3\n", 0, ""),
    ] {
        let world = shop(gate_text);
        let place = format!("shop/attestar.toml:{}: ", LINE + line);
        let before = everything_in(world.path());
        gate(&world, &[]).exits(2).complains(&place).complains(says);
        let document = gate(&world, &["--json"]).exits(2).json();
        assert_eq!(document["schema"], "attestar/error/v1", "{gate_text}");
        world.seal(&[]).exits(2).complains(&place);
        assert_eq!(everything_in(world.path()), before, "{gate_text}");
    }
}

#[test]
fn patterns_that_match_nothing_refuse() {
    let world =
        shop("[[gate]]\nid = \"tests\"\ncheck = \"junit\"\nfiles = [\"reports/*.xml\"]\nmin_tests = 1\n");
    assert_eq!(faults(&gate(&world, &["--json"]).exits(4)), ["reports/*.xml: no file matches"]);
    world.seal(&[]).exits(4).complains("reports/*.xml");
    world.write("attestar.toml", format!("{BEGIN}required = true\n").replace("docs/**", "ddl/*.sql"));
    world.seal(&[]).exits(4).complains("required-missing");
    assert_eq!(names_in(&world.out()), [""; 0]);
}

#[test]
fn evidence_that_is_not_what_it_should_be_refuses_with_its_line() {
    let json = "check = \"metric\"\nfile = \"reports/a\"\npointer = \"/p95\"\nmax = 1\n";
    let junit = "check = \"junit\"\nfiles = [\"reports/a\"]\nmin_tests = 1\n";
    let sarif = "check = \"sarif\"\nfiles = [\"reports/a\"]\nlevel = \"error\"\n";
    let entities = "<?xml version=\"1.0\"?>\n<!DOCTYPE t [\n<!ENTITY a \"aaaaaaaaaa\">\n<!ENTITY b \"&a;&a;\">\n]>\n\
                    <testsuite tests=\"1\" failures=\"0\"><testcase name=\"&b;\"/></testsuite>\n";
    let outside = "<!DOCTYPE t [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n\
                   <testsuite tests=\"1\"><testcase name=\"&x;\"/></testsuite>\n";
    for (keys, content, place) in [
        (json, &b"{\n \"p95\": 0,\n}\n"[..], "reports/a:3"),
        (json, b"", "reports/a"),
        (json, b"{\"p95\": \xff}", "reports/a"),
        (json, b"{\"p95\": \"fast\"}", "reports/a"),
        (json, b"{\"p95\": 1e999}", "reports/a"),
        (sarif, b"\n\n{]", "reports/a:3"),
        (junit, entities.as_bytes(), "reports/a:"),
        (junit, outside.as_bytes(), "reports/a:1"),
        (junit, b"<testsuite>\n<testcase>\n", "reports/a:"),
        (junit, b"{}", "reports/a:1"),
        (junit, b"\x00\x01\xfe", "reports/a"),
    ] {
        let world = shop(&format!("[[gate]]\nid = \"a\"\n{keys}"));
        world.write("reports/a", content);
        let shown = String::from_utf8_lossy(content).into_owned();
        let found = faults(&gate(&world, &["--json"]).exits(4));
        assert!(found[0].starts_with(place), "{shown}: {found:?}");
        assert!(!found.join("").contains("root:"), "an entity was followed: {found:?}");
        gate(&world, &[]).exits(4).says("failed   a");
        world.seal(&[]).exits(4).complains(place);
        assert_eq!(names_in(&world.out()), [""; 0], "{shown}");
    }
    // A file in the place of a folder, and a folder in that of a file.
    let world = shop(&format!("[[gate]]\nid = \"a\"\n{json}"));
    world.write("reports/a/b", "");
    gate(&world, &[]).exits(4).says("failed   a");
}

#[test]
fn evidence_of_a_gigabyte_is_refused_in_little_memory() {
    for keys in [
        "check = \"metric\"\nfile = \"reports/a\"\npointer = \"/p95\"\nmax = 1\n",
        "check = \"junit\"\nfiles = [\"reports/a\"]\nmin_tests = 1\n",
        "check = \"checklist\"\nfile = \"reports/a\"\n",
    ] {
        let world = shop(&format!("[[gate]]\nid = \"a\"\n{keys}"));
        world.write("reports/a", "");
        File::options().write(true).open(world.tree().join("reports/a")).unwrap().set_len(1 << 30).unwrap();
        // A shell that lets nothing have more than 700 MiB of addresses.
        let script = "ulimit -v 716800; exec \"$0\" -C shop gate --version 1.0.0 --json";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_attestar")]).current_dir(world.path()).env_clear();
        shell.env("ATTESTAR_HOME", world.home()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let said = crate::world::said(shell.output().unwrap()).exits(4);
        assert_eq!(faults(&said), ["reports/a: 1.0 GiB is larger than a gate reads (64.0 MiB)"]);
    }
}

/// A gate that runs a script of the tree.
fn script(text: &str, limit: &str) -> World {
    let world = shop(&format!(
        "[[gate]]\nid = \"team\"\ncheck = \"command\"\nrun = [\"sh\", \"docs/gate.sh\"]\nvariables = [\"PATH\"]\n\
         time_limit = \"{limit}\"\n"
    ));
    world.write("docs/gate.sh", text);
    world
}

/// How long a process sleeps that is not ended, in seconds, and how long it is waited for one that is: whoever is ended comes to
/// it in its turn.
const ASLEEP: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that wrote its number into this file of the tree ends long before it would by itself.
#[track_caller]
fn is_ended(world: &World, file: &str) {
    let id = fs::read_to_string(world.tree().join(file)).expect("it wrote its number");
    let lives = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        // What has ended and was not asked about yet is a zombie.
        !state.is_empty() && !state.contains(") Z ")
    };
    let begun = Instant::now();
    while lives() {
        assert!(begun.elapsed() < PATIENCE, "a child lived on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    // Everything but the sleep takes no time: its limit is long beside that.
    let hangs =
        format!("trap '' TERM\nsh -c 'echo $$ > child; exec sleep {ASLEEP}' &\necho begun\nsleep {ASLEEP}\n");
    let world = script(&hangs, "4s");
    let started = Instant::now();
    let said = gate(&world, &["--json"]).exits(4);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert_eq!(faults(&said), ["sh docs/gate.sh: it did not end within the time limit"]);
    assert_eq!(said.json()["gates"][0]["output"], "begun\n");
    is_ended(&world, "child");
    world.seal(&[]).exits(4).complains("it did not end within the time limit");
    assert_eq!(names_in(&world.out()), [""; 0]);
}

#[test]
fn what_a_program_leaves_behind_is_ended() {
    let leaves = format!(
        "sh -c 'echo $$ > child; exec sleep {ASLEEP}' &\nuntil test -s child; do sleep 0.1; done\necho fine\n"
    );
    let world = script(&leaves, "1m");
    let started = Instant::now();
    gate(&world, &[]).done();
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    is_ended(&world, "child");
}

#[test]
fn what_a_program_prints_is_text_bounded_masked_and_kept() {
    let token = format!("gh{}{}", "p_", "Zk3vQ9mT2xWb7RfL4cHs8NdPy6Ga1JuE5KoC");
    let world = script(
        &format!(
            "printf 'a\\377\\000b\\n'\necho {token}\n\
             awk 'BEGIN {{ for (i = 0; i < 100000; i++) print i, \"0000000000000000\" }}'\necho the end\n"
        ),
        "1m",
    );
    let said = gate(&world, &["--json"]).done();
    let output = said.json()["gates"][0]["output"].as_str().unwrap().to_owned();
    assert!(output.starts_with("a\u{fffd}\0b\n[masked: GitHub token]\n"), "{}", &output[..80]);
    assert!(output.ends_with("\nthe end\n") && output.len() < 70_000, "{}", output.len());
    assert!(output.contains("\n[more was printed here, and is not kept]\n"));
    // The same output is in the pack, and its digest is the evidence.
    world.seal(&[]).done();
    let record = fs::read(world.evidence().join("attestations/gates.sigstore.json")).unwrap();
    let bundle = attestar::format::bundle::Bundle::parse_canonical(&record).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&bundle.envelope.payload).unwrap();
    let one = &said["predicate"]["urn:attestar:gates:v1"]["gates"][0];
    assert_eq!(one["output"], *output);
    let digest = attestar::format::digest::Sha256::of(output.as_bytes()).to_string();
    assert_eq!(one["evidence"][0]["digest"]["sha256"], digest);
    assert!(!String::from_utf8_lossy(&bundle.envelope.payload).contains(&token), "a token was kept");
    world.verify(&[]).done();
    // Another run that prints the same gives the same record.
    let before = record;
    fs::remove_dir_all(world.out()).unwrap();
    world.seal(&[]).done();
    assert_eq!(fs::read(world.evidence().join("attestations/gates.sigstore.json")).unwrap(), before);
}

#[test]
fn programs_that_cannot_be_started_or_end_badly() {
    for (run, says) in [
        ("[\"docs/none.sh\"]", "cannot start"),
        ("[\"docs/guide.md\"]", "cannot start"),
        ("[\"sh\", \"-c\", \"exit 7\"]", "exit code 7"),
        ("[\"sh\", \"-c\", \"kill -9 $$\"]", "ended by signal 9"),
    ] {
        let keys =
            format!("[[gate]]\nid = \"team\"\ncheck = \"command\"\nrun = {run}\nvariables = [\"PATH\"]\n");
        let world = shop(&keys);
        let found = faults(&gate(&world, &["--json"]).exits(4));
        assert!(found[0].contains(says), "{run}: {found:?}");
        world.seal(&[]).exits(4).complains("gate-command");
    }
}

#[test]
fn clocks_that_jump() {
    let keys = "[[gate]]\nid = \"fresh\"\ncheck = \"fresh\"\nfiles = [\"reports/a.json\"]\npointer = \"/at\"\n\
                max_age = \"7d\"\n";
    let world = shop(keys);
    let at = |seconds: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        world.write("reports/a.json", format!("{{\"at\": \"{time}\"}}\n"));
        gate(&world, &["--json"])
    };
    at(-86_400).done();
    // A clock elsewhere may be a little ahead; evidence from tomorrow, or from 1970, is none.
    at(60).done();
    for seconds in [86_400, -8 * 86_400] {
        assert!(faults(&at(seconds).exits(4))[0].starts_with("reports/a.json"), "{seconds}");
    }
    for time in ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "-1"] {
        world.write("reports/a.json", format!("{{\"at\": \"{time}\"}}\n"));
        assert!(faults(&gate(&world, &["--json"]).exits(4))[0].starts_with("reports/a.json"), "{time}");
    }
}
