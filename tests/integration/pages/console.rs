//! The console, as a browser, a watchdog, and those whom it is kept from, meet it.

use super::browser::{WAYS, look};
use crate::nightly::promtool;
use crate::world::World;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A console that runs; it is told to end when this goes.
pub struct Console {
    process: Child,
    port: u16,
}

impl Console {
    /// Starts one on a free port, and waits until it knows the store.
    pub fn start(world: &World, flags: &[&str]) -> Console {
        let console = Console::begin(world, flags);
        console.wait();
        console
    }

    /// Starts one, which answers, and knows nothing yet.
    pub fn begin(world: &World, flags: &[&str]) -> Console {
        let mut command = world.command(&[&["serve", "--port", "0", "--json"], flags].concat());
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("attestar starts");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, rest) = line.split_once("http://127.0.0.1:")?;
            rest.split('/').next()?.parse().ok()
        });
        let port = said.expect("it says where it answers");
        Console { process, port }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has looked at the store.
    fn wait(&self) {
        let started = Instant::now();
        while self.get("/api/store").0 == 503 {
            assert!(started.elapsed() < PATIENCE, "it never looks at the store");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends this, and gives everything that comes back.
    fn says(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it answers");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> (u16, String) {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let has_host = headers.iter().any(|header| header.starts_with("Host:"));
        let own = if has_host { None } else { Some(&*host) };
        let headers: Vec<&str> = own.into_iter().chain(headers.iter().copied()).collect();
        let headers = headers.join("\r\n");
        let answer =
            self.says(&format!("{method} {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"));
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, &[])
    }

    /// Asks until the answer is what it is to become.
    pub fn until(&self, path: &str, is_so: impl Fn(u16, &str) -> bool) {
        let begun = Instant::now();
        loop {
            let (status, answer) = self.get(path);
            if is_so(status, &answer) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} stays {status}: {answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A document, held to its schema.
    pub fn document(&self, path: &str) -> Value {
        let (_, answer) = self.get(path);
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let document = serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        crate::schemas::judge(&document);
        document
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends it by a signal; gives the exit code and what it says at last.
    pub fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let killed = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let mut said = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A store with a release in it, which this host knows.
fn published() -> World {
    let world = World::sealed();
    world.run(&["publish", "out/shop-1.0.0.tar.zst.age", "--store", "store"]).done();
    world
}

#[test]
fn a_browser_sees_the_store_and_its_releases_and_nothing_is_asked_of_anybody() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let seen = look(&console.url("/"), "console", &WAYS, ["", ""]);
    seen.is_clean();
    seen.reads("On time, and the log holds.").reads("shop-1.0.0").reads("the store holds releases alone");
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(*seen.at("light", &format!("/headers/{header}")), value);
    }
    let policy = seen.at("light", "/headers/content-security-policy").as_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(seen.at("light", "/headers").get("access-control-allow-origin").is_none());
    let seen = look(&console.url("/packs/shop-1.0.0"), "console-pack", &WAYS, ["", ""]);
    seen.is_clean();
    // The console has no identity, so the payload is not looked at, and the page says so.
    seen.reads("Verified: everything asked for was checked and holds.")
        .reads("table prices")
        .reads("not read");
}

#[test]
fn programs_get_documents_of_the_published_schemas_and_metrics() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let health = console.document("/health");
    assert_eq!((console.get("/health").0, &health["state"]), (200, &"good".into()));
    let store = console.document("/api/store");
    assert_eq!((&store["archives"][0]["name"], &store["verdict"]), (&"shop-1.0.0".into(), &"holds".into()));
    let pack = console.document("/api/packs/shop-1.0.0");
    assert_eq!((&pack["about"]["version"], &pack["sealed_by"].is_string()), (&"1.0.0".into(), &true));
    let (status, metrics) = console.get("/metrics");
    assert!(status == 200 && metrics.contains("attestar_store_archives"), "{metrics}");
    for path in ["/nope", "/packs/", "/packs/shop-9.9.9", "/packs/..%2f", "/drills/x", "/api", "/api/", "//"]
    {
        assert_eq!(console.get(path).0, 404, "{path}");
    }
    let (status, answer) = console.ask("HEAD", "/", &[]);
    assert!(status == 200 && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn no_page_of_another_site_gets_anything() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    for path in ["/", "/health", "/metrics", "/api/store", "/packs/shop-1.0.0"] {
        let status = |method: &str, headers: &[&str]| {
            let (status, answer) = console.ask(method, path, headers);
            let lower = answer.to_ascii_lowercase();
            assert!(!lower.contains("access-control-"), "{answer}");
            assert!(
                status == 200 || !answer.contains("shop"),
                "a refusal says nothing of the store: {answer}"
            );
            status
        };
        assert_eq!(status("GET", &["Host: rebound.example"]), 421);
        assert_eq!(status("GET", &["Origin: http://rebound.example"]), 403);
        assert_eq!(status("GET", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]), 403);
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            assert_eq!(status(method, &["Content-Length: 0"]), 405, "{method}");
        }
    }
    // Only the loopback is listened on.
    let addresses = std::fs::read_to_string(format!("/proc/{}/net/tcp", console.process.id())).unwrap();
    let port = format!(":{:04X} ", console.port);
    let open = addresses.lines().filter(|line| line.contains(&port) && line.contains(" 0A "));
    assert!(open.clone().count() > 0 && open.clone().all(|line| line.contains(" 0100007F:")), "{addresses}");
}

