//! Nights of databases of every kind, each with something odd that honest databases have: not one false alarm.

use super::databases::{LEDGER, captures, duckdb};
use super::{POLICY, back_up, report, sql};
use crate::postgres::Postgres;
use crate::world::World;
use attestar::format::drill_report::Ended;

/// The drill passes without a word, and every check of every probe that did run held.
#[track_caller]
pub(super) fn clean(world: &World, night: &str) {
    back_up(world);
    let said = super::drill(world, &[]).done();
    assert_eq!(said.findings(), Vec::<String>::new(), "{night}");
    let report = report(world);
    for probe in &report.probes {
        assert_eq!(super::proven(&report, &probe.id).len(), 1, "{night}: {:#?}", report.proves);
        assert_eq!(probe.status, Ended::Passed, "{night}: {}", probe.id);
        let compared: Vec<&str> = probe.checks.iter().map(|check| &*check.name).collect();
        assert!(probe.kind == "files" || compared.contains(&"contents"), "{night}: {compared:?}");
    }
}

#[test]
fn ten_nights_of_sqlite_and_files() {
    let world = World::new();
    let policy = "[[probe]]\nid = \"files\"\nkind = \"files\"\n";
    world.write("attestar.toml", format!("{POLICY}{}{policy}", super::APP));
    std::fs::create_dir(world.tree().join("var")).unwrap();
    let path = world.tree().join("var/app.db");
    let nights = [
        "CREATE TABLE \"a b\" (\"select\" INT, \"x\"\"y\" TEXT); INSERT INTO \"a b\" VALUES (1, NULL), (NULL, 'z')",
        "CREATE TABLE empty (x); CREATE TABLE \"näme.dot\" (x); INSERT INTO \"näme.dot\" VALUES ('ß'), ('')",
        "CREATE TABLE keyed (a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO keyed VALUES ('b', 1), ('a', 2)",
        "CREATE TABLE strict (i INT, r REAL, t TEXT, b BLOB, a ANY) STRICT; \
         INSERT INTO strict VALUES (9223372036854775807, 1e308, 'a' || char(0) || 'b', x'00ff', -9223372036854775808), \
         (NULL, -0.0, '', x'', 9e999)",
        "CREATE TABLE made (x INT, y AS (x * 2), z TEXT AS (x || '!') STORED); INSERT INTO made VALUES (1), (NULL)",
        "CREATE VIRTUAL TABLE texts USING fts5 (body); INSERT INTO texts VALUES ('some words'), ('more'); \
         CREATE VIRTUAL TABLE boxes USING rtree (id, a, b); INSERT INTO boxes VALUES (1, 0, 5)",
        "CREATE INDEX half ON made (z) WHERE x > 0; CREATE INDEX lowered ON \"a b\" (lower(\"x\"\"y\") COLLATE NOCASE DESC)",
        "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT); INSERT INTO log (at) VALUES ('x'); DELETE FROM log; \
         CREATE TRIGGER noted AFTER INSERT ON empty BEGIN INSERT INTO log (at) VALUES (new.x); END; INSERT INTO empty VALUES (7)",
        "INSERT INTO empty VALUES (CAST(x'ff00fe' AS TEXT)), (zeroblob(100000)); \
         CREATE VIEW odd AS WITH c AS (SELECT * FROM empty) SELECT count(*) AS \"how many\" FROM c",
        "PRAGMA journal_mode = WAL; CREATE TABLE parent (id INTEGER PRIMARY KEY); \
         CREATE TABLE child (p REFERENCES parent DEFERRABLE INITIALLY DEFERRED); INSERT INTO child VALUES (NULL); \
         ALTER TABLE parent ADD COLUMN later TEXT DEFAULT 'x'; ALTER TABLE child RENAME TO offspring; ANALYZE",
    ];
    for (number, night) in nights.iter().enumerate() {
        sql(&path, night);
        world.write(&format!("etc/{number}.yaml"), format!("a: [{number}, ~]\n---\nb: &x 1\nc: *x\n"));
        world.write("etc/bom.csv", format!("\u{feff}a,\"b\nc\"\n{number},\"x,\"\"y\"\n"));
        world.write("etc/empty.json5", "");
        clean(&world, night);
    }
}

