//! Stores in buckets: the suite against servers by others, and what the way to them does.

use super::proxy::{Fate, Proxy};
use super::servers::{BUCKET, InBucket, InContainer, KEY_ID, SECRET, Server, opened};
use super::{Place, arrive, name, names, suite, whole};
use crate::world::noise;
use attestar::error::{Error, Result};
use attestar::pipeline::watch::Watch;
use attestar::store::bucket::Bucket;
use attestar::store::open::{Opening, open};
use attestar::store::{Created, Store, Swapped};
use jiff::Timestamp;
use object_store::memory::InMemory;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Three parts, the last one short.
const LONG: usize = 17_000_000;

/// Google's and Azure's way in, by upload and conditional copy, on the library's own store in memory.
struct Library(Arc<InMemory>);

impl Place for Library {
    fn open(&self, watch: &Watch) -> Box<dyn Store> {
        Box::new(Bucket::new("test://library".to_owned(), "some/where", self.0.clone(), watch).unwrap())
    }
}

fn suite_on(server: u16) {
    let proxy = Proxy::before(server, |_, _| Fate::Passes);
    let mut count = 0;
    suite::holds_for(|| {
        count += 1;
        Box::new(InBucket { port: proxy.port, prefix: format!("p{count}/x") })
    });
}

fn store(port: u16) -> Box<dyn Store> {
    opened(port, "here", SECRET, &Watch::default())
}

#[test]
fn a_bucket_with_conditional_copies_does_what_every_store_does() {
    suite::holds_for(|| Box::new(Library(Arc::new(InMemory::new()))));
}

#[test]
fn on_moto_it_does_what_every_store_does() {
    let server = Server::moto(&[]);
    suite_on(server.port);
}

#[test]
fn on_s3s_it_does_what_every_store_does() {
    let server = Server::s3s();
    suite_on(server.port);
}

#[test]
fn on_azurite_it_does_what_every_store_does() {
    let server = Server::azurite();
    let mut count = 0;
    suite::holds_for(|| {
        count += 1;
        Box::new(InContainer { port: server.port, prefix: format!("p{count}/x") })
    });
}

#[test]
fn under_object_lock_it_does_what_every_store_does_and_deletes_nothing() {
    let server = Server::under_object_lock();
    let keys = ["archives/small", "archives/long"];
    let proxy = Proxy::before(server.port, |_, _| Fate::Passes);
    let store = store(proxy.port);
    assert_eq!(arrive(&*store, keys[0], b"small").unwrap(), Created::Created);
    assert_eq!(arrive(&*store, keys[1], &noise(LONG)).unwrap(), Created::Created);
    for key in keys {
        let (status, said) = server.ask("HEAD", &format!("/{BUCKET}/here/{key}"), &[], b"");
        assert_eq!(status, 200, "{said}");
        // S3 gives the bucket's retention to what was uploaded in parts, too; moto does not.
        assert_eq!(said.contains("x-amz-object-lock-mode: COMPLIANCE"), key == "archives/small", "{said}");
        let days = |until: Timestamp| until.duration_since(Timestamp::now()).as_hours() / 24;
        let locked = store.locked_until(&name(key)).unwrap();
        assert_eq!(locked.map(days), (key == "archives/small").then_some(29));
        assert!(store.delete(&name(key)).unwrap());
        assert_eq!(store.locked_until(&name(key)).unwrap(), None, "what is not there is not locked");
        assert_eq!(store.get(&name(key), 10).unwrap(), None, "a delete marker hides it");
        assert!(!store.delete(&name(key)).unwrap());
    }
    assert_eq!(names(&*store, "archives"), [""; 0]);
    let (_, versions) = server.ask("GET", &format!("/{BUCKET}?versions"), &[], b"");
    for key in keys {
        assert!(
            versions.contains(&format!("<Key>here/{key}</Key>")),
            "its content is still there: {versions}"
        );
    }
    suite_on(server.port);
}

#[test]
fn a_bucket_that_ignores_conditions_is_refused_before_the_first_write() {
    let server = Server::moto(&[]);
    type Ignores = fn(&str) -> bool;
    let ignoring: [(&str, Ignores, &[u8]); 3] = [
        ("If-None-Match", |_| true, b"small"),
        ("If-None-Match on CompleteMultipartUpload", |line| line.starts_with("POST"), &noise(LONG)),
        // The second conditional request of all is the swap, once the probe is there.
        ("If-Match", |line| line.starts_with("PUT"), b"small"),
    ];
    for (at, (condition, ignores, bytes)) in ignoring.into_iter().enumerate() {
        let proxy = Proxy::before(server.port, move |number, line| match at {
            2 if number == 0 => Fate::Passes,
            _ if ignores(line) => Fate::Unconditional,
            _ => Fate::Passes,
        });
        let store = store(proxy.port);
        let error = arrive(&*store, "archives/new", bytes).unwrap_err();
        let Error::Store { source, hint, .. } = &error else { panic!("{error}") };
        assert_eq!(source.to_string(), format!("the bucket ignores {condition}"));
        assert!(hint.contains("docs/STORE.md"), "{hint}");
        assert_eq!(names(&*store, ""), [""; 0]);
        assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
    }
}

