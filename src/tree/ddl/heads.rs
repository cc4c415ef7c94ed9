//! Statements that the parser rejects though they are valid, by their heads: which object, and what becomes of it.
//!
//! Only forms whose head tells what a pack says of a statement are taken; types of columns are passed over. What runs code that stands in it
//! (`DO`, `EXECUTE`), and a view or table whose query cannot be read, stay unparsed.

use crate::format::ddl::{Dialect, Object, ObjectKind as Kind};
use crate::tree::ddl::cursor::Cursor;
use crate::tree::ddl::dialect::is_named_within_table;
use crate::tree::ddl::names::within;
use crate::tree::ddl::objects::Effects;

/// Kinds by the words that name them in `ALTER`, `DROP` and `COMMENT ON`; longer ones first.
const KINDS: &[(&str, Kind)] = &[
    ("ACCESS METHOD", Kind::AccessMethod),
    ("AGGREGATE", Kind::Aggregate),
    ("COLLATION", Kind::Collation),
    ("DATABASE", Kind::Database),
    ("DOMAIN", Kind::Domain),
    ("EVENT TRIGGER", Kind::EventTrigger),
    ("EVENT", Kind::Event),
    ("EXTENSION", Kind::Extension),
    ("FOREIGN DATA WRAPPER", Kind::ForeignDataWrapper),
    ("FOREIGN TABLE", Kind::Table),
    ("FUNCTION", Kind::Function),
    ("GROUP", Kind::Role),
    ("INDEX", Kind::Index),
    ("LANGUAGE", Kind::Language),
    ("PROCEDURAL LANGUAGE", Kind::Language),
    ("MATERIALIZED VIEW", Kind::MaterializedView),
    ("OPERATOR CLASS", Kind::OperatorClass),
    ("OPERATOR FAMILY", Kind::OperatorFamily),
    ("OPERATOR", Kind::Operator),
    ("POLICY", Kind::Policy),
    ("PROCEDURE", Kind::Procedure),
    ("PROC", Kind::Procedure),
    ("PUBLICATION", Kind::Publication),
    ("ROLE", Kind::Role),
    ("ROUTINE", Kind::Function),
    ("RULE", Kind::Rule),
    ("SCHEMA", Kind::Schema),
    ("SEQUENCE", Kind::Sequence),
    ("SERVER", Kind::Server),
    ("STATISTICS", Kind::Statistics),
    ("SUBSCRIPTION", Kind::Subscription),
    ("SYNONYM", Kind::Synonym),
    ("TABLE", Kind::Table),
    ("TEXT SEARCH CONFIGURATION", Kind::TextSearch),
    ("TEXT SEARCH DICTIONARY", Kind::TextSearch),
    ("TEXT SEARCH PARSER", Kind::TextSearch),
    ("TEXT SEARCH TEMPLATE", Kind::TextSearch),
    ("TRIGGER", Kind::Trigger),
    ("TYPE", Kind::Type),
    ("USER", Kind::Role),
    ("VIEW", Kind::View),
];

/// Statements that change no definition and name nothing that a pack would list.
const SILENT: &[&str] = &[
    "ABORT",
    "ANALYZE",
    "BEGIN",
    "CHECKPOINT",
    "COMMIT",
    "DISCARD",
    "END",
    "LISTEN",
    "NOTIFY",
    "PRINT",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "START TRANSACTION",
    "UNLISTEN",
    "USE",
    "VACUUM",
    "WAITFOR",
    "LOCK TABLES",
    "UNLOCK TABLES",
    "FLUSH",
    "ALTER SYSTEM",
    "REINDEX",
    "CLUSTER",
];

/// Where these stand in a statement that should only have a head, another statement may begin.
const OTHER_STATEMENTS: &[&str] = &[
    "CREATE",
    "ALTER DATABASE",
    "ALTER PROCEDURE",
    "ALTER ROLE",
    "ALTER SCHEMA",
    "ALTER TABLE",
    "ALTER VIEW",
    "DENY",
    "DROP INDEX",
    "DROP PROCEDURE",
    "DROP TABLE",
    "DROP VIEW",
    "EXEC",
    "EXECUTE",
    "GRANT",
    "INSERT",
    "MERGE",
    "REVOKE",
    "TRUNCATE",
];