/// What the application adds to SQLite is not here: an order of texts, a function. What needs it is not checked, and said.
#[test]
fn sqlite_that_only_its_application_reads_whole() {
    let world = World::new();
    world.write("attestar.toml", format!("{POLICY}{}", super::APP));
    std::fs::create_dir(world.tree().join("var")).unwrap();
    let path = world.tree().join("var/app.db");
    sql(
        &path,
        "CREATE TABLE plain (x INTEGER PRIMARY KEY, y TEXT); INSERT INTO plain VALUES (1, 'a'); CREATE INDEX by_y ON plain (y); \
         CREATE TABLE sorted (x TEXT COLLATE NOCASE); INSERT INTO sorted VALUES ('a'), ('B'); CREATE INDEX by_x ON sorted (x); \
         CREATE TABLE keyed (x TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID; INSERT INTO keyed VALUES ('a'), ('b'), ('c'); \
         CREATE TABLE made (x INT, y AS (abs(x))); INSERT INTO made VALUES (1); CREATE INDEX by_size ON made (abs(x)); \
         CREATE TABLE child (x TEXT REFERENCES keyed); INSERT INTO child VALUES ('a'); \
         PRAGMA writable_schema = on; \
         UPDATE sqlite_schema SET sql = replace(replace(sql, 'NOCASE', 'german'), 'abs', 'own'); PRAGMA writable_schema = off",
    );
    clean(&world, "an application's own");
    let report = report(&world);
    let list = |name: &str, status| {
        let mut checks = report.probes[0].checks.iter();
        checks.find(|check| check.name == name && check.status == status).map(|check| check.actual.clone())
    };
    assert_eq!(list("integrity_check", Ended::Passed).unwrap(), "2 tables");
    let left = list("integrity_check", Ended::Skipped).unwrap();
    for (table, why) in [
        ("keyed", "no such collation sequence: german"),
        ("made", "unknown function: own()"),
        ("sorted", "no such collation sequence: german"),
    ] {
        assert!(left.contains(&format!("{table}: {why}")), "{left}");
    }
    assert!(list("foreign_key_check", Ended::Skipped).unwrap().contains("german"));
    assert_eq!(
        list("rows not recorded", Ended::Skipped).unwrap(),
        "keyed: could not be counted when it was captured"
    );
    assert_eq!(list("contents", Ended::Passed).unwrap(), "3 of 5 tables");
    // What is damaged beside them is found.
    let Some(page) = page_of(&path, "by_y") else { panic!("it has none") };
    let mut bytes = std::fs::read(&path).unwrap();
    let end = page * 4096;
    bytes[end - 1] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    back_up(&world);
    super::fails(&world, 3, "database-corrupt captures/app/app.db");
}

/// Which page of a database file an index begins with.
fn page_of(path: &std::path::Path, index: &str) -> Option<usize> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let query = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{index}'");
    connection.query_row(&query, (), |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
}

