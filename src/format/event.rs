//! Events of a store that no other statement tells: a backup in which nothing had changed, an archive that was deleted by
//! policy. The archives are the subjects.

use crate::format::digest::Sha256;
use crate::format::json;
use crate::format::kind::Kind;
use crate::format::leaf::What;
use crate::format::statement::{Predicate, Statement, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Predicate `urn:attestar:event:v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Whose project.
    pub project: String,
    /// What the archives are.
    pub kind: Kind,
    /// `unchanged` or `pruned`.
    #[serde(rename = "type")]
    pub what: What,
    /// The pack that it is about.
    pub name: String,
    /// Whether it went well.
    pub passed: bool,
    /// When. The signer's key is judged by this time.
    #[serde(with = "json::timestamp")]
    pub at: Timestamp,
}

impl Event {
    /// The statement to sign: this event of these archives, by file name and digest. At least one.
    pub fn of(self, archives: impl IntoIterator<Item = (String, Sha256)>) -> Statement<Event> {
        let subjects = archives.into_iter().map(|(name, sha256)| Subject::new(name, sha256));
        Statement::new(subjects.collect(), self)
    }
}

impl Predicate for Event {
    const TYPE: &'static str = "urn:attestar:event:v1";

    fn project(&self) -> &str {
        &self.project
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn signed_at(&self) -> Option<Timestamp> {
        Some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_back() {
        let json = r#"{"project":"shop","kind":"backup","type":"unchanged","name":"shop-1","passed":false,"at":"2026-11-20T03:00:00Z"}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(event.signed_at(), Some("2026-11-20T03:00:00Z".parse().unwrap()));
        assert!(serde_json::from_str::<Event>(&json.replace("\"passed\":false,", "")).is_err());
        let statement = event.of([("shop-1.tar.zst.age".to_owned(), Sha256([0; 32]))]);
        assert_eq!(Statement::<Event>::parse(&statement.to_bytes()).unwrap(), statement);
    }
}
