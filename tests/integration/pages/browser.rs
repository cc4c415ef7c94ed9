//! A real browser, and what it says of a page. `tests/run` installs it, and what it is driven by.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "hint: tests/run installs it";

/// How soon the largest pages are painted, in milliseconds: the median of three, on a machine that does other things too.
/// `tests/bench/pages` holds them to the second that they have.
const PAINT_MS: u64 = 3_000;

/// Elements that a page of any size has at most.
const ELEMENTS_MAX: u64 = 6_000;

/// Rows of a table that are printed, whole or not at all.
const PRINTED_MAX: u64 = 2_000;

fn paint_ms() -> u64 {
    let told = std::env::var("ATTESTAR_PAINT_MS").ok();
    told.map_or(PAINT_MS, |told| told.parse().expect("milliseconds"))
}

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
            assert_eq!(*self.at(step, "/broken"), serde_json::json!([]), "{step}");
        }
        assert!(self.at("print", "/pages").as_u64() >= Some(1));
        self.has_every_row();
        self
    }

    /// Without script, and on paper, every row of every table is there, and nothing that could be clicked or typed into. Of a
    /// table that is too long for paper the first rows are, and that says so.
    #[track_caller]
    fn has_every_row(&self) {
        for (step, whole) in [("noscript", u64::MAX), ("print", PRINTED_MAX)] {
            assert_eq!(*self.at(step, "/tables/controls"), 0, "{step}");
            for table in self.at(step, "/tables/all").as_array().expect("a list") {
                let rows = table["rows"].as_u64().expect("a number");
                if rows <= whole {
                    assert_eq!(table["visible"], rows, "{step}: {table}");
                } else {
                    assert_eq!(table["visible"], 50, "{step}: {table}");
                    let told = table["told"].as_str().unwrap_or_default();
                    assert!(told.contains("too many for paper"), "{step}: {table}");
                }
            }
        }
    }

    /// The first paint of a page of the largest size comes soon, as it has few elements; what was measured is printed.
    #[track_caller]
    pub fn paints_at_once(&self, what: &str) {
        let (paint, elements) = (self.at("paint", "/paint"), self.at("paint", "/elements"));
        println!("first paint: {what}: {paint} ms");
        assert!(paint.as_u64() < Some(paint_ms()), "first paint after {paint} ms");
        assert!(elements.as_u64() < Some(ELEMENTS_MAX), "{elements} elements");
    }

    /// What a person reads.
    #[track_caller]
    pub fn reads(&self, text: &str) -> &Seen {
        let all = self.at("light", "/text").as_str().unwrap_or_default();
        assert!(all.contains(text), "nobody reads {text:?} in:\n{all}");
        self
    }
}
