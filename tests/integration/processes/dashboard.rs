//! Cut from a signed tag, once contracts, speed, backups and drills hold.

use crate::processes::{Break, Edit, Process};
use attestar::policy::gate::Stage;

pub const PROCESS: Process = Process {
    policy: "crypto-analytics-dashboard",
    project: "crypto-analytics-dashboard",
    last: "1.0.0",
    version: "1.1.0",
    branch: "main",
    tagged: Stage::Seal,
    now: ["2026-11-17T08:00:00Z", "2026-11-17T09:00:00Z", "2026-11-18T10:00:00Z"],
    tier: None,
    roles: &[],
    signed: &[],
    variants: &[("hotfix", "1.0.1")],
    breaks: BREAKS,
};

const HOTFIX: Edit = Edit::As("hotfix", "1.0.1");

const SLO: &str = "reports/1.1.0/slo.json";
const PROM: &str = "reports/1.1.0/metrics.prom";
const PROTECTION: &str = "reports/1.1.0/branch-protection.json";
/// A result that a scan found.
const FOUND: &str = "\"results\": [{\"ruleId\": \"X1\", \"level\": \"error\"}]";

const BREAKS: &[Break] = &[
    Break { gate: "all-committed", edits: &[Edit::Uncommitted("src/fix.ts", "\n")], subject: "src/fix.ts" },
    Break {
        gate: "branch-protected",
        edits: &[Edit::Text(PROTECTION, "code_owner_reviews\": true", "code_owner_reviews\": false")],
        subject: "reports/1.1.0/branch-protection.json#/required_pull_request_reviews/require_code_owner_reviews",
    },
    Break { gate: "signed-tag", edits: &[Edit::Unsigned], subject: "v1.1.0" },
    Break { gate: "hotfix-tag", edits: &[HOTFIX, Edit::Rootless], subject: "HEAD" },
    Break {
        gate: "one-version",
        edits: &[Edit::Text("package.json", "1.1.0", "1.0.0")],
        subject: "package.json",
    },
    Break {
        gate: "changelog",
        edits: &[Edit::Text("CHANGELOG.md", "# Changelog\n", "# Changelog\n\n## [Unreleased]\n\n- More.\n")],
        subject: "CHANGELOG.md:3",
    },
    Break {
        gate: "docs-final",
        edits: &[Edit::Text("docs/OPERATING.md", "Status**: Final", "Status**: Draft")],
        subject: "docs/OPERATING.md:3",
    },
    Break {
        gate: "interfaces-follow",
        edits: &[Edit::Text(
            "docs/INTERFACES.md",
            "Three calls: is it well, what are the candles, and what is the portfolio worth.",
            "Two calls: is it well, and what are the candles.",
        )],
        subject: "docs/INTERFACES.md",
    },
    Break {
        gate: "contracts-follow",
        edits: &[Edit::Text("schemas/contracts/price-fx.schema.json", "end-of-day", "eod")],
        subject: "docs/DATA_CONTRACTS.md",
    },
    Break {
        gate: "events-follow",
        edits: &[Edit::Text(
            "schemas/events/event.schema.json",
            "\"flag.changed\"",
            "\"flag.changed\", \"drill.done\"",
        )],
        subject: "docs/EVENTS.md",
    },
    Break {
        gate: "slos-follow",
        edits: &[Edit::Text("config/slo.json", "99.5", "99.9")],
        subject: "docs/SLOS.md",
    },
    Break {
        gate: "docs-lint",
        edits: &[Edit::Text("reports/1.1.0/docs-lint.sarif", "\"results\": []", FOUND)],
        subject: "reports/1.1.0/docs-lint.sarif#/runs/0/results/0",
    },
    Break {
        gate: "api-described",
        edits: &[Edit::Text(
            "api/openapi.yaml",
            ", content: {application/json: {example: {status: ok}}}",
            ", content: {application/json: {}}",
        )],
        subject: "api/openapi.yaml:7 GET /health",
    },
    Break {
        gate: "contract-tests",
        edits: &[Edit::Gone("reports/1.1.0/contract.xml")],
        subject: "reports/1.1.0/contract.xml",
    },
    Break {
        gate: "csv-schema",
        edits: &[Edit::Text("samples/csv/fee.json", "3.5", "-3.5")],
        subject: "samples/csv/fee.json#/fee",
    },
    Break {
        gate: "registry-schema",
        edits: &[
            Edit::Text("schemas/contracts/asset-registry.schema.json", "[A-Z0-9]", "[A-Za-z0-9]"),
            Edit::Text("samples/registry/eth.json", "\"ETH\"", "\"stETH\""),
            Edit::Text("docs/DATA_CONTRACTS.md", "Imports", "Files that are imported"),
        ],
        subject: "samples/registry/eth.json#/symbol",
    },
    Break {
        gate: "price-fx-schema",
        edits: &[Edit::Text("samples/price-fx/btc.json", "0.92", "0")],
        subject: "samples/price-fx/btc.json#/fx",
    },
    Break {
        gate: "events-schema",
        edits: &[Edit::Text("samples/events/breaker.json", "breaker.opened", "breaker.broke")],
        subject: "samples/events/breaker.json#/event",
    },
    Break {
        gate: "unit-tests",
        edits: &[Edit::Gone("reports/1.1.0/unit.xml")],
        subject: "reports/1.1.0/unit.xml",
    },
    Break {
        gate: "integration-tests",
        edits: &[Edit::Gone("reports/1.1.0/integration.xml")],
        subject: "reports/1.1.0/integration.xml",
    },
    Break {
        gate: "journeys",
        edits: &[Edit::Gone("reports/1.1.0/e2e/uj3.flags-off.xml")],
        subject: "reports/1.1.0/e2e/uj3.flags-off.xml",
    },
    Break {
        gate: "chaos-and-soak",
        edits: &[Edit::Gone("reports/1.1.0/soak-80.flags-on.xml")],
        subject: "reports/1.1.0/soak-80.flags-on.xml",
    },
    Break {
        gate: "acceptance",
        edits: &[Edit::Gone("reports/1.1.0/acceptance/outage.xml")],
        subject: "reports/1.1.0/acceptance/outage.xml",
    },
    Break {
        gate: "operator-console",
        edits: &[Edit::Gone("reports/1.1.0/e2e/operator-console.xml")],
        subject: "reports/1.1.0/e2e/operator-console.xml",
    },
    Break {
        gate: "hardening",
        edits: &[Edit::Gone("reports/1.1.0/security/csv.xml")],
        subject: "reports/1.1.0/security/csv.xml",
    },
    Break {
        gate: "dependency-scan",
        edits: &[Edit::Text("reports/1.1.0/dependencies.sarif", "\"results\": []", FOUND)],
        subject: "reports/1.1.0/dependencies.sarif#/runs/0/results/0",
    },
    Break {
        gate: "leak-scan",
        edits: &[Edit::Text("reports/1.1.0/gitleaks.sarif", "\"results\": []", FOUND)],
        subject: "reports/1.1.0/gitleaks.sarif#/runs/0/results/0",
    },
    Break {
        gate: "no-credentials",
        edits: &[Edit::Content("config/app.env", "AWS_ACCESS_KEY_ID=AKIAQ7M2XPLV5RT3ZN6W\n")],
        subject: "config/app.env",
    },
    Break {
        gate: "traces-fresh",
        edits: &[Edit::Text(SLO, "2026-11-17T06:00:00Z", "2026-11-16T07:59:59Z")],
        subject: "reports/1.1.0/slo.json#/until",
    },
    Break {
        gate: "traces-cover-a-day",
        edits: &[Edit::Text(SLO, "\"hours\": 24", "\"hours\": 23.5")],
        subject: "reports/1.1.0/slo.json#/hours",
    },
    Break {
        gate: "api-p95",
        edits: &[Edit::Text(SLO, "141", "251")],
        subject: "reports/1.1.0/slo.json#/latency_ms/api/p95",
    },
    Break {
        gate: "api-p99",
        edits: &[Edit::Text(SLO, "388", "601")],
        subject: "reports/1.1.0/slo.json#/latency_ms/api/p99",
    },
    Break {
        gate: "candles-p95",
        edits: &[Edit::Text(SLO, "610", "901")],
        subject: "reports/1.1.0/slo.json#/latency_ms/candles/p95",
    },
    Break {
        gate: "candles-p99",
        edits: &[Edit::Text(SLO, "1320", "1801")],
        subject: "reports/1.1.0/slo.json#/latency_ms/candles/p99",
    },
    Break {
        gate: "portfolio-p95",
        edits: &[Edit::Text(SLO, "820", "1201")],
        subject: "reports/1.1.0/slo.json#/latency_ms/portfolio/p95",
    },
    Break {
        gate: "portfolio-p99",
        edits: &[Edit::Text(SLO, "1904", "2501")],
        subject: "reports/1.1.0/slo.json#/latency_ms/portfolio/p99",
    },
    Break {
        gate: "success-rate",
        edits: &[Edit::Text(SLO, "99.82", "99.49")],
        subject: "reports/1.1.0/slo.json#/success_percent",
    },
    Break {
        gate: "cache-hits",
        edits: &[Edit::Text(SLO, "83.4", "69.9")],
        subject: "reports/1.1.0/slo.json#/cache_hit_percent",
    },
    Break {
        gate: "breaker-recovery",
        edits: &[Edit::Text(SLO, "2.5", "5.5")],
        subject: "reports/1.1.0/slo.json#/breaker_mttr_minutes",
    },
    Break {
        gate: "rails-set",
        edits: &[Edit::Text("config/rails.json", "\"freeze_on_403\": true", "\"freeze_on_403\": false")],
        subject: "config/rails.json#/freeze_on_403",
    },
    Break {
        gate: "flags-registered",
        edits: &[Edit::Text("config/flags.json", "\"owner\": \"portfolio\"", "\"owner\": \"\"")],
        subject: "config/flags.json#/flags/2/owner",
    },
    Break {
        gate: "flags-retired",
        edits: &[Edit::Text("reports/1.1.0/flags.json", "\"overdue\": 0", "\"overdue\": 1")],
        subject: "reports/1.1.0/flags.json#/overdue",
    },
    Break {
        gate: "metrics-with-traces",
        edits: &[Edit::Text(PROM, " # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 1 1763359200.0", "")],
        subject: "reports/1.1.0/metrics.prom provider_requests_total",
    },
    Break {
        gate: "breakers-visible",
        edits: &[Edit::Text(
            PROM,
            "provider_breaker_state{provider=\"primary\"}",
            "breaker{provider=\"primary\"}",
        )],
        subject: "reports/1.1.0/metrics.prom",
    },
    Break {
        gate: "tracing-set",
        edits: &[Edit::Text("config/tracing.json", "\"head_percent\": 10", "\"head_percent\": 1")],
        subject: "config/tracing.json#/sampling",
    },
    Break {
        gate: "logs-traced",
        edits: &[Edit::Text("reports/1.1.0/logs/breaker.json", "\"span_id\"", "\"span\"")],
        subject: "reports/1.1.0/logs/breaker.json",
    },
    Break {
        gate: "local-only",
        edits: &[Edit::Text("config/server.json", "\"bind\": \"127.0.0.1\"", "\"bind\": \"0.0.0.0\"")],
        subject: "config/server.json#/bind",
    },
    Break {
        gate: "nightly-backup",
        edits: &[Edit::Log(|events| events.retain(|event| event.archive.as_deref() != Some("backup-2")))],
        subject: "the log",
    },
    Break {
        gate: "weekly-drill",
        edits: &[Edit::Log(|events| events.retain(|event| event.what != "drilled"))],
        subject: "the log",
    },
    Break {
        gate: "drill-report",
        edits: &[Edit::Text(
            "reports/drill/drill_report.json",
            "2026-11-15T03:00:09Z",
            "2026-11-08T03:00:09Z",
        )],
        subject: "reports/drill/drill_report.json#/finished_at",
    },
    Break {
        gate: "rollback-plan",
        edits: &[Edit::Text("docs/rollback/v1.1.0.md", "## Data", "## Database")],
        subject: "docs/rollback/v1.1.0.md",
    },
    Break {
        gate: "rollback-tested",
        edits: &[Edit::Gone("reports/1.1.0/rollback.xml")],
        subject: "reports/1.1.0/rollback.xml",
    },
    Break {
        gate: "incidents-closed",
        edits: &[Edit::Text("docs/incidents/INCIDENT-0002.md", "[x] Test", "[ ] Test")],
        subject: "docs/incidents/INCIDENT-0002.md:21",
    },
    Break {
        gate: "notes-published",
        edits: &[Edit::Text(
            "reports/1.1.0/published.json",
            "\"generated_from\": \"v1.1.0\"",
            "\"generated_from\": \"main\"",
        )],
        subject: "reports/1.1.0/published.json#/generated_from",
    },
    Break {
        gate: "healthy-since",
        edits: &[Edit::Gone("reports/1.1.0/after/health.xml")],
        subject: "reports/1.1.0/after/health.xml",
    },
    Break {
        gate: "success-since",
        edits: &[Edit::Text("reports/1.1.0/after/slo.json", "99.9", "99.1")],
        subject: "reports/1.1.0/after/slo.json#/success_percent",
    },
    Break {
        gate: "latency-since",
        edits: &[Edit::Text("reports/1.1.0/after/slo.json", "150", "251")],
        subject: "reports/1.1.0/after/slo.json#/latency_ms/api/p95",
    },
];
