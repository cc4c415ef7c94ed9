//! A hundred hosts that append to one log in a bucket at once, each a process of its own, of which many are killed on the way:
//! no leaf is lost, none stands twice, and what somebody was told is in the log.

use super::proxy::{Fate, Proxy};
use super::servers::{SECRET, Server, opened};
use crate::prune::nights::{self, backup, trust};
use attestar::log::Log;
use attestar::log::state::State;
use attestar::pipeline::watch::Watch;
use attestar::store::Store;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Which host a process is that the test starts, and the port of the bucket.
const HOST: &str = "ATTESTAR_TEST_HOST";

/// The signal that ends a host.
const SIGKILL: i32 = 9;

/// What a host says when it was told that its leaf is in the log.
const TOLD: &str = "in the log: ";

fn bucket(port: u16) -> Box<dyn Store> {
    opened(port, "shared", SECRET, &Watch::default())
}

/// A host: its backup.
fn work(host: &str) {
    let mut numbers = host.split(' ').map(|number| number.parse::<i64>().unwrap());
    let mut next = || numbers.next().unwrap();
    let (port, number) = (next(), next());
    let store = bucket(u16::try_from(port).unwrap());
    let record = backup(number).lay(&*store, &nights::key(1));
    nights::append(&*store, 1, &[record]).unwrap();
    println!("\n{TOLD}{number}");
}

/// The same numbers each time: xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Starts the host; whatever it is told goes to `told`.
fn start(test: &str, port: u16, host: i64, told: &mpsc::Sender<i64>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", &format!("stores::hundred::{test}"), "--nocapture"]);
    command.env(HOST, format!("{port} {host}"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a host starts");
    let (lines, told) = (BufReader::new(child.stdout.take().expect("a pipe")).lines(), told.clone());
    thread::spawn(move || {
        let numbers = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix(TOLD)?.parse().ok());
        for number in numbers {
            let _ = told.send(number);
        }
    });
    child
}

/// Runs so many hosts at once and kills two in five, each when so many leaves were told of; gives what was told, and how many of
/// them did not end before. Every other host comes through.
fn together(test: &str, port: u16, count: i64) -> (BTreeSet<i64>, usize) {
    let (sender, receiver) = mpsc::channel();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut doomed: Vec<(usize, i64)> = Vec::new();
    while doomed.len() < count as usize * 2 / 5 {
        let host = random.below(count as usize) as i64;
        if doomed.iter().all(|(_, other)| *other != host) {
            doomed.push((random.below(count as usize / 2), host));
        }
    }
    let all_doomed: BTreeSet<i64> = doomed.iter().map(|(_, host)| *host).collect();
    let mut hosts: Vec<Child> = (0..count).map(|host| start(test, port, host, &sender)).collect();
    drop(sender);
    let mut told = BTreeSet::new();
    // Until the last pipe is closed.
    loop {
        for (_, host) in doomed.extract_if(.., |(when, _)| *when <= told.len()) {
            let _ = hosts[host as usize].kill();
        }
        let Ok(number) = receiver.recv() else { break };
        assert!(told.insert(number), "{number} was told twice");
    }
    let mut killed = 0;
    for (host, number) in hosts.iter_mut().zip(0..) {
        let status = host.wait().unwrap();
        let was_killed = status.signal() == Some(SIGKILL) && all_doomed.contains(&number);
        assert!(status.success() || was_killed, "host {number}: {status}");
        killed += usize::from(was_killed);
    }
    (told, killed)
}

/// The names of the leaves, in order.
fn leaves(store: &dyn Store) -> Vec<String> {
    let trust = trust();
    let log = Log { store, trust: &trust, origin: Some(nights::ORIGIN) };
    let state = State { folder: None, now: Timestamp::now() };
    let known = state.read(&log).unwrap().expect("a log");
    known.leaves.leaves.iter().map(|leaf| leaf.name.clone()).collect()
}

fn nothing_is_lost(test: &str, server: fn() -> Server, hosts: i64) {
    if let Ok(host) = std::env::var(HOST) {
        return work(&host);
    }
    let server = server();
    let proxy = Proxy::before(server.port, |_, _| Fate::Passes);
    let begun = Instant::now();
    let (told, killed) = together(test, proxy.port, hosts);
    let store = bucket(proxy.port);
    let found = leaves(&*store);
    let distinct: BTreeSet<&String> = found.iter().collect();
    let took = begun.elapsed();
    println!(
        "{} leaves, {} told of, {killed} killed, {took:?}, {} requests",
        found.len(),
        told.len(),
        proxy.seen().len()
    );
    assert_eq!(distinct.len(), found.len(), "no leaf stands twice");
    let missing: Vec<&i64> =
        told.iter().filter(|number| !distinct.contains(&backup(**number).name())).collect();
    assert!(missing.is_empty(), "told, and not in the log: {missing:?}");
    // All but what the dead did not come to; some of them died with their leaf in the log.
    let all: BTreeSet<String> = (0..hosts).map(|number| backup(number).name()).collect();
    assert!(distinct.iter().all(|name| all.contains(*name)));
    assert!(killed > all.len() / 8 && found.len() > all.len() / 2, "{killed} killed, {} leaves", found.len());
    // The hosts that died come back.
    for number in (0..hosts).filter(|number| !told.contains(number)) {
        let record = backup(number).lay(&*store, &nights::key(1));
        nights::append(&*store, 1, &[record]).unwrap();
    }
    let found = leaves(&*store);
    assert_eq!((found.len(), found.into_iter().collect()), (all.len(), all));
    assert_eq!(nights::verify(&*store, None, Timestamp::now()), [""; 0], "tiles, statements, archives");
}

#[test]
fn a_hundred_hosts_with_kills_lose_no_leaf_on_s3s() {
    let test = "a_hundred_hosts_with_kills_lose_no_leaf_on_s3s";
    nothing_is_lost(test, Server::s3s, 100);
}

/// Fewer, since this server takes its time.
#[test]
fn many_hosts_with_kills_lose_no_leaf_under_object_lock() {
    let test = "many_hosts_with_kills_lose_no_leaf_under_object_lock";
    nothing_is_lost(test, Server::under_object_lock, 25);
}
