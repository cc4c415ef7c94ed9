//! The documents say what the program does: their commands run, their tables are complete, their links lead somewhere.

use crate::world::World;
use attestar::finding::{Code, Weight};
use attestar::policy::gate;
use attestar::policy::{Policy, Source};
use attestar::tree::lockfile;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `tests/run` cannot run itself, and what the demo does is held by demo.rs: built for release it would take minutes.
const NOT_RUN_HERE: [&str; 2] = ["cargo run --release -- demo", "tests/run"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The bodies of a document's code blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let bodies = text.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest));
    bodies.map(|body| format!("{}\n", body.trim_end())).collect()
}

#[test]
fn every_command_of_the_readme_runs() {
    let readme = document("README.md");
    let blocks = blocks(&readme, "console");
    let commands: Vec<&str> = blocks.iter().flat_map(|block| block.lines()).collect();
    assert!(commands.len() > 8, "{commands:?}");
    let world = World::without_keys();
    // The project of the tour: its folder's name is the project's, and it has no policy yet.
    let project = world.path().join("tideline");
    let made = Command::new("cp").arg("-r").arg(root().join("fixtures/trees/release")).arg(&project).status();
    assert!(made.unwrap().success());
    fs::remove_file(project.join("attestar.toml")).unwrap();
    let mut ran = BTreeSet::new();
    for line in commands {
        let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("no prompt: {line}"));
        ran.insert(command);
        if NOT_RUN_HERE.contains(&command) {
            continue;
        }
        // Somebody else has these two from their owner.
        for file in ["signing.pub", "identity.age"] {
            if command.contains(file) {
                fs::copy(world.path().join(".config/attestar").join(file), project.join(file)).unwrap();
            }
        }
        let output = in_shell(&world, &project, command);
        assert!(output.status.success(), "$ {command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(NOT_RUN_HERE.iter().all(|command| ran.contains(command)), "{ran:?}");
    assert_eq!(
        fs::read(project.join("one/docs/alarms.md")).unwrap(),
        document("fixtures/trees/release/docs/alarms.md").as_bytes()
    );
}

/// A command as it is typed by somebody whose home is the world, and whose PATH has attestar.
fn in_shell(world: &World, folder: &Path, command: &str) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_attestar")).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [program.to_owned()].into_iter().chain(env::split_paths(&path));
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", command]).current_dir(folder).env_clear();
    shell.env("HOME", world.path()).env("PATH", env::join_paths(paths).unwrap());
    shell.output().expect("bash starts")
}

#[test]
fn every_finding_code_stands_in_cli_md_with_its_meaning_and_exit_code() {
    let cli = document("docs/CLI.md");
    for code in Code::ALL {
        let exit = match code.weight() {
            Weight::Refutes => "3",
            Weight::Fails => "1",
            Weight::Refuses => "4",
            Weight::Unverified => "5",
            Weight::Warns => "–",
        };
        let row = format!("| `{code}` | {} | {exit} |", code.meaning());
        assert!(cli.contains(&row), "docs/CLI.md has no line\n{row}");
    }
    let listed = cli.split("## Finding codes").nth(1).unwrap().lines().filter(|line| line.starts_with("| `"));
    assert_eq!(listed.count(), Code::ALL.len(), "docs/CLI.md lists codes that are none");
}

/// Codes of which somebody judged that no command of the night gives them: those of gates and stages, of bags by others, of
/// trees and proofs. A new code stands in none of both until somebody says where it belongs.
const NOT_AT_NIGHT: [&str; 24] = [
    "tree-differs",
    "bag-warning",
    "weak-digest",
    "payload-not-here",
    "not-checkable",
    "no-payload",
    "sbom-source-invalid",
    "sbom-source-newer",
    "sbom-source-too-large",
    "sbom-sources-disagree",
    "git-unread",
    "proof-invalid",
    "other-policy",
    "other-commit",
    "waiver-elsewhere",
    "waiver-expired",
    "waiver-not-allowed",
    "waiver-unused",
    "waiver-unjudged",
    "policy-expired",
    "approval-missing",
    "approval-not-counted",
    "ddl-unparsed",
    "gate-unchecked",
];

