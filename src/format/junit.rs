//! A drill as JUnit, which every CI shows: a test case for each step and each probe.

use crate::format::drill_report::{DrillReport, Ended, ProbeReport, Step};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// The file.
pub fn of_drill(report: &DrillReport) -> Vec<u8> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, report).expect("memory takes it");
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    bytes
}

fn write(writer: &mut Writer<Vec<u8>>, report: &DrillReport) -> io::Result<()> {
    let statuses = || {
        let steps = report.steps.iter().map(|step| step.status);
        steps.chain(report.probes.iter().map(|probe| probe.status)).chain([objectives(report)])
    };
    let number = |wanted: Ended| statuses().filter(|status| *status == wanted).count().to_string();
    let took = report.finished_at.duration_since(report.started_at).as_millis();
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", "attestar drill"),
        ("tests", &*statuses().count().to_string()),
        ("failures", &number(Ended::Failed)),
        ("errors", "0"),
        ("skipped", &number(Ended::Skipped)),
        ("time", &seconds(u64::try_from(took).unwrap_or(0))),
        ("timestamp", &report.started_at.to_string()),
    ]);
    suite.write_inner_content(|writer| {
        report.steps.iter().try_for_each(|step| self::step(writer, step))?;
        report.probes.iter().try_for_each(|probe| self::probe(writer, probe))?;
        let said = &report.objectives;
        let told = format!(
            "RTO {} ms, target {} ms; RPO {} ms, target {} ms",
            said.rto_measured_ms, said.rto_target_ms, said.rpo_measured_ms, said.rpo_target_ms
        );
        case(writer, ("attestar.drill", "objectives"), said.rto_measured_ms, objectives(report), &told)
    })?;
    Ok(())
}

fn objectives(report: &DrillReport) -> Ended {
    if report.objectives.rto_met && report.objectives.rpo_met { Ended::Passed } else { Ended::Failed }
}

fn step(writer: &mut Writer<Vec<u8>>, step: &Step) -> io::Result<()> {
    // A drill that needs no probe has none, and one that keeps its scratch cleans nothing: JUnit calls both skipped.
    case(writer, ("attestar.drill", step.name.as_str()), step.duration_ms, step.status, &step.detail)
}

fn probe(writer: &mut Writer<Vec<u8>>, probe: &ProbeReport) -> io::Result<()> {
    let failed = probe.checks.iter().filter(|check| check.status == Ended::Failed);
    let told: Vec<String> = failed
        .map(|check| format!("{}: expected {}, found {}", check.name, check.expected, check.actual))
        .collect();
    let class = format!("attestar.drill.{}", probe.kind);
    case(writer, (&class, &probe.id), probe.duration_ms, probe.status, &told.join("\n"))
}

fn case(
    writer: &mut Writer<Vec<u8>>,
    (class, name): (&str, &str),
    duration_ms: u64,
    status: Ended,
    told: &str,
) -> io::Result<()> {
    let time = seconds(duration_ms);
    let attributes = [("classname", class), ("name", name), ("time", &*time)];
    let case = writer.create_element("testcase").with_attributes(attributes);
    let told = clean(told);
    match status {
        Ended::Passed => case.write_empty()?,
        Ended::Skipped => case.write_inner_content(|writer| {
            writer.create_element("skipped").with_attribute(("message", &*told)).write_empty()?;
            Ok(())
        })?,
        Ended::Failed => case.write_inner_content(|writer| {
            let first = told.lines().next().unwrap_or_default();
            let failure = writer.create_element("failure").with_attribute(("message", first));
            failure.write_text_content(BytesText::new(&told))?;
            Ok(())
        })?,
    };
    Ok(())
}

/// Without what XML 1.0 cannot hold.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::drill_report::tests::report;
    use crate::format::drill_report::{Ended, ProbeCheck};

    #[test]
    fn each_step_and_probe_is_a_case_and_a_failure_says_what_was_expected() {
        let mut report = report();
        let check = ProbeCheck {
            name: "rows <&>".into(),
            expected: "2 rows".into(),
            actual: "1 row\u{1b}".into(),
            status: Ended::Failed,
        };
        report.probes[0].status = Ended::Failed;
        report.probes[0].checks = vec![check];
        let text = String::from_utf8(of_drill(&report)).unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        while reader.read_event().expect("well formed") != Event::Eof {}
        assert!(text.contains(r#"<testsuite name="attestar drill" tests="3" failures="1""#), "{text}");
        assert!(text.contains("rows &lt;&amp;&gt;: expected 2 rows, found 1 row</failure>"), "{text}");
        assert_eq!(text.matches("<testcase ").count(), 3);
    }
}
