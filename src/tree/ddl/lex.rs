//! The words of a SQL file, as its dialect cuts them: just enough to see where strings, comments and names end.
//!
//! Everything that SQL gives a meaning to is ASCII, so bytes are looked at, and every cut lies between characters.

use crate::tree::ddl::dialect::{Client, Rules};

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string.
    Text,
    /// A number.
    Number,
    /// One other character.
    Mark,
    /// The end of a statement: `;`, or what `DELIMITER` says.
    End,
    /// The end of a batch: `GO`.
    Batch,
    /// A line for the client.
    Client,
    /// Something that does not end; the rest of the file.
    Torn,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub what: What,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The line it begins on, from 1.
    pub line: u64,
    /// Where a statement begins that begins with this piece, and on which line: before the marks of conditional comments
    /// that stand in front of it.
    pub opening: (usize, u64),
}

/// Cuts a text.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    rules: &'a Rules,
    at: usize,
    line: u64,
    /// Nothing but white space was on this line so far.
    line_start: bool,
    delimiter: &'a [u8],
    /// Inside `/*! … */`.
    in_conditional: bool,
}

/// The longest delimiter that is taken up; one compares with it at every place.
const DELIMITER_BYTES_MAX: usize = 16;

impl<'a> Lexer<'a> {
    /// Begins at the beginning; a byte order mark is passed over.
    pub fn new(text: &'a str, rules: &'a Rules) -> Lexer<'a> {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let bytes = text.as_bytes();
        Lexer { bytes, rules, at, line: 1, line_start: true, delimiter: b";", in_conditional: false }
    }

    /// The next piece. `between` says that no statement has begun: some clients listen only then.
    pub fn next(&mut self, between: bool) -> Option<Token> {
        let mut opening = None;
        loop {
            if let Some(torn) = self.skip() {
                return Some(torn);
            }
            let here = (self.at, self.line);
            if !self.is_conditional_mark() {
                break;
            }
            opening = if self.in_conditional { opening.or(Some(here)) } else { None };
        }
        let first = *self.rest().first()?;
        let (start, line) = (self.at, self.line);
        let (what, length) = self.client(between).unwrap_or_else(|| self.piece(first));
        let end = (start + length).min(self.bytes.len());
        if what == What::Client {
            self.take_delimiter(start, end);
        }
        self.advance(end);
        Some(Token { what, start, end, line, opening: opening.unwrap_or((start, line)) })
    }

    /// Passes over the data behind `COPY … FROM stdin;`, with the line `\.`; whether there was one.
    pub fn skip_copy_data(&mut self) -> bool {
        self.advance(self.at + line_length(self.rest()));
        while self.at < self.bytes.len() {
            let begin = self.at + 1;
            let length = line_length(self.bytes.get(begin..).unwrap_or_default());
            let data = self.bytes.get(begin..begin + length).unwrap_or_default();
            self.advance(begin + length);
            if data.trim_ascii_end() == b"\\." {
                return true;
            }
        }
        false
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes to `end`, counting lines.
    fn advance(&mut self, end: usize) {
        let passed = self.bytes.get(self.at..end).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.line_start = passed.last() == Some(&b'\n');
        self.at = end;
    }

    /// Passes over white space and comments; gives a comment that does not end.
    fn skip(&mut self) -> Option<Token> {
        loop {
            let rest = self.rest();
            match rest.first()? {
                b'\n' => {
                    self.line += 1;
                    self.line_start = true;
                    self.at += 1;
                }
                byte if byte.is_ascii_whitespace() || *byte == 0x0b => self.at += 1,
                _ if self.is_line_comment(rest) => self.at += line_length(rest),
                b'/' if rest.starts_with(b"/*") && !self.begins_conditional(rest) => {
                    let (start, line) = (self.at, self.line);
                    let length = comment_length(rest, self.rules.nested_comments);
                    self.advance(start + length.unwrap_or(rest.len()));
                    if length.is_none() {
                        let opening = (start, line);
                        return Some(Token { what: What::Torn, start, end: self.at, line, opening });
                    }
                }
                _ => return None,
            }
        }
    }

    fn is_line_comment(&self, rest: &[u8]) -> bool {
        let dashes = rest.starts_with(b"--");
        let spaced = rest.get(2).is_none_or(|byte| *byte <= b' ');
        (dashes && (spaced || !self.rules.dash_needs_space))
            || (self.rules.hash_comments && rest.starts_with(b"#"))
    }

    fn begins_conditional(&self, rest: &[u8]) -> bool {
        self.rules.conditional_comments && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!"))
    }

    /// Passes over the beginning and the end of a conditional comment, whose content counts.
    fn is_conditional_mark(&mut self) -> bool {
        let rest = self.rest();
        if self.begins_conditional(rest) {
            let mark = rest.iter().position(|&byte| byte == b'!').map_or(0, |at| at + 1);
            let version = rest.iter().skip(mark).take(6).take_while(|byte| byte.is_ascii_digit()).count();
            self.at += mark + version;
            self.in_conditional = true;
        } else if self.in_conditional && rest.starts_with(b"*/") {
            self.at += 2;
            self.in_conditional = false;
        } else {
            return false;
        }
        true
    }

    /// A line that the client keeps to itself. The line is measured only where it could be one: else a long line would
    /// be measured at each of its words.
    fn client(&self, between: bool) -> Option<(What, usize)> {
        let rest = self.rest();
        let lettered = || rest.get(1).is_some_and(u8::is_ascii_alphabetic);
        let line = || rest.get(..line_length(rest)).unwrap_or_default();
        let is_command = match self.rules.client {
            Client::None => false,
            Client::Psql => rest.starts_with(b"\\"),
            Client::Mysql => between && self.line_start && is_mysql_command(line()),
            Client::Dot => between && self.line_start && rest.starts_with(b".") && lettered(),
            Client::Sqlcmd if self.line_start && is_go(line()) => return Some((What::Batch, line().len())),
            Client::Sqlcmd => between && self.line_start && rest.starts_with(b":") && lettered(),
        };
        is_command.then(|| (What::Client, line().len()))
    }

    /// Notes what `DELIMITER x` says.
    fn take_delimiter(&mut self, start: usize, end: usize) {
        let line = self.bytes.get(start..end).unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        if self.rules.client == Client::Mysql
            && words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"delimiter"))
            && let Some(delimiter) = words.next().filter(|word| word.len() <= DELIMITER_BYTES_MAX)
        {
            self.delimiter = delimiter;
        }
    }

    /// The piece that begins here, with its length.
    fn piece(&self, first: u8) -> (What, usize) {
        let rest = self.rest();
        let rules = self.rules;
        let torn =
            |what, length: Option<usize>| length.map_or((What::Torn, rest.len()), |length| (what, length));
        if rest.starts_with(self.delimiter) {
            return (What::End, self.delimiter.len());
        }
        match first {
            b'\'' => torn(What::Text, quoted_length(rest, b'\'', rules.backslash)),
            b'"' if rules.double_quotes_text => torn(What::Text, quoted_length(rest, b'"', true)),
            b'"' => torn(What::Quoted, quoted_length(rest, b'"', false)),
            b'`' if rules.backticks => torn(What::Quoted, quoted_length(rest, b'`', false)),
            b'[' if rules.brackets => torn(What::Quoted, quoted_length(rest, b']', false)),
            b'E' | b'e' if rules.escape_strings && rest.get(1) == Some(&b'\'') => {
                let inner = rest.get(1..).unwrap_or_default();
                torn(What::Text, quoted_length(inner, b'\'', true).map(|length| length + 1))
            }
            b'$' if rules.dollar_quotes => match dollar_tag(rest) {
                Some(tag) => torn(What::Text, dollar_length(rest, tag)),
                None => (What::Mark, 1),
            },
            b'0'..=b'9' => {
                (What::Number, self.run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'.'))
            }
            _ if self.is_word_start(first) => (What::Word, self.run(rest, |byte| self.is_word_part(byte))),
            _ => (What::Mark, 1),
        }
    }

    fn is_word_start(&self, byte: u8) -> bool {
        let sign = self.rules.signs_in_words && matches!(byte, b'@' | b'#');
        byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 || sign
    }

    fn is_word_part(&self, byte: u8) -> bool {
        self.is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
    }

    /// How far bytes of a kind go; a delimiter of the file's own choice ends them too.
    fn run(&self, rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
        let own = self.delimiter != b";";
        let ends = |at: usize| own && rest.get(at..).is_some_and(|rest| rest.starts_with(self.delimiter));
        (1..rest.len())
            .find(|&at| !rest.get(at).is_some_and(|&byte| belongs(byte)) || ends(at))
            .unwrap_or(rest.len())
    }
}