#[test]
fn whoever_holds_connections_open_keeps_nobody_out_for_long() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let mut held: Vec<TcpStream> = (0..80)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", console.port)).unwrap();
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ");
            stream
        })
        .collect();
    let started = Instant::now();
    assert_eq!(console.get("/health").0, 200);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let first = &mut held[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    let _ = first.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"), "it was cut off");
}

#[test]
fn signals_end_it_well_and_a_port_that_is_taken_is_told() {
    let world = published();
    for signal in ["-TERM", "-INT"] {
        let console = Console::start(&world, &["--store", "store"]);
        let port = console.port.to_string();
        let said = world.run(&["serve", "--store", "store", "--port", &port]).exits(1);
        said.tells(&format!("port {port} of 127.0.0.1 is taken")).tells("--port 0");
        // Somebody is in the middle of a request.
        let mut held = TcpStream::connect(("127.0.0.1", console.port)).unwrap();
        held.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        let started = Instant::now();
        let (code, said) = console.end(signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let document: Value = serde_json::from_str(&said).expect("one document at the end");
        crate::schemas::judge(&document);
        assert!(document["requests"].as_u64() >= Some(1), "{document}");
    }
}

#[test]
fn a_request_that_trickles_in_is_cut_off_and_connections_that_are_kept_hold_up_no_end() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", console.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    // A byte now and then is no silence, and no request either.
    let mut trickling = connect();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && trickling.write_all(b"X").is_ok() {
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    // Somebody keeps a connection, as browsers do.
    let mut kept = connect();
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut some = [0; 16];
    kept.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"));
    let asked = Instant::now();
    assert_eq!(console.end("-TERM").0, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[test]
fn a_store_that_cannot_be_read_any_more_is_told_with_the_age_of_what_is_shown() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    assert_eq!(console.get("/health").0, 200);
    let checkpoint = world.path().join("store/log/checkpoint");
    let aside = world.path().join("aside");
    std::fs::rename(&checkpoint, &aside).unwrap();
    std::fs::create_dir(&checkpoint).unwrap();
    console.until("/health", |status, _| status == 503);
    let health = console.document("/health");
    assert_eq!(health["state"], "failed");
    assert!(health["trouble"].as_str().is_some_and(|why| why.contains("checkpoint")), "{health}");
    assert!(health["looked_at"].is_string(), "what it says of the cards is from then: {health}");
    let (status, page) = console.get("/");
    assert!(status == 200 && page.contains("The store could not be looked at"), "{page}");
    assert!(page.contains("What follows was seen") && page.contains("shop-1.0.0"), "{page}");
    // It comes back, and so does the page.
    std::fs::remove_dir(&checkpoint).unwrap();
    std::fs::rename(&aside, &checkpoint).unwrap();
    console.until("/health", |status, _| status == 200);
    assert!(!console.get("/").1.contains("could not be looked at"));
    // One that cannot be read from the start.
    std::fs::rename(&checkpoint, &aside).unwrap();
    std::fs::create_dir(&checkpoint).unwrap();
    let console = Console::begin(&world, &["--store", "store"]);
    console.until("/health", |status, body| status == 503 && body.contains("\"failed\""));
    let (status, page) = console.get("/");
    assert!(status == 503 && page.contains("Nothing is known of it"), "{page}");
    assert_eq!(console.get("/metrics").0, 503, "numbers of nothing are none");
}

#[test]
fn a_policy_that_changes_counts_from_then_on() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    let console = Console::start(&world, &["-C", "shop", "--first"]);
    assert_eq!(console.document("/api/store")["limits"]["rto_ms"], 900_000);
    world.write("attestar.toml", NIGHTLY.replace("15m", "20m"));
    console.until("/api/store", |_, body| body.contains("\"rto_ms\":1200000"));
    // One that is none any more, and one of another store: what was known stays, and that it is old is told.
    for (policy, says) in [
        ("schema = 7\n".to_owned(), "attestar.toml"),
        (NIGHTLY.replace("../store", "../other"), "another store"),
    ] {
        world.write("attestar.toml", policy);
        console.until("/health", |status, body| status == 503 && body.contains(says));
        assert!(console.get("/").1.contains("What follows was seen"));
    }
    world.write("attestar.toml", NIGHTLY);
    console.until("/health", |status, _| status == 200);
}

#[test]
fn what_is_late_or_does_not_hold_is_503_and_on_the_page() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    assert_eq!(console.get("/health").0, 200);
    // The archive goes, and no leaf says so. The next whole look finds it; a new console looks at once.
    std::fs::remove_file(world.path().join("store/releases/shop-1.0.0/shop-1.0.0.tar.zst.age")).unwrap();
    let console = Console::start(&world, &["--store", "store"]);
    let health = console.document("/health");
    assert_eq!((console.get("/health").0, &health["state"]), (503, &"failed".into()));
    let (status, page) = console.get("/");
    assert!(status == 200 && page.contains("Failed: something does not hold.") && page.contains("missing: "));
    // A host that never saw the log cannot know that none of it is gone.
    let console = Console::start(&world, &["--store", "store", "--state", "elsewhere"]);
    assert_eq!(console.get("/health").0, 503);
    assert!(console.get("/").1.contains("this host has not seen the log before"));
}

