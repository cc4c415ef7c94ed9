//! A tree of `fixtures/trees` with its history: the release before, the release, what came after it.

use crate::processes::{Edit, Process};
use crate::repository::{git, succeeds};
use attestar::pipeline::watch::Watch;
use attestar::policy::Policy;
use attestar::policy::gate::Stage;
use attestar::verbs::hash;
use jiff::ToSpan;
use jiff::civil::Date;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Who signs tags and artifacts, with a key that is made for the test.
pub struct Keeper {
    dir: TempDir,
    /// The policy that the tree keeps to.
    pub policy: Policy,
    /// Signatures of the process's files, by the file's path.
    signatures: Vec<(&'static str, Vec<u8>)>,
    /// By how many days every date of the tree is moved.
    days: i64,
    /// The history before each stage of each release, made when it is first asked for.
    bases: RefCell<BTreeMap<(Stage, &'static str), TempDir>>,
}

/// Where the tree says whose signatures count.
const ALLOWED_SIGNERS: &str = "config/allowed_signers";

impl Keeper {
    /// Of a tree as it lies in the fixtures.
    pub fn new(process: &Process) -> Keeper {
        Keeper::moving(process, 0)
    }

    /// Of a tree in which every date is so many days later.
    pub fn moving(process: &Process, days: i64) -> Keeper {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let keygen = ["-q", "-t", "ed25519", "-N", "", "-C", "keeper", "-f", "key"];
        succeeds(Command::new("ssh-keygen").args(keygen).current_dir(dir.path()));
        let mut signatures = Vec::new();
        for file in process.signed {
            let copy = dir.path().join("artifact");
            fs::copy(fixture(process, "seal").join(file), &copy).expect("an artifact of the fixture");
            let sign = ["-Y", "sign", "-q", "-n", "file", "-f", "key", "artifact"];
            succeeds(Command::new("ssh-keygen").args(sign).current_dir(dir.path()));
            let signature = dir.path().join("artifact.sig");
            signatures.push((*file, fs::read(&signature).expect("a signature")));
            fs::remove_file(signature).expect("a signature");
        }
        let policy = Policy::builtin(process.policy).expect("a shipped policy");
        Keeper { dir, policy, signatures, days, bases: RefCell::default() }
    }

    fn allowed_signers(&self) -> String {
        let public = fs::read_to_string(self.dir.path().join("key.pub")).expect("a public key");
        format!("keeper@example.com {public}")
    }
}

/// A tree in a repository of its own, as it is at one stage.
pub struct Laid {
    dir: TempDir,
    /// The version that is made: the process's, or another one in its place.
    version: &'static str,
    /// The part of the fixture that such a one has more.
    part: Option<&'static str>,
}

impl Laid {
    /// Lays out the history up to a stage; the edits are made where it ends.
    pub fn at(process: &Process, keeper: &Keeper, stage: Stage, edits: &[Edit]) -> Laid {
        let laid = Laid::on_base(process, keeper, stage, edits);
        laid.lay(process, stage.as_str(), keeper);
        laid.finish(keeper, stage, edits);
        laid.tag(process, keeper, edits, stage);
        laid.uncommitted(edits);
        laid
    }

    /// The history before what a stage adds. It is the same for most edits, and made once.
    fn on_base(process: &Process, keeper: &Keeper, stage: Stage, edits: &[Edit]) -> Laid {
        let changes_history = |edit: &Edit| {
            matches!(edit, Edit::NotMerged | Edit::Untagged | Edit::TaggedElsewhere | Edit::Unsigned)
        };
        let other = edits.iter().find_map(|edit| match edit {
            Edit::As(part, version) => Some((*part, *version)),
            _ => None,
        });
        let laid = Laid {
            dir: tempfile::tempdir().expect("a temporary folder"),
            version: other.map_or(process.version, |(_, version)| version),
            part: other.map(|(part, _)| part),
        };
        if edits.iter().any(changes_history) {
            laid.base(process, keeper, stage, edits);
            return laid;
        }
        let mut bases = keeper.bases.borrow_mut();
        let base = bases.entry((stage, laid.version)).or_insert_with(|| {
            let base = Laid { dir: tempfile::tempdir().expect("a temporary folder"), ..laid };
            base.base(process, keeper, stage, &[]);
            // One file instead of hundreds, because it is copied for every edit.
            git(base.root(), &["repack", "-a", "-d", "--quiet"]);
            base.dir
        });
        copy(base.path(), laid.root(), &AS_IT_IS);
        laid
    }

    fn base(&self, process: &Process, keeper: &Keeper, stage: Stage, edits: &[Edit]) {
        let is_apart = edits.iter().any(|edit| matches!(edit, Edit::NotMerged));
        self.before(process, keeper, if is_apart { "aside" } else { process.branch });
        for earlier in [Stage::Seal, Stage::Promote].into_iter().filter(|earlier| *earlier < stage) {
            self.lay(process, earlier.as_str(), keeper);
            self.finish(keeper, earlier, &[]);
            self.tag(process, keeper, edits, earlier);
        }
        if stage == Stage::Close && !is_apart {
            git(self.root(), &["checkout", "--quiet", "-B", "main"]);
        }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The release before, and the branch of this one.
    fn before(&self, process: &Process, keeper: &Keeper, branch: &str) {
        git(self.root(), &["init", "--quiet", "--template=", "--initial-branch", "main"]);
        copy(&fixture(process, "before"), self.root(), &Said { days: keeper.days, instead: None });
        self.write("attestar.toml", &keeper.policy.text);
        git(self.root(), &["add", "--all"]);
        git(self.root(), &["commit", "--quiet", "--message", process.last]);
        let tag = format!("v{}", process.last);
        git(self.root(), &["tag", "--annotate", "--message", &tag, &tag]);
        git(self.root(), &["checkout", "--quiet", "-B", branch]);
    }

    /// What a stage adds.
    fn lay(&self, process: &Process, part: &str, keeper: &Keeper) {
        let instead = (self.version != process.version).then_some((process.version, self.version));
        copy(&fixture(process, part), self.root(), &Said { days: keeper.days, instead });
        if let Some(part) = self.part.filter(|_| part == "seal") {
            copy(&fixture(process, part), self.root(), &Said { days: keeper.days, instead: None });
        }
        self.write(ALLOWED_SIGNERS, keeper.allowed_signers());
        for (file, signature) in &keeper.signatures {
            self.write(&format!("{file}.sig"), signature);
        }
    }

    /// Edits, where they belong here, digest lists, and the commit.
    fn finish(&self, keeper: &Keeper, stage: Stage, edits: &[Edit]) {
        edits.iter().for_each(|edit| self.edit(edit));
        let policy = &keeper.policy;
        let has_lists = policy.gates.iter().any(|gate| gate.kind.name == "hashes");
        if has_lists && stage == Stage::Seal {
            let request = hash::Request { root: self.root(), policy, threads: 2 };
            hash::write(&request, &Watch::default()).expect("digest lists");
        }
        for edit in edits {
            if let Edit::AfterHash(path, from, to) = edit {
                self.replace(path, from, to);
            }
        }
        let is_rootless = edits.iter().any(|edit| matches!(edit, Edit::Rootless));
        if is_rootless {
            git(self.root(), &["checkout", "--quiet", "--orphan", "anew"]);
        }
        git(self.root(), &["add", "--all"]);
        git(self.root(), &["commit", "--quiet", "--allow-empty", "--message", self.version]);
        if is_rootless {
            git(self.root(), &["branch", "--quiet", "--force", "main"]);
        }
    }

    fn edit(&self, edit: &Edit) {
        match edit {
            Edit::Text(path, from, to) => self.replace(path, from, to),
            Edit::Content(path, content) => self.write(path, content),
            Edit::Gone(path) => fs::remove_file(self.root().join(path)).expect("a file that is there"),
            Edit::Relisted(path) => self.relist(path),
            _ => {}
        }
    }

    /// The tag, at the commit of the release, when the process makes it.
    fn tag(&self, process: &Process, keeper: &Keeper, edits: &[Edit], stage: Stage) {
        let has = |wanted: fn(&Edit) -> bool| edits.iter().any(wanted);
        if process.tagged != stage || has(|edit| matches!(edit, Edit::Untagged)) {
            return;
        }
        // A release that is tagged late has two commits behind it by then.
        let release = if stage == Stage::Close { "HEAD~2" } else { "HEAD" };
        let elsewhere = has(|edit| matches!(edit, Edit::TaggedElsewhere));
        let commit = if elsewhere { format!("{release}~1") } else { release.to_owned() };
        let tag = format!("v{}", self.version);
        if has(|edit| matches!(edit, Edit::Unsigned)) || stage == Stage::Close {
            return git(self.root(), &["tag", "--annotate", "--message", &tag, &tag, &commit]);
        }
        let signing = format!("user.signingkey={}", keeper.dir.path().join("key").display());
        let sign =
            ["-c", "gpg.format=ssh", "-c", &signing, "tag", "--sign", "--message", &tag, &tag, &commit];
        git(self.root(), &sign);
    }

    fn uncommitted(&self, edits: &[Edit]) {
        for edit in edits {
            if let Edit::Uncommitted(path, content) = edit {
                self.write(path, content);
            }
        }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder");
        fs::write(file, content).expect("a file");
    }

    #[track_caller]
    fn replace(&self, path: &str, from: &str, to: &str) {
        let file = self.root().join(path);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains(from), "{path} has no {from:?}");
        fs::write(&file, text.replacen(from, to, 1)).expect("a file");
    }

    /// `sha256sum ddl/*.sql > path`
    fn relist(&self, path: &str) {
        let sum = format!("sha256sum ddl/*.sql > {path}");
        succeeds(Command::new("sh").args(["-c", &sum]).current_dir(self.root()));
    }
}

/// A part of the fixture.
fn fixture(process: &Process, part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trees").join(process.policy).join(part)
}

/// How names and texts of a fixture are changed on the way.
struct Said {
    /// Every date is so many days later.
    days: i64,
    /// A version, and another one that stands in its place.
    instead: Option<(&'static str, &'static str)>,
}

const AS_IT_IS: Said = Said { days: 0, instead: None };

impl Said {
    fn of(&self, text: &str) -> String {
        let text = moved(text, self.days);
        self.instead.map_or(text.clone(), |(old, new)| text.replace(old, new))
    }

    fn is_nothing(&self) -> bool {
        self.days == 0 && self.instead.is_none()
    }
}

/// A text in which every date of this kind, `2026-11-17`, is so many days later.
pub fn moved(text: &str, days: i64) -> String {
    let mut later = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("20") {
        let is_alone = !rest[..at].ends_with(|c: char| c.is_ascii_digit());
        let date: Option<Date> = rest.get(at..at + 10).and_then(|date| date.parse().ok());
        later += &rest[..at];
        match date.filter(|_| is_alone) {
            Some(date) => {
                later += &date.checked_add(days.days()).expect("a date").to_string();
                rest = &rest[at + 10..];
            }
            None => {
                later += "20";
                rest = &rest[at + 2..];
            }
        }
    }
    later + rest
}

/// Every file of a folder, over what is there.
fn copy(from: &Path, to: &Path, said: &Said) {
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let target = to.join(said.of(&path.file_name().expect("a name").to_string_lossy()));
        if path.is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&path, &target, said);
            continue;
        }
        // With its mode: some are programs.
        fs::copy(&path, &target).expect("a file");
        if !said.is_nothing() {
            let text = fs::read_to_string(&path).expect("a text");
            fs::write(target, said.of(&text)).expect("a file");
        }
    }
}
