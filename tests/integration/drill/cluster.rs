//! The throwaway server of a drill: what it listens to, what it is asked to work out, and what becomes of one that does not begin.

use super::databases::{LEDGER, captures, ledger};
use super::host::{in_namespace, is_root};
use super::{POLICY, back_up, drill, report};
use crate::postgres::Postgres;
use crate::world::World;
use attestar::format::drill_report::Ended;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// A world with a capture of this server, and a probe of it that has these keys more.
fn world(server: &Postgres, more: &str) -> World {
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{more}", captures(server)));
    back_up(&world);
    world
}

#[test]
fn it_listens_to_no_port_and_statistics_are_there() {
    let server = ledger();
    let asks = "queries = [ \
        { sql = \"SELECT name FROM pg_settings WHERE name = 'listen_addresses' AND setting = ''\", expect = \"listen_addresses\" }, \
        { sql = \"SELECT coalesce(inet_server_addr()::text, 'a socket')\", expect = \"a socket\" }, \
        { sql = \"SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'public'\", expect = \"t\" }, \
        { sql = \"SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' \
            AND nspname = 'public' AND reltuples < 0\", expect = \"0\" } ]\n";
    let world = world(&server, asks);
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
}

#[test]
fn one_that_ends_as_it_begins_is_told_at_once() {
    let server = ledger();
    let world = world(&server, "");
    let programs = world.path().join("programs");
    fs::create_dir(&programs).unwrap();
    let initdb = crate::postgres::find("initdb");
    for (name, script) in [
        ("initdb", format!("exec {} \"$@\"", initdb.display())),
        ("postgres", "echo 'postgres: could not map anonymous shared memory' >&2; exit 1".to_owned()),
    ] {
        fs::write(programs.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let policy = fs::read_to_string(world.tree().join("attestar.toml")).unwrap();
    world.write("attestar.toml", format!("{policy}programs = \"{}\"\n", programs.display()));
    let begun = Instant::now();
    let said = drill(&world, &[]).exits(3);
    assert_eq!(said.findings(), ["probe-failed ledger"], "{}", said.out);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let checks = &report(&world).probes[0].checks;
    let told = &checks.iter().find(|check| check.status == Ended::Failed).unwrap().actual;
    assert_eq!(told, "postgres: could not map anonymous shared memory");
}

#[test]
fn what_a_later_server_keeps_of_columns_is_no_object() {
    let server = ledger();
    // As PostgreSQL 18 notes that a column is never null, and servers before it do not.
    server.run(
        "ledger",
        "SET allow_system_table_mods = on; INSERT INTO pg_constraint SELECT (jsonb_populate_record(k, \
         jsonb_build_object('oid', 4000000000, 'contype', 'n', 'conname', 't_id_not_null', 'conindid', 0))).* \
         FROM pg_constraint k WHERE contype = 'p' AND conrelid = 't'::regclass",
    );
    let world = world(&server, "");
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
}

#[test]
fn what_came_back_is_closed_to_other_users_while_the_server_runs() {
    let server = ledger();
    // The server runs until somebody who looked at it holds a number.
    server.run(
        "ledger",
        "CREATE FUNCTION looked_at() RETURNS TEXT LANGUAGE plpgsql AS $$ BEGIN WHILE NOT EXISTS \
         (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND granted) LOOP PERFORM pg_sleep(0.05); \
         END LOOP; RETURN ''; END $$",
    );
    let world = world(&server, "queries = [{ sql = \"SELECT looked_at()\", expect = \"\" }]\n");
    // It is root that hands a folder over, and lets its user pass through those above.
    let other = if is_root() { "setpriv --reuid=65533 --regid=65533 --clear-groups" } else { "" };
    let look = format!(
        "\"$@\" & drill=$!; tries=0; \
         until run=$(ls -d $TMPDIR/attestar-*/.attestar-run-*) 2> /dev/null && test -S $run/work/ledger/.s.PGSQL.5432 \
          && test -e $run/work/ledger.lent/dump; do sleep 0.05; \
            tries=$((tries + 1)); if [ $tries -gt 1200 ]; then kill $drill; exit 99; fi; done; \
         stat -c '%a %n' $run/restored $run/manifest-sha256.txt $run/work/* > modes; \
         for path in $run/restored/etc/app.toml $run/manifest-sha256.txt $run/work/ledger.lent/dump/part-00001; do \
            {other} cat $path >> read; done 2> /dev/null; {other} ls $run/work/ledger.lent >> read 2> /dev/null; \
         psql -X -q -h $run/work/ledger -U attestar -d postgres -c 'SELECT pg_advisory_lock(7)' -c 'SELECT pg_sleep(600)' \
            > /dev/null 2>&1 & looked=$!; wait $drill; code=$?; kill $looked 2> /dev/null; wait $looked; exit $code"
    );
    let said = in_namespace(&world, &look);
    let told = |name: &str| fs::read_to_string(world.path().join(name)).unwrap_or_default();
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let modes = told("modes");
    assert!(modes.lines().count() >= 4, "{modes}");
    for line in modes.lines() {
        let mode = line.split(' ').next().unwrap();
        assert!(mode.ends_with('0') && (mode.ends_with("00") || line.ends_with(".lent")), "{modes}");
    }
    if is_root() {
        assert_eq!(told("read"), "");
    }
}