#[test]
fn every_finding_of_a_night_is_told_with_what_to_do() {
    let operations = document("docs/OPERATIONS.md");
    let drills = document("docs/DRILLS.md");
    let found = operations.split("## The night it goes wrong").nth(1).unwrap();
    let failed = drills.split("## When one fails").nth(1).unwrap();
    let rows = |text: &str| -> Vec<String> {
        let lines = text.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
        lines.map(str::to_owned).collect()
    };
    // What it means and what to do; of what came back in a drill, both in one.
    let rows =
        rows(found).into_iter().map(|row| (row, 2)).chain(rows(failed).into_iter().map(|row| (row, 1)));
    let mut told = BTreeSet::new();
    for (row, least) in rows {
        let mut cells = row.split(" | ");
        let codes = cells.next().unwrap();
        let words: Vec<&str> = cells.map(|cell| cell.trim_matches(['|', ' '])).collect();
        assert!(words.len() >= least && words.iter().all(|cell| cell.len() > 5), "{row}");
        // What stands in backquotes and is no code is where it is found.
        told.extend(codes.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        let elsewhere = NOT_AT_NIGHT.contains(&code) || code.starts_with("gate-");
        assert!(
            told.contains(code) || elsewhere,
            "{code}: what does it mean at night, and what is to be done?"
        );
        assert!(!(told.contains(code) && elsewhere), "{code} is told, and so given at night");
    }
    let is_code = |word: &str| Code::ALL.iter().any(|code| code.as_str() == word);
    let places = ["events/…", "archives/…", "log/checkpoint", "log/pending"];
    let strange: Vec<String> =
        told.into_iter().filter(|word| !is_code(word) && !places.contains(&&**word)).collect();
    assert!(strange.is_empty(), "{strange:?} are no codes");
}

#[test]
fn every_exit_code_stands_in_cli_md() {
    let table = document("src/cli/exit.rs");
    let codes: Vec<&str> = table
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .map(|(_, code)| code)
        .collect();
    assert_eq!(codes, ["0", "1", "2", "3", "4", "5", "130"]);
    let cli = document("docs/CLI.md");
    for code in codes {
        assert!(cli.contains(&format!("\n| {code} | ")), "docs/CLI.md does not explain exit code {code}");
    }
}

#[test]
fn every_command_and_flag_stands_in_cli_md() {
    let (world, cli) = (World::without_keys(), document("docs/CLI.md"));
    let help = |command: &[&str]| world.run(&[command, &["--help"]].concat()).done().out;
    let top = help(&[]);
    let commands = subcommands(&top);
    assert!(commands.len() >= 9, "{commands:?}");
    let (general, _) = cli.split_once("\n## attestar ").unwrap();
    for command in commands {
        let section = section(&cli, &command);
        let own = help(&[&command]);
        let below = subcommands(&own).into_iter().map(|name| help(&[&command, &name]));
        let all = std::iter::once(own.clone()).chain(below).collect::<String>();
        for word in all.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let is_told = word.len() < 3 || tells(&section, word) || tells(general, word);
            assert!(!word.starts_with("--") || is_told, "docs/CLI.md does not tell {word} of {command}");
        }
    }
}

/// The commands that a page of help lists.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    let named = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    named.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

/// What docs/CLI.md says of a command, and of those below it.
fn section(cli: &str, command: &str) -> String {
    let sections = cli.split("\n## attestar ").skip(1);
    let own = sections.filter(|section| section.split([' ', '\n']).next() == Some(command));
    let own: String = own.filter_map(|section| section.split("\n## ").next()).collect();
    assert!(!own.is_empty(), "docs/CLI.md has no section on {command}");
    own
}

/// This very flag stands there, and not only one that begins like it.
fn tells(text: &str, flag: &str) -> bool {
    let ends = text.match_indices(flag).map(|(at, _)| text[at + flag.len()..].chars().next());
    let goes_on = |next: Option<char>| next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-');
    ends.into_iter().any(|next| !goes_on(next))
}

/// The rows of the tables below a heading, by what their first cell says.
fn rows(document: &str, heading: &str) -> BTreeSet<String> {
    let body = document.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let body = body.split("\n##").next().unwrap_or(body);
    let cells = body.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.map(str::to_owned).collect()
}

