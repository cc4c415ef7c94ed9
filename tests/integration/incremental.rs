//! Night after night: what did not change is neither read nor kept again, and everything comes back.

use crate::backup::back_up_upon;
use crate::world::{Said, World, everything_in, noise};
use attestar::verbs::backup::Done;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const POLICY: &str = "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\nexclude = [\"attestar.toml\"]\n[store]\nurl = \"../store\"\n";

/// Longer than the coarsest clock's grain.
fn settle() {
    std::thread::sleep(Duration::from_millis(2_200));
}

/// A world with a policy and three files.
fn world() -> World {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("etc/app.conf", "port = 1\n");
    world.write("var/data.bin", noise(300_000));
    world.write("var/big.bin", noise(9_000_000));
    world
}

fn night_with(world: &World, flags: &[&str]) -> Said {
    let tree = world.tree();
    world.run(&[&["-C", tree.to_str().unwrap(), "--json", "backup"], flags].concat())
}

/// Backs up; gives the document.
#[track_caller]
fn night(world: &World) -> Value {
    night_with(world, &[]).done().json()
}

#[track_caller]
fn result(document: &Value) -> (&str, u64, u64) {
    let bases = document["bases"].as_array().unwrap().len() as u64;
    (document["result"].as_str().unwrap(), bases, document["referred"]["files"].as_u64().unwrap())
}

fn archives(world: &World) -> Vec<PathBuf> {
    let all = everything_in(&world.path().join("store/archives")).into_iter().map(|(path, _)| path);
    all.filter(|path| path.extension().is_some_and(|extension| extension == "age")).collect()
}

/// Everything that a restore brings back: path, kind and target, mode and time of files, content.
fn snapshot(folder: &Path) -> Vec<(PathBuf, String, Vec<u8>)> {
    let told = |path: PathBuf| {
        let metadata = path.symlink_metadata().unwrap();
        let inside = path.strip_prefix(folder).unwrap().to_owned();
        if metadata.is_symlink() {
            return (inside, format!("link to {}", fs::read_link(&path).unwrap().display()), Vec::new());
        }
        if metadata.is_dir() {
            return (inside, "folder".to_owned(), Vec::new());
        }
        let times = (metadata.mtime(), metadata.mtime_nsec());
        (inside, format!("{:o} {times:?}", metadata.mode()), fs::read(&path).unwrap())
    };
    everything_in(folder).into_iter().map(|(path, _)| told(path)).collect()
}

/// The backup verifies, and what comes back is the tree as it is now.
#[track_caller]
fn comes_back(world: &World, document: &Value) {
    let name = document["name"].as_str().unwrap();
    let identity = world.home().join("identity.age");
    let flags = ["--store", "store", "--identity", identity.to_str().unwrap()];
    world.run(&[&["verify", name], &flags[..]].concat()).done();
    let back = world.path().join("back");
    world.run(&[&["restore", name, "--to", "back"], &flags[..]].concat()).done();
    let mut expected = snapshot(&world.tree());
    expected.retain(|(path, ..)| path != Path::new("attestar.toml"));
    assert_eq!(snapshot(&back), expected);
    fs::remove_dir_all(back).unwrap();
    world.run(&["log", "verify", "--store", "store", "--first"]).done();
}

#[test]
fn a_night_in_which_nothing_changed_is_a_leaf_and_no_archive() {
    let world = world();
    settle();
    let first = night(&world);
    assert_eq!(result(&first), ("full", 0, 0));
    assert!(first["why_full"].is_null(), "the first one needs no excuse");
    let before = everything_in(&world.path().join("store/archives"));
    for leaves in [2, 3] {
        let again = night(&world);
        assert_eq!(again["result"], "unchanged");
        assert_eq!((&again["name"], &again["archive_sha256"]), (&first["name"], &first["archive_sha256"]));
        assert_eq!((&again["payload"], again["log_size"].as_u64()), (&first["payload"], Some(leaves)));
        assert_eq!(everything_in(&world.path().join("store/archives")), before);
    }
    world.run(&["log", "list", "--store", "store"]).done().says("unchanged  nightly-");
    comes_back(&world, &first);
    let shown = world.run(&["-C", world.tree().to_str().unwrap(), "backup"]).done();
    shown.says(&format!("unchanged   {} stands for it", first["archive"].as_str().unwrap()));
}

