//! Charts as inline SVG. The drawings stretch to whatever width there is, so they hold no text: names, bounds and targets
//! stand beside them, and each drawing says in words what it shows. What missed is larger, not only of another colour.

use crate::report::words::shown;
use jiff::Timestamp;
use maud::{Markup, html};

/// The most marks of a drawing; more are drawn together, as the worst of them.
const MARKS: usize = 240;
/// The width of a drawing, in its own units.
const WIDTH: f64 = 1000.0;
/// Its height.
const HEIGHT: f64 = 100.0;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// How much; for a timeline 0.
    pub value: f64,
    /// Whether it failed, or missed its target.
    pub missed: bool,
}

/// The time that a drawing shows.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From here.
    pub from: Timestamp,
    /// To here.
    pub to: Timestamp,
}

impl Span {
    fn x(&self, at: Timestamp) -> f64 {
        let whole = (self.to.as_second() - self.from.as_second()).max(1) as f64;
        ((at.as_second() - self.from.as_second()) as f64 / whole).clamp(0.0, 1.0) * WIDTH
    }

    fn ends(&self) -> Markup {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        html! { span { (day(self.from)) } span { (day(self.to)) " UTC" } }
    }
}

/// Rows of events over one time: what went well below the middle of its row, what failed above it. The words of a row say what its marks are: `12 backups, 1 failed`.
pub fn timeline(rows: &[(&str, String, Vec<Mark>)], span: Span) -> Markup {
    html! {
        div class="plot rows" {
            @for (name, words, marks) in rows {
                span class="name" { (name) }
                svg class="strip" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label=(words) {
                    @for (missed, class, from, to) in [(false, "mark", 55, 100), (true, "miss", 0, 45)] {
                        @let drawn = places(marks, missed, span);
                        (path(class, drawn.iter().map(|x| format!("M{x:.1},{from}V{to}"))))
                    }
                }
            }
            div class="span" { (span.ends()) }
        }
    }
}

/// How a [`curve`] is drawn.
pub struct Curve<'a> {
    /// What it shows, in words.
    pub words: &'a str,
    /// What is to be kept to.
    pub target: Option<f64>,
    /// Columns instead of a line.
    pub columns: bool,
}

/// Values over time, and the line they are to stay below.
pub fn curve(curve: &Curve<'_>, marks: &[Mark], span: Span, told: impl Fn(f64) -> String) -> Markup {
    let marks = merged(marks, span);
    let most = marks.iter().map(|mark| mark.value).chain(curve.target).fold(0.0, f64::max).max(1.0);
    let y = |value: f64| HEIGHT - value / most * HEIGHT * 0.94;
    let points: Vec<String> =
        marks.iter().map(|mark| format!("{:.1},{:.1}", span.x(mark.at), y(mark.value))).collect();
    html! {
        div class="plot" {
            span class="most" { (told(most)) }
            span class="least" { "0" }
            svg class="tall drawn" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label=(shown(curve.words)) {
                @if let Some(target) = curve.target {
                    line class="target" x1="0" x2="1000" y1=(format!("{:.1}", y(target))) y2=(format!("{:.1}", y(target))) {}
                }
                @if !curve.columns { polyline class="line" points=(points.join(" ")) {} }
                @let at = |mark: &Mark| (span.x(mark.at), y(mark.value));
                @if curve.columns {
                    (path("bar", marks.iter().map(at).map(|(x, y)| format!("M{x:.1},{y:.1}V100"))))
                } @else {
                    @let (missed, met): (Vec<Mark>, Vec<Mark>) = marks.iter().partition(|mark| mark.missed);
                    (path("point", met.iter().map(at).map(|(x, y)| format!("M{x:.1},{y:.1}h0"))))
                    (path("point miss", missed.iter().map(at).map(|(x, y)| format!("M{:.1},{y:.1}h8", x - 4.0))))
                }
            }
            div class="span" { (span.ends()) }
        }
    }
}

/// Marks of one kind as one element: a page of many projects has thousands of them.
fn path(class: &str, marks: impl Iterator<Item = String>) -> Markup {
    let drawn: String = marks.collect();
    html! { @if !drawn.is_empty() { path class=(class) d=(drawn) {} } }
}

/// Where marks of one kind stand.
fn places(marks: &[Mark], missed: bool, span: Span) -> Vec<f64> {
    let some: Vec<Mark> = marks.iter().filter(|mark| mark.missed == missed).copied().collect();
    merged(&some, span).iter().map(|mark| span.x(mark.at)).collect()
}

/// At most [`MARKS`] marks: those that would lie on each other become the worst of them.
fn merged(marks: &[Mark], span: Span) -> Vec<Mark> {
    let mut marks = marks.to_vec();
    marks.sort_by_key(|mark| mark.at);
    if marks.len() <= MARKS {
        return marks;
    }
    let place = |mark: &Mark| (span.x(mark.at) / WIDTH * MARKS as f64) as u64;
    let worst = |run: &[Mark]| {
        let value = run.iter().map(|mark| mark.value).fold(0.0, f64::max);
        Mark { at: run[0].at, value, missed: run.iter().any(|mark| mark.missed) }
    };
    marks.chunk_by(|a, b| place(a) == place(b)).map(worst).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn many_marks_become_few_and_none_that_missed_is_lost() {
        let marks: Vec<Mark> =
            (0..10_000).map(|n| Mark { at: at(n), value: n as f64, missed: n == 4_321 }).collect();
        let merged = merged(&marks, Span { from: at(0), to: at(10_000) });
        assert!(merged.len() <= MARKS + 1, "{}", merged.len());
        assert_eq!(merged.iter().filter(|mark| mark.missed).count(), 1);
        assert_eq!(merged.last().unwrap().value, 9_999.0);
    }

    #[test]
    fn what_lies_outside_is_drawn_at_the_edge() {
        let span = Span { from: at(100), to: at(100) };
        assert_eq!((span.x(at(50)), span.x(at(500))), (0.0, WIDTH));
    }
}
