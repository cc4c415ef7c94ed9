//! What the DDL files of a pack define, in the order in which they are to be applied. A part of `pack.json`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A dialect of SQL, by the name that policies and packs write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// ISO SQL, and nothing else.
    Ansi,
    /// DuckDB.
    Duckdb,
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
    /// Microsoft SQL Server: T-SQL.
    Sqlserver,
}

impl Dialect {
    /// Every dialect, with the name that policies write.
    pub const ALL: [(&'static str, Dialect); 6] = [
        ("ansi", Dialect::Ansi),
        ("duckdb", Dialect::Duckdb),
        ("mysql", Dialect::Mysql),
        ("postgresql", Dialect::Postgresql),
        ("sqlite", Dialect::Sqlite),
        ("sqlserver", Dialect::Sqlserver),
    ];
}

/// The DDL files of a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DdlPack {
    /// Each file, in the order in which they are to be applied.
    pub files: Vec<DdlFile>,
    /// Files that found no place in the list any more; see [`LISTED_BYTES_MAX`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files_omitted: u64,
}

/// What one file does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DdlFile {
    /// Where it lies in the tree.
    pub path: String,
    /// The dialect that the policy names for it. Where it names none, statements are read as what most dialects share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// How many statements it has.
    pub statements: u64,
    /// How many of them could not be parsed: nothing is known of what they do.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub statements_unparsed: u64,
    /// What it creates, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<Object>,
    /// What it alters, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alters: Vec<Object>,
    /// What it drops, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<Object>,
    /// What it refers to and has not created before, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<Object>,
    /// The statements that could not be parsed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unparsed: Vec<Unparsed>,
    /// Objects and unparsed statements that found no place in the lists any more; see [`LISTED_BYTES_MAX`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

/// One object of a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name as qualified as it was written, folded as the dialect folds names. Parts are joined by dots; a part that
    /// could be misread is in double quotes. What belongs to a table by name has ` on TABLE` behind it.
    pub name: String,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What an object of a database is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ObjectKind { $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+ }

        impl ObjectKind {
            /// The kind as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(ObjectKind::$name => $text,)+ }
            }
        }
    };
}

kinds! {
    /// A way to access tables or indexes.
    AccessMethod = "access method";
    /// An aggregate function.
    Aggregate = "aggregate";
    /// A cast between types.
    Cast = "cast";
    /// A collation.
    Collation = "collation";
    /// A database.
    Database = "database";
    /// A domain over a type.
    Domain = "domain";
    /// An event of MySQL's scheduler.
    Event = "event";
    /// A trigger on events of the database itself.
    EventTrigger = "event trigger";
    /// An extension.
    Extension = "extension";
    /// A wrapper of foreign data.
    ForeignDataWrapper = "foreign data wrapper";
    /// A function. Overloads share a name.
    Function = "function";
    /// An index.
    Index = "index";
    /// A procedural language.
    Language = "language";
    /// A materialized view.
    MaterializedView = "materialized view";
    /// An operator.
    Operator = "operator";
    /// A class of operators.
    OperatorClass = "operator class";
    /// A family of operators.
    OperatorFamily = "operator family";
    /// A row-level security policy.
    Policy = "policy";
    /// A procedure.
    Procedure = "procedure";
    /// A publication.
    Publication = "publication";
    /// A table or a view: the statement does not say which.
    Relation = "relation";
    /// A role, user or group.
    Role = "role";
    /// A rewrite rule.
    Rule = "rule";
    /// A schema.
    Schema = "schema";
    /// A sequence.
    Sequence = "sequence";
    /// A foreign server.
    Server = "server";
    /// Extended statistics.
    Statistics = "statistics";
    /// A subscription.
    Subscription = "subscription";
    /// A synonym.
    Synonym = "synonym";
    /// A table.
    Table = "table";
    /// A part of text search: a configuration, dictionary, parser or template.
    TextSearch = "text search";
    /// A trigger.
    Trigger = "trigger";
    /// A type.
    Type = "type";
    /// A view.
    View = "view";
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A statement that could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unparsed {
    /// Bytes before it in the file.
    pub offset: u64,
    /// The line it begins on, from 1.
    pub line: u64,
    /// Why it could not be parsed.
    pub why: Why,
    /// Its first words, at most 60 bytes. No literals: they may be secrets. Empty where no SQL begins like that.
    pub start: String,
}

/// Why a statement could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is of no form that is known in the dialect, or what it does is known only when it runs.
    Form,
    /// A command to the client (`\i`, `.read`, `:r`, `source`), whose effect is not in the file.
    ClientCommand,
    /// A string, comment, quoted name, parenthesis, body or block of data does not end; this is the rest of the file.
    Unterminated,
    /// It is larger or deeper than what is parsed.
    TooLarge,
    /// The file is not UTF-8.
    NotUtf8,
}

/// How many bytes the lists of a pack may take, so that `pack.json` stays readable. What is over is counted.
pub const LISTED_BYTES_MAX: usize = 32 << 20;

/// What is left of [`LISTED_BYTES_MAX`].
#[derive(Clone, Debug)]
pub struct Room {
    bytes: usize,
}

/// What an entry takes beside its text: keys, indentation, numbers.
const ENTRY_BYTES: usize = 192;

impl Default for Room {
    fn default() -> Room {
        Room { bytes: LISTED_BYTES_MAX }
    }
}

impl Room {
    /// Whether an entry with this text still has a place, which is then taken.
    pub fn take(&mut self, text: &str) -> bool {
        // A control character takes six bytes in JSON.
        let needs = ENTRY_BYTES + text.bytes().map(|b| if b < 0x20 { 6 } else { 2 }).sum::<usize>();
        let fits = needs <= self.bytes;
        self.bytes -= if fits { needs } else { 0 };
        fits
    }
}

impl DdlPack {
    /// How many statements there are, and how many of them could not be parsed.
    pub fn statements(&self) -> (u64, u64) {
        let add =
            |(all, not): (u64, u64), file: &DdlFile| (all + file.statements, not + file.statements_unparsed);
        self.files.iter().fold((0, 0), add)
    }

    /// How many objects the files create, as listed.
    pub fn created(&self) -> u64 {
        self.files.iter().map(|file| file.creates.len() as u64).sum()
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