#[test]
fn what_did_not_change_is_not_opened() {
    let world = world();
    settle();
    night(&world);
    world.write("etc/new.conf", "x");
    let trace = world.path().join("trace");
    let tree = world.tree();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=openat,openat2,open", "-o"]).arg(&trace);
    command.args([env!("CARGO_BIN_EXE_attestar"), "-C", tree.to_str().unwrap(), "backup"]);
    let own = world.command(&[]);
    command.env_clear().current_dir(world.path()).envs(own.get_envs().filter_map(|(k, v)| Some((k, v?))));
    assert!(command.status().unwrap().success());
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("new.conf"), "what is new is opened");
    for quiet in ["app.conf", "data.bin", "big.bin"] {
        assert!(!trace.contains(quiet), "{quiet} was opened");
    }
}

#[test]
fn a_chain_of_nights_comes_back_whole_from_any_of_them() {
    let world = world();
    let mut nights = vec![night(&world)];
    let mut trees = vec![snapshot(&world.tree())];
    let tree = world.tree();
    let changes: [&dyn Fn(); 5] = [
        &|| world.write("etc/app.conf", "port = 2\n"),
        // Renamed, copied, and another mode: the bytes are where they were.
        &|| {
            fs::rename(tree.join("var/big.bin"), tree.join("var/grown.bin")).unwrap();
            fs::copy(tree.join("var/data.bin"), tree.join("var/second.bin")).unwrap();
            fs::set_permissions(tree.join("var/data.bin"), fs::Permissions::from_mode(0o400)).unwrap();
        },
        // A file becomes a folder, a folder a file; links.
        &|| {
            fs::remove_file(tree.join("etc/app.conf")).unwrap();
            world.write("etc/app.conf/main", "port = 3\n");
            symlink("main", tree.join("etc/app.conf/link")).unwrap();
            fs::create_dir(tree.join("empty")).unwrap();
        },
        &|| {
            fs::remove_dir_all(tree.join("etc/app.conf")).unwrap();
            world.write("etc/app.conf", "port = 1\n");
            fs::remove_file(tree.join("var/second.bin")).unwrap();
        },
        &|| world.write("var/small äöü %20.txt", "odd name\n"),
    ];
    for change in changes {
        change();
        nights.push(night(&world));
        trees.push(snapshot(&tree));
    }
    let results: Vec<(&str, u64)> = nights.iter().map(|night| (result(night).0, result(night).1)).collect();
    assert_eq!(results[0], ("full", 0));
    assert!(
        results[1..].iter().all(|(result, bases)| *result == "incremental" && *bases >= 1),
        "{results:?}"
    );
    assert_eq!(result(&nights[2]).2, 4, "renamed and copied files are referred to: {}", nights[2]);
    assert!(nights.iter().skip(2).all(|night| night["archive_bytes"].as_u64().unwrap() < 20_000));
    let identity = world.home().join("identity.age");
    for (night, tree) in nights.iter().zip(&trees) {
        let name = night["name"].as_str().unwrap();
        let flags = ["--store", "store", "--to", "back", "--identity", identity.to_str().unwrap()];
        world.run(&[&["restore", name], &flags[..]].concat()).done();
        let mut expected = tree.clone();
        expected.retain(|(path, ..)| path != Path::new("attestar.toml"));
        assert_eq!(snapshot(&world.path().join("back")), expected, "{name}");
        fs::remove_dir_all(world.path().join("back")).unwrap();
    }
    comes_back(&world, nights.last().unwrap());
    // What nobody can decrypt is verified all the same, but for the payload.
    let last = archives(&world).pop().unwrap();
    let other = World::new();
    let stranger = other.home().join("identity.age");
    let target = last.to_str().unwrap();
    world.run(&["verify", target, "--identity", stranger.to_str().unwrap()]).exits(5);
}

