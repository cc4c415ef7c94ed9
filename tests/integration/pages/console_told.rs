//! What the console says of a store, and when it is not well.

use super::console::{Console, NIGHTLY, published};
use super::decades::Decades;
use crate::nightly::promtool;
use crate::world::World;
use jiff::{SignedDuration, Timestamp};

#[test]
fn a_store_that_cannot_be_read_any_more_is_told_with_the_age_of_what_is_shown() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    assert_eq!(console.get("/health").0, 200);
    let checkpoint = world.path().join("store/log/checkpoint");
    let aside = world.path().join("aside");
    std::fs::rename(&checkpoint, &aside).unwrap();
    std::fs::create_dir(&checkpoint).unwrap();
    console.until("/health", |status, _| status == 503);
    let health = console.document("/health");
    assert_eq!(health["state"], "failed");
    assert!(health["trouble"].as_str().is_some_and(|why| why.contains("checkpoint")), "{health}");
    assert!(health["looked_at"].is_string(), "what it says of the cards is from then: {health}");
    let (status, page) = console.get("/");
    assert!(status == 200 && page.contains("The store could not be looked at"), "{page}");
    assert!(page.contains("What follows was seen") && page.contains("shop-1.0.0"), "{page}");
    assert!(page.contains("When it was seen last: On time") && !page.contains("verdict good"), "{page}");
    assert_eq!(console.document("/api/store")["state"], "failed");
    // It comes back, and so does the page.
    std::fs::remove_dir(&checkpoint).unwrap();
    std::fs::rename(&aside, &checkpoint).unwrap();
    console.until("/health", |status, _| status == 200);
    assert!(!console.get("/").1.contains("could not be looked at"));
    // One that cannot be read from the start.
    std::fs::rename(&checkpoint, &aside).unwrap();
    std::fs::create_dir(&checkpoint).unwrap();
    let console = Console::begin(&world, &["--store", "store"]);
    console.until("/health", |status, body| status == 503 && body.contains("\"failed\""));
    let (status, page) = console.get("/");
    assert!(status == 503 && page.contains("Nothing is known of it"), "{page}");
    assert_eq!(console.get("/metrics").0, 503, "numbers of nothing are none");
}

#[test]
fn a_store_that_is_moved_away_or_another_one_by_now_is_not_shown_as_it_was() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    assert_eq!((console.get("/health").0, console.get("/packs/shop-1.0.0").0), (200, 200));
    let (store, aside) = (world.path().join("store"), world.path().join("aside"));
    std::fs::rename(&store, &aside).unwrap();
    console.until("/health", |status, body| status == 503 && body.contains("cannot open the store"));
    assert_eq!(console.get("/packs/shop-1.0.0").0, 502);
    // A disk that is not mounted: the folder is there, and nothing in it.
    std::fs::create_dir(&store).unwrap();
    console.until("/api/store", |_, body| body.contains("log-forked"));
    assert_eq!(console.get("/health").0, 503);
    std::fs::remove_dir(&store).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    console.until("/health", |status, _| status == 200);
}

#[test]
fn a_policy_that_changes_counts_from_then_on() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    let console = Console::start(&world, &["-C", "shop", "--first"]);
    assert_eq!(console.document("/api/store")["limits"]["rto_ms"], 900_000);
    world.write("attestar.toml", NIGHTLY.replace("15m", "20m"));
    console.until("/api/store", |_, body| body.contains("\"rto_ms\":1200000"));
    // One that is none any more, and one of another store: what was known stays, and that it is old is told.
    for (policy, says) in [
        ("schema = 7\n".to_owned(), "attestar.toml"),
        (NIGHTLY.replace("../store", "../other"), "another store"),
    ] {
        world.write("attestar.toml", policy);
        console.until("/health", |status, body| status == 503 && body.contains(says));
        assert!(console.get("/").1.contains("What follows was seen"));
    }
    world.write("attestar.toml", NIGHTLY);
    console.until("/health", |status, _| status == 200);
}

