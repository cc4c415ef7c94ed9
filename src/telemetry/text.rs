//! Prometheus' text format, as much of it as attestar writes: gauges with labels. What was written is read back, so that
//! one file can have the values of several commands and projects.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. Written here and not by a crate, because those that
//! encode do not read, and keeping what others wrote is most of the work.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Gauges by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gauges(BTreeMap<String, Gauge>);

/// A gauge: what it means, and its values by labels, as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
struct Gauge {
    help: String,
    values: BTreeMap<String, f64>,
}

impl Gauges {
    /// Sets a value.
    pub fn set(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        let gauge = self.0.entry(name.to_owned()).or_default();
        help.clone_into(&mut gauge.help);
        gauge.values.insert(labels_text(labels), value);
    }

    /// Takes a value away: what is not known is absent, never zero.
    pub fn unset(&mut self, name: &str, labels: &[(&str, &str)]) {
        if let Some(gauge) = self.0.get_mut(name) {
            gauge.values.remove(&labels_text(labels));
            if gauge.values.is_empty() {
                self.0.remove(name);
            }
        }
    }

    /// A value, if there is one.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.0.get(name)?.values.get(&labels_text(labels)).copied()
    }

    /// The text: every gauge with its help and type.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, Gauge { help, values }) in &self.0 {
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        text
    }

    /// Reads what [`Gauges::to_text`] wrote; nothing else, so that what is damaged is not taken for a value.
    pub fn parse(text: &str) -> Option<Gauges> {
        let mut gauges = Gauges::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ")?.split_once(' ')?;
            if lines.next()? != format!("# TYPE {name} gauge") {
                return None;
            }
            let mut gauge =
                Gauge { help: help.replace("\\n", "\n").replace("\\\\", "\\"), ..Gauge::default() };
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
                gauge.values.insert(labels.to_owned(), value.parse().ok()?);
            }
            gauges.0.insert(name.to_owned(), gauge);
        }
        // Whatever is not written so is not ours: a line cut short, labels that end nowhere.
        (gauges.to_text() == text && gauges.is_well_formed()).then_some(gauges)
    }

    fn is_well_formed(&self) -> bool {
        self.0.iter().all(|(name, gauge)| {
            let is_name =
                name.starts_with("attestar_") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_name && gauge.values.keys().all(|labels| labels.starts_with('{') && labels.ends_with("\"}"))
        })
    }
}

/// `{project="shop",policy="nightly"}`
fn labels_text(labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Gauges {
        let mut gauges = Gauges::default();
        gauges.set("attestar_archive_bytes", "Size.", &[("project", "a \"b\"\\\n")], 3e12);
        gauges.set("attestar_archive_bytes", "Size.", &[("project", "c")], 0.25);
        gauges.set("attestar_drill_rto_seconds", "Time, a \\ and\nmore.", &[("project", "c")], 8.4);
        gauges
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = two().to_text();
        assert_eq!(Gauges::parse(&text).unwrap(), two());
        assert_eq!(Gauges::parse("").unwrap(), Gauges::default());
        assert!(
            text.contains("attestar_archive_bytes{project=\"a \\\"b\\\"\\\\\\n\"} 3000000000000\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_damaged_is_not_read() {
        let text = two().to_text();
        for end in 1..text.len() {
            if let Some(part) = text.get(..end).and_then(Gauges::parse) {
                assert_eq!(part.to_text(), text[..end], "only whole gauges");
            }
        }
        for (from, to) in [
            ("0.25", "0.2.5"),
            ("# TYPE", "# TIPE"),
            ("gauge", "counter"),
            ("\"c\"}", "\"c\""),
            ("attestar_a", "a"),
        ] {
            assert!(Gauges::parse(&text.replace(from, to)).is_none(), "{to}");
        }
        assert!(Gauges::parse(&format!("{text}\0")).is_none());
    }
}