#[test]
fn only_what_is_asked_for_is_read() {
    let world = world();
    night(&world);
    world.write("etc/app.conf", "port = 2\n");
    fs::rename(world.tree().join("var/data.bin"), world.tree().join("var/moved.bin")).unwrap();
    let second = night(&world);
    let name = second["name"].as_str().unwrap();
    let some = ["--path", "var/moved.bin", "--path", "etc/*"];
    let said =
        world.run(&[&["--json", "restore", name, "--store", "store", "--to", "back"], &some[..]].concat());
    let document = said.done().json();
    assert!(document["read_bytes"].as_u64().unwrap() < 1_000_000, "{document}");
    let expected = [
        ("etc/app.conf", b"port = 2\n".to_vec()),
        ("var/moved.bin", fs::read(world.tree().join("var/moved.bin")).unwrap()),
    ];
    for (path, content) in expected {
        assert_eq!(fs::read(world.path().join("back").join(path)).unwrap(), content);
    }
    assert!(!world.path().join("back/var/big.bin").exists());
    let dry = world.run(&["restore", name, "--store", "store", "--to", "other", "--dry-run"]).done();
    dry.says("2 files in 1 earlier archive").says("would restore 3 files");
    assert!(!world.path().join("other").exists());
}

#[test]
fn bases_that_are_not_there_are_said_by_name() {
    let world = world();
    let first = night(&world);
    world.write("etc/app.conf", "port = 2\n");
    let second = night(&world);
    let aside = world.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for suffix in ["", ".sigstore.json"] {
        let file = format!("{}{suffix}", second["archive"].as_str().unwrap());
        fs::copy(world.path().join("store/archives").join(&file), aside.join(&file)).unwrap();
    }
    let target = format!("aside/{}", second["archive"].as_str().unwrap());
    let missing = format!("base-missing {}", first["name"].as_str().unwrap());
    world.refuses_target(&target, 5, &missing, &[]);
    world.run(&["verify", &target]).exits(5).complains("--store URL");
    world.run(&["verify", &target, "--evidence-only"]).done();
    for flags in [&["--dry-run"][..], &["--path", "var/data.bin"]] {
        let said = world.run(&[&["--json", "restore", &target, "--to", "back"], flags].concat()).exits(5);
        assert!(said.findings().contains(&missing), "{}", said.out);
    }
    // What the archive holds itself needs nobody.
    world.run(&["restore", &target, "--to", "some", "--path", "etc/app.conf"]).done();
    // Beside it they are found.
    for suffix in ["", ".sigstore.json"] {
        let file = format!("{}{suffix}", first["archive"].as_str().unwrap());
        fs::copy(world.path().join("store/archives").join(&file), aside.join(&file)).unwrap();
    }
    world.run(&["verify", &target]).done();
    // Taken to another store, it brings them along.
    let identity = world.home().join("identity.age");
    let identity = ["--identity", identity.to_str().unwrap()];
    let name = second["name"].as_str().unwrap();
    world.run(&[&["copy", name, "--store", "store", "--to", "disk"], &identity[..]].concat()).done();
    world.run(&["verify", name, "--store", "disk"]).done();
    let on_disk = everything_in(&world.path().join("disk/archives"));
    assert_eq!(
        on_disk.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "age")).count(),
        2
    );
}

#[test]
fn what_cannot_be_built_upon_is_not() {
    let world = world();
    night(&world);
    let cache = || {
        let folder = world.home().join("state/backups");
        let all = everything_in(&folder);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].0.clone()
    };
    let bytes = fs::read(cache()).unwrap();
    let why = |expected: &str| {
        world.write("etc/app.conf", format!("{expected}\n"));
        let document = night(&world);
        assert_eq!(result(&document), ("full", 0, 0), "{expected}");
        assert!(document["why_full"].as_str().unwrap().contains(expected), "{document}");
        document
    };
    // Lost, cut short, garbage, one bit, empty.
    fs::remove_file(cache()).unwrap();
    why("this host has no cache");
    for damaged in [&bytes[..bytes.len() - 1], &bytes[..100], b"garbage", b""] {
        fs::write(cache(), damaged).unwrap();
        why("the cache of the last one is damaged");
    }
    let current = fs::read(cache()).unwrap();
    for at in [30, current.len() / 2, current.len() - 40] {
        let mut bent = fs::read(cache()).unwrap();
        bent[at.min(400)] ^= 1;
        let last = bent.len() - 33;
        bent[last] ^= 1;
        fs::write(cache(), bent).unwrap();
        why("the cache");
    }
    // Another store's, under this one's name.
    let own = cache();
    world.write("attestar.toml", POLICY.replace("../store", "../other"));
    night(&world);
    let others = everything_in(&world.home().join("state/backups"));
    let other = others.iter().find(|(path, _)| *path != own).unwrap().0.clone();
    fs::rename(other, &own).unwrap();
    world.write("attestar.toml", POLICY);
    let document = why("another store, project or tree");
    comes_back(&world, &document);
    // With --full nothing is asked.
    let document = night_with(&world, &["--full"]).done().json();
    assert_eq!((result(&document).0, &document["why_full"]), ("full", &Value::from("--full")));
}