#[test]
fn a_server_that_ignores_the_condition_of_a_copy_is_refused() {
    // moto copies, and does not know this header.
    let server = Server::moto(&[]);
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let variable = |name: &str| match name {
        "AWS_COPY_IF_NOT_EXISTS" => Some("header: cf-copy-destination-if-none-match: *".to_owned()),
        "AWS_ACCESS_KEY_ID" => Some(KEY_ID.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET.to_owned()),
        _ => None,
    };
    let (endpoint, watch) = (Some(&*endpoint), Watch::default());
    let opening =
        Opening { endpoint, variable: &variable, base: Path::new("."), create: false, watch: &watch };
    let store = open(&format!("s3://{BUCKET}/here"), &opening).unwrap();
    let error = arrive(&*store, "archives/new", &noise(LONG)).unwrap_err();
    let Error::Store { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the bucket ignores the condition of a copy");
    assert_eq!(names(&*store, ""), [""; 0]);
    assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

/// What a night does to a bucket.
fn scenario(store: &dyn Store, long: &[u8]) -> Result<()> {
    assert_eq!(arrive(store, "archives/long", long)?, Created::Created);
    assert_eq!(store.create(&name("archives/long.sigstore.json"), b"a receipt")?, Created::Created);
    let Swapped::Swapped(seen) = store.swap(&name("log/checkpoint"), b"1", None)? else {
        panic!("it is new")
    };
    let swapped = store.swap(&name("log/checkpoint"), b"2", Some(&seen))?;
    assert!(matches!(swapped, Swapped::Swapped(_)), "nobody else is there");
    assert!(whole(store, "archives/long")?.unwrap() == long);
    assert_eq!(store.range(&name("archives/long"), 8_500_000, 5)?, long[8_500_000..8_500_005]);
    assert_eq!(store.get(&name("log/checkpoint"), 10)?.unwrap().0, b"2");
    let listed: Vec<_> = store.list("")?.entries.into_iter().map(|entry| entry.name.to_string()).collect();
    assert_eq!(listed, ["archives/long", "archives/long.sigstore.json", "log/checkpoint"]);
    store.delete(&name("archives/long"))?;
    Ok(())
}

/// Lets the scenario meet a fate at each of its requests in turn: it ends well, and leaves nothing.
fn each_request_meets(fate: impl Fn(usize) -> Fate) {
    let server = Server::moto(&[]);
    let long = noise(9_000_000);
    let straight = Proxy::before(server.port, |_, _| Fate::Passes);
    scenario(&*opened(straight.port, "straight", SECRET, &Watch::default()), &long).unwrap();
    let requests = straight.seen().len();
    assert!((15..40).contains(&requests), "{:#?}", straight.seen());
    for at in 0..requests {
        let fate = fate(at);
        let proxy =
            Proxy::before(server.port, move |number, _| if number == at { fate } else { Fate::Passes });
        let store = opened(proxy.port, &format!("{fate:?}-{at}"), SECRET, &Watch::default());
        let outcome = scenario(&*store, &long);
        let seen = || proxy.seen()[at].clone();
        assert!(outcome.is_ok(), "{fate:?} at {at}, {}: {outcome:?}", seen());
        let swept = store.sweep(Timestamp::MAX).unwrap();
        let lost_an_upload = [Fate::AnswerLost, Fate::Cut].contains(&fate) && seen().contains("?uploads");
        assert_eq!(swept.len(), usize::from(lost_an_upload), "{fate:?} at {at}, {}: {swept:?}", seen());
        assert_eq!(store.sweep(Timestamp::MAX).unwrap(), [""; 0]);
    }
}

#[test]
fn no_answer_that_gets_lost_does_any_harm() {
    each_request_meets(|_| Fate::AnswerLost);
}

#[test]
fn no_answer_that_is_cut_short_does_any_harm() {
    each_request_meets(|_| Fate::Cut);
}

#[test]
fn no_request_that_is_refused_in_passing_does_any_harm() {
    each_request_meets(|at| if at % 2 == 0 { Fate::Refused } else { Fate::Busy });
}

#[test]
fn a_conflict_with_a_request_under_way_is_tried_again() {
    let server = Server::moto(&[]);
    let writes = AtomicUsize::new(0);
    let proxy = Proxy::before(server.port, move |number, line| {
        // The conditions are tried first; then every second write goes wrong.
        let is_write = number > 2 && line.starts_with("PUT");
        if is_write && writes.fetch_add(1, Relaxed).is_multiple_of(2) { Fate::Conflict } else { Fate::Passes }
    });
    let store = store(proxy.port);
    for object in ["a", "b", "c"] {
        assert_eq!(store.create(&name(object), b"x").unwrap(), Created::Created);
        assert_eq!(store.create(&name(object), b"x").unwrap(), Created::AlreadyThere);
    }
    assert_eq!(names(&*store, ""), ["a", "b", "c"]);
}

#[test]
fn silence_can_be_interrupted() {
    let server = Server::moto(&[]);
    let proxy = Proxy::before(server.port, |_, _| Fate::Silence);
    let watch = Watch::default();
    let store = opened(proxy.port, "here", SECRET, &watch);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| store.list("archives"));
        thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished());
        let asked = Instant::now();
        watch.interrupt();
        assert!(matches!(waiting.join().unwrap(), Err(Error::Interrupted)));
        assert!(asked.elapsed() < Duration::from_secs(5));
    });
    drop(store);
}