const NIGHTLY: &str = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n\
                       [store]\nurl = \"../store\"\n[drill]\nrto = \"15m\"\nrpo = \"24h\"\n\
                       [metrics]\ntextfile = \"../attestar.prom\"\n";

#[test]
fn the_reports_of_drills_and_nightly_checks_are_pages_as_long_as_they_are_what_was_signed() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    world.run(&["-C", "shop", "backup-verify", "--first"]).done();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).done();
    let console = Console::start(&world, &["-C", "shop"]);
    let store = console.document("/api/store");
    assert_eq!((&store["state"], &store["cards"][2]["state"]), (&"good".into(), &"good".into()));
    assert_eq!((&store["limits"]["rto_ms"], &store["prune"]), (&900_000.into(), &serde_json::json!([])));
    let coverage = &store["coverage"];
    assert_eq!(
        (&coverage["archives_verified"], &coverage["bytes_verified"]),
        (&1.into(), &coverage["bytes"])
    );
    let drill = format!("/drills/{}", store["drills"][0]["report"].as_str().unwrap());
    let check = format!("/verifications/{}", store["events"][1]["report"]["name"].as_str().unwrap());
    for (path, says) in [(&drill, "Passed: it came back"), (&check, "Passed: everything that was asked for")]
    {
        console.document(&format!("/api{path}"));
        let seen = look(&console.url(path), "console-report", &WAYS, ["", ""]);
        seen.is_clean();
        seen.reads(says).reads("shop");
    }
    // What the text file alone knows, beside what the log says.
    let metrics = console.get("/metrics").1;
    assert!(
        metrics.contains("attestar_last_run_exit_code{") && metrics.contains("attestar_drill_rto_seconds{")
    );
    // Somebody writes a better report over the one that was signed.
    let report =
        world.path().join(format!("store/reports/drill/{}/drill_report.json", &drill["/drills/".len()..]));
    let better = std::fs::read_to_string(&report).unwrap().replacen(
        "\"rto_measured_ms\": ",
        "\"rto_measured_ms\": 1",
        1,
    );
    std::fs::write(&report, better).unwrap();
    assert_eq!(console.get(&drill).0, 502);
    let console = Console::start(&world, &["-C", "shop"]);
    assert_eq!((console.get(&drill).0, console.get(&format!("/api{drill}")).0), (404, 404));
    assert_eq!(console.document("/api/store")["drills"], serde_json::json!([]));
}

