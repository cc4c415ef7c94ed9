//! Questions to a dump that came back: each answer is the whole answer to that question, and no other.

use super::databases::{LEDGER, captures, ledger};
use super::{POLICY, back_up, drill, report};
use crate::world::World;
use attestar::format::drill_report::Ended;

fn queries(of: &[(&str, &str)]) -> String {
    let each = of.iter().map(|(sql, expect)| format!("{{ sql = \"{sql}\", expect = {expect} }}"));
    format!("queries = [{}]\n", each.collect::<Vec<_>>().join(", "))
}

#[test]
fn an_answer_is_the_whole_one_and_no_other() {
    let server = ledger();
    let world = World::new();
    world.write("etc/app.toml", "port = 1\n");
    let right = queries(&[
        ("SELECT count(*) FROM t -- so many", "\"2000\""),
        ("SELECT x FROM t WHERE id < 0", "[]"),
        ("SELECT NULL", "\"\""),
        ("VALUES ('attestar: that was all'), ('x')", "[\"attestar: that was all\", \"x\"]"),
        ("WITH n AS (SELECT 1) SELECT * FROM n", "\"1\""),
        // Nobody reads its log, which a dump could fill the disk with.
        ("SHOW log_min_messages", "\"fatal\""),
    ]);
    let policy = |queries: &str| format!("{POLICY}{}{LEDGER}{queries}", captures(&server));
    world.write("attestar.toml", policy(&right));
    back_up(&world);
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
    let asked =
        report(&world).probes[0].checks.iter().filter(|check| check.name.starts_with("query: ")).count();
    assert_eq!(asked, 6);
    let wrong = [
        ("SELECT count(*) FROM t -- so many", "\"\"", "2000"),
        ("SELECT x FROM t WHERE id < 0", "\"\"", "no row"),
        ("SELECT NULL", "[]", "a row with nothing in it"),
        ("SELECT 1 /* without an end", "\"1\"", "unterminated"),
        ("SELECT repeat('x', 3000000)", "\"x\"", "answers more than is read"),
        ("SELECT n FROM generate_series(1, 2000) n", "[\"1\", \"2\"]", "1\n2\n3\n"),
        ("CREATE TABLE made (x INT)", "[]", "read-only transaction"),
    ];
    world.write("attestar.toml", policy(&queries(&wrong.map(|(sql, expect, _)| (sql, expect)))));
    drill(&world, &[]).exits(3);
    let report = report(&world);
    let differ: Vec<_> = report.findings.iter().filter(|finding| finding.code == "query-differs").collect();
    assert_eq!((differ.len(), report.findings.len()), (wrong.len(), wrong.len()), "{:#?}", report.findings);
    for ((sql, _, actual), finding) in wrong.iter().zip(differ) {
        assert!(finding.actual.as_ref().is_some_and(|text| text.contains(actual)), "{sql}: {finding:#?}");
    }
    assert_eq!(report.probes[0].status, Ended::Failed);
}
