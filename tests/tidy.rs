//! The rules of the source tree, held by a test: who may use whom, what a layer must not touch, how long things get.
//! A change of architecture is a change of [`EDGES`]. Each rule is tried on a bad sample too: a rule that cannot fail is
//! none.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Who may use whom, from the top down. Inside its own folder a file may use what it likes; `cli` sees the library as
/// any other program does.
const EDGES: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["attestar"]),
    (
        "verbs",
        &[
            "evidence",
            "console",
            "probe",
            "telemetry",
            "report",
            "log",
            "store",
            "pipeline",
            "policy",
            "tree",
            "keys",
            "format",
            "finding",
            "error",
        ],
    ),
    ("console", &["report", "pipeline", "format", "finding", "error"]),
    ("telemetry", &["pipeline", "policy", "format", "finding", "error"]),
    ("probe", &["database", "pipeline", "policy", "tree", "format", "finding", "error"]),
    ("report", &["format", "finding"]),
    ("evidence", &["log", "store", "pipeline", "policy", "tree", "keys", "format", "finding", "error"]),
    ("log", &["store", "keys", "format", "finding", "error"]),
    ("store", &["pipeline", "format", "finding", "error"]),
    ("tree", &["database", "pipeline", "policy", "format", "finding", "error"]),
    ("database", &["pipeline", "format", "finding", "error"]),
    ("pipeline", &["format", "finding", "error"]),
    ("policy", &["format", "finding", "error"]),
    ("keys", &["format", "finding", "error"]),
    ("format", &["finding", "error"]),
    ("error", &["finding"]),
    ("finding", &[]),
];

/// Words that some files must not hold.
struct Ban {
    /// Where paths begin.
    inside: &'static [&'static str],
    /// But not these.
    except: &'static [&'static str],
    words: &'static [&'static str],
    /// Whether test code is looked at as well.
    in_tests: bool,
}

const LIBRARY_EXCEPT: &[&str] = &["src/cli/", "src/main.rs"];

const BANS: &[Ban] = &[
    // Bytes and nothing else: no files, network, environment, clock, randomness, or threads.
    Ban {
        inside: &["src/format/"],
        except: &[],
        words: &[
            "std::fs",
            "std::net",
            "std::os",
            "rustix",
            "tempfile",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "getrandom",
            "rand::",
            "crossbeam",
        ],
        in_tests: false,
    },
    // Everything that a policy is judged by comes in as an argument.
    Ban {
        inside: &["src/policy/"],
        except: &[],
        words: &["std::fs", "std::os", "rustix", "SystemTime", "Instant", "Timestamp::now", "getrandom"],
        in_tests: false,
    },
    // The library starts programs in one place: those that a policy names, and the tools of databases.
    Ban {
        inside: &["src/"],
        except: &["src/cli/", "src/main.rs", "src/pipeline/program"],
        words: &["std::process", "process::Command"],
        in_tests: false,
    },
    // The library never prints, exits, or reads the environment or the clock.
    Ban {
        inside: &["src/"],
        except: LIBRARY_EXCEPT,
        words: &[
            "print!",
            "println!",
            "process::exit",
            "std::env",
            "Timestamp::now",
            "SystemTime",
            "stdout()",
        ],
        in_tests: false,
    },
    // Threads are the pipeline's; a terminal's progress bar has one of its own.
    Ban {
        inside: &["src/"],
        except: &["src/pipeline/", "src/cli/progress.rs", "src/cli/context.rs"],
        words: &["std::thread", "rayon"],
        in_tests: false,
    },
    // A file says what it uses.
    Ban { inside: &["src/"], except: &[], words: &["super::*", "crate::*", "prelude::*"], in_tests: false },
    // Nothing unfinished, nothing hushed, nothing unsafe.
    Ban {
        inside: &["src/", "tests/"],
        except: &["tests/tidy.rs"],
        words: &[
            "todo!",
            "unimplemented!",
            "dbg!",
            "#[ignore",
            "allow(clippy",
            "allow(dead_code",
            " unsafe fn",
            " unsafe impl",
            "= unsafe {",
        ],
        in_tests: true,
    },
];

/// The most lines of a file, of a function, and of `main.rs`.
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 40;

