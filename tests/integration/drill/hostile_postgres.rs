//! Hostile dumps of PostgreSQL in real drills: what they run is a user's without rights, shut off, and kept to what it may use.

use super::databases::{LEDGER, captures, captures_of, probe_of};
use super::{POLICY, back_up, drill, report};
use crate::postgres::Postgres;
use crate::world::World;
use attestar::format::drill_report::Ended;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Does what a text says, and gives 1 if that worked, 0 if there was no right to; any other error is one. Where it is captured
/// it does nothing. What is called in an index has to be immutable by its own word, and so does nothing itself.
const TRY: &str = "CREATE FUNCTION public.try(what TEXT) RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
    IF current_user = 'owner' THEN RETURN 0; END IF; \
    BEGIN EXECUTE what; EXCEPTION WHEN insufficient_privilege THEN RETURN 0; END; RETURN 1; END $$; \
    CREATE FUNCTION public.refused(what TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN \
    IF public.try(what) <> 0 THEN RAISE 'it has the right to %', what; END IF; RETURN true; END $$;";

/// A world with a capture of this database, and a folder that everybody may write to.
fn hostile(statements: &str, more: &str) -> (Postgres, World, PathBuf) {
    let server = Postgres::start();
    server.run("postgres", "CREATE DATABASE ledger");
    let world = World::new();
    let open = world.path().join("open");
    fs::create_dir(&open).unwrap();
    for (path, mode) in [(world.path(), 0o711), (open.as_path(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    server.run("ledger", &format!("{TRY} {}", statements.replace("OPEN", open.to_str().unwrap())));
    world.write("etc/app.toml", "port = 1\n");
    let policy = captures(&server).replace("[drill]\n", &format!("[drill]\n{more}"));
    world.write("attestar.toml", format!("{POLICY}{policy}{LEDGER}"));
    back_up(&world);
    (server, world, open)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().count() == 0
}

/// What only somebody with rights of the server may do, and what works for them from inside a function.
/// A program reads what it is given to the end: the server minds a closed pipe.
const HARMS: [&str; 27] = [
    "COPY (SELECT 1) TO PROGRAM 'cat > OPEN/program'",
    "COPY public.lines FROM PROGRAM 'cat /etc/passwd'",
    "COPY (SELECT 1) TO 'OPEN/copied'",
    "COPY public.lines FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(7, 'OPEN/exported')",
    "CREATE EXTENSION file_fdw SCHEMA public",
    "CREATE EXTENSION dblink SCHEMA public",
    "CREATE EXTENSION pageinspect SCHEMA public",
    "CREATE FUNCTION public.c() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
    "CREATE FUNCTION public.i() RETURNS TEXT LANGUAGE internal AS 'pgsql_version'",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.nothing()",
    "CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE ROLE mighty SUPERUSER",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "SET ROLE attestar",
    "SET SESSION AUTHORIZATION attestar",
    "UPDATE pg_catalog.pg_authid SET rolsuper = true",
    "SET session_preload_libraries = 'x'",
    "SELECT set_config('dynamic_library_path', 'OPEN', false)",
    "LOAD 'plpgsql'",
    "SELECT pg_reload_conf()",
];

/// The table of all of them, and what runs them where a dump can: in a constraint as rows come, by who defined it, in an
/// index, in a view that is filled.
fn harmful() -> String {
    let rows: Vec<String> = HARMS.iter().map(|harm| format!("('{}')", harm.replace('\'', "''"))).collect();
    format!(
        "SELECT lo_create(7); \
         CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; \
         CREATE FUNCTION public.as_definer(what TEXT) RETURNS INT LANGUAGE sql SECURITY DEFINER AS 'SELECT public.try(what)'; \
         CREATE TABLE public.lines (line TEXT); \
         CREATE TABLE public.harms (sql TEXT CHECK (public.try(sql) = 0) CHECK (public.as_definer(sql) = 0)); \
         CREATE INDEX harmful ON public.harms (public.refused(sql)); \
         INSERT INTO public.harms VALUES {}; \
         CREATE MATERIALIZED VIEW public.done AS SELECT sql FROM public.harms WHERE public.try(sql) > 0",
        rows.join(", ")
    )
}

#[test]
fn code_in_a_dump_has_no_rights_wherever_it_runs() {
    let (server, world, open) = hostile(&harmful(), "");
    // Each does work, by somebody with rights.
    server.run("postgres", "CREATE ROLE attestar SUPERUSER LOGIN");
    for harm in HARMS.map(|harm| harm.replace("OPEN", open.to_str().unwrap())) {
        let one = format!("BEGIN; SELECT public.try($harm${harm}$harm$); ROLLBACK");
        assert_eq!(server.run_by("attestar", "ledger", &one), "1", "{harm}");
    }
    for left in fs::read_dir(&open).unwrap() {
        fs::remove_file(left.unwrap().path()).unwrap();
    }
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    assert!(is_empty(&open));
    let covered = &report(&world).proves;
    let rows = format!("3 tables, {} rows as captured", HARMS.len());
    assert!(covered.iter().any(|line| line.contains(&rows)), "{covered:#?}");
}

const FOR_SUPERUSERS: [(&str, &str); 3] = [
    (
        "events",
        "CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; \
         CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.nothing()",
    ),
    (
        "wrapped",
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; \
         CREATE FOREIGN TABLE outside (x TEXT) SERVER files OPTIONS (program 'touch OPEN/foreign')",
    ),
    ("internal", "CREATE FUNCTION public.version() RETURNS TEXT LANGUAGE internal AS 'pgsql_version'"),
];

#[test]
fn what_only_a_superuser_may_restore_fails_the_drill_and_does_nothing() {
    let (server, world, open) = hostile("", "");
    let mut policy = format!("{POLICY}[drill]\nuser = \"nobody\"\n");
    for (name, statements) in FOR_SUPERUSERS {
        server.run("postgres", &format!("CREATE DATABASE {name}"));
        server.run(name, &statements.replace("OPEN", open.to_str().unwrap()));
        policy += &(captures_of(&server, name) + &probe_of(name));
    }
    world.write("attestar.toml", policy);
    back_up(&world);
    let found = drill(&world, &[]).exits(3).findings();
    assert_eq!(found, FOR_SUPERUSERS.map(|(name, _)| format!("probe-failed captures/{name}")));
    assert!(is_empty(&open));
}

#[test]
fn functions_by_the_names_that_are_asked_are_not_called() {
    let trap = |head: &str| {
        format!(
            "CREATE FUNCTION public.{head} LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM public.try($try$COPY (SELECT 1) TO PROGRAM 'cat > OPEN/called'$try$); \
             RAISE EXCEPTION 'called as %', current_user; END $$; "
        )
    };
    let traps = trap("bt_index_check(oid, BOOLEAN) RETURNS VOID")
        + &trap("verify_heapam(oid) RETURNS TABLE (blkno BIGINT, msg TEXT)");
    let statements = format!(
        "CREATE EXTENSION amcheck SCHEMA public; {traps} CREATE TABLE public.t (x INT PRIMARY KEY); \
         INSERT INTO public.t SELECT generate_series(1, 1000); CREATE SCHEMA attestar_check"
    );
    let (_server, world, open) = hostile(&statements, "");
    let policy = fs::read_to_string(world.tree().join("attestar.toml")).unwrap();
    world.write("attestar.toml", format!("{policy}extensions = [\"amcheck\"]\n"));
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    assert!(is_empty(&open));
    let checks = &report(&world).probes[0].checks;
    let amcheck = checks.iter().find(|check| check.name == "amcheck").unwrap();
    assert_eq!((amcheck.status, &*amcheck.actual), (Ended::Passed, "1 index"), "{checks:#?}");
}

#[test]
fn memory_has_a_limit() {
    let statements = "CREATE FUNCTION public.large() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
         IF current_user = 'owner' THEN RETURN 1; END IF; RETURN length(repeat('x', 900000000)) / 900000000; END $$; \
         CREATE MATERIALIZED VIEW public.m AS SELECT public.large() AS x";
    let (_server, world, _) = hostile(statements, "memory_limit = \"256MiB\"\n");
    let said = drill(&world, &[]).exits(3);
    assert_eq!(said.findings(), ["probe-failed captures/ledger"]);
    assert!(said.out.contains("out of memory"), "{}", said.out);
    // With as much as it takes it is fine.
    let policy = fs::read_to_string(world.tree().join("attestar.toml")).unwrap();
    world.write("attestar.toml", policy.replace("256MiB", "4GiB"));
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
}

#[test]
fn the_disk_has_a_limit() {
    let statements = "CREATE FUNCTION public.rows() RETURNS SETOF TEXT LANGUAGE plpgsql AS $$ BEGIN \
         IF current_user <> 'owner' THEN RETURN QUERY SELECT repeat(md5(n::TEXT), 40) FROM generate_series(1, 20000000) n; \
         END IF; END $$; \
         CREATE FUNCTION public.fill() RETURNS INT LANGUAGE plpgsql AS $$ BEGIN \
         CREATE TABLE IF NOT EXISTS public.filled (x TEXT); INSERT INTO public.filled SELECT public.rows(); RETURN 1; END $$; \
         CREATE TABLE public.t (x INT CHECK (public.fill() = 1)); INSERT INTO public.t VALUES (1)";
    let (_server, world, _) = hostile(statements, "disk_limit = \"300MiB\"\n");
    let said = drill(&world, &[]);
    assert_eq!(said.findings(), ["scratch-full scratch"], "{}", said.out);
    // Whoever sees it first: the meter over the scratch, or the server at one file's limit.
    assert!(["of `disk_limit`", "File too large"].iter().any(|it| said.out.contains(it)), "{}", said.out);
    assert_eq!(said.code, 1);
}

#[test]
fn programs_that_a_client_starts_find_neither_keys_nor_store_nor_network() {
    let world = World::new();
    let open = world.path().join("open");
    fs::create_dir(&open).unwrap();
    for (path, mode) in [(world.path(), 0o711), (open.as_path(), 0o777)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (home, store) = (world.home(), world.path().join("store"));
    let see = |what: &str, name: &str| {
        format!("\\! ({what}) > /dev/null 2>&1 && touch {}/{name}\n", open.display())
    };
    let looks = [
        see(&format!("cat {}/signing.key", home.display()), "keys"),
        see(&format!("cat {}/archives/*", store.display()), "store"),
        see("test $(grep -c : /proc/net/dev) != 1", "network"),
        see("test $(id -u) = 0", "root"),
        see("cat /proc/1/environ | tr '\\\\0' '\\\\n' | grep ATTESTAR_HOME", "environment"),
    ];
    world.write("ddl/1.sql", format!("CREATE TABLE a (x BIGINT);\n{}", looks.concat()));
    world.write("attestar.toml", super::ddl("postgresql", ""));
    back_up(&world);
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    assert!(is_empty(&open));
}
