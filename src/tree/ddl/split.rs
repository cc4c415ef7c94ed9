//! Cuts a file into statements: where each begins and ends, and on which line.
//!
//! Between the statements lie white space, comments, separators, and the data of `COPY … FROM stdin`. One pass, no
//! recursion, nothing kept but the statement that is open.

use crate::tree::ddl::dialect::{Client, Rules};
use crate::tree::ddl::lex::{Lexer, Token, What};

/// A statement in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is.
    pub form: Form,
    /// Where it begins, in bytes: at its first word.
    pub start: usize,
    /// Where it ends: behind its last word, before the separator.
    pub end: usize,
    /// The line it begins on, from 1.
    pub line: u64,
}

/// What a statement is, before anybody has parsed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SQL.
    Sql,
    /// A command to the client.
    Client,
    /// Something in it does not end, so it is the rest of the file.
    Torn,
}

/// The statements of a text, in order.
#[derive(Clone, Debug)]
pub struct Statements<'a> {
    text: &'a str,
    rules: &'a Rules,
    lexer: Lexer<'a>,
    open: Option<Open>,
}

/// A statement that has begun.
#[derive(Clone, Debug)]
struct Open {
    start: usize,
    end: usize,
    line: u64,
    words: usize,
    /// What is being created, once that was read.
    subject: Subject,
    /// Whether the first word makes a subject: `CREATE`, and where batches are, `ALTER`.
    defines: bool,
    /// Open parentheses.
    parentheses: usize,
    /// Open bodies: `BEGIN` and `CASE` without their `END`.
    bodies: usize,
    /// `END` was read, and what it ends comes next.
    after_end: bool,
    /// `BEGIN` was read, and what it begins comes next.
    after_begin: bool,
    /// A dot was read: what follows is a name, whatever it is spelled like.
    after_dot: bool,
    /// It reaches to the end of the batch.
    whole_batch: bool,
    copy: Copy,
}

/// What is being created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Unknown,
    /// Something with a body of statements.
    Routine,
    /// Something else.
    Other,
}

/// How far `COPY … FROM stdin` was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    No,
    Began,
    From,
    Data,
}

/// How many words a statement may have before the kind of what it creates.
const WORDS_BEFORE_KIND_MAX: usize = 16;

const ROUTINES: &[&str] = &["FUNCTION", "PROCEDURE", "PROC", "TRIGGER", "EVENT", "PACKAGE"];
const OTHERS: &[&str] =
    &["TABLE", "VIEW", "INDEX", "TYPE", "SCHEMA", "DATABASE", "ROLE", "USER", "SEQUENCE", "RULE"];
const ENDED_BY_NAME: &[&str] = &["IF", "LOOP", "WHILE", "REPEAT", "FOR"];
const TRANSACTIONS: &[&str] = &["TRAN", "TRANSACTION", "DISTRIBUTED", "DIALOG", "CONVERSATION"];

/// The statements of a text.
pub fn statements<'a>(text: &'a str, rules: &'a Rules) -> Statements<'a> {
    Statements { text, rules, lexer: Lexer::new(text, rules), open: None }
}

impl Iterator for Statements<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        loop {
            let Some(token) = self.lexer.next(self.open.is_none()) else { return self.last() };
            match token.what {
                What::End => {
                    if let Some(statement) = self.ended() {
                        return Some(statement);
                    }
                    self.hold(token);
                }
                What::Batch => {
                    if let Some(open) = self.open.take() {
                        return Some(open.close(Form::Sql));
                    }
                }
                What::Client => {
                    if let Some(statement) = self.client(token) {
                        return Some(statement);
                    }
                }
                What::Torn => return Some(self.torn(token)),
                _ => self.take(token),
            }
        }
    }
}

impl Statements<'_> {
    /// A separator was read: the statement, unless it goes on behind it.
    fn ended(&mut self) -> Option<Statement> {
        let mut open = self.open.take()?;
        open.resolve_end();
        let in_parentheses = self.rules.parentheses && open.parentheses > 0;
        if in_parentheses || open.bodies > 0 || open.whole_batch {
            self.open = Some(open);
            return None;
        }
        let data_ends = open.copy != Copy::Data || self.lexer.skip_copy_data();
        if data_ends {
            return Some(open.close(Form::Sql));
        }
        Some(Statement { end: self.text.len(), ..open.close(Form::Torn) })
    }

    /// A separator inside a statement.
    fn hold(&mut self, token: Token) {
        if let Some(open) = &mut self.open {
            open.end = token.end;
        }
    }

    /// A line for the client: a statement of its own, or the end of the one that is open.
    fn client(&mut self, token: Token) -> Option<Statement> {
        let line = self.text.get(token.start..token.end).unwrap_or_default().trim_ascii_end();
        let end = token.start + line.len();
        match self.open.take() {
            None if is_aside(line, self.rules.client) => None,
            None => Some(Statement { form: Form::Client, start: token.start, end, line: token.line }),
            // `\g` and its kin send what was read so far, and may do something with the answer.
            Some(open) if self.rules.client == Client::Psql && sends(line) => {
                Some(Statement { end, ..open.close(Form::Client) })
            }
            Some(mut open) => {
                open.end = end;
                self.open = Some(open);
                None
            }
        }
    }

    fn torn(&mut self, token: Token) -> Statement {
        let (start, line) =
            self.open.take().map_or((token.start, token.line), |open| (open.start, open.line));
        Statement { form: Form::Torn, start, end: token.end, line }
    }

    /// The end of the file ends a statement too, if nothing in it is open.
    fn last(&mut self) -> Option<Statement> {
        let mut open = self.open.take()?;
        open.resolve_end();
        let torn =
            (self.rules.parentheses && open.parentheses > 0) || open.bodies > 0 || open.copy == Copy::Data;
        Some(open.close(if torn { Form::Torn } else { Form::Sql }))
    }

    /// A piece of a statement.
    fn take(&mut self, token: Token) {
        let piece = self.text.get(token.start..token.end).unwrap_or_default();
        let open = self.open.get_or_insert_with(|| Open::new(token));
        open.end = token.end;
        if token.what == What::Word && !open.after_dot {
            open.word(piece, self.rules);
        } else {
            open.after_end = open.after_end && {
                open.bodies = open.bodies.saturating_sub(1);
                false
            };
            open.after_begin = false;
            open.copy = if open.copy == Copy::From { Copy::Began } else { open.copy };
        }
        match piece {
            "(" if token.what == What::Mark => open.parentheses += 1,
            ")" if token.what == What::Mark => open.parentheses = open.parentheses.saturating_sub(1),
            _ => {}
        }
        open.after_dot = token.what == What::Mark && piece == ".";
    }
}

