//! What came back against what the capture recorded of the very copy.

use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, Content, Object, Table};
use crate::format::digest::Sha256;
use crate::format::units::{count, number};
use crate::probe::ledger::Ledger;
use std::collections::{BTreeMap, BTreeSet};

/// What is in a database that came back.
pub struct Back {
    /// The digest over its definitions; `None` where another version words them another way.
    pub schema_sha256: Option<Sha256>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Everything else that has a name.
    pub objects: Vec<Object>,
    /// Why contents and definitions are not compared, where they are not.
    pub incomparable: Option<String>,
    /// Those of the tables that were not brought back, but filled anew from others.
    pub refilled: BTreeSet<String>,
}

/// Both sides, the tables of each by name.
struct Sides<'a> {
    captured: &'a Captured,
    back: &'a Back,
    were: BTreeMap<Name<'a>, &'a Table>,
    are: BTreeMap<Name<'a>, &'a Table>,
}

/// What a table is called, and how many before it are called so: names of schemas have points in them, too.
type Name<'a> = (&'a str, usize);

/// Compares all of it.
pub fn compare(captured: &Captured, back: &Back, ledger: &mut Ledger) {
    let (were, are) = (by_name(&captured.tables), by_name(&back.tables));
    let sides = Sides { captured, back, were, are };
    sides.tables(ledger);
    sides.refilled(ledger);
    sides.rows(ledger);
    sides.contents(ledger);
    objects(captured, back, ledger);
    schema(captured, back, ledger);
    sides.covered(ledger);
}

/// Both sides list theirs in one order.
fn by_name(tables: &[Table]) -> BTreeMap<Name<'_>, &Table> {
    let (mut named, mut alike) = (BTreeMap::new(), BTreeMap::new());
    for table in tables {
        let before: &mut usize = alike.entry(&*table.name).or_default();
        named.insert((&*table.name, *before), table);
        *before += 1;
    }
    named
}

impl<'a> Sides<'a> {
    /// The tables of both sides: as captured, and as they came back.
    fn all_pairs(&self) -> impl Iterator<Item = (&'a Table, &'a Table)> {
        self.were.iter().filter_map(|(name, table)| Some((*table, *self.are.get(name)?)))
    }

    /// The same but for those that were filled anew, and with something else than at the time: that is no fault of the copy's.
    fn pairs(&self) -> impl Iterator<Item = (&'a Table, &'a Table)> {
        self.all_pairs().filter(|pair| !self.is_refilled(pair))
    }

    fn is_refilled(&self, (table, found): &(&Table, &Table)) -> bool {
        let differs = table.rows != found.rows
            || self.back.incomparable.is_none() && table.content.is_some() && table.content != found.content;
        differs && self.back.refilled.contains(&table.name)
    }

    /// Says of which nothing follows since they were filled anew.
    fn refilled(&self, ledger: &mut Ledger) {
        let names: Vec<&str> =
            self.all_pairs().filter(|pair| self.is_refilled(pair)).map(|(table, _)| &*table.name).collect();
        if !names.is_empty() {
            let why = "filled anew by the restore, and with something else when captured";
            ledger.skipped("materialized views", format!("{}: {why}", names.join(", ")));
        }
    }

    fn tables(&self, ledger: &mut Ledger) {
        let before = ledger.failures();
        for (name, _) in self.were.keys().filter(|name| !self.are.contains_key(*name)) {
            let finding = Finding::new(Code::ObjectMissing, subject(self.captured, name));
            ledger.failed("tables", finding.expected("a table").actual("it is not there"));
        }
        for (name, _) in self.are.keys().filter(|name| !self.were.contains_key(*name)) {
            let finding = Finding::new(Code::ObjectExtra, subject(self.captured, name));
            ledger.failed("tables", finding.expected("no table").actual("it is there"));
        }
        if ledger.failures() == before {
            ledger.passed("tables", self.captured.tables.len(), self.back.tables.len());
        }
    }

