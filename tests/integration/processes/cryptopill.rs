//! Freeze, docs pack, hashes, tag, two deployments, registration.

use crate::processes::{Break, Edit, Process};
use attestar::policy::gate::Stage;

pub const PROCESS: Process = Process {
    policy: "cryptopill",
    project: "cryptopill",
    last: "0.1.0",
    version: "0.1.1",
    branch: "release/v0.1.1",
    tagged: Stage::Seal,
    now: ["2026-11-17T09:30:00Z", "2026-11-17T12:00:00Z", "2026-11-17T16:00:00Z"],
    tier: None,
    roles: &[],
    signed: &[],
    variants: &[],
    breaks: BREAKS,
};

const NOTES: &str = "docs/releases/v0.1.1.md";

const BREAKS: &[Break] = &[
    Break {
        gate: "all-committed",
        edits: &[Edit::Uncommitted("src/quick-fix.mts", "export {};\n")],
        subject: "src/quick-fix.mts",
    },
    Break { gate: "one-version", edits: &[Edit::Content("SOURCE_TAG", "v0.1.0\n")], subject: "SOURCE_TAG" },
    Break { gate: "tagged", edits: &[Edit::TaggedElsewhere], subject: "v0.1.1" },
    Break { gate: "tag-signed", edits: &[Edit::Unsigned], subject: "v0.1.1" },
    Break {
        gate: "ddl-kept",
        edits: &[
            Edit::Text("ddl/0002_samples.sql", "price      numeric(24, 10)", "price      numeric(30, 12)"),
            Edit::Relisted("ddl/FREEZE.sha256.txt"),
        ],
        subject: "ddl/0002_samples.sql",
    },
    Break {
        gate: "ddl-frozen",
        edits: &[Edit::Text("ddl/0003_matrix.sql", "ratio  double precision", "ratio  numeric")],
        subject: "ddl/0003_matrix.sql",
    },
    Break {
        gate: "dev-ddl",
        edits: &[Edit::Gone("reports/0.1.1/dev/ddl.xml")],
        subject: "reports/0.1.1/dev/ddl.xml",
    },
    Break {
        gate: "dev-smokes",
        edits: &[Edit::Gone("reports/0.1.1/dev/idhr.xml")],
        subject: "reports/0.1.1/dev/idhr.xml",
    },
    Break {
        gate: "docs-hashed",
        edits: &[Edit::AfterHash("docs/DATABASE.md", "PostgreSQL 15", "PostgreSQL 16")],
        subject: "docs/DATABASE.md",
    },
    Break {
        gate: "release-notes",
        edits: &[Edit::Text(
            NOTES,
            "PostgreSQL 15 or later, Node 22. Apply the DDL pack before the application starts.",
            "TBD",
        )],
        subject: NOTES,
    },
    Break {
        gate: "no-credentials",
        edits: &[Edit::Content("config/app.env", "AWS_ACCESS_KEY_ID=AKIAQ7M2XPLV5RT3ZN6W\n")],
        subject: "config/app.env",
    },
    Break {
        gate: "staging-ddl",
        edits: &[Edit::Text("ddl/0003_matrix.sql", "ratio  double precision", "ratio  numeric")],
        subject: "ddl/0003_matrix.sql",
    },
    Break {
        gate: "staging-smokes",
        edits: &[Edit::Text(
            "reports/0.1.1/staging/idhr.xml",
            "name=\"yesterday is complete\" time=\"2.43\"/>",
            "name=\"yesterday is complete\"><failure/></testcase>",
        )],
        subject: "reports/0.1.1/staging/idhr.xml:5",
    },
    Break {
        gate: "staging-stamped",
        edits: &[Edit::Text("reports/0.1.1/staging/session.json", "0.1.1", "0.1.0")],
        subject: "reports/0.1.1/staging/session.json#/app_version",
    },
    Break {
        gate: "api-and-views",
        edits: &[Edit::Gone("reports/0.1.1/staging/ui-views.xml")],
        subject: "reports/0.1.1/staging/ui-views.xml",
    },
    Break {
        gate: "data-fresh",
        edits: &[Edit::Text("reports/0.1.1/staging/matrices.json", "T11:20:05Z", "T05:59:59Z")],
        subject: "reports/0.1.1/staging/matrices.json#/newest_at",
    },
    Break {
        gate: "no-ingest-gaps",
        edits: &[Edit::Text("reports/0.1.1/staging/ingest.json", "\"gaps\": 0", "\"gaps\": 2")],
        subject: "reports/0.1.1/staging/ingest.json#/gaps",
    },
    Break {
        gate: "no-sql-warnings",
        edits: &[Edit::Text(
            "reports/0.1.1/staging/server-log.json",
            "\"sql_warnings\": 0",
            "\"sql_warnings\": 1",
        )],
        subject: "reports/0.1.1/staging/server-log.json#/sql_warnings",
    },
    Break {
        gate: "production-backup",
        edits: &[Edit::Log(|events| events.retain(|event| event.what != "verified"))],
        subject: "the log",
    },
    Break {
        gate: "production-ddl",
        edits: &[Edit::Content("ddl/0004_late.sql", "CREATE TABLE late (id bigint);\n")],
        subject: "ddl/0004_late.sql",
    },
    Break {
        gate: "production-stamped",
        edits: &[Edit::Text("reports/0.1.1/production/session.json", "\"production\"", "\"staging\"")],
        subject: "reports/0.1.1/production/session.json#/environment",
    },
    Break {
        gate: "production-smokes",
        edits: &[Edit::Gone("reports/0.1.1/production/persistence-auto-smoke.xml")],
        subject: "reports/0.1.1/production/persistence-auto-smoke.xml",
    },
    Break {
        gate: "archived",
        edits: &[Edit::Log(|events| {
            events.retain(|event| event.archive.as_deref() != Some("cryptopill-0.1.1"))
        })],
        subject: "the log",
    },
    Break {
        gate: "registered",
        edits: &[Edit::Text(
            "docs/registration/v0.1.1.md",
            " two drives, one in the safe of the office, one at the notary's",
            "",
        )],
        subject: "docs/registration/v0.1.1.md:5",
    },
    Break { gate: "merged-back", edits: &[Edit::NotMerged], subject: "v0.1.1" },
    Break { gate: "cycle-open", edits: &[Edit::Content("VERSION", "0.1.1\n")], subject: "VERSION" },
];
