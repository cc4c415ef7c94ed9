//! DDL files: their statements, what those create, alter, drop and refer to, and which of them could not be parsed.

mod cursor;
mod definitions;
pub mod dialect;
mod heads;
mod lex;
mod names;
pub mod objects;
pub use crate::format::ddl_order as order;
mod parse;
pub mod replay;
pub mod split;
#[cfg(test)]
mod tests;

use crate::format::ddl::{DdlFile, Dialect, Object, ObjectKind, Room, Unparsed, Why};
use crate::tree::ddl::cursor::Cursor;
use crate::tree::ddl::dialect::Rules;
use crate::tree::ddl::lex::{Lexer, What};
use crate::tree::ddl::objects::Effects;
use crate::tree::ddl::split::{Form, Statement};
use std::collections::HashSet;

/// The largest file that is read, in bytes; a larger one is unparsed as a whole.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// The longest beginning of an unparsed statement, in bytes.
const START_BYTES_MAX: usize = 60;

/// What a file does. What it lists takes its place from `room`.
pub fn read(path: &str, bytes: &[u8], dialect: Option<Dialect>, room: &mut Room) -> DdlFile {
    let Ok(text) = std::str::from_utf8(bytes) else { return unread(path, dialect, Why::NotUtf8, room) };
    let rules = dialect::rules(dialect);
    let mut reader =
        Reader { text, dialect, rules: &rules, room, file: empty(path, dialect), seen: Seen::default() };
    for statement in split::statements(text, &rules) {
        reader.statement(statement);
    }
    reader.file
}

/// A file of which nothing could be read: one statement that is not parsed.
pub fn unread(path: &str, dialect: Option<Dialect>, why: Why, room: &mut Room) -> DdlFile {
    let mut file = DdlFile { statements: 1, statements_unparsed: 1, ..empty(path, dialect) };
    match room.take("") {
        true => file.unparsed.push(Unparsed { offset: 0, line: 1, why, start: String::new() }),
        false => file.omitted += 1,
    }
    file
}

fn empty(path: &str, dialect: Option<Dialect>) -> DdlFile {
    DdlFile {
        path: path.to_owned(),
        dialect,
        statements: 0,
        statements_unparsed: 0,
        creates: Vec::new(),
        alters: Vec::new(),
        drops: Vec::new(),
        depends: Vec::new(),
        unparsed: Vec::new(),
        omitted: 0,
    }
}

/// What a statement of a text does.
fn effects(
    text: &str,
    statement: &Statement,
    dialect: Option<Dialect>,
    rules: &Rules,
) -> Result<Effects, Why> {
    let text = text.get(statement.start..statement.end).unwrap_or_default();
    match statement.form {
        Form::Torn => Err(Why::Unterminated),
        Form::Client => Err(Why::ClientCommand),
        Form::Sql => match parse::parse(text, dialect, rules) {
            Ok(trees) => Ok(objects::effects(&trees, dialect)),
            // Valid all the same, perhaps: the parser does not know every form.
            Err(Why::Form) => {
                let cursor = Cursor::new(text, dialect, rules).ok_or(Why::Form)?;
                heads::effects(cursor).ok_or(Why::Form)
            }
            Err(why) => Err(why),
        },
    }
}

struct Reader<'a> {
    text: &'a str,
    dialect: Option<Dialect>,
    rules: &'a Rules,
    room: &'a mut Room,
    file: DdlFile,
    seen: Seen,
}

/// What the lists of a file hold already.
#[derive(Default)]
struct Seen {
    /// Names of what was created so far, of whatever kind.
    created: HashSet<String>,
    /// Names of what was referred to so far.
    depends: HashSet<String>,
    lists: [HashSet<Object>; 4],
}

impl Reader<'_> {
    fn statement(&mut self, statement: Statement) {
        self.file.statements += 1;
        match effects(self.text, &statement, self.dialect, self.rules) {
            Ok(effects) => self.note(effects),
            Err(why) => self.unparsed(&statement, why),
        }
    }

    fn note(&mut self, effects: Effects) {
        let Effects { creates, alters, drops, depends } = effects;
        for object in depends {
            // Where a statement says which kind it is, it stands before the mere mention.
            let mentioned = object.kind == ObjectKind::Relation && self.seen.depends.contains(&object.name);
            if !self.seen.created.contains(&object.name) && !mentioned {
                let name = object.name.clone();
                if self.list(3, object) {
                    self.seen.depends.insert(name);
                }
            }
        }
        for object in alters {
            self.list(1, object);
        }
        for object in drops {
            self.list(2, object);
        }
        for object in creates {
            let name = object.name.clone();
            if self.list(0, object) {
                self.seen.created.insert(name);
            }
        }
    }

    /// Puts an object into one of the lists, once; whether it is new there.
    fn list(&mut self, which: usize, object: Object) -> bool {
        let lists =
            [&mut self.file.creates, &mut self.file.alters, &mut self.file.drops, &mut self.file.depends];
        let (Some(seen), Some(list)) = (self.seen.lists.get_mut(which), lists.into_iter().nth(which)) else {
            return false;
        };
        if seen.contains(&object) {
            return false;
        }
        let fits = self.room.take(&object.name);
        if fits {
            seen.insert(object.clone());
            list.push(object);
        } else {
            self.file.omitted += 1;
        }
        fits
    }

    fn unparsed(&mut self, statement: &Statement, why: Why) {
        self.file.statements_unparsed += 1;
        let text = self.text.get(statement.start..statement.end).unwrap_or_default();
        let start = if why == Why::ClientCommand { String::new() } else { beginning(text, self.rules) };
        if self.room.take(&start) {
            let (offset, line) = (statement.start as u64, statement.line);
            self.file.unparsed.push(Unparsed { offset, line, why, start });
        } else {
            self.file.omitted += 1;
        }
    }
}

/// What statements begin with. Where a string is not closed, or closed in another dialect only, a literal looks like
/// words: nothing is quoted of a statement that begins otherwise.
const BEGINNINGS: &[&str] = &[
    "ALTER", "ANALYZE", "BEGIN", "CALL", "COMMENT", "COPY", "CREATE", "DECLARE", "DELETE", "DENY", "DISABLE",
    "DO", "DROP", "ENABLE", "EXEC", "EXECUTE", "GRANT", "IF", "IMPORT", "INSERT", "LOAD", "LOCK", "MERGE",
    "PREPARE", "REASSIGN", "REFRESH", "RENAME", "REPLACE", "REVOKE", "SECURITY", "SELECT", "SET", "TRUNCATE",
    "UPDATE", "USE", "WITH",
];

/// The first words of a statement, up to the first string or number.
fn beginning(text: &str, rules: &Rules) -> String {
    let mut lexer = Lexer::new(text, rules);
    let (mut start, mut end) = (String::new(), 0);
    while let Some(token) = lexer.next(false) {
        let piece = text.get(token.start..token.end).unwrap_or_default();
        let is_first = start.is_empty();
        let begins = is_first && BEGINNINGS.iter().any(|known| piece.eq_ignore_ascii_case(known));
        let shown = matches!(token.what, What::Word | What::Quoted | What::Mark);
        let gap = usize::from(!is_first && token.start > end);
        if !shown || (is_first && !begins) || start.len() + gap + piece.len() > START_BYTES_MAX {
            break;
        }
        start.push_str(if gap == 1 { " " } else { "" });
        start.push_str(piece);
        end = token.end;
    }
    start
}