/// What a statement does; `None` if its form is not known here either.
pub fn effects(mut at: Cursor<'_>) -> Option<Effects> {
    let mut effects = Effects::default();
    let mut rest = at.clone();
    if rest.words("ALTER DEFAULT PRIVILEGES") {
        return Some(effects);
    }
    if rest.any(SILENT) {
        return (!rest.has(OTHER_STATEMENTS)).then_some(effects);
    }
    if at.word("CREATE") {
        create(&mut at, &mut effects)?;
    } else if at.word("ALTER") {
        alter(&mut at, &mut effects)?;
    } else if at.word("DROP") {
        drop_all(&mut at, &mut effects)?;
    } else if at.words("COMMENT ON") {
        comment(&mut at, &mut effects)?;
    } else if at.any(&["GRANT", "REVOKE"]) {
        grant(&mut at, &mut effects)?;
    } else if at.word("COPY") {
        effects.depends.push(Object { kind: Kind::Relation, name: at.name()? });
        at.parentheses();
        at.any(&["FROM", "TO"]).then_some(())?;
    } else if at.words("REFRESH MATERIALIZED VIEW") {
        at.word("CONCURRENTLY");
        effects.depends.push(Object { kind: Kind::MaterializedView, name: at.name()? });
    } else {
        return None;
    }
    let routine = effects
        .creates
        .first()
        .or(effects.alters.first())
        .is_some_and(|object| matches!(object.kind, Kind::Function | Kind::Procedure | Kind::Trigger));
    // Where statements need no separator, another one may follow; but a routine takes its whole batch.
    if at.dialect() == Some(Dialect::Sqlserver) && !routine && rest.is_followed_by(OTHER_STATEMENTS) {
        return None;
    }
    effects.settle();
    Some(effects)
}

fn kind(at: &mut Cursor<'_>) -> Option<Kind> {
    KINDS.iter().find(|(words, _)| at.words(words)).map(|(_, kind)| *kind)
}

fn push(list: &mut Vec<Object>, kind: Kind, name: String) {
    list.push(Object { kind, name });
}

fn create(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    at.any(&["OR REPLACE", "OR ALTER"]);
    definer(at);
    at.any(&["TRUSTED", "CONSTRAINT", "AGGREGATE FUNCTION", "DEFAULT"]);
    at.any(&["TEMP", "TEMPORARY"]);
    at.any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
    at.any(&["CLUSTERED", "NONCLUSTERED"]);
    if at.word("CAST") {
        let types = at.parentheses()?;
        push(&mut effects.creates, Kind::Cast, types.to_ascii_lowercase());
        return at.any(&["WITH FUNCTION", "WITHOUT FUNCTION", "WITH INOUT"]).then_some(());
    }
    let kind = kind(at)?;
    at.words("IF NOT EXISTS");
    define(at, effects, kind)
}

/// What is created, by its kind.
fn define(at: &mut Cursor<'_>, effects: &mut Effects, kind: Kind) -> Option<()> {
    match kind {
        Kind::Function | Kind::Procedure => routine(at, effects, kind),
        Kind::Trigger => trigger(at, effects),
        Kind::Event | Kind::EventTrigger => {
            push(&mut effects.creates, kind, at.name()?);
            at.word("ON").then_some(())
        }
        Kind::Rule => rule(at, effects),
        Kind::Operator => {
            push(&mut effects.creates, kind, at.operator()?);
            at.parentheses().map(drop)
        }
        Kind::Aggregate => {
            push(&mut effects.creates, kind, at.name()?);
            at.parentheses().map(drop)
        }
        Kind::OperatorClass => {
            push(&mut effects.creates, kind, at.name()?);
            at.seek(&["USING"]).then_some(())
        }
        Kind::Type => {
            push(&mut effects.creates, kind, at.name()?);
            (at.is_end() || at.parentheses().is_some() || at.any(&["AS", "FROM"])).then_some(())
        }
        Kind::Statistics => {
            push(&mut effects.creates, kind, at.name()?);
            at.seek(&["FROM"]).then_some(())?;
            push(&mut effects.depends, Kind::Table, at.name()?);
            Some(())
        }
        Kind::Table => table(at, effects),
        Kind::Index => index(at, effects),
        Kind::AccessMethod
        | Kind::ForeignDataWrapper
        | Kind::Language
        | Kind::Publication
        | Kind::Subscription
        | Kind::Synonym
        | Kind::Role
        | Kind::Schema
        | Kind::Server
        | Kind::Database
        | Kind::Extension
        | Kind::Sequence
        | Kind::Collation
        | Kind::TextSearch
        | Kind::OperatorFamily => {
            push(&mut effects.creates, kind, at.name()?);
            // `CREATE SCHEMA x CREATE TABLE …` does more than its head says.
            (!at.has(&["CREATE"])).then_some(())
        }
        _ => None,
    }
}

