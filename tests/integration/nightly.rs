//! What machines and people hear of a night: metrics, notices, traces.

use crate::backup::POLICY;
use crate::world::{Said, World, everything_in, names_in, said};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A tree whose policy has a store, and this besides.
fn world(more: &str) -> World {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    policy(&world, more);
    world
}

fn policy(world: &World, more: &str) {
    world.write("attestar.toml", format!("{POLICY}[store]\nurl = \"../nights\"\n{more}"));
}

const METRICS: &str = "[metrics]\ntextfile = \"../attestar.prom\"\n";

fn metrics(world: &World) -> String {
    fs::read_to_string(world.path().join("attestar.prom")).unwrap_or_default()
}

/// The value of a metric of this project.
fn value(world: &World, metric: &str, project: &str) -> Option<f64> {
    let text = metrics(world);
    let labels = format!("project=\"{project}\",policy=\"{project}\"");
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("attestar_{metric}")) && line.contains(&labels))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn exit_code(world: &World, command: &str) -> Option<f64> {
    let text = metrics(world);
    let line = text.lines().find(|line| line.contains(&format!("command=\"{command}\"")))?.to_owned();
    line.rsplit(' ').next()?.parse().ok()
}

/// The metrics as Prometheus' own tool takes them.
#[track_caller]
pub fn promtool(text: &str) {
    let tool = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".judges/bin/promtool");
    let tool = if tool.exists() { tool } else { "promtool".into() };
    let mut child = Command::new(tool)
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("tests/run installs promtool");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[test]
fn every_run_leaves_its_exit_code_and_a_good_one_its_time() {
    let world = world(METRICS);
    world.run(&["-C", "shop", "backup"]).done();
    world.run(&["-C", "shop", "backup-verify"]).done();
    promtool(&metrics(&world));
    let success =
        |command: &str| value(&world, &format!("{command}_last_success_timestamp_seconds"), "nightly");
    let [backup, verify] = [success("backup"), success("backup_verify")];
    assert!(backup.is_some() && verify.is_some(), "{}", metrics(&world));
    assert_eq!((exit_code(&world, "backup"), exit_code(&world, "backup-verify")), (Some(0.0), Some(0.0)));
    let [archives, bytes, ratio] = ["store_archives", "archive_bytes", "verified_bytes_ratio"]
        .map(|name| value(&world, name, "nightly"));
    assert_eq!((archives, ratio), (Some(1.0), Some(1.0)));
    assert!(bytes > Some(1000.0));
    thread::sleep(Duration::from_millis(1100));
    // Failures of every kind: refused, refuted, an error, a wrong flag of the policy's world.
    world.run(&["-C", "shop", "backup-verify", "--max-age", "1s"]).exits(4);
    assert_eq!((exit_code(&world, "backup-verify"), success("backup_verify")), (Some(4.0), verify));
    let archive = world.path().join("nights/archives");
    let name = names_in(&archive).into_iter().find(|name| name.ends_with(".age")).unwrap();
    fs::write(archive.join(name), "x").unwrap();
    world.run(&["-C", "shop", "backup-verify"]).exits(3);
    assert_eq!((exit_code(&world, "backup-verify"), success("backup_verify")), (Some(3.0), verify));
    fs::rename(world.path().join("nights"), world.path().join("gone")).unwrap();
    world.run(&["-C", "shop", "backup-verify"]).exits(1);
    assert_eq!((exit_code(&world, "backup-verify"), success("backup_verify")), (Some(1.0), verify));
    fs::rename(world.home().join("signing.key"), world.path().join("signing.key")).unwrap();
    world.run(&["-C", "shop", "backup"]).exits(5);
    assert_eq!((exit_code(&world, "backup"), success("backup")), (Some(5.0), backup));
    promtool(&metrics(&world));
}

#[test]
fn the_metrics_are_there_for_other_users_whatever_the_umask_of_the_service_is() {
    let world = world(METRICS);
    let backup = world.command(&["-C", "shop", "backup"]);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(backup.get_program()).args(backup.get_args());
    command.env_clear().current_dir(world.path()).envs(backup.get_envs().filter_map(|(k, v)| Some((k, v?))));
    said(command.output().unwrap()).done();
    let mode = |path: &str| fs::metadata(world.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("attestar.prom"), mode("nights/log/checkpoint")), (0o644, 0o600));
}