/// Hosts that packages are downloaded from; in two halves, so that this file does not name them.
const HOSTS: &[(&str, &str)] = &[
    ("static.", "crates.io"),
    ("index.", "crates.io"),
    ("registry.", "npmjs.org"),
    ("files.", "pythonhosted.org"),
    ("proxy.", "golang.org"),
    ("deb.", "debian.org"),
    ("archive.", "ubuntu.com"),
];

/// Folders that only one machine has.
const MACHINE_FOLDERS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/home", "/"), ("/tmp/", "wt/")];

/// A committed file.
struct File {
    path: String,
    text: String,
}

/// What a rule has to say: a line from 1, and the complaint.
type Complaint = (usize, String);

/// A rule, and a file that breaks it.
struct Rule {
    check: fn(&File) -> Vec<Complaint>,
    bad: &'static [(&'static str, &'static str)],
}

const RULES: &[Rule] = &[
    Rule {
        check: edges,
        bad: &[
            ("src/format/x.rs", "use crate::keys::home::Home;\n"),
            ("src/format/x.rs", "fn f() {\n    crate::evidence::f();\n}\n"),
            ("src/policy/x.rs", "use crate::{Error, tree::{git, scan}};\n"),
            ("src/tree/x.rs", "pub use crate::verbs::seal;\n"),
            ("src/tree/mod.rs", "use super::keys::home;\n"),
            ("src/keys/x.rs", "use super::super::tree::scan;\n"),
            ("src/cli/x.rs", "use crate::verbs::seal;\n"),
            ("src/unknown/x.rs", "use crate::error::Error;\n"),
        ],
    },
    Rule {
        check: bans,
        bad: &[
            ("src/format/x.rs", "use std::{fs, io};\n"),
            ("src/format/x.rs", "fn f() {\n    std::net::TcpStream::connect(a);\n}\n"),
            ("src/policy/x.rs", "fn now() -> Timestamp {\n    Timestamp::now()\n}\n"),
            ("src/verbs/x.rs", "fn f() {\n    eprintln!();\n}\n"),
            ("src/verbs/x.rs", "use std::{process::{self, Command}, io};\n"),
            ("src/tree/x.rs", "use std::process::Command;\n"),
            ("src/pipeline/program.rs", "fn f() {\n    std::process::exit(1);\n}\n"),
            ("src/tree/x.rs", "use std::thread;\n"),
            ("src/tree/x.rs", "use super::*;\n"),
            ("src/tree/x.rs", "#[cfg(test)]\nmod tests {\n    #[ignore]\n    fn f() {}\n}\n"),
            ("src/cli/x.rs", "fn f() {\n    todo!()\n}\n"),
            ("tests/x.rs", "#[allow(clippy::all)]\nfn f() {}\n"),
        ],
    },
    Rule { check: lengths, bad: &[] },
    Rule {
        check: dependencies,
        bad: &[
            ("Cargo.toml", "[dependencies]\nserde = \"1\"\n"),
            ("Cargo.toml", "[dev-dependencies]\n# Why.\nserde = \"1\"\n\ntar = \"1\"\n"),
        ],
    },
    Rule { check: machines, bad: &[] },
];

#[test]
fn every_rule_holds() {
    let files = committed();
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "there is something to judge");
    let mut complaints: Vec<String> = Vec::new();
    for file in &files {
        let all = RULES.iter().flat_map(|rule| (rule.check)(file));
        complaints.extend(all.map(|(line, what)| format!("{}:{line}: {what}", file.path)));
    }
    complaints.extend(unlinked(&files).into_iter().map(|path| format!("{path}: no document links it")));
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_rule_catches_what_it_is_for() {
    for rule in RULES {
        for &(path, text) in rule.bad {
            let file = File { path: path.to_owned(), text: text.to_owned() };
            assert!(!(rule.check)(&file).is_empty(), "{path} goes through:\n{text}");
        }
    }
    let caught = |check: fn(&File) -> Vec<Complaint>, path: &str, text: String| {
        !check(&File { path: path.to_owned(), text }).is_empty()
    };
    assert!(caught(lengths, "tests/x.rs", "\n".repeat(FILE_LINES_MAX + 1)));
    assert!(!caught(lengths, "tests/x.rs", "\n".repeat(FILE_LINES_MAX)));
    assert!(caught(lengths, "src/main.rs", "\n".repeat(MAIN_LINES_MAX)));
    let function = |lines: usize| format!("    pub fn f(\n    ) -> X {{\n{}    }}\n", "\n".repeat(lines - 3));
    assert!(caught(lengths, "src/x.rs", function(FUNCTION_LINES_MAX + 1)));
    assert!(!caught(lengths, "src/x.rs", function(FUNCTION_LINES_MAX)));
    for (one, two) in HOSTS {
        assert!(caught(machines, "README.md", format!("see https://{one}{two}/x\n")));
    }
    for (one, two) in MACHINE_FOLDERS {
        assert!(caught(machines, "README.md", format!("in `{one}{two}x`\n")));
        assert!(!caught(machines, "README.md", format!("in `some{one}{two}x`\n")));
    }
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let docs = [file("README.md", "[one](docs/ONE.md)"), file("docs/ONE.md", ""), file("docs/TWO.md", "")];
    assert_eq!(unlinked(&docs), ["docs/TWO.md"]);
}

