//! Whether tables and indexes of PostgreSQL are whole, page by page: what the extension amcheck says of them.

use crate::database::duckdb::literal;
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

/// Where it is put.
const SCHEMA: &str = "attestar_check";

/// Checks every B-tree of the user's; a fault is an error of the server's. `SCHEMA` is where the extension is.
const INDEXES: &str = "\
SELECT to_json(count(SCHEMA.bt_index_check(c.oid, c.relpersistence = 'p'))) FROM pg_class c \
JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisready AND i.indisvalid AND n.nspname !~ '^pg_' \
AND n.nspname <> 'information_schema'";

/// The first faults of the pages of the user's tables.
const PAGES: &str = "\
SELECT to_json(format('%s block %s: %s', c.relname, f.blkno, f.msg)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
CROSS JOIN LATERAL SCHEMA.verify_heapam(c.oid) f \
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LIMIT 20";

/// The schema that the extension is in, if this role may call what it brings.
const CALLABLE: &str = "\
SELECT to_json(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck' \
AND (SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p \
 WHERE p.pronamespace = n.oid AND p.proname IN ('bt_index_check', 'verify_heapam'))";

/// Installs the extension where the server has it and the dump did not bring it, and asks it; as a superuser.
pub(super) fn installed(
    server: &Server,
    captured: &Captured,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let mut session = Session::open(server, watch)?;
    let schema: Vec<String> = session.ask(CALLABLE)?;
    if let Some(schema) = schema.first() {
        return check(session, &quote(schema), captured, ledger);
    }
    let name = literal("amcheck");
    let there: Vec<u64> =
        session.ask(&format!("SELECT to_json(count(*)) FROM pg_available_extensions WHERE name = {name}"))?;
    if there != [1] {
        ledger.skipped("amcheck", "the extension is not installed here");
        return session.close();
    }
    session.tell(&format!("CREATE SCHEMA {SCHEMA}; CREATE EXTENSION amcheck SCHEMA {SCHEMA};\n"))?;
    check(session, SCHEMA, captured, ledger)
}

/// Asks it in a database where somebody else has installed it, if this role may.
pub(super) fn if_installed(
    server: &Server,
    captured: &Captured,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let mut session = Session::open(server, watch)?;
    let schema: Vec<String> = session.ask(CALLABLE)?;
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
