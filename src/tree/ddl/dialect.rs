//! What the dialects do differently: quotes, comments, bodies, clients, and how they fold names.

use crate::format::ddl::Dialect;
use sqlparser::dialect as parsers;

/// How a dialect cuts its text into words. A file without a dialect is cut as [`rules`] of `None` say.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `/* /* */ */` is one comment.
    pub nested_comments: bool,
    /// `#` begins a comment.
    pub hash_comments: bool,
    /// `--` begins a comment only before white space.
    pub dash_needs_space: bool,
    /// A backslash takes the next character with it, in every string.
    pub backslash: bool,
    /// The same, in strings that begin with `E'`.
    pub escape_strings: bool,
    /// `$$ … $$` and `$tag$ … $tag$` are strings.
    pub dollar_quotes: bool,
    /// `` `x` `` is a name.
    pub backticks: bool,
    /// `[x]` is a name.
    pub brackets: bool,
    /// `"x"` is a string.
    pub double_quotes_text: bool,
    /// What stands in `/*! … */` is run.
    pub conditional_comments: bool,
    /// A semicolon in parentheses ends nothing.
    pub parentheses: bool,
    /// `END IF` and the like end something that no `BEGIN` began.
    pub end_words: bool,
    /// `@` and `#` begin and continue words.
    pub signs_in_words: bool,
    /// Whose commands stand between the statements.
    pub client: Client,
}

/// A client that has commands of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// None: every line is SQL.
    None,
    /// `\` to the end of the line; data behind `COPY … FROM stdin` up to `\.`.
    Psql,
    /// `DELIMITER x` and `source x` on lines of their own.
    Mysql,
    /// A dot at the beginning of a line, between statements.
    Dot,
    /// `GO` on a line of its own, which ends a batch; `:` at the beginning of a line.
    Sqlcmd,
}

/// The least that all dialects share, leaning to the side that keeps bodies whole.
const COMMON: Rules = Rules {
    nested_comments: false,
    hash_comments: false,
    dash_needs_space: false,
    backslash: false,
    escape_strings: false,
    dollar_quotes: false,
    backticks: false,
    brackets: false,
    double_quotes_text: false,
    conditional_comments: false,
    parentheses: false,
    end_words: true,
    signs_in_words: false,
    client: Client::None,
};

/// How a dialect cuts its text.
pub fn rules(dialect: Option<Dialect>) -> Rules {
    match dialect {
        // A dollar or a backtick begins nothing else in any dialect.
        None => Rules { dollar_quotes: true, backticks: true, ..COMMON },
        Some(Dialect::Ansi) => Rules { nested_comments: true, ..COMMON },
        Some(Dialect::Postgresql) => Rules {
            nested_comments: true,
            escape_strings: true,
            dollar_quotes: true,
            parentheses: true,
            client: Client::Psql,
            ..COMMON
        },
        Some(Dialect::Duckdb) => Rules {
            nested_comments: true,
            escape_strings: true,
            dollar_quotes: true,
            client: Client::Dot,
            ..COMMON
        },
        Some(Dialect::Mysql) => Rules {
            hash_comments: true,
            dash_needs_space: true,
            backslash: true,
            backticks: true,
            double_quotes_text: true,
            conditional_comments: true,
            client: Client::Mysql,
            ..COMMON
        },
        Some(Dialect::Sqlite) => Rules { backticks: true, brackets: true, client: Client::Dot, ..COMMON },
        Some(Dialect::Sqlserver) => Rules {
            nested_comments: true,
            brackets: true,
            end_words: false,
            signs_in_words: true,
            client: Client::Sqlcmd,
            ..COMMON
        },
    }
}

/// The parser of a dialect's statements.
pub fn parser(dialect: Option<Dialect>) -> &'static dyn parsers::Dialect {
    match dialect {
        None => &parsers::GenericDialect {},
        Some(Dialect::Ansi) => &parsers::AnsiDialect {},
        Some(Dialect::Duckdb) => &parsers::DuckDbDialect {},
        Some(Dialect::Mysql) => &parsers::MySqlDialect {},
        Some(Dialect::Postgresql) => &parsers::PostgreSqlDialect {},
        Some(Dialect::Sqlite) => &parsers::SQLiteDialect {},
        Some(Dialect::Sqlserver) => &parsers::MsSqlDialect {},
    }
}

/// A name as the dialect compares it. ASCII letters alone are folded: what becomes of others depends on the server's
/// settings.
pub fn fold(dialect: Option<Dialect>, name: &str, quoted: bool) -> String {
    let keeps_case = matches!(dialect, None | Some(Dialect::Ansi | Dialect::Postgresql));
    if quoted && keeps_case { name.to_owned() } else { name.to_ascii_lowercase() }
}

/// Whether names of indexes and triggers are names within their table, and not within the schema.
pub fn is_named_within_table(dialect: Option<Dialect>, trigger: bool) -> bool {
    match dialect {
        Some(Dialect::Postgresql) => trigger,
        Some(Dialect::Mysql | Dialect::Sqlserver) => !trigger,
        _ => false,
    }
}
