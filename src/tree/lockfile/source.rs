//! Addresses of packages that come from no registry, as qualifiers of package URLs. What could be a secret is left out:
//! who logs in and with what, and everything behind a question mark.

/// A repository as `vcs_url`, in the form that SPDX 2.3 (section 7.7) gives such addresses: `git+https://host/path@commit`.
/// Takes `git+ssh://…#commit`, `https://….git?rev=1#commit` and the short forms `github:owner/name#commit`,
/// `git@host:path`. `None` if it is no address.
pub fn vcs_url(text: &str) -> Option<String> {
    let (address, commit) = text.split_once('#').unwrap_or((text, ""));
    let address = address.split('?').next()?;
    // npm writes `#semver:^1` and `#branch&path:/x` too; a commit has no such thing.
    let commit = commit.rsplit('=').next()?.split('&').next()?;
    let short = [
        ("github:", "git+https://github.com/"),
        ("gitlab:", "git+https://gitlab.com/"),
        ("bitbucket:", "git+https://bitbucket.org/"),
    ];
    let long = short.iter().find_map(|(short, long)| Some(format!("{long}{}", address.strip_prefix(short)?)));
    let full = match (long, address.strip_prefix("git@")) {
        (Some(long), _) => long,
        (None, Some(rest)) if !rest.contains("://") => {
            format!("git+ssh://git@{}", rest.replacen(':', "/", 1))
        }
        _ => address.to_owned(),
    };
    let bare = without_login(&full)?;
    let scheme = if bare.starts_with("git") { "" } else { "git+" };
    let at = if commit.is_empty() || commit.contains(':') { "" } else { "@" };
    let commit = if at.is_empty() { "" } else { commit };
    Some(format!("{scheme}{bare}{at}{commit}"))
}

/// An archive as `download_url`. `None` if it is no address.
pub fn download_url(text: &str) -> Option<String> {
    without_login(text.split(['#', '?']).next()?)
}

/// An address without the login in it, but for the `git` that everybody uses.
fn without_login(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match host.rsplit_once('@') {
        Some(("git", _)) | None => host,
        Some((_, bare)) => bare,
    };
    (!scheme.is_empty() && !host.is_empty()).then(|| format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_without_secrets() {
        for (text, expected) in [
            ("git+ssh://git@h.example/a/b.git#c0ffee", Some("git+ssh://git@h.example/a/b.git@c0ffee")),
            ("git+https://me:token@h.example/a/b.git#c0ffee", Some("git+https://h.example/a/b.git@c0ffee")),
            ("https://h.example/a/b?rev=1#c0ffee", Some("git+https://h.example/a/b@c0ffee")),
            ("https://h.example/a/b.git#commit=c0ffee", Some("git+https://h.example/a/b.git@c0ffee")),
            ("github:a/b#c0ffee", Some("git+https://github.com/a/b@c0ffee")),
            ("git@h.example:a/b.git", Some("git+ssh://git@h.example/a/b.git")),
            ("git://h.example/a/b.git#semver:^1", Some("git://h.example/a/b.git")),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(vcs_url(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn archives_are_told_without_secrets() {
        let text = "https://a:b@h.example/x/y.tgz?token=secret#sha";
        assert_eq!(download_url(text).as_deref(), Some("https://h.example/x/y.tgz"));
        assert_eq!(download_url("/x/y.tgz"), None);
    }
}
