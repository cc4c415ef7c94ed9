//! Whether tables and indexes of PostgreSQL are whole, page by page: what the extension amcheck says of them.

use crate::database::postgres::Server;
use crate::database::postgres::session::Session;
use crate::database::quote;
use crate::error::Result;
use crate::finding::{Code, Finding};
use crate::format::capture::Captured;
use crate::format::units::number;
use crate::pipeline::watch::Watch;
use crate::probe::is_end;
use crate::probe::ledger::Ledger;
use crate::probe::postgres::cluster::{Cluster, DATABASE, RESTORER};

/// Where it is put: nobody but a superuser can put functions beside it there.
const SCHEMA: &str = "pg_catalog";

/// Checks every B-tree of the user's; a fault is an error of the server's. `SCHEMA` is where the extension is, and its functions are
/// called by the very types that they take: another one of that name, which a dump may bring, is never a better match.
const INDEXES: &str = "\
SELECT to_json(count(SCHEMA.bt_index_check(c.oid::regclass, c.relpersistence = 'p'))) FROM pg_class c \
JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisready AND i.indisvalid AND n.nspname !~ '^pg_' \
AND n.nspname <> 'information_schema'";

/// The first faults of the pages of the user's tables.
const PAGES: &str = "\
SELECT to_json(format('%s block %s: %s', c.relname, f.blkno, f.msg)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
CROSS JOIN LATERAL SCHEMA.verify_heapam(c.oid::regclass, false, false, 'none'::text, NULL::bigint, NULL::bigint) f \
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LIMIT 20";

/// The functions that the extension brought.
const BROUGHT: &str = "\
FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' \
JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass JOIN pg_namespace n ON n.oid = e.extnamespace \
WHERE e.extname = 'amcheck'";

/// The schema that the extension is in, if this role may call what it brought.
const CALLABLE: &str = "\
SELECT to_json(n.nspname) BROUGHT AND p.proname IN ('bt_index_check', 'verify_heapam') \
GROUP BY n.nspname HAVING bool_and(has_function_privilege(p.oid, 'EXECUTE'))";

/// Lets who restores call it.
const GRANTED: &str =
    "SELECT format('GRANT EXECUTE ON FUNCTION %s TO RESTORER', p.oid::regprocedure) BROUGHT \\gexec\n";

/// Puts the extension, where the server has it, out of the dump's reach, and asks it as who restored: a superuser calls nothing
/// that is made of what a dump brought.
pub(super) fn installed(
    cluster: &Cluster<'_>,
    captured: &Captured,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let mut session = Session::open(&cluster.superuser(DATABASE), watch)?;
    let there: Vec<bool> = session.ask(
        "SELECT to_json(installed_version IS NOT NULL) FROM pg_available_extensions WHERE name = 'amcheck'",
    )?;
    let put = match there.first() {
        None => {
            ledger.skipped("amcheck", "the extension is not installed here");
            return session.close();
        }
        Some(true) => format!("ALTER EXTENSION amcheck SET SCHEMA {SCHEMA};\n"),
        Some(false) => format!("CREATE EXTENSION amcheck SCHEMA {SCHEMA};\n"),
    };
    session.tell(&put)?;
    session.tell(&GRANTED.replace("BROUGHT", BROUGHT).replace("RESTORER", RESTORER))?;
    session.close()?;
    check(Session::open(&cluster.restorer(), watch)?, SCHEMA, captured, ledger)
}

/// Asks it in a database where somebody else has installed it, if this role may.
pub(super) fn if_installed(
    server: &Server,
    captured: &Captured,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let mut session = Session::open(server, watch)?;
    let schema: Vec<String> = session.ask(&CALLABLE.replace("BROUGHT", BROUGHT))?;
    match schema.first() {
        Some(schema) => check(session, &quote(schema), captured, ledger),
        None => {
            let why = "the extension is not in that database, or this role may not call it";
            ledger.skipped("amcheck", why);
            session.close()
        }
    }
}

/// Every index against its table, and every page of every table.
fn check(mut session: Session, schema: &str, captured: &Captured, ledger: &mut Ledger) -> Result<()> {
    let finding =
        |code, expected: &str| Finding::new(code, format!("captures/{}", captured.id)).expected(expected);
    let damaged = |fault: &str| finding(Code::DatabaseCorrupt, "a whole database").actual(fault);
    match asked(&mut session, schema) {
        Err(error) if is_end(&error) => return Err(error),
        Err(error) if is_damage(&error.to_string()) => ledger.failed("amcheck", damaged(&error.to_string())),
        Err(error) => {
            let finding = finding(Code::ProbeFailed, "amcheck is through with all of it");
            ledger.failed("amcheck", finding.actual(error));
        }
        Ok((_, Some(fault))) => ledger.failed("amcheck", damaged(&fault)),
        Ok((indexes, None)) => {
            session.close()?;
            let counted =
                if indexes == 1 { "1 index".to_owned() } else { format!("{} indexes", number(indexes)) };
            ledger.passed("amcheck", &counted, &counted);
            ledger.covers("amcheck");
        }
    }
    Ok(())
}

/// How many indexes hold, and the first fault of a page.
fn asked(session: &mut Session, schema: &str) -> Result<(u64, Option<String>)> {
    session.tell("\\set VERBOSITY verbose\n")?;
    let indexes: Vec<u64> = session.ask(&INDEXES.replace("SCHEMA", schema))?;
    let faults: Vec<String> = session.ask(&PAGES.replace("SCHEMA", schema))?;
    Ok((indexes.first().copied().unwrap_or(0), faults.into_iter().next()))
}

/// Whether an error is that of a damaged table or index (PostgreSQL's documentation, "Error Codes"); a function of the dump's in
/// an index fails in ways of its own.
fn is_damage(said: &str) -> bool {
    said.contains(":  XX001: ") || said.contains(":  XX002: ")
}
