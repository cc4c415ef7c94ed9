//! Finding the judges, starting them, and hearing what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "hint: tests/run installs every judge";

/// A program of the system, found on `PATH`. Panics where it is missing: a judge that is absent has not agreed.
pub fn tool(name: &str) -> Command {
    let path = std::env::var_os("PATH").expect("PATH is set");
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| panic!("{name} is not installed\n{HINT}")));
    command.env("LC_ALL", "C.UTF-8").env_remove("ATTESTAR_PASSPHRASE");
    command
}

/// A program of the virtual environment that `tests/run` makes. It reads no settings but what it is given.
pub fn venv(name: &str) -> Command {
    let program = checkout().join(".venv/bin").join(name);
    assert!(program.is_file(), "{} is missing\n{HINT}", program.display());
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1").env("UV_NO_CONFIG", "1");
    command
}

/// Prometheus' own tool, as `tests/run` unpacks it.
pub fn promtool() -> Command {
    let program = checkout().join(".judges/bin/promtool");
    assert!(program.is_file(), "{} is missing\n{HINT}", program.display());
    Command::new(program)
}

/// A script of `tests/interop/py` in the virtual environment that `tests/run` makes.
pub fn python(script: &str) -> Command {
    let interpreter = checkout().join(".venv/bin/python");
    assert!(interpreter.is_file(), "{} is missing\n{HINT}", interpreter.display());
    let mut command = Command::new(interpreter);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(checkout().join("tests/interop/py").join(script));
    command
}

/// A script of `tests/interop/node` with the packages that `tests/run` puts beside it.
pub fn node(script: &str) -> Command {
    let folder = checkout().join("tests/interop/node");
    assert!(folder.join("node_modules").is_dir(), "{}/node_modules is missing\n{HINT}", folder.display());
    let mut command = tool("node");
    command.arg(folder.join(script));
    command
}

/// cdxgen, as `tests/run` installs it, without network and with nothing to look up. It starts no package manager.
pub fn cdxgen(home: &Path) -> Command {
    let program = checkout().join("tests/interop/node/cdxgen/node_modules/@cyclonedx/cdxgen/bin/cdxgen.js");
    assert!(program.is_file(), "{} is missing\n{HINT}", program.display());
    let mut command = tool("unshare");
    command.args(["--map-root-user", "--net", "node"]).arg(program);
    command.args(["--no-install-deps", "--no-babel", "--no-banner", "--spec-version", "1.6"]);
    command.env("HOME", home).env("FETCH_LICENSE", "false");
    command
}

/// A line of bash that fails if any part of a pipe fails; `$1`, `$2`, … are the arguments added to it.
pub fn shell(line: &str) -> Command {
    let mut command = tool("bash");
    command.args(["-euo", "pipefail", "-c", line, "bash"]);
    command
}

/// What a program said, and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    /// Everything, with the command in front, for the message of a failed assertion.
    pub all: String,
}

/// Runs a program to its end.
pub fn hear(command: &mut Command) -> Said {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}\n{HINT}"));
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    let all = format!("$ {command:?}\n{out}{err}[{}]", output.status);
    Said { code: output.status.code(), out, all }
}

/// Runs a program that must succeed; gives its standard output.
#[track_caller]
pub fn passes(command: &mut Command) -> String {
    let said = hear(command);
    assert_eq!(said.code, Some(0), "{}", said.all);
    said.out
}

/// Runs a judge that must refuse with exit 1, and must say `verdict`: a judge that crashed has not judged.
#[track_caller]
pub fn refuses(command: &mut Command, verdict: &str) {
    let said = hear(command);
    assert_eq!(said.code, Some(1), "{}", said.all);
    assert!(said.out.contains(verdict), "it fails without saying {verdict:?}: {}", said.all);
}

/// The program under test, with a home of its own and nothing else of ours in its environment.
pub fn attestar(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attestar"));
    command.env("ATTESTAR_HOME", home).env_remove("ATTESTAR_PASSPHRASE").env_remove("SOURCE_DATE_EPOCH");
    command
}

/// The checkout.
pub fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
