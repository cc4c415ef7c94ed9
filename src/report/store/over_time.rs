//! What happened over time, drawn: each project by itself, as what one does says nothing of another.

use crate::format::leaf::What;
use crate::format::units::{count, number, size};
use crate::report::chart::{Curve, Mark, Span, curve, timeline};
use crate::report::store::health::ProjectCards;
use crate::report::store::{ArchiveFacts, DrillFacts, EventFacts, StoreFacts, StoreReport};
use crate::report::words::{lasted, shown};
use jiff::Timestamp;
use maud::{Markup, html};
use std::cmp::Reverse;

/// Projects that are drawn; of more, those that stand worst.
const DRAWN_MAX: usize = 12;

/// Whose: `None` where there is but one.
type Whose<'a> = Option<&'a str>;

/// Backups, verifications, drills, releases and deletions.
pub fn events(report: &StoreReport<'_>) -> Markup {
    let drawn = each(report, |whose, span| timeline_of(report.facts, whose, span));
    html! {
        @match drawn {
            None => p { "Nothing has happened yet that the log knows of." },
            Some(drawn) => {
                p class="quiet" { "A mark in the lower half of a row went well, one in the upper half failed." }
                (drawn)
            }
        }
    }
}

/// What drills measured, against what was asked for.
pub fn objectives(report: &StoreReport<'_>) -> Markup {
    let facts = report.facts;
    let drawn = each(report, |whose, span| {
        let drills = facts.drills.iter().filter(|drill| is_of(whose, || drilled_by(facts, drill)));
        let drills: Vec<&DrillFacts> = drills.collect();
        let rto = |drill: &DrillFacts| (drill.rto_ms, drill.rto_target_ms);
        let rpo = |drill: &DrillFacts| (drill.rpo_ms, drill.rpo_target_ms);
        (!drills.is_empty()).then(|| {
            html! {
                (objective("RTO", facts.limits.rto_ms, &drills, rto, span))
                (objective("RPO", facts.limits.rpo_ms, &drills, rpo, span))
            }
        })
    });
    html! { @if let Some(drawn) = drawn { (drawn) } }
}

/// How large archives are.
pub fn sizes(report: &StoreReport<'_>) -> Markup {
    let drawn = each(report, |whose, span| {
        let archives = report.facts.archives.iter().filter(|it| is_of(whose, || Some(&it.project)));
        let mark = |archive: &ArchiveFacts| {
            let value = archive.bytes.unwrap_or(0) as f64;
            Mark { at: archive.made_at, value, missed: false }
        };
        let marks: Vec<Mark> = archives.map(mark).collect();
        let words = format!("Sizes of {}, by the time they were made", count(marks.len() as u64, "archive"));
        let drawn = Curve { words: &words, target: None, columns: true };
        (!marks.is_empty()).then(|| {
            html! {
                figure {
                    figcaption { (words) }
                    (curve(&drawn, &marks, span, |bytes| size(bytes as u64)))
                }
            }
        })
    });
    html! { @if let Some(drawn) = drawn { (drawn) } }
}

/// Each project that there is something to draw of, under its name where there are several, all over the same time.
fn each(report: &StoreReport<'_>, draw: impl Fn(Whose<'_>, Span) -> Option<Markup>) -> Option<Markup> {
    let span = span_of(report.facts, report.at);
    if report.projects.len() < 2 {
        return draw(None, span);
    }
    let mut projects: Vec<&ProjectCards> = report.projects.iter().collect();
    projects.sort_by_key(|project| Reverse(project.state));
    let named = projects.iter().take(DRAWN_MAX).filter_map(|project| project.project.as_deref());
    let drawn: Vec<_> = named.filter_map(|name| Some((name, draw(Some(name), span)?))).collect();
    (!drawn.is_empty()).then(|| {
        html! {
            @for (name, drawing) in drawn { h3 { (shown(name)) } (drawing) }
            @if projects.len() > DRAWN_MAX {
                p { "Of " (count(projects.len() as u64, "project")) " the " (DRAWN_MAX) " that stand worst are drawn." }
            }
        }
    })
}

fn is_of<'f>(whose: Whose<'_>, project: impl Fn() -> Whose<'f>) -> bool {
    whose.is_none() || whose == project()
}

/// Whose drill it was, as its leaf says.
fn drilled_by<'f>(facts: &'f StoreFacts, drill: &DrillFacts) -> Whose<'f> {
    let at = facts.events.binary_search_by_key(&drill.leaf, |event| event.index).ok()?;
    Some(&facts.events[at].project)
}

/// From the first event to now; a day at least, so that a young store is not drawn as a wall.
fn span_of(facts: &StoreFacts, now: Timestamp) -> Span {
    let first = facts.events.iter().map(|event| event.time).min().unwrap_or(now);
    let day = Timestamp::from_second(now.as_second() - 86_400).unwrap_or(now);
    Span { from: first.min(day), to: now }
}