/// `DEFINER = 'user'@'host'`, as MySQL has it.
fn definer(at: &mut Cursor<'_>) {
    if at.word("DEFINER") && at.mark("=") {
        let _ = at.text() || at.name().is_some();
        if at.mark("@") {
            let _ = at.text() || at.name().is_some();
        }
        at.parentheses();
    }
    at.any(&["SQL SECURITY DEFINER", "SQL SECURITY INVOKER"]);
}

fn rule(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    let name = at.name()?;
    at.words("AS ON").then_some(())?;
    at.seek(&["TO"]).then_some(())?;
    let table = at.name()?;
    push(&mut effects.creates, Kind::Rule, within(&name, &table));
    push(&mut effects.depends, Kind::Relation, table);
    Some(())
}

fn routine(at: &mut Cursor<'_>, effects: &mut Effects, kind: Kind) -> Option<()> {
    push(&mut effects.creates, kind, at.name()?);
    let sql_server = at.dialect() == Some(Dialect::Sqlserver);
    let has_arguments = at.parentheses().is_some();
    (has_arguments || (sql_server && kind == Kind::Procedure)).then_some(())?;
    // The name of a library is a body too.
    let has_body =
        at.has(&["AS", "BEGIN", "RETURN", "CALL", "SELECT", "SET", "INSERT", "UPDATE", "DELETE", "SONAME"]);
    has_body.then_some(())
}

fn trigger(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    let name = at.name()?;
    at.seek(&["ON"]).then_some(())?;
    // T-SQL: triggers of a database or server.
    let table = if at.any(&["DATABASE", "ALL SERVER"]) { None } else { Some(at.name()?) };
    let name = match &table {
        Some(table) if is_named_within_table(at.dialect(), true) => within(&name, table),
        _ => name,
    };
    push(&mut effects.creates, Kind::Trigger, name);
    effects.depends.extend(table.map(|name| Object { kind: Kind::Table, name }));
    if at.dialect() == Some(Dialect::Postgresql) {
        at.seek(&["EXECUTE FUNCTION", "EXECUTE PROCEDURE"]).then_some(())?;
        push(&mut effects.depends, Kind::Function, at.name()?);
    }
    Some(())
}

/// A foreign table, or a table of T-SQL: its types in brackets, file groups and options are strange to the parser.
fn table(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    push(&mut effects.creates, Kind::Table, at.name()?);
    let mut columns = at.clone();
    at.parentheses()?;
    if at.dialect() == Some(Dialect::Sqlserver) {
        columns.is_list().then_some(())?;
        while columns.seek_anywhere("REFERENCES") {
            push(&mut effects.depends, Kind::Table, columns.name()?);
        }
        return (!at.has(&["SELECT"])).then_some(());
    }
    at.seek(&["SERVER"]).then_some(())?;
    push(&mut effects.depends, Kind::Server, at.name()?);
    Some(())
}

fn index(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    let name = at.name()?;
    at.word("ON").then_some(())?;
    let table = at.name()?;
    at.parentheses()?;
    let name = if is_named_within_table(at.dialect(), false) { within(&name, &table) } else { name };
    push(&mut effects.creates, Kind::Index, name);
    push(&mut effects.depends, Kind::Table, table);
    Some(())
}

fn alter(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    definer(at);
    let kind = kind(at)?;
    at.words("IF EXISTS");
    if kind == Kind::Operator {
        push(&mut effects.alters, kind, at.operator()?);
        return at.parentheses().map(drop);
    }
    let within_table = matches!(kind, Kind::Policy | Kind::Rule)
        || (kind == Kind::Trigger && is_named_within_table(at.dialect(), true));
    at.word("ONLY");
    let mut name = at.name()?;
    at.mark("*");
    if within_table {
        at.word("ON").then_some(())?;
        name = within(&name, &at.name()?);
    }
    at.parentheses();
    if at.words("RENAME TO") {
        let new = renamed(&name, &at.name()?);
        push(&mut effects.drops, kind, name);
        push(&mut effects.creates, kind, new);
        return at.is_end().then_some(());
    }
    if kind == Kind::Table {
        table_actions(at, effects)?;
    }
    (!at.is_end()).then_some(())?;
    push(&mut effects.alters, kind, name);
    Some(())
}

/// The new name of what is renamed: in the schema that the old name has.
fn renamed(old: &str, new: &str) -> String {
    let schema = old.rsplit_once('.').filter(|(schema, _)| !schema.contains('"'));
    schema.map_or(new.to_owned(), |(schema, _)| format!("{schema}.{new}"))
}