#[test]
fn ten_nights_of_duckdb_in_both_forms() {
    let world = World::new();
    let forms = ["export", "copy"].map(|form| {
        format!(
            "[[capture]]\nid = \"{form}\"\nkind = \"duckdb\"\npath = \"var/c.duckdb\"\nform = \"{form}\"\n\
             [[probe]]\nid = \"{form}\"\nkind = \"duckdb\"\ncapture = \"{form}\"\nsample = 3\n"
        )
    });
    // Half of the nights in each form: a file is one capture's.
    let nights = [
        "CREATE TABLE \"a b\" (\"select\" INT, \"x\"\"y\" TEXT); INSERT INTO \"a b\" VALUES (1, NULL), (NULL, 'z')",
        "CREATE SCHEMA \"odd.one\"; CREATE TABLE \"odd.one\".\"t.u\" (x INT); INSERT INTO \"odd.one\".\"t.u\" VALUES (1), (2); \
         CREATE SCHEMA s; CREATE TABLE s.t (x INT); CREATE TABLE empty (x INT)",
        "CREATE TABLE large (h HUGEINT, u UHUGEINT, d DECIMAL(38, 10), f DOUBLE); INSERT INTO large VALUES \
         (170141183460469231731687303715884105727, 340282366920938463463374607431768211455, -1234567890123456789012345678.0123456789, 'nan'), \
         (NULL, 0, NULL, '-infinity')",
        "CREATE TABLE times (a TIMESTAMPTZ, b TIMESTAMP_NS, c DATE, d TIME, e INTERVAL); INSERT INTO times VALUES \
         ('2026-03-29 02:30:00+02', '2026-01-01 00:00:00.123456789', 'infinity', '23:59:59.999999', INTERVAL '1 month 2 days 3 seconds')",
        "CREATE TABLE nested (l INT[], m MAP(TEXT, INT), s STRUCT(a INT, \"b c\" TEXT[]), f INT[3]); INSERT INTO nested VALUES \
         ([1, NULL, 3], MAP {'a': 1}, {'a': 1, 'b c': ['x', NULL]}, [1, 2, 3]), ([], MAP {}, NULL, NULL)",
        "CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy'); CREATE TABLE moods (m mood, u UUID, b BLOB, t BIT); \
         INSERT INTO moods VALUES ('so so', '00000000-0000-0000-0000-000000000001', '\\xAA\\x00'::BLOB, '0101'::BIT), (NULL, NULL, NULL, NULL)",
        "CREATE TABLE made (x INT, y INT GENERATED ALWAYS AS (x * 2)); INSERT INTO made VALUES (1), (NULL); \
         CREATE TABLE checked (x INT PRIMARY KEY CHECK (x > 0), y TEXT UNIQUE NOT NULL DEFAULT 'z'); INSERT INTO checked VALUES (1, 'a')",
        "CREATE SEQUENCE sq START 5; CREATE TABLE numbered (id INT DEFAULT nextval('sq')); INSERT INTO numbered DEFAULT VALUES; \
         CREATE MACRO twice(a) AS a * 2; CREATE VIEW seen AS SELECT twice(x) AS \"how much\" FROM made",
        "CREATE TABLE many AS SELECT range AS i, 'text ' || range || chr(10) || ' \"quoted\", ''too''' AS t, range % 7 = 0 AS b FROM range(20000)",
        "CREATE TABLE child (p INT REFERENCES checked (x)); INSERT INTO child VALUES (1); CREATE INDEX by_y ON made (x)",
    ];
    for (number, night) in nights.iter().enumerate() {
        duckdb(&world, night);
        // DuckDB copies no database with foreign keys: it copies tables in an order of its own.
        let form = if night.contains("REFERENCES") { &forms[0] } else { &forms[number % 2] };
        world.write("attestar.toml", format!("{POLICY}{form}"));
        clean(&world, night);
    }
}

