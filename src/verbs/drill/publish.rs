//! The report of a drill where it belongs: on this host, in the store, signed; and a leaf of the log.

use crate::error::{Error, Result};
use crate::evidence::receipt::SUFFIX;
use crate::format::digest::Sha256;
use crate::format::drill_report::{DrillReport, DrillResult, FILE};
use crate::format::junit;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::statement::{Statement, Subject};
use crate::format::test_result::{self, Drill, TestResult};
use crate::log::append::{Appended, Record};
use crate::pipeline::whole_file;
use crate::report::drill::page;
use crate::store::ObjectName;
use crate::verbs::drill::{Drilled, Request};
use std::fs;
use std::path::PathBuf;

/// The name of the JUnit report.
const JUNIT: &str = "drill_report.junit.xml";

/// The name of the page to look at.
const PAGE: &str = "drill_report.html";

/// Writes everything: here first, then into the store, the log last. What fails here is told in [`Drilled::written`], what
/// fails at the store in [`Drilled::logged`]: neither keeps the report from the other place.
pub(super) fn publish(
    request: &Request<'_>,
    (mut drilled, kind, name, file): (Drilled, Kind, String, Option<String>),
) -> Drilled {
    let report = drilled.report.to_bytes();
    let statement = statement(request, &drilled.report, &report, (kind, &name, file.as_deref()));
    let bundle = request.key.sign_statement(&statement).to_bytes();
    let files = [
        (FILE.to_owned(), report),
        (format!("{FILE}{SUFFIX}"), bundle.clone()),
        (JUNIT.to_owned(), junit::of_drill(&drilled.report)),
        (PAGE.to_owned(), page(&drilled.report).into_bytes()),
    ];
    drilled.written = write(request, &files, &mut drilled.files);
    let folder = DrillReport::folder(request.project, drilled.report.started_at, &drilled.report.drill_id);
    drilled.logged = keep(request, &folder, &files, statement, bundle);
    drilled
}

/// On this host; the paths of what was written.
fn write(request: &Request<'_>, files: &[(String, Vec<u8>)], paths: &mut Vec<PathBuf>) -> Result<()> {
    fs::create_dir_all(request.out).map_err(Error::io("create", request.out))?;
    for (file, bytes) in files {
        let path = request.out.join(file);
        whole_file::replace(&path, |out| out.write_all(bytes))?;
        paths.push(path);
    }
    Ok(())
}

fn statement(
    request: &Request<'_>,
    report: &DrillReport,
    bytes: &[u8],
    (kind, name, file): (Kind, &str, Option<&str>),
) -> Statement<TestResult> {
    let archive =
        Sha256::from_hex(&report.archive.sha256).map(|digest| Subject::new(file.unwrap_or(name), digest));
    let subjects = archive.into_iter().chain([Subject::new(FILE, Sha256::of(bytes))]);
    let result = match report.result {
        DrillResult::Passed => test_result::Result::Passed,
        DrillResult::Failed => test_result::Result::Failed,
    };
    let said = TestResult {
        result,
        configuration: vec![Subject::new("policy.toml", request.policy.sha256)],
        drill: Drill {
            project: request.project.to_owned(),
            kind,
            name: name.to_owned(),
            drill_id: report.drill_id.clone(),
            finished_at: report.finished_at,
        },
    };
    Statement::new(subjects.collect(), said)
}

/// Into the store, and then into its log.
fn keep(
    request: &Request<'_>,
    folder: &str,
    files: &[(String, Vec<u8>)],
    statement: Statement<TestResult>,
    bundle: Vec<u8>,
) -> Result<Appended> {
    for (file, bytes) in files {
        request.store.create(&ObjectName::new(&format!("{folder}/{file}"))?, bytes)?;
    }
    let said = &statement.predicate;
    let record = Record::of(What::Drilled, &said.drill.name, said, said.drill.finished_at, bundle);
    request.log.append(&[record])
}
