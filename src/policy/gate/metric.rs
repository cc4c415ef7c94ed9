//! `metric`: a number against a bound.

mod prometheus;

use crate::error::Result;
use crate::finding::Code;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::policy::gate::evidence::{required, required_text};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::pointer::{Pointer, json};
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::show;
use prometheus::Series;
use serde_json::Value;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "metric",
    code: Code::GateMetric,
    holds_when: "the number is there, is a number, and is inside its bounds",
    keys: &[
        (
            "file",
            "required: JSON or Prometheus text; `{version}`, `{tag}` and `{project}` stand for the release's",
        ),
        ("pointer", "the JSON pointer to the number: `/metrics/http_req_duration/p95`"),
        (
            "series",
            "instead: the sample in Prometheus text, by its name and some or all of its labels, which must be one \
             sample only: `http_request_seconds{quantile=\"0.95\"}`",
        ),
        ("max", "the largest number that passes"),
        ("min", "the smallest number that passes"),
        ("below", "instead of `max`: the smallest number that no longer passes"),
        ("above", "instead of `min`: the largest number that does not pass yet"),
        ("baseline", "with `tolerance_percent`: the number that it is compared with"),
        ("baseline_file", "instead: a file that has it in the same place"),
        ("tolerance_percent", "how far it may be from the baseline, up or down, in percent of that"),
        (
            "exemplar",
            "with `series`: a label that an exemplar of the sample must have (OpenMetrics), such as `trace_id`",
        ),
        ("whole_file", "with `series`, true: every other line must be one of the format, too; default false"),
    ],
    example: "[[gate]]\nid = \"latency-p95\"\ncheck = \"metric\"\nfile = \"reports/{version}/k6.json\"\n\
              pointer = \"/metrics/http_req_duration/p95\"\nmax = 250\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Metric {
    file: Template,
    place: Place,
    bounds: Bounds,
    baseline: Option<(Baseline, f64)>,
}

/// Where in a file the number stands.
#[derive(Debug)]
enum Place {
    Pointer(Pointer),
    Series { series: Series, exemplar: Option<String>, whole_file: bool },
}

#[derive(Debug)]
enum Baseline {
    Number(f64),
    File(Template),
}

#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let number = |key| Ok::<_, crate::error::Error>(section.decimal(key)?.map(|number| number.value));
    let bounds =
        Bounds { min: number("min")?, max: number("max")?, above: number("above")?, below: number("below")? };
    let baseline = baseline(section)?;
    for (one, other) in [("max", "below"), ("min", "above")] {
        if let (Some(_), Some(second)) = (section.decimal(one)?, section.decimal(other)?) {
            let message = format!("`{one}` and `{other}` are both set");
            return Err(section.error(second.line, message, "keep one"));
        }
    }
    if bounds.is_none() && baseline.is_none() {
        let message = "a metric without `max`, `min` or `baseline`";
        return Err(section.error(section.line, message, "say what is good: max = 250"));
    }
    if bounds.min.zip(bounds.max).is_some_and(|(min, max)| min > max) {
        return Err(section.error(section.line, "`min` is above `max`, so no number passes", ""));
    }
    let (least, most) = (bounds.min.or(bounds.above), bounds.max.or(bounds.below));
    let is_open = bounds.above.is_some() || bounds.below.is_some();
    if is_open && least.zip(most).is_some_and(|(least, most)| least >= most) {
        return Err(section.error(section.line, "no number lies between the bounds", ""));
    }
    Ok(Arc::new(Metric {
        file: Template::required(section, "file")?,
        place: place(section)?,
        bounds,
        baseline,
    }))
}

fn place(section: &Section<'_>) -> Result<Place> {
    let series = match section.text("series")? {
        None => None,
        Some(text) => Some(Series::parse(text.value).map_err(|why| {
            let message = format!("`series` cannot be `{}`: {why}", show(text.value));
            section.error(text.line, message, "for example series = 'requests_total{code=\"500\"}'")
        })?),
    };
    let exemplar = section.text("exemplar")?;
    let whole_file = section.flag("whole_file")?;
    let line = exemplar.map(|text| text.line).or(whole_file.map(|flag| flag.line));
    if let (None, Some(line)) = (&series, line) {
        return Err(section.error(line, "`exemplar` and `whole_file` are for `series`", ""));
    }
    match (Pointer::read(section)?, series) {
        (Some(pointer), None) => Ok(Place::Pointer(pointer)),
        (None, Some(series)) => Ok(Place::Series {
            series,
            exemplar: exemplar.map(|text| text.value.to_owned()),
            whole_file: whole_file.is_some_and(|flag| flag.value),
        }),
        _ => Err(section.error(
            section.line,
            "a gate of this kind needs one of `pointer` and `series`",
            "say where the number stands: pointer = \"/p95\"",
        )),
    }
}

