//! A drill as JUnit, which every CI shows: a test case for each step, each probe and each objective, and one for the whole.

use crate::format::drill_report::{
    DrillReport, DrillResult, Ended, Objective, ProbeCheck, ProbeReport, ReportedFinding, Step, StepName,
};
use crate::format::units::span;
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

/// A test case.
struct Case {
    class: String,
    name: String,
    duration_ms: u64,
    status: Ended,
    told: String,
}

/// Every step, every probe, both objectives, and what the whole came to: so a drill that failed never has a suite without
/// a failure.
fn cases(report: &DrillReport) -> Vec<Case> {
    let said = &report.objectives;
    let objectives = [objective("RTO", Some(said.rto())), objective("RPO", said.rpo())];
    let steps = report.steps.iter().map(step);
    steps.chain(report.probes.iter().map(probe)).chain(objectives).chain([whole(report)]).collect()
}

fn step(step: &Step) -> Case {
    // A drill that needs no probe has none, and one that keeps its scratch cleans nothing: JUnit calls both skipped.
    let Step { name, status, duration_ms, detail, .. } = step;
    let status = match (name, status) {
        // What stays behind is a warning here as it is in the report: the drill stands.
        (StepName::Cleanup, Ended::Failed) => Ended::Passed,
        (_, status) => *status,
    };
    case(name.as_str(), *duration_ms, status, detail.clone())
}

fn probe(probe: &ProbeReport) -> Case {
    let told =
        |check: &ProbeCheck| format!("{}: expected {}, found {}", check.name, check.expected, check.actual);
    let failed: Vec<String> =
        probe.checks.iter().filter(|check| check.status == Ended::Failed).map(told).collect();
    let class = format!("attestar.drill.{}", probe.kind);
    let (status, told) = match probe.status {
        // It was asked for: what did not run is no pass.
        Ended::Skipped => (Ended::Failed, "it did not run".to_owned()),
        status => (status, failed.join("\n")),
    };
    Case { class, name: probe.id.clone(), duration_ms: probe.duration_ms, status, told }
}

fn objective(name: &str, said: Option<Objective>) -> Case {
    let Some(Objective { target_ms, measured_ms, met }) = said else {
        return case(name, 0, Ended::Skipped, "a release has no recovery point".to_owned());
    };
    let measured = measured_ms.map_or_else(|| "not measured".to_owned(), span);
    let target = target_ms.map_or_else(|| "no target".to_owned(), |ms| format!("target {}", span(ms)));
    // How old a backup is, is no time that this suite took.
    let took = if name == "RTO" { measured_ms.unwrap_or(0) } else { 0 };
    case(name, took, if met { Ended::Passed } else { Ended::Failed }, format!("{measured}, {target}"))
}

fn whole(report: &DrillReport) -> Case {
    let told = |finding: &ReportedFinding| {
        let found = finding.actual.as_deref().map_or_else(String::new, |actual| format!(": {actual}"));
        format!("{} {}{found}", finding.code, finding.subject)
    };
    let findings: Vec<String> = report.findings.iter().map(told).collect();
    let status = match report.result {
        DrillResult::Passed => Ended::Passed,
        DrillResult::Failed => Ended::Failed,
    };
    case("result", 0, status, findings.join("\n"))
}

fn case(name: &str, duration_ms: u64, status: Ended, told: String) -> Case {
    Case { class: "attestar.drill".to_owned(), name: name.to_owned(), duration_ms, status, told }
}

fn write(writer: &mut Writer<Vec<u8>>, report: &DrillReport) -> io::Result<()> {
    let cases = cases(report);
    let number = |wanted: Ended| cases.iter().filter(|case| case.status == wanted).count().to_string();
    let took = report.finished_at.duration_since(report.started_at).as_millis();
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", "attestar drill"),
        ("tests", &*cases.len().to_string()),
        ("failures", &number(Ended::Failed)),
        ("errors", "0"),
        ("skipped", &number(Ended::Skipped)),
        ("time", &seconds(u64::try_from(took).unwrap_or(0))),
        ("timestamp", &report.started_at.to_string()),
    ]);
    suite.write_inner_content(|writer| cases.iter().try_for_each(|case| case.write(writer)))?;
    Ok(())
}

impl Case {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let time = seconds(self.duration_ms);
        let attributes = [("classname", &*self.class), ("name", &*self.name), ("time", &*time)];
        let case = writer.create_element("testcase").with_attributes(attributes);
        let told = clean(&self.told);
        match self.status {
            Ended::Passed if told.is_empty() => case.write_empty()?,
            Ended::Passed => case.write_inner_content(|writer| {
                writer.create_element("system-out").write_text_content(BytesText::new(&told))?;
                Ok(())
            })?,
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
}

/// Without what XML 1.0 cannot hold.
fn clean(text: &str) -> String {
    let holds =
        |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().filter(holds).collect()
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::drill_report::Objectives;
    use crate::format::drill_report::tests::report;

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
        assert!(text.contains(r#"<testsuite name="attestar drill" tests="5" failures="1""#), "{text}");
        assert!(text.contains("rows &lt;&amp;&gt;: expected 2 rows, found 1 row</failure>"), "{text}");
        assert_eq!(text.matches("<testcase ").count(), 5);
        assert!(text.contains(r#"<skipped message="a release has no recovery point"/>"#), "{text}");
    }

    #[test]
    fn a_scratch_that_stays_is_told_and_fails_no_suite_of_a_drill_that_passed() {
        let mut report = report();
        let step = &mut report.steps[0];
        (step.name, step.status) = (StepName::Cleanup, Ended::Failed);
        step.detail = "cannot remove /tmp/x".into();
        let text = String::from_utf8(of_drill(&report)).unwrap();
        assert!(text.contains(r#" failures="0" "#) && !text.contains("<failure"), "{text}");
        assert!(text.contains("<system-out>cannot remove /tmp/x</system-out>"), "{text}");
    }

    #[test]
    fn what_did_not_run_or_was_not_measured_is_a_failure() {
        let mut report = report();
        report.probes[0].status = Ended::Skipped;
        report.objectives = Objectives { rto_target_ms: 900_000, ..Objectives::default() };
        report.result = DrillResult::Failed;
        let text = String::from_utf8(of_drill(&report)).unwrap();
        assert!(text.contains(r#" tests="5" failures="4" "#), "{text}");
        for said in ["it did not run", "not measured, target 15 m", "not measured, no target"] {
            assert!(text.contains(&format!("<failure message=\"{said}\">")), "{said}: {text}");
        }
    }
}