#[test]
fn two_projects_share_a_file_and_a_damaged_one_is_replaced_and_said() {
    let world = world(METRICS);
    world.run(&["-C", "shop", "backup"]).done();
    let other = format!("{}[store]\nurl = \"../others\"\n{METRICS}", POLICY.replace("nightly", "other"));
    fs::create_dir(world.path().join("two")).unwrap();
    fs::write(world.path().join("two/attestar.toml"), other).unwrap();
    world.run(&["-C", "two", "backup"]).done();
    let success = |project: &str| value(&world, "backup_last_success_timestamp_seconds", project);
    assert!(success("nightly").is_some() && success("other").is_some(), "{}", metrics(&world));
    promtool(&metrics(&world));
    let whole = metrics(&world);
    fs::write(world.path().join("attestar.prom"), &whole[..whole.len() / 2]).unwrap();
    world.run(&["-C", "two", "backup"]).done().complains("metrics-replaced");
    assert!(success("nightly").is_none() && success("other").is_some());
    // Runs at once lose nothing of each other.
    let mut runs = Vec::new();
    for tree in ["shop", "two"] {
        runs.push(world.command(&["-C", tree, "backup", "-q"]).spawn().unwrap());
    }
    assert!(runs.into_iter().all(|mut run| run.wait().unwrap().success()));
    assert!(success("nightly").is_some() && success("other").is_some(), "{}", metrics(&world));
    assert_eq!(names_in(world.path()).iter().filter(|name| name.contains("prom")).count(), 1);
}

#[test]
fn metrics_that_cannot_be_written_are_a_failed_run_unless_the_evidence_does_not_hold() {
    let world = world("[metrics]\ntextfile = \"../none/attestar.prom\"\n");
    let done = world.run(&["-C", "shop", "backup"]).exits(1);
    let done = done.complains("the metrics were not written: cannot open");
    assert!(done.out.contains("backed up"), "the backup itself is there");
    thread::sleep(Duration::from_millis(1100));
    // A backup that is too old is 4, which comes after 1; one that is gone is 3, which comes before.
    let late = ["-C", "shop", "backup-verify", "--max-age", "1s"];
    let said = world.run(&late).exits(1).complains("the metrics were not written");
    assert!(said.out.contains("backup-late"), "{}", said.out);
    let archives = world.path().join("nights/archives");
    let archive = names_in(&archives).into_iter().find(|name| name.ends_with(".age")).unwrap();
    fs::remove_file(archives.join(archive)).unwrap();
    world.run(&late).exits(3).complains("the metrics were not written");
}

/// A server that gives each request this answer, and passes on what it was sent.
struct Server {
    port: u16,
    requests: Receiver<String>,
}

impl Server {
    fn start(answer: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                if sender.send(request).is_err() {
                    return;
                }
                if answer == "hang" {
                    thread::sleep(Duration::from_secs(30));
                }
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Server { port, requests }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/T0KENT0KENT0KEN", self.port)
    }

    fn received(&self) -> Option<String> {
        self.requests.recv_timeout(Duration::from_millis(200)).ok()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).ok()?)
}

const OK: &str = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";

/// `backup-verify` of a store that is not there, which is exit 1, with the address in the environment.
fn fails(world: &World, url: &str) -> Said {
    let mut command = world.command(&["-C", "shop", "backup-verify"]);
    said(command.env("HOOK_URL", url).output().unwrap())
}

/// Where the notice has to arrive it has time, however busy the machine is.
const HOOK: &str = "[notify]\nwebhook = \"env:HOOK_URL\"\ntime_limit = \"30s\"\n";

/// The notice in a request, as its schema says.
#[track_caller]
fn notice(request: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hooks/T0KENT0KENT0KEN HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
    let notice = serde_json::from_str(body).unwrap();
    crate::schemas::judge(&notice);
    notice
}

