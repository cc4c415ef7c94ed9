//! Whole backups on hosts, disks and networks that fail, each at every place where it can. After each: what was there before
//! restores, what is new is whole or absent, the log is consistent, and the next run just works and cleans up.

mod adopted;
mod bucket;
mod calls;
mod disk;
mod errors;
mod host;
mod kills;
mod lasting;
mod power;
mod prepared;
mod prunes;
mod syscalls;

use crate::world::World;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One database and a few files, of which every night changes one.
fn world() -> World {
    let world = World::new();
    world.write("etc/app.conf", "port = 1\n");
    world.write("etc/more/list.txt", "one\ntwo\n");
    std::fs::create_dir(world.tree().join("var")).unwrap();
    let database = rusqlite::Connection::open(world.tree().join("var/app.db")).unwrap();
    database.execute_batch("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)").unwrap();
    world.write("attestar.toml", POLICY);
    world
}

const POLICY: &str = "schema = 1\n[project]\nname = \"nightly\"\n[[include]]\nclass = \"data\"\npaths = [\"etc/**\"]\n\
                      [[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"var/app.db\"\n\
                      [store]\nurl = \"../disk/store\"\n";

/// The store, which is a disk of its own.
fn store(world: &World) -> PathBuf {
    world.path().join("disk/store")
}

/// A night in which something changed.
fn change(world: &World, night: usize) {
    world.write("etc/app.conf", format!("port = {night}\n"));
}

/// `attestar -C shop ARGS`.
fn attestar(world: &World, args: &[&str]) -> Command {
    world.command(&[&["-C", "shop"], args].concat())
}

/// The archives of the store, by their names, the oldest first.
fn archives(world: &World) -> Vec<String> {
    let names = crate::world::names_in(&store(world).join("archives")).into_iter();
    let names = names.filter_map(|name| name.strip_suffix(".tar.zst.age").map(str::to_owned));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The archive that the newest leaf is about.
fn newest(world: &World) -> String {
    let list = world.run(&["-C", "shop", "--json", "log", "list"]).done().json();
    list["leaves"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap().to_owned()
}

/// The log and the store agree, and the archive restores what it was made of.
#[track_caller]
fn holds(world: &World, what: &str) {
    let said = world.run(&["-C", "shop", "--json", "log", "verify"]);
    assert_eq!(said.code, 0, "{what}: {}{}", said.out, said.err);
}

#[track_caller]
fn restores(world: &World, name: &str, night: usize, what: &str) {
    let back = world.path().join("back");
    let said = world.run(&["-C", "shop", "restore", name, "--to", "back"]);
    assert_eq!(said.code, 0, "{what}: {name}: {}{}", said.out, said.err);
    let content = std::fs::read_to_string(back.join("etc/app.conf")).unwrap();
    assert_eq!(content, format!("port = {night}\n"), "{what}");
    std::fs::remove_dir_all(back).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