    fn rows(&self, ledger: &mut Ledger) {
        let (mut counted, mut total, before) = (0u64, 0u64, ledger.failures());
        for (table, found) in self.pairs() {
            let Some(expected) = table.rows else { continue };
            counted += 1;
            total += found.rows.unwrap_or(0);
            if found.rows != Some(expected) {
                let actual = found.rows.map_or("it cannot be counted".to_owned(), |rows| count(rows, "row"));
                let finding = Finding::new(Code::RowsDiffer, subject(self.captured, &table.name));
                ledger.failed("rows", finding.expected(count(expected, "row")).actual(actual));
            }
        }
        match (counted, ledger.failures() == before) {
            (0, true) => ledger.skipped("rows", "no table has rows that were counted"),
            (_, true) => ledger.passed("rows", count(total, "row"), count(total, "row")),
            _ => {}
        }
        let uncounted: Vec<&str> =
            self.pairs().filter(|(table, _)| table.rows.is_none()).map(|(table, _)| &*table.name).collect();
        if counted > 0 && !uncounted.is_empty() {
            let why = "could not be counted when it was captured";
            ledger.skipped("rows not recorded", format!("{}: {why}", uncounted.join(", ")));
        }
    }

    fn contents(&self, ledger: &mut Ledger) {
        if let Some(why) = &self.back.incomparable {
            return ledger.skipped("contents", why);
        }
        let (mut equal, mut uncounted, before) = (0u64, 0u64, ledger.failures());
        for (table, found) in self.pairs() {
            let (Some(expected), Some(actual)) = (&table.content, &found.content) else { continue };
            // What makes a digest another way is compared with nothing.
            if std::mem::discriminant(expected) != std::mem::discriminant(actual) {
                continue;
            }
            match (expected == actual, table.rows == found.rows) {
                (true, _) => equal += 1,
                // Another number of rows has its own finding.
                (false, false) => uncounted += 1,
                (false, true) => {
                    let finding = Finding::new(Code::ContentDiffers, subject(self.captured, &table.name));
                    ledger.failed("contents", finding.expected(told(expected)).actual(told(actual)));
                }
            }
        }
        if ledger.failures() > before {
            return;
        }
        let of =
            |some: u64| format!("{} of {}", number(some), count(self.captured.tables.len() as u64, "table"));
        match (equal, uncounted) {
            (0, 0) => ledger.skipped("contents", "no digest of a table's rows was recorded"),
            (_, 0) => ledger.passed("contents", of(equal), of(equal)),
            _ => {
                ledger.skipped("contents", format!("{} came back with another number of rows", of(uncounted)))
            }
        }
    }

    /// What is as it was captured, and of how much: a table that is missing, or has another number of rows, is not among it.
    fn covered(&self, ledger: &mut Ledger) {
        let alike: Vec<&Table> =
            self.pairs().filter(|(table, found)| table.rows == found.rows).map(|(_, found)| found).collect();
        let rows =
            |tables: &mut dyn Iterator<Item = &Table>| tables.filter_map(|table| table.rows).sum::<u64>();
        let (found, all) = (alike.len() as u64, self.captured.tables.len() as u64);
        let (counted, total) = (rows(&mut alike.into_iter()), rows(&mut self.captured.tables.iter()));
        if found == all {
            ledger.covers(count(all, "table"));
            ledger.covers(format!("{} as captured", count(total, "row")));
        } else {
            ledger.covers(format!("{} of {}", number(found), count(all, "table")));
            ledger.covers(format!("{} of {} as captured", number(counted), count(total, "row")));
        }
    }
}

/// Of a database of which nothing was recorded: its tables and rows, counted. One without a table proves nothing.
pub fn counted(tables: &[Table], subject: &str, ledger: &mut Ledger) {
    if tables.is_empty() {
        let finding = Finding::new(Code::NothingChecked, subject).expected("a table");
        return ledger.failed("tables", finding.actual("there is none"));
    }
    let rows: u64 = tables.iter().filter_map(|table| table.rows).sum();
    let uncounted: Vec<&str> =
        tables.iter().filter(|table| table.rows.is_none()).map(|table| &*table.name).collect();
    if !uncounted.is_empty() {
        ledger.skipped("rows", format!("{} cannot be counted", uncounted.join(", ")));
    }
    let (tables, rows) = (count(tables.len() as u64, "table"), count(rows, "row"));
    ledger.passed("tables", "a table", format!("{tables}, {rows}"));
    ledger.covers(tables);
    ledger.covers(format!("{rows} counted"));
}