/// What an `ALTER TABLE` may begin with for its head to tell everything, but for the tables that it names.
const TABLE_ACTIONS: &[&str] = &[
    "ADD",
    "ALTER",
    "ATTACH PARTITION",
    "AUTO_INCREMENT",
    "CHANGE",
    "CHECK CONSTRAINT",
    "CLUSTER ON",
    "COMMENT",
    "CONVERT TO",
    "DEFAULT",
    "DETACH PARTITION",
    "DISABLE",
    "DROP",
    "ENABLE",
    "ENGINE",
    "FORCE",
    "INHERIT",
    "MODIFY",
    "NO FORCE",
    "NO INHERIT",
    "NOCHECK CONSTRAINT",
    "ORDER BY",
    "OWNER TO",
    "REPLICA IDENTITY",
    "RESET",
    "ROW_FORMAT",
    "SET",
    "VALIDATE CONSTRAINT",
    "WITH CHECK",
    "WITH NOCHECK",
];

fn table_actions(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    let mut ahead = at.clone();
    ahead.any(TABLE_ACTIONS).then_some(())?;
    let mut ahead = at.clone();
    while ahead.seek(&["REFERENCES", "ATTACH PARTITION", "DETACH PARTITION", "INHERIT", "NO INHERIT"]) {
        push(&mut effects.depends, Kind::Table, ahead.name()?);
    }
    Some(())
}

fn drop_all(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    at.any(&["TEMPORARY", "TRUSTED"]);
    if at.word("CAST") {
        at.words("IF EXISTS");
        push(&mut effects.drops, Kind::Cast, at.parentheses()?.to_ascii_lowercase());
        return Some(());
    }
    let kind = kind(at)?;
    at.word("CONCURRENTLY");
    at.words("IF EXISTS");
    loop {
        let mut name = if kind == Kind::Operator { at.operator()? } else { at.name()? };
        at.parentheses();
        let on = at.word("ON").then(|| at.name()).flatten();
        let inside = match kind {
            Kind::Policy | Kind::Rule => true,
            Kind::Trigger | Kind::Index => is_named_within_table(at.dialect(), kind == Kind::Trigger),
            _ => false,
        };
        if let Some(table) = &on
            && inside
        {
            name = within(&name, table);
        }
        push(&mut effects.drops, kind, name);
        effects.depends.extend(on.map(|name| Object { kind: Kind::Relation, name }));
        if matches!(kind, Kind::OperatorClass | Kind::OperatorFamily) {
            at.word("USING").then(|| at.name()).flatten()?;
        }
        if !at.mark(",") {
            break;
        }
    }
    at.any(&["CASCADE", "RESTRICT"]);
    at.is_end().then_some(())
}

fn comment(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    if at.word("COLUMN") {
        push(&mut effects.depends, Kind::Relation, at.table_of_column()?);
    } else if at.word("CAST") {
        push(&mut effects.depends, Kind::Cast, at.parentheses()?.to_ascii_lowercase());
    } else if at.word("CONSTRAINT") {
        at.name()?;
        at.word("ON").then_some(())?;
        let kind = if at.word("DOMAIN") { Kind::Domain } else { Kind::Table };
        push(&mut effects.depends, kind, at.name()?);
    } else {
        let kind = kind(at)?;
        let name = if kind == Kind::Operator { at.operator()? } else { at.name()? };
        at.parentheses();
        at.word("USING").then(|| at.name());
        let table = at.word("ON").then(|| at.name()).flatten();
        let name = table.map_or(name.clone(), |table| within(&name, &table));
        push(&mut effects.depends, kind, name);
    }
    at.word("IS").then_some(())
}

/// Rights: on objects by name, or of a role for another.
fn grant(at: &mut Cursor<'_>, effects: &mut Effects) -> Option<()> {
    let mut ahead = at.clone();
    if !ahead.seek(&["ON"]) {
        return ahead_has_grantee(at);
    }
    *at = ahead;
    if at.any(&[
        "ALL TABLES IN SCHEMA",
        "ALL SEQUENCES IN SCHEMA",
        "ALL FUNCTIONS IN SCHEMA",
        "ALL ROUTINES IN SCHEMA",
    ]) {
        push(&mut effects.depends, Kind::Schema, at.name()?);
        return ahead_has_grantee(at);
    }
    let kind = kind(at).unwrap_or(Kind::Relation);
    at.mark(":").then(|| at.mark(":"));
    loop {
        push(&mut effects.depends, kind, at.name()?);
        at.parentheses();
        if !at.mark(",") {
            break;
        }
    }
    ahead_has_grantee(at)
}

fn ahead_has_grantee(at: &Cursor<'_>) -> Option<()> {
    at.has(&["TO", "FROM"]).then_some(())
}
