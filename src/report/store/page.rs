//! The page of a store.

use crate::finding::Verdict;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::units::{count, number, size};
use crate::report::chart::{Curve, Mark, Span, curve, timeline};
use crate::report::checks::{checks, findings, sentence, unchecked};
use crate::report::list::{Cell, List, names, numbers, text, times};
use crate::report::shell::{Page, Place, section};
use crate::report::store::health::{Card, State};
use crate::report::store::{DrillFacts, EventFacts, StoreFacts, StoreReport};
use crate::report::words::{Tone, age, lasted, limit, minute, shown, stamp, state};
use jiff::Timestamp;
use maud::{Markup, html};

/// The page, as a file of its own.
pub fn page(report: &StoreReport<'_>, place: Place<'_>) -> String {
    let parts = parts(report, place.has_links());
    let sections: Vec<(&str, &str)> = parts.iter().map(|(id, name, _)| (*id, *name)).collect();
    let (verdict, tone) = verdict(report);
    let body = html! {
        (sentence(&verdict, tone))
        ul class="cards" { @for card in &report.cards { (self::card(card, report)) } }
        (summary(report))
        @for (id, name, part) in &parts { (section(id, name, part.clone())) }
    };
    let title =
        report.facts.project.as_deref().or(report.facts.origin.as_deref()).unwrap_or(&report.facts.store);
    Page { place, title, kind: "store", looked_at: report.facts.looked_at, sections: &sections, body }.html()
}

type Part = (&'static str, &'static str, Markup);

/// The sections; what was found comes first where something does not hold.
fn parts(report: &StoreReport<'_>, links: bool) -> Vec<Part> {
    let facts = report.facts;
    let mut parts = vec![
        ("timeline", "Timeline", events_over_time(report)),
        ("objectives", "Recovery time and point", objectives(facts, links)),
        ("coverage", "Coverage of verification", coverage(report)),
        ("archives", "Archives", archives(report, links)),
        ("prune", "What prune takes next", prune(facts)),
        ("events", "Log", events(facts, links)),
        ("checks", "Checks", checks(&facts.outcome)),
        ("unchecked", "Not checked", not_checked(facts)),
    ];
    if report.projects.len() > 1 {
        parts.insert(0, ("projects", "Projects", projects(report)));
    }
    let at = if facts.outcome.verdict == Verdict::Holds { parts.len() - 1 } else { 0 };
    parts.insert(at, ("findings", "Findings", findings(&facts.outcome)));
    parts
}

/// What the cards come to; what was never done and is not due yet is said, as nothing is known by it.
fn verdict(report: &StoreReport<'_>) -> (String, Tone) {
    let open = report.cards.iter().filter(|card| card.state == State::Never && card.is_due_later());
    let open: Vec<&str> = open.map(|card| card.name).collect();
    match report.state {
        State::Good | State::Never if open.is_empty() => {
            ("On time, and the log holds.".to_owned(), Tone::Good)
        }
        State::Good | State::Never => {
            (format!("On time, and the log holds. Not done yet: {}.", open.join(", ")), Tone::Good)
        }
        State::Late => ("Late: something was not done for too long.".to_owned(), Tone::Bad),
        State::Failed => ("Failed: something does not hold.".to_owned(), Tone::Bad),
    }
}

fn card(card: &Card, report: &StoreReport<'_>) -> Markup {
    let (word, tone) = stands(card);
    html! {
        li {
            h2 { (card.name) }
            (state(word, tone))
            @if let Some(project) = card.project.as_ref().filter(|_| report.projects.len() > 1) {
                p class="quiet" { "project " (shown(project)) }
            }
            @if let Some(at) = card.at { p { (age(at, report.at)) ", " (minute(at)) } }
            @if let Some(about) = &card.about { p class="quiet" { (shown(about)) } }
            @if !card.says.is_empty() { p class="quiet" { (card.says) } }
        }
    }
}

fn stands(card: &Card) -> (&'static str, Tone) {
    match card.state {
        State::Good if card.limit_s.is_some() => ("on time", Tone::Good),
        State::Good if card.name == "log" => ("holds", Tone::Good),
        State::Good => ("done", Tone::Good),
        State::Never if card.is_due_later() => ("not yet", Tone::Open),
        State::Never => ("never", Tone::Plain),
        State::Late if card.at.is_none() => ("never, and late", Tone::Bad),
        State::Late => ("late", Tone::Bad),
        State::Failed => ("failed", Tone::Bad),
    }
}

