//! A release in a bucket, from the command line: published, verified, restored, and caught when somebody alters it.

use super::proxy::{Fate, Proxy};
use super::servers::{BUCKET, KEY_ID, SECRET, Server};
use crate::world::{Said, World, said};
use std::fs;

const STORE: &str = "s3://store/team/releases";

/// Runs attestar with the environment that the AWS tools read.
pub fn run(world: &World, port: u16, args: &[&str]) -> Said {
    let mut command = world.command(args);
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{port}"));
    let said = said(command.output().expect("attestar starts"));
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "a secret is shown");
    said
}

#[test]
fn a_release_goes_into_a_bucket_and_comes_back_and_altering_it_is_caught() {
    let world = World::sealed();
    let server = Server::moto(&[]);
    let proxy = Proxy::before(server.port, |_, _| Fate::Passes);
    let run = |args: &[&str]| run(&world, proxy.port, args);
    run(&["publish", "out/shop-1.0.0", "--store", STORE]).done().says("1 sealed");
    fs::remove_dir_all(world.out()).unwrap();
    run(&["verify", "shop-1.0.0", "--store", STORE]).done().says("log          leaf 0 of 1 of shop");
    run(&["log", "verify", "--store", STORE]).done().says("1 archive: none without a leaf");
    run(&["restore", "shop-1.0.0", "--to", "back", "--store", STORE]).done();
    assert_eq!(fs::read(world.path().join("back/docs/guide.md")).unwrap(), b"# Guide\n");

    let archive = format!("/{BUCKET}/team/releases/releases/shop-1.0.0/shop-1.0.0.tar.zst.age");
    let key = archive.strip_prefix("/").unwrap();
    assert!(proxy.seen().iter().any(|line| line.contains(key)), "{:#?}", proxy.seen());
    assert_eq!(server.ask("PUT", &archive, &[], b"something else").0, 200);
    run(&["verify", "shop-1.0.0", "--store", STORE]).exits(3).tells("altered");
    run(&["restore", "shop-1.0.0", "--to", "again", "--store", STORE]).exits(3).tells("altered");
    assert!(!world.path().join("again").exists());
    assert_eq!(server.ask("DELETE", &archive, &[], b"").0, 204);
    run(&["log", "verify", "--store", STORE]).exits(3).says("found    no archive");
}

#[test]
fn a_bucket_that_nobody_made_is_said_with_what_to_do() {
    let world = World::sealed();
    let server = Server::moto(&[]);
    let said = run(&world, server.port, &["publish", "out/shop-1.0.0", "--store", "s3://elsewhere"]);
    said.exits(1).complains("NoSuchBucket").complains("create the bucket first");
}
