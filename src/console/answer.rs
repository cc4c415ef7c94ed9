//! Requests and their answers.

use crate::console::ask::{About, Asking, Known, NoAnswer, Wanted};
use crate::console::drawn::Drawn;
use crate::console::guard;
use crate::format::leaf::is_name;
use crate::report::shell::policy;
use crate::report::store::health::{Health, State as Stands};
use crate::report::words::shown;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What every request is answered from.
#[derive(Clone)]
pub struct Shared {
    /// What is known, and who can be asked.
    pub asking: Arc<Asking>,
    /// What was drawn of it.
    pub drawn: Arc<Drawn>,
    /// How many requests there were.
    pub requests: Arc<AtomicU64>,
    /// The present.
    pub clock: fn() -> Timestamp,
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A status, a type and a body.
struct Reply(StatusCode, &'static str, Bytes);

/// Answers a request.
pub async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    shared.requests.fetch_add(1, Relaxed);
    let (head, _) = request.into_parts();
    let reply = match guard::check(&head.method, &head.headers) {
        Err(refused) => Reply(refused.status, TEXT, format!("{}\n", refused.why).into()),
        Ok(()) => reply(&shared, head.uri.path()).await,
    };
    let Reply(status, content_type, body) = reply;
    let length = HeaderValue::from(body.len());
    let mut response =
        Response::new(if head.method == Method::HEAD { Body::empty() } else { Body::from(body) });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    guard::headers(
        if content_type == HTML { policy() } else { "default-src 'none'".to_owned() }.as_str(),
        headers,
    );
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

async fn reply(shared: &Shared, path: &str) -> Reply {
    let now = (shared.clock)();
    let known = shared.asking.known().at(now);
    match path {
        "/" => overview(shared, &known, now),
        "/health" => health(&known, now),
        "/metrics" if known.facts.is_some() => {
            Reply(StatusCode::OK, METRICS, Bytes::copy_from_slice(known.metrics.as_bytes()))
        }
        "/api/store" => match shared.drawn.document(&known, now) {
            Some(document) => Reply(StatusCode::OK, JSON, document),
            None => not_yet(&known),
        },
        "/metrics" => not_yet(&known),
        _ => match wanted(path) {
            Some(wanted) => read(shared, wanted).await,
            None => missing(),
        },
    }
}

/// `/packs/NAME`, `/drills/NAME`, `/verifications/NAME` are pages; below `/api` they are documents.
fn wanted(path: &str) -> Option<Wanted> {
    let (path, as_page) = match path.strip_prefix("/api") {
        Some(path) => (path, false),
        None => (path, true),
    };
    let (kind, name) = path.strip_prefix('/')?.split_once('/')?;
    let what = match kind {
        "packs" => About::Pack,
        "drills" => About::Drill,
        "verifications" => About::Verification,
        _ => return None,
    };
    is_name(name).then(|| Wanted { what, name: name.to_owned(), as_page })
}

async fn read(shared: &Shared, wanted: Wanted) -> Reply {
    let content_type = if wanted.as_page { HTML } else { JSON };
    match shared.asking.ask(wanted).await {
        Ok(bytes) => Reply(StatusCode::OK, content_type, bytes.into()),
        Err(NoAnswer::Unknown) => missing(),
        Err(NoAnswer::Busy) => Reply(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            Bytes::from_static(b"the store is being read; try again\n"),
        ),
        Err(NoAnswer::Failed(why)) => {
            Reply(StatusCode::BAD_GATEWAY, TEXT, format!("it could not be read: {}\n", shown(&why)).into())
        }
    }
}

fn overview(shared: &Shared, known: &Known, now: Timestamp) -> Reply {
    let status = if known.facts.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Reply(status, HTML, shared.drawn.page(known, now))
}

fn health(known: &Known, now: Timestamp) -> Reply {
    let cards = known.facts.as_ref().map(|facts| facts.at(now));
    let state = match (&cards, &known.failure) {
        (_, Some(_)) => Stands::Failed,
        (Some(report), None) => report.state,
        (None, None) => Stands::Late,
    };
    let health = Health {
        schema: "attestar/health/v1",
        state,
        at: now,
        looked_at: known.facts.as_ref().map(|facts| facts.looked_at),
        trouble: known.failure.as_ref().map(|(_, why)| why.clone()),
        cards: cards.map(|report| report.cards).unwrap_or_default(),
    };
    let status = match state {
        Stands::Good | Stands::Never => StatusCode::OK,
        Stands::Late | Stands::Failed => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(status, &health)
}

fn json(status: StatusCode, document: &impl Serialize) -> Reply {
    match serde_json::to_vec(document) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            Reply(status, JSON, bytes.into())
        }
        Err(_) => {
            Reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, Bytes::from_static(b"a document that is none\n"))
        }
    }
}

fn missing() -> Reply {
    Reply(
        StatusCode::NOT_FOUND,
        TEXT,
        Bytes::from_static(b"there is nothing of this name; / says what there is\n"),
    )
}

fn not_yet(known: &Known) -> Reply {
    let why = match &known.failure {
        Some(_) => "the store could not be looked at; see /health\n",
        None => "the store is being looked at for the first time; try again\n",
    };
    Reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, Bytes::from_static(why.as_bytes()))
}