impl Open {
    fn new(token: Token) -> Open {
        Open {
            start: token.opening.0,
            end: token.end,
            line: token.opening.1,
            words: 0,
            subject: Subject::Unknown,
            defines: false,
            parentheses: 0,
            bodies: 0,
            after_end: false,
            after_begin: false,
            after_dot: false,
            whole_batch: false,
            copy: Copy::No,
        }
    }

    fn close(self, form: Form) -> Statement {
        Statement { form, start: self.start, end: self.end, line: self.line }
    }

    /// An `END` that nothing followed ends a body.
    fn resolve_end(&mut self) {
        if std::mem::take(&mut self.after_end) {
            self.bodies = self.bodies.saturating_sub(1);
        }
    }

    /// A word that is no name for certain.
    fn word(&mut self, piece: &str, rules: &Rules) {
        let is = |word: &str| piece.eq_ignore_ascii_case(word);
        let any = |words: &[&str]| words.iter().any(|word| piece.eq_ignore_ascii_case(word));
        let batches = rules.client == Client::Sqlcmd;
        let first = self.words == 0;
        self.words += 1;
        let ended = std::mem::take(&mut self.after_end);
        if ended && !(rules.end_words && any(ENDED_BY_NAME)) {
            self.bodies = self.bodies.saturating_sub(1);
        }
        if std::mem::take(&mut self.after_begin) && any(TRANSACTIONS) {
            self.bodies = self.bodies.saturating_sub(1);
        }
        if first {
            self.defines = is("CREATE") || (batches && is("ALTER"));
            // What follows `IF … ;` may still belong to it.
            self.whole_batch = batches && (is("IF") || is("WHILE"));
            self.copy = if rules.client == Client::Psql && is("COPY") { Copy::Began } else { Copy::No };
            self.subject = if self.defines { Subject::Unknown } else { Subject::Other };
        } else if self.subject == Subject::Unknown && self.words <= WORDS_BEFORE_KIND_MAX {
            if any(ROUTINES) {
                self.subject = Subject::Routine;
                self.whole_batch = batches;
            } else if any(OTHERS) {
                self.subject = Subject::Other;
            }
        }
        self.copy = match self.copy {
            Copy::Began if is("FROM") && self.parentheses == 0 => Copy::From,
            Copy::From if is("STDIN") => Copy::Data,
            Copy::From => Copy::Began,
            copy => copy,
        };
        let has_body = self.subject == Subject::Routine || (batches && self.subject != Subject::Unknown);
        if has_body && is("BEGIN") {
            self.bodies += 1;
            self.after_begin = batches;
        } else if has_body && is("CASE") && !ended && (batches || self.bodies > 0) {
            self.bodies += 1;
        } else if self.bodies > 0 && is("END") {
            self.after_end = true;
        }
    }
}

/// Whether a command of psql sends the statement before it.
fn sends(line: &str) -> bool {
    let name = line.split([' ', '\t', ';']).next().unwrap_or_default();
    let alone = ["\\crosstabview", "\\gdesc", "\\gexec", "\\gset", "\\gx", "\\g", "\\watch", "\\bind"];
    alone.contains(&name)
}

/// Commands of psql that change nothing but how psql itself behaves.
const PSQL_ASIDES: &[&str] = &[
    "\\a",
    "\\echo",
    "\\encoding",
    "\\pset",
    "\\q",
    "\\qecho",
    "\\quit",
    "\\restrict",
    "\\set",
    "\\t",
    "\\timing",
    "\\unrestrict",
    "\\unset",
    "\\warn",
    "\\x",
];

/// Whether a command to the client changes nothing in the database: it is no statement then.
fn is_aside(line: &str, client: Client) -> bool {
    let name = line.split([' ', '\t', ';']).next().unwrap_or_default();
    match client {
        Client::Psql => PSQL_ASIDES.contains(&name),
        Client::Mysql => name.eq_ignore_ascii_case("delimiter"),
        Client::Sqlcmd => name.eq_ignore_ascii_case(":setvar") || name.eq_ignore_ascii_case(":on"),
        Client::None | Client::Dot => false,
    }
}
