//! What has to be there before a dump is restored, as statements for psql: roles, a database, extensions in their schemas.

use crate::error::{Error, Result};
use crate::format::capture::{DatabaseSettings, role_name};
use crate::probe::postgres::cluster::{DATABASE, RESTORER};
use std::collections::BTreeSet;

/// What has to be there before a dump is restored.
#[derive(Default)]
pub struct Wanted<'a> {
    /// Roles, as [`role_name`] reads them.
    pub roles: &'a [&'a str],
    /// Extensions that only a superuser may create.
    pub extensions: &'a [String],
    /// How the database was made that the dump is of.
    pub like: Option<&'a DatabaseSettings>,
}

/// Makes a role that is not there: the system has some of its own.
pub(super) fn create_role(identifier: &str) -> Result<String> {
    let Some(name) = role_name(identifier) else {
        return Err(Error::input(format!("{identifier:?} is not the name of a role"), ""));
    };
    let name = unread(&name);
    let missing = format!("WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name})");
    Ok(format!("SELECT format('CREATE ROLE %I', {name}) {missing} \\gexec\n"))
}

/// A text of the archive's, which may be hostile, and psql runs programs: it reaches psql as digits alone, and the server makes the
/// statement, which psql passes on without reading it (`\gexec`).
fn unread(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("convert_from(decode('{digits}', 'hex'), 'UTF8')")
}

/// Makes the database like another one.
pub(super) fn create_database(like: &DatabaseSettings) -> String {
    let mut form = format!(
        "CREATE DATABASE {DATABASE} OWNER {RESTORER} TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L"
    );
    let mut texts = vec![&like.encoding, &like.collate, &like.ctype];
    if let (Some(locale), "icu" | "builtin") = (&like.locale, &*like.provider) {
        form.push_str(&format!(" LOCALE_PROVIDER {0} {0}_LOCALE %L", like.provider));
        texts.push(locale);
    }
    let texts: Vec<String> = texts.into_iter().map(|text| unread(text)).collect();
    format!("SELECT format('{form}', {}) \\gexec\n", texts.join(", "))
}

/// Makes an extension in the schema that it was in, and that schema.
pub(super) fn create_extension(extension: &str, like: Option<&DatabaseSettings>) -> String {
    let name = unread(extension);
    let Some(schema) = like.and_then(|like| like.extensions.get(extension)) else {
        return format!("SELECT format('CREATE EXTENSION IF NOT EXISTS %I CASCADE', {name}) \\gexec\n");
    };
    let make = match is_there(schema) {
        true => String::new(),
        false => format!(
            "SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION {RESTORER}', {}) \\gexec\n",
            unread(schema)
        ),
    };
    let schema = unread(schema);
    format!(
        "{make}SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', {name}, {schema}) \\gexec\n"
    )
}

/// Lets who restores make servers of foreign data as it may where the dump is from: what extensions brought for that is theirs.
pub(super) const WRAPPERS_GRANTED: &str = "\
SELECT format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO RESTORER', w.fdwname) FROM pg_foreign_data_wrapper w \
JOIN pg_depend d ON d.objid = w.oid AND d.classid = 'pg_foreign_data_wrapper'::regclass AND d.deptype = 'e' \\gexec\n";

/// Whether a schema is in every database.
fn is_there(schema: &str) -> bool {
    schema == "public" || schema.starts_with("pg_")
}

/// The schemas that are made for extensions.
pub(super) fn schemas<'s>(extensions: &[String], like: Option<&'s DatabaseSettings>) -> BTreeSet<&'s str> {
    let schema = |name: &String| like?.extensions.get(name).map(String::as_str);
    extensions.iter().filter_map(schema).filter(|schema| !is_there(schema)).collect()
}

/// The line of a dump's list that makes a schema, as an expression of grep's. The owner's name ends it; one of several words is
/// not told from the rest of another schema's name, so that its schema stays in the list.
pub(super) fn schema_line(name: &str) -> String {
    let mut expression = "^[0-9]*; [0-9]* [0-9]* SCHEMA - ".to_owned();
    for letter in name.chars() {
        if matches!(letter, '\\' | '.' | '[' | '*' | '^' | '$') {
            expression.push('\\');
        }
        expression.push(letter);
    }
    expression + " [^ ]*$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_an_archive_is_read_by_psql() {
        let hostile = "x' \\! touch /tmp/pwned\n\\! id";
        let like = DatabaseSettings {
            encoding: hostile.into(),
            collate: hostile.into(),
            ctype: hostile.into(),
            provider: "icu".into(),
            locale: Some(hostile.into()),
            extensions: [("hstore".to_owned(), hostile.to_owned())].into(),
        };
        let role = create_role(&format!("\"{}\"", "x' \\! id")).unwrap();
        let all = [create_database(&like), create_extension("hstore", Some(&like)), role];
        assert!(all.iter().all(|text| !text.contains("\\!")), "{all:?}");
        assert!(all.iter().all(|text| text.lines().all(|line| line.ends_with(" \\gexec"))), "{all:?}");
        assert!(all[0].contains("LOCALE_PROVIDER icu icu_LOCALE %L"), "{}", all[0]);
        assert!(create_role("x; y").is_err());
    }

    #[test]
    fn a_schemas_name_is_no_expression() {
        assert_eq!(schema_line("a.*b"), r"^[0-9]*; [0-9]* [0-9]* SCHEMA - a\.\*b [^ ]*$");
    }

    #[test]
    fn schemas_are_made_for_extensions_that_are_made_before() {
        let mut like = DatabaseSettings {
            encoding: "UTF8".into(),
            collate: "C".into(),
            ctype: "C".into(),
            provider: "libc".into(),
            locale: None,
            extensions: Default::default(),
        };
        for (name, schema) in [("a", "tools"), ("b", "public"), ("c", "pg_catalog"), ("d", "others")] {
            like.extensions.insert(name.into(), schema.into());
        }
        let wanted = ["a", "b", "c", "e"].map(str::to_owned);
        assert_eq!(schemas(&wanted, Some(&like)), BTreeSet::from(["tools"]));
        assert_eq!(schemas(&wanted, None), BTreeSet::new());
        assert_eq!(create_extension("a", Some(&like)).matches("CREATE SCHEMA").count(), 1);
        assert_eq!(create_extension("b", Some(&like)).matches("CREATE SCHEMA").count(), 0);
    }
}
