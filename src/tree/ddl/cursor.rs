//! Reads a statement word by word, where the parser does not know its form.

use crate::format::ddl::Dialect;
use crate::tree::ddl::dialect::{Rules, fold};
use crate::tree::ddl::lex::{Lexer, Token, What};
use crate::tree::ddl::names::join;

/// A place in a statement.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    dialect: Option<Dialect>,
    tokens: Vec<Token>,
    at: usize,
}

/// The most pieces that a statement may have to be read here: its head is what counts.
const PIECES_MAX: usize = 50_000;

impl<'a> Cursor<'a> {
    /// The beginning of a statement; `None` if something in it does not end, or its parentheses do not match.
    pub fn new(text: &'a str, dialect: Option<Dialect>, rules: &Rules) -> Option<Cursor<'a>> {
        let mut lexer = Lexer::new(text, rules);
        let mut tokens = Vec::new();
        let mut open = 0_usize;
        while let Some(token) = lexer.next(false) {
            let piece = text.get(token.start..token.end)?;
            match (token.what, piece) {
                (What::Torn | What::Client | What::Batch, _) => return None,
                (What::Mark, "(") => open += 1,
                (What::Mark, ")") => open = open.checked_sub(1)?,
                _ => {}
            }
            tokens.push(token);
            if tokens.len() > PIECES_MAX {
                return None;
            }
        }
        (open == 0).then_some(Cursor { text, dialect, tokens, at: 0 })
    }

    /// The dialect of the statement.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    fn token(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// What stands here, as written; nothing at the end.
    fn piece(&self) -> &'a str {
        self.token().and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default()
    }

    /// Whether the statement ends here.
    pub fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Whether this word stands here.
    pub fn is(&self, word: &str) -> bool {
        self.token().is_some_and(|token| token.what == What::Word) && self.piece().eq_ignore_ascii_case(word)
    }

    /// Goes past this word, if it stands here.
    pub fn word(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    /// Goes past these words, separated by spaces, if they all stand here.
    pub fn words(&mut self, words: &str) -> bool {
        let before = self.at;
        let all = words.split(' ').all(|word| self.word(word));
        self.at = if all { self.at } else { before };
        all
    }

    /// Goes past the first of these that stands here.
    pub fn any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|words| self.words(words))
    }

    /// Goes past this character, if it stands here.
    pub fn mark(&mut self, mark: &str) -> bool {
        let is = self.token().is_some_and(|token| token.what == What::Mark) && self.piece() == mark;
        self.at += usize::from(is);
        is
    }

    /// Goes past a string, if one stands here.
    pub fn text(&mut self) -> bool {
        let is = self.token().is_some_and(|token| token.what == What::Text);
        self.at += usize::from(is);
        is
    }

    /// A name with its qualification.
    pub fn name(&mut self) -> Option<String> {
        let mut parts = vec![self.part()?];
        while self.mark(".") {
            parts.push(self.part()?);
        }
        Some(join(parts.iter().map(String::as_str)))
    }

    /// The name of a column, without the column.
    pub fn table_of_column(&mut self) -> Option<String> {
        let mut parts = vec![self.part()?];
        while self.mark(".") {
            parts.push(self.part()?);
        }
        parts.pop();
        (!parts.is_empty()).then(|| join(parts.iter().map(String::as_str)))
    }

    fn part(&mut self) -> Option<String> {
        let piece = self.piece();
        let part = match self.token()?.what {
            What::Word => fold(self.dialect, piece, false),
            What::Quoted => {
                let close = piece.chars().next_back()?;
                let inner = piece.get(1..piece.len().checked_sub(1)?)?;
                fold(self.dialect, &inner.replace(&format!("{close}{close}"), &close.to_string()), true)
            }
            _ => return None,
        };
        self.at += 1;
        Some(part)
    }

    /// An operator with its qualification: the characters up to a parenthesis or a word.
    pub fn operator(&mut self) -> Option<String> {
        let mut name = String::new();
        while let Some(token) = self.token().filter(|token| token.what != What::Text) {
            let qualifies = token.what != What::Mark;
            if self.piece() == "(" || (qualifies && !name.is_empty() && !name.ends_with('.')) {
                break;
            }
            name.push_str(self.piece());
            self.at += 1;
        }
        (!name.is_empty()).then_some(name)
    }

    /// Goes past something in parentheses; whether it stands here. Gives what is between them, in single spaces.
    pub fn parentheses(&mut self) -> Option<String> {
        if !self.mark("(") {
            return None;
        }
        let (mut depth, mut inner) = (1_usize, Vec::new());
        while depth > 0 {
            let token = self.token()?;
            match (token.what, self.piece()) {
                (What::Mark, "(") => depth += 1,
                (What::Mark, ")") => depth -= 1,
                _ => {}
            }
            inner.push(self.piece());
            self.at += 1;
        }
        inner.pop();
        Some(inner.join(" "))
    }

    /// Goes on until one of these stands here, outside of parentheses, and past it; whether there is one.
    pub fn seek(&mut self, words: &[&str]) -> bool {
        while !self.is_end() {
            if self.any(words) {
                return true;
            }
            if self.parentheses().is_none() {
                self.at += 1;
            }
        }
        false
    }

    /// Whether one of these stands anywhere from here on, in parentheses or not.
    pub fn has(&self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        while !ahead.is_end() {
            if ahead.any(words) {
                return true;
            }
            ahead.at += 1;
        }
        false
    }

    /// Whether one of these stands anywhere behind the piece that stands here.
    pub fn is_followed_by(&self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        ahead.at += 1;
        ahead.has(words)
    }

    /// Goes on until this word stands here, in parentheses or not, and past it; whether it does anywhere.
    pub fn seek_anywhere(&mut self, word: &str) -> bool {
        while !self.is_end() {
            if self.word(word) {
                return true;
            }
            self.at += 1;
        }
        false
    }

    /// Whether a list in parentheses stands here whose entries each begin with a word or a name; the last may be empty.
    pub fn is_list(&self) -> bool {
        let mut ahead = self.clone();
        if !ahead.mark("(") {
            return false;
        }
        loop {
            if !ahead.token().is_some_and(|token| matches!(token.what, What::Word | What::Quoted)) {
                return false;
            }
            while !matches!(ahead.piece(), "," | ")" | "") {
                if ahead.parentheses().is_none() {
                    ahead.at += 1;
                }
            }
            if !ahead.mark(",") {
                return ahead.mark(")");
            }
            if ahead.mark(")") {
                return true;
            }
        }
    }
}
