//! What is read of a release besides its bytes: DDL, lockfiles, artifacts. All of it must be of the very bytes that are
//! sealed; where it was read apart from them, digests or times are compared afterwards.

use crate::error::{Error, Result};
use crate::evidence::artifacts::Artifacts;
use crate::evidence::compose::Payload;
use crate::evidence::ddl;
use crate::finding::{Code, Finding};
use crate::format::ddl::DdlPack;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::tree::scan::Scan;
use crate::tree::software::{Said, lockfiles};
use std::path::Path;

/// What was read before the payload is, and what is looked at while it is.
pub struct Gathered<'a> {
    ddl: ddl::Gathered,
    lockfiles: Vec<Said>,
    artifacts: Artifacts<'a>,
}

/// What the tree says of itself.
pub struct Says {
    /// DDL files, their statements and objects.
    pub ddl: Option<DdlPack>,
    /// Lockfiles and artifacts.
    pub software: Vec<Said>,
}

impl<'a> Gathered<'a> {
    /// Reads DDL and lockfiles.
    pub fn before(root: &Path, policy: &'a Policy, scan: &'a Scan, watch: &Watch) -> Result<Gathered<'a>> {
        Ok(Gathered {
            ddl: ddl::gather(&Root::open(root)?, policy, &scan.members, watch)?,
            lockfiles: lockfiles(root, scan, policy, watch)?,
            artifacts: Artifacts::new(&scan.members, policy),
        })
    }

    /// Looks at a small file of the payload as it is packed, from any thread.
    pub fn look(&self, path: &PackPath, content: &[u8]) {
        self.artifacts.look(path, content);
    }

    /// Reads what is left once the payload was packed; refuses a tree in which something changed meanwhile.
    pub fn after(self, root: &Root, payload: &Payload<'_>, watch: &Watch) -> Result<Says> {
        let ddl = self.ddl.read.iter().map(|(path, sha256)| (path.as_str(), *sha256));
        let lockfiles = self.lockfiles.iter().filter_map(|said| Some((&*said.path, said.sha256?)));
        same_bytes(ddl.chain(lockfiles), payload)?;
        let mut software = self.lockfiles;
        software.extend(self.artifacts.finish(root, watch)?);
        Ok(Says { ddl: self.ddl.pack, software })
    }
}

/// Refuses what was not the same when it was read here as when it was sealed. What is no payload was read once only.
fn same_bytes<'r>(read: impl Iterator<Item = (&'r str, Sha256)>, payload: &Payload<'_>) -> Result<()> {
    let sealed = |path: &str| {
        let at = payload.scanned.binary_search_by(|member| member.path.as_str().cmp(path)).ok()?;
        payload.read.get(at).map(|read| read.digests.sha256)
    };
    let changed = read.filter(|(path, digest)| sealed(path).is_some_and(|sealed| sealed != *digest));
    let findings: Vec<Finding> = changed.map(|(path, _)| Finding::new(Code::FileChanging, path)).collect();
    if findings.is_empty() { Ok(()) } else { Err(Error::Refused(findings)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::compose::Shape;
    use crate::format::class::Class;
    use crate::format::digest::Digests;
    use crate::pipeline::pack::Read as Sealed;
    use crate::tree::member::{Member, MemberKind};

    #[test]
    fn bytes_that_changed_between_the_two_readings_are_refused() {
        let member = Member {
            path: PackPath::new(b"ddl/a.sql").unwrap(),
            kind: MemberKind::File,
            class: Some(Class::Ddl),
            size: 1,
            mode: 0o644,
            mtime_s: 0,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
            stamp: Default::default(),
        };
        let sealed = Sealed { size: 1, digests: Digests::of(b"a"), torn: false };
        let payload =
            Payload { scanned: &[member], shape: Shape::Release(0), read: &[sealed], elsewhere: None };
        let read = |path, bytes: &[u8]| same_bytes([(path, Sha256::of(bytes))].into_iter(), &payload);
        assert!(read("ddl/a.sql", b"a").is_ok());
        let Err(Error::Refused(findings)) = read("ddl/a.sql", b"b") else { panic!("other bytes go through") };
        assert_eq!((findings[0].code, &*findings[0].subject), (Code::FileChanging, "ddl/a.sql"));
        assert!(read("Cargo.lock", b"b").is_ok(), "what is no payload was not sealed");
    }
}
