//! Scans of real trees: what is taken, what is said, and each thing that is refused.

use crate::error::{Error, Result};
use crate::finding::{Code, Severity};
use crate::format::class::Class;
use crate::format::kind::Kind;
use crate::policy::{Policy, Source};
use crate::tree::member::{LinkTo, Member, MemberKind};
use crate::tree::scan::{Count, Scan, ScanOptions, scan};
use crate::tree::testing::git;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

struct Tree {
    folder: tempfile::TempDir,
    policy: Policy,
    excluded: Vec<PathBuf>,
}

impl Tree {
    /// A tree under a policy that takes everything as documentation.
    fn new() -> Tree {
        Tree::under("[[include]]\nclass = 'doc'\npaths = ['**']\n")
    }

    fn under(rules: &str) -> Tree {
        let policy = Policy::parse(Source::File("p.toml".into()), format!("schema = 1\n{rules}")).unwrap();
        Tree { folder: tempfile::tempdir().unwrap(), policy, excluded: Vec::new() }
    }

    fn path(&self, path: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().join(path.as_ref())
    }

    fn file(self, path: impl AsRef<OsStr>, text: &str) -> Tree {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn folder(self, path: &str) -> Tree {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    fn link(self, path: &str, target: impl AsRef<Path>) -> Tree {
        symlink(target, self.path(path)).unwrap();
        self
    }

    fn scan(&self, kind: Kind) -> Scan {
        let options = ScanOptions { kind, excluded: &self.excluded, progress: &|_| Ok(()) };
        scan(self.folder.path(), &self.policy, &options).unwrap()
    }

    fn release(&self) -> Scan {
        self.scan(Kind::Release)
    }

    fn backup(&self) -> Scan {
        self.scan(Kind::Backup)
    }
}

fn paths(scan: &Scan) -> Vec<&str> {
    scan.members.iter().map(|member| member.path.as_str()).collect()
}

fn member<'s>(scan: &'s Scan, path: &str) -> &'s Member {
    scan.members.iter().find(|member| member.path.as_str() == path).unwrap()
}

/// Code, severity and subject of every finding.
fn findings(scan: &Scan) -> Vec<(Code, Severity, &str)> {
    scan.findings.iter().map(|f| (f.code, f.severity, f.subject.as_str())).collect()
}

fn errors(code: Code, subject: &str) -> Vec<(Code, Severity, &str)> {
    vec![(code, Severity::Error, subject)]
}

fn warns(code: Code, subject: &str) -> Vec<(Code, Severity, &str)> {
    vec![(code, Severity::Warning, subject)]
}

#[test]
fn members_come_in_bytewise_order_hidden_files_too() {
    let scan = Tree::new().file("b/x", "12").file("b.txt", "3").file(".hidden", "").file("B", "4").release();
    assert_eq!(paths(&scan), [".hidden", "B", "b.txt", "b/x"]);
    assert_eq!(scan.total(), Count { files: 4, bytes: 4 });
    assert_eq!(member(&scan, "b/x").size, 2);
}

#[test]
fn the_first_matching_rule_gives_the_class_and_the_rest_is_said() {
    let rules = "[[include]]\nclass = 'ddl'\npaths = ['ddl/*.sql']\n[[include]]\nclass = 'doc'\npaths = ['**/*.md']\n";
    let tree =
        Tree::under(rules).file("ddl/1.sql", "").file("ddl/a.md", "").file("src/x.rs", "").file("y", "");
    let scan = tree.release();
    assert_eq!(member(&scan, "ddl/1.sql").class, Some(Class::Ddl));
    assert_eq!(member(&scan, "ddl/a.md").class, Some(Class::Doc));
    assert_eq!(scan.unmatched, ["src/x.rs".into(), "y".into()]);
}

