//! Pages as files: of real packs and stores, of enormous ones, and of hostile ones.

use super::browser::{WAYS, file, look};
use super::samples::{HOSTILE, now, pack, store};
use crate::world::World;
use attestar::report::shell::Place;
use attestar::report::store::StoreFacts;
use attestar::report::{pack as pack_page, store as store_page};
use std::fs;
use std::path::PathBuf;

/// What the largest page weighs, in bytes: 10,000 backups with 21,429 leaves.
const PAGE_BYTES_MAX: usize = 9 << 20;

fn written(world: &World, name: &str, page: &str) -> PathBuf {
    let path = world.path().join(name);
    fs::write(&path, page).unwrap();
    path
}

#[test]
fn a_sealed_release_is_a_page_that_says_what_was_checked() {
    let world = World::release();
    world.write("Cargo.lock", fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap());
    world.write("ddl/0003_odd.sql", "\\i elsewhere.sql\n");
    world.seal(&[]).done();
    world.run(&["report", "out/shop-1.0.0.tar.zst.age", "--out", "r.html"]).done().says("verified in");
    let seen = look(
        &file(&world.path().join("r.html")),
        "release",
        &[&WAYS[..], &["keys"]].concat(),
        ["components", "serde_json"],
    );
    seen.is_clean();
    seen.reads("shop-1.0.0").reads("Verified: everything asked for was checked and holds.");
    seen.reads("Every check of this page ran.").reads("table prices").reads("100% sure.md");
    assert!(seen.at("keys", "/searched/told").as_str().unwrap().starts_with("1 to 1 of 1 found, of "));
    assert_eq!(*seen.at("keys", "/searched/rows"), serde_json::json!(["serde_json"]));
    assert_eq!(*seen.at("keys", "/next/rows"), 50);
    assert_eq!(*seen.at("keys", "/sorted/head"), "ascending");
}

#[test]
fn what_does_not_verify_or_was_not_checked_is_on_the_page() {
    let world = World::sealed();
    let page = |name: &str, flags: &[&str], code| {
        let said = world.run(&[&["report", "--out", name], flags].concat()).exits(code);
        (said, fs::read_to_string(world.path().join(name)).unwrap_or_default())
    };
    // The evidence folder has no payload: what there is to say is said, and that this is not all.
    let (_, text) = page("evidence.html", &["out/shop-1.0.0"], 5);
    assert!(
        text.contains("Not verified") && text.contains("not checked") && text.contains("no-payload"),
        "{text}"
    );
    let (_, text) = page("stranger.html", &["out/shop-1.0.0", "--key", "shop/docs/guide.md"], 1);
    assert_eq!(text, "", "nothing is written where nothing could be looked at");
    fs::write(world.path().join("none.toml"), "").unwrap();
    let (_, text) = page("untrusted.html", &["out/shop-1.0.0", "--evidence-only", "--trust", "none.toml"], 5);
    assert!(text.contains("nobody whose seal was verified here"));
    assert!(!text.contains(">Provenance</h2>"), "what nobody vouches for is not shown");
    let mut archive = fs::read(world.archive()).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    fs::write(world.archive(), archive).unwrap();
    let (said, text) = page("altered.html", &["out/shop-1.0.0.tar.zst.age"], 3);
    said.says("does not verify");
    assert!(text.contains("Does not verify.") && text.contains("altered: "), "{text}");
}

/// A policy that keeps one backup alone.
const NIGHTLY: &str = "schema = 1\n[project]\nname = \"shop\"\n[[include]]\nclass = \"data\"\npaths = [\"**\"]\n\
                       [store]\nurl = \"../store\"\n[backup]\nkeep = { last = 1 }\n";

