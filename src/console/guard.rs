//! Who may ask, and what every answer says to the browser that gets it.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};

/// The names under which this host knows itself. Any port: it may be reached through a tunnel.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Headers of every answer.
const EVERY: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
];

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// Why, in words.
    pub why: &'static str,
}

/// Refuses what could be meant to change something, and what another site could have sent.
///
/// A site whose name was made to lead to this host (DNS rebinding) has its own name in `Host`. A page of another site that
/// asks this one has its own name in `Origin`, or the browser says so in `Sec-Fetch-Site`; only following a link is fine.
pub fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
    let refused = |status, why| Err(Refused { status, why });
    if method != Method::GET && method != Method::HEAD {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "the console is for reading: GET and HEAD");
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
        (Some(Ok(host)), None) => host,
        _ => return refused(StatusCode::BAD_REQUEST, "a request has one Host"),
    };
    if !is_own(host) {
        return refused(StatusCode::MISDIRECTED_REQUEST, "this is not the host that was asked for");
    }
    let is_own_origin = |origin: &HeaderValue| origin.to_str().is_ok_and(|it| it == format!("http://{host}"));
    if !headers.get_all(header::ORIGIN).iter().all(is_own_origin) {
        return refused(StatusCode::FORBIDDEN, "another site asked for this");
    }
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|it| it == value);
    let is_foreign = says("sec-fetch-site", "cross-site") || says("sec-fetch-site", "same-site");
    if is_foreign && !says("sec-fetch-mode", "navigate") {
        return refused(StatusCode::FORBIDDEN, "another site asked for this");
    }
    Ok(())
}

fn is_own(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    HOSTS.iter().any(|own| match host.strip_prefix(own) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(is_port),
        None => false,
    })
}

/// Adds what every answer says.
pub fn headers(policy: &str, into: &mut HeaderMap) {
    for (name, value) in EVERY {
        into.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(&format!("{policy}; frame-ancestors 'none'"));
    into.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        check(&method, &map).map_or_else(|refused| refused.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_this_host_is_answered_for() {
        for (host, status) in [
            ("127.0.0.1:7878", 200),
            ("localhost:9000", 200),
            ("localhost", 200),
            ("[::1]:7878", 200),
            ("evil.example:7878", 421),
            ("127.0.0.1.evil.example", 421),
            ("localhost.evil.example:7878", 421),
            ("localhost:", 421),
            ("localhost:78x", 421),
            ("127.0.0.1:7878@evil", 421),
            ("", 421),
        ] {
            assert_eq!(asked(Method::GET, &[("host", host)]), status, "{host}");
        }
        assert_eq!(asked(Method::GET, &[]), 400);
        assert_eq!(asked(Method::GET, &[("host", "localhost"), ("host", "localhost")]), 400);
    }

    #[test]
    fn another_site_gets_nothing_and_a_link_may_be_followed() {
        let host = ("host", "localhost:7878");
        let get = |more: &[(&'static str, &str)]| asked(Method::GET, &[&[host], more].concat());
        assert_eq!(get(&[("origin", "http://localhost:7878")]), 200);
        for origin in ["http://localhost:7879", "https://localhost:7878", "http://evil.example", "null", ""] {
            assert_eq!(get(&[("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]), 403);
        assert_eq!(get(&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")]), 403);
        assert_eq!(get(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]), 200);
        assert_eq!(get(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]), 200);
    }

    #[test]
    fn nothing_can_be_changed() {
        for method in
            [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE]
        {
            assert_eq!(asked(method.clone(), &[("host", "localhost")]), 405, "{method}");
        }
        assert_eq!(asked(Method::HEAD, &[("host", "localhost")]), 200);
    }
}
