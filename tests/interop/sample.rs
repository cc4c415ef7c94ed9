//! What is sealed for the judges: a small tree with everything in it that tools disagree about, and its seal.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::judge::{attestar, passes};

/// The time of every file in the pack: 2023-11-14 22:13:20 UTC.
pub const EPOCH: &str = "1700000000";

/// A name with a percent sign, which PyPI bagit and `sha256sum -c` on a BagIt manifest read wrong.
pub const PERCENT: &str = "docs/100%25 sure.md";

/// Writes the tree into the new folder `tree`. Every file lies where `builtin:default` looks.
fn write_tree(tree: &Path) {
    let deep = format!("docs/{}/deep.md", ["a-folder-with-a-long-name"; 5].join("/"));
    let long = format!("docs/{}.md", "n".repeat(197));
    let files: [(&str, Vec<u8>); 9] = [
        ("docs/README.md", b"# Sample\n\nA tree for the judges.\n".to_vec()),
        ("docs/ol\u{e1} \u{65e5}\u{672c}.md", "ol\u{e1}\n".into()),
        ("docs/empty.md", Vec::new()),
        (&deep, b"more than a hundred bytes down\n".to_vec()),
        (&long, b"a component of 200 bytes\n".to_vec()),
        ("docs/README/order.md", b"sorts after README.md, by its whole path\n".to_vec()),
        (
            "ddl/0001_init.sql",
            b"CREATE TABLE prices (id BIGINT PRIMARY KEY, price NUMERIC NOT NULL);\n".to_vec(),
        ),
        ("dist/tool.bin", (0..=255).cycle().take(64 * 1024).collect()),
        ("dist/large.bin", noise(9 * 1024 * 1024)),
    ];
    for (path, content) in files {
        write(tree, path, &content);
    }
    fs::create_dir(tree.join("docs/nothing-yet")).expect("an empty folder");
    symlink("README.md", tree.join("docs/latest.md")).expect("a link to a file of the payload");
}

fn write(tree: &Path, path: &str, content: &[u8]) {
    let file = tree.join(path);
    fs::create_dir_all(file.parent().expect("a path in the tree has a folder")).expect("a folder");
    fs::write(file, content).expect("a file");
}

/// Bytes that no compressor makes smaller, the same each time: xorshift64.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A sealed sample. Everything lies in one temporary folder that goes with it.
pub struct Sealed {
    pub dir: tempfile::TempDir,
    pub home: PathBuf,
    pub tree: PathBuf,
    /// `{project}-0.1.1`.
    pub name: String,
}

impl Sealed {
    /// New keys without a passphrase, then the sample tree sealed with `flags`.
    pub fn new(flags: &[&str]) -> Sealed {
        Sealed::with(&[], flags)
    }

    /// The same with more files in the tree.
    pub fn with(more: &[&str], flags: &[&str]) -> Sealed {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (home, tree, out) = (dir.path().join("home"), dir.path().join("sample"), dir.path().join("out"));
        write_tree(&tree);
        for path in more {
            write(&tree, path, path.as_bytes());
        }
        passes(attestar(&home).args(["keys", "new", "--no-passphrase"]));
        let mut seal = attestar(&home);
        seal.arg("-C").arg(&tree).args(["seal", "--version", "0.1.1", "--out"]).arg(&out).args(flags);
        passes(seal.env("SOURCE_DATE_EPOCH", EPOCH));
        let name = only_archive(&out);
        Sealed { dir, home, tree, name }
    }

    /// A new path in the temporary folder.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The archive.
    pub fn archive(&self) -> PathBuf {
        self.dir.path().join("out").join(format!("{}.tar.zst.age", self.name))
    }

    /// The pack's folder beside the archive: tag files, and `data/` after `seal --payload`.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("out").join(&self.name)
    }

    /// The seal and the receipt: every signed bundle of this pack.
    pub fn bundles(&self) -> [PathBuf; 2] {
        let receipt = self.dir.path().join("out").join(format!("{}.tar.zst.age.sigstore.json", self.name));
        [self.folder().join("attestations/seal.sigstore.json"), receipt]
    }

    /// The one approval that lies beside the seal.
    pub fn approval(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder().join("attestations")).expect("a folder of attestations");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let is_approval = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("approval."))
        };
        let mut approvals: Vec<PathBuf> = paths.filter(is_approval).collect();
        assert_eq!(approvals.len(), 1, "{approvals:?}");
        approvals.remove(0)
    }

    /// One of the key files.
    pub fn key(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Opens the archive with age, zstd and tar alone; gives the pack's folder.
    pub fn open(&self) -> PathBuf {
        let opened = self.scratch("opened");
        fs::create_dir(&opened).expect("a folder to unpack into");
        let line = r#"age -d -i "$1" "$2" | zstd -d | tar x -C "$3""#;
        let mut pipe = crate::judge::shell(line);
        passes(pipe.arg(self.key("identity.age")).arg(self.archive()).arg(&opened));
        opened.join(&self.name)
    }

    /// The archive with the encryption taken off, a file.
    pub fn decrypted(&self) -> PathBuf {
        let stream = self.scratch("pack.tar.zst");
        let mut age = crate::judge::tool("age");
        passes(
            age.arg("-d").arg("-i").arg(self.key("identity.age")).arg("-o").arg(&stream).arg(self.archive()),
        );
        stream
    }
}

fn only_archive(out: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(out)
        .expect("seal made its output folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a UTF-8 name"))
        .filter_map(|name| name.strip_suffix(".tar.zst.age").map(str::to_owned))
        .collect();
    assert_eq!(names.len(), 1, "one archive in {}: {names:?}", out.display());
    names.remove(0)
}
