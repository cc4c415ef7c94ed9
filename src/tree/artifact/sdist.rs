//! Python source archives (PyPA source distribution format): `NAME-VERSION/PKG-INFO` in `NAME-VERSION.tar.gz`.

use crate::format::bom::Aggregate;
use crate::tree::artifact::bounds::{Budget, Trouble};
use crate::tree::artifact::python;
use crate::tree::artifact::tar::{EntryKind, Tar, inside};
use crate::tree::reading::Reading;

/// What a source archive says of itself; `None` if there is no PKG-INFO, so that it is any archive.
pub fn read(tar: &mut Tar<'_>, folder: &str) -> Result<Option<Reading>, Trouble> {
    let mut budget = Budget::new();
    let wanted = format!("{folder}/PKG-INFO");
    while let Some(entry) = tar.next(&mut budget)? {
        if entry.kind != EntryKind::File || inside(&entry.path).as_deref() != Some(&wanted) {
            continue;
        }
        let bytes = budget.manifest(&mut tar.body())?;
        let metadata =
            python::metadata(&bytes).ok_or_else(|| Trouble::invalid("PKG-INFO names no package"))?;
        let mut reading = Reading::new(Aggregate::Unknown);
        let root = reading.graph.add_root(metadata.component);
        metadata.needed.add_to(&mut reading.graph, root, |name| python::purl(name, ""));
        return Ok(Some(reading));
    }
    Ok(None)
}
