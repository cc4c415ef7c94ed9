//! The page of a pack.

use crate::format::units::{count, number, size};
use crate::report::checks::{banner, checks, findings, unchecked};
use crate::report::list::{Cell, List, names, numbers, text};
use crate::report::pack::{
    About, BomFacts, CaptureFacts, DdlFacts, GateFacts, PackReport, ReceiptFacts, SourceFacts, StageFacts,
};
use crate::report::shell::{Page, Place, section};
use crate::report::words::{age, ended, minute, shown};
use maud::{Markup, html};

/// The page, as a file of its own.
pub fn page(report: &PackReport, place: Place<'_>) -> String {
    let title = report.about.as_ref().map_or(&*report.target, |about| &about.name);
    let kind = report.about.as_ref().map_or("verification", |about| about.kind.as_str());
    let parts = parts(report);
    let sections: Vec<(&str, &str)> = parts.iter().map(|(id, name, _)| (*id, *name)).collect();
    let body = html! {
        (banner(&report.outcome))
        (summary(report))
        @for (id, name, part) in &parts { (section(id, name, part.clone())) }
    };
    Page { place, title, kind, looked_at: report.looked_at, sections: &sections, body }.html()
}

type Part = (&'static str, &'static str, Markup);

/// The sections that this pack has something to say in, and those that nobody may miss.
fn parts(report: &PackReport) -> Vec<Part> {
    let mut parts = vec![("checks", "Checks", checks(&report.outcome))];
    parts.push(("findings", "Findings", findings(&report.outcome)));
    parts.push(("unchecked", "Not checked", unchecked(&report.outcome)));
    if let Some(about) = &report.about {
        parts.push(("contents", "Contents", classes(about)));
    }
    if !report.gates.is_empty() {
        parts.push(("gates", "Gates", html! { @for stage in &report.gates { (gates(stage)) } }));
    }
    if let Some(source) = &report.source {
        parts.push(("provenance", "Provenance", provenance(source)));
    }
    if !report.captures.is_empty() {
        parts.push((
            "captures",
            "Databases",
            html! { @for capture in &report.captures { (self::capture(capture)) } },
        ));
    }
    if !report.ddl.is_empty() {
        parts.push(("ddl", "DDL order", ddl(&report.ddl, report.ddl_omitted)));
    }
    if let Some(sbom) = &report.sbom {
        parts.push(("sbom", "Software (SBOM)", self::sbom(sbom)));
    }
    if !report.files.is_empty() {
        parts.push(("files", "Files", files(report)));
    }
    parts
}

/// What one wants to know first.
fn summary(report: &PackReport) -> Markup {
    html! {
        dl class="facts" {
            @if let Some(about) = &report.about { (self::about(about)) }
            @if let Some(receipt) = &report.receipt { (archive(receipt, report)) }
            dt { "Sealed by" }
            dd {
                @match &report.sealed_by {
                    Some(signer) => (shown(signer)),
                    None => "nobody whose seal was verified here",
                }
            }
            dt { "Looked at" } dd { code { (shown(&report.target)) } }
        }
    }
}

fn about(about: &About) -> Markup {
    html! {
        dt { "Project" } dd { (shown(&about.project)) " " (shown(&about.version)) }
        dt { "Payload" }
        dd {
            (count(about.files, "file")) ", " (size(about.bytes))
            @if about.links > 0 { ", " (count(about.links, "link")) }
            @if about.folders > 0 { ", " (count(about.folders, "folder")) }
        }
        @if let Some(time) = about.stands_for { dt { "Stands for" } dd { (minute(time)) } }
        dt { "Policy" } dd { (shown(&about.policy)) " " code { "sha256 " (about.policy_sha256) } }
        dt { "Made by" } dd { (shown(&about.tool)) }
    }
}

fn archive(receipt: &ReceiptFacts, report: &PackReport) -> Markup {
    html! {
        dt { "Archive" }
        dd {
            (shown(&receipt.archive)) ", " (size(receipt.bytes)) ", "
            @match receipt.recipients {
                0 => "not encrypted",
                recipients => (count(recipients.into(), "recipient")),
            }
            br; code { "sha256 " (receipt.sha256) }
        }
        @if !receipt.bases.is_empty() {
            dt { "Needs" } dd { @for base in &receipt.bases { (shown(base)) " " } }
        }
        dt { "Receipt" }
        dd { (minute(receipt.created_at)) ", " (age(receipt.created_at, report.looked_at)) ", by " (shown(&receipt.signer)) }
    }
}

fn classes(about: &About) -> Markup {
    html! {
        table class="compact" {
            thead { tr {
                th scope="col" { "Class" } th scope="col" class="number" { "Files" } th scope="col" class="number" { "Size" }
            } }
            tbody {
                @for class in &about.classes {
                    tr {
                        th scope="row" { (class.class.as_str()) }
                        td class="number" { (number(class.files)) } td class="number" { (size(class.bytes)) }
                    }
                }
                tr class="total" {
                    th scope="row" { "all" }
                    td class="number" { (number(about.files)) } td class="number" { (size(about.bytes)) }
                }
            }
        }
    }
}

fn gates(stage: &StageFacts) -> Markup {
    html! {
        h3 {
            "Stage " (shown(&stage.stage))
            @if let Some(time) = stage.evaluated_at { ", " (minute(time)) }
        }
        table class="checks" {
            thead { tr { th scope="col" { "Gate" } th scope="col" { "Said" } th scope="col" { "Result" } } }
            tbody { @for gate in &stage.gates { (self::gate(gate)) } }
        }
    }
}