#[test]
fn every_kind_of_lockfile_and_artifact_stands_in_sbom_md() {
    let sbom = document("docs/SBOM.md");
    let documented = rows(&sbom, "### Lockfiles");
    let kinds: BTreeSet<String> = lockfile::KINDS.iter().map(|kind| format!("`{}`", kind.name)).collect();
    let documented: BTreeSet<String> = documented.into_iter().filter(|cell| cell != "lockfile").collect();
    assert_eq!(documented, kinds);

    // Each reader that artifacts are handed to, and what it is called there.
    let readers = [
        ("crate_file", "`.crate`"),
        ("deb", "`.deb`"),
        ("gem", "`.gem`"),
        ("image", "images (OCI layouts, `docker save`)"),
        ("jar", "jars, wars, ears"),
        ("npm", "npm tarballs"),
        ("program", "programs"),
        ("rpm_file", "`.rpm`"),
        ("sdist", "Python source archives"),
        ("wheel", "wheels"),
    ];
    let dispatch = document("src/tree/artifact/mod.rs");
    let called = dispatch
        .match_indices("::read(")
        .filter_map(|(at, _)| dispatch[..at].rsplit(|c: char| !c.is_ascii_lowercase() && c != '_').next());
    let called: BTreeSet<&str> = called.collect();
    assert_eq!(called, readers.iter().map(|(reader, _)| *reader).collect());
    let documented = rows(&sbom, "### Artifacts");
    for (reader, row) in readers {
        assert!(documented.contains(row), "docs/SBOM.md has no row {row:?} for {reader}: {documented:?}");
    }
}

#[test]
fn every_policy_of_policy_md_is_one() {
    let policies = blocks(&document("docs/POLICY.md"), "toml");
    assert!(policies.len() > 4);
    for text in policies {
        let policy = Policy::parse(Source::File("POLICY.md".into()), &*text);
        assert!(policy.is_ok(), "{}\n{text}", policy.unwrap_err());
    }
}

/// A section for each kind of gate, as the kind describes itself.
fn kinds_of_gates() -> String {
    let mut text = String::new();
    for kind in gate::KINDS {
        let waivable = if kind.waivable { "" } else { " No waiver lifts it." };
        let holds = format!("Holds when {}.{waivable} What it finds is `{}`.", kind.holds_when, kind.code);
        text += &format!("\n### `{}`\n\n{}\n\n| key | meaning |\n|---|---|\n", kind.name, wrapped(&holds));
        kind.keys.iter().for_each(|(key, meaning)| text += &format!("| `{key}` | {meaning} |\n"));
        text += &format!("\n```toml\nschema = 1\n\n{ANY}\n{}```\n", kind.example);
    }
    text + "\n"
}

/// In lines of at most 120 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= 120 => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// What every policy needs beside its gates.
const ANY: &str = "[[include]]\nclass = \"doc\"\npaths = [\"**\"]\n";

#[test]
fn policy_md_describes_every_kind_of_gate_as_it_describes_itself() {
    const START: &str = "from src/policy/gate. -->\n";
    const END: &str = "<!-- The end of the kinds. -->";
    let there = document("docs/POLICY.md");
    let (before, rest) = there.split_once(START).expect("the start of the kinds");
    let (_, after) = rest.split_once(END).expect("the end of the kinds");
    let anew = format!("{before}{START}{}{END}{after}", kinds_of_gates());
    if env::var_os("ATTESTAR_BLESS").is_some() {
        fs::write(root().join("docs/POLICY.md"), &anew).unwrap();
    }
    assert!(document("docs/POLICY.md") == anew, "ATTESTAR_BLESS=1 writes docs/POLICY.md anew");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 10, "{documents:?}");
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) =
                link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            if let Some(heading) = heading {
                let headings = headings(&fs::read_to_string(&target).unwrap());
                assert!(headings.contains(heading), "{}: {link}: only {headings:?}", path.display());
            }
        }
    }
}

/// Every Markdown file that is written for people.
fn documents() -> Vec<PathBuf> {
    let (mut found, mut pending) = (Vec::new(), vec![root().to_owned()]);
    let skipped = ["target", "release", "node_modules", "foreign"];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && !skipped.contains(&&*name) {
                pending.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect()
}

/// The anchors of a document's headings, as forges make them.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor = |title: &str| {
        let kept = title.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(anchor).collect()
}