#[test]
fn a_webhook_hears_of_what_failed_and_of_nothing_else() {
    let server = Server::start(OK);
    let world = world(HOOK);
    let run = |args: &[&str]| {
        let mut command = world.command(&[&["-C", "shop"], args].concat());
        said(command.env("HOOK_URL", server.url()).output().unwrap())
    };
    run(&["backup"]).done();
    run(&["backup-verify"]).done();
    assert_eq!(server.received(), None, "all is well");
    thread::sleep(Duration::from_millis(1100));
    let said = run(&["--json", "backup-verify", "--max-age", "1s"]).exits(4).json();
    let told = notice(&server.received().expect("a request"));
    assert_eq!(
        (&told["command"], &told["exit_code"], &told["outcome"]),
        (&"backup-verify".into(), &4.into(), &"refused".into())
    );
    assert_eq!((&told["trace_id"], &told["report"]), (&said["trace_id"], &said["recorded"]["report"]));
    assert_eq!((&told["findings"][0]["code"], &told["findings_total"]), (&"backup-late".into(), &1.into()));
    assert_eq!(told["project"], "nightly");
    fs::rename(world.path().join("nights"), world.path().join("gone")).unwrap();
    run(&["backup-verify"]).exits(1);
    let told = notice(&server.received().expect("a request"));
    assert!(
        told["error"].as_str().unwrap().contains("nights") && told["findings"] == serde_json::json!([]),
        "{told}"
    );
    // Only what the policy asks for.
    policy(&world, &format!("{HOOK}on = [\"refuted\", \"done\"]\n"));
    run(&["backup-verify"]).exits(1);
    assert_eq!(server.received(), None);
    fs::rename(world.path().join("gone"), world.path().join("nights")).unwrap();
    run(&["backup"]).done();
    assert_eq!(notice(&server.received().expect("a request"))["outcome"], "done");
    // A command that is not a nightly one tells nobody.
    run(&["verify", "nothing"]).exits(1);
    assert_eq!(server.received(), None);
}

#[test]
fn a_webhook_that_fails_is_said_without_its_address_and_changes_nothing() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n";
    // Nobody listens there, and nobody but root could begin to.
    let refused = "http://127.0.0.1:1/hooks/T0KENT0KENT0KEN".to_owned();
    let servers = [
        ("hang", "it did not answer within the time limit"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "it answered 500"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "it answered 404"),
        (moved, "it answered 302, and redirects are not followed"),
        ("what?\r\n\r\n", "the request failed"),
    ];
    let servers = servers.map(|(answer, why)| (Server::start(answer), why));
    let others = [
        (refused, "it cannot be reached"),
        ("http://hooks.example.com/T0KENT0KENT0KEN".to_owned(), "allow_http = true admits that"),
        ("T0KENT0KENT0KEN".to_owned(), "no address in it"),
    ];
    let urls = servers.iter().map(|(server, why)| (server.url(), *why)).chain(others);
    let world = world(HOOK);
    let impatient = self::world(&HOOK.replace("30s", "1s"));
    thread::scope(|scope| {
        for (url, why) in urls {
            let world = if why.contains("time limit") { &impatient } else { &world };
            scope.spawn(move || is_told_without_its_address(world, &url, why));
        }
    });
    world.run(&["-C", "shop", "backup-verify"]).exits(1).complains("the variable HOOK_URL is not set");
}

fn is_told_without_its_address(world: &World, url: &str, why: &str) {
    let began = Instant::now();
    let said = fails(world, url).exits(1).complains("warning: the webhook was not told: ").complains(why);
    assert!(began.elapsed() < Duration::from_secs(20), "{why}: it sat out its time");
    assert!(!said.err.contains("T0KEN") && !said.err.contains("/hooks"), "{}", said.err);
    let mut json = world.command(&["-C", "shop", "--log-format", "json", "--json", "backup-verify"]);
    let logged = crate::world::said(json.env("HOOK_URL", url).output().unwrap()).exits(1);
    assert!(!logged.err.contains("T0KEN") && !logged.out.contains("T0KEN"), "{}", logged.err);
}

#[test]
fn a_program_gets_the_notice_on_its_input_and_nothing_else() {
    let run = "[notify]\nrun = [\"sh\", \"-c\", \"cat > ../told; env > ../environment\"]\nvariables = [\"PATH\", \"PAGER_KEY\"]\n";
    let world = world(run);
    let mut command = world.command(&["-C", "shop", "backup-verify"]);
    let output =
        command.env("PAGER_KEY", "hunter2-hunter2").env("AWS_SECRET_ACCESS_KEY", "never").output().unwrap();
    said(output).exits(1);
    let told: Value = serde_json::from_slice(&fs::read(world.path().join("told")).unwrap()).unwrap();
    crate::schemas::judge(&told);
    assert_eq!((&told["command"], &told["exit_code"]), (&"backup-verify".into(), &1.into()));
    let environment = fs::read_to_string(world.path().join("environment")).unwrap();
    assert!(environment.contains("PAGER_KEY=hunter2"), "{environment}");
    assert!(!environment.contains("AWS_") && !environment.contains("ATTESTAR_"), "{environment}");
    // One that does not read, one that fails, one that hangs, one that is not there.
    for (program, limit, why) in [
        ("[\"true\"]", "60s", None),
        (
            "[\"sh\", \"-c\", \"echo no $PAGER_KEY; exit 3\"]",
            "60s",
            Some("it ended with 3: no [masked: a variable]"),
        ),
        ("[\"sleep\", \"60\"]", "1s", Some("it did not end within the time limit")),
        ("[\"no-such-program\"]", "60s", Some("did not take the notice: cannot start no-such-program")),
    ] {
        policy(
            &world,
            &format!(
                "[notify]\nrun = {program}\nvariables = [\"PATH\", \"PAGER_KEY\"]\ntime_limit = \"{limit}\"\n"
            ),
        );
        let mut command = world.command(&["-C", "shop", "backup-verify"]);
        let said = said(command.env("PAGER_KEY", "hunter2-hunter2").output().unwrap()).exits(1);
        assert_eq!(said.err.contains("did not take the notice"), why.is_some(), "{}", said.err);
        assert!(said.err.contains(why.unwrap_or_default()) && !said.err.contains("hunter2"), "{}", said.err);
    }
}