#[test]
fn what_the_last_drill_did_not_measure_is_absent_and_never_zero() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).done();
    let textfile = || std::fs::read_to_string(world.path().join("attestar.prom")).unwrap();
    let measured =
        |text: &str| ["rto", "rpo"].map(|it| text.contains(&format!("attestar_drill_{it}_seconds")));
    let served = || {
        let answer = Console::start(&world, &["-C", "shop", "--first"]).get("/metrics").1;
        let text = answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
        promtool(&text);
        text
    };
    assert_eq!((measured(&textfile()), measured(&served())), ([true; 2], [true; 2]));
    // Nobody can decrypt: how long it would take is not known, how much would be lost is.
    std::fs::remove_file(world.home().join("identity.age")).unwrap();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).exits(5).says("not measured");
    promtool(&textfile());
    assert_eq!((measured(&textfile()), measured(&served())), ([false, true], [false, true]));
    let console = Console::start(&world, &["-C", "shop"]);
    let drills = console.document("/api/store")["drills"].clone();
    assert_eq!((&drills[0]["rto_ms"].is_u64(), &drills[1]["rto_ms"].is_null()), (&true, &true), "{drills}");
    assert!(console.get("/").1.contains("not measured"));
    let page = console.get(&format!("/drills/{}", drills[1]["report"].as_str().unwrap())).1;
    let no_zero = !page.contains(">0 ms</td><td class=\"number\">");
    assert!(page.contains("not measured") && no_zero, "{page}");
    // The archive is gone: neither.
    let archives = world.path().join("store/archives");
    let gone = std::fs::read_dir(&archives).unwrap().map(|entry| entry.unwrap().path());
    gone.filter(|path| path.extension().is_some_and(|it| it == "age"))
        .for_each(|it| std::fs::remove_file(it).unwrap());
    world.run(&["-C", "shop", "drill", "--out", "drill"]).exits(3).says("not measured");
    assert_eq!((measured(&textfile()), measured(&served())), ([false; 2], [false; 2]));
}

#[test]
fn no_secret_of_this_host_is_on_any_page() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let secret = std::fs::read_to_string(world.home().join("identity.age")).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).expect("a bare identity");
    for path in ["/", "/health", "/metrics", "/api/store", "/packs/shop-1.0.0", "/api/packs/shop-1.0.0"] {
        let (status, answer) = console.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(!answer.contains(secret) && !answer.contains("PRIVATE KEY"), "{path}");
        assert!(!answer.contains(&*world.home().to_string_lossy()), "{path} names the key folder");
    }
}
