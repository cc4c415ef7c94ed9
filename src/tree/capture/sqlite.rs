//! SQLite: a consistent copy by the online backup API, what lies in the WAL included.

mod at_rest;

use crate::database::sqlite::{broken, facts, open_copy};
use crate::error::{Error, Result};
use crate::format::capture::{CaptureKind, Captured, Form};
use crate::pipeline::watch::Watch;
use crate::policy::capture::Capture;
use at_rest::AtRest;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many pages are copied between two pauses, in which others may write.
const PAGES: i32 = 1024;

/// How long others get.
const PAUSE: Duration = Duration::from_millis(2);

/// How long a writer is waited for.
const BUSY: Duration = Duration::from_secs(30);

/// How often the copy may begin anew because somebody wrote, before it is made in one go.
const RESTARTS: usize = 3;

/// Copies the database file `source` to `to`, which must not be there, and says what the copy holds.
pub(super) fn capture(capture: &Capture, source: &Path, to: &Path, watch: &Watch) -> Result<Captured> {
    copy(source, to, Duration::from_secs(capture.time_limit_s), watch)?;
    let facts = facts(&open_copy(to)?, to, capture.digest_up_to, watch)?;
    if facts.tables.is_empty() && facts.objects.is_empty() {
        let message = format!("{}: the database is empty: there is no table in it", source.display());
        return Err(Error::input(message, "look whether `path` of the capture names the right file"));
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Captured {
        id: capture.id.clone(),
        kind: CaptureKind::Sqlite,
        form: Form::File(name),
        tool: format!("SQLite {}", rusqlite::version()),
        server: None,
        database: None,
        schema_sha256: Some(facts.schema_sha256),
        tables: facts.tables,
        objects: facts.objects,
    })
}

/// Copies it as it lies there if nobody has it open, else beside whoever has.
fn copy(source: &Path, to: &Path, limit: Duration, watch: &Watch) -> Result<()> {
    let over = Instant::now() + limit;
    if let Some(at_rest) = AtRest::of(source)
        && let Ok(connection) = open_copy(at_rest.path())
    {
        // Closed, it would take the lock with it.
        let still = Live { connection, is_held: true };
        let copied = pages(&still, (source, to), (limit, over), watch);
        if at_rest.lasts() {
            return copied;
        }
        fs::remove_file(to).map_err(Error::io("remove", to))?;
    }
    pages(&Live::open(source).map_err(unopened(source))?, (source, to), (limit, over), watch)
}

/// A database that is read while others write to it.
struct Live {
    connection: Connection,
    /// Whether one moment of it is held for as long as it is read.
    is_held: bool,
}

impl Live {
    fn open(source: &Path) -> rusqlite::Result<Live> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(source, flags)?;
        connection.busy_timeout(BUSY)?;
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        // With a WAL readers stop nobody, so that one moment is held for the whole copy.
        let is_held = mode.eq_ignore_ascii_case("wal");
        if is_held {
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        }
        Ok(Live { connection, is_held })
    }
}

/// Why a database cannot be read, with what can be done about it.
fn unopened(source: &Path) -> impl Fn(rusqlite::Error) -> Error {
    move |error| {
        let hint = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) if fs::File::open(source).is_err() => {
                "look whether `path` of the capture names the right file, and this user may read it"
            }
            // The index of its WAL is not there, and cannot be made.
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
                "what used it was killed, and this user may not write beside it: start that, or open the database once as its owner"
            }
            _ => "",
        };
        Error::input(format!("{}: {error}", source.display()), hint)
    }
}

