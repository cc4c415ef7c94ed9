//! The console in a browser.

use super::browser::{WAYS, look};
use super::console::{Console, NIGHTLY, published};
use crate::world::World;

#[test]
fn a_browser_sees_the_store_and_its_releases_and_nothing_is_asked_of_anybody() {
    let world = published();
    let console = Console::start(&world, &["--store", "store"]);
    let seen = look(&console.url("/"), "console", &WAYS, ["", ""]);
    seen.is_clean();
    seen.reads("On time, and the log holds.").reads("shop-1.0.0").reads("the store holds releases alone");
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(*seen.at("light", &format!("/headers/{header}")), value);
    }
    let policy = seen.at("light", "/headers/content-security-policy").as_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(seen.at("light", "/headers").get("access-control-allow-origin").is_none());
    let seen = look(&console.url("/packs/shop-1.0.0"), "console-pack", &WAYS, ["", ""]);
    seen.is_clean();
    // The console has no identity, so the payload is not looked at, and the page says so.
    seen.reads("Verified: everything asked for was checked and holds.")
        .reads("Not checked: payload.")
        .reads("table prices")
        .reads("not read");
}

#[test]
fn the_reports_of_drills_and_nightly_checks_are_pages_as_long_as_they_are_what_was_signed() {
    let world = World::release();
    world.write("attestar.toml", NIGHTLY);
    std::fs::create_dir(world.path().join("store")).unwrap();
    world.run(&["-C", "shop", "backup"]).done();
    world.run(&["-C", "shop", "backup-verify", "--first"]).done();
    world.run(&["-C", "shop", "drill", "--out", "drill"]).done();
    let console = Console::start(&world, &["-C", "shop"]);
    let store = console.document("/api/store");
    assert_eq!((&store["state"], &store["cards"][2]["state"]), (&"good".into(), &"good".into()));
    assert_eq!((&store["limits"]["rto_ms"], &store["prune"]), (&900_000.into(), &serde_json::json!([])));
    let coverage = &store["coverage"];
    assert_eq!(
        (&coverage["archives_verified"], &coverage["bytes_verified"]),
        (&1.into(), &coverage["bytes"])
    );
    let drill = format!("/drills/{}", store["drills"][0]["report"].as_str().unwrap());
    let check = format!("/verifications/{}", store["events"][1]["report"]["name"].as_str().unwrap());
    for (path, says) in [(&drill, "Passed: it came back"), (&check, "Passed: everything that was asked for")]
    {
        console.document(&format!("/api{path}"));
        let seen = look(&console.url(path), "console-report", &WAYS, ["", ""]);
        seen.is_clean();
        seen.reads(says).reads("shop");
    }
    // What the text file alone knows, beside what the log says.
    let metrics = console.get("/metrics").1;
    assert!(
        metrics.contains("attestar_last_run_exit_code{") && metrics.contains("attestar_drill_rto_seconds{")
    );
    // Somebody writes a better report over the one that was signed.
    let report =
        world.path().join(format!("store/reports/drill/{}/drill_report.json", &drill["/drills/".len()..]));
    let better = std::fs::read_to_string(&report).unwrap().replacen(
        "\"rto_measured_ms\": ",
        "\"rto_measured_ms\": 1",
        1,
    );
    std::fs::write(&report, better).unwrap();
    let (status, answer) = console.get(&drill);
    assert!(
        status == 502 && answer.contains("drill_report.json is not the report that was signed"),
        "{answer}"
    );
    let console = Console::start(&world, &["-C", "shop"]);
    assert_eq!((console.get(&drill).0, console.get(&format!("/api{drill}")).0), (404, 404));
    is_missed(&world, &console, "altered");
    // Or takes it away.
    std::fs::remove_file(&report).unwrap();
    is_missed(&world, &Console::start(&world, &["-C", "shop"]), "missing");
}

/// The only drill has no report that can be shown: that is told wherever somebody looks.
#[track_caller]
fn is_missed(world: &World, console: &Console, code: &str) {
    let store = console.document("/api/store");
    assert_eq!((&store["drills"], &store["verdict"]), (&serde_json::json!([]), &"refuted".into()));
    let found = &store["findings"][0];
    assert_eq!((&found["check"], &found["code"]), (&"drill reports".into(), &code.into()), "{found}");
    assert!(found["subject"].as_str().unwrap().starts_with("reports/drill/shop-"), "{found}");
    assert_eq!(store["cards"][2]["state"], "failed");
    assert_eq!(console.get("/health").0, 503);
    let page = console.get("/").1;
    assert!(page.contains("0 of 1 drill: ") && page.contains("is not the one that was signed"), "{page}");
    assert!(!page.contains("No drill has measured them yet"), "{page}");
    assert!(!console.get("/metrics").1.contains("attestar_drill_rto_seconds{"), "nobody vouches for it");
    let said = world.run(&["-C", "shop", "report", "--out", "s.html"]).exits(3);
    said.says("does not verify");
    assert!(std::fs::read_to_string(world.path().join("s.html")).unwrap().contains("0 of 1 drill: "));
}