#[test]
fn a_base_that_is_not_in_the_store_as_logged_is_not_referred_to() {
    for bend in ["archive", "receipt", "longer"] {
        let world = world();
        let first = night(&world);
        let archive = world.path().join("store/archives").join(first["archive"].as_str().unwrap());
        let receipt = archive.with_file_name(format!("{}.sigstore.json", first["archive"].as_str().unwrap()));
        match bend {
            "archive" => fs::remove_file(&archive).unwrap(),
            "receipt" => fs::write(&receipt, "{}").unwrap(),
            _ => fs::write(&archive, [fs::read(&archive).unwrap(), b"x".to_vec()].concat()).unwrap(),
        }
        let document = night(&world);
        assert_eq!(result(&document), ("full", 0, 0), "{bend}");
        assert!(
            document["why_full"].as_str().unwrap().contains("in the store") || bend == "receipt",
            "{document}"
        );
        let name = document["name"].as_str().unwrap();
        world.run(&["verify", name, "--store", "store"]).done();
        // From then on it goes on from the new one.
        world.write("etc/app.conf", "port = 2\n");
        assert_eq!(result(&night(&world)), ("incremental", 1, 2));
    }
}

#[test]
fn recipients_that_are_others_get_everything() {
    let world = world();
    night(&world);
    let friend = World::new();
    let recipient = friend.home().join("recipient.age");
    let both = ["--recipient", recipient.to_str().unwrap()];
    let document = night_with(&world, &both).done().json();
    assert!(document["why_full"].as_str().unwrap().contains("recipients"), "{document}");
    world.write("etc/app.conf", "port = 2\n");
    let document = night_with(&world, &both).done().json();
    assert_eq!(result(&document), ("incremental", 1, 2));
    let identity = friend.home().join("identity.age");
    let name = document["name"].as_str().unwrap();
    world.run(&["verify", name, "--store", "store", "--identity", identity.to_str().unwrap()]).done();
}

#[test]
fn chains_end_with_full_every() {
    let world = world();
    let policy = format!("{POLICY}[backup]\nfull_every = \"7d\"\n");
    let cache = world.path().join("cache");
    let nights = [
        ("2026-07-01T01:00:00Z", 0, None),
        ("2026-07-02T01:00:00Z", 1, None),
        ("2026-07-08T00:59:59Z", 1, None),
        (
            "2026-07-08T01:00:00Z",
            0,
            Some("the last full one is of 2026-07-01T01:00:00Z, and full_every is 7 d"),
        ),
        ("2026-07-15T00:59:59Z", 1, None),
    ];
    for (moment, bases, why_full) in nights {
        world.write("etc/app.conf", format!("port = {moment}\n"));
        let Done::Stored(made) = back_up_upon(&world, &policy, moment, Some(&cache)).unwrap() else {
            panic!("{moment}: something has changed");
        };
        assert_eq!((made.pack.bases.len(), made.why_full.as_deref()), (bases, why_full), "{moment}");
        comes_back(&world, &serde_json::json!({ "name": made.pack.name }));
    }
}

#[test]
fn two_hosts_build_upon_their_own() {
    let world = world();
    let [a, b] = ["a", "b"].map(|host| world.path().join(host).to_str().unwrap().to_owned());
    let on = |host: &str| night_with(&world, &["--state", host]).done().json();
    let first = on(&a);
    let other = on(&b);
    assert_eq!((result(&first).0, result(&other).0), ("full", "full"));
    world.write("etc/app.conf", "port = 2\n");
    let [second, second_other] = [on(&a), on(&b)];
    for (document, base) in [(&second, &first), (&second_other, &other)] {
        assert_eq!(result(document), ("incremental", 1, 2));
        assert_eq!(document["bases"][0], base["name"]);
    }
    comes_back(&world, &second);
    comes_back(&world, &second_other);
}