/// Copies every page.
fn pages(
    from: &Live,
    (source, to): (&Path, &Path),
    (limit, over): (Duration, Instant),
    watch: &Watch,
) -> Result<()> {
    let mut target = Connection::open(to).map_err(broken(to))?;
    // What is half written is thrown away, so that no journal is needed.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(broken(to))?;
    let backup = Backup::new(&from.connection, &mut target).map_err(broken(source))?;
    let (mut left, mut restarts) = (i32::MAX, 0);
    loop {
        watch.check()?;
        if Instant::now() > over {
            let message = format!("{}: the copy took longer than {} s", source.display(), limit.as_secs());
            return Err(Error::input(message, "raise `time_limit` of the capture"));
        }
        let pages = if restarts < RESTARTS { PAGES } else { -1 };
        match backup.step(pages).map_err(broken(source))? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => watch.pause(PAUSE)?,
            _ => {}
        }
        let progress = backup.progress();
        if progress.remaining > left {
            restarts += 1;
        }
        left = progress.remaining;
        if !from.is_held {
            watch.pause(PAUSE)?;
        }
    }
    drop(backup);
    target.close().map_err(|(_, error)| broken(to)(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::path::PackPath;
    use crate::policy::capture::Source;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    fn order(path: &str) -> Capture {
        Capture {
            id: "app".into(),
            source: Source::Sqlite(PackPath::new(path.as_bytes()).unwrap()),
            time_limit_s: 60,
            digest_up_to: 1 << 30,
            line: 1,
        }
    }

    /// Every transaction writes two rows that belong together; a copy in which they do not match is torn.
    fn is_whole(path: &Path) -> (u64, bool) {
        let connection = open_copy(path).unwrap();
        let count: i64 = connection.query_row("SELECT count(*) FROM a", (), |row| row.get(0)).unwrap();
        let same: bool = connection
            .query_row("SELECT (SELECT max(x) FROM a) = (SELECT max(x) FROM b)", (), |row| row.get(0))
            .unwrap();
        let check: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        (count.unsigned_abs(), same && check == "ok")
    }

    fn written_to_while_it_is_captured(mode: &str) {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("app.db");
        let connection = Connection::open(&source).unwrap();
        connection.busy_timeout(BUSY).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE a (x, pad); CREATE TABLE b (x, pad);\
                 BEGIN; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)\
                 INSERT INTO a SELECT x, zeroblob(2000) FROM n; INSERT INTO b SELECT x, pad FROM a; COMMIT;"
            ))
            .unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = &stop;
            let writer = scope.spawn(move || {
                let mut next = 2001i64;
                while !stop.load(Relaxed) {
                    let sql = format!(
                        "BEGIN IMMEDIATE; INSERT INTO a VALUES ({next}, zeroblob(900));\
                         INSERT INTO b VALUES ({next}, zeroblob(900)); COMMIT;"
                    );
                    connection.execute_batch(&sql).unwrap();
                    next += 1;
                    std::thread::sleep(PAUSE);
                }
                next - 2001
            });
            for round in 0..5 {
                let to = folder.path().join(format!("copy-{round}.db"));
                let captured = capture(&order("app.db"), &source, &to, &Watch::default()).unwrap();
                let (rows, whole) = is_whole(&to);
                assert!(whole, "{mode}: round {round}");
                assert_eq!(captured.tables[0].rows, Some(rows), "the facts are those of the copy");
            }
            stop.store(true, Relaxed);
            assert!(writer.join().unwrap() > 0, "nothing was written meanwhile");
        });
    }

    #[test]
    fn a_database_with_a_wal_is_captured_whole_while_it_is_written_to() {
        written_to_while_it_is_captured("WAL");
    }

    #[test]
    fn a_database_with_a_journal_is_captured_whole_while_it_is_written_to() {
        written_to_while_it_is_captured("DELETE");
    }

    #[test]
    fn a_database_at_rest_is_captured_and_nothing_is_made_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("app.db");
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)";
        Connection::open(&source).unwrap().execute_batch(sql).unwrap();
        let (link, to) = (folder.path().join("link.db"), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink("app.db", &link).unwrap();
        for (name, source) in [("app.db", &source), ("link.db", &link)] {
            let captured = capture(&order(name), source, &to.path().join(name), &Watch::default()).unwrap();
            assert_eq!(captured.tables[0].rows, Some(2));
        }
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["app.db", "link.db"]);
    }

    #[test]
    fn what_only_the_wal_holds_is_captured() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("app.db");
        let connection = Connection::open(&source).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
            .unwrap();
        let to = folder.path().join("copy.db");
        let captured = capture(&order("app.db"), &source, &to, &Watch::default()).unwrap();
        assert_eq!((captured.tables.len(), captured.tables[0].rows), (1, Some(1)));
        assert!(!folder.path().join("copy.db-wal").exists());
    }

    #[test]
    fn what_is_no_database_or_is_not_there_is_an_error_and_an_interruption_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("app.db");
        let to = folder.path().join("copy.db");
        let refusal = capture(&order("app.db"), &source, &to, &Watch::default()).unwrap_err();
        assert!(refusal.hint().contains("names the right file"), "{refusal}");
        assert!(!source.exists(), "it is not made");
        std::fs::write(&source, "").unwrap();
        let refusal = capture(&order("app.db"), &source, &to, &Watch::default()).unwrap_err();
        assert!(refusal.to_string().contains("is empty"), "{refusal}");
        std::fs::write(&source, vec![7; 8192]).unwrap();
        let refusal = capture(&order("app.db"), &source, &to, &Watch::default()).unwrap_err();
        assert!(refusal.to_string().contains("not a database"), "{refusal}");
        std::fs::remove_file(&source).unwrap();
        Connection::open(&source).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let watch = Watch::default();
        watch.interrupt();
        assert!(matches!(capture(&order("app.db"), &source, &to, &watch), Err(Error::Interrupted)));
    }
}
