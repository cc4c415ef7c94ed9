//! What differs, as a terminal sees it: a section each, long lists cut.

use crate::cli::screen::{count, number, safe, size};
use attestar::evidence::changes::components::{ComponentChange, ComponentEvent, Components, LicenceChange};
use attestar::evidence::changes::ddl::{Ddl, DdlFileEvent, ObjectEvent};
use attestar::evidence::changes::files::{EntryType, FileChange, FileEvent, FileState};
use attestar::evidence::changes::policy::{Settings, differ};
use attestar::evidence::changes::{Both, Changes};
use std::fmt::Write as _;

/// How many changes of a section are shown.
const SHOWN: usize = 20;
/// Up to which length subjects get details beside each other.
const SUBJECT_COLUMNS: usize = 32;
/// How wide a screen is.
const COLUMNS: usize = 80;

/// All sections.
pub fn text(changes: &Changes) -> String {
    let mut text = String::new();
    files(&mut text, changes);
    ddl(&mut text, &changes.ddl);
    components(&mut text, &changes.components);
    licences(&mut text, &changes.components);
    settings(&mut text, &changes.settings);
    text
}

/// The last line: how much differs.
pub fn summary(changes: &Changes) -> String {
    let mut parts = Vec::new();
    let mut part = |number: usize, noun: &str| {
        if number > 0 {
            parts.push(count(number as u64, noun));
        }
    };
    part(changes.files.len(), "file");
    part(changes.ddl.objects.len(), "database object");
    part(changes.ddl.files.len(), "DDL file to look at");
    part(changes.components.changes.len(), "component");
    part(changes.components.licences.len(), "licence");
    let settings = &changes.settings;
    let others = [
        (!settings.policy_sha256.is_same(), "policy"),
        (differ(&settings.project), "project"),
        (differ(&settings.version), "version"),
    ];
    parts.extend(others.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name.to_owned()));
    if parts.is_empty() { "no differences".to_owned() } else { format!("differ: {}", parts.join(", ")) }
}

/// A change on the screen: what happened, to what, and what is to be said of it.
struct Line {
    /// Stands before the first of its kind.
    group: String,
    event: &'static str,
    subject: String,
    detail: Option<String>,
}

/// A section: its name, its counts, and the first lines of it.
fn section(text: &mut String, name: &str, counts: &str, lines: impl ExactSizeIterator<Item = Line>) {
    let _ = writeln!(text, "{name:<12} {counts}");
    let (total, mut group) = (lines.len(), String::new());
    let lines: Vec<Line> = lines.take(SHOWN).collect();
    let widths = lines.iter().map(|line| line.subject.chars().count());
    let width = widths.filter(|&width| width <= SUBJECT_COLUMNS).max().unwrap_or(0);
    for line in lines {
        let shown = if line.group == group { "" } else { &*line.group };
        let subject = if line.detail.is_some() { format!("{:<width$}", line.subject) } else { line.subject };
        let start = format!("  {shown:<10} {:<10} {subject}", line.event);
        match line.detail {
            Some(detail) if start.chars().count() + 3 + detail.chars().count() <= COLUMNS => {
                let _ = writeln!(text, "{start}   {detail}");
            }
            Some(detail) => {
                let _ = writeln!(text, "{start}\n{:23} {detail}", "");
            }
            None => {
                let _ = writeln!(text, "{start}");
            }
        }
        group = line.group;
    }
    if let Some(more) = total.checked_sub(SHOWN + 1) {
        let _ = writeln!(text, "{:12} … {} more   --json lists all", "", number(more as u64 + 1));
    }
}

/// `2 added, 1 renamed`
fn counts(events: &[(usize, &str)]) -> String {
    let some = events.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, word)| format!("{} {word}", number(*count as u64))).collect::<Vec<_>>().join(", ")
}

fn files(text: &mut String, changes: &Changes) {
    let of = |event| changes.files.iter().filter(|change| change.change == event).count();
    let events = [
        (of(FileEvent::Added), "added"),
        (of(FileEvent::Removed), "removed"),
        (of(FileEvent::Altered), "altered"),
        (of(FileEvent::Renamed), "renamed"),
    ];
    let counts = match changes.files.is_empty() {
        true => format!("the same {}", number(changes.compared.a)),
        false => counts(&events),
    };
    section(text, "files", &counts, changes.files.iter().map(file));
}

