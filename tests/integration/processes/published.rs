//! Under tradepulse a release is published to the store under its id, and the gates that ask for it read the store's log.

use crate::world::{World, names_in};
use attestar::policy::Policy;
use std::path::Path;

/// What the shipped policy says of the pack, a store, and the gates that ask for this release.
fn policy() -> String {
    let shipped = Policy::builtin("tradepulse").unwrap().text;
    let (pack, gates) = shipped.split_once("# --- Before it is sealed").unwrap();
    let asking = gates.split("[[gate]]\n").filter(|gate| gate.contains("release = \"this\""));
    let gates: String = asking.map(|gate| format!("[[gate]]\n{gate}")).collect();
    assert_eq!(gates.matches("[[gate]]").count(), 2, "{gates}");
    assert!(pack.contains("keep = { min_age = \"30d\" }"), "published releases are kept that long");
    format!("{pack}\n[store]\nurl = \"releases\"\n\n{gates}")
}

#[test]
fn a_release_is_in_the_store_before_it_is_promoted_and_closed() {
    let world = World::release();
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys/test-only-a.ssh.pub");
    let key = std::fs::read_to_string(key).unwrap();
    world.write("config/allowed_signers", format!("keeper@example.com {key}"));
    world.write("attestar.toml", policy());
    world.seal(&[]).done();
    let gate = |stage: &str| {
        world.run(&["-C", "shop", "gate", "--all", "--stage", stage, "--pack", "out/shop-1.0.0"])
    };
    gate("promote").exits(4).says("failed   published");
    gate("close").exits(4).says("failed   still-published");
    world.run(&["-C", "shop", "publish", "out/shop-1.0.0"]).done();
    assert_eq!(names_in(&world.tree().join("releases/releases")), ["shop-1.0.0"], "under its id");
    gate("promote").done().says("passed   published           shop-1.0.0 held since");
    gate("close").done().says("passed   still-published");
}