fn objects(captured: &Captured, back: &Back, ledger: &mut Ledger) {
    let mut balance: BTreeMap<&Object, i64> = BTreeMap::new();
    captured.objects.iter().for_each(|object| *balance.entry(object).or_default() += 1);
    back.objects.iter().for_each(|object| *balance.entry(object).or_default() -= 1);
    let before = ledger.failures();
    for (object, left) in balance {
        let (code, expected, actual) = match left {
            0 => continue,
            1.. => (Code::ObjectMissing, object.kind.clone(), "it is not there".to_owned()),
            _ => (Code::ObjectExtra, format!("no {}", object.kind), "it is there".to_owned()),
        };
        let finding = Finding::new(code, subject(captured, &object.name));
        ledger.failed("objects", finding.expected(expected).actual(actual));
    }
    if ledger.failures() == before {
        ledger.passed("objects", captured.objects.len(), back.objects.len());
    }
}

fn schema(captured: &Captured, back: &Back, ledger: &mut Ledger) {
    if let Some(why) = &back.incomparable {
        return ledger.skipped("definitions", why);
    }
    let (Some(expected), Some(actual)) = (captured.schema_sha256, back.schema_sha256) else {
        return ledger.skipped("definitions", "no digest of the definitions was recorded");
    };
    let is_told = |finding: &Finding| matches!(finding.code, Code::ObjectMissing | Code::ObjectExtra);
    if expected != actual && ledger.findings.iter().any(is_told) {
        return ledger.skipped("definitions", "something is missing or extra, which is told above");
    }
    let pair = (format!("sha256 {expected}"), format!("sha256 {actual}"));
    ledger.same("definitions", Code::SchemaDiffers, &format!("captures/{}", captured.id), pair);
}

/// `captures/app: trades`
fn subject(captured: &Captured, name: &str) -> String {
    format!("captures/{}: {name}", captured.id)
}

