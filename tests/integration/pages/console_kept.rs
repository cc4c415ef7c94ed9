//! What the console keeps to itself, and what it leaves alone.

use super::console::{Console, NIGHTLY};
use crate::world::{World, everything_in, said};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const PASSWORD: &str = "correct-horse-battery";
const TOKEN: &str = "T0KENT0KENT0KENT0KEN";

/// What the policy takes from the environment.
fn variables() -> [(&'static str, String); 2] {
    [
        ("LEDGER_DSN", format!("postgresql://ledger:{PASSWORD}@127.0.0.1:1/ledger")),
        ("HOOK_URL", format!("https://127.0.0.1:1/hooks/{TOKEN}")),
    ]
}

/// A night with a capture and a probe that are given the connection string.
const WITH_SECRETS: &str = "[notify]\nwebhook = \"env:HOOK_URL\"\ntime_limit = \"1s\"\n\
    [[capture]]\nid = \"rows\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo rows\"]\n\
    variables = [\"PATH\", \"LEDGER_DSN\"]\n\
    [[probe]]\nid = \"smoke\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"echo $LEDGER_DSN >&2; exit 1\"]\n\
    variables = [\"PATH\", \"LEDGER_DSN\"]\n";

/// A store with a release, backups, nightly checks and drills, some of which failed.
fn eventful() -> World {
    let world = World::sealed();
    world.run(&["publish", "out/shop-1.0.0.tar.zst.age", "--store", "store"]).done();
    world.write("attestar.toml", format!("{NIGHTLY}{WITH_SECRETS}"));
    let run = |args: &[&str]| {
        let mut command = world.command(&[&["-C", "shop"], args].concat());
        said(command.envs(variables()).output().unwrap())
    };
    run(&["backup"]).done();
    run(&["backup-verify"]).done();
    run(&["backup-verify", "--max-age", "0s"]);
    run(&["drill", "--out", "drill"]).exits(3);
    world
}

/// Every path that leads somewhere, and some that do not.
fn paths(console: &Console) -> Vec<String> {
    let mut paths: Vec<String> =
        ["/", "/health", "/metrics", "/api/store", "/packs/shop-1.0.0", "/api/packs/shop-1.0.0", "/nothing"]
            .map(str::to_owned)
            .into();
    let store = console.document("/api/store");
    for event in store["events"].as_array().unwrap() {
        let folder = if event["type"] == "drilled" { "drills" } else { "verifications" };
        let Some(name) = event["report"]["name"].as_str() else { continue };
        paths.extend(["", "/api"].map(|api| format!("{api}/{folder}/{name}")));
    }
    assert!(paths.len() >= 11, "a drill and a nightly check are among them: {paths:?}");
    paths
}

/// Everything that must stand nowhere.
fn secrets(world: &World) -> Vec<String> {
    let line = |file: &str, of: &str| {
        let text = fs::read_to_string(world.home().join(file)).unwrap();
        text.lines().find(|line| line.starts_with(of)).expect("it is there").to_owned()
    };
    let key = fs::read_to_string(world.home().join("signing.key")).unwrap();
    let mut secrets = vec![
        line("identity.age", "AGE-SECRET-KEY"),
        key.lines().nth(1).expect("a line of base64").to_owned(),
        "PRIVATE KEY".to_owned(),
        PASSWORD.to_owned(),
        TOKEN.to_owned(),
        world.home().to_string_lossy().into_owned(),
    ];
    secrets.extend(variables().map(|(_, value)| value));
    secrets
}

#[test]
fn no_secret_is_on_any_page_of_a_store_that_is_well_or_is_not() {
    let world = eventful();
    let secrets = secrets(&world);
    let variables = variables();
    let variables = [0, 1].map(|at| (variables[at].0, &*variables[at].1));
    let console = Console::begin_with(&world, &["-C", "shop"], &variables);
    console.wait();
    let paths = paths(&console);
    let keep_silent = |console: &Console| {
        for path in &paths {
            let answer = console.get(path).1;
            for secret in &secrets {
                assert!(!answer.contains(secret), "{path} says {secret}:\n{answer}");
            }
        }
    };
    for path in paths.iter().filter(|path| *path != "/health" && *path != "/nothing") {
        assert_eq!(console.get(path).0, 200, "{path}");
    }
    keep_silent(&console);
    // A report that is another is told, and what is in it is not.
    let check = paths.iter().find(|path| path.starts_with("/verifications/")).unwrap();
    let file = world.path().join(format!("store/reports/verify/{}.json", &check["/verifications/".len()..]));
    fs::write(file, format!("{{\"{PASSWORD}\": \"{TOKEN}\"}}")).unwrap();
    assert_eq!(console.get(check).0, 502);
    keep_silent(&console);
    // A policy with the secret in it, which is refused; and a store that cannot be read.
    let dsn = variables[0].1;
    let capture = format!("[[capture]]\nid = \"ledger\"\nkind = \"postgres\"\ndsn = \"{dsn}\"\n");
    world.write("attestar.toml", format!("{NIGHTLY}{capture}"));
    console.until("/health", |status, body| status == 503 && body.contains("attestar.toml"));
    keep_silent(&console);
    world.write("attestar.toml", NIGHTLY.replace("../store", "../other"));
    console.until("/health", |status, body| status == 503 && body.contains("another store"));
    keep_silent(&console);
    world.write("attestar.toml", format!("{NIGHTLY}{WITH_SECRETS}"));
    let checkpoint = world.path().join("store/log/checkpoint");
    fs::remove_file(&checkpoint).unwrap();
    fs::create_dir(&checkpoint).unwrap();
    console.until("/health", |status, body| status == 503 && body.contains("checkpoint"));
    keep_silent(&console);
}

/// Every file with its content, and when it and each folder was changed.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u32)> {
    let state = |(path, _): (PathBuf, u64)| {
        let about = path.symlink_metadata().unwrap();
        let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        (path, (content, about.mtime(), about.mtime_nsec(), about.mode()))
    };
    everything_in(folder).into_iter().map(state).collect()
}

#[test]
fn nothing_is_changed_by_looking() {
    let world = eventful();
    let folders = ["store", "shop", "out"].map(|name| world.path().join(name));
    let all = || folders.each_ref().map(|folder| everything(folder));
    let textfile = || fs::read(world.path().join("attestar.prom")).unwrap();
    let (before, metrics) = (all(), textfile());
    assert!(before[0].len() > 20, "{:?}", before[0].keys());
    let console = Console::start(&world, &["-C", "shop"]);
    for path in paths(&console) {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"] {
            console.ask(method, &path, &["Content-Length: 0"]);
        }
    }
    assert_eq!(console.end("-TERM").0, Some(0));
    world.run(&["-C", "shop", "report", "--out", "s.html"]);
    world.run(&["report", "--store", "store", "--out", "s.html"]);
    world.run(&["report", "shop-1.0.0", "--store", "store", "--out", "p.html"]).done();
    assert!(all() == before, "something in the store or the tree is another");
    assert_eq!(textfile(), metrics);
}
