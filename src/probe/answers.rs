//! The policy's own questions, and the answers that it expects.

use crate::error::Result;
use crate::finding::{Code, Finding};
use crate::policy::probe::{Expect, Query};
use crate::probe::is_end;
use crate::probe::ledger::Ledger;

/// The most rows of an answer that are read: a question is about few things.
pub const ROWS_MAX: usize = 1000;

/// Compares an answer: rows as text, values parted by `|`.
fn compare(id: &str, query: &Query, rows: &[String], ledger: &mut Ledger) {
    let name = format!("query: {}", query.sql);
    let subject = format!("{id}: {}", query.sql);
    match &query.expect {
        Expect::Rows(expected) => {
            ledger.same(&name, Code::QueryDiffers, &subject, (expected.join("\n"), rows.join("\n")));
        }
        Expect::AtLeast(least) => {
            let found = match rows {
                [one] => one.trim().parse::<i64>().ok().filter(|number| number >= least),
                _ => None,
            };
            let (expected, actual) = (format!("at least {least}"), rows.join("\n"));
            match found {
                Some(_) => ledger.passed(&name, expected, actual),
                None => ledger.failed(
                    &name,
                    Finding::new(Code::QueryDiffers, subject).expected(expected).actual(actual),
                ),
            }
        }
    }
}

/// How many questions were asked, for the screen.
pub fn covered(queries: usize, ledger: &mut Ledger) {
    match queries {
        0 => {}
        1 => ledger.covers("1 query"),
        many => ledger.covers(format!("{many} queries")),
    }
}

/// Compares an answer, or says that there is none. An error that ends the probe is no answer.
pub fn answered(id: &str, query: &Query, answer: Result<Vec<String>>, ledger: &mut Ledger) -> Result<()> {
    match answer {
        Ok(rows) => compare(id, query, &rows, ledger),
        Err(error) if is_end(&error) => return Err(error),
        Err(error) => refused(id, query, &error.to_string(), ledger),
    }
    Ok(())
}

fn refused(id: &str, query: &Query, why: &str, ledger: &mut Ledger) {
    let finding = Finding::new(Code::QueryDiffers, format!("{id}: {}", query.sql));
    ledger.failed(&format!("query: {}", query.sql), finding.expected("an answer").actual(why));
}