fn file(change: &FileChange) -> Line {
    let group = change.class.map_or("other", |class| class.as_str()).to_owned();
    let subject = safe(&change.path);
    let (event, detail) = match change.change {
        FileEvent::Added => ("added", change.b.as_ref().and_then(alone)),
        FileEvent::Removed => ("removed", change.a.as_ref().and_then(alone)),
        FileEvent::Altered => ("altered", both(change)),
        FileEvent::Renamed => {
            let from = change.renamed_from.as_deref().map(|from| format!("was {}", safe(from)));
            let details = from.into_iter().chain(both(change));
            ("renamed", Some(details.collect::<Vec<_>>().join(", ")))
        }
    };
    Line { group, event, subject, detail }
}

/// What is to be said of a file that only one side has.
fn alone(state: &FileState) -> Option<String> {
    match (state.r#type, &state.target) {
        (EntryType::Link, Some(target)) => Some(format!("link to {}", safe(target))),
        (EntryType::Folder, _) => Some("folder".to_owned()),
        (EntryType::Link | EntryType::File, _) => state.size.map(size),
    }
}

/// How a file that both sides have differs.
fn both(change: &FileChange) -> Option<String> {
    let (a, b) = (change.a.as_ref()?, change.b.as_ref()?);
    if a.r#type != b.r#type {
        return Some(format!("now a {}, was a {}", name(b.r#type), name(a.r#type)));
    }
    let mut details = Vec::new();
    let mut was = |what: &str, of: &dyn Fn(&FileState) -> String| {
        let (now, was) = (of(b), of(a));
        if now != was {
            details.push(format!("{what}{now}, was {was}"));
        }
    };
    was("link to ", &|state| safe(state.target.as_deref().unwrap_or_default()));
    was("", &|state| state.size.map(size).unwrap_or_default());
    if a.size.map(size) == b.size.map(size) {
        was("sha256 ", &digest);
    }
    was("mode ", &|state| format!("{:04o}", state.mode));
    was("class ", &|state| state.class.map_or("none", |class| class.as_str()).to_owned());
    (!details.is_empty()).then(|| details.join("; "))
}

fn digest(state: &FileState) -> String {
    let hex = state.sha256.map(|digest| digest.to_string()).unwrap_or_default();
    format!("{}…", hex.get(..12).unwrap_or_default())
}

fn name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::File => "file",
        EntryType::Folder => "folder",
        EntryType::Link => "link",
    }
}

/// What is said of a section that only one side has, or neither: then nothing was compared.
fn absent(compared: &Both<Option<u64>>) -> Option<&'static str> {
    match (compared.a, compared.b) {
        (Some(_), Some(_)) => None,
        (None, Some(_)) => Some("none in A, so nothing was compared"),
        (Some(_), None) => Some("none in B, so nothing was compared"),
        (None, None) => Some("none"),
    }
}

fn ddl(text: &mut String, ddl: &Ddl) {
    if let Some(absent) = absent(&ddl.compared) {
        let _ = writeln!(text, "{:<12} {absent}", "ddl");
        return;
    }
    let of = |event| ddl.objects.iter().filter(|change| change.change == event).count();
    let files = |event| ddl.files.iter().filter(|change| change.change == event).count();
    let events = [
        (of(ObjectEvent::Created), "created"),
        (of(ObjectEvent::Dropped), "dropped"),
        (of(ObjectEvent::Altered), "altered"),
        (files(DdlFileEvent::Edited), "edited"),
        (files(DdlFileEvent::Reordered), "reordered"),
        (files(DdlFileEvent::Inserted), "inserted"),
    ];
    let counts = match ddl.objects.is_empty() && ddl.files.is_empty() {
        true => format!("the same {}", count(ddl.compared.a.unwrap_or_default(), "file")),
        false => counts(&events),
    };
    let objects = ddl.objects.iter().map(|change| {
        let event = match change.change {
            ObjectEvent::Created => "created",
            ObjectEvent::Dropped => "dropped",
            ObjectEvent::Altered => "altered",
        };
        let detail = change.file.as_deref().map(safe);
        Line { group: change.kind.to_owned(), event, subject: safe(&change.name), detail }
    });
    let files = ddl.files.iter().map(|change| {
        let (event, why) = match change.change {
            DdlFileEvent::Edited => ("edited", "who applied it has something else"),
            DdlFileEvent::Reordered => ("reordered", "it is applied earlier or later than before"),
            DdlFileEvent::Inserted => ("inserted", "it is new, and applied before older files"),
        };
        Line { group: "file".to_owned(), event, subject: safe(&change.path), detail: Some(why.to_owned()) }
    });
    let lines: Vec<Line> = objects.chain(files).collect();
    section(text, "ddl", &counts, lines.into_iter());
    let Both { a, b } = ddl.unparsed;
    if a + b > 0 {
        let statements = |number| count(number, "statement");
        let _ = writeln!(
            text,
            "{:12} not parsed, so not compared: {} in A, {} in B",
            "",
            statements(a),
            statements(b)
        );
    }
}

