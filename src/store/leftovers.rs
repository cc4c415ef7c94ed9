//! What killed runs left on its way into a store.

use super::{ObjectName, Store};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use jiff::{SignedDuration, Timestamp};

/// What is younger than this in a directory may have no lock yet.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// What is older than this in a bucket belongs to nobody any more.
const ABANDONED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Removes it, and says what. A directory tells whether who wrote it still lives; in a bucket only age does.
pub fn sweep(store: &dyn Store, now: Timestamp) -> Result<Vec<Finding>> {
    let is_directory = store.file(&ObjectName::new(super::INCOMING)?).is_some();
    let age = if is_directory { SETTLED } else { ABANDONED };
    let Ok(before) = now.checked_sub(age) else { return Ok(Vec::new()) };
    let swept = match store.sweep(before) {
        // Whoever may not look, or not delete, leaves it to others.
        Err(error) if error.is_denied() => Vec::new(),
        // A store that cannot do it now does it another night.
        Err(error @ Error::Store { .. }) => {
            let finding = Finding::warning(Code::LeftBehind, store.place());
            return Ok(vec![finding.actual(error.with_causes())]);
        }
        swept => swept?,
    };
    let warning = |name: String| {
        let finding = Finding::warning(Code::Cleaned, name);
        finding.actual("a run that did not end had left it in the store; it was removed")
    };
    Ok(swept.into_iter().map(warning).collect())
}
