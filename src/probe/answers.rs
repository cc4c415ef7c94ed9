//! The policy's own questions, and the answers that it expects.

use crate::error::Result;
use crate::finding::{Code, Finding};
use crate::policy::probe::{Expect, Query};
use crate::probe::is_end;
use crate::probe::ledger::Ledger;

/// Compares an answer: rows as text, values parted by `|`.
fn compare(id: &str, query: &Query, rows: &[String], ledger: &mut Ledger) {
    let name = format!("query: {}", query.sql);
    let subject = format!("{id}: {}", query.sql);
    match &query.expect {
        Expect::Rows(expected) => {
            let (expected, rows) = (lines(expected), lines(rows));
            if expected == rows {
                ledger.passed(&name, told(&expected), told(&rows));
            } else {
                let finding = Finding::new(Code::QueryDiffers, subject).expected(told(&expected));
                ledger.failed(&name, finding.actual(told(&rows)));
            }
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

/// Rows as lines: a value with a line break in it is on two of them, as `psql` prints it.
fn lines(rows: &[String]) -> Vec<&str> {
    rows.iter().flat_map(|row| row.split('\n')).collect()
}

/// As it is shown. No row is another answer than one with nothing in it.
fn told(lines: &[&str]) -> String {
    match lines {
        [] => "no row".to_owned(),
        [""] => "a row with nothing in it".to_owned(),
        lines => lines.join("\n"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::answer::ROWS_MAX;

    fn found(expect: Expect, rows: &[&str]) -> Vec<String> {
        let mut ledger = Ledger::default();
        let query = Query { sql: "SELECT x".into(), expect };
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        answered("p", &query, Ok(rows), &mut ledger).unwrap();
        let texts = |finding: &Finding| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{}: {} / {}", finding.code, text(&finding.expected), text(&finding.actual))
        };
        ledger.findings.iter().map(texts).collect()
    }

    #[test]
    fn no_row_is_another_answer_than_a_row_of_nothing() {
        let rows = |rows: &[&str]| Expect::Rows(rows.iter().map(|row| (*row).to_owned()).collect());
        for same in [&[][..], &[""], &["", ""], &["a|1", "b|"], &["a\nb"]] {
            assert_eq!(found(rows(same), same), Vec::<String>::new());
        }
        assert_eq!(found(rows(&[""]), &[]), ["query-differs: a row with nothing in it / no row"]);
        assert_eq!(found(rows(&[]), &[""]), ["query-differs: no row / a row with nothing in it"]);
        assert_eq!(found(rows(&["1"]), &["1", ""]), ["query-differs: 1 / 1\n"]);
        assert_eq!(found(rows(&["a\nb"]), &["a", "b"]), Vec::<String>::new());
        assert_eq!(found(Expect::AtLeast(1), &[]).len(), 1);
    }

    #[test]
    fn a_long_answer_is_not_the_beginning_of_it() {
        let many = vec!["x"; ROWS_MAX];
        let longer = vec!["x"; ROWS_MAX + 1];
        let rows = Expect::Rows(many.iter().map(|row| (*row).to_owned()).collect());
        assert_eq!(found(rows.clone(), &many), Vec::<String>::new());
        assert_eq!(found(rows, &longer).len(), 1);
    }
}