#[test]
fn what_looks_like_a_credential_is_not_told() {
    let server = Server::start(OK);
    let token = format!("gh{}Zk3vQ9mT2xWb7RfL4cHs8NdPy6Ga1JuE5KoC", "p_");
    let capture = format!(
        "[[capture]]\nid = \"x\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo {token} >&2; exit 1\"]\nvariables = [\"PATH\"]\n"
    );
    let world = world(&format!("{HOOK}{capture}"));
    let mut command = world.command(&["-C", "shop", "backup"]);
    said(command.env("HOOK_URL", server.url()).output().unwrap()).exits(1);
    let request = server.received().expect("a request");
    assert!(!request.contains(&token), "{request}");
    assert!(notice(&request)["error"].as_str().unwrap().contains("[masked: GitHub token]"), "{request}");
}

#[test]
fn what_the_policy_gives_to_programs_is_told_nowhere() {
    let server = Server::start(OK);
    let capture = "[[capture]]\nid = \"x\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo login as $DB_PASSWORD failed >&2; exit 1\"]\nvariables = [\"PATH\", \"DB_PASSWORD\"]\n";
    let world = world(&format!("{HOOK}{capture}"));
    for flags in [&["backup"][..], &["--json", "backup"], &["--log-format", "json", "backup"]] {
        let mut command = world.command(&[&["-C", "shop"], flags].concat());
        command.env("HOOK_URL", server.url()).env("DB_PASSWORD", "correct horse battery");
        let said = said(command.output().unwrap()).exits(1);
        let request = server.received().expect("a request");
        for text in [&said.out, &said.err, &request] {
            assert!(!text.contains("horse"), "{text}");
        }
        assert!(format!("{}{}", said.out, said.err).contains("login as [masked: a variable] failed"));
        let told = notice(&request);
        for key in ["error", "summary"] {
            assert!(told[key].as_str().unwrap().contains("login as [masked: a variable] failed"), "{told}");
        }
    }
}

/// Every file below a folder, as text.
fn everything_written(folder: &Path) -> String {
    let files = everything_in(folder).into_iter().filter(|(path, _)| path.is_file());
    files.map(|(path, _)| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()).collect()
}

#[test]
fn the_password_of_a_connection_is_told_nowhere() {
    const DSN: &str = "postgres://app:correct%20horse@127.0.0.1:1/shop";
    let server = Server::start(OK);
    let dump = "[[capture]]\nid = \"db\"\nkind = \"postgres\"\ndsn = \"file:../secret/db.dsn\"\n";
    let says = "[[capture]]\nid = \"a\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"cat ../secret/db.dsn >&2; echo password is correct horse >&2; exit 1\"]\nvariables = [\"PATH\"]\n";
    // One that the policy does not name, in a line that a program prints.
    let other = "[[capture]]\nid = \"x\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"cat ../other >&2; exit 1\"]\nvariables = [\"PATH\"]\n";
    for (what, captures) in
        [("dump", dump.to_owned()), ("says", format!("{dump}{says}")), ("other", other.to_owned())]
    {
        let world = world(&format!("{HOOK}{METRICS}{captures}"));
        fs::create_dir(world.path().join("secret")).unwrap();
        fs::write(world.path().join("secret/db.dsn"), format!("{DSN}\n")).unwrap();
        fs::write(world.path().join("other"), "cannot reach postgres://a:correct-horse@db/x\n").unwrap();
        for flags in
            [&["backup"][..], &["--json", "backup"], &["--log-format", "json", "backup"], &["-q", "backup"]]
        {
            let mut command = world.command(&[&["-C", "shop"], flags].concat());
            let said = said(command.env("HOOK_URL", server.url()).output().unwrap()).exits(1);
            let request = server.received().expect("a request");
            let nights = everything_written(&world.path().join("nights"));
            for text in [&said.out, &said.err, &request, &metrics(&world), &nights] {
                assert!(!text.contains("horse"), "{what}: {text}");
            }
            let told = format!("{}{}", said.out, said.err);
            assert!(what == "dump" || told.contains("[masked: "), "{what}: {told}");
        }
    }
}

