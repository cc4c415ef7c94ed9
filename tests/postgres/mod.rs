//! A real PostgreSQL for a test: a cluster of its own in a temporary folder, reached by a socket alone, ended by its
//! process id. As root it runs as another user, since PostgreSQL refuses root.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whom it runs as where the tests run as root: nobody.
const NOBODY: u32 = 65_534;

/// How long a server may take to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropped, it is ended and its folder removed.
pub struct Postgres {
    folder: TempDir,
    server: Child,
    /// What else a connection needs.
    more: String,
}

impl Postgres {
    /// Makes a cluster and starts its server; the superuser is called `owner`.
    pub fn start() -> Postgres {
        Postgres::start_with(&["listen_addresses="], "")
    }

    /// The same, by a port of this machine as well.
    pub fn start_on(port: u16) -> Postgres {
        Postgres::start_with(
            &["listen_addresses=127.0.0.1", &format!("port={port}")],
            &format!(" port={port}"),
        )
    }

    fn start_with(settings: &[&str], more: &str) -> Postgres {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the data folder");
        for path in [folder.path(), &data] {
            if is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
            }
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("its mode");
        }
        let mut initdb = tool("initdb", folder.path());
        initdb
            .args(["--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data);
        let made = initdb.output().expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = fs::File::create(folder.path().join("log")).expect("its log");
        let mut server = tool("postgres", folder.path());
        server
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .args(["-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .arg("-D")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log);
        let postgres =
            Postgres { server: server.spawn().expect("postgres starts"), folder, more: more.to_owned() };
        postgres.wait();
        postgres
    }

    /// Where its socket lies.
    pub fn host(&self) -> &Path {
        self.folder.path()
    }

    /// How the database `name` is reached.
    pub fn dsn(&self, name: &str) -> String {
        format!("host={} user=owner dbname={name}{}", self.folder.path().display(), self.more)
    }

    /// Runs statements in a database; gives what they print.
    pub fn run(&self, name: &str, sql: &str) -> String {
        let words = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d"];
        let said = Command::new("psql").args(words).arg(self.dsn(name)).output().expect("psql starts");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).expect("text").trim_end().to_owned()
    }

    fn wait(&self) {
        let started = Instant::now();
        let ready =
            || Command::new("psql").args(["-X", "-c", "SELECT 1", "-d"]).arg(self.dsn("postgres")).output();
        while !ready().is_ok_and(|said| said.status.success()) {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the server does not begin: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
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
