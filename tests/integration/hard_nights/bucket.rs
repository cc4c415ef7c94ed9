//! kill -9 at everything that a backup sends to a bucket.

use super::host::Host;
use super::prepared::same_files;
use super::syscalls::{Driver, Ended, Names, What};
use super::{attestar, change, copy_folder};
use crate::stores::servers::{KEY_ID, SECRET, Server, opened};
use attestar::pipeline::watch::Watch;
use attestar::store::Store;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const STORE: &str = "s3://store/nightly";

/// What goes out to a socket.
const SENDS: Names = "sendto,sendmsg,sendmmsg,writev";

/// A host with a bucket that holds one night; both can be had again as they were.
struct Prepared {
    host: Host,
    server: Server,
    driver: Driver,
}

impl Prepared {
    fn new() -> Prepared {
        let prepared = Prepared { host: Host::new(), server: Server::s3s(), driver: Driver::new() };
        change(&prepared.host.world, 0);
        let first = prepared.backup().output().unwrap();
        assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
        fs::create_dir(prepared.kept("")).unwrap();
        prepared.folders().iter().for_each(|(folder, kept)| copy_folder(folder, kept));
        prepared
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.host.world.path().join("kept").join(name)
    }

    /// Where the bucket and what the host remembers lie, and where they are kept.
    fn folders(&self) -> [(PathBuf, PathBuf); 2] {
        [
            (self.server.bucket(), self.kept("bucket")),
            (self.host.world.home().join("state"), self.kept("state")),
        ]
    }

    fn backup(&self) -> Command {
        let mut command = attestar(&self.host.world, &["backup", "-q", "--store", STORE]);
        command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
        command.env("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}", self.server.port));
        command
    }

    /// The second night.
    fn night(&self, what: What) -> Ended {
        for (folder, kept) in self.folders() {
            fs::remove_dir_all(&folder).unwrap();
            copy_folder(&kept, &folder);
        }
        change(&self.host.world, 1);
        self.driver.runs(&self.backup(), what)
    }

    /// What is there comes back, each archive as the night that it was made of, the last one as `last`; the first one, which is
    /// the same to the byte, only where there are three. Gives what `log verify` finds.
    fn findings(&self, last: usize, what: &str) -> Vec<String> {
        let [before, now] =
            [self.kept("bucket"), self.server.bucket()].map(|bucket| bucket.join("nightly/archives"));
        assert_eq!(same_files(&before, &now, what), 2, "{what}: an archive and its receipt");
        let store: Box<dyn Store> = opened(self.server.port, "nightly", SECRET, &Watch::default());
        let entries = store.list("archives").unwrap().entries;
        let receipts =
            entries.iter().filter_map(|entry| entry.name.file_name().strip_suffix(".sigstore.json"));
        let names: BTreeSet<&str> =
            receipts.filter_map(|archive| archive.strip_suffix(".tar.zst.age")).collect();
        for (number, name) in names.iter().enumerate().skip(usize::from(names.len() < 3)) {
            let number = if number + 1 == names.len() && number > 0 { last } else { number };
            self.host.restores(&*store, name, number, what);
        }
        assert!(!names.is_empty(), "{what}: the first one is there");
        self.host.findings(&*store, Timestamp::now())
    }
}

#[test]
fn a_backup_that_is_killed_at_any_request_to_a_bucket_harms_nothing_and_the_next_just_works() {
    let prepared = Prepared::new();
    let is_early = |one: &String| one.starts_with("not-logged ") || one.starts_with("receipt-missing ");
    let (mut killed, mut early) = (0, 0);
    for at in 1.. {
        let ended = prepared.night(What::Killed(at, SENDS));
        let what = format!("killed at request {at}: {}", ended.said);
        let found = prepared.findings(1, &what);
        assert!(found.iter().all(is_early), "{what}: {found:?}");
        early += usize::from(!found.is_empty());
        change(&prepared.host.world, 2);
        let next = prepared.backup().output().unwrap();
        assert!(next.status.success(), "{what}: then {}", String::from_utf8_lossy(&next.stderr));
        // Whoever put an archive there a moment ago may still be at its receipt.
        let left = prepared.findings(2, &what);
        assert!(left.iter().all(|one| one.starts_with("receipt-missing ")), "{what}: {left:?}");
        if ended.code == 0 {
            assert_eq!(found, [""; 0], "{what}");
            break;
        }
        assert_eq!(ended.code, 137, "{what}");
        killed += 1;
    }
    println!("killed at {killed} requests; at {early} of them an archive was there and not logged");
    assert!(killed > 15 && early > 1, "{killed}, {early}");
}
