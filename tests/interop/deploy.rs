//! What docs/deploy ships is judged by the tools that will read it: systemd, cron's grammar, Kubernetes' schemas,
//! Prometheus, and a bucket with the rights of each role.

use crate::judge::{checkout, passes, promtool, python, tool};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// The program where the units expect it.
const INSTALLED: &str = "/usr/local/bin/attestar";

/// What the units start where they fail.
const FAILED: &str = "attestar-failed@.service";

/// The metrics that CONTRACT fixes.
const METRICS: [&str; 9] = [
    "attestar_archive_bytes",
    "attestar_backup_last_success_timestamp_seconds",
    "attestar_backup_verify_last_success_timestamp_seconds",
    "attestar_drill_last_success_timestamp_seconds",
    "attestar_drill_rpo_seconds",
    "attestar_drill_rto_seconds",
    "attestar_last_run_exit_code",
    "attestar_store_archives",
    "attestar_verified_bytes_ratio",
];

fn deploy(path: &str) -> PathBuf {
    checkout().join("docs/deploy").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder with this ending, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending))).collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} has no *{ending}");
    found
}

/// The program takes these arguments: an unknown command or flag would be refused before `--help` is heard.
fn is_taken(arguments: &[String]) {
    let output = Command::new(env!("CARGO_BIN_EXE_attestar")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A shell that finds the program, as one pod of an Indexed Job.
fn in_shell(words: &[String]) -> std::process::Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_attestar")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new(&words[0])
        .args(&words[1..])
        .env("PATH", path)
        .env("JOB_COMPLETION_INDEX", "0")
        .output()
        .unwrap()
}

/// The words of a command line of ours, after the program.
fn arguments(line: &str, program: &str) -> Vec<String> {
    let mut words = line.split_whitespace().filter(|word| *word != "\\");
    assert_eq!(words.next(), Some(program), "{line}");
    words.map(str::to_owned).collect()
}

/// Each unit, copied to where the program that was built stands for the installed one.
fn units(scratch: &Path) -> Vec<PathBuf> {
    let mut all = files("systemd", ".service");
    all.extend(files("systemd", ".timer"));
    let copy = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap().replace(INSTALLED, env!("CARGO_BIN_EXE_attestar"));
        let copy = scratch.join(path.file_name().unwrap());
        fs::write(&copy, text).unwrap();
        copy
    };
    all.into_iter().map(copy).collect()
}

#[test]
fn systemd_takes_every_unit_and_rates_it_as_hardened() {
    let scratch = tempfile::tempdir().unwrap();
    let units = units(scratch.path());
    assert_eq!(units.len(), 8, "five services, three timers");
    let output = passes(tool("systemd-analyze").args(["verify", "--man=no"]).args(&units));
    assert_eq!(output.trim(), "");
    for unit in units.iter().filter(|unit| unit.extension().is_some_and(|kind| kind == "service")) {
        // Tenths of systemd's exposure, as docs/deploy/README.md has them: 100 is a unit without any of it.
        let most = if unit.ends_with("attestar-drill.service") { "40" } else { "20" };
        let mut security = tool("systemd-analyze");
        security.args(["security", "--no-pager", "--offline=true"]).arg(format!("--threshold={most}"));
        passes(security.arg(unit));
    }
}

/// The lines of the unit for failures that are there to be switched on, switched on.
#[test]
fn a_webhook_hears_of_a_unit_that_failed() {
    let unit = text(&format!("systemd/{FAILED}"));
    let on = unit.replace("\n#LoadCredential=", "\nLoadCredential=").replace("\n#ExecStart=", "\nExecStart=");
    assert_eq!(on.len() + 2, unit.len(), "two lines");
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join(FAILED);
    fs::write(&path, &on).unwrap();
    assert_eq!(passes(tool("systemd-analyze").args(["verify", "--man=no"]).arg(&path)).trim(), "");
    let line = on.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/curl ")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("url = \"http://{}/hook\"\n", listener.local_addr().unwrap());
    fs::write(scratch.path().join("webhook"), address).unwrap();
    // What systemd would put there; a shell takes quotes and backslashes of this line as systemd does.
    let line = line.replace("%i", "attestar-backup.service").replace("%H", "night");
    let heard = thread::spawn(move || hear(&listener));
    let mut shell = tool("sh");
    shell.args(["-c", &format!("exec curl {line}")]).env("CREDENTIALS_DIRECTORY", scratch.path());
    passes(&mut shell);
    let heard = heard.join().unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook ") && head.contains("Content-Type: application/json"), "{heard}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, serde_json::json!({"text": "attestar-backup.service failed on night"}));
}

