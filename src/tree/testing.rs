//! What the tests of the tree share: git with a fixed identity and time.

use std::path::Path;
use std::process::Command;

/// When every commit of the tests was made: 2026-01-02T03:04:05Z.
pub(crate) const TIME_S: i64 = 1_767_323_045;

/// Runs git in a folder, without any configuration but the repository's, and gives its output.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let date = format!("{TIME_S} +0000");
    let output = Command::new("git")
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", std::env::var("PATH").unwrap()), ("HOME", "/nonexistent".into())])
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "T"), ("GIT_AUTHOR_EMAIL", "t@example.com"), ("GIT_AUTHOR_DATE", &date)])
        .envs([
            ("GIT_COMMITTER_NAME", "T"),
            ("GIT_COMMITTER_EMAIL", "t@example.com"),
            ("GIT_COMMITTER_DATE", &date),
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