/// How each project stands by itself.
fn projects(report: &StoreReport<'_>) -> Markup {
    let list = List {
        what: "projects",
        columns: &[
            names("Project"),
            text("Backup"),
            text("Verification"),
            text("Drill"),
            text("Seal"),
            text("Gates"),
        ],
        rows: report.projects.len(),
    };
    let cell = |card: &Card| {
        let (word, tone) = stands(card);
        Cell::new(html! {
            (state(word, tone))
            @if let Some(at) = card.at { br; span class="quiet" { (age(at, report.at)) } }
        })
    };
    list.table(|at| {
        let one = &report.projects[at];
        let name = one.project.as_deref().map_or_else(String::new, shown);
        [Cell::new(html! { (name) })].into_iter().chain(one.cards.iter().map(cell)).collect()
    })
}

fn summary(report: &StoreReport<'_>) -> Markup {
    let (facts, limits) = (report.facts, &report.facts.limits);
    html! {
        dl class="facts" {
            dt { "Store" } dd { code { (shown(&facts.store)) } }
            dt { "Log" }
            dd {
                @match &facts.origin {
                    Some(origin) => { (shown(origin)) ", " (count_of(facts.leaves, "leaf", "leaves")) }
                    None => "none that holds",
                }
            }
            dt { "Project" } dd { (facts.project.as_deref().map_or_else(|| "all of the store".to_owned(), shown)) }
            dt { "Archives" } dd { (count(report.coverage.archives, "archive")) ", " (size(report.coverage.bytes)) }
            dt { "Limits" }
            dd {
                "backup " (limit(limits.backup_max_age_s)) ", every byte read again within " (limit(limits.verify_within_s))
                ", drill every " (limit(limits.drill_every_s)) "; by " (shown(&limits.of))
            }
        }
    }
}

/// Text that leads to the page of this name, where there is one.
fn link(links: bool, folder: &str, name: Option<&String>, text: Markup) -> Markup {
    match name.filter(|_| links) {
        Some(name) => html! { a href={ "/" (folder) "/" (name) } { (text) } },
        None => text,
    }
}

/// Where the console has the reports of such events.
fn folder(what: What) -> &'static str {
    if what == What::Drilled { "drills" } else { "verifications" }
}