/// Every file that git tracks, or would if it were added.
fn committed() -> Vec<File> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("git starts");
    assert!(listed.status.success(), "git lists the files of a checkout");
    let read = |path: &str| {
        let bytes = fs::read(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).ok()?;
        Some(File { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() })
    };
    String::from_utf8_lossy(&listed.stdout).split_terminator('\0').filter_map(read).collect()
}

/// Imports go down only.
fn edges(file: &File) -> Vec<Complaint> {
    let Some(inside) = file.path.strip_prefix("src/").filter(|path| path.ends_with(".rs")) else {
        return vec![];
    };
    let from = inside.split(['/', '.']).next().expect("a split gives something");
    if from == "lib" {
        return vec![];
    }
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == from) else {
        return vec![(1, format!("`{from}` has no place among the layers"))];
    };
    let depth = inside.matches('/').count() - usize::from(inside.ends_with("/mod.rs"));
    let mut complaints = Vec::new();
    for (line, path) in paths(&code(&file.text, false)) {
        let supers = path.matches("super::").count();
        let at_root = path.starts_with("super::") && supers > depth;
        let to = match path.split("::").find(|part| !["crate", "super"].contains(part)) {
            Some("attestar") if path.starts_with("attestar::") => "attestar",
            Some("Error" | "Result") => "error",
            Some(part) if !part.is_empty() && (path.starts_with("crate::") || at_root) => part,
            _ => continue,
        };
        if to != from && !allowed.contains(&to) {
            complaints.push((line, format!("`{from}` may not use `{to}` ({path})")));
        }
    }
    complaints
}

fn bans(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with(".rs") {
        return vec![];
    }
    let begins = |with: &&str| file.path.starts_with(with);
    let mut complaints = Vec::new();
    for ban in BANS.iter().filter(|ban| ban.inside.iter().any(begins) && !ban.except.iter().any(begins)) {
        if is_test(&file.path) && !ban.in_tests {
            continue;
        }
        let code = code(&file.text, ban.in_tests);
        let lines =
            code.iter().enumerate().map(|(at, line)| (at + 1, (*line).to_owned())).chain(paths(&code));
        for (line, text) in lines {
            let held = ban.words.iter().find(|word| text.contains(**word));
            complaints.extend(held.map(|word| (line, format!("`{word}` has no place here"))));
        }
    }
    complaints
}

fn lengths(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with(".rs") {
        return vec![];
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let most = if file.path == "src/main.rs" { MAIN_LINES_MAX - 1 } else { FILE_LINES_MAX };
    let mut complaints = Vec::new();
    if lines.len() > most {
        complaints.push((most, format!("{} lines, at most {most}", lines.len())));
    }
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = trimmed.starts_with("fn ")
            || (trimmed.starts_with("pub") || trimmed.starts_with("const ")) && trimmed.contains(" fn ");
        if !is_function || trimmed.ends_with([';', '}']) {
            continue;
        }
        // rustfmt puts the last brace below the first word.
        let last = format!("{}}}", &line[..line.len() - trimmed.len()]);
        let length = 1 + lines[at..].iter().position(|line| **line == last).unwrap_or(0);
        if length > FUNCTION_LINES_MAX {
            complaints.push((at + 1, format!("a function of {length} lines, at most {FUNCTION_LINES_MAX}")));
        }
    }
    complaints
}

