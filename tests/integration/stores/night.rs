//! A week of nights in a bucket under object lock, from the command line, by a host that may read no archive: whole,
//! incremental, unchanged; verified, drilled, pruned as far as the lock lets; and a deletion that nobody logged is heard of.

use super::proxy::{Fate, Proxy};
use super::servers::{BUCKET, Server};
use crate::stores::release::run;
use crate::world::World;
use std::fs;

const STORE: &str = "s3://store/nightly";

const POLICY: &str = "schema = 1
name = \"nightly\"
[project]
name = \"shop\"
[[include]]
class = \"data\"
paths = [\"**\"]
exclude = [\"attestar.toml\"]
[backup]
keep = { last = 1 }
[[probe]]
id = \"files\"
kind = \"files\"
";

/// What a bucket's policy forbids the host that backs up: to read archives.
fn forbids(method: &str, path: &str) -> bool {
    let is_archive = path.contains("/archives/") && !path.contains(".sigstore.json");
    (method == "GET" || method == "HEAD") && is_archive && !path.contains("uploadId")
}

#[test]
fn nights_in_a_bucket_under_object_lock() {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    for at in 0..20 {
        world.write(&format!("orders/{at}.txt"), format!("order {at}\n"));
    }
    let server = Server::under_object_lock();
    let shut = Proxy::before(server.port, |_, line| {
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if forbids(method, path) { Fate::Forbidden } else { Fate::Passes }
    });
    let backup =
        |port: u16| run(&world, port, &["-C", "shop", "backup", "--store", STORE, "--json"]).done().json();
    let first = backup(shut.port)["name"].as_str().unwrap().to_owned();
    world.write("orders/3.txt", "order 3, changed\n");
    let second = backup(shut.port);
    assert_ne!(second["name"], first.as_str());
    let second = second["name"].as_str().unwrap().to_owned();
    let same = backup(shut.port);
    assert_eq!(same["name"], second.as_str(), "nothing changed: {same}");

    let open = Proxy::before(server.port, |_, _| Fate::Passes);
    let ours = |args: &[&str]| run(&world, open.port, &[args, &["--store", STORE]].concat());
    ours(&["-C", "shop", "backup-verify", "--all"]).done().says("passed");
    ours(&["verify", &second]).done();
    ours(&["restore", "latest", "--to", "back"]).done();
    assert_eq!(fs::read_to_string(world.path().join("back/orders/3.txt")).unwrap(), "order 3, changed\n");
    assert_eq!(fs::read_to_string(world.path().join("back/orders/4.txt")).unwrap(), "order 4\n");
    let mut drill = vec!["-C", "shop", "--policy", "shop/attestar.toml", "drill", "--out", "drilled"];
    drill.extend(["--store", STORE]);
    run(&world, open.port, &drill).done().says("files");
    // The first is a base of the second, and both are locked.
    ours(&["-C", "shop", "--policy", "shop/attestar.toml", "prune"]).done();
    ours(&["log", "verify"]).done();

    // A delete marker hides the archive; the lock keeps what was in it.
    let archive = format!("/{BUCKET}/nightly/archives/{first}.tar.zst.age");
    assert_eq!(server.ask("DELETE", &archive, &[], b"").0, 204);
    ours(&["-C", "shop", "backup-verify"]).exits(3).tells("missing");
    ours(&["restore", "latest", "--to", "again"]).exits(5).tells("base-missing").tells(&first);
    assert!(!world.path().join("again").exists());
}