fn baseline(section: &Section<'_>) -> Result<Option<(Baseline, f64)>> {
    let number = section.decimal("baseline")?.map(|number| Baseline::Number(number.value));
    let file = Template::read(section, "baseline_file")?.map(Baseline::File);
    let tolerance = section.decimal("tolerance_percent")?;
    match (number, file, tolerance) {
        (None, None, None) => Ok(None),
        (Some(_), Some(_), _) => {
            Err(section.error(section.line, "`baseline` and `baseline_file` are both set", "keep one"))
        }
        (Some(baseline), _, Some(tolerance)) | (_, Some(baseline), Some(tolerance))
            if tolerance.value >= 0.0 =>
        {
            Ok(Some((baseline, tolerance.value)))
        }
        (_, _, Some(tolerance)) if tolerance.value < 0.0 => {
            Err(section.error(tolerance.line, "`tolerance_percent` is negative", ""))
        }
        (None, None, Some(tolerance)) => {
            Err(section.error(tolerance.line, "`tolerance_percent` without `baseline`", ""))
        }
        _ => Err(section.error(
            section.line,
            "a baseline without `tolerance_percent`",
            "tolerance_percent = 5",
        )),
    }
}

impl Check for Metric {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let mut read = Vec::new();
        let (detail, faults) = match self.faults(evidence, release, &mut read) {
            Ok((detail, faults)) => (detail, faults),
            Err(fault) => (String::new(), vec![fault]),
        };
        Judged::of(faults, detail).reading(read.iter().map(|document: &Arc<Document>| &**document))
    }
}

impl Metric {
    fn faults(
        &self,
        evidence: &dyn Evidence,
        release: &Release<'_>,
        read: &mut Vec<Arc<Document>>,
    ) -> Result<(String, Vec<Fault>), Fault> {
        let (place, number) = self.place.number(evidence, &self.file.path(release)?, read)?;
        let mut bounds = vec![self.bounds];
        if let Some((baseline, tolerance)) = &self.baseline {
            let baseline = match baseline {
                Baseline::Number(number) => *number,
                Baseline::File(file) => self.place.number(evidence, &file.path(release)?, read)?.1,
            };
            let off = (baseline * tolerance / 100.0).abs();
            let near = Bounds { min: Some(baseline - off), max: Some(baseline + off), ..Bounds::default() };
            bounds.push(near);
        }
        let fault = |bounds: &Bounds| {
            let expected = bounds.broken_by(number)?;
            Some(Fault::new(&place).expected(expected).actual(number))
        };
        let faults = bounds.iter().filter_map(fault).collect();
        let inside: Vec<String> =
            bounds.iter().map(Bounds::words).filter(|words| !words.is_empty()).collect();
        Ok((format!("{place} is {number}, {}", inside.join(", ")), faults))
    }
}

impl Place {
    /// The place for people, and the number there.
    fn number(
        &self,
        evidence: &dyn Evidence,
        file: &PackPath,
        read: &mut Vec<Arc<Document>>,
    ) -> Result<(String, f64), Fault> {
        let (place, number) = match self {
            Place::Pointer(pointer) => {
                let document = required(evidence, file)?;
                read.push(document.clone());
                let value = json(&document)?;
                let place = pointer.place(file.as_str());
                let value = pointer.of(file.as_str(), &value)?;
                let number = match value {
                    Value::Number(number) => number.as_f64(),
                    _ => None,
                };
                let number = number.ok_or_else(|| {
                    Fault::new(&place).expected("a number").actual(show(&value.to_string()))
                })?;
                (place, number)
            }
            Place::Series { series, exemplar, whole_file } => {
                let (document, text) = required_text(evidence, file)?;
                read.push(document);
                let fault = |wrong: prometheus::Wrong| {
                    let line = wrong.line.map_or_else(String::new, |line| format!(":{line}"));
                    Fault::new(format!("{file}{line}")).expected(wrong.expected).actual(wrong.actual)
                };
                if *whole_file {
                    prometheus::whole(&text).map_err(fault)?;
                }
                let sample = series.find(&text).map_err(fault)?;
                let place = format!("{file} {series}");
                if let Some(label) = exemplar.as_ref().filter(|label| !sample.exemplar.contains(label)) {
                    return Err(Fault::new(place)
                        .expected(format!("an exemplar with {label}"))
                        .actual("none"));
                }
                (place, sample.value)
            }
        };
        if number.is_finite() {
            Ok((place, number))
        } else {
            Err(Fault::new(place).expected("a number").actual(number))
        }
    }
}