#[test]
fn a_release_leaves_classes_out_and_counts_them_and_a_backup_takes_all() {
    let rules = "[[include]]\nclass = 'data'\npaths = ['*.db']\n[[include]]\nclass = 'doc'\npaths = ['*']\n";
    let tree = Tree::under(rules).file("a.db", "1").file("b.db", "2").file("c", "3");
    let release = tree.release();
    assert_eq!((paths(&release), release.left_out.get(&Class::Data)), (vec!["c"], Some(&2)));
    assert_eq!(paths(&tree.backup()), ["a.db", "b.db", "c"]);
}

#[test]
fn git_and_what_is_excluded_are_never_payload_and_not_worth_a_word() {
    let mut tree =
        Tree::new().file("a", "").file("sealed/x", "").file("sub/.git", "gitdir: x").file("z/out.txt", "");
    git(tree.folder.path(), &["init", "-q"]);
    tree = tree.link("elsewhere", "/tmp");
    tree.excluded =
        vec![tree.path("sealed"), tree.path("z/out.txt"), tree.path("not/yet/there"), tree.path("elsewhere")];
    let scan = tree.release();
    assert_eq!((paths(&scan), scan.unmatched.len(), scan.findings.len()), (vec!["a"], 0, 0));
}

#[test]
fn a_required_rule_that_matches_nothing_and_a_tree_without_payload_are_refused() {
    let tree =
        Tree::under("[[include]]\nclass = 'doc'\npaths = ['docs/**']\nrequired = true\n").file("x", "");
    let scan = tree.release();
    let root = tree.folder.path().to_str().unwrap();
    let found = findings(&scan);
    assert!(found.contains(&(Code::NothingSelected, Severity::Error, root)), "{found:?}");
    assert!(found.contains(&(Code::RequiredMissing, Severity::Error, "p.toml:2")), "{found:?}");
    assert!(matches!(scan.refuse(), Err(Error::Refused(findings)) if findings.len() == 2));
}

#[test]
fn names_that_cannot_be_restored_everywhere_are_refused() {
    let bad = |name: &[u8]| OsStr::from_bytes(name).to_owned();
    let tree = Tree::new().file("ok", "").file(bad(b"line\nbreak/a"), "").file(bad(b"line\nbreak/b"), "");
    assert_eq!(findings(&tree.release()), errors(Code::NameRefused, "line\\nbreak"));
    let tree = Tree::new().file("ok", "").file(bad(b"d/\xffx"), "");
    assert_eq!(findings(&tree.backup()), errors(Code::NameRefused, "d/\\xffx"));
    let tree = Tree::new().file("ok", "").file("a\\b", "");
    assert_eq!(findings(&tree.release()), errors(Code::NameRefused, "a\\b"));
    assert_eq!(paths(&tree.backup()), ["a\\b", "ok"]);
}

#[test]
fn a_bad_name_that_no_rule_takes_stops_nothing() {
    let name = OsStr::from_bytes(b"x/\xff\n").to_owned();
    let tree =
        Tree::under("[[include]]\nclass = 'doc'\npaths = ['docs/**']\n").file("docs/a", "").file(name, "");
    let scan = tree.release();
    assert_eq!((scan.findings.len(), &*scan.unmatched), (0, &["x/\\xff\\n".into()][..]));
}

#[test]
fn names_that_are_one_elsewhere_are_warned_of() {
    let scan = Tree::new().file("README", "").file("readme", "").release();
    assert_eq!(findings(&scan), warns(Code::PathCollision, "readme"));
    let scan = Tree::new().file("Docs/a", "").file("docs/b", "").backup();
    assert_eq!(findings(&scan), warns(Code::PathCollision, "docs"));
    let scan = Tree::new().file("caf\u{e9}", "").file("cafe\u{301}", "").release();
    assert_eq!(findings(&scan), warns(Code::PathCollision, "caf\u{e9}"));
    let scan = Tree::new().file("end./x", "").release();
    assert_eq!(findings(&scan), warns(Code::PathCollision, "end."));
}

