//! Nights of PostgreSQL that a dump does not bring back word for word, or not with everything around it: no false alarm, and
//! a real difference beside each is found.

use super::clean_kinds::clean;
use super::databases::{LEDGER, captures};
use super::{POLICY, report};
use crate::postgres::Postgres;
use crate::world::World;

fn server() -> Postgres {
    let server = Postgres::start();
    server.run("postgres", "CREATE ROLE reader");
    server.run("postgres", "CREATE DATABASE ledger");
    server
}

fn world(server: &Postgres, more: &str) -> World {
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}{more}", captures(server)));
    world
}

#[test]
fn definitions_that_a_dump_words_another_way() {
    let server = server();
    let world = world(&server, "");
    server.run(
        "ledger",
        "CREATE TABLE orders (state VARCHAR(9) DEFAULT 'new' CHECK (state IN ('new', 'paid, or not', 'it''s')), a VARCHAR, b VARCHAR, \
          CHECK (state NOT IN (a, b)), known BOOLEAN GENERATED ALWAYS AS (state IN ('new', 'paid')) STORED); \
         INSERT INTO orders VALUES ('new', 'a', 'b'), ('it''s', NULL, NULL); \
         CREATE INDEX open ON orders (a) WHERE state IN ('new', 'paid'); \
         CREATE VIEW mine AS SELECT * FROM orders WHERE state IN ('new', E'back\\\\slash') AND a <> ALL (ARRAY['x', 'y']); \
         CREATE DOMAIN colour AS VARCHAR CHECK (value IN ('red', 'blue')); \
         ALTER TABLE orders ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON orders TO reader USING (state IN ('new', 'paid')); \
         CREATE RULE quiet AS ON DELETE TO orders WHERE old.state IN ('new', 'paid') DO INSTEAD NOTHING",
    );
    clean(&world, "varchar IN");
}

#[test]
fn rows_that_row_security_hides_from_their_owner() {
    let server = server();
    let world = world(&server, "");
    server.run(
        "ledger",
        "CREATE TABLE secrets (x INT); INSERT INTO secrets SELECT generate_series(1, 9); \
         ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY; \
         CREATE POLICY few ON secrets USING (x < 3)",
    );
    clean(&world, "FORCE ROW LEVEL SECURITY");
    assert!(report(&world).proves.iter().any(|line| line.contains("9 rows as captured")));
}

#[test]
fn an_extension_of_another_version() {
    let server = server();
    let world = world(&server, "");
    server.run("ledger", "CREATE EXTENSION hstore VERSION '1.6'; CREATE TABLE t (x hstore)");
    clean(&world, "an older hstore");
}
