//! One statement to its syntax tree, within limits.

use crate::format::ddl::{Dialect, Why};
use crate::tree::ddl::dialect::{Rules, parser};
use crate::tree::ddl::lex::{Lexer, What};
use sqlparser::ast::Statement;
use sqlparser::parser::{Parser, ParserOptions};
use std::borrow::Cow;

/// The largest statement that is parsed, in bytes.
const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// The most pieces of a statement that is parsed: a tree takes half a KiB for each.
const PIECES_MAX: usize = 100_000;

/// The deepest that a syntax tree may get through brackets, which its parser counts.
const RECURSION_MAX: usize = 50;

/// The deepest that parentheses may nest: the parser tries each more than one way.
const PARENTHESES_MAX: usize = 24;

/// The deepest that a syntax tree could get in all, in pieces of text: `1 + 1 + 1 + …` makes a tree as deep as it is long,
/// and trees are dropped by recursion.
const DEPTH_MAX: usize = 2000;

/// The syntax trees of a statement. A batch that is one statement here may have several.
pub fn parse(text: &str, dialect: Option<Dialect>, rules: &Rules) -> Result<Vec<Statement>, Why> {
    if text.len() > STATEMENT_BYTES_MAX || is_large(text, rules) {
        return Err(Why::TooLarge);
    }
    let text = plain(text, rules);
    let options = ParserOptions {
        // T-SQL separates by what begins the next statement.
        require_semicolon_stmt_delimiter: dialect != Some(Dialect::Sqlserver),
        ..ParserOptions::default()
    };
    let parsed = Parser::new(parser(dialect))
        .with_recursion_limit(RECURSION_MAX)
        .with_options(options)
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_statements());
    match parsed {
        Ok(trees) if !trees.is_empty() => Ok(trees),
        _ => Err(Why::Form),
    }
}

/// Whether the tree could get too large, or deeper than [`DEPTH_MAX`]: the pieces since the last comma of each open
/// parenthesis, in sum.
fn is_large(text: &str, rules: &Rules) -> bool {
    let mut lexer = Lexer::new(text, rules);
    let (mut open, mut here, mut sum, mut pieces) = (Vec::new(), 0, 0, 0);
    while let Some(token) = lexer.next(false) {
        here += 1;
        pieces += 1;
        sum += 1;
        match text.get(token.start..token.end) {
            Some("(") if token.what == What::Mark => open.push(std::mem::take(&mut here)),
            Some(")") if token.what == What::Mark => {
                sum -= here;
                here = open.pop().unwrap_or_default();
            }
            Some("," | ";") => sum -= std::mem::take(&mut here),
            _ => {}
        }
        if pieces > PIECES_MAX || sum > DEPTH_MAX || open.len() > PARENTHESES_MAX {
            return true;
        }
    }
    false
}

/// The text of MySQL as the parser knows it: with what stands in conditional comments, without any comments, and with
/// every string in single quotes, as the parser wants some of them.
fn plain<'a>(text: &'a str, rules: &Rules) -> Cow<'a, str> {
    if !rules.conditional_comments || !(text.contains("/*") || text.contains('"')) {
        return Cow::Borrowed(text);
    }
    let mut lexer = Lexer::new(text, rules);
    let mut plain = String::with_capacity(text.len());
    let mut end = 0;
    while let Some(token) = lexer.next(false) {
        if token.start > end {
            plain.push(' ');
        }
        let piece = text.get(token.start..token.end).unwrap_or_default();
        match piece.strip_prefix('"').and_then(|piece| piece.strip_suffix('"')) {
            Some(inner) if token.what == What::Text => {
                plain.extend(["'", &inner.replace("\"\"", "\"").replace('\'', "\'\'"), "'"]);
            }
            _ => plain.push_str(piece),
        }
        end = token.end;
    }
    Cow::Owned(plain)
}
