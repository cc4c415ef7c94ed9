//! Demands that grow with the tier: staging, approval, production, incidents.

use crate::processes::{Break, Edit, Process};
use attestar::policy::gate::Stage;

pub const PROCESS: Process = Process {
    policy: "tiered-release",
    project: "ledgerline",
    last: "1.3.0",
    version: "1.4.0",
    branch: "main",
    tagged: Stage::Close,
    now: ["2026-11-17T09:00:00Z", "2026-11-17T12:30:00Z", "2026-11-17T15:00:00Z"],
    tier: Some("tier-1"),
    roles: &["product", "engineering", "operations"],
    signed: &[],
    variants: &[],
    breaks: BREAKS,
};

const INCIDENT: &str = "docs/incidents/INCIDENT-0003.md";
const WATCH: &str = "reports/1.4.0/production/watch.json";

const BREAKS: &[Break] = &[
    Break {
        gate: "all-committed",
        edits: &[Edit::Uncommitted("src/quick-fix.js", "export {};\n")],
        subject: "src/quick-fix.js",
    },
    Break {
        gate: "one-version",
        edits: &[Edit::Text("package.json", "1.4.0", "1.3.0")],
        subject: "package.json",
    },
    Break {
        gate: "milestone-done",
        edits: &[Edit::Text("docs/milestones/M2.md", "[x] Old entries", "[ ] Old entries")],
        subject: "docs/milestones/M2.md:5",
    },
    Break {
        gate: "streak-tier-1",
        edits: &[Edit::Text(
            "reports/gates/2026-11-09.xml",
            "name=\"unit\"",
            "name=\"unit\"><failure/></testcase><testcase name=\"again\"",
        )],
        subject: "reports/gates/2026-11-09.xml",
    },
    Break {
        gate: "streak-tier-2",
        edits: &[
            Edit::Tier("tier-2"),
            Edit::Text(
                "reports/gates/2026-11-12.xml",
                "name=\"unit\"",
                "name=\"unit\"><failure/></testcase><testcase name=\"again\"",
            ),
        ],
        subject: "reports/gates/2026-11-12.xml",
    },
    Break {
        gate: "streak-tier-3",
        edits: &[
            Edit::Tier("tier-3"),
            Edit::Text(
                "reports/gates/2026-11-14.xml",
                "name=\"unit\"",
                "name=\"unit\"><failure/></testcase><testcase name=\"again\"",
            ),
        ],
        subject: "reports/gates/2026-11-14.xml",
    },
    Break { gate: "gates-script", edits: &[Edit::Content("src/empty.js", "")], subject: "scripts/gates.sh" },
    Break {
        gate: "approvals-file",
        edits: &[Edit::Text("docs/approvals.md", "**Operations:** approved, 2026-11-17", "**Operations:**")],
        subject: "docs/approvals.md",
    },
    Break {
        gate: "no-blockers",
        edits: &[Edit::Text("reports/1.4.0/tracker.json", "\"open_blockers\": 0", "\"open_blockers\": 1")],
        subject: "reports/1.4.0/tracker.json#/open_blockers",
    },
    Break {
        gate: "incidents-closed",
        edits: &[Edit::Text(INCIDENT, "T09:51:00Z", "T10:14:01Z")],
        subject: INCIDENT,
    },
    Break {
        gate: "alerts-set",
        edits: &[Edit::Text("monitoring/alerts.json", "\"above_ms\": 2000", "\"above_ms\": 20000")],
        subject: "monitoring/alerts.json#/alerts",
    },
    Break {
        gate: "dashboards-set",
        edits: &[Edit::Text("monitoring/dashboards.json", "transaction_volume", "transactions")],
        subject: "monitoring/dashboards.json#/dashboards",
    },
    Break {
        gate: "rollback-triggers",
        edits: &[Edit::Text("deploy/rollback.json", "true", "false")],
        subject: "deploy/rollback.json#/automatic",
    },
    Break {
        gate: "no-credentials",
        edits: &[Edit::Content("deploy/app.env", "AWS_ACCESS_KEY_ID=AKIAQ7M2XPLV5RT3ZN6W\n")],
        subject: "deploy/app.env",
    },
    Break {
        gate: "staging-tests",
        edits: &[Edit::Text(
            "reports/1.4.0/staging/contract.xml",
            "<testcase classname=\"contract\" name=\"the bank accepts",
            "<testcase name=\"timeout\"><failure/></testcase><testcase name=\"the bank accepts",
        )],
        subject: "reports/1.4.0/staging/contract.xml:4",
    },
    Break {
        gate: "monitoring-live",
        edits: &[Edit::Text(
            "reports/1.4.0/staging/monitoring.json",
            "\"logs_streaming\": true",
            "\"logs_streaming\": false",
        )],
        subject: "reports/1.4.0/staging/monitoring.json#/logs_streaming",
    },
    Break {
        gate: "logs-complete",
        edits: &[Edit::Text("reports/1.4.0/staging/logs/request.json", "\"status\"", "\"state\"")],
        subject: "reports/1.4.0/staging/logs/request.json",
    },
    Break {
        gate: "final-approval",
        edits: &[Edit::Approvals(|approvals| approvals.retain(|one| one.role != "operations"))],
        subject: "the seal",
    },
    Break {
        gate: "rollback-plan",
        edits: &[Edit::Text("docs/rollback/v1.4.0.md", "## Database", "## Data")],
        subject: "docs/rollback/v1.4.0.md",
    },
    Break {
        gate: "rollback-rehearsed",
        edits: &[Edit::Gone("reports/1.4.0/staging/rollback.xml")],
        subject: "reports/1.4.0/staging/rollback.xml",
    },
    Break {
        gate: "maintenance-window",
        edits: &[Edit::Now("2026-11-17T14:00:00Z")],
        subject: "docs/windows/v1.4.0.json",
    },
    Break {
        gate: "production-smoke",
        edits: &[Edit::Gone("reports/1.4.0/production/smoke.xml")],
        subject: "reports/1.4.0/production/smoke.xml",
    },
    Break {
        gate: "health",
        edits: &[Edit::Text(WATCH, "failure_minutes\": 0", "failure_minutes\": 6")],
        subject: "reports/1.4.0/production/watch.json#/longest_health_failure_minutes",
    },
    Break {
        gate: "error-rate",
        edits: &[Edit::Text(WATCH, "0.2", "1.1")],
        subject: "reports/1.4.0/production/watch.json#/error_rate_percent",
    },
    Break {
        gate: "latency-p99",
        edits: &[Edit::Text(WATCH, "840", "2040")],
        subject: "reports/1.4.0/production/watch.json#/latency_p99_ms",
    },
    Break { gate: "tagged", edits: &[Edit::Untagged], subject: "v1.4.0" },
];
