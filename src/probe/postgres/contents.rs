//! Everything of a user's in a database of PostgreSQL, of whatever kind: whether there is any, and that it goes away.

use crate::database::duckdb::literal;
use crate::database::postgres::Server;
use crate::database::postgres::session::Session;
use crate::error::Result;
use crate::pipeline::watch::Watch;

/// Extensions that may be in an empty database beside those that the policy names: one is in every new database, the other
/// looks for damage.
pub(super) const EXTENSIONS: [&str; 2] = ["plpgsql", "amcheck"];

/// How often everything is dropped that is still there: what depends on something else goes with it, or after it.
const ROUNDS: usize = 3;

/// What the system made when the cluster was made has a smaller number than 16384, but for large objects, whose numbers users
/// choose; what an extension brought with it goes with the extension. `NAMES` are those that may be there.
const EVERYTHING: &str = "\
WITH brought AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass), \
 found (rank, class, object) AS ( \
  SELECT 1, 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname <> 'public' AND nspname !~ '^pg_(toast_)?temp_' \
  UNION ALL SELECT 2, 'pg_class'::regclass, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' \
  UNION ALL SELECT 3, 'pg_class'::regclass, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
   WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' \
  UNION ALL SELECT 4, 'pg_proc'::regclass, oid FROM pg_proc \
  UNION ALL SELECT 5, 'pg_type'::regclass, t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid \
   WHERE (t.typrelid = 0 OR c.relkind = 'c') AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid) \
    AND t.typtype <> 'm' \
  UNION ALL SELECT 6, 'pg_operator'::regclass, oid FROM pg_operator \
  UNION ALL SELECT 6, 'pg_opclass'::regclass, oid FROM pg_opclass \
  UNION ALL SELECT 7, 'pg_opfamily'::regclass, oid FROM pg_opfamily \
  UNION ALL SELECT 6, 'pg_collation'::regclass, oid FROM pg_collation \
  UNION ALL SELECT 6, 'pg_conversion'::regclass, oid FROM pg_conversion \
  UNION ALL SELECT 6, 'pg_cast'::regclass, oid FROM pg_cast \
  UNION ALL SELECT 6, 'pg_ts_config'::regclass, oid FROM pg_ts_config \
  UNION ALL SELECT 7, 'pg_ts_dict'::regclass, oid FROM pg_ts_dict \
  UNION ALL SELECT 8, 'pg_ts_parser'::regclass, oid FROM pg_ts_parser \
  UNION ALL SELECT 8, 'pg_ts_template'::regclass, oid FROM pg_ts_template \
  UNION ALL SELECT 6, 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext \
  UNION ALL SELECT 6, 'pg_language'::regclass, oid FROM pg_language \
  UNION ALL SELECT 6, 'pg_am'::regclass, oid FROM pg_am \
  UNION ALL SELECT 6, 'pg_foreign_server'::regclass, oid FROM pg_foreign_server \
  UNION ALL SELECT 7, 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper \
  UNION ALL SELECT 6, 'pg_event_trigger'::regclass, oid FROM pg_event_trigger \
  UNION ALL SELECT 6, 'pg_publication'::regclass, oid FROM pg_publication \
  UNION ALL SELECT 2, 'pg_extension'::regclass, oid FROM pg_extension WHERE extname NOT IN (NAMES) \
  UNION ALL SELECT 6, 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata), \
 own AS (SELECT rank, class, object, (pg_identify_object(class, object, 0)).* FROM found f \
  WHERE (object >= 16384 OR class = 'pg_largeobject'::regclass) \
  AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = f.class AND b.objid = f.object)) ";

/// How many there are of each kind.
const COUNTED: &str =
    "SELECT to_json(format('%s × %s', count(*), type)) FROM own GROUP BY type ORDER BY type";

/// A statement for each that takes it away.
const DROPPED: &str = "SELECT CASE type WHEN 'large object' THEN format('SELECT pg_catalog.lo_unlink(%s)', object) \
 WHEN 'statistics object' THEN format('DROP STATISTICS IF EXISTS %s', identity) \
 WHEN 'foreign-data wrapper' THEN format('DROP FOREIGN DATA WRAPPER IF EXISTS %s CASCADE', identity) \
 ELSE format('DROP %s IF EXISTS %s CASCADE', type, identity) END FROM own ORDER BY rank, object";

fn everything(extensions: &[String]) -> String {
    let names = EXTENSIONS.iter().copied().chain(extensions.iter().map(String::as_str)).map(literal);
    EVERYTHING.replace("NAMES", &names.collect::<Vec<_>>().join(", "))
}

/// What is in it, counted by kind: nothing in an empty one.
pub(super) fn of(server: &Server, extensions: &[String], watch: &Watch) -> Result<Vec<String>> {
    let mut session = Session::open(server, watch)?;
    let found = session.ask(&format!("{}{COUNTED}", everything(extensions)))?;
    session.close()?;
    Ok(found)
}

/// Drops everything, and says what is still there. Each statement stands alone: what one cannot drop, the next round can.
/// The server makes them, and psql passes them on without reading them (`\gexec`), so that no name is ever a command.
pub(super) fn remove(server: &Server, extensions: &[String], watch: &Watch) -> Result<Vec<String>> {
    let drop_all = format!("{}{DROPPED} \\gexec\n", everything(extensions));
    let mut left = of(server, extensions, watch)?;
    for _ in 0..ROUNDS {
        if left.is_empty() {
            break;
        }
        let mut session = Session::open(server, watch)?;
        session.tell("\\set ON_ERROR_STOP 0\nSET client_min_messages = error;\n")?;
        session.tell(&drop_all)?;
        session.close()?;
        left = of(server, extensions, watch)?;
    }
    Ok(left)
}
