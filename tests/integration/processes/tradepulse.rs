//! Five roles, a window, a canary, a guarded first hour.

use crate::processes::{Break, Edit, Process};
use attestar::policy::gate::Stage;

pub const PROCESS: Process = Process {
    policy: "tradepulse",
    project: "tradepulse",
    last: "2.7.0",
    version: "2.8.0",
    branch: "main",
    tagged: Stage::Seal,
    // A Tuesday, and the Wednesday after it.
    now: ["2026-11-17T09:00:00Z", "2026-11-17T13:05:00Z", "2026-11-18T16:00:00Z"],
    tier: None,
    roles: &["release-captain", "sre-lead", "qa-lead", "risk-officer", "business-owner"],
    signed: &[
        "dist/tradepulse-2.8.0.oci.tar",
        "dist/tradepulse-2.8.0-py3-none-any.whl",
        "dist/tradepulse-2.8.0.tf.json",
    ],
    variants: &[],
    breaks: BREAKS,
};

const READINESS: &str = "reports/release-readiness/2.8.0.md";
const DECISIONS: &str = "reports/release-decisions/2.8.0.md";
const SCOPE: &str = "reports/release-scope/2.8.0.json";
const DASHBOARDS: &str = "reports/2.8.0/staging-dashboards.json";
const CANARY: &str = "reports/2.8.0/canary/metrics.json";
const GUARD: &str = "reports/2.8.0/guard.json";

