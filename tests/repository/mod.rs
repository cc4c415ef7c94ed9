//! This repository as a release of its own: what git tracks here, committed anew in another folder, and tagged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// When the commit of the copy was made.
pub const COMMIT_TIME_S: i64 = 1_600_000_000;

/// The tag that a release of this version gets.
pub const TAG: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Where the copy's keepers say whose tags count. The policy takes it into the release as configuration.
const ALLOWED_SIGNERS: &str = ".config/allowed_signers";

/// Who keeps the copy.
const KEEPER: &str = "keeper@example.com";

/// What the repository's own policy is given more: whose tags count, and a gate.
const POLICY: &str = "\n[git]\nallowed_signers = \".config/allowed_signers\"\n\n\
                      [[gate]]\nid = \"one-version\"\ncheck = \"version\"\n";

/// Copies the files that git tracks here, as they are now.
pub fn copy(tree: &Path) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(here).output().expect("git starts");
    assert!(listed.status.success(), "the tests run in a checkout");
    for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
        // What is deleted but not committed yet.
        let Ok(content) = fs::read(here.join(path)) else { continue };
        write(&tree.join(path), &content);
    }
}

/// Commits everything in `tree`.
pub fn commit(tree: &Path) {
    git(tree, &["init", "--quiet"]);
    git(tree, &["add", "--all", "--force"]);
    git(tree, &["commit", "--quiet", "--message", "all"]);
}

/// The whole release: the files, this repository's policy that also says who may tag, and [`TAG`], signed with SSH.
/// `keys` is a folder for the key, outside of the tree. A stranger's signature is by a key that the tree does not name.
pub fn at_signed_tag(tree: &Path, keys: &Path, by_stranger: bool) {
    copy(tree);
    let [keeper, stranger] = ["keeper", "stranger"].map(|name| ssh_key(keys, name));
    let public = fs::read_to_string(keeper.with_extension("pub")).expect("a public key");
    write(&tree.join(ALLOWED_SIGNERS), format!("{KEEPER} namespaces=\"git\" {public}").as_bytes());
    let policy = fs::read_to_string(tree.join("attestar.toml")).expect("the repository has a policy");
    write(&tree.join("attestar.toml"), (policy + POLICY).as_bytes());
    commit(tree);
    let key = if by_stranger { stranger } else { keeper };
    let signing = format!("user.signingkey={}", key.display());
    git(tree, &["-c", "gpg.format=ssh", "-c", &signing, "tag", "--sign", "--message", "Released", TAG]);
}

fn ssh_key(folder: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder for keys");
    let key = folder.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key);
    succeeds(&mut keygen);
    key
}

/// git without anybody's configuration, at one time.
pub fn git(folder: &Path, args: &[&str]) {
    let date = format!("{COMMIT_TIME_S} +0000");
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(args)
        .current_dir(folder)
        .env_clear();
    git.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent");
    succeeds(git.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date));
}

/// Runs a program that must succeed.
#[track_caller]
pub fn succeeds(command: &mut Command) {
    let output = command.output().expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&said));
}

fn write(file: &Path, content: &[u8]) {
    fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder");
    fs::write(file, content).expect("a file");
}
