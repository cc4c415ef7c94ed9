//! A real browser, and what it says of a page. `tests/run` installs it, and what it is driven by.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "hint: tests/run installs it";

/// What was seen of a page.
pub struct Seen(Value);

/// Looks at a page. Steps are those of `look.mjs`. With `ATTESTAR_SCREENSHOTS=FOLDER` pictures go there.
pub fn look(url: &str, name: &str, steps: &[&str], keys: [&str; 2]) -> Seen {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/node/pages/look.mjs");
    let installed = script.with_file_name("node_modules");
    assert!(installed.join("playwright-core").is_dir(), "{} is missing\n{HINT}", installed.display());
    let shots = std::env::var_os("ATTESTAR_SCREENSHOTS").map(|folder| PathBuf::from(folder).join(name));
    let mut command = Command::new("node");
    command.arg(script).arg(url).arg(shots.as_deref().unwrap_or(Path::new("-"))).args(steps);
    command.env("WHAT", keys[0]).env("WORDS", keys[1]);
    let output = command.output().unwrap_or_else(|error| panic!("node: {error}\n{HINT}"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {err}");
    let said = String::from_utf8(output.stdout).expect("the script speaks UTF-8");
    Seen(serde_json::from_str(said.lines().last().unwrap_or_default()).expect("and JSON"))
}

/// The address of a file.
pub fn file(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Every way to look at a page.
pub const WAYS: [&str; 8] = ["light", "dark", "narrow", "phone", "zoomed", "contrast", "print", "noscript"];

impl Seen {
    /// A step, and a value in it.
    #[track_caller]
    pub fn at(&self, step: &str, pointer: &str) -> &Value {
        self.0["steps"][step].pointer(pointer).unwrap_or_else(|| panic!("no {step}{pointer} in {}", self.0))
    }

    /// In every scheme and width axe-core finds nothing, nothing was asked of anybody, nothing ran that should not, and
    /// the page does not have to be pushed sideways.
    #[track_caller]
    pub fn is_clean(&self) -> &Seen {
        for list in ["requests", "console", "errors"] {
            assert_eq!(self.0[list], serde_json::json!([]), "{list}");
        }
        for step in ["light", "dark", "narrow", "phone", "zoomed", "contrast"] {
            assert_eq!(*self.at(step, "/axe/violations"), serde_json::json!([]), "{step}");
            assert!(self.at(step, "/axe/passes").as_u64() > Some(15), "axe looked: {step}");
            assert_eq!(*self.at(step, "/violations"), serde_json::json!([]), "{step}");
            assert_eq!(*self.at(step, "/overflow"), 0, "{step}");
            assert_eq!(*self.at(step, "/globals"), false, "{step}");
        }
        assert!(self.at("print", "/pages").as_u64() >= Some(1));
        self
    }

    /// What a person reads.
    #[track_caller]
    pub fn reads(&self, text: &str) -> &Seen {
        let all = self.at("light", "/text").as_str().unwrap_or_default();
        assert!(all.contains(text), "nobody reads {text:?} in:\n{all}");
        self
    }
}
