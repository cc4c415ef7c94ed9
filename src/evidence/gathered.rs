//! What is read of a release besides its bytes: DDL, lockfiles, artifacts. All of it must be of the very bytes that are
//! sealed; where it was read apart from them, digests or times are compared afterwards.

use crate::error::{Error, Result};
use crate::evidence::artifacts::Artifacts;
use crate::evidence::compose::Payload;
use crate::evidence::ddl;
use crate::finding::{Code, Finding};
use crate::format::ddl::DdlPack;
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
        self.ddl.same_bytes(payload)?;
        same_bytes(&self.lockfiles, payload)?;
        let mut software = self.lockfiles;
        software.extend(self.artifacts.finish(root, watch)?);
        Ok(Says { ddl: self.ddl.pack, software })
    }
}

/// A lockfile that is payload too must have been the same when it was read for the SBOM.
fn same_bytes(lockfiles: &[Said], payload: &Payload<'_>) -> Result<()> {
    let sealed = |path: &str| {
        let at = payload.scanned.binary_search_by(|member| member.path.as_str().cmp(path)).ok()?;
        payload.read.get(at).map(|read| read.digests.sha256)
    };
    let differs = |said: &&Said| {
        said.sha256.is_some_and(|read| sealed(&said.path).is_some_and(|sealed| sealed != read))
    };
    let changed = lockfiles.iter().filter(differs);
    let findings: Vec<Finding> = changed.map(|said| Finding::new(Code::FileChanging, &said.path)).collect();
    if findings.is_empty() { Ok(()) } else { Err(Error::Refused(findings)) }
}
