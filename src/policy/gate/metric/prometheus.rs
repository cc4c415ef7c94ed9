//! Samples in the Prometheus text format, version 0.0.4, and with the exemplars of OpenMetrics 1.0:
//! `name{label="value"} 1.5 1395066363000`, `name_total 7 # {trace_id="4f"} 1 1395066363.0`.

use std::fmt;

/// A sample by its name and some of its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    text: String,
    name: String,
    labels: Vec<(String, String)>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its number.
    pub value: f64,
    /// The labels of its exemplar.
    pub exemplar: Vec<String>,
}

/// Why a file does not have the one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line, from 1, if it is about one.
    pub line: Option<usize>,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Series {
    /// Reads `name` or `name{label="value",…}`.
    pub fn parse(text: &str) -> Result<Series, &'static str> {
        let text = text.trim();
        let (name, labels, rest) = head(text)?;
        if !rest.trim().is_empty() {
            return Err("something stands behind the name and its labels");
        }
        Ok(Series { text: text.to_owned(), name: name.to_owned(), labels })
    }

    /// The one sample that has the name and these labels.
    pub fn find(&self, text: &str) -> Result<Sample, Wrong> {
        let mut found = None;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || !self.may_be(line) {
                continue;
            }
            let (name, labels, rest) = head(line).map_err(|why| no_sample(at, why))?;
            if name != self.name || !self.labels.iter().all(|label| labels.contains(label)) {
                continue;
            }
            let sample = sample(rest).map_err(|why| no_sample(at, why))?;
            if found.replace(sample).is_some() {
                let (expected, actual) = (format!("one sample {self}"), "a second one".to_owned());
                return Err(Wrong { line: Some(at + 1), expected, actual });
            }
        }
        let none =
            || Wrong { line: None, expected: format!("a sample {self}"), actual: "there is none".to_owned() };
        found.ok_or_else(none)
    }

    /// Whether the line begins with the name: others need no parsing.
    fn may_be(&self, line: &str) -> bool {
        let rest = line.strip_prefix(self.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', ' ', '\t']))
    }
}

/// Whether every line of a file is one of the format.
pub fn whole(text: &str) -> Result<(), Wrong> {
    let lines = text.lines().enumerate().map(|(at, line)| (at, line.trim()));
    for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        head(line).and_then(|(.., rest)| sample(rest)).map_err(|why| no_sample(at, why))?;
    }
    Ok(())
}

fn no_sample(at: usize, why: &str) -> Wrong {
    let (expected, actual) = ("a sample of Prometheus text".to_owned(), why.to_owned());
    Wrong { line: Some(at + 1), expected, actual }
}

/// What stands behind a name and its labels: the value, perhaps a time, perhaps an exemplar.
fn sample(rest: &str) -> Result<Sample, &'static str> {
    let (before, exemplar) = match rest.split_once(" # ") {
        Some((before, exemplar)) => (before, Some(exemplar)),
        None => (rest, None),
    };
    let mut words = before.split_whitespace();
    let value = number(words.next().ok_or("it has no value")?).ok_or("its value is no number")?;
    if words.next().is_some_and(|time| number(time).is_none()) || words.next().is_some() {
        return Err("what stands behind its value is no time");
    }
    let exemplar =
        match exemplar.map(|text| text.trim().strip_prefix('{').ok_or("its exemplar has no labels")) {
            None => Vec::new(),
            Some(inside) => labels(inside?)?.0.into_iter().map(|(name, _)| name).collect(),
        };
    Ok(Sample { value, exemplar })
}

/// Go's numbers, of which `NaN` and `+Inf` are read and judged elsewhere.
fn number(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eEinfINFnaNA".contains(&b));
    is_number.then(|| text.parse().ok()).flatten()
}

type Labels = Vec<(String, String)>;

/// The name, the labels, and what follows.
fn head(line: &str) -> Result<(&str, Labels, &str), &'static str> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a name is letters, digits, _ and :");
    }
    match rest.trim_start().strip_prefix('{') {
        None => Ok((name, Vec::new(), rest)),
        Some(inside) => labels(inside).map(|(labels, rest)| (name, labels, rest)),
    }
}

/// Labels up to the brace that closes them.
fn labels(text: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("the brace is not closed")?;
        let after = after.trim_start().strip_prefix('"').ok_or("a label's value stands in quotes")?;
        let (value, after) = quoted(after)?;
        labels.push((name.trim().to_owned(), value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err("the brace is not closed"),
        }
    }
}

/// A value up to its quote, in which a backslash, a quote and a line end are escaped.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, other)) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a label's value is not closed")
}