fn timeline_of(facts: &StoreFacts, whose: Whose<'_>, span: Span) -> Option<Markup> {
    let row = |name: &'static str, noun: &str, whats: &[What]| {
        let is_in =
            |event: &&EventFacts| whats.contains(&event.what) && is_of(whose, || Some(&event.project));
        let mark =
            |event: &EventFacts| Mark { at: event.time, value: 0.0, missed: event.passed != Some(true) };
        let marks: Vec<Mark> = facts.events.iter().filter(is_in).map(mark).collect();
        let failed = marks.iter().filter(|mark| mark.missed).count() as u64;
        let words = format!("{}, {} failed", count(marks.len() as u64, noun), number(failed));
        (name, words, marks)
    };
    let rows = [
        row("backups", "backup", &[What::BackedUp, What::Unchanged]),
        row("verifications", "verification", &[What::Verified]),
        row("drills", "drill", &[What::Drilled]),
        row("releases", "release", &[What::Sealed]),
        row("pruned", "deletion", &[What::Pruned]),
    ];
    let told: Vec<&str> = rows.iter().filter(|row| !row.2.is_empty()).map(|row| &*row.1).collect();
    (!told.is_empty())
        .then(|| html! { figure { figcaption { (told.join("; ")) "." } (timeline(&rows, span)) } })
}

/// One objective. Without a policy it is held to what the newest drill was held to.
fn objective(
    name: &str,
    asked: Option<u64>,
    drills: &[&DrillFacts],
    measured: impl Fn(&DrillFacts) -> (Option<u64>, u64),
    span: Span,
) -> Markup {
    let mark = |drill: &&DrillFacts| {
        let (ms, target) = measured(drill);
        let ms = ms?;
        Some(Mark { at: drill.finished_at, value: ms as f64, missed: target > 0 && ms > target })
    };
    let marks: Vec<Mark> = drills.iter().filter_map(mark).collect();
    if marks.is_empty() {
        return html! { p { (name) ": no drill has measured it." } };
    }
    let own = drills.last().map(|drill| measured(drill).1).filter(|target| *target > 0);
    let target = asked.or(own);
    let missed = marks.iter().filter(|mark| mark.missed).count() as u64;
    let aimed = target.map_or("no target".to_owned(), |ms| format!("target {} (dashed)", lasted(ms)));
    let words =
        format!("{name} of {}, {aimed}, {} missed", count(marks.len() as u64, "drill"), number(missed));
    let drawn = Curve { words: &words, target: target.map(|ms| ms as f64), columns: false };
    html! {
        figure {
            figcaption { (words) }
            (curve(&drawn, &marks, span, |ms| lasted(ms as u64)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::store::health::tests::{drill, facts, now};

    const WELL: Option<bool> = Some(true);

    /// One project backs up and drills, the other's only backup failed.
    fn two() -> StoreFacts {
        let happened =
            [(What::BackedUp, 30, WELL), (What::BackedUp, 20, Some(false)), (What::Drilled, 2, WELL)];
        let mut two = facts(&happened);
        two.events[1].project = "books".into();
        two.drills = vec![DrillFacts { rto_target_ms: 900_000, ..drill(2, 5_000) }];
        two
    }

    #[test]
    fn each_project_is_drawn_by_itself() {
        let two = two();
        let (drawn, measured) =
            (events(&two.at(now())).into_string(), objectives(&two.at(now())).into_string());
        let of = |name: &str| {
            let rest = drawn.split(&format!("<h3>{name}</h3>")).nth(1).expect("it is drawn");
            rest.split("</figcaption>").next().unwrap().to_owned()
        };
        assert!(of("books").ends_with(">1 backup, 1 failed."), "{drawn}");
        assert!(of("shop").ends_with(">1 backup, 0 failed; 1 drill, 0 failed."), "{drawn}");
        assert!(measured.contains("<h3>shop</h3>") && !measured.contains("books"), "{measured}");
        let one = facts(&[(What::BackedUp, 30, WELL), (What::BackedUp, 20, Some(false))]);
        let drawn = events(&one.at(now())).into_string();
        assert!(drawn.contains(">2 backups, 1 failed.") && !drawn.contains("<h3>"), "{drawn}");
    }

    #[test]
    fn a_drill_is_held_to_the_policy_or_else_to_what_it_was_held_to() {
        let mut two = two();
        let said = |facts: &StoreFacts| objectives(&facts.at(now())).into_string();
        assert!(said(&two).contains("RTO of 1 drill, target 15 m (dashed), 0 missed"), "{}", said(&two));
        two.limits.rto_ms = Some(600_000);
        assert!(said(&two).contains("RTO of 1 drill, target 10 m (dashed), 0 missed"), "{}", said(&two));
    }

    #[test]
    fn of_too_many_projects_those_that_stand_worst_are_drawn() {
        let mut many = facts(&[(What::BackedUp, 2, WELL); 14]);
        for (at, event) in many.events.iter_mut().enumerate() {
            event.project = format!("project-{at:02}");
        }
        many.events[13].passed = Some(false);
        let drawn = events(&many.at(now())).into_string();
        assert_eq!(drawn.matches("<h3>").count(), DRAWN_MAX);
        assert!(drawn.contains("<h3>project-13</h3>") && !drawn.contains("project-12"), "{drawn}");
        assert!(drawn.contains("Of 14 projects the 12 that stand worst are drawn."), "{drawn}");
    }
}