#[test]
fn what_is_late_or_does_not_hold_is_503_and_on_the_page() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    assert_eq!(console.get("/health").0, 200);
    // The archive goes, and no leaf says so. The next whole look finds it; a new console looks at once.
    std::fs::remove_file(world.path().join("store/releases/shop-1.0.0/shop-1.0.0.tar.zst.age")).unwrap();
    let console = Console::start(&world, &["--store", "store"]);
    let health = console.document("/health");
    assert_eq!((console.get("/health").0, &health["state"]), (503, &"failed".into()));
    let (status, page) = console.get("/");
    assert!(status == 200 && page.contains("Failed: something does not hold.") && page.contains("missing: "));
    // A host that never saw the log cannot know that none of it is gone.
    let console = Console::start(&world, &["--store", "store", "--state", "elsewhere"]);
    assert_eq!(console.get("/health").0, 503);
    assert!(console.get("/").1.contains("this host has not seen the log before"));
    // One that trusts nobody cannot know what lies there, and does not say that it is nothing.
    std::fs::write(world.path().join("none.toml"), "").unwrap();
    let console = Console::start(&world, &["--store", "store", "--trust", "none.toml"]);
    let card = &console.document("/health")["cards"][0];
    assert_eq!((&card["state"], &card["says"]), (&"failed".into(), &"no log holds that would tell".into()));
    let page = console.get("/").1;
    assert!(
        page.contains("Not known, as no log holds.") && !page.contains("No archive lies there"),
        "{page}"
    );
    assert!(!console.get("/metrics").1.contains("attestar_store_archives{"), "numbers of nothing are none");
}

#[test]
fn what_the_last_drill_did_not_measure_is_absent_and_never_zero() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).done();
    let textfile = || std::fs::read_to_string(world.path().join("attestar.prom")).unwrap();
    let measured =
        |text: &str| ["rto", "rpo"].map(|it| text.contains(&format!("attestar_drill_{it}_seconds")));
    let served = || {
        let answer = Console::start(&world, &["-C", "shop", "--first"]).get("/metrics").1;
        let text = answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
        promtool(&text);
        text
    };
    assert_eq!((measured(&textfile()), measured(&served())), ([true; 2], [true; 2]));
    // Nobody can decrypt: how long it would take is not known, how much would be lost is.
    std::fs::remove_file(world.home().join("identity.age")).unwrap();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).exits(5).says("not measured");
    promtool(&textfile());
    assert_eq!((measured(&textfile()), measured(&served())), ([false, true], [false, true]));
    let console = Console::start(&world, &["-C", "shop"]);
    let drills = console.document("/api/store")["drills"].clone();
    assert_eq!((&drills[0]["rto_ms"].is_u64(), &drills[1]["rto_ms"].is_null()), (&true, &true), "{drills}");
    assert!(console.get("/").1.contains("not measured"));
    let page = console.get(&format!("/drills/{}", drills[1]["report"].as_str().unwrap())).1;
    let no_zero = !page.contains(">0 ms</td><td class=\"number\">");
    assert!(page.contains("not measured") && no_zero, "{page}");
    // The archive is gone: neither.
    let archives = world.path().join("store/archives");
    let gone = std::fs::read_dir(&archives).unwrap().map(|entry| entry.unwrap().path());
    gone.filter(|path| path.extension().is_some_and(|it| it == "age"))
        .for_each(|it| std::fs::remove_file(it).unwrap());
    world.run(&["-C", "shop", "drill", "--out", "drill"]).exits(3).says("not measured");
    assert_eq!((measured(&textfile()), measured(&served())), ([false; 2], [false; 2]));
}

