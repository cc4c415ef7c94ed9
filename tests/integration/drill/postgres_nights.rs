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

#[test]
fn extensions_where_they_were() {
    let server = server();
    let world = world(&server, "extensions = [\"pgstattuple\", \"amcheck\"]\n");
    server.run(
        "ledger",
        "CREATE SCHEMA tools; CREATE SCHEMA \"tools of others\"; CREATE EXTENSION pgstattuple SCHEMA tools; CREATE EXTENSION amcheck; \
         CREATE TABLE tools.t (x INT PRIMARY KEY); INSERT INTO tools.t VALUES (1); CREATE TABLE \"tools of others\".t (x INT); \
         CREATE VIEW sizes AS SELECT (tools.pgstattuple('tools.t')).table_len; COMMENT ON SCHEMA tools IS 'ours'",
    );
    clean(&world, "an extension in a schema");
    let report = report(&world);
    let amcheck = report.probes[0].checks.iter().find(|check| check.name == "amcheck");
    assert!(amcheck.is_some_and(|check| check.actual == "1 index"), "{:#?}", report.probes);
}

#[test]
fn databases_in_other_encodings_and_locales() {
    let server = Postgres::start();
    for (encoding, locale) in [("LATIN1", "C"), ("UTF8", "C.UTF-8"), ("SQL_ASCII", "C")] {
        server.run(
            "postgres",
            &format!("CREATE DATABASE ledger TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE '{locale}' LC_CTYPE '{locale}'"),
        );
        let asked =
            "SELECT getdatabaseencoding(), datctype FROM pg_database WHERE datname = current_database()";
        let query = format!("queries = [{{ sql = \"{asked}\", expect = \"{encoding}|{locale}\" }}]\n");
        let world = world(&server, &query);
        server.run(
            "ledger",
            "CREATE TABLE words (x TEXT, large TEXT GENERATED ALWAYS AS (upper(x)) STORED); \
             INSERT INTO words SELECT chr(n) || 'x' FROM generate_series(65, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 99 ELSE 250 END) n; \
             CREATE MATERIALIZED VIEW first AS SELECT x FROM words ORDER BY x DESC LIMIT 3; \
             CREATE TABLE parts (x TEXT) PARTITION BY RANGE (x); CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('a') TO ('z')",
        );
        clean(&world, encoding);
        server.run("postgres", "DROP DATABASE ledger");
    }
}

#[test]
fn materialised_views_that_nobody_has_refreshed() {
    let server = server();
    let world = world(&server, "");
    server.run(
        "ledger",
        "CREATE TABLE t (x INT); INSERT INTO t VALUES (1); CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t; \
         CREATE MATERIALIZED VIEW copied AS SELECT x FROM t; CREATE MATERIALIZED VIEW ones AS SELECT x FROM t WHERE x = 1; \
         INSERT INTO t VALUES (2)",
    );
    clean(&world, "stale views");
    let report = report(&world);
    let proven = super::proven(&report, "ledger")[0];
    assert!(proven.contains("2 of 4 tables, 3 of 5 rows as captured"), "{proven}");
    let said = "what ledger left out: materialized views: public.copied, public.counted: filled anew";
    assert!(report.does_not_prove.iter().any(|line| line.starts_with(said)), "{:#?}", report.does_not_prove);
}

#[test]
fn what_ties_a_database_to_its_server_and_to_others() {
    let server = server();
    let world = world(&server, "extensions = [\"postgres_fdw\"]\n");
    // A folder of the server's own, so that none has to be made.
    server.run("postgres", "ALTER ROLE owner SET allow_in_place_tablespaces = on");
    server.run("postgres", "CREATE TABLESPACE fast LOCATION ''");
    server.run(
        "ledger",
        "CREATE TABLE t (x INT PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE fast; INSERT INTO t VALUES (1); \
         CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE t; \
         CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE); \
         CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db'); \
         CREATE USER MAPPING FOR reader SERVER far OPTIONS (user 'app', password 'x'); \
         CREATE USER MAPPING FOR PUBLIC SERVER far; CREATE FOREIGN TABLE elsewhere (x INT) SERVER far; \
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t TO pg_read_all_data USING (true)",
    );
    clean(&world, "ties");
}

/// An index whose function fails like this where amcheck asks it.
fn failing(server: &Postgres, code: &str) {
    server.run(
        "ledger",
        &format!(
            "CREATE OR REPLACE FUNCTION fails(x INT) RETURNS INT IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN \
              IF current_query() LIKE '%bt_index_check%' THEN RAISE 'no' USING ERRCODE = '{code}'; END IF; RETURN x; END $$"
        ),
    );
    server.run("ledger", "CREATE INDEX IF NOT EXISTS failing ON t (fails(x))");
}

#[test]
fn what_amcheck_fails_of_is_damage_only_where_the_server_says_so() {
    let server = server();
    let world = world(&server, "");
    server.run("ledger", "CREATE TABLE t (x INT); INSERT INTO t VALUES (1), (2)");
    for (code, finding) in [("P0001", "probe-failed"), ("XX002", "database-corrupt")] {
        failing(&server, code);
        super::back_up(&world);
        let found = super::drill(&world, &[]).exits(3).findings();
        assert_eq!(found, [format!("{finding} captures/ledger")]);
    }
}
