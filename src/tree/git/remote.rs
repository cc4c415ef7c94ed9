//! Where a repository was cloned from, as its configuration says.

use crate::format::public_url::public_url;
use gix::Repository;

/// The URL of `origin`, or of the only remote, fit to be shown: see [`public_url`]. `url.*.insteadOf` is not applied, as it
/// says what one machine's user prefers. `None` without a remote, and where it is a path on this machine.
pub(super) fn remote(repository: &Repository) -> Option<String> {
    let names = repository.remote_names();
    let name = match names.iter().find(|name| **name == "origin") {
        Some(name) => name,
        None if names.len() == 1 => names.first()?,
        None => return None,
    };
    let config = repository.config_snapshot();
    let url = config.plumbing().raw_value_by("remote", name, "url").ok()?;
    public_url(std::str::from_utf8(&url).ok()?)
}