#[test]
fn links_inside_the_payload_are_kept() {
    let tree = Tree::new().file("v1/a", "x").link("latest", "v1").link("a", "latest/a");
    let scan = tree.release();
    assert!(scan.findings.is_empty(), "{:?}", scan.findings);
    let to = |path| match &member(&scan, path).kind {
        MemberKind::Link(link) => link.to.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(to("latest"), LinkTo::Folder(path) if path.as_str() == "v1"));
    assert!(matches!(to("a"), LinkTo::File(path) if path.as_str() == "v1/a"));
    assert_eq!(scan.total().files, 1);
}

#[test]
fn links_that_lead_out_are_refused_in_a_release_and_warned_of_in_a_backup() {
    let tree = Tree::new().file("a", "").link("out", "../../etc");
    assert_eq!(findings(&tree.release()), errors(Code::LinkLeavesTree, "out"));
    let backup = tree.backup();
    assert_eq!(findings(&backup), warns(Code::LinkLeavesTree, "out"));
    assert!(!member(&backup, "out").is_archived());
}

#[test]
fn links_to_nothing_in_the_pack_are_inventory_only() {
    let rules = "[[include]]\nclass = 'doc'\npaths = ['*']\n";
    let tree =
        Tree::under(rules).file("a", "").file("no/rule", "").link("gone", "b").link("other", "no/rule");
    let scan = tree.release();
    let expected = [warns(Code::LinkDangling, "gone"), warns(Code::LinkDangling, "other")].concat();
    assert_eq!(findings(&scan), expected);
    assert!(!member(&scan, "gone").is_archived());
}

#[test]
fn empty_folders_are_kept_where_a_rule_takes_all_in_them_and_backups_keep_every_folder() {
    let rules = "[[include]]\nclass = 'doc'\npaths = ['docs/**', '*.md']\n";
    let tree =
        Tree::under(rules).file("docs/x/a", "").folder("docs/empty/er").folder("other").file("a.md", "");
    fs::set_permissions(tree.path("docs/x"), fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(paths(&tree.release()), ["a.md", "docs/empty/er", "docs/x/a"]);
    let backup = tree.backup();
    assert_eq!(paths(&backup), ["a.md", "docs", "docs/empty", "docs/empty/er", "docs/x", "docs/x/a"]);
    assert_eq!((member(&backup, "docs/x").mode, member(&backup, "docs/x").class), (0o750, None));
}

#[test]
fn special_files_are_skipped_and_special_bits_dropped_with_a_word() {
    let tree = Tree::new().file("tool", "x");
    fs::set_permissions(tree.path("tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path("s")).unwrap();
    let pipe = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, tree.path("p"), rustix::fs::FileType::Fifo, pipe, 0).unwrap();
    let scan = tree.release();
    let special = [warns(Code::SpecialSkipped, "p"), warns(Code::SpecialSkipped, "s")].concat();
    assert_eq!(findings(&scan), [special, warns(Code::SetuidDropped, "tool")].concat());
    assert_eq!((paths(&scan), member(&scan, "tool").mode), (vec!["tool"], 0o755));
}

#[test]
fn a_root_that_is_no_folder_is_an_error_with_a_hint() {
    let tree = Tree::new().file("f", "");
    let options = ScanOptions { kind: Kind::Release, excluded: &[], progress: &|_| Ok(()) };
    for root in ["f", "nowhere"] {
        let error = scan(&tree.path(root), &tree.policy, &options).unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error:?}");
        assert_eq!(error.hint(), "name the tree with -C DIR");
    }
}

#[test]
fn a_scan_can_be_interrupted() {
    let tree = Tree::new().file("a", "");
    let stop = |_| -> Result<()> { Err(Error::Interrupted) };
    let options = ScanOptions { kind: Kind::Release, excluded: &[], progress: &stop };
    assert!(matches!(scan(tree.folder.path(), &tree.policy, &options), Err(Error::Interrupted)));
}

#[test]
fn a_million_members_fit_into_memory() {
    assert!(size_of::<Member>() <= 88, "{}", size_of::<Member>());
}
