//! Weekly on Fridays: the full process for a minor version, less for a hotfix, more for a major one.

use crate::processes::{Break, Edit, Process};
use attestar::policy::gate::Stage;

pub const PROCESS: Process = Process {
    policy: "orca",
    project: "orca-core",
    last: "1.1.3",
    version: "1.2.0",
    branch: "main",
    tagged: Stage::Close,
    // A Thursday evening, a Friday at noon, the Tuesday after.
    now: ["2026-11-19T17:00:00Z", "2026-11-20T12:05:00Z", "2026-11-24T10:00:00Z"],
    tier: None,
    roles: &["product-manager", "engineering-lead", "qa-engineer", "reviewer"],
    signed: &[],
    variants: &[("hotfix", "1.1.4"), ("major", "2.0.0")],
    breaks: BREAKS,
};

const HOTFIX: Edit = Edit::As("hotfix", "1.1.4");
const MAJOR: Edit = Edit::As("major", "2.0.0");

const NOTES: &str = "docs/releases/v1.2.0.md";
const K6: &str = "reports/1.2.0/staging/k6.json";
const WATCH: &str = "reports/1.2.0/production/watch.json";
const DEPLOYMENT: &str = "reports/1.2.0/production/deployment.json";
const METRICS: &str = "reports/1.2.0/metrics.json";
const CANARY: &str = "reports/2.0.0/production/canary.json";

