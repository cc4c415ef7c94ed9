//! Reports as large, or as hostile, as they come.

use attestar::finding::{Code, Finding, Outcome, Status};
use attestar::format::class::Class;
use attestar::format::kind::Kind;
use attestar::format::leaf::What;
use attestar::report::outcome::OutcomeDocument;
use attestar::report::pack::{About, BomFacts, ClassTotals, ComponentFacts, FileFacts, PackReport};
use attestar::report::store::{
    ArchiveFacts, DrillFacts, EventFacts, Limits, PruneFacts, ReportRef, StoreFacts,
};
use jiff::{SignedDuration, Timestamp};

/// The present of every sample.
pub const NOW: &str = "2026-11-20T14:02:00Z";

/// What nobody wants to meet in a page: markup, the end of every element that holds text, a terminal's escape, text that
/// runs backwards, what cannot be seen, and something very long.
pub const HOSTILE: [&str; 7] = [
    "<img src=x onerror=\"window.hacked=1\">",
    "</script><script>window.hacked=1</script>",
    "</noscript><script>window.hacked=1</script>",
    "</style><svg onload=window.hacked=1>",
    "\u{1b}]0;owned\u{7}\u{1b}[2J",
    "safe\u{202e}gpj.exe\u{200b}",
    "' onmouseover='window.hacked=1' x='",
];

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn outcome() -> OutcomeDocument {
    let mut outcome = Outcome::default();
    outcome.conclude("receipt", "signed by captain SHA256:abc, 2026-11-20 14:02 UTC", Vec::new());
    let finding = Finding::warning(Code::PathCollision, HOSTILE[0]).expected(HOSTILE[1]).actual(HOSTILE[5]);
    outcome.conclude("payload", HOSTILE[4], vec![finding]);
    outcome.skip("timestamp", Status::Skipped, "none in this pack");
    OutcomeDocument::new(&outcome)
}

/// A release of so many components and files. The first ones have hostile names.
pub fn pack(components: usize, files: usize) -> PackReport {
    let name =
        |at: usize| HOSTILE.get(at).map_or_else(|| format!("package-{at:05}"), |&name| name.to_owned());
    let component = |at: usize| ComponentFacts {
        name: name(at),
        version: Some(format!("1.{}.{}", at % 10, at % 7)),
        ecosystem: Some(["cargo", "npm", "pypi"][at % 3].to_owned()),
        licence: (!at.is_multiple_of(4)).then(|| "MIT OR Apache-2.0".to_owned()),
        scope: "runtime",
    };
    let file = |at: usize| FileFacts {
        path: format!("docs/{}{}.md", name(at), if at == 7 { "n".repeat(4_000) } else { String::new() }),
        class: Some(Class::Doc),
        bytes: Some(at as u64 * 1000),
        link: (at == 8).then(|| HOSTILE[0].to_owned()),
    };
    PackReport {
        schema: "attestar/pack_report/v1",
        target: HOSTILE[1].to_owned(),
        looked_at: now(),
        about: Some(About {
            name: "shop-1.0.0".to_owned(),
            project: HOSTILE[0].to_owned(),
            version: "1.0.0".to_owned(),
            kind: Kind::Release,
            tool: "attestar 0.1.0".to_owned(),
            policy: HOSTILE[2].to_owned(),
            policy_sha256: "0".repeat(64),
            stands_for: Some(now()),
            files: files as u64,
            bytes: 1 << 30,
            links: 1,
            folders: 2,
            classes: vec![ClassTotals { class: Class::Doc, files: files as u64, bytes: 1 << 30 }],
        }),
        receipt: None,
        sealed_by: None,
        source: None,
        gates: Vec::new(),
        sbom: Some(BomFacts { incomplete: true, components: (0..components).map(component).collect() }),
        ddl: Vec::new(),
        ddl_omitted: 0,
        captures: Vec::new(),
        files: (0..files).map(file).collect(),
        files_omitted: 0,
        outcome: outcome(),
    }
}

/// A store with so many nightly backups, the last an hour ago; each verified, every seventh drilled, some of them badly.
pub fn store(nights: usize) -> StoreFacts {
    let night = |at: usize| now() - SignedDuration::from_hours(1 + 24 * (nights - 1 - at) as i64);
    let name = |at: usize| format!("shop-{}", night(at).strftime("%Y%m%dT%H%M%SZ"));
    let events = events(nights, night, &name);
    let archive = |at: usize| ArchiveFacts {
        name: name(at),
        project: "shop".to_owned(),
        kind: Kind::Backup,
        made_at: night(at),
        bytes: Some((300 << 20) + (((at as u64 * 7919) % 97) << 19)),
        verified_at: (!at.is_multiple_of(9)).then(|| night(at) + SignedDuration::from_mins(10)),
        drilled_at: at.is_multiple_of(7).then(|| night(at) + SignedDuration::from_mins(20)),
    };
    let drill = |at: usize| DrillFacts {
        leaf: 2 * at as u64 + at as u64 / 7 + 2,
        drill_id: format!("{at:08}"),
        report: format!("{}-1a2b3c4d", name(at)),
        name: name(at),
        finished_at: night(at) + SignedDuration::from_mins(20),
        passed: at % 98 != 49,
        rto_ms: (at != 7)
            .then(|| 420_000 + (at as u64 * 104_729) % 240_000 + if at % 98 == 49 { 400_000 } else { 0 }),
        rto_target_ms: 900_000,
        rpo_ms: Some(25_000_000 + (at as u64 * 611_953) % 9_000_000),
        rpo_target_ms: 86_400_000,
        has_rpo: true,
    };
    let pruned = |at: usize| PruneFacts {
        name: name(at),
        bytes: Some(300 << 20),
        why: "older than 30 d, and no rule keeps it".to_owned(),
    };
    StoreFacts {
        store: "s3://backups/shop".to_owned(),
        origin: Some("example.com/shop".to_owned()),
        project: Some("shop".to_owned()),
        looked_at: now(),
        limits: Limits {
            of: "policy nightly".to_owned(),
            backup_max_age_s: 26 * 3600,
            verify_within_s: 7 * 86_400,
            drill_every_s: 7 * 86_400,
            rto_ms: Some(900_000),
            rpo_ms: Some(86_400_000),
        },
        leaves: events.len() as u64,
        events,
        archives: (0..nights).map(archive).collect(),
        drills: (0..nights).step_by(7).map(drill).collect(),
        prune: Some((0..nights.min(3)).map(pruned).collect()),
        prune_says: "by policy nightly".to_owned(),
        outcome: outcome(),
    }
}

/// A backup each night, read again soon after, restored each week.
fn events(
    nights: usize,
    night: impl Fn(usize) -> Timestamp,
    name: &impl Fn(usize) -> String,
) -> Vec<EventFacts> {
    let mut events = Vec::new();
    for at in 0..nights {
        let mut add = |what, minutes: i64, passed, report| {
            let index = events.len() as u64;
            let time = night(at) + SignedDuration::from_mins(minutes);
            let (project, by) = ("shop".to_owned(), Some("nightly".to_owned()));
            events.push(EventFacts {
                index,
                what,
                project,
                name: name(at),
                time,
                passed: Some(passed),
                by,
                report,
            });
        };
        add(What::BackedUp, 0, true, None);
        add(What::Verified, 10, at % 40 != 3, None);
        if at.is_multiple_of(7) {
            let report = ReportRef { name: format!("{}-1a2b3c4d", name(at)), sha256: "0".repeat(64) };
            add(What::Drilled, 20, at % 98 != 49, Some(report));
        }
    }
    events
}