/// How far it is to the end of the line, without the LF.
fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

/// The length of a comment, if it ends.
fn comment_length(rest: &[u8], nested: bool) -> Option<usize> {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 {
        let here = rest.get(at..at + 2)?;
        match here {
            b"*/" => (at, depth) = (at + 2, depth - 1),
            b"/*" if nested => (at, depth) = (at + 2, depth + 1),
            _ => at += 1,
        }
    }
    Some(at)
}

/// The length of something in quotes, if it ends; the closing quote doubled stands for itself.
fn quoted_length(rest: &[u8], close: u8, backslash: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        let byte = *rest.get(at)?;
        let doubled = byte == close && rest.get(at + 1) == Some(&close);
        if doubled || (backslash && byte == b'\\') {
            at += 2;
        } else if byte == close {
            return Some(at + 1);
        } else {
            at += 1;
        }
    }
}

/// `$$` or `$tag$`, if the text begins with one.
fn dollar_tag(rest: &[u8]) -> Option<&[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let name = rest.get(1..)?.iter().take_while(|byte| is_part(byte)).count();
    let starts_with_digit = rest.get(1).is_some_and(u8::is_ascii_digit);
    (rest.get(name + 1) == Some(&b'$') && !starts_with_digit).then(|| rest.get(..name + 2))?
}

/// The length of a string in dollar quotes, if it ends. Linear: a tag ends with the dollar that it began with, so it
/// cannot overlap itself.
fn dollar_length(rest: &[u8], tag: &[u8]) -> Option<usize> {
    let mut at = tag.len();
    loop {
        at += rest.get(at..)?.iter().position(|&byte| byte == b'$')?;
        if rest.get(at..)?.starts_with(tag) {
            return Some(at + tag.len());
        }
        at += 1;
    }
}

/// Whether the mysql client takes the line for itself.
fn is_mysql_command(line: &[u8]) -> bool {
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"delimiter") || word.eq_ignore_ascii_case(b"source") || word == b"\\."
}

/// Whether a line is `GO`, with or without a number and a comment.
fn is_go(line: &[u8]) -> bool {
    let Some((word, rest)) = line.split_at_checked(2) else { return false };
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let behind = rest.get(digits..).unwrap_or_default().trim_ascii();
    let apart = line.get(2).is_none_or(u8::is_ascii_whitespace);
    word.eq_ignore_ascii_case(b"go")
        && apart
        && (behind.is_empty() || behind.starts_with(b"--") || behind == b";")
}