const BREAKS: &[Break] = &[
    Break { gate: "merged", edits: &[Edit::NotMerged], subject: "HEAD" },
    Break {
        gate: "none-open",
        edits: &[Edit::Text("reports/1.2.0/pull-requests.json", "\"open\": 0", "\"open\": 1")],
        subject: "reports/1.2.0/pull-requests.json#/open",
    },
    Break {
        gate: "pipeline",
        edits: &[Edit::Gone("reports/1.2.0/ci/typecheck.xml")],
        subject: "reports/1.2.0/ci/typecheck.xml",
    },
    Break {
        gate: "one-version",
        edits: &[Edit::Text("package.json", "1.2.0", "1.1.3")],
        subject: "package.json",
    },
    Break {
        gate: "changelog",
        edits: &[Edit::Text("CHANGELOG.md", "[1.2.0] - 2026-11-20", "[1.2.0]")],
        subject: "CHANGELOG.md:5",
    },
    Break {
        gate: "changelog-of-hotfix",
        edits: &[HOTFIX, Edit::Text("CHANGELOG.md", "### Fixed", "### Added")],
        subject: "CHANGELOG.md:7",
    },
    Break {
        gate: "release-notes",
        edits: &[Edit::Text(NOTES, "## Performance", "## Speed")],
        subject: NOTES,
    },
    Break {
        gate: "release-pr",
        edits: &[Edit::Text("reports/1.2.0/pull-request.md", "[x] Load tests", "[ ] Load tests")],
        subject: "reports/1.2.0/pull-request.md:9",
    },
    Break {
        gate: "migrations-kept",
        edits: &[Edit::Text(
            "supabase/migrations/20260901120000_agents.sql",
            "name text NOT NULL",
            "name text",
        )],
        subject: "supabase/migrations/20260901120000_agents.sql",
    },
    Break {
        gate: "migrations-tested",
        edits: &[Edit::Gone("reports/1.2.0/migrations.xml")],
        subject: "reports/1.2.0/migrations.xml",
    },
    Break {
        gate: "flags-configured",
        edits: &[Edit::Text("config/flags.json", "\"owner\": \"trust\"", "\"owner\": \"\"")],
        subject: "config/flags.json#/flags/1/owner",
    },
    Break {
        gate: "rollback-plan",
        edits: &[Edit::Gone("docs/rollback/v1.2.0.md")],
        subject: "docs/rollback/v1.2.0.md",
    },
    Break {
        gate: "runbooks-filled",
        edits: &[Edit::Text("docs/runbooks/oncall.md", "@cto", "TBD")],
        subject: "docs/runbooks/oncall.md:8",
    },
    Break {
        gate: "migration-guide",
        edits: &[MAJOR, Edit::Gone("docs/migration/v2.0.0.md")],
        subject: "docs/migration/v2.0.0.md",
    },
    Break {
        gate: "communication-plan",
        edits: &[MAJOR, Edit::Text("docs/communication/v2.0.0.md", "Published once it is live.", "TBD")],
        subject: "docs/communication/v2.0.0.md:3",
    },
    Break {
        gate: "extended-qa",
        edits: &[MAJOR, Edit::Gone("reports/2.0.0/qa/extended.xml")],
        subject: "reports/2.0.0/qa/extended.xml",
    },
    Break {
        gate: "no-credentials",
        edits: &[Edit::Content("config/app.env", "AWS_ACCESS_KEY_ID=AKIAQ7M2XPLV5RT3ZN6W\n")],
        subject: "config/app.env",
    },
    Break { gate: "release-window", edits: &[Edit::Now("2026-11-20T15:00:00Z")], subject: "windows" },
    Break { gate: "no-blackout", edits: &[HOTFIX, Edit::Now("2026-11-24T12:00:00Z")], subject: "blackouts" },
    Break {
        gate: "staging-smoke",
        edits: &[Edit::Gone("reports/1.2.0/staging/smoke.xml")],
        subject: "reports/1.2.0/staging/smoke.xml",
    },
    Break {
        gate: "manual-qa",
        edits: &[Edit::Text("reports/1.2.0/staging/manual-qa.md", "[x] The dashboard", "[ ] The dashboard")],
        subject: "reports/1.2.0/staging/manual-qa.md:6",
    },
    Break {
        gate: "load-errors",
        edits: &[Edit::Text(K6, "\"percent\": 0.3", "\"percent\": 1.5")],
        subject: "reports/1.2.0/staging/k6.json#/metrics/http_req_failed/percent",
    },
    Break {
        gate: "load-latency",
        edits: &[Edit::Text(K6, "412.6", "700")],
        subject: "reports/1.2.0/staging/k6.json#/metrics/http_req_duration/p95",
    },
    Break {
        gate: "stakeholders",
        edits: &[Edit::Approvals(|approvals| approvals.retain(|one| one.role != "engineering-lead"))],
        subject: "the seal",
    },
    Break {
        gate: "hotfix-review",
        edits: &[HOTFIX, Edit::Approvals(|approvals| approvals.retain(|one| one.role != "reviewer"))],
        subject: "the seal",
    },
    Break {
        gate: "release-day",
        edits: &[Edit::Text("reports/1.2.0/checklist.md", "[x] The freeze", "[ ] The freeze")],
        subject: "reports/1.2.0/checklist.md:5",
    },
    Break {
        gate: "restore-point",
        edits: &[Edit::Log(|events| events.retain(|event| event.what != "verified"))],
        subject: "the log",
    },
    Break {
        gate: "canary-5",
        edits: &[MAJOR, Edit::Text(CANARY, "35", "29")],
        subject: "reports/2.0.0/production/canary.json#/minutes_at_5_percent",
    },
    Break {
        gate: "canary-25",
        edits: &[MAJOR, Edit::Text(CANARY, "61", "59")],
        subject: "reports/2.0.0/production/canary.json#/minutes_at_25_percent",
    },
    Break {
        gate: "watched",
        edits: &[Edit::Text(WATCH, "\"minutes\": 60", "\"minutes\": 55")],
        subject: "reports/1.2.0/production/watch.json#/minutes",
    },
    Break {
        gate: "error-rate",
        edits: &[Edit::Text(WATCH, "0.7", "1.5")],
        subject: "reports/1.2.0/production/watch.json#/error_rate_percent",
    },
    Break {
        gate: "latency-p95",
        edits: &[Edit::Text(WATCH, "420", "700"), Edit::Text("config/baseline.json", "310", "360")],
        subject: "reports/1.2.0/production/watch.json#/latency_p95_ms",
    },
    Break {
        gate: "latency-not-doubled",
        edits: &[Edit::Text(WATCH, "420", "621")],
        subject: "reports/1.2.0/production/watch.json#/latency_p95_ms",
    },
    Break {
        gate: "health-checks",
        edits: &[Edit::Text(WATCH, "health_checks\": 0", "health_checks\": 1")],
        subject: "reports/1.2.0/production/watch.json#/failed_health_checks",
    },
    Break {
        gate: "log-quiet",
        edits: &[Edit::Text(WATCH, "log_spikes\": 0", "log_spikes\": 1")],
        subject: "reports/1.2.0/production/watch.json#/log_spikes",
    },
    Break {
        gate: "production-smoke",
        edits: &[Edit::Gone("reports/1.2.0/production/smoke.xml")],
        subject: "reports/1.2.0/production/smoke.xml",
    },
    Break { gate: "tagged", edits: &[Edit::Untagged], subject: "v1.2.0" },
    Break {
        gate: "published",
        edits: &[Edit::Text("reports/1.2.0/github-release.json", "v1.2.0", "v1.1.3")],
        subject: "reports/1.2.0/github-release.json#/tag_name",
    },
    Break {
        gate: "checklist-done",
        edits: &[Edit::Text("reports/1.2.0/checklist.md", "[x] Status page", "[ ] Status page")],
        subject: "reports/1.2.0/checklist.md:12",
    },
    Break {
        gate: "hotfix-in-time",
        edits: &[HOTFIX, Edit::Text("reports/1.1.4/hotfix.json", "T10:40:00Z", "T10:15:59Z")],
        subject: "reports/1.1.4/production/deployment.json#/finished_at",
    },
    Break {
        gate: "retrospective",
        edits: &[Edit::Text("docs/retrospectives/v1.2.0.md", "## Action items", "## Actions")],
        subject: "docs/retrospectives/v1.2.0.md",
    },
    Break {
        gate: "retrospective-in-time",
        edits: &[Edit::Text("docs/retrospectives/v1.2.0.md", "2026-11-23", "2026-11-28")],
        subject: "docs/retrospectives/v1.2.0.md:2",
    },
    Break {
        gate: "deployment-duration",
        edits: &[Edit::Text(DEPLOYMENT, "\"minutes\": 6", "\"minutes\": 10")],
        subject: "reports/1.2.0/production/deployment.json#/minutes",
    },
    Break {
        gate: "time-to-production",
        edits: &[Edit::Text(DEPLOYMENT, "hours_since_merge", "hours")],
        subject: "reports/1.2.0/production/deployment.json#/hours_since_merge",
    },
    Break {
        gate: "rollback-rate",
        edits: &[Edit::Text(METRICS, "2.1", "5")],
        subject: "reports/1.2.0/metrics.json#/rollback_rate_percent",
    },
    Break {
        gate: "no-p1-incidents",
        edits: &[Edit::Text(METRICS, "p1_incidents\": 0", "p1_incidents\": 1")],
        subject: "reports/1.2.0/metrics.json#/p1_incidents",
    },
    Break {
        gate: "recovery-time",
        edits: &[Edit::Text(METRICS, "18", "30")],
        subject: "reports/1.2.0/metrics.json#/mttr_minutes",
    },
];
