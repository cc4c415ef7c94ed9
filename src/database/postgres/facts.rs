//! What is in a database of PostgreSQL: tables with their rows, everything else by name, and a digest over all definitions.

use crate::database::postgres::session::{Session, read};
use crate::database::postgres::wording::settled;
use crate::database::quote;
use crate::error::{Error, Result};
use crate::format::capture::{Content, DatabaseSettings, Object, Table};
use crate::format::digest::Sha256;
use serde::Deserialize;
use sha2::{Digest, Sha256 as Hasher};
use std::collections::{BTreeSet, VecDeque};

/// What belongs to the user: not the system's, and not an extension's.
const OWN: &str = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'";

/// Tables that hold rows: plain ones, partitions, and materialised views that were filled; not foreign ones, whose rows are
/// elsewhere.
const TABLES: &str = "\
SELECT json_build_object('schema', n.nspname, 'table', c.relname, 'bytes', pg_table_size(c.oid), 'is_refilled', c.relkind = 'm') \
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND OWN AND NOT EXISTS \
 (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/// Every definition that `pg_dump` carries over and `pg_restore` must bring back alike, and the roles that policies and user
/// mappings name, which have to be there first. That a column is never null stands with the column: PostgreSQL 18 has a constraint for it besides,
/// and those before have none. Owners and grants are not among them: a copy is restored by somebody else. Nor are the versions of
/// extensions, which a dump leaves to the server that it is restored into.
const DEFINITIONS: &str = "\
WITH own AS (SELECT oid, nspname FROM pg_namespace n WHERE OWN), \
extended AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'), \
found (kind, name, definition, class, object) AS ( \
 SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
   WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'type' END, \
  format('%I.%I', n.nspname, c.relname), \
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE '' END || coalesce((SELECT string_agg( \
   format('%I %s %s %s %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
    pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated), E'\\n' ORDER BY a.attname COLLATE \"C\") \
   FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') \
   || format(E'\\n%s %s %s %s', c.relrowsecurity, c.relforcerowsecurity, \
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(c.relpartbound, c.oid)) \
   || coalesce((SELECT format(E'\\n%s %s %s %s %s %s', format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, \
    q.seqmax, q.seqcycle) FROM pg_sequence q WHERE q.seqrelid = c.oid), ''), 'pg_class'::regclass, c.oid \
 FROM pg_class c JOIN own n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') \
 UNION ALL SELECT 'index', format('%I.%I', n.nspname, c.relname), pg_get_indexdef(c.oid), 'pg_class'::regclass, i.indrelid \
 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN own n ON n.oid = c.relnamespace \
 UNION ALL SELECT 'constraint', format('%I.%I.%I', n.nspname, c.relname, k.conname), pg_get_constraintdef(k.oid), \
  'pg_class'::regclass, c.oid \
 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN own n ON n.oid = c.relnamespace WHERE k.contype <> 'n' \
 UNION ALL SELECT 'trigger', format('%I.%I.%I', n.nspname, c.relname, t.tgname), pg_get_triggerdef(t.oid), \
  'pg_class'::regclass, c.oid \
 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN own n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal \
 UNION ALL SELECT 'function', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), \
  CASE WHEN p.prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END, 'pg_proc'::regclass, p.oid \
 FROM pg_proc p JOIN own n ON n.oid = p.pronamespace \
 UNION ALL SELECT 'enum', format('%I.%I', n.nspname, t.typname), string_agg(e.enumlabel, E'\\n' ORDER BY e.enumsortorder), \
  'pg_type'::regclass, t.oid \
 FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN own n ON n.oid = t.typnamespace GROUP BY 2, t.oid \
 UNION ALL SELECT 'domain', format('%I.%I', n.nspname, t.typname), format('%s %s %s %s', format_type(t.typbasetype, t.typtypmod), \
  t.typnotnull, t.typdefault, (SELECT string_agg(format('%I %s', k.conname, pg_get_constraintdef(k.oid)), E'\\n' \
   ORDER BY k.conname COLLATE \"C\") FROM pg_constraint k WHERE k.contypid = t.oid)), 'pg_type'::regclass, t.oid \
 FROM pg_type t JOIN own n ON n.oid = t.typnamespace WHERE t.typtype = 'd' \
 UNION ALL SELECT 'rule', format('%I.%I.%I', n.nspname, c.relname, r.rulename), pg_get_ruledef(r.oid), 'pg_class'::regclass, c.oid \
 FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN own n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' \
 UNION ALL SELECT 'policy', format('%I.%I.%I', n.nspname, c.relname, p.polname), format('%s %s %s %s %s', p.polcmd, \
  p.polpermissive, (SELECT string_agg(quote_ident(a.rolname), ' ' ORDER BY a.rolname COLLATE \"C\") FROM pg_roles a \
   WHERE a.oid = ANY (p.polroles)), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), \
  'pg_class'::regclass, c.oid \
 FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN own n ON n.oid = c.relnamespace \
 UNION ALL SELECT 'role', quote_ident(a.rolname), '', 'pg_authid'::regclass, a.oid FROM pg_roles a \
 WHERE EXISTS (SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN own n ON n.oid = c.relnamespace \
  WHERE a.oid = ANY (p.polroles)) OR EXISTS (SELECT FROM pg_user_mappings m WHERE m.umuser = a.oid) \
 UNION ALL SELECT 'statistics', format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid), \
  'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN own n ON n.oid = s.stxnamespace \
 UNION ALL SELECT 'extension', extname, '', 'pg_extension'::regclass, oid FROM pg_extension) \
SELECT json_build_object('kind', kind, 'name', name, 'definition', coalesce(definition, '')) FROM found f \
WHERE NOT EXISTS (SELECT FROM extended e WHERE e.classid = f.class AND e.objid = f.object) \
ORDER BY kind COLLATE \"C\", name COLLATE \"C\", definition COLLATE \"C\"";

/// What a dump does not say of the database. Columns that only later servers have are asked for by name.
const SETTINGS: &str = "\
SELECT json_build_object('encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype, \
 'provider', CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, \
 'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), \
 'extensions', (SELECT coalesce(json_object_agg(e.extname, n.nspname), '{}') FROM pg_extension e \
  JOIN pg_namespace n ON n.oid = e.extnamespace)) FROM pg_database d WHERE datname = current_database()";

/// How the database was made.
pub fn settings(session: &mut Session) -> Result<DatabaseSettings> {
    let settings = session.ask(SETTINGS)?;
    settings.into_iter().next().ok_or_else(|| Error::input("psql: no answer", ""))
}

/// What is in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 over kind, name and definition of everything, each followed by NUL, in that order; definitions as
    /// [`settled`] words them. Servers of another major version may word a definition another way.
    pub schema_sha256: Sha256,
    /// Tables in bytewise order of schema and name.
    pub tables: Vec<Table>,
    /// Everything else that has a name.
    pub objects: Vec<Object>,
    /// The materialised views among the tables: a dump says how they are filled, and not with what.
    pub refilled: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Found {
    schema: String,
    table: String,
    bytes: u64,
    is_refilled: bool,
    #[serde(skip)]
    is_digested: bool,
}

#[derive(Deserialize)]
struct Definition {
    kind: String,
    name: String,
    definition: String,
}

#[derive(Deserialize)]
struct Counted {
    rows: u64,
    sum: Option<String>,
}

/// How much is asked at once, in bytes: less than a pipe holds, so that neither side ever waits for the other to read.
const QUESTIONS_BYTES_MAX: usize = 32 << 10;

/// Facts that were asked for, and are worked out while something else is done.
pub struct Asked {
    definitions: Vec<Definition>,
    tables: Vec<Found>,
    /// Questions of some tables each, that are not asked yet.
    questions: VecDeque<String>,
}

/// Asks for everything, in the session's transaction. Tables up to `digest_up_to` bytes are digested.
pub fn ask(session: &mut Session, digest_up_to: u64) -> Result<Asked> {
    ask_beside(session, &|_, bytes| bytes <= digest_up_to, &[])
}

/// The same of tables that are chosen by `schema.table` and size in bytes, where these extensions are there, and are nothing that it
/// is asked about.
pub fn ask_beside(
    session: &mut Session,
    is_digested: &dyn Fn(&str, u64) -> bool,
    extensions: &[&str],
) -> Result<Asked> {
    let mut tables: Vec<Found> = session.ask(&TABLES.replace("OWN", OWN))?;
    let mut definitions: Vec<Definition> = session.ask(&DEFINITIONS.replace("OWN", OWN))?;
    definitions.retain(|one| one.kind != "extension" || !extensions.contains(&&*one.name));
    // Of the same text in whatever encoding: but for bytes that are in none.
    let encoding: Vec<String> = session.ask("SELECT to_json(current_setting('server_encoding'))")?;
    let is_plain = encoding.iter().all(|encoding| matches!(&**encoding, "UTF8" | "SQL_ASCII"));
    let row = if is_plain { "ROW(a_row.*)::text" } else { "convert_to(ROW(a_row.*)::text, 'UTF8')" };
    let digest = format!("sum(('x' || substr(md5({row}), 1, 16))::bit(64)::bigint::numeric)::text");
    let mut questions = VecDeque::from([String::new()]);
    for found in &mut tables {
        found.is_digested = is_digested(&found.name(), found.bytes);
        let sum = if found.is_digested { &*digest } else { "NULL" };
        let table = format!("{}.{}", quote(&found.schema), quote(&found.table));
        let question =
            format!("SELECT json_build_object('rows', count(*), 'sum', {sum}) FROM ONLY {table} a_row;\n");
        match questions.back_mut() {
            Some(last) if last.len() + question.len() <= QUESTIONS_BYTES_MAX => last.push_str(&question),
            _ => questions.push_back(question),
        }
    }
    let mut asked = Asked { definitions, tables, questions };
    asked.ask_on(session)?;
    Ok(asked)
}

impl Found {
    fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

impl Asked {
    /// Asks the next questions; `false` if there are no more.
    fn ask_on(&mut self, session: &mut Session) -> Result<bool> {
        let Some(questions) = self.questions.pop_front() else { return Ok(false) };
        session.tell(&questions)?;
        session.mark()?;
        Ok(true)
    }

    /// What it came to.
    pub fn answer(mut self, session: &mut Session) -> Result<Facts> {
        let mut hasher = Hasher::new();
        for one in &self.definitions {
            // What stands in a function is text.
            let definition = if one.kind == "function" { &one.definition } else { &settled(&one.definition) };
            for text in [&one.kind, &one.name, definition] {
                hasher.update(text.as_bytes());
                hasher.update([0]);
            }
        }
        let mut counted = session.answer()?;
        while self.ask_on(session)? {
            counted.extend(session.answer()?);
        }
        if counted.len() != self.tables.len() {
            let message = format!("psql: {} tables, but {} answers", self.tables.len(), counted.len());
            return Err(Error::input(message, ""));
        }
        let table = |(found, line): (&Found, &String)| {
            let counted: Counted = read(line)?;
            // The sum over no row is no number.
            let sum = || Content::RowsMd5Sum(counted.sum.unwrap_or_else(|| "0".to_owned()));
            let content = found.is_digested.then(sum);
            Ok(Table { name: found.name(), rows: Some(counted.rows), content })
        };
        let tables = self.tables.iter().zip(&counted).map(table).collect::<Result<_>>()?;
        let refilled = self.tables.iter().filter(|found| found.is_refilled).map(Found::name).collect();
        let objects = self.definitions.into_iter().filter(|one| one.kind != "table");
        let objects = objects.map(|one| Object { kind: one.kind, name: one.name }).collect();
        Ok(Facts { schema_sha256: Sha256(hasher.finalize().into()), tables, objects, refilled })
    }
}