#[test]
fn an_answer_names_what_it_is_of_whatever_programs_are_given() {
    let capture = "[[capture]]\nid = \"x\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo $PGDATABASE\"]\nvariables = [\"PATH\", \"PGDATABASE\"]\n";
    let world = world(capture);
    let mut command = world.command(&["-C", "shop", "--json", "backup"]);
    let said = said(command.env("PGDATABASE", "nightly").output().unwrap()).done();
    assert!(said.out.contains("\"nightly-20") && !said.out.contains("[masked"), "{}", said.out);
}

#[test]
fn what_a_probe_prints_of_its_variables_is_in_no_report() {
    let probe = "[[probe]]\nid = \"login\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo login as $DB_PASSWORD failed; exit 1\"]\nvariables = [\"PATH\", \"DB_PASSWORD\"]\n";
    let world = world(probe);
    world.run(&["-C", "shop", "backup"]).done();
    for flags in [&["drill"][..], &["--json", "drill"], &["--log-format", "json", "drill"]] {
        let mut command = world.command(&[&["-C", "shop"], flags, &["--out", "drill"]].concat());
        let said = said(command.env("DB_PASSWORD", "correct horse battery").output().unwrap()).exits(3);
        let written = everything_written(&world.path().join("nights"));
        let report = everything_written(&world.path().join("drill"));
        for text in [&said.out, &said.err, &written, &report] {
            assert!(!text.contains("horse"), "{text}");
        }
        assert!(report.contains("login as [masked: a variable] failed"), "{report}");
    }
}

#[test]
fn every_line_of_a_run_has_its_trace() {
    let world = world("");
    world.run(&["-C", "shop", "backup"]).done();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut command = world.command(&["-C", "shop", "--log-format", "json", "--json", "backup-verify"]);
    let said = said(command.env("TRACEPARENT", parent).output().unwrap()).done();
    let report = said.json();
    assert_eq!(report["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let lines: Vec<Value> = said.err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let hex = |value: &Value, len| {
        value.as_str().is_some_and(|text| text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    assert!(
        lines.iter().all(|line| line["trace_id"] == report["trace_id"] && hex(&line["span_id"], 16)),
        "{}",
        said.err
    );
    let line = |key: &str, text: &str| {
        lines.iter().find(|line| line[key] == text).unwrap_or_else(|| panic!("{}", said.err))
    };
    let ended = line("message", "ended");
    assert_eq!(
        (&ended["parent_span_id"], &ended["command"]),
        (&"b7ad6b7169203331".into(), &"backup-verify".into())
    );
    let steps = ["log", "receipts", "contents", "store", "recorded"].map(|step| line("step", step));
    assert!(
        steps.iter().all(|step| step["parent_span_id"] == ended["span_id"] && step["duration_ms"].is_u64())
    );
    let mut spans: Vec<&str> = steps.iter().map(|step| step["span_id"].as_str().unwrap()).collect();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), 5);
    // What was found is a line that can be read, with each of its parts.
    fs::rename(world.path().join("nights/archives"), world.path().join("aside")).unwrap();
    let said = world.run(&["-C", "shop", "--log-format", "json", "backup-verify"]).exits(3);
    let lines: Vec<Value> = said.err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let missing = lines.iter().find(|line| line["code"] == "missing").expect("a line of the finding");
    let subject = missing["subject"].as_str().unwrap();
    assert!(subject.starts_with("nightly-") && missing["level"] == "ERROR", "{missing}");
    assert_eq!(missing["message"], format!("missing {subject}"));
    let checked = lines.iter().find(|line| line["code"] == "nothing-checked").unwrap();
    assert!(checked.get("actual").is_none(), "{checked}");
    fs::rename(world.path().join("aside"), world.path().join("nights/archives")).unwrap();
    // What is no parent starts a trace of its own.
    for bad in ["00-00000000000000000000000000000000-b7ad6b7169203331-01", "x"] {
        let mut command = world.command(&["-C", "shop", "--json", "backup-verify"]);
        let report = crate::world::said(command.env("TRACEPARENT", bad).output().unwrap()).done().json();
        assert!(hex(&report["trace_id"], 32) && report["trace_id"] != "0af7651916cd43dd8448eb211c80319c");
    }
}
