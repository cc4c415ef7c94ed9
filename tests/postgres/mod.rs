//! A real PostgreSQL for a test: a cluster of its own in a temporary folder, reached by a socket alone, ended by its
//! process id. As root it runs as another user, since PostgreSQL refuses root. `initdb` runs once for each version: every
//! cluster is a copy of what it made.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whom it runs as where the tests run as root: nobody.
const NOBODY: u32 = 65_534;

/// How long a server may take to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a cluster is made; the superuser is called `owner`.
const INITDB: [&str; 6] =
    ["--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"];

/// How many ports are tried: each is free when it is taken, and may be somebody's when the server comes to it.
const PORTS: usize = 5;

/// A running server. Dropped, it is ended and its folder removed.
pub struct Postgres {
    folder: TempDir,
    server: Child,
    port: Option<u16>,
}

impl Postgres {
    /// Makes a cluster and starts its server, which answers by its socket alone.
    pub fn start() -> Postgres {
        let folder = cluster();
        let server = serve(folder.path(), None).unwrap_or_else(|why| panic!("{why}"));
        Postgres { folder, server, port: None }
    }

    /// The same, by a port of this machine as well.
    pub fn start_on_a_port() -> Postgres {
        let folder = cluster();
        let mut told = Vec::new();
        while told.len() < PORTS {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = free.expect("a free port").port();
            match serve(folder.path(), Some(port)) {
                Ok(server) => return Postgres { folder, server, port: Some(port) },
                Err(why) => told.push(why),
            }
        }
        panic!("{told:#?}");
    }

    /// The port that it answers by.
    pub fn port(&self) -> u16 {
        self.port.expect("it was started on a port")
    }

    /// Where its socket lies.
    pub fn host(&self) -> &Path {
        self.folder.path()
    }

    /// How the database `name` is reached.
    pub fn dsn(&self, name: &str) -> String {
        self.dsn_of("owner", name)
    }

    /// The same, by another role.
    pub fn dsn_of(&self, user: &str, name: &str) -> String {
        dsn(self.folder.path(), self.port, user, name)
    }

    /// Runs statements in a database; gives what they print.
    pub fn run(&self, name: &str, sql: &str) -> String {
        self.run_by("owner", name, sql)
    }

    /// The same, by another role.
    pub fn run_by(&self, user: &str, name: &str, sql: &str) -> String {
        let words = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d"];
        let said = Command::new("psql").args(words).arg(self.dsn_of(user, name)).output();
        let said = said.expect("psql starts");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).expect("text").trim_end().to_owned()
    }
}

fn dsn(folder: &Path, port: Option<u16>, user: &str, name: &str) -> String {
    let port = port.map_or_else(String::new, |port| format!(" port={port}"));
    format!("host={} user={user} dbname={name}{port}", folder.display())
}

/// A folder with a cluster in `data`.
fn cluster() -> TempDir {
    let folder = own_folder();
    copy(&template(), &folder.path().join("data"));
    folder
}

/// A temporary folder of whoever runs the servers.
fn own_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("its mode");
    folder
}

/// A cluster as `initdb` makes it, made by the first test that asks for one of this version.
fn template() -> PathBuf {
    let version = Command::new(find("initdb")).arg("--version").output().expect("initdb starts");
    let mut kind = DefaultHasher::new();
    (version.stdout, INITDB, is_root()).hash(&mut kind);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(place).expect("the folder of the tests");
    let lock = fs::File::create(place.join("postgres.lock")).expect("a lock");
    lock.lock().expect("the lock");
    let template = place.join(format!("postgres-{:016x}", kind.finish()));
    if !template.exists() {
        let folder = own_folder();
        let data = folder.path().join("data");
        let made = tool("initdb", folder.path()).args(INITDB).arg("-D").arg(&data).output();
        let made = made.expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Whole or not at all.
        let half = template.with_extension("half");
        let _ = fs::remove_dir_all(&half);
        copy(&data, &half);
        fs::rename(&half, &template).expect("the template");
    }
    template
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).output().expect("cp starts");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// Starts the server of a folder's cluster, and waits until it answers; says why, if it ends before.
fn serve(folder: &Path, port: Option<u16>) -> Result<Child, String> {
    let path = folder.join("log");
    let log = fs::File::create(&path).expect("its log");
    let mut server = tool("postgres", folder);
    match port {
        Some(port) => server.args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}")]),
        None => server.args(["-c", "listen_addresses="]),
    };
    server
        .args(["-c", "fsync=off", "-c"])
        .arg(format!("unix_socket_directories={}", folder.display()))
        .arg("-D")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("its log"))
        .stderr(log);
    let mut server = server.spawn().expect("postgres starts");
    let said = || fs::read_to_string(&path).unwrap_or_default();
    let ask = ["-X", "-c", "SELECT 1", "-d", &dsn(folder, port, "owner", "postgres")];
    let started = Instant::now();
    while !Command::new("psql").args(ask).output().is_ok_and(|said| said.status.success()) {
        if server.try_wait().expect("its state").is_some() {
            return Err(said());
        }
        if started.elapsed() > PATIENCE {
            server.kill().and_then(|()| server.wait()).expect("it ends");
            panic!("the server does not begin: {}", said());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let folder = self.folder.path().join("data");
        let _ =
            tool("pg_ctl", self.folder.path()).args(["stop", "-m", "immediate", "-D"]).arg(folder).output();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A program of the server's, which distributions keep out of the way.
fn tool(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(find(name));
    // Not the folder of whoever runs the tests, into which another user may not look.
    command.current_dir(folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Where a program of the server's lies.
pub fn find(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").map(|versions| versions.flatten().collect::<Vec<_>>());
    let mut found: Vec<PathBuf> =
        versions.unwrap_or_default().iter().map(|v| v.path().join("bin").join(name)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}
