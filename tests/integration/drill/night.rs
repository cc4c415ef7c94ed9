//! The night of the incident: a fresh host with the store's address, an identity and a trust file.

use super::{APP, POLICY, back_up, database, facts, plant, plant_at, sh, world};
use crate::forge::file;
use crate::world::{World, said};
use jiff::{SignedDuration, Timestamp};
use std::fs;

/// A host with nothing but what the recovery kit has.
struct Fresh<'a> {
    lost: &'a World,
    home: std::path::PathBuf,
}

impl Fresh<'_> {
    fn new(lost: &World) -> Fresh<'_> {
        let home = lost.path().join("fresh");
        fs::create_dir(&home).unwrap();
        for file in ["identity.age", "trust.toml"] {
            fs::copy(lost.home().join(file), home.join(file)).unwrap();
        }
        // The trust file names keys beside it.
        sh(&format!("cp -r {}/trusted {}", lost.home().display(), home.display()));
        Fresh { lost, home }
    }

    fn restore(&self, flags: &[&str]) -> crate::world::Said {
        let store = self.lost.path().join("store");
        let (identity, trust) = (self.home.join("identity.age"), self.home.join("trust.toml"));
        let own = [
            "--json",
            "restore",
            "--store",
            store.to_str().unwrap(),
            "--identity",
            identity.to_str().unwrap(),
            "--trust",
            trust.to_str().unwrap(),
        ];
        let mut command = self.lost.command(&[&own[..], flags].concat());
        command.env("ATTESTAR_HOME", self.lost.path().join("empty"));
        said(command.output().unwrap())
    }
}

#[test]
fn the_newest_comes_back_on_a_fresh_host_and_says_what_to_type() {
    let world = world(APP);
    back_up(&world);
    let fresh = Fresh::new(&world);
    let document = fresh.restore(&["latest", "--to", "back", "--dry-run"]).done().json();
    assert!(document["target"].as_str().unwrap().starts_with("nightly-2"));
    assert!(!world.path().join("back").exists());
    fs::create_dir_all(world.path().join("volume/lost+found")).unwrap();
    let document = fresh.restore(&["latest", "--to", "volume"]).done().json();
    let step = &document["next"][0];
    assert_eq!((step["capture"].as_str(), step["kind"].as_str()), (Some("app"), Some("sqlite")));
    let run = step["run"][0].as_str().unwrap();
    assert!(run.starts_with("cp /") && run.ends_with("volume/captures/app/app.db app.db"), "{run}");
    assert!(world.path().join("volume/captures/app/app.db").is_file());
    let document = fresh.restore(&["latest", "--to", "some", "--path", "etc/*.toml"]).done().json();
    assert_eq!(
        (document["restored"]["files"].as_u64(), document["next"].as_array().unwrap().len()),
        (Some(1), 0)
    );
    // By the policy of the tree too, without a store's address.
    world
        .run(&["-C", "shop", "restore", "latest", "--to", "by-policy"])
        .done()
        .says("newest       nightly-2");
}

#[test]
fn an_earlier_night_is_named_by_its_time_and_a_future_one_does_not_win() {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    let path = world.path().join("app.db");
    database(&path);
    let night = |hours: i64, text: &str| {
        let entries = vec![file("captures/app/app.db", fs::read(&path).unwrap()), file("night.txt", text)];
        plant(&world, hours, entries, vec![facts(&path)])
    };
    let first = night(50, "first");
    let second = night(26, "second");
    let ahead = Timestamp::now() + SignedDuration::from_hours(48);
    plant_at(&world, ahead, vec![file("night.txt", "future")], Vec::new());
    let fresh = Fresh::new(&world);
    let document = fresh.restore(&["latest", "--to", "a"]).done().json();
    assert_eq!(document["target"], *second);
    assert_eq!(document["notes"][0]["code"], "future-dated");
    assert_eq!(fs::read_to_string(world.path().join("a/night.txt")).unwrap(), "second");
    let as_of = (Timestamp::now() - SignedDuration::from_hours(30)).to_string();
    let document = fresh.restore(&["latest", "--as-of", &as_of, "--to", "b"]).done().json();
    assert_eq!(document["target"], *first);
    fresh
        .restore(&["latest", "--as-of", "2020-01-01", "--to", "c"])
        .exits(1)
        .tells("has no backup of 2020-01-01T23:59:59Z or before");
    fresh.restore(&["latest", "--as-of", "soon", "--to", "c"]).exits(2).tells("--as-of cannot be");
    fresh.restore(&[&first, "--as-of", &as_of, "--to", "c"]).exits(2).tells("so does a name");
    // What does not verify is not the newest: it is told.
    let archives = world.path().join("store/archives");
    let [one, two] = [&first, &second].map(|name| archives.join(format!("{name}.tar.zst.age")));
    fs::copy(one, two).unwrap();
    let said = fresh.restore(&["latest", "--to", "d"]).exits(3);
    assert!(said.findings().iter().any(|found| found.starts_with("altered")), "{}", said.out);
    assert!(!world.path().join("d").exists());
}