#[test]
fn files_that_change_within_the_grain_of_the_clock_are_read_again() {
    let world = world();
    for round in 0..6 {
        // The same size, and perhaps within one tick of the clock.
        world.write("etc/app.conf", format!("port = {round}\n"));
        let document = night(&world);
        comes_back(&world, &document);
    }
}

#[test]
fn captures_whose_bytes_are_the_same_are_not_kept_again() {
    let world = world();
    let database = world.tree().join("var/app.db");
    let run = |sql: &str| rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
    run("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)");
    let captures = "[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n\
        [[capture]]\nid = \"queue\"\nkind = \"command\"\nvariables = [\"PATH\"]\nrun = [\"sh\", \"-c\", \"cat var/queue\"]\n";
    world.write("var/queue", noise(100_000));
    world.write("attestar.toml", format!("{POLICY}{captures}"));
    let full = night(&world);
    assert_eq!(result(&full).0, "full");
    assert_eq!(night(&world)["result"], "unchanged");
    run("INSERT INTO a VALUES (3)");
    let document = night(&world);
    assert_eq!((result(&document).0, result(&document).1), ("incremental", 1));
    assert!(document["archive_bytes"].as_u64().unwrap() < 30_000, "the stream is referred to: {document}");
    let name = document["name"].as_str().unwrap();
    world.run(&["restore", name, "--store", "store", "--to", "back"]).done();
    let rows: i64 = rusqlite::Connection::open(world.path().join("back/captures/app/app.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM a", (), |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 3);
    let queue = fs::read(world.path().join("back/captures/queue/part-00001")).unwrap();
    assert_eq!(queue, fs::read(world.tree().join("var/queue")).unwrap());
}

#[test]
fn another_policy_is_another_backup() {
    let world = world();
    night(&world);
    world.write("attestar.toml", format!("{POLICY}[backup]\nmax_age = \"30h\"\n"));
    let document = night(&world);
    assert_eq!(result(&document), ("incremental", 1, 3));
    comes_back(&world, &document);
}

#[test]
fn stock_tools_open_one_and_say_what_is_missing() {
    let world = world();
    night(&world);
    world.write("etc/app.conf", "port = 2\n");
    let document = night(&world);
    let open = |archive: &str, into: &Path| {
        fs::create_dir_all(into).unwrap();
        let script = "age -d -i \"$1\" \"$2\" | zstd -dq | tar x -C \"$3\"";
        let identity = world.home().join("identity.age");
        let archive = world.path().join("store/archives").join(archive);
        let status =
            Command::new("sh").args(["-c", script, "sh"]).arg(identity).arg(archive).arg(into).status();
        assert!(status.unwrap().success());
    };
    let opened = world.path().join("opened");
    open(document["archive"].as_str().unwrap(), &opened);
    let bag = opened.join(document["name"].as_str().unwrap());
    assert!(bag.join("data/etc/app.conf").is_file() && !bag.join("data/var").join("big.bin").exists());
    let base = document["bases"][0].as_str().unwrap();
    let fetch = fs::read_to_string(bag.join("fetch.txt")).unwrap();
    assert!(
        fetch.contains(&format!("attestar://{base}/data/var/big.bin 9000000 data/var/big.bin\n")),
        "{fetch}"
    );
    // Completed by hand, as docs/FORMAT.md says, it is a bag that holds everything.
    let sums = || {
        Command::new("sha256sum")
            .args(["--quiet", "-c", "manifest-sha256.txt"])
            .current_dir(&bag)
            .output()
            .unwrap()
    };
    assert!(!sums().status.success());
    open(&format!("{base}.tar.zst.age"), &opened);
    for line in fetch.lines() {
        let mut words = line.splitn(3, ' ');
        let (url, path) = (words.next().unwrap(), words.nth(1).unwrap());
        let from = opened.join(url.strip_prefix("attestar://").unwrap());
        fs::create_dir_all(bag.join(path).parent().unwrap()).unwrap();
        fs::copy(from, bag.join(path)).unwrap();
    }
    let said = sums();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    fs::remove_dir_all(world.path().join("store")).unwrap();
    world.run(&["verify", bag.to_str().unwrap()]).done();
    world.run(&["restore", bag.to_str().unwrap(), "--to", "back"]).done();
}
