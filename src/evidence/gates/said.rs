//! What the signed statements in a pack say of where it was sealed, and of its gates.

use crate::error::Result;
use crate::evidence::agreement::{POLICY, small};
use crate::evidence::gates::record::GATES;
use crate::evidence::provenance::PROVENANCE;
use crate::evidence::receipt::VerifiedReceipt;
use crate::format::gates::VerificationSummary;
use crate::format::pack::Pack;
use crate::format::provenance::Provenance;
use crate::format::statement::Predicate;
use crate::keys::right::Right;
use crate::keys::trust::Trust;
use crate::keys::verify::Expect;
use crate::pipeline::contents::Tags;
use crate::policy::{Policy, Source};

/// What was signed when it was sealed.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// What the gates came to, if there were any.
    pub record: Option<VerificationSummary>,
    /// Where the artifacts come from, if there are any.
    pub provenance: Option<Provenance>,
}

impl Said {
    /// Reads both. A statement that does not verify says nothing here; that it does not is what the checks of the pack
    /// find.
    pub fn read(tags: &Tags, pack: &Pack, trust: &Trust, receipt: Option<&VerifiedReceipt>) -> Result<Said> {
        let from = From { tags, pack, trust, receipt };
        Ok(Said { record: from.one(GATES)?, provenance: from.one(PROVENANCE)? })
    }

    /// The commit that was sealed, as lower-case hex, where it was one.
    pub fn commit(&self) -> Option<&str> {
        let commit = self.provenance.as_ref().and_then(commit);
        commit.or_else(|| self.record.as_ref()?.gates.commit.as_deref())
    }

    /// Whether the tag at the commit was an object of its own.
    pub fn has_tag_object(&self) -> bool {
        let sources = self.provenance.iter().flat_map(|said| &said.build_definition.resolved_dependencies);
        sources.filter_map(|one| one.digest.as_ref()).any(|digest| digest.git_tag.is_some())
    }
}

/// The commit that a provenance names.
pub fn commit(provenance: &Provenance) -> Option<&str> {
    let sources = &provenance.build_definition.resolved_dependencies;
    sources.iter().find_map(|one| one.digest.as_ref()?.git_commit.as_deref())
}

/// The policy that lies in a pack, as evidence: nothing is ever run for it. One that cannot be read says nothing.
pub fn own_policy(tags: &Tags) -> Result<Option<Policy>> {
    let text = small(tags, POLICY)?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| Policy::parse(Source::File(POLICY.into()), text).ok()))
}

struct From<'a> {
    tags: &'a Tags,
    pack: &'a Pack,
    trust: &'a Trust,
    receipt: Option<&'a VerifiedReceipt>,
}

impl From<'_> {
    fn one<P: Predicate + Clone>(&self, file: &str) -> Result<Option<P>> {
        let Some(bundle) = small(self.tags, file)? else { return Ok(None) };
        let expect = Expect {
            file,
            right: Right::to_seal(self.pack.kind),
            project: Some(&self.pack.project),
            kind: Some(self.pack.kind),
        };
        let at = self.receipt.map(|receipt| receipt.predicate().created_at);
        Ok(self.trust.verify::<P>(&bundle, expect, at).ok().map(|said| said.predicate().clone()))
    }
}
