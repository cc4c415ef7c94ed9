//! The shipped policies, embedded.

use crate::error::{Error, Result};
use crate::format::nearest::nearest;
use crate::policy::rules::{Policy, Source};

/// Every shipped policy: its name, and its text.
const SHIPPED: &[(&str, &str)] = &[
    ("crypto-analytics-dashboard", include_str!("../../policies/crypto-analytics-dashboard.toml")),
    ("cryptopill", include_str!("../../policies/cryptopill.toml")),
    ("default", include_str!("../../policies/default.toml")),
    ("nightly", include_str!("../../policies/nightly.toml")),
    ("orca", include_str!("../../policies/orca.toml")),
    ("tiered-release", include_str!("../../policies/tiered-release.toml")),
    ("tradepulse", include_str!("../../policies/tradepulse.toml")),
];

impl Policy {
    /// The names of the shipped policies.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|&(name, _)| name)
    }

    /// The shipped policy of a name: what `builtin:NAME` and `init --from NAME` mean.
    pub fn builtin(name: &str) -> Result<Policy> {
        let Some(&(name, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
            let names: Vec<_> = Policy::builtin_names().collect();
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean builtin:{near}?"),
                None => format!("shipped: {}", names.join(", ")),
            };
            return Err(Error::usage(format!("there is no shipped policy `{}`", name.escape_debug()), hint));
        };
        Policy::parse(Source::Builtin(name), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::class::Class;
    use crate::format::path::PackPath;

    fn default() -> Policy {
        Policy::builtin("default").unwrap()
    }

    fn class(path: &str) -> Option<Class> {
        default().classify(&PackPath::new(path.as_bytes()).unwrap()).map(|(_, rule)| rule.class)
    }

    #[test]
    fn every_shipped_policy_is_valid_and_bears_its_name() {
        for name in Policy::builtin_names() {
            let policy = Policy::builtin(name).unwrap();
            assert_eq!((policy.name.as_str(), policy.source.to_string()), (name, format!("builtin:{name}")));
        }
    }

    #[test]
    fn an_unknown_shipped_policy_is_refused_with_the_nearest() {
        let error = Policy::builtin("defualt").unwrap_err();
        assert!(matches!(error, Error::Usage { .. }), "{error:?}");
        assert_eq!(error.hint(), "did you mean builtin:default?");
    }

    #[test]
    fn well_known_places_say_what_a_file_is() {
        for (path, expected) in [
            ("README.md", Class::Doc),
            ("LICENSE-MIT", Class::Doc),
            ("docs/guide/logo.svg", Class::Doc),
            ("html/std/index.html", Class::Doc),
            ("ddl/0001_init.sql", Class::Ddl),
            ("db/migrations/2026/001.sql", Class::Ddl),
            ("dist/app-1.0.tar.gz", Class::Artifact),
            ("bin/app", Class::Artifact),
            ("out/app-1.0-py3-none-any.whl", Class::Artifact),
            ("src/main.rs", Class::Artifact),
            ("assets/font.woff2", Class::Artifact),
            ("Cargo.toml", Class::Config),
            ("config/app/prod.conf", Class::Config),
            ("Dockerfile", Class::Config),
            (".github/workflows/ci.yml", Class::Config),
            ("requirements.txt", Class::Config),
            ("evidence/scan.json", Class::Evidence),
            ("reports/kill-switch.json", Class::Evidence),
            ("ci/unit.junit.xml", Class::Evidence),
            ("src/target/mod.rs", Class::Artifact),
        ] {
            assert_eq!(class(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn caches_builds_in_progress_and_secrets_by_habit_match_no_rule() {
        for path in [
            "target/debug/app",
            "crates/a/target/release/app",
            "node_modules/x/README.md",
            "docs/node_modules/x/index.js",
            "web/.venv/bin/python",
            "src/__pycache__/a.pyc",
            ".env",
            "deploy/.env.local",
            "docs/.DS_Store",
            "ddl/.schema.sql.swp",
            "config/app.toml~",
        ] {
            assert_eq!(class(path), None, "{path}");
        }
    }

    #[test]
    fn every_rule_leaves_the_same_things_out_so_that_they_match_none() {
        let policy = default();
        assert!(policy.include.iter().all(|rule| rule.exclude == policy.include[0].exclude));
        assert_eq!(policy.include.last().unwrap().paths, ["**"]);
    }
}
