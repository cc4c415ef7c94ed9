//! A waiver: the signed word of somebody who may waive that one gate need not hold for one release. Bound to project,
//! version, commit and policy, it is used up by that release.
//!
//! It holds no clock reading: when it ends is stated, and whether it still holds is judged when the gates are.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::seal::PolicyRef;
use crate::format::statement::{Predicate, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of a waiver's only subject: the policy, as a pack calls it.
pub const WAIVER_SUBJECT: &str = "policy.toml";

/// Predicate `urn:attestar:waiver:v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Whose release.
    pub project: String,
    /// Always a release.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The commit it is made from, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The policy that the gate is in.
    pub policy: PolicyRef,
    /// The gate's id in that policy.
    pub gate: String,
    /// The role that waives.
    pub role: String,
    /// Why.
    pub reason: String,
    /// Until when it lifts the gate.
    #[serde(with = "json::timestamp")]
    pub until: Timestamp,
}

impl Waiver {
    /// The statement to sign: this waiver of a gate in its policy.
    pub fn of_policy(self) -> Statement<Waiver> {
        Statement::new(vec![Subject::new(WAIVER_SUBJECT, self.policy.sha256)], self)
    }
}

impl Predicate for Waiver {
    const TYPE: &'static str = "urn:attestar:waiver:v1";

    fn project(&self) -> &str {
        &self.project
    }

    fn kind(&self) -> Kind {
        self.kind
    }
}

/// What a waiver has to be of, to count.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The project.
    pub project: &'a str,
    /// The version.
    pub version: &'a str,
    /// The commit, where there is one.
    pub commit: Option<&'a str>,
    /// The digest of the policy.
    pub policy: Sha256,
}

impl Binding<'_> {
    /// What the waiver is not of: the name of each such thing, what it has to be, and what the waiver says.
    pub fn differs(&self, waiver: &Waiver) -> Vec<(&'static str, String, String)> {
        let commit = |commit: Option<&str>| commit.unwrap_or("no commit").to_owned();
        let digest = |sha256: Sha256| format!("sha256 {sha256}");
        let pairs = [
            ("project", self.project.to_owned(), waiver.project.clone()),
            ("version", self.version.to_owned(), waiver.version.clone()),
            ("commit", commit(self.commit), commit(waiver.commit.as_deref())),
            ("policy", digest(self.policy), digest(waiver.policy.sha256)),
        ];
        pairs.into_iter().filter(|(_, expected, said)| expected != said).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiver() -> Waiver {
        Waiver {
            project: "shop".into(),
            kind: Kind::Release,
            version: "1.0.0".into(),
            commit: Some("8c1f".into()),
            policy: PolicyRef { name: "shop".into(), sha256: Sha256([0; 32]) },
            gate: "release-window".into(),
            role: "risk".into(),
            reason: "a fix for everybody".into(),
            until: "2026-11-21T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_waiver_reads_back_and_takes_no_other_field() {
        let zero = "0".repeat(64);
        let json = format!(
            r#"{{"project":"shop","kind":"release","version":"1.0.0","commit":"8c1f","policy":{{"name":"shop","sha256":"{zero}"}},"gate":"release-window","role":"risk","reason":"a fix for everybody","until":"2026-11-21T00:00:00Z"}}"#
        );
        assert_eq!(serde_json::to_string(&waiver()).unwrap(), json);
        assert_eq!(serde_json::from_str::<Waiver>(&json).unwrap(), waiver());
        assert!(serde_json::from_str::<Waiver>(&json.replace("\"gate\"", "\"gates\"")).is_err());
        assert!(serde_json::from_str::<Waiver>(&json.replace("T00:00:00Z", "")).is_err());
        let statement = waiver().of_policy();
        assert_eq!((&*statement.subject[0].name, statement.subject.len()), ("policy.toml", 1));
    }

    #[test]
    fn a_waiver_is_of_one_project_version_commit_and_policy() {
        let of = Binding { project: "shop", version: "1.0.0", commit: Some("8c1f"), policy: Sha256([0; 32]) };
        assert_eq!(of.differs(&waiver()), []);
        let differs =
            |of: Binding<'_>| of.differs(&waiver()).into_iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(differs(Binding { project: "bank", ..of }), ["project"]);
        assert_eq!(differs(Binding { version: "1.0.1", ..of }), ["version"]);
        assert_eq!(differs(Binding { commit: None, ..of }), ["commit"]);
        assert_eq!(
            differs(Binding { commit: Some("9d2e"), policy: Sha256([1; 32]), ..of }),
            ["commit", "policy"]
        );
    }
}