fn count_of(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

/// From the first event to now; a day at least, so that a young store is not drawn as a wall.
fn span_of(facts: &StoreFacts, now: Timestamp) -> Span {
    let first = facts.events.iter().map(|event| event.time).min().unwrap_or(now);
    let day = Timestamp::from_second(now.as_second() - 86_400).unwrap_or(now);
    Span { from: first.min(day), to: now }
}

fn events_over_time(report: &StoreReport<'_>) -> Markup {
    let facts = report.facts;
    let row = |name: &'static str, noun: &str, whats: &[What]| {
        let events = facts.events.iter().filter(|event| whats.contains(&event.what));
        let marks: Vec<Mark> = events
            .map(|event| Mark { at: event.time, value: 0.0, missed: event.passed != Some(true) })
            .collect();
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
    html! {
        @if told.is_empty() {
            p { "Nothing has happened yet that the log knows of." }
        } @else {
            figure {
                figcaption { (told.join("; ")) ". A mark in the lower half of a row went well, one in the upper half failed." }
                (timeline(&rows, span_of(facts, report.at)))
            }
        }
    }
}

fn objectives(facts: &StoreFacts, links: bool) -> Markup {
    let (told, logged) = (facts.drills.len() as u64, drilled(facts));
    html! {
        @if logged == 0 {
            p { "No drill has measured them yet." }
        } @else if told < logged {
            p {
                (number(told)) " of " (count(logged, "drill")) ": the reports of the others are not here as they were signed, or are not among the newest 1,000. "
                a href="#checks" { "Checks" } " says which."
            }
        }
        @if told > 0 {
            (objective(facts, "RTO", facts.limits.rto_ms, |drill| (drill.rto_ms, drill.rto_target_ms)))
            (objective(facts, "RPO", facts.limits.rpo_ms, |drill| (drill.rpo_ms, drill.rpo_target_ms)))
            (drills(facts, links))
        }
    }
}

/// Drills that the log knows of.
fn drilled(facts: &StoreFacts) -> u64 {
    facts.events.iter().filter(|event| event.what == What::Drilled).count() as u64
}

type Measured = fn(&DrillFacts) -> (Option<u64>, u64);

fn objective(facts: &StoreFacts, name: &str, target: Option<u64>, measured: Measured) -> Markup {
    let mark = |drill: &DrillFacts| {
        let (ms, target) = measured(drill);
        let ms = ms?;
        Some(Mark { at: drill.finished_at, value: ms as f64, missed: target > 0 && ms > target })
    };
    let marks: Vec<Mark> = facts.drills.iter().filter_map(mark).collect();
    let (from, to) = (marks.first().map(|mark| mark.at), marks.last().map(|mark| mark.at));
    let missed = marks.iter().filter(|mark| mark.missed).count() as u64;
    let aimed = target.map_or("no target".to_owned(), |ms| format!("target {} (dashed)", lasted(ms)));
    let words =
        format!("{name} of {}, {aimed}, {} missed", count(marks.len() as u64, "drill"), number(missed));
    let drawn = Curve { words: &words, target: target.map(|ms| ms as f64), columns: false };
    html! {
        @if let (Some(from), Some(to)) = (from, to) {
            figure {
                figcaption { (words) }
                (curve(&drawn, &marks, Span { from, to }, |ms| lasted(ms as u64)))
            }
        } @else {
            p { (name) ": no drill has measured it." }
        }
    }
}

fn drills(facts: &StoreFacts, links: bool) -> Markup {
    let list = List {
        what: "drills",
        columns: &[names("Drilled"), text("Archive"), numbers("RTO"), numbers("RPO"), text("Result")],
        rows: facts.drills.len(),
    };
    let row = |at: usize| {
        let drill = &facts.drills[facts.drills.len() - 1 - at];
        let word = if drill.passed { state("passed", Tone::Good) } else { state("failed", Tone::Bad) };
        vec![
            Cell::new(link(links, "drills", Some(&drill.report), html! { (stamp(drill.finished_at)) })),
            Cell::new(html! { (shown(&drill.name)) }),
            measured(drill.rto_ms, drill.rto_target_ms),
            if drill.has_rpo {
                measured(drill.rpo_ms, drill.rpo_target_ms)
            } else {
                Cell::number("none", -2.0)
            },
            Cell::new(word),
        ]
    };
    list.table(row)
}

/// What was measured, and what it was held to.
fn measured(ms: Option<u64>, target: u64) -> Cell {
    let Some(ms) = ms else { return Cell::number("not measured", -1.0) };
    let against = match target {
        0 => "no target".to_owned(),
        _ if ms > target => format!("missed, target {}", lasted(target)),
        _ => format!("target {}", lasted(target)),
    };
    Cell::number(html! { (lasted(ms)) br; span class="quiet" { (against) } }, ms as f64)
}

fn coverage(report: &StoreReport<'_>) -> Markup {
    let (coverage, window) = (report.coverage, limit(report.facts.limits.verify_within_s));
    let percent = match coverage.bytes {
        0 => 0,
        bytes => u64::try_from(u128::from(coverage.bytes_verified) * 100 / u128::from(bytes)).unwrap_or(0),
    };
    html! {
        @if coverage.archives == 0 {
            p { "There is no archive to verify." }
        } @else {
            p {
                strong { (percent) " %" } " of the stored bytes were read again, and held, within the last " (window) ": "
                (size(coverage.bytes_verified)) " of " (size(coverage.bytes)) ", "
                (number(coverage.archives_verified)) " of " (count(coverage.archives, "archive")) "."
            }
            progress max="100" value=(percent) aria-label="stored bytes verified within the window" { (percent) " %" }
        }
    }
}

fn archives(report: &StoreReport<'_>, links: bool) -> Markup {
    let facts = report.facts;
    let marks: Vec<Mark> = facts
        .archives
        .iter()
        .map(|archive| Mark { at: archive.made_at, value: archive.bytes.unwrap_or(0) as f64, missed: false })
        .collect();
    let words = format!("Sizes of {}, by the time they were made", count(marks.len() as u64, "archive"));
    let drawn = Curve { words: &words, target: None, columns: true };
    let list = List {
        what: "archives",
        columns: &[names("Archive"), times("Made"), numbers("Size"), times("Read again"), times("Restored")],
        rows: facts.archives.len(),
    };
    let time = |at: Option<Timestamp>| {
        Cell::new(match at {
            Some(at) => html! { (stamp(at)) br; span class="quiet" { (age(at, report.at)) } },
            None => html! { "never" },
        })
    };
    let row = |at: usize| {
        let archive = &facts.archives[facts.archives.len() - 1 - at];
        let bytes = archive.bytes.map_or_else(|| "not known".to_owned(), size);
        vec![
            Cell::new(html! {
                (link(links, "packs", (archive.kind == Kind::Release).then_some(&archive.name), html! { (shown(&archive.name)) }))
                br; span class="quiet" { (archive.kind.as_str()) }
            }),
            Cell::new(html! { (stamp(archive.made_at)) }),
            Cell::number(bytes, archive.bytes.map_or(-1.0, |bytes| bytes as f64)),
            time(archive.verified_at),
            time(archive.drilled_at),
        ]
    };
    html! {
        @if marks.is_empty() {
            p { "No archive lies there." }
        } @else {
            figure {
                figcaption { (words) }
                (curve(&drawn, &marks, span_of(facts, report.at), |bytes| size(bytes as u64)))
            }
            (list.table(row))
        }
    }
}

fn prune(facts: &StoreFacts) -> Markup {
    let Some(next) = &facts.prune else {
        return html! { p { "Not worked out: " (shown(&facts.prune_says)) "." } };
    };
    let list = List {
        what: "deletions",
        columns: &[names("Archive"), numbers("Size"), text("Why")],
        rows: next.len(),
    };
    let row = |at: usize| {
        let one = &next[at];
        let bytes = one.bytes.map_or_else(|| "not known".to_owned(), size);
        vec![
            Cell::new(html! { (shown(&one.name)) }),
            Cell::number(bytes, one.bytes.map_or(-1.0, |bytes| bytes as f64)),
            Cell::new(html! { (shown(&one.why)) }),
        ]
    };
    html! {
        @if next.is_empty() {
            p { "Nothing, " (shown(&facts.prune_says)) "." }
        } @else {
            p { "Now, " (shown(&facts.prune_says)) ":" }
            (list.table(row))
        }
    }
}

fn events(facts: &StoreFacts, links: bool) -> Markup {
    let list = List {
        what: "leaves",
        columns: &[numbers("Leaf"), times("When"), text("What"), names("About"), text("By"), text("Said")],
        rows: facts.events.len(),
    };
    let row = |at: usize| {
        let EventFacts { index, what, name, time, passed, by, report, .. } =
            &facts.events[facts.events.len() - 1 - at];
        let said = match passed {
            Some(true) => state("passed", Tone::Good),
            Some(false) => state("failed", Tone::Bad),
            None => state("does not verify", Tone::Bad),
        };
        vec![
            Cell::number(index, *index as f64),
            Cell::new(html! { (stamp(*time)) }),
            Cell::new(link(
                links,
                folder(*what),
                report.as_ref().map(|report| &report.name),
                html! { (what.as_str()) },
            )),
            Cell::new(html! { (shown(name)) }),
            Cell::new(html! { (by.as_deref().map_or_else(|| "–".to_owned(), shown)) }),
            Cell::new(said),
        ]
    };
    html! {
        @if facts.events.is_empty() { p { "It has no leaf that holds." } } @else { (list.table(row)) }
    }
}

/// What a look at a store never covers is said here, too.
fn not_checked(facts: &StoreFacts) -> Markup {
    html! {
        p {
            "The archives themselves: no byte of them was read for this page. " code { "attestar backup-verify" }
            " reads them again, " code { "attestar drill" } " restores one."
        }
        (unchecked(&facts.outcome))
    }
}
