//! What a seal files for a software registry.

use crate::error::{Error, Result};
use crate::evidence::compose::{Identity, Payload};
use crate::evidence::filing::{self, Filed};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::Policy;
use crate::policy::gate::Release;
use crate::verbs::place::Place;

/// What is filed, and where it is made.
pub struct Filing<'a> {
    /// The tree.
    pub root: &'a Root,
    /// The policy, which says whether and what.
    pub policy: &'a Policy,
    /// The pack.
    pub identity: &'a Identity,
    /// Where everything is made.
    pub place: &'a Place,
}

impl Filing<'_> {
    /// Makes the archive and the record of its digests, where the policy asks for them.
    pub fn file(&self, payload: &Payload<'_>, watch: &Watch) -> Result<Option<Filed>> {
        let Filing { root, policy, identity, place } = self;
        let (project, version) = (&*identity.project, &*identity.version);
        let name = name(policy, &identity.name, project, version)?;
        let Some((options, name)) = policy.filing.as_ref().zip(name) else { return Ok(None) };
        let filed = filing::write(root, options, &name, payload, &place.filing_file(), watch)?;
        place.filed(&filing::digests(&place.filed_before()?, project, version, &filed))?;
        Ok(Some(filed))
    }
}

/// What the archive is called, without its ending; nothing where none is filed.
pub fn name(policy: &Policy, pack: &str, project: &str, version: &str) -> Result<Option<String>> {
    let Some(options) = &policy.filing else { return Ok(None) };
    let Some(template) = &options.name else { return Ok(Some(pack.to_owned())) };
    let path = template.path(&Release::named(project, version, policy.tag.name(version)));
    let path =
        path.map_err(|fault| Error::input(fault.actual.unwrap_or(fault.subject), "see [filing] name"))?;
    Ok(Some(path.to_string()))
}