/// Each dependency, or run of them, has a comment above it: the standard or job that it serves.
fn dependencies(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with("Cargo.toml") {
        return vec![];
    }
    let (mut among, mut explained, mut complaints) = (false, false, Vec::new());
    for (at, line) in file.text.lines().enumerate() {
        match line.chars().next() {
            Some('[') => (among, explained) = (line.contains("dependencies"), false),
            Some('#') => explained = true,
            None => explained = false,
            Some(_) if among && !explained => complaints.push((at + 1, format!("what is this for: {line}"))),
            Some(_) => {}
        }
    }
    complaints
}

/// Nothing that holds only on one machine, and no host that packages come from. Lock files name theirs.
fn machines(file: &File) -> Vec<Complaint> {
    if file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json") {
        return vec![];
    }
    let mut complaints = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        let named = HOSTS.iter().map(|(one, two)| format!("{one}{two}")).filter(|host| line.contains(host));
        complaints.extend(named.map(|host| (at + 1, format!("the host {host}"))));
        let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.*})".contains(c));
        let folders = MACHINE_FOLDERS.iter().map(|(one, two)| format!("{one}{two}"));
        let named = folders.filter(|folder| line.match_indices(folder).any(|(at, _)| begins(at)));
        complaints.extend(named.map(|folder| (at + 1, format!("a path of one machine: {folder}"))));
    }
    complaints
}

/// Documents that are not named in the README or in another document.
fn unlinked(files: &[File]) -> Vec<&str> {
    let is_doc = |path: &str| path == "README.md" || path.starts_with("docs/");
    let docs: Vec<&File> = files.iter().filter(|file| is_doc(&file.path)).collect();
    let linked = |file: &File| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        docs.iter()
            .any(|other| other.path != file.path && other.path.ends_with(".md") && other.text.contains(name))
    };
    docs.iter()
        .filter(|file| file.path != "README.md" && !linked(file))
        .map(|file| file.path.as_str())
        .collect()
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
}

/// The lines of a file without comments; what is under `#[cfg(test)]` is blank unless it is wanted.
fn code(text: &str, with_tests: bool) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut hidden_until: Option<String> = None;
    for line in &mut lines {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        if let Some(last) = &hidden_until {
            // A block ends with its brace, `mod tests;` with its line.
            let ends = *line == last || (line.ends_with(';') && last.len() == indent.len() + 1);
            *line = "";
            if ends {
                hidden_until = None;
            }
        } else if !with_tests && trimmed == "#[cfg(test)]" {
            hidden_until = Some(format!("{indent}}}"));
            *line = "";
        } else if trimmed.starts_with("//") {
            *line = "";
        } else if let Some(at) = line.find(" // ") {
            *line = &line[..at];
        }
    }
    lines
}

/// Every path that is imported, groups spelled out, and every path that begins with `crate::` or `attestar::` where it
/// is used.
fn paths(code: &[&str]) -> Vec<(usize, String)> {
    let text = code.join("\n");
    let line_of = |at: usize| 1 + text[..at].matches('\n').count();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("use ") {
        let before = text[..at].chars().next_back();
        let Some(end) = text[at..].find(';') else { continue };
        if before.is_none_or(char::is_whitespace) {
            let mut spelled = Vec::new();
            spell_out("", &text[at + 4..at + end], &mut spelled);
            found.extend(spelled.into_iter().map(|path| (line_of(at), path)));
        }
    }
    for root in ["crate::", "attestar::", "super::super::"] {
        for (at, _) in text.match_indices(root) {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            if !text[..at].ends_with(is_part) {
                let end = text[at..].find(|c| !is_part(c)).unwrap_or(text.len() - at);
                found.insert((line_of(at), text[at..at + end].to_owned()));
            }
        }
    }
    found.into_iter().collect()
}

/// `a::{b, c::{self, d}}` is `a::b`, `a::c::self`, `a::c::d`.
fn spell_out(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        return found.extend((!tree.is_empty()).then(|| format!("{prefix}{tree}")));
    };
    let prefix = format!("{prefix}{}", head.trim());
    let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                spell_out(&prefix, &group[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
    spell_out(&prefix, &group[start..], found);
}
