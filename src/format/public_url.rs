//! URLs as evidence may show them: where something lies, and nothing that lets anybody in.

/// The longest URL that is shown, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// The schemes of URLs that others can follow; ssh and git's own are for repositories.
const SCHEMES: &[&str] = &["https", "http", "ssh", "git", "git+ssh", "git+https"];

/// How tokens of well-known services begin. A URL that has one in its path is not shown at all: what is left without it
/// would be another place.
const TOKENS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glcbt-",
    "glptt-",
    "npm_",
    "pypi-",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "dckr_pat_",
    "bkua_",
    "atbb",
    "akia",
];

/// A URL without user, password, query and fragment. The user `git` of an SSH address is nobody's name and stays; every
/// other one may be a token. `git@host:path`, as git writes it for SSH, becomes `ssh://git@host/path`.
///
/// `None` for whatever is no such URL: local paths, which say where things lie on one machine; other schemes; control
/// characters and spaces; a token in the path.
pub fn public_url(text: &str) -> Option<String> {
    if text.len() > URL_BYTES_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest.to_owned()),
        None => ("ssh".to_owned(), scp_form(text)?),
    };
    if !SCHEMES.contains(&scheme.as_str()) {
        return None;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !is_host(host) || path.split('/').any(is_token) {
        return None;
    }
    let user = if user.split(':').next() == Some("git") && scheme.ends_with("ssh") { "git@" } else { "" };
    let slash = if rest.contains('/') { "/" } else { "" };
    Some(format!("{scheme}://{user}{}{slash}{path}", host.to_ascii_lowercase()))
}

/// `[user@]host:path` as what follows `ssh://`. One letter before the colon is a drive, two colons are a helper program.
fn scp_form(text: &str) -> Option<String> {
    let (authority, path) = text.split_once(':')?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.len() < 2 || authority.contains('/') || path.starts_with(':') || path.is_empty() {
        return None;
    }
    Some(format!("{authority}/{}", path.strip_prefix('/').unwrap_or(path)))
}

/// A name or an address, with a port or without.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, port)) => (name, port.strip_prefix(':').or(Some("x"))),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let in_brackets = host.starts_with('[');
    let is_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || in_brackets && c == ':';
    !name.is_empty()
        && name.chars().all(is_name)
        && port.is_none_or(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()))
}

fn is_token(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    segment.contains('@') && segment.contains(':')
        || TOKENS.iter().any(|start| lower.strip_prefix(start).is_some_and(|rest| rest.len() >= 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_enter_is_cut_out() {
        for (url, expected) in [
            ("https://host.example/o/r.git", "https://host.example/o/r.git"),
            ("https://user:hunter2@host.example/o/r", "https://host.example/o/r"),
            ("https://hunter2@host.example/o/r", "https://host.example/o/r"),
            ("https://a:hunter2@b@host.example:8443/r", "https://host.example:8443/r"),
            ("https://git:hunter2@host.example/r", "https://host.example/r"),
            ("https://host.example/r?private_token=hunter2#x", "https://host.example/r"),
            ("https://host.example?hunter2", "https://host.example"),
            ("HTTPS://Host.Example/R", "https://host.example/R"),
            ("ssh://git@host.example:22/o/r", "ssh://git@host.example:22/o/r"),
            ("ssh://git:hunter2@host.example/o/r", "ssh://git@host.example/o/r"),
            ("ssh://alice@host.example/o/r", "ssh://host.example/o/r"),
            ("git@host.example:o/r.git", "ssh://git@host.example/o/r.git"),
            ("host.example:/srv/r.git", "ssh://host.example/srv/r.git"),
            ("AKIAhunter2@host.example:o/r", "ssh://host.example/o/r"),
            ("git://[2001:db8::1]:9418/r", "git://[2001:db8::1]:9418/r"),
        ] {
            assert_eq!(public_url(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn what_lies_on_one_machine_or_cannot_be_shown_is_nothing() {
        for url in [
            "",
            "/srv/git/r.git",
            "../r.git",
            "./a:b",
            "file:///srv/git/r.git",
            "C:/git/r",
            "c:\\git\\r",
            "\\\\server\\share",
            "ext::sh -c id",
            "helper::https://host.example/r",
            "ftp://host.example/r",
            "https:///r",
            "https://host.example:port/r",
            "https://host.exam ple/r",
            "https://host.example/\u{1b}[2J",
            "https://host.example/a\nb",
            "https://ho<st/r",
            "https://[::1/r",
            "https://[::1]x/r",
            "https://host.example/ghp_0123456789abcdefghij/r",
            "https://host.example/a/user:hunter2@b/r",
        ] {
            assert_eq!(public_url(url), None, "{url}");
        }
        assert_eq!(public_url(&format!("https://host.example/{}", "a".repeat(URL_BYTES_MAX))), None);
    }

    #[test]
    fn a_name_that_only_begins_like_a_token_stays() {
        let url = "https://host.example/npm_tools/akia";
        assert_eq!(public_url(url).as_deref(), Some(url));
    }
}
