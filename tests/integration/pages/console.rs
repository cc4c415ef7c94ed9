//! The console, as a browser, a watchdog, and those whom it is kept from, meet it.

use crate::world::World;
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A console that runs; it is told to end when this goes.
pub struct Console {
    process: Child,
    port: u16,
    log: Lines<BufReader<ChildStderr>>,
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
        Console::begin_with(world, flags, &[])
    }

    /// The same, with these variables.
    pub fn begin_with(world: &World, flags: &[&str], variables: &[(&str, &str)]) -> Console {
        let mut command = world.command(&[&["serve", "--port", "0", "--json"], flags].concat());
        command.envs(variables.iter().copied());
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("attestar starts");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, rest) = line.split_once("127.0.0.1:")?;
            rest.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
        });
        let port = said.expect("it says where it answers");
        Console { process, port, log: lines }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has looked at the store.
    pub fn wait(&self) {
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

    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> (u16, String) {
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

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends it, and gives what it said on stderr since it began to answer.
    pub fn log(mut self) -> String {
        let _ = self.process.kill();
        let lines = self.log.by_ref().map_while(Result::ok);
        lines.collect::<Vec<_>>().join("\n")
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
pub fn published() -> World {
    let world = World::sealed();
    world.run(&["publish", "out/shop-1.0.0.tar.zst.age", "--store", "store"]).done();
    world
}

/// A policy of nights and drills.
pub const NIGHTLY: &str = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n\
                       [store]\nurl = \"../store\"\n[drill]\nrto = \"15m\"\nrpo = \"24h\"\n\
                       [metrics]\ntextfile = \"../attestar.prom\"\n";

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
fn who_trickles_or_holds_connections_is_cut_off_and_holds_up_nobody_and_no_end() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", console.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    // A byte now and then is no silence, and no request either.
    let mut trickling = connect();
    let trickled = std::thread::spawn(move || {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && trickling.write_all(b"X").is_ok() {
            std::thread::sleep(Duration::from_millis(500));
        }
        begun.elapsed()
    });
    // More than there is room for, and none of them says any more.
    let mut held: Vec<TcpStream> = (0..80)
        .map(|_| {
            let mut stream = connect();
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ");
            stream
        })
        .collect();
    let started = Instant::now();
    assert_eq!(console.get("/health").0, 200);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    let mut rest = Vec::new();
    let _ = held[0].read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"), "it was cut off");
    let trickled = trickled.join().unwrap();
    assert!(trickled < Duration::from_secs(60), "nobody cut it off: {trickled:?}");
    drop(held);
    // Somebody keeps a connection, as browsers do.
    let mut kept = connect();
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut some = [0; 16];
    kept.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"));
    let asked = Instant::now();
    assert_eq!(console.end("-TERM").0, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
}