const BREAKS: &[Break] = &[
    Break { gate: "all-committed", edits: &[Edit::Uncommitted("src/fix.py", "\n")], subject: "src/fix.py" },
    Break {
        gate: "one-version",
        edits: &[Edit::Text("pyproject.toml", "2.8.0", "2.7.0")],
        subject: "pyproject.toml",
    },
    Break { gate: "signed-tag", edits: &[Edit::Unsigned], subject: "v2.8.0" },
    Break {
        gate: "readiness",
        edits: &[Edit::Text(READINESS, "[x] There is a snapshot", "[ ] There is a snapshot")],
        subject: "reports/release-readiness/2.8.0.md:11",
    },
    Break {
        gate: "artifacts-signed",
        edits: &[Edit::Text("dist/tradepulse-2.8.0.tf.json", "\"replicas\": 3", "\"replicas\": 4")],
        subject: "dist/tradepulse-2.8.0.tf.json.sig",
    },
    Break {
        gate: "scope-locked",
        edits: &[Edit::Text(SCOPE, "\"release-2.8.0\",\n        \"configuration\"", "\"release-2.7.1\"")],
        subject: "reports/release-scope/2.8.0.json#/merge_requests/1/labels",
    },
    Break {
        gate: "migrations-dry-run",
        edits: &[Edit::Gone("reports/2.8.0/migrate-dry-run.xml")],
        subject: "reports/2.8.0/migrate-dry-run.xml",
    },
    Break {
        gate: "contracts",
        edits: &[Edit::Gone("reports/2.8.0/pact/consumer.xml")],
        subject: "reports/2.8.0/pact/consumer.xml",
    },
    Break {
        gate: "dashboards-healthy",
        edits: &[Edit::Text(DASHBOARDS, "\"hours\": 24", "\"hours\": 23")],
        subject: "reports/2.8.0/staging-dashboards.json#/dashboards/0/hours",
    },
    Break {
        gate: "dashboards-fresh",
        edits: &[Edit::Text(DASHBOARDS, "2026-11-17T07:00:00Z", "2026-11-16T07:00:00Z")],
        subject: "reports/2.8.0/staging-dashboards.json#/read_at",
    },
    Break {
        gate: "flags-safe",
        edits: &[Edit::Text("configs/flags.json", "\"position\": \"off\"", "\"position\": \"on\"")],
        subject: "configs/flags.json#/flags/0",
    },
    Break {
        gate: "kill-switch-fresh",
        edits: &[Edit::Text("reports/kill-switch.json", "2026-11-13T09:00:04Z", "2026-11-09T09:00:04Z")],
        subject: "reports/kill-switch.json#/finished_at",
    },
    Break {
        gate: "kill-switch-works",
        edits: &[Edit::Text("reports/kill-switch.json", "\"passed\"", "\"timed out\"")],
        subject: "reports/kill-switch.json#/result",
    },
    Break {
        gate: "announcement",
        edits: &[Edit::Text(
            "docs/announcements/2.8.0.md",
            "operations:** yes, 2026-11-16",
            "operations:** not yet",
        )],
        subject: "docs/announcements/2.8.0.md:7",
    },
    Break {
        gate: "runbook-current",
        edits: &[Edit::Content(
            "docs/runbook.md",
            "# Runbook\n\nHow a release is made, watched and taken back. The smoke run has four steps.\n",
        )],
        subject: "docs/runbook.md",
    },
    Break {
        gate: "decisions-merged",
        edits: &[Edit::Text("docs/adr/0012-cancel.md", "Accepted", "Proposed")],
        subject: "docs/adr/0012-cancel.md:3",
    },
    Break {
        gate: "no-credentials",
        edits: &[Edit::Content("configs/app.env", "AWS_ACCESS_KEY_ID=AKIAQ7M2XPLV5RT3ZN6W\n")],
        subject: "configs/app.env",
    },
    Break { gate: "release-window", edits: &[Edit::Now("2026-11-17T15:00:00Z")], subject: "windows" },
    Break {
        gate: "sign-off",
        edits: &[Edit::Approvals(|approvals| approvals.retain(|one| one.role != "risk-officer"))],
        subject: "the seal",
    },
    Break {
        gate: "smoke",
        edits: &[Edit::Text(
            "reports/release-smoke/2.8.0/fast.xml",
            "<testcase classname=\"fast\" name=\"orders",
            "<testcase name=\"timeout\"><failure/></testcase><testcase name=\"orders",
        )],
        subject: "reports/release-smoke/2.8.0/fast.xml:4",
    },
    Break {
        gate: "canary-tests",
        edits: &[Edit::Gone("reports/2.8.0/canary/observability.xml")],
        subject: "reports/2.8.0/canary/observability.xml",
    },
    Break {
        gate: "canary-latency",
        edits: &[Edit::Text(CANARY, "123.4", "126.1")],
        subject: "reports/2.8.0/canary/metrics.json#/order_latency_p95_ms",
    },
    Break {
        gate: "canary-throughput",
        edits: &[Edit::Text(CANARY, "402", "379")],
        subject: "reports/2.8.0/canary/metrics.json#/orders_per_second",
    },
    Break {
        gate: "canary-reconciled",
        edits: &[Edit::Text(CANARY, "\"unreconciled\": 0", "\"unreconciled\": 1")],
        subject: "reports/2.8.0/canary/metrics.json#/unreconciled",
    },
    Break {
        gate: "canary-long-enough",
        edits: &[Edit::Text(CANARY, "35", "29")],
        subject: "reports/2.8.0/canary/metrics.json#/minutes",
    },
    Break {
        gate: "restore-point",
        edits: &[Edit::Log(|events| events.retain(|event| event.what != "verified"))],
        subject: "the log",
    },
    Break {
        gate: "snapshots-kept",
        edits: &[Edit::Log(|events| events.retain(|event| event.archive.as_deref() != Some("backup-1")))],
        subject: "the log",
    },
    Break {
        gate: "published",
        edits: &[Edit::Log(|events| {
            events.retain(|event| event.archive.as_deref() != Some("tradepulse-2.8.0"));
        })],
        subject: "the log",
    },
    Break {
        gate: "way-back-kept",
        edits: &[Edit::Log(|events| {
            events.retain(|event| event.archive.as_deref() != Some("tradepulse-2.7.0"));
        })],
        subject: "the log",
    },
    Break {
        gate: "config-recorded",
        edits: &[Edit::Text("configs/production.yaml", "unfilled_after_s: 30", "unfilled_after_s: 60")],
        subject: "cancel.unfilled_after_s",
    },
    Break {
        gate: "go",
        edits: &[Edit::Text(DECISIONS, "Decision:** Go", "Decision:** No-Go")],
        subject: "reports/release-decisions/2.8.0.md:11",
    },
    Break {
        gate: "on-call-bridge",
        edits: &[Edit::Text("reports/2.8.0/on-call.json", "America/Sao_Paulo", "Europe/Lisbon")],
        subject: "reports/2.8.0/on-call.json#/zones",
    },
    Break {
        gate: "buffer",
        edits: &[Edit::Text("reports/2.8.0/deployment.json", "2026-11-17T13:22:00Z", "2026-11-18T14:30:01Z")],
        subject: "reports/2.8.0/deployment.json#/finished_at",
    },
    Break {
        gate: "checklists-done",
        edits: &[Edit::Text(READINESS, "[x] The announcement went out", "[ ] The announcement went out")],
        subject: "reports/release-readiness/2.8.0.md:17",
    },
    Break {
        gate: "guard-long-enough",
        edits: &[Edit::Text(GUARD, "64", "59")],
        subject: "reports/2.8.0/guard.json#/minutes",
    },
    Break {
        gate: "guard-undisturbed",
        edits: &[Edit::Text(GUARD, "\"pages\": 0", "\"pages\": 1")],
        subject: "reports/2.8.0/guard.json#/pages",
    },
    Break {
        gate: "no-high-defects",
        edits: &[Edit::Text(GUARD, "defects\": 0", "defects\": 1")],
        subject: "reports/2.8.0/guard.json#/high_severity_defects",
    },
    Break {
        gate: "no-regressions",
        edits: &[Edit::Text(GUARD, "regressions\": 0", "regressions\": 1")],
        subject: "reports/2.8.0/guard.json#/customer_regressions",
    },
    Break {
        gate: "kpi-stable",
        edits: &[Edit::Text(GUARD, "99.7", "89.6")],
        subject: "reports/2.8.0/guard.json#/order_success_rate",
    },
    Break {
        gate: "error-budget",
        edits: &[Edit::Text(GUARD, "0.4", "5.1")],
        subject: "reports/2.8.0/guard.json#/error_budget_percent_in_30_minutes",
    },
    Break {
        gate: "incidents-closed",
        edits: &[Edit::Text(
            "docs/incidents/INCIDENT-0031.md",
            "The feed is asked for a heartbeat every second.\n",
            "",
        )],
        subject: "docs/incidents/INCIDENT-0031.md",
    },
    Break {
        gate: "verdict",
        edits: &[Edit::Text(DECISIONS, "Verdict:** success", "Verdict:** rolled back")],
        subject: "reports/release-decisions/2.8.0.md:15",
    },
    Break {
        gate: "still-published",
        edits: &[Edit::Log(|events| {
            let last = events.last().expect("the release").clone();
            events.push(attestar::policy::gate::evidence::Event { what: "pruned".to_owned(), ..last });
        })],
        subject: "the log",
    },
    Break {
        gate: "retrospective",
        edits: &[Edit::Text("reports/retrospectives/2.8.0.md", "## Rollback drills", "## Rollbacks")],
        subject: "reports/retrospectives/2.8.0.md",
    },
    Break {
        gate: "retrospective-in-time",
        edits: &[Edit::Text(
            "reports/retrospectives/2.8.0.md",
            "2026-11-18T15:00:00Z",
            "2026-11-19T15:00:00Z",
        )],
        subject: "reports/retrospectives/2.8.0.md:2",
    },
];