#[test]
fn ten_nights_of_postgresql() {
    let server = Postgres::start();
    server.run("postgres", "CREATE ROLE reader");
    server.run("postgres", "CREATE DATABASE ledger");
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    world.write("attestar.toml", format!("{POLICY}{}{LEDGER}", captures(&server)));
    let nights = [
        "CREATE TABLE \"a b\" (\"select\" INT, \"x\"\"y\" TEXT); INSERT INTO \"a b\" VALUES (1, NULL), (NULL, E'z\\n\\t\\\\'); \
         CREATE SCHEMA \"odd.one\"; CREATE TABLE \"odd.one\".\"t.u\" (x INT); CREATE TABLE \"Näme\" (\"GROSS\" TEXT)",
        "CREATE TABLE large (n NUMERIC, d DOUBLE PRECISION, r REAL, b BIGINT, m MONEY); INSERT INTO large VALUES \
         (1e500, 'NaN', '-Infinity', -9223372036854775808, 1.5), ('NaN', -0.0, 1e-40, NULL, NULL), (0.000, 4.9e-324, NULL, 0, -1)",
        "CREATE TABLE times (a TIMESTAMPTZ, b TIMESTAMP, c DATE, d TIMETZ, e INTERVAL, f TSTZRANGE); INSERT INTO times VALUES \
         ('2026-03-29 02:30:00 Europe/Berlin', 'infinity', '4713-01-01 BC', '23:59:60+14', '1 mon -2 days 3.5 s', '[2026-01-01,)'), \
         ('-infinity', '294276-12-31', NULL, NULL, NULL, 'empty')",
        "CREATE TYPE mood AS ENUM ('sad', 'o''k'); CREATE TYPE pair AS (a INT, b TEXT[]); CREATE DOMAIN price AS NUMERIC CHECK (value > 0); \
         CREATE TABLE kinds (m mood[], p pair, q price, j JSONB, x XML, u UUID, i INET, t TSVECTOR, b BYTEA, s BIT VARYING, a INT[][]); \
         INSERT INTO kinds VALUES ('{sad,NULL}', '(1,\"{a,\"\"b c\"\"}\")', 1.5, '{\"a\": [1, null]}', '<a>&lt;</a>', \
         '00000000-0000-0000-0000-000000000001', '::1/64', 'a:1 b:2', '\\x00ff', B'0101', '[0:1][2:3]={{1,2},{3,NULL}}'), \
         (NULL, NULL, NULL, 'null', NULL, NULL, NULL, NULL, '', B'', '{}')",
        "CREATE TABLE parts (at DATE NOT NULL, x INT, PRIMARY KEY (at, x)) PARTITION BY RANGE (at); \
         CREATE TABLE part_26 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (x); \
         CREATE TABLE part_26_0 PARTITION OF part_26 FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE part_26_1 PARTITION OF part_26 FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
         CREATE TABLE part_rest PARTITION OF parts DEFAULT; INSERT INTO parts SELECT '2026-12-01'::DATE + n, n FROM generate_series(1, 99) n; \
         CREATE TABLE base (x INT); CREATE TABLE derived (y INT) INHERITS (base); INSERT INTO derived VALUES (1, 2)",
        "CREATE TABLE made (id INT GENERATED ALWAYS AS IDENTITY (START 7), x INT, y INT GENERATED ALWAYS AS (x * 2) STORED); \
         INSERT INTO made (x) VALUES (1), (NULL); CREATE INDEX half ON made (lower(x::TEXT)) INCLUDE (id) WHERE x > 0; \
         CREATE UNLOGGED TABLE quick (x INT); INSERT INTO quick VALUES (1); CREATE STATISTICS st ON x, y FROM made; \
         ALTER TABLE made ADD COLUMN gone INT; ALTER TABLE made DROP COLUMN gone; ALTER TABLE made ADD COLUMN late TEXT DEFAULT 'x'",
        "CREATE EXTENSION hstore; CREATE EXTENSION btree_gist; CREATE TABLE rooms (r INT, at TSRANGE, more hstore, \
         EXCLUDE USING gist (r WITH =, at WITH &&)); INSERT INTO rooms VALUES (1, '[2026-01-01,2026-01-02)', 'a=>1'); \
         SELECT lo_from_bytea(0, 'a large object')",
        "CREATE FUNCTION twice(x INT) RETURNS INT LANGUAGE sql IMMUTABLE AS 'SELECT 2 * x'; CREATE FUNCTION noted() RETURNS trigger \
         LANGUAGE plpgsql AS $$ BEGIN NEW.late := 'noted'; RETURN NEW; END $$; CREATE TRIGGER notes BEFORE INSERT ON made \
         FOR EACH ROW WHEN (NEW.x > 5) EXECUTE FUNCTION noted(); CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int); \
         CREATE RULE quiet AS ON DELETE TO base DO INSTEAD NOTHING; CREATE PROCEDURE nothing() LANGUAGE sql AS ''; \
         CREATE OPERATOR #@# (FUNCTION = twice, RIGHTARG = int); CREATE CAST (mood AS int) WITH INOUT",
        "CREATE VIEW seen AS SELECT twice(x) AS \"how much\" FROM made; CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM parts; \
         CREATE UNIQUE INDEX ON kept (n); CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS x WITH NO DATA; \
         CREATE RECURSIVE VIEW steps (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM steps WHERE n < 5; \
         ALTER TABLE made ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON made TO reader USING (x > 3) WITH CHECK (true); \
         COMMENT ON TABLE made IS 'a ''comment'''; GRANT SELECT ON made TO reader",
        "CREATE TABLE ring_a (id INT PRIMARY KEY, b INT); CREATE TABLE ring_b (id INT PRIMARY KEY, a INT REFERENCES ring_a); \
         INSERT INTO ring_a VALUES (1, 9); ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b NOT VALID; \
         CREATE TEXT SEARCH CONFIGURATION words (COPY = simple); CREATE COLLATION plain (locale = 'C'); \
         CREATE TABLE sorted (t TEXT COLLATE plain); INSERT INTO sorted VALUES ('b'), ('A'); CREATE SEQUENCE sq OWNED BY sorted.t; \
         SELECT nextval('sq')",
    ];
    for night in nights {
        server.run("ledger", night);
        clean(&world, night);
    }
}