fn told(content: &Content) -> String {
    match content {
        Content::RowsSha256(digest) => format!("sha256 {digest}"),
        Content::RowsMd5Sum(sum) => format!("sum {sum}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::capture::{CaptureKind, Form};
    use crate::format::drill_report::Ended;

    fn table(name: &str, rows: u64) -> Table {
        Table { name: name.to_owned(), rows: Some(rows), content: None }
    }

    fn told(captured: &[(&str, u64)], back: &[(&str, u64)]) -> String {
        let tables = |list: &[(&str, u64)]| list.iter().map(|(name, rows)| table(name, *rows)).collect();
        compared(tables(captured), tables(back)).covered.join(", ")
    }

    fn compared(captured: Vec<Table>, back: Vec<Table>) -> Ledger {
        compared_beside(captured, back, &[])
    }

    /// The same where these were filled anew.
    fn compared_beside(captured: Vec<Table>, back: Vec<Table>, refilled: &[&str]) -> Ledger {
        let captured = Captured {
            id: "app".into(),
            kind: CaptureKind::Sqlite,
            form: Form::File("app.db".into()),
            tool: String::new(),
            server: None,
            database: None,
            schema_sha256: None,
            tables: captured,
            objects: Vec::new(),
        };
        let (objects, refilled) = (Vec::new(), refilled.iter().map(|name| (*name).to_owned()).collect());
        let back = Back { schema_sha256: None, tables: back, objects, incomparable: None, refilled };
        let mut ledger = Ledger::default();
        compare(&captured, &back, &mut ledger);
        ledger
    }

    #[test]
    fn a_table_that_cannot_be_counted_any_more_is_told() {
        let uncounted = || Table { rows: None, ..table("f", 0) };
        let ledger = compared(vec![table("f", 2), table("t", 3)], vec![uncounted(), table("t", 3)]);
        let found = ledger.findings.first().unwrap();
        assert_eq!(ledger.findings.len(), 1);
        assert_eq!((found.code, &*found.subject), (Code::RowsDiffer, "captures/app: f"));
        assert_eq!(found.actual.as_deref(), Some("it cannot be counted"));
        assert!(ledger.checks.iter().all(|check| check.name != "rows" || check.status == Ended::Failed));
        // One that could not be counted when it was captured was not compared, and that is no pass.
        let ledger = compared(vec![uncounted()], vec![table("f", 2)]);
        assert!(ledger.findings.is_empty());
        assert!(ledger.checks.iter().any(|check| check.name == "rows" && check.status == Ended::Skipped));
        // Nor is that hidden where nothing was captured.
        let mut ledger = Ledger::default();
        super::counted(&[uncounted(), table("t", 3)], "x.db", &mut ledger);
        let skipped = ledger.checks.iter().find(|check| check.status == Ended::Skipped).unwrap();
        assert_eq!((&*skipped.name, &*skipped.actual), ("rows", "f cannot be counted"));
    }

    #[test]
    fn only_what_is_as_it_was_is_covered() {
        let captured = [("a", 1500), ("b", 20)];
        assert_eq!(told(&captured, &captured), "2 tables, 1,520 rows as captured");
        assert_eq!(
            told(&captured, &[("a", 1500), ("b", 19)]),
            "1 of 2 tables, 1,500 of 1,520 rows as captured"
        );
        assert_eq!(told(&captured, &[("b", 20), ("c", 7)]), "1 of 2 tables, 20 of 1,520 rows as captured");
        assert_eq!(told(&captured, &[]), "0 of 2 tables, 0 of 1,520 rows as captured");
        assert_eq!(told(&[], &[("c", 7)]), "0 tables, 0 rows as captured");
    }
    #[test]
    fn contents_that_differ_where_rows_do_are_no_pass() {
        let digested = |name: &str, rows, content: &str| Table {
            content: Some(Content::RowsSha256(content.to_owned())),
            ..table(name, rows)
        };
        let contents = |back: Vec<Table>| {
            let ledger = compared(vec![digested("a", 2, "1"), digested("b", 3, "2")], back);
            let codes: Vec<Code> = ledger.findings.iter().map(|finding| finding.code).collect();
            let check = ledger.checks.iter().find(|check| check.name == "contents").unwrap();
            (codes, check.status, check.actual.clone())
        };
        let same = digested("a", 2, "1");
        let (codes, status, actual) = contents(vec![same.clone(), digested("b", 3, "2")]);
        assert_eq!((codes, status, &*actual), (vec![], Ended::Passed, "2 of 2 tables"));
        let (codes, status, actual) = contents(vec![same.clone(), digested("b", 4, "9")]);
        assert_eq!((codes, status), (vec![Code::RowsDiffer], Ended::Skipped));
        assert_eq!(actual, "1 of 2 tables came back with another number of rows");
        let (codes, status, _) = contents(vec![same, digested("b", 3, "9")]);
        assert_eq!((codes, status), (vec![Code::ContentDiffers], Ended::Failed));
    }

    #[test]
    fn what_is_filled_anew_is_no_fault_where_it_differs_and_no_pass() {
        let ledger = compared_beside(
            vec![table("a", 2), table("m", 1), table("n", 5)],
            vec![table("a", 2), table("m", 9), table("n", 5)],
            &["m", "n"],
        );
        assert!(ledger.findings.is_empty(), "{:?}", ledger.findings);
        assert_eq!(ledger.covered.join(", "), "2 of 3 tables, 7 of 8 rows as captured");
        let skipped = ledger.checks.iter().find(|check| check.name == "materialized views").unwrap();
        assert!(skipped.actual.starts_with("m: filled anew"), "{}", skipped.actual);
        assert_eq!(skipped.status, Ended::Skipped);
        // Any other table is none of those.
        let ledger = compared_beside(vec![table("a", 2)], vec![table("a", 3)], &["m"]);
        assert_eq!(ledger.findings.len(), 1);
    }

    #[test]
    fn tables_of_one_name_in_two_schemas_are_two() {
        let were = || vec![table("a.b.c", 1), table("a.b.c", 2)];
        assert!(compared(were(), were()).findings.is_empty());
        let codes = |back| {
            let ledger = compared(were(), back);
            ledger.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(vec![table("a.b.c", 7), table("a.b.c", 2)]), [Code::RowsDiffer]);
        assert_eq!(codes(vec![table("a.b.c", 1)]), [Code::ObjectMissing]);
    }

    /// Each with each would be ten billion comparisons.
    #[test]
    fn many_tables_are_compared_at_once() {
        let many: Vec<Table> = (0..100_000).map(|number| table(&format!("t{number}"), 1)).collect();
        let begun = std::time::Instant::now();
        let ledger = compared(many.clone(), many);
        assert!(ledger.findings.is_empty() && begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