fn gate(gate: &GateFacts) -> Markup {
    html! {
        tr {
            th scope="row" { (shown(&gate.id)) br; span class="quiet" { (shown(&gate.check)) } }
            td {
                @for line in &gate.said { p { (shown(line)) } }
                @if !gate.evidence.is_empty() {
                    p class="quiet" { "read " @for file in &gate.evidence { code { (shown(file)) } " " } }
                }
            }
            td { (ended(&gate.status)) @if gate.severity == "warning" { br; span class="quiet" { "a warning" } } }
        }
    }
}

fn provenance(source: &SourceFacts) -> Markup {
    let unknown = "not known";
    let text = |text: &Option<String>| shown(text.as_deref().unwrap_or(unknown));
    html! {
        dl class="facts" {
            dt { "Commit" } dd { code { (text(&source.commit)) } }
            dt { "Repository" } dd { (text(&source.repository)) }
            dt { "Branch" } dd { (text(&source.branch)) }
            dt { "Tag" }
            dd {
                (text(&source.tag))
                @if let Some(signature) = &source.tag_signature { ", signature " (shown(signature)) }
            }
            dt { "Tree" }
            dd {
                @match source.clean {
                    Some(true) => "the files were those of the commit",
                    Some(false) => "files differed from the commit",
                    None => (unknown),
                }
            }
            dt { "Sealed at" } dd { (shown(&source.builder)) }
            @if let Some(run) = &source.invocation { dt { "Run" } dd { (shown(run)) } }
            dt { "Covers" } dd { (count(source.artifacts, "artifact")) }
        }
    }
}

fn capture(capture: &CaptureFacts) -> Markup {
    let list = List {
        what: "tables",
        columns: &[names("Table"), numbers("Rows"), text("Content")],
        rows: capture.tables.len(),
    };
    let row = |at: usize| {
        let table = &capture.tables[at];
        let rows = match table.rows {
            Some(rows) => Cell::number(number(rows), rows as f64),
            None => Cell::number("not counted", -1.0),
        };
        let content = if table.digest { "digest recorded" } else { "no digest" };
        vec![Cell::new(html! { (shown(&table.name)) }), rows, Cell::new(html! { (content) })]
    };
    html! {
        h3 { (shown(&capture.id)) ": " (capture.kind) }
        p class="quiet" {
            "by " (shown(&capture.tool))
            @if let Some(server) = &capture.server { ", from " (shown(server)) }
            ", " (count(capture.objects, "object")) " besides its tables"
        }
        @if capture.tables.is_empty() { p { "No tables are recorded of it." } } @else { (list.table(row)) }
    }
}

fn ddl(files: &[DdlFacts], omitted: u64) -> Markup {
    let list = List {
        what: "files",
        columns: &[text("Order"), names("File"), text("Does"), numbers("Statements"), text("Not parsed")],
        rows: files.len(),
    };
    let row = |at: usize| {
        let file = &files[at];
        let parts = [("creates", &file.creates), ("alters", &file.alters), ("drops", &file.drops)];
        vec![
            Cell::number(at + 1, at as f64),
            Cell::new(
                html! { (shown(&file.path)) @if let Some(dialect) = &file.dialect { br; span class="quiet" { (dialect) } } },
            ),
            Cell::new(html! {
                @for (verb, objects) in parts.iter().filter(|(_, objects)| !objects.is_empty()) {
                    p { span class="quiet" { (verb) } " " (shown(&objects.join(", "))) }
                }
                @if file.omitted > 0 { p { "and " (number(file.omitted)) " more, which are not listed" } }
            }),
            Cell::number(number(file.statements), file.statements as f64),
            Cell::new(html! {
                @for statement in &file.unparsed { p { "line " (number(statement.line)) @if !statement.start.is_empty() { ": " code { (shown(&statement.start)) } } } }
            }),
        ]
    };
    html! {
        p { "Applied from the first to the last. What could not be parsed, nobody has looked at." }
        (list.table(row))
        @if omitted > 0 { p { "And " (count(omitted, "file")) " that " code { "pack.json" } " had no place for." } }
    }
}

fn sbom(sbom: &BomFacts) -> Markup {
    let list = List {
        what: "components",
        columns: &[names("Component"), text("Version"), text("Ecosystem"), text("Licence"), text("Scope")],
        rows: sbom.components.len(),
    };
    let row = |at: usize| {
        let component = &sbom.components[at];
        let text = |text: &Option<String>| Cell::new(html! { (shown(text.as_deref().unwrap_or("–"))) });
        vec![
            Cell::new(html! { (shown(&component.name)) }),
            text(&component.version),
            text(&component.ecosystem),
            text(&component.licence),
            Cell::new(html! { (component.scope) }),
        ]
    };
    html! {
        @if sbom.incomplete { p { strong { "Incomplete: " } "a lockfile or an artifact could not be read whole." } }
        @if sbom.components.is_empty() { p { "It lists no components." } } @else { (list.table(row)) }
    }
}

fn files(report: &PackReport) -> Markup {
    let list = List {
        what: "files",
        columns: &[names("Path"), text("Class"), numbers("Size")],
        rows: report.files.len(),
    };
    let row = |at: usize| {
        let file = &report.files[at];
        let bytes = match (file.bytes, &file.link) {
            (Some(bytes), _) => Cell::number(size(bytes), bytes as f64),
            (None, Some(_)) => Cell::number("link", -1.0),
            (None, None) => Cell::number("folder", -2.0),
        };
        vec![
            Cell::new(html! {
                (shown(&file.path))
                @if let Some(link) = &file.link { span class="quiet" { " → " (shown(link)) } }
            }),
            Cell::new(html! { (file.class.map_or("–", |class| class.as_str())) }),
            bytes,
        ]
    };
    html! {
        (list.table(row))
        @if report.files_omitted > 0 {
            p { "And " (number(report.files_omitted)) " more, which this page does not list; " code { "inventory.jsonl" } " of the pack does." }
        }
    }
}
