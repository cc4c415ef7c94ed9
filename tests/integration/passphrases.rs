//! Keys under a passphrase: from the environment, from a file, from a person at a terminal.

use crate::world::{World, names_in};
use std::fs;
use std::process::{Command, Output};

/// A release whose keys are under the passphrase `right`.
fn locked() -> World {
    let world = World::without_keys();
    world.write("README.md", "# Shop\n");
    let made = world.command(&["keys", "new"]).env("ATTESTAR_PASSPHRASE", "right").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = fs::read_to_string(world.home().join("signing.key")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    world
}

const SEAL: [&str; 5] = ["-C", "shop", "seal", "--version", "1.0.0"];

/// Runs a command on a terminal of its own; each prompt gets the next answer. Stdout is what the terminal saw.
fn on_a_terminal(world: &World, answers: &[&str], args: &[&str]) -> Output {
    const PTY: &str = "
import os, pty, sys, termios, time
answers = sys.argv[1].split(',')
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b''
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    os.write(1, piece)
    seen += piece
    if seen.endswith(b': ') and answers:
        # As a person does: nobody types before the terminal has stopped to show it.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(terminal, answers.pop(0).encode() + b'\\n')
        seen = b''
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let attestar = world.command(&[]);
    let mut python = Command::new("python3");
    python.args(["-c", PTY, &answers.join(",")]).arg(attestar.get_program()).args(args);
    python.current_dir(world.path()).env_clear();
    python.envs(attestar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    python.output().expect("python3 starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_environment_or_a_file_opens_the_keys() {
    let world = locked();
    fs::write(world.path().join("passphrase"), "right\nsecond line\n").unwrap();
    world.run(&[&SEAL[..], &["--passphrase-file", "passphrase"]].concat()).done();
    let verify = ["verify", "shop/sealed/shop-1.0.0.tar.zst.age"];
    let verified = world.command(&verify).env("ATTESTAR_PASSPHRASE", "right").status().unwrap();
    assert!(verified.success());
}

#[test]
fn a_wrong_passphrase_is_told_and_nothing_is_written() {
    let world = locked();
    let said = world.command(&SEAL).env("ATTESTAR_PASSPHRASE", "wrong").output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("the passphrase does not open"));
    assert_eq!(names_in(&world.tree()), ["README.md"]);
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let world = locked();
    for args in [&SEAL[..], &["keys", "new", "--signing"]] {
        let mut alone = Command::new("setsid");
        let attestar = world.command(args);
        alone.arg("--wait").arg(attestar.get_program()).args(args).env_clear().current_dir(world.path());
        alone.envs(attestar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let home = if args == SEAL { world.home() } else { world.path().join("another") };
        let said = alone.env("ATTESTAR_HOME", &home).stdin(std::process::Stdio::null()).output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(5), "{err}");
        assert!(err.contains("without a terminal") && err.contains("hint: set ATTESTAR_PASSPHRASE"), "{err}");
        assert!(home == world.home() || names_in(&home).is_empty());
    }
}

#[test]
fn at_a_terminal_one_is_asked_and_a_wrong_answer_is_told() {
    let world = locked();
    let said = on_a_terminal(&world, &["wrong"], &SEAL);
    assert_eq!(said.status.code(), Some(1), "{}", text(&said));
    assert!(
        text(&said).contains("Passphrase of ") && text(&said).contains("the passphrase does not open"),
        "{}",
        text(&said)
    );
    assert_eq!(names_in(&world.tree()), ["README.md"]);
    let said = on_a_terminal(&world, &["right"], &SEAL);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
    assert!(!text(&said).contains("right"), "what is typed is not shown: {}", text(&said));
}

#[test]
fn new_keys_are_asked_for_twice_and_made_only_if_both_agree() {
    let world = World::without_keys();
    let said = on_a_terminal(&world, &["one", "two"], &["keys", "new"]);
    assert_eq!(said.status.code(), Some(1), "{}", text(&said));
    assert!(text(&said).contains("the two passphrases differ"), "{}", text(&said));
    assert!(names_in(&world.home()).is_empty());
    let said = on_a_terminal(&world, &["one", "one"], &["keys", "new", "--signing"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
    assert!(fs::read_to_string(world.home().join("signing.key")).unwrap().contains("ENCRYPTED"));
}