impl Bounds {
    /// `at least 1 and below 2`
    fn words(&self) -> String {
        let bounds =
            [("at least", self.min), ("above", self.above), ("at most", self.max), ("below", self.below)];
        let words = bounds.iter().filter_map(|(words, bound)| Some(format!("{words} {}", (*bound)?)));
        words.collect::<Vec<_>>().join(" and ")
    }

    fn is_none(&self) -> bool {
        [self.min, self.max, self.above, self.below].iter().all(Option::is_none)
    }

    /// The bound that a number breaks.
    fn broken_by(&self, number: f64) -> Option<String> {
        if let Some(bound) = self.below.filter(|bound| number >= *bound) {
            return Some(format!("below {bound}"));
        }
        if let Some(bound) = self.above.filter(|bound| number <= *bound) {
            return Some(format!("above {bound}"));
        }
        let above = self.max.is_some_and(|max| number > max);
        let below = self.min.is_some_and(|min| number < min);
        match (self.min, self.max) {
            _ if !above && !below => None,
            (Some(min), Some(max)) => Some(format!("from {min} to {max}")),
            (None, Some(max)) => Some(format!("at most {max}")),
            (Some(min), None) => Some(format!("at least {min}")),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, one_fault, passes, refusal};

    const JSON: &str = "check = \"metric\"\nfile = \"m.json\"\npointer = \"/p95\"\n";
    const TEXT: &str = "check = \"metric\"\nfile = \"m.prom\"\nseries = 'req_total{code=\"500\"}'\n";

    fn json(value: &str) -> Fake {
        Fake::new().file("m.json", format!("{{\"p95\": {value}}}"))
    }

    fn text(text: &str) -> Fake {
        Fake::new().file("m.prom", text)
    }

    #[test]
    fn a_number_inside_its_bounds_holds() {
        assert_eq!(
            passes(&format!("{JSON}max = 250"), &json("250")).detail,
            "m.json#/p95 is 250, at most 250"
        );
        passes(&format!("{JSON}min = 0.995\nmax = 1"), &json("0.995"));
        passes(&format!("{JSON}baseline = 100\ntolerance_percent = 5"), &json("95.0"));
        let both = json("104").file("old.json", "{\"p95\": 100}");
        assert_eq!(
            passes(&format!("{JSON}baseline_file = \"old.json\"\ntolerance_percent = 5"), &both).read.len(),
            2
        );
        let lines = "# HELP req_total x\n# TYPE req_total counter\nreq_total{code=\"200\",m=\"a,b\"} 9 1395066363000\n\
                     req_total{m=\"q\\\"}\\\\\\n\", code=\"500\",} 1.5e1\nreq_totals{code=\"500\"} 7\n";
        let held = passes(&format!("{TEXT}max = 15"), &text(lines));
        assert_eq!(held.detail, "m.prom req_total{code=\"500\"} is 15, at most 15");
    }

    #[test]
    fn a_number_out_of_its_bounds_fails() {
        let place = "m.json#/p95";
        fails(&format!("{JSON}max = 250"), &json("250.5"), place, "at most 250", "250.5");
        fails(&format!("{JSON}min = 0.995"), &json("0.99"), place, "at least 0.995", "0.99");
        fails(&format!("{JSON}min = 1\nmax = 2"), &json("3"), place, "from 1 to 2", "3");
        let near = format!("{JSON}baseline = 100\ntolerance_percent = 5");
        fails(&near, &json("105.1"), place, "from 95 to 105", "105.1");
        fails(&near, &json("94.9"), place, "from 95 to 105", "94.9");
        fails(
            &format!("{JSON}baseline = -100\ntolerance_percent = 5"),
            &json("-94"),
            place,
            "from -105 to -95",
            "-94",
        );
        fails(
            &format!("{TEXT}max = 1"),
            &text("req_total{code=\"500\"} 2\n"),
            "m.prom req_total{code=\"500\"}",
            "at most 1",
            "2",
        );
    }

    #[test]
    fn bounds_may_exclude_themselves() {
        passes(&format!("{JSON}below = 250\nabove = 0"), &json("249.9"));
        fails(&format!("{JSON}below = 250"), &json("250"), "m.json#/p95", "below 250", "250");
        fails(&format!("{JSON}above = 0\nmax = 2"), &json("0"), "m.json#/p95", "above 0", "0");
        fails(&format!("{JSON}above = 0\nmax = 2"), &json("3"), "m.json#/p95", "at most 2", "3");
    }

    #[test]
    fn samples_have_exemplars_and_neighbours_that_are_samples() {
        let keys = format!("{TEXT}max = 9\nexemplar = 'trace_id'");
        let line = "req_total{code=\"500\"} 1 # {trace_id=\"4f\"} 0.6 1520879607.789\n";
        passes(&keys, &text(line));
        let place = "m.prom req_total{code=\"500\"}";
        fails(&keys, &text(&line.replace("trace_id", "t")), place, "an exemplar with trace_id", "none");
        fails(&keys, &text("req_total{code=\"500\"} 1\n"), place, "an exemplar with trace_id", "none");
        let whole = format!("{TEXT}max = 9\nwhole_file = true");
        passes(&whole, &text(&format!("# HELP x y\nup 1 1395066363000\n{line}")));
        for other in ["up", "up one", "9up 1", "up 1 soon", "up{a=b} 1"] {
            let fault = one_fault(&whole, &text(&format!("{line}{other}\n")));
            assert_eq!((&*fault.0, &*fault.1), ("m.prom:2", "a sample of Prometheus text"), "{other}");
        }
    }

    #[test]
    fn what_is_no_number_fails() {
        let keys = format!("{JSON}max = 250");
        let place = "m.json#/p95";
        for value in ["\"12\"", "null", "true", "[1]"] {
            fails(&keys, &json(value), place, "a number", value);
        }
        fails(&keys, &Fake::new().file("m.json", "{}"), place, "a value", "there is none");
        fails(&keys, &Fake::new(), "m.json", "a file", "it is not there");
        assert_eq!(one_fault(&keys, &json("NaN")).1, "JSON");
        assert_eq!(one_fault(&keys, &json("1e999")).1, "JSON");
        let keys = format!("{TEXT}max = 250");
        for value in ["NaN", "+Inf", "-Inf"] {
            let fault = one_fault(&keys, &text(&format!("req_total{{code=\"500\"}} {value}\n")));
            assert_eq!((&*fault.0, &*fault.1), ("m.prom req_total{code=\"500\"}", "a number"));
        }
        fails(
            &keys,
            &text("req_total{code=\"200\"} 1\n"),
            "m.prom",
            "a sample req_total{code=\"500\"}",
            "there is none",
        );
        let two = "req_total{code=\"500\",m=\"a\"} 1\nreq_total{code=\"500\",m=\"b\"} 2\n";
        fails(&keys, &text(two), "m.prom:2", "one sample req_total{code=\"500\"}", "a second one");
        for line in [
            "req_total{code=\"500\" 1",
            "req_total{code=\"500\"}",
            "req_total{code=\"500\"} one",
            "req_total{code=500} 1",
        ] {
            let fault = one_fault(&keys, &text(&format!("\n{line}\n")));
            assert_eq!((&*fault.0, &*fault.1), ("m.prom:2", "a sample of Prometheus text"), "{line}");
        }
        let no_file = format!("{JSON}baseline_file = \"old.json\"\ntolerance_percent = 5");
        fails(&no_file, &json("1"), "old.json", "a file", "it is not there");
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        for (keys, message) in [
            ("pointer = \"/a\"", "a metric without `max`, `min` or `baseline`"),
            ("max = 1", "a gate of this kind needs one of `pointer` and `series`"),
            ("max = 1\nmin = 2\npointer = \"/a\"", "`min` is above `max`, so no number passes"),
            ("max = nan", "`max` must be a number, not a float"),
            ("baseline = 1\npointer = \"/a\"", "a baseline without `tolerance_percent`"),
            ("max = 1\ntolerance_percent = 1", "`tolerance_percent` without `baseline`"),
            ("baseline = 1\ntolerance_percent = -1", "`tolerance_percent` is negative"),
            ("max = 1\nbelow = 2\npointer = \"/a\"", "`max` and `below` are both set"),
            ("min = 1\nbelow = 1\npointer = \"/a\"", "no number lies between the bounds"),
            ("max = 1\npointer = \"/a\"\nexemplar = 'x'", "`exemplar` and `whole_file` are for `series`"),
            ("max = 1\nseries = 'a{b=c}'", "`series` cannot be `a{b=c}`: a label's value stands in quotes"),
        ] {
            assert_eq!(refusal(&format!("check = \"metric\"\nfile = \"m\"\n{keys}")).1, message);
        }
    }
}
