//! A world for a test: a key folder, a tree, and the commands that are run in it. Each test reads as a story.

use attestar::keys::entropy::OsEntropy;
use attestar::keys::home::{Home, Parts};
use attestar::keys::passphrase::NoPassphrases;
use jiff::Timestamp;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long refusing something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything of a test lies in one temporary folder, which goes with it.
pub struct World {
    dir: TempDir,
}

/// What a command came to.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// Keys without a passphrase, and an empty tree.
    pub fn new() -> World {
        let world = World::without_keys();
        let all = Parts { signing: true, identity: true };
        let made = Home::new(world.home()).create(all, &mut NoPassphrases, &mut OsEntropy, Timestamp::now());
        made.expect("a key set in a new folder");
        world
    }

    /// An empty tree and no keys.
    pub fn without_keys() -> World {
        let world = World { dir: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(world.tree()).expect("the tree");
        world
    }

    /// The small release that most stories begin with: documents, ordered DDL, an artifact of several frames.
    pub fn release() -> World {
        let world = World::new();
        world.write("docs/guide.md", "# Guide\n");
        world.write("docs/100% sure.md", "a percent sign\n");
        world.write("ddl/0001_init.sql", "CREATE TABLE prices (id BIGINT PRIMARY KEY);\n");
        world.write("ddl/0002_more.sql", "CREATE INDEX by_id ON prices (id);\n");
        world.write("dist/tool.bin", noise(300_000));
        world
    }

    /// The same, sealed as 1.0.0 into `out/`.
    pub fn sealed() -> World {
        let world = World::release();
        world.seal(&[]).done();
        world
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn tree(&self) -> PathBuf {
        self.path().join("shop")
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    pub fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    pub fn archive(&self) -> PathBuf {
        self.out().join("shop-1.0.0.tar.zst.age")
    }

    pub fn receipt(&self) -> PathBuf {
        self.out().join("shop-1.0.0.tar.zst.age.sigstore.json")
    }

    pub fn evidence(&self) -> PathBuf {
        self.out().join("shop-1.0.0")
    }

    /// Writes a file of the tree.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.tree().join(path);
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(file, content).expect("a file");
    }

    /// attestar with a clean environment and this world's keys, started in this world's folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attestar"));
        command.args(args).current_dir(self.path()).env_clear();
        command
            .env("ATTESTAR_HOME", self.home())
            .env("PATH", with_venv(std::env::var_os("PATH").unwrap_or_default()));
        command.env("SOURCE_DATE_EPOCH", "1700000000").stdin(std::process::Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output().expect("attestar starts"))
    }

    /// `seal` of the tree as 1.0.0 into `out/`.
    pub fn seal(&self, flags: &[&str]) -> Said {
        self.run(&[&["-C", "shop", "seal", "--version", "1.0.0", "--out", "../out"], flags].concat())
    }

    /// `verify` of the archive.
    pub fn verify(&self, flags: &[&str]) -> Said {
        self.run(&[&["verify", "out/shop-1.0.0.tar.zst.age"], flags].concat())
    }

    /// `restore` of the archive into `back/`.
    pub fn restore(&self, flags: &[&str]) -> Said {
        self.run(&[&["restore", "out/shop-1.0.0.tar.zst.age", "--to", "back"], flags].concat())
    }

    /// Both `verify` and `restore` refuse the archive: with this exit code and this finding (a code, or a code and its
    /// subject), in little time, and
    /// without a trace of `back/` or of anything else.
    #[track_caller]
    pub fn refuses(&self, code: i32, finding: &str) {
        self.refuses_with(code, finding, &[]);
    }

    /// The same, under these flags of trust.
    #[track_caller]
    pub fn refuses_with(&self, code: i32, finding: &str, flags: &[&str]) {
        self.refuses_target("out/shop-1.0.0.tar.zst.age", code, finding, flags);
    }

    /// The same of another target.
    #[track_caller]
    pub fn refuses_target(&self, target: &str, code: i32, finding: &str, flags: &[&str]) {
        let before = everything_in(self.path());
        let commands: [&[&str]; 2] =
            [&["--json", "verify", target], &["--json", "restore", target, "--to", "back"]];
        for command in commands {
            let started = Instant::now();
            let said = self.run(&[command, flags].concat()).exits(code);
            let found = said.findings();
            let hit = found.iter().any(|found| found == finding || found.split(' ').next() == Some(finding));
            assert!(hit, "{} found {found:?} instead of {finding}: {}", command[1], said.out);
            assert!(started.elapsed() < PATIENCE, "{} took {:?}", command[1], started.elapsed());
            assert_eq!(everything_in(self.path()), before, "{} left something behind", command[1]);
        }
    }

    /// What lies in the world's folder, by name, hidden files too.
    pub fn listing(&self) -> Vec<String> {
        names_in(self.path())
    }
}

impl Said {
    /// Exit 0.
    #[track_caller]
    pub fn done(self) -> Said {
        self.exits(0)
    }

    /// This exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The JSON document on stdout, as its schema says; its exit code must be the process's.
    #[track_caller]
    pub fn json(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out));
        assert_eq!(document["exit_code"], self.code, "the document's exit code is the process's");
        crate::schemas::judge(&document);
        document
    }

    /// `code subject` of every finding in the JSON document.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        let document = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = document["findings"].as_array().cloned().unwrap_or_default();
        list.iter().map(|f| format!("{} {}", text(&f["code"]), text(&f["subject"]))).collect()
    }

    /// Stdout or stderr holds this.
    #[track_caller]
    pub fn tells(self, part: &str) -> Said {
        let is_told = self.out.contains(part) || self.err.contains(part);
        assert!(is_told, "no {part:?} in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Stdout holds this.
    #[track_caller]
    pub fn says(self, part: &str) -> Said {
        assert!(self.out.contains(part), "no {part:?} in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Stderr holds this.
    #[track_caller]
    pub fn complains(self, part: &str) -> Said {
        assert!(self.err.contains(part), "no {part:?} in stderr:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }
}

/// Where the run installs what comes from PyPI.
pub fn venv() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin")
}

pub fn with_venv(path: OsString) -> OsString {
    let mut all = venv().into_os_string();
    all.push(":");
    all.push(path);
    all
}

pub fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("attestar speaks UTF-8");
    let code = output.status.code().expect("attestar exits, it is not killed");
    Said { code, out: text(output.stdout), err: text(output.stderr) }
}

/// The names in a folder, sorted; nothing if it is not there.
pub fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// Every path below a folder with its size, sorted; links are not followed. What goes meanwhile is not there.
pub fn everything_in(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for name in names_in(&folder) {
            let path = folder.join(name);
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if metadata.is_dir() {
                pending.push(path.clone());
            }
            found.push((path, if metadata.is_dir() { 0 } else { metadata.len() }));
        }
    }
    found.sort();
    found
}

/// Bytes that no compressor makes smaller, the same each time: xorshift64.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(len).collect()
}
