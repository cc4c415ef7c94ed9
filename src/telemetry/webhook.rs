//! One request to a webhook: an HTTP POST with a JSON body. No redirect is followed, since whoever answers could send it
//! anywhere; and nothing that is said of a failure has the address in it, since that is a secret.

use crate::pipeline::watch::Watch;
use reqwest::blocking::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url, redirect};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long it is waited before trying once more.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is tried within the time limit.
const ATTEMPTS_MAX: usize = 3;

/// Why one try did not come through, and whether another may.
struct Failure {
    why: String,
    again: bool,
}

/// Posts a body; tries again for what may pass, within the time limit.
pub(super) fn post(
    address: &str,
    allow_http: bool,
    body: &[u8],
    time_limit: Duration,
    watch: &Watch,
) -> Result<(), String> {
    let url = checked(address, allow_http)?;
    let client = client(&url).map_err(|_| "no HTTP client can be made here".to_owned())?;
    let began = Instant::now();
    let mut last = String::new();
    for _ in 0..ATTEMPTS_MAX {
        let Some(left) = time_limit.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
            break;
        };
        match attempt(&client, &url, body, left) {
            Ok(()) => return Ok(()),
            Err(Failure { why, again: false }) => return Err(why),
            Err(Failure { why, .. }) => last = why,
        }
        if watch.pause(PAUSE).is_err() {
            break;
        }
    }
    Err(last)
}

/// The address, if it is HTTPS, or HTTP where nobody else hears it or the policy allows that.
fn checked(address: &str, allow_http: bool) -> Result<Url, String> {
    let url =
        Url::parse(address.trim()).map_err(|_| "what the policy names has no address in it".to_owned())?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_http || is_loopback(&url) => Ok(url),
        "http" => Err("it is plain HTTP to another host: allow_http = true admits that".to_owned()),
        _ => Err("its address is neither https nor http".to_owned()),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn client(url: &Url) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .user_agent(concat!("attestar/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) { builder.no_proxy().build() } else { builder.build() }
}

fn attempt(client: &Client, url: &Url, body: &[u8], time_limit: Duration) -> Result<(), Failure> {
    let request = client.post(url.clone()).header(CONTENT_TYPE, "application/json").timeout(time_limit);
    match request.body(body.to_vec()).send() {
        Ok(answer) => judged(answer.status()),
        Err(error) => {
            let why = match () {
                () if error.is_timeout() => "it did not answer within the time limit",
                () if error.is_connect() => "it cannot be reached",
                () => "the request failed",
            };
            Err(Failure { why: why.to_owned(), again: !error.is_timeout() })
        }
    }
}

fn judged(status: StatusCode) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let more = if status.is_redirection() { ", and redirects are not followed" } else { "" };
    let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(Failure { why: format!("it answered {}{more}", status.as_u16()), again })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_else_hears_goes_by_plain_http() {
        for address in
            ["https://example.com/x", "http://localhost:9/", "http://127.0.0.1/x", "http://[::1]:80/"]
        {
            assert!(checked(address, false).is_ok(), "{address}");
        }
        for address in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "/x",
            "",
        ] {
            let why = checked(address, false).unwrap_err();
            assert!(!why.contains("example") && !why.contains("10.0"), "{why}");
        }
        assert!(checked("http://10.0.0.1/", true).is_ok());
    }
}