#[test]
fn the_page_of_a_store_says_what_was_done_and_what_prune_takes_next() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    fs::create_dir(world.path().join("store")).unwrap();
    let back_up = |content: &str| {
        world.write("docs/guide.md", content);
        let said = world.run(&["-C", "shop", "--json", "backup", "--full"]).done().json();
        said["name"].as_str().expect("a name").to_owned()
    };
    let (first, second) = (back_up("one"), back_up("two"));
    let said = world.run(&["-C", "shop", "report", "--first", "--out", "s.html", "--json"]).done().json();
    assert_eq!((&said["of"], &said["verdict"]), (&"store".into(), &"holds".into()));
    let text = fs::read_to_string(world.path().join("s.html")).unwrap();
    let prune = text.split("id=\"prune\"").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    assert!(prune.contains("Now, by policy shop:") && prune.contains(&first), "{prune}");
    assert!(!prune.contains(&second), "{prune}");
    let seen = look(&file(&world.path().join("s.html")), "store", &WAYS, ["", ""]);
    seen.is_clean();
    seen.reads("On time, and the log holds.")
        .reads("2 backups, 0 failed")
        .reads("due 7 d after the first backup");
    // Without the policy nobody knows what it keeps, and what limits there are is said.
    world.run(&["report", "--store", "store", "--out", "s.html"]).done();
    let text = fs::read_to_string(world.path().join("s.html")).unwrap();
    assert!(
        text.contains("Not worked out: no policy was named")
            && text.contains("defaults, as no policy was named")
    );
    // A log that this host has not seen, and one that was rolled back.
    world.run(&["report", "--store", "store", "--state", "new", "--out", "s.html"]).exits(5).tells("--first");
    let checkpoint = world.path().join("store/log/checkpoint");
    let newest = fs::read(&checkpoint).unwrap();
    let third = back_up("three");
    world.run(&["report", "--store", "store", "--out", "s.html"]).done();
    fs::write(&checkpoint, newest).unwrap();
    fs::remove_file(world.path().join(format!("store/archives/{third}.tar.zst.age"))).unwrap();
    world.run(&["report", "--store", "store", "--out", "s.html"]).exits(3).tells("rolled the store back");
    let text = fs::read_to_string(world.path().join("s.html")).unwrap();
    assert!(text.contains("Failed: something does not hold.") && text.contains("log-forked"));
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let world = World::release();
    for (at, name) in HOSTILE.iter().enumerate() {
        world.write(&format!("docs/{at} {name}.md"), "x");
    }
    world.seal(&[]).done();
    world.run(&["report", "out/shop-1.0.0.tar.zst.age", "--out", "r.html"]).done();
    let seen = look(&file(&world.path().join("r.html")), "hostile", &WAYS, ["", ""]);
    seen.is_clean();
    seen.reads("docs/0 <img src=x onerror=\"window.hacked=1\">.md")
        .reads("</script><script>window.hacked=1</script>");
    seen.reads("\\u{1b}]0;owned\\u{7}\\u{1b}[2J").reads("safe\\u{202e}gpj.exe\\u{200b}");
    // The same beyond the first rows, which wait in another element, and in every other field.
    let page = pack_page::page(&pack(200, 200), Place::File);
    let seen = look(
        &file(&written(&world, "many.html", &page)),
        "hostile-many",
        &[&WAYS[..], &["keys"]].concat(),
        ["components", "hacked noscript"],
    );
    seen.is_clean();
    assert_eq!(*seen.at("keys", "/searched/rows"), serde_json::json!([HOSTILE[2]]));
}

#[test]
fn a_store_of_several_projects_says_whose_each_card_is() {
    let world = World::without_keys();
    let mut facts = store(60);
    facts.project = None;
    let (books, others) = (HOSTILE[0].to_owned(), facts.events.len() - 40);
    facts.events.iter_mut().take(others).for_each(|event| event.project.clone_from(&books));
    let page = store_page::page(&facts.at(now()), Place::File);
    let seen = look(&file(&written(&world, "two.html", &page)), "projects", &WAYS, ["", ""]);
    seen.is_clean();
    seen.reads("Late: something was not done for too long.").reads(&format!("project {books}"));
    let text = seen.at("light", "/text").as_str().unwrap();
    assert_eq!(text.matches("project <img").count(), 3, "what nobody did is nobody's: {text}");
    seen.reads("all of the store").reads("Projects");
    // Timeline, objectives and sizes, each of its own.
    let drawn = ["<h3>shop</h3>", "<h3>&lt;img"].map(|name| page.matches(name).count());
    assert_eq!(drawn, [3, 2], "no archive is said to be of the other one");
}

#[test]
fn a_page_says_at_its_top_when_it_was_made_and_how_long_ago_that_is() {
    let world = World::without_keys();
    let looked_at = "2020-01-01T00:00:00Z".parse().unwrap();
    let facts = StoreFacts { looked_at, ..store(3) };
    let page = store_page::page(&facts.at(now()), Place::File);
    let seen = look(&file(&written(&world, "old.html", &page)), "old", &["light"], ["", ""]);
    let text = seen.at("light", "/text").as_str().unwrap();
    let top = text.lines().find(|line| line.contains("looked at")).expect("it says when");
    assert!(top.contains("looked at 2020-01-01 00:00 UTC, ") && top.ends_with(" d ago"), "{top}");
}

#[test]
fn twenty_thousand_components_are_painted_at_once_and_searched_by_keyboard() {
    let world = World::without_keys();
    let page = pack_page::page(&pack(20_000, 20_000), Place::File);
    let path = written(&world, "large.html", &page);
    let seen = look(&file(&path), "large-pack", &["paint", "keys"], ["components", "package-19999"]);
    seen.paints_at_once("20,000 components");
    assert_eq!(*seen.at("keys", "/before"), "1 to 50 of 20,000 components");
    assert_eq!(*seen.at("keys", "/searched/rows"), serde_json::json!(["package-19999"]));
    assert!(seen.at("keys", "/searched/ms").as_u64() < Some(4_000), "{}", seen.at("keys", "/searched/ms"));
    assert_eq!(*seen.at("keys", "/next/told"), "51 to 100 of 20,000 components");
}

#[test]
fn ten_thousand_backups_are_painted_at_once_and_searched_by_keyboard() {
    let world = World::without_keys();
    let facts = store(10_000);
    let page = store_page::page(&facts.at(now()), Place::File);
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
    let path = written(&world, "large.html", &page);
    let steps = [&WAYS[..], &["paint", "keys"]].concat();
    let seen = look(&file(&path), "large-store", &steps, ["archives", "20261119"]);
    seen.is_clean();
    seen.paints_at_once("10,000 backups");
    seen.reads("On time, and the log holds.").reads("10,000 backups, 0 failed");
    assert_eq!(*seen.at("keys", "/before"), "1 to 50 of 10,000 archives");
    assert!(seen.at("keys", "/searched/told").as_str().unwrap().starts_with("1 to 1 of 1 found, of 10,000"));
}