fn components(text: &mut String, components: &Components) {
    if let Some(absent) = absent(&components.compared) {
        let _ = writeln!(text, "{:<12} {absent}", "components");
        return;
    }
    let of = |event| components.changes.iter().filter(|change| change.change == event).count();
    let events = [
        (of(ComponentEvent::Added), "added"),
        (of(ComponentEvent::Removed), "removed"),
        (of(ComponentEvent::Upgraded), "upgraded"),
        (of(ComponentEvent::Downgraded), "downgraded"),
        (of(ComponentEvent::Changed), "changed"),
    ];
    let counts = match components.changes.is_empty() {
        true => format!("the same {}", number(components.compared.a.unwrap_or_default())),
        false => counts(&events),
    };
    section(text, "components", &counts, components.changes.iter().map(component));
    let incomplete = match (components.incomplete.a, components.incomplete.b) {
        (false, false) => return,
        (true, true) => "both SBOMs say",
        (true, false) => "the SBOM of A says",
        (false, true) => "the SBOM of B says",
    };
    let _ = writeln!(text, "{:12} {incomplete} that components are missing in it", "");
}

fn component(change: &ComponentChange) -> Line {
    let event = match change.change {
        ComponentEvent::Added => "added",
        ComponentEvent::Removed => "removed",
        ComponentEvent::Upgraded => "upgraded",
        ComponentEvent::Downgraded => "downgraded",
        ComponentEvent::Changed => "changed",
    };
    let group = change.ecosystem.as_deref().map_or("other".to_owned(), safe);
    Line { group, event, subject: safe(&change.name), detail: versions(&change.version) }
}

/// `1.0.219, was 1.0.200`
fn versions(version: &Both<Option<String>>) -> Option<String> {
    match (version.a.as_deref().map(safe), version.b.as_deref().map(safe)) {
        (None, None) => None,
        (Some(only), None) | (None, Some(only)) => Some(only),
        (Some(a), Some(b)) if a == b => Some(b),
        (Some(a), Some(b)) => Some(format!("{b}, was {a}")),
    }
}

fn licences(text: &mut String, components: &Components) {
    if absent(&components.compared).is_some() {
        return;
    }
    let counts = match components.licences.len() {
        0 => "the same, as far as they are stated".to_owned(),
        changed => format!("{} changed", number(changed as u64)),
    };
    section(text, "licences", &counts, components.licences.iter().map(licence));
}

fn licence(change: &LicenceChange) -> Line {
    let stated = |licence: &Option<String>| licence.as_deref().map_or("not stated".to_owned(), safe);
    let detail = format!("{}, was {}", stated(&change.licence.b), stated(&change.licence.a));
    let version = change.version.b.as_deref().map(|version| format!(" {}", safe(version)));
    let subject = format!("{}{}", safe(&change.name), version.unwrap_or_default());
    Line { group: String::new(), event: "changed", subject, detail: Some(detail) }
}

fn settings(text: &mut String, settings: &Settings) {
    let short = |digest: &str| format!("sha256 {}…", digest.get(..12).unwrap_or(digest));
    let (name, digest) = (&settings.policy, &settings.policy_sha256);
    if digest.is_same() {
        let _ = writeln!(text, "{:<12} the same: {}", "policy", safe(&name.b));
    } else {
        let one = |name: &str, digest: &str| format!("{}, {}", safe(name), short(digest));
        let _ = writeln!(text, "{:<12} {}", "policy", one(&name.b, &digest.b));
        let _ = writeln!(text, "{:<12} was {}", "", one(&name.a, &digest.a));
    }
    named(text, "project", &settings.project);
    named(text, "version", &settings.version);
}

/// A name on both sides; nothing is said of one that neither has.
fn named(text: &mut String, what: &str, both: &Both<Option<String>>) {
    let line = match (both.a.as_deref().map(safe), both.b.as_deref().map(safe)) {
        (None, None) => return,
        (Some(a), Some(b)) if a == b => format!("the same: {a}"),
        (Some(a), Some(b)) => format!("{b}, was {a}"),
        (Some(a), None) => format!("{a} in A, not stated in B"),
        (None, Some(b)) => format!("{b} in B, not stated in A"),
    };
    let _ = writeln!(text, "{what:<12} {line}");
}