#[test]
fn uploads_that_nobody_finishes_are_swept() {
    let server = Server::moto(&[]);
    let dead = store(server.port);
    let mut arrival = dead.arrive(&name("archives/half")).unwrap();
    arrival.write_all(&noise(LONG)).unwrap();
    // As a killed process leaves it.
    std::mem::forget(arrival);
    let other = store(server.port);
    assert_eq!(names(&*other, ""), [""; 0]);
    assert_eq!(other.sweep(Timestamp::UNIX_EPOCH).unwrap(), [""; 0], "nothing is as old");
    let swept = other.sweep(Timestamp::MAX).unwrap();
    assert!(swept.len() == 1 && swept[0].starts_with("upload of archives/half, begun 20"), "{swept:?}");
    assert_eq!(other.sweep(Timestamp::MAX).unwrap(), [""; 0]);
}

#[test]
fn what_others_put_there_is_said_and_left() {
    let server = Server::moto(&[]);
    let (status, said) = server.ask("PUT", &format!("/{BUCKET}/here/archives/a%20file"), &[], b"x");
    assert_eq!(status, 200, "{said}");
    let store = store(server.port);
    store.create(&name("archives/good"), b"x").unwrap();
    let listing = store.list("archives").unwrap();
    assert_eq!(listing.foreign, ["archives/a file"]);
    assert_eq!(listing.entries.len(), 1);
}

#[test]
fn refusals_are_said_with_a_hint_and_without_credentials() {
    let server = Server::s3s();
    let wrong = opened(server.port, "here", "WRONGSECRET", &Watch::default());
    let nobody = Server::moto(&[]);
    assert_eq!(nobody.ask("DELETE", &format!("/{BUCKET}"), &[], b"").0, 204);
    let no_bucket = store(nobody.port);
    for (store, said) in [(wrong, "SignatureDoesNotMatch"), (no_bucket, "NoSuchBucket")] {
        let errors = [
            store.get(&name("a"), 10).unwrap_err(),
            store.list("").unwrap_err(),
            store.create(&name("a"), b"a").unwrap_err(),
            arrive(&*store, "a", b"a").unwrap_err(),
        ];
        for error in errors {
            let source = std::error::Error::source(&error).expect("a cause").to_string();
            assert!(source.contains(said), "{error}: {source}");
            assert!(!error.hint().is_empty(), "{error}");
            let all = format!("{error} {source} {error:?}");
            assert!(!all.contains("SECRET") && all.contains("s3://store/here"), "{all}");
        }
    }
}

#[test]
fn no_credentials_are_said_soon() {
    let watch = Watch::default();
    // No instance has its metadata there.
    let variable = |name: &str| (name == "AWS_METADATA_ENDPOINT").then(|| "http://127.0.0.1:1".to_owned());
    let endpoint = Some("http://127.0.0.1:1");
    let opening =
        Opening { endpoint, variable: &variable, base: Path::new("."), create: false, watch: &watch };
    let store = open("s3://store/here", &opening).unwrap();
    let begun = Instant::now();
    let error = store.list("").unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(source.contains("no credentials") && error.hint().contains("AWS_PROFILE"), "{source}");
}

#[test]
fn few_requests_do_it() {
    let server = Server::moto(&[]);
    let proxy = Proxy::before(server.port, |_, _| Fate::Passes);
    let store = store(proxy.port);
    let mut before = 0;
    let mut requests = || {
        let seen = proxy.seen().len();
        seen - std::mem::replace(&mut before, seen)
    };
    store.create(&name("first"), b"x").unwrap();
    assert_eq!(requests(), 4, "the first run ever tries the conditions with three requests");
    store.create(&name("second"), b"x").unwrap();
    assert_eq!(requests(), 1);
    arrive(&*store, "small", &noise(1_000_000)).unwrap();
    assert_eq!(requests(), 1);
    arrive(&*store, "long", &noise(LONG)).unwrap();
    assert_eq!(requests(), 4 + 6, "conditions of uploads; then begin, three parts, end, look");
    arrive(&*store, "long-too", &noise(LONG)).unwrap();
    assert_eq!(requests(), 6);
    whole(&*store, "long").unwrap();
    assert_eq!(requests(), 4, "look, three windows");
    store.range(&name("long"), 1, 1000).unwrap();
    assert_eq!(requests(), 1);
}
