//! SARIF 2.1.0 (OASIS), as far as a gate needs it: runs, results, and what makes a result count.

use crate::policy::gate::judged::Fault;
use crate::policy::values::show;
use serde_json::Value;

/// How much a result weighs: section 3.27.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It weighs nothing.
    None,
    /// Something to know.
    Note,
    /// A problem.
    Warning,
    /// A serious problem.
    Error,
}

impl Level {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    fn named(name: &str) -> Option<Level> {
        let all = [Level::None, Level::Note, Level::Warning, Level::Error];
        all.into_iter().find(|level| level.as_str() == name)
    }
}

/// What a report says.
#[derive(Debug, Default)]
pub struct Log {
    /// How many runs are in it.
    pub scans: u64,
    /// Results that were suppressed, and count nowhere else.
    pub suppressed: u64,
    /// The others.
    pub results: Vec<Found>,
    /// What makes the report none that could prove anything.
    pub faults: Vec<Fault>,
}

/// One result.
#[derive(Debug)]
pub struct Found {
    /// How much it weighs.
    pub level: Level,
    /// The rule it breaks, by its id.
    pub rule: String,
    /// The file and line that it is about.
    pub place: String,
    /// Where it stands in the report.
    pub pointer: String,
}

impl Log {
    /// Reads a report.
    pub fn of(file: &str, value: &Value) -> Result<Log, Fault> {
        match value.get("version").and_then(Value::as_str) {
            Some("2.1.0") => {}
            other => {
                let actual = format!("version {}", show(other.unwrap_or("none")));
                return Err(Fault::new(file).expected("SARIF 2.1.0").actual(actual));
            }
        }
        let runs = items(value, "runs");
        if runs.is_empty() {
            return Err(Fault::new(format!("{file}#/runs")).expected("a scan").actual("there is none"));
        }
        let mut log = Log { scans: runs.len() as u64, ..Log::default() };
        for (at, run) in runs.iter().enumerate() {
            log.add_run(file, &format!("/runs/{at}"), run);
        }
        Ok(log)
    }

    fn add_run(&mut self, file: &str, pointer: &str, run: &Value) {
        for (at, invocation) in items(run, "invocations").iter().enumerate() {
            if invocation.get("executionSuccessful").and_then(Value::as_bool) != Some(true) {
                let fault = Fault::new(format!("{file}#{pointer}/invocations/{at}"));
                self.faults.push(fault.expected("a scan that ran to its end").actual("it did not"));
            }
        }
        // Section 3.14.23: without the list the run did not look for anything.
        let Some(results) = run.get("results").and_then(Value::as_array) else {
            let fault = Fault::new(format!("{file}#{pointer}/results"));
            self.faults.push(fault.expected("a list of results").actual("there is none"));
            return;
        };
        let rules = Rules::of(run);
        for (at, result) in results.iter().enumerate() {
            let pointer = format!("{pointer}/results/{at}");
            if result.get("baselineState").and_then(Value::as_str) == Some("absent") {
                continue;
            }
            if is_suppressed(result) {
                self.suppressed += 1;
                continue;
            }
            let (rule, default) = rules.of_result(result);
            match level(result, default) {
                Ok(level) => self.results.push(Found { level, rule, place: place(result), pointer }),
                Err(other) => {
                    let fault = Fault::new(format!("{file}#{pointer}/level"));
                    self.faults.push(fault.expected("error, warning, note or none").actual(show(&other)));
                }
            }
        }
    }
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Section 3.27.23: there are suppressions, and none is under review or rejected.
fn is_suppressed(result: &Value) -> bool {
    let suppressions = items(result, "suppressions");
    let counts = |one: &Value| matches!(one.get("status").and_then(Value::as_str), None | Some("accepted"));
    !suppressions.is_empty() && suppressions.iter().all(counts)
}

/// Section 3.27.10: a result that is no failure weighs nothing; else its own level, its rule's, or warning.
fn level(result: &Value, default: Option<&str>) -> Result<Level, String> {
    if !matches!(result.get("kind").and_then(Value::as_str), None | Some("fail")) {
        return Ok(Level::None);
    }
    let own = match result.get("level") {
        None => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(other) => return Err(other.to_string()),
    };
    let name = own.or(default).unwrap_or("warning");
    Level::named(name).ok_or_else(|| name.to_owned())
}

/// The rules of a run: those of the driver.
struct Rules<'v>(&'v [Value]);

impl<'v> Rules<'v> {
    fn of(run: &'v Value) -> Rules<'v> {
        Rules(run.pointer("/tool/driver").map_or(&[], |driver| items(driver, "rules")))
    }

    /// The rule's id as it is shown, and its default level.
    fn of_result(&self, result: &'v Value) -> (String, Option<&'v str>) {
        let index = result.get("ruleIndex").or_else(|| result.pointer("/rule/index")).and_then(Value::as_u64);
        let by_index = index.and_then(|at| self.0.get(usize::try_from(at).ok()?));
        let id = result.get("ruleId").or_else(|| result.pointer("/rule/id")).and_then(Value::as_str);
        // Section 3.27.5: an id may go on behind a slash.
        let has_id = |rule: &&Value| {
            let named = rule.get("id").and_then(Value::as_str);
            named.zip(id).is_some_and(|(named, id)| {
                id.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let rule = by_index.or_else(|| self.0.iter().find(has_id));
        let id = id.or_else(|| rule?.get("id")?.as_str());
        let level = rule.and_then(|rule| rule.pointer("/defaultConfiguration/level")?.as_str());
        (show(id.unwrap_or("a rule without an id")), level)
    }
}

fn place(result: &Value) -> String {
    let location = items(result, "locations").first().and_then(|location| location.get("physicalLocation"));
    let uri = location.and_then(|location| location.pointer("/artifactLocation/uri")?.as_str());
    let line = location.and_then(|location| location.pointer("/region/startLine")?.as_u64());
    match (uri, line) {
        (Some(uri), Some(line)) => format!("{}:{line}", show(uri)),
        (Some(uri), None) => show(uri),
        (None, _) => "no place".to_owned(),
    }
}
