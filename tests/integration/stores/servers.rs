//! Servers by others: moto, with S3's object lock and versions; s3s-fs, which checks S3's signatures; Azurite, which speaks
//! Azure's protocol. Each on a free port of this machine, ended by its process.

use super::Place;
use attestar::pipeline::watch::Watch;
use attestar::store::Store;
use attestar::store::open::{Opening, open};
use jiff::Timestamp;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const BUCKET: &str = "store";

/// TEST ONLY: what s3s-fs is told to expect; moto takes anything.
pub const KEY_ID: &str = "TESTONLYID";
pub const SECRET: &str = "TESTONLYSECRET";

/// TEST ONLY: an account of Azurite's, and its key, in base64.
const ACCOUNT: &str = "testonly";
const ACCOUNT_KEY: &str = "VEVTVCBPTkxZ";

/// What moto takes for credentials.
const AUTHORIZATION: &str = "Authorization: AWS4-HMAC-SHA256 Credential=TESTONLYID/20261120/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// How long a server may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with an empty bucket.
pub struct Server {
    pub port: u16,
    process: Child,
    files: TempDir,
}

impl Server {
    /// Starts moto. Headers go with the creation of the bucket.
    pub fn moto(headers: &[&str]) -> Server {
        let files = tempfile::tempdir().unwrap();
        let server = Server::start(installed(".venv/bin/moto_server"), files, |command, port, _| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        });
        let made = server.ask("PUT", &format!("/{BUCKET}"), headers, b"");
        assert_eq!(made.0, 200, "{}", made.1);
        server
    }

    /// Starts moto with a bucket that keeps every object for thirty days.
    pub fn under_object_lock() -> Server {
        let server = Server::moto(&["x-amz-bucket-object-lock-enabled: true"]);
        let lock = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                     <Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
        let (status, said) = server.ask("PUT", &format!("/{BUCKET}?object-lock"), &[], lock);
        assert_eq!(status, 200, "{said}");
        server
    }

    /// Starts s3s-fs, for which a bucket is a directory.
    pub fn s3s() -> Server {
        let files = tempfile::tempdir().unwrap();
        fs::create_dir(files.path().join(BUCKET)).unwrap();
        Server::start(installed(".judges/bin/s3s-fs"), files, |command, port, files| {
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--access-key", KEY_ID, "--secret-key", SECRET]).arg(files);
        })
    }

    /// Starts Azurite with an empty container.
    pub fn azurite() -> Server {
        let files = tempfile::tempdir().unwrap();
        let program = "tests/interop/node/azurite/node_modules/.bin/azurite-blob";
        let server = Server::start(installed(program), files, |command, port, files| {
            command
                .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
                .arg("--location")
                .arg(files);
            command.args(["--silent", "--disableTelemetry"]);
            command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}"));
        });
        server.container();
        server
    }

    /// Makes the container, by a request signed with the account's key, as `Authorize with Shared Key` has it.
    fn container(&self) {
        let date = format!("x-ms-date:{}", Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT"));
        let version = "x-ms-version:2021-08-06";
        let empty = "\n".repeat(12);
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container");
        let signature = hmac(&format!("PUT{empty}{date}\n{version}\n{resource}"));
        let authorization = format!("Authorization: SharedKey {ACCOUNT}:{signature}");
        let path = format!("/{ACCOUNT}/{BUCKET}?restype=container");
        let (status, said) = self.send("PUT", &path, &[&authorization, &date, version], b"");
        assert_eq!(status, 201, "{said}");
    }

    fn start(program: PathBuf, files: TempDir, arguments: impl Fn(&mut Command, u16, &Path)) -> Server {
        // The port is free now; whoever takes it first makes this server fail to start, and another is tried.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new(&program);
            arguments(&mut command, port, files.path());
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && process.try_wait().unwrap().is_none() {
                if listens(process.id(), port) {
                    return Server { port, process, files };
                }
                thread::sleep(Duration::from_millis(50));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("{} does not answer", program.display());
    }

    /// Where s3s-fs keeps the bucket.
    pub fn bucket(&self) -> PathBuf {
        self.files.path().join(BUCKET)
    }

    /// One request whose signature nobody checks: the status, and what was said.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        self.send(method, path, &[&[AUTHORIZATION], headers].concat(), body)
    }

    fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this very process takes connections at the port, and nobody who got it in between: the system lists the sockets that
/// listen, state 0A, with their inodes (proc(5)), and what a process has open.
fn listens(process: u32, port: u16) -> bool {
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap_or_default();
    let local = format!("0100007F:{port:04X}");
    let sockets: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(1) == Some(&&*local) && words.get(3) == Some(&"0A"))
        .filter_map(|words| Some(format!("socket:[{}]", words.get(9)?)))
        .collect();
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let mut open = open.filter_map(|one| fs::read_link(one.path()).ok());
    open.any(|open| sockets.iter().any(|socket| open == Path::new(socket)))
}

/// A path in the bucket of a server.
pub struct InBucket {
    pub port: u16,
    pub prefix: String,
}

impl Place for InBucket {
    fn open(&self, watch: &Watch) -> Box<dyn Store> {
        opened(self.port, &self.prefix, SECRET, watch)
    }
}

/// A store in the bucket of the server on this port.
pub fn opened(port: u16, prefix: &str, secret: &str, watch: &Watch) -> Box<dyn Store> {
    let endpoint = format!("http://127.0.0.1:{port}");
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(KEY_ID.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(secret.to_owned()),
        _ => None,
    };
    let opening = Opening {
        endpoint: Some(&endpoint),
        variable: &variable,
        base: Path::new("."),
        create: false,
        watch,
    };
    open(&format!("s3://{BUCKET}/{prefix}"), &opening).expect("settings")
}

/// A container of Azurite's.
pub struct InContainer {
    pub port: u16,
    pub prefix: String,
}

impl Place for InContainer {
    fn open(&self, watch: &Watch) -> Box<dyn Store> {
        let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", self.port);
        let variable = |name: &str| match name {
            "AZURE_STORAGE_ACCOUNT_NAME" => Some(ACCOUNT.to_owned()),
            "AZURE_STORAGE_ACCOUNT_KEY" => Some(ACCOUNT_KEY.to_owned()),
            _ => None,
        };
        let base = Path::new(".");
        let opening = Opening { endpoint: Some(&endpoint), variable: &variable, base, create: false, watch };
        open(&format!("az://{BUCKET}/{}", self.prefix), &opening).expect("settings")
    }
}

/// HMAC-SHA256 with the account's key, in base64.
fn hmac(text: &str) -> String {
    let key = data_encoding::BASE64.decode(ACCOUNT_KEY.as_bytes()).unwrap();
    let key = format!("hexkey:{}", data_encoding::HEXLOWER.encode(&key));
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    data_encoding::BASE64.encode(&openssl.wait_with_output().unwrap().stdout)
}

fn installed(program: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
    assert!(program.is_file(), "{} is missing\nhint: tests/run installs it", program.display());
    program
}
