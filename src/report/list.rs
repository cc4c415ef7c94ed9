//! Tables of any length. The first rows stand in the page; the rest waits in `noscript`, which costs a browser nothing but
//! its bytes. Without script it shows the rest as further tables, of which only those in sight are laid out; with script
//! the table can be searched, sorted and leafed through, and the rest is read when it is needed.

use crate::format::units::number;
use maud::{Markup, html};

/// Rows that stand in the page, and on one page of the table.
const FIRST: usize = 50;
/// Rows of each further table.
const CHUNK: usize = 500;

/// A column.
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// What is in it.
    pub holds: Holds,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What names the row.
    Name,
    /// The name of something that the row is not about.
    Other,
    /// Words.
    Text,
    /// A number: aligned at its end, sorted by `data-n`.
    Number,
    /// A moment: never broken into two lines.
    Time,
}

/// A column of words.
pub const fn text(name: &'static str) -> Column {
    Column { name, holds: Holds::Text }
}

/// A column of numbers.
pub const fn numbers(name: &'static str) -> Column {
    Column { name, holds: Holds::Number }
}

/// A column of moments.
pub const fn times(name: &'static str) -> Column {
    Column { name, holds: Holds::Time }
}

/// The column that names a row.
pub const fn names(name: &'static str) -> Column {
    Column { name, holds: Holds::Name }
}

/// A column of names of what its rows are not about.
pub const fn others(name: &'static str) -> Column {
    Column { name, holds: Holds::Other }
}

/// A cell: what is shown, and what it is sorted by where that is another thing.
pub struct Cell {
    shown: Markup,
    sorted_by: Option<f64>,
}

impl Cell {
    /// What sorts as it reads.
    pub fn new(shown: Markup) -> Cell {
        Cell { shown, sorted_by: None }
    }

    /// What sorts as a number.
    pub fn number(shown: impl maud::Render, value: f64) -> Cell {
        Cell { shown: html! { (shown) }, sorted_by: Some(value) }
    }
}

/// A table.
pub struct List<'a> {
    /// What it lists, for its caption and its search field: `components`.
    pub what: &'a str,
    /// Its columns.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub rows: usize,
}

impl List<'_> {
    /// The table, each row as `row` makes it.
    pub fn table(&self, row: impl Fn(usize) -> Vec<Cell>) -> Markup {
        let first = self.rows.min(FIRST);
        html! {
            div class="list" data-what=(self.what) data-rows=(self.rows) data-page=(FIRST) {
                (self.part(0..first, &row))
                @if self.rows > first {
                    noscript {
                        @for from in (first..self.rows).step_by(CHUNK) {
                            div class="chunk" { (self.part(from..self.rows.min(from + CHUNK), &row)) }
                        }
                    }
                }
            }
        }
    }

    fn part(&self, rows: std::ops::Range<usize>, row: &impl Fn(usize) -> Vec<Cell>) -> Markup {
        let caption = match rows.len() == self.rows {
            true if self.rows == 1 => format!("1 {}", self.what.strip_suffix('s').unwrap_or(self.what)),
            true => format!("{} {}", number(self.rows as u64), self.what),
            false => format!(
                "{} {} to {} of {}",
                self.what,
                number(rows.start as u64 + 1),
                number(rows.end as u64),
                number(self.rows as u64)
            ),
        };
        html! {
            div class="scroll" role="group" tabindex="0" aria-label=(caption) {
                table {
                    caption { (caption) }
                    thead { tr {
                        @for column in self.columns {
                            th scope="col" class=[class(column.holds)] { (column.name) }
                        }
                    } }
                    tbody { @for at in rows { tr { (self.cells(row(at))) } } }
                }
            }
        }
    }

    fn cells(&self, cells: Vec<Cell>) -> Markup {
        html! {
            @for (column, cell) in self.columns.iter().zip(cells) {
                @if column.holds == Holds::Name {
                    th scope="row" data-n=[cell.sorted_by] { (cell.shown) }
                } @else {
                    td class=[class(column.holds)] data-n=[cell.sorted_by] { (cell.shown) }
                }
            }
        }
    }
}

fn class(holds: Holds) -> Option<&'static str> {
    match holds {
        Holds::Name | Holds::Text => None,
        Holds::Other => Some("name"),
        Holds::Number => Some("number"),
        Holds::Time => Some("when"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize) -> String {
        let list = List { what: "things", columns: &[names("Thing"), numbers("Size")], rows };
        let row = |at: usize| vec![Cell::new(html! { "</noscript><b>" (at) }), Cell::number(at, at as f64)];
        list.table(row).into_string()
    }

    #[test]
    fn a_short_table_stands_in_the_page_and_a_long_one_waits() {
        assert!(!table(FIRST).contains("noscript>"));
        let long = table(FIRST + CHUNK + 1);
        assert_eq!(long.matches("<noscript>").count(), 1);
        assert_eq!(long.matches("</noscript>").count(), 1, "nothing in a row ends it");
        assert_eq!(long.matches("<tr><th scope=\"row\">").count(), FIRST + CHUNK + 1);
        assert!(long.contains("<caption>things 1 to 50 of 551</caption>"));
        assert!(long.contains("<caption>things 551 to 551 of 551</caption>"));
    }
}