#[test]
fn what_one_project_does_is_no_word_on_another() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    let decades = Decades::in_store(&world, world.path().join("store"));
    decades.append(&[decades.backup("books", Timestamp::now() - SignedDuration::from_hours(24 * 90))]);
    // Whoever watches one of them by its policy hears of that one.
    let console = Console::start(&world, &["-C", "shop", "--first"]);
    assert_eq!(console.get("/health").0, 200);
    assert!(!console.get("/").1.contains("books"));
    let console = Console::start(&world, &["--store", "store"]);
    let health = console.document("/health");
    assert_eq!((console.get("/health").0, &health["state"]), (503, &"late".into()));
    let card = &health["cards"][0];
    assert_eq!((&card["state"], &card["project"]), (&"late".into(), &"books".into()), "{card}");
    let store = console.document("/api/store");
    let states = [&store["projects"][0], &store["projects"][1]].map(|one| (&one["project"], &one["state"]));
    assert_eq!(states, [(&"books".into(), &"late".into()), (&"shop".into(), &"good".into())]);
    let page = console.get("/").1;
    assert!(page.contains("project books") && page.contains("id=\"projects\""), "{page}");
    let metrics = console.get("/metrics").1;
    for project in ["books", "shop"] {
        let line = format!("attestar_store_archives{{project=\"{project}\",policy=\"\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[test]
fn a_project_that_the_policy_does_not_name_is_the_one_that_runs_write_under() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY.replace("[project]\nname = \"shop\"\n", "name = \"nightly\"\n"));
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    let decades = Decades::in_store(&world, world.path().join("store"));
    decades.append(&[decades.backup("books", Timestamp::now() - SignedDuration::from_hours(24 * 90))]);
    let console = Console::start(&world, &["-C", "shop", "--first"]);
    assert_eq!((console.get("/health").0, &console.document("/api/store")["project"]), (200, &"shop".into()));
    let metrics = console.get("/metrics").1;
    let last = "attestar_backup_last_success_timestamp_seconds{project=\"shop\",policy=\"nightly\"}";
    let written = std::fs::read_to_string(world.path().join("attestar.prom")).unwrap();
    assert!(written.contains(last), "{written}");
    assert_eq!(metrics.matches("attestar_backup_last_success_timestamp_seconds{").count(), 1, "{metrics}");
    assert!(metrics.contains(last), "{metrics}");
    world.run(&["-C", "shop", "report", "--out", "s.html"]).done();
    assert!(!std::fs::read_to_string(world.path().join("s.html")).unwrap().contains("books"));
}

#[test]
fn a_run_that_failed_is_on_metrics_though_it_has_no_leaf() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    let console = Console::start(&world, &["-C", "shop"]);
    let code = "attestar_last_run_exit_code{project=\"shop\",policy=\"shop\",command=\"backup\"}";
    assert!(console.get("/metrics").1.contains(&format!("{code} 0\n")));
    let seen = console.document("/api/store")["looked_at"].clone();
    std::fs::remove_file(world.home().join("recipient.age")).unwrap();
    let failed = world.run(&["-C", "shop", "backup"]).code;
    assert_ne!(failed, 0);
    console.until("/metrics", |_, text| text.contains(&format!("{code} {failed}\n")));
    assert_eq!(console.document("/api/store")["looked_at"], seen, "nothing was logged");
}

#[test]
fn why_a_page_cannot_be_read_is_told_and_logged() {
    let world = published();
    let console = Console::start(&world, &["--store", "store", "--log-format", "json"]);
    let pack = "/packs/shop-1.0.0";
    assert_eq!(console.get(pack).0, 200);
    let receipt = world.path().join("store/releases/shop-1.0.0/shop-1.0.0.tar.zst.age.sigstore.json");
    std::fs::remove_file(&receipt).unwrap();
    std::fs::create_dir(&receipt).unwrap();
    let (status, answer) = console.get(pack);
    assert!(status == 502 && answer.contains("it could not be read: "), "{answer}");
    assert!(answer.contains("shop-1.0.0.tar.zst.age.sigstore.json"), "{answer}");
    let logged = console.log();
    assert!(logged.contains("\"page\":\"shop-1.0.0\"") && logged.contains("sigstore.json"), "{logged}");
}
