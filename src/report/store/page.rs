//! The page of a store.

use crate::finding::Verdict;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::units::{count, number, size};
use crate::report::checks::{checks, findings, sentence, unchecked};
use crate::report::list::{Cell, List, names, numbers, others, text, times};
use crate::report::shell::{Page, Place, section};
use crate::report::store::health::{Card, State};
use crate::report::store::{CoverageFacts, EventFacts, StoreFacts, StoreReport, over_time};
use crate::report::words::{Tone, age, lasted, limit, minute, shown, stamp, state};
use jiff::Timestamp;
use maud::{Markup, html};

/// The page, as a file of its own.
pub fn page(report: &StoreReport<'_>, place: Place<'_>) -> String {
    let parts = parts(report, place.has_links());
    let sections: Vec<(&str, &str)> = parts.iter().map(|(id, name, _)| (*id, *name)).collect();
    let (verdict, tone) = match (verdict(report), place) {
        ((seen, Tone::Good), Place::Console { trouble: Some(_) }) => {
            (format!("When it was seen last: {seen}"), Tone::Open)
        }
        (verdict, _) => verdict,
    };
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
    let known = |part: Markup| match facts.origin {
        Some(_) => part,
        None => html! { p { "Not known, as no log holds." } },
    };
    let mut parts = vec![
        ("timeline", "Timeline", known(over_time::events(report))),
        ("objectives", "Recovery time and point", known(objectives(report, links))),
        ("coverage", "Coverage of verification", known(coverage(report))),
        ("archives", "Archives", known(archives(report, links))),
        ("prune", "What prune takes next", prune(facts)),
        ("events", "Log", known(events(facts, links))),
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
            @if let Some(project) = whose(card, report) {
                p class="quiet" { "project " (shown(project)) }
            }
            @if let Some(at) = card.at { p { (age(at, report.at)) ", " (minute(at)) } }
            @if let Some(about) = &card.about { p class="quiet" { (shown(about)) } }
            @if !card.says.is_empty() { p class="quiet" { (card.says) } }
        }
    }
}

/// The project that a card is of, where it could be another's too.
fn whose<'c>(card: &'c Card, report: &StoreReport<'_>) -> Option<&'c String> {
    let is_of_all = card.at.is_none() && card.limit_s.is_none();
    card.project.as_ref().filter(|_| report.projects.len() > 1 && !is_of_all)
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
        State::Failed if card.at.is_none() => ("not known", Tone::Bad),
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
            numbers("Read again"),
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
        let coverage = report.facts.coverage(one.project.as_deref(), report.at);
        let percent = match coverage.archives {
            0 => Cell::number("–", -1.0),
            _ => Cell::number(format!("{} %", percent(&coverage)), percent(&coverage) as f64),
        };
        let cards = one.cards.iter().map(cell);
        [Cell::new(html! { (name) })].into_iter().chain(cards).chain([percent]).collect()
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
            dt { "Archives" }
            dd {
                @match facts.origin {
                    Some(_) => { (count(report.coverage.archives, "archive")) ", " (size(report.coverage.bytes)) }
                    None => "not known",
                }
            }
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

fn objectives(report: &StoreReport<'_>, links: bool) -> Markup {
    let facts = report.facts;
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
            (over_time::objectives(report))
            (drills(facts, links))
        }
    }
}

/// Drills that the log knows of.
fn drilled(facts: &StoreFacts) -> u64 {
    facts.events.iter().filter(|event| event.what == What::Drilled).count() as u64
}

fn drills(facts: &StoreFacts, links: bool) -> Markup {
    let list = List {
        what: "drills",
        columns: &[names("Drilled"), others("Archive"), numbers("RTO"), numbers("RPO"), text("Result")],
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

/// How much of the bytes was read again, rounded down: all of them are 100 %, and nothing less.
fn percent(coverage: &CoverageFacts) -> u64 {
    match coverage.bytes {
        0 => 0,
        bytes => u64::try_from(u128::from(coverage.bytes_verified) * 100 / u128::from(bytes)).unwrap_or(0),
    }
}

fn coverage(report: &StoreReport<'_>) -> Markup {
    let (coverage, window) = (report.coverage, limit(report.facts.limits.verify_within_s));
    let percent = percent(&coverage);
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
        @if facts.archives.is_empty() {
            p { "No archive lies there." }
        } @else {
            (over_time::sizes(report))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::store::health::tests::{facts, now};

    #[test]
    fn without_a_log_that_holds_nothing_is_said_to_be_none() {
        let unknown = StoreFacts { origin: None, ..facts(&[]) };
        let page = page(&unknown.at(now()), Place::File);
        for said in
            ["No archive", "no archive", "0 archives", "Nothing has happened", "No drill", "It has no leaf"]
        {
            assert!(!page.contains(said), "{said}: {page}");
        }
        assert_eq!(page.matches("Not known, as no log holds.").count(), 5, "{page}");
    }

    #[test]
    fn what_cannot_be_looked_at_any_more_is_not_green() {
        let facts = facts(&[(What::BackedUp, 1, Some(true))]);
        let of = |trouble| page(&facts.at(now()), Place::Console { trouble });
        assert!(of(None).contains("<p class=\"verdict good\">On time"));
        let page = of(Some((now(), "it is gone")));
        assert!(page.contains("<p class=\"verdict open\">When it was seen last: On time"), "{page}");
    }
}