/// One request, which is answered.
fn hear(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (mut heard, mut piece) = (String::new(), [0; 4096]);
    while !heard.ends_with('}') {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").unwrap();
    heard
}

#[test]
fn the_program_takes_what_units_and_crontab_type() {
    let mut commands = BTreeSet::new();
    let ours = |unit: &PathBuf| !unit.ends_with(FAILED);
    for unit in files("systemd", ".service").into_iter().filter(ours) {
        let text = fs::read_to_string(&unit).unwrap().replace("\\\n", " ");
        let is_watched = text.contains("Type=oneshot");
        assert_eq!(text.contains("\nOnFailure=attestar-failed@%n.service\n"), is_watched, "{unit:?}");
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let arguments = arguments(line, INSTALLED);
        is_taken(&arguments);
        commands.extend(arguments);
    }
    let lines = passes(python("crontab.py").arg(deploy("cron/attestar")));
    assert_eq!(lines.lines().count(), 2, "a host that backs up drills nothing");
    let scratch = tempfile::tempdir().unwrap();
    let crontab = scratch.path().join("attestar");
    fs::write(&crontab, text("cron/attestar").replace("\n#15 ", "\n15 ")).unwrap();
    let lines = passes(python("crontab.py").arg(crontab));
    let users: Vec<&str> = lines.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(users, ["attestar", "attestar", "attestar-drill"]);
    for line in lines.lines() {
        let (_, command) = line.split_once('\t').unwrap();
        is_taken(&arguments(command, "attestar"));
    }
    for command in ["backup", "backup-verify", "drill", "serve"] {
        assert!(commands.contains(command), "no unit runs {command}");
    }
}

#[test]
fn kubernetes_takes_every_manifest_and_the_program_every_command() {
    let manifests = files("kubernetes", ".yaml");
    let printed = passes(python("kubernetes.py").args(&manifests));
    assert!(printed.lines().count() >= manifests.len());
    for line in printed.lines() {
        let mut command: Vec<String> = serde_json::from_str(line).unwrap();
        command.last_mut().unwrap().push_str(" --help");
        let words = if command[0] == "sh" {
            command
        } else {
            ["sh", "-c", &command.join(" ")].map(str::to_owned).into()
        };
        let output = in_shell(&words);
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn prometheus_takes_the_rules_and_each_alert_is_raised_by_its_cause_alone() {
    passes(promtool().args(["check", "rules"]).arg(deploy("prometheus/attestar.rules.yml")));
    let mut test = promtool();
    test.current_dir(deploy("prometheus")).args(["test", "rules", "attestar.rules.test.yml"]);
    passes(&mut test);
    let (rules, tests) = (text("prometheus/attestar.rules.yml"), text("prometheus/attestar.rules.test.yml"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "no test raises {alert}");
    }
    metrics_are_known(&rules);
}

#[test]
fn every_expression_of_the_dashboard_is_one() {
    let dashboard = text("grafana/attestar.json");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().replace("$project", "shop")).collect();
    assert!(expressions.len() >= 9, "{expressions:?}");
    let rules = expressions.iter().enumerate().map(|(at, expression)| {
        format!("      - record: panel:{at}\n        expr: {}\n", serde_json::json!(expression))
    });
    let rules = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.collect::<String>());
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("dashboard.yml");
    fs::write(&file, &rules).unwrap();
    passes(promtool().args(["check", "rules"]).arg(&file));
    metrics_are_known(&rules);
    for metric in METRICS {
        assert!(rules.contains(metric), "no panel shows {metric}");
    }
}

/// Nothing watches a metric that is never written.
fn metrics_are_known(text: &str) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let used: BTreeSet<&str> = words.filter(|word| word.starts_with("attestar_") && word.len() > 9).collect();
    assert!(used.len() > 5, "{used:?}");
    for metric in used {
        assert!(METRICS.contains(&metric), "{metric} is no metric of attestar's");
    }
}

#[test]
fn the_bucket_gives_each_role_its_rights_and_no_more() {
    let mut judge = python("bucket_setup.py");
    judge.arg(deploy("bucket")).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let printed = passes(&mut judge);
    let may = |role: &str| -> BTreeSet<&str> {
        let prefix = format!("{role}: may ");
        let allowed = printed.lines().filter_map(|line| line.strip_prefix(prefix.as_str()));
        allowed.filter(|what| !what.starts_with("not ")).collect()
    };
    assert_eq!(printed.lines().count(), 4 * 12, "{printed}");
    let reading = ["list", "read archive", "read receipt", "read log"];
    let backup = ["list", "read receipt", "read log", "write archive", "write event"];
    assert_eq!(may("backup-host"), BTreeSet::from(backup));
    assert_eq!(may("verify-host"), reading.iter().chain(&["write event"]).copied().collect());
    assert_eq!(
        may("prune-host"),
        reading.iter().chain(&["write event", "delete archive"]).copied().collect()
    );
    assert_eq!(may("reader"), BTreeSet::from(reading));
}
