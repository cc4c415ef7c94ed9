//! PostgreSQL: a dump is restored into a throwaway server, or into an empty database that the policy names, by a role that
//! is no superuser; then everything in it is compared, checked and asked.

mod amcheck;
pub mod cluster;
mod contents;
mod held;
pub mod prepared;
pub mod programs;
mod scratch_database;

use crate::database::postgres::Server;
use crate::database::postgres::facts;
use crate::database::postgres::session::Session;
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, DatabaseSettings, Form};
use crate::pipeline::watch::Watch;
use crate::policy::probe::Query;
use crate::probe::Site;
use crate::probe::answers;
use crate::probe::deadline::Deadline;
use crate::probe::facts::{Back, compare};
use crate::probe::ledger::Ledger;
use cluster::Cluster;
use prepared::Wanted;
use scratch_database::ScratchDatabase;
use std::collections::BTreeSet;

/// What the policy asks.
pub struct Asked<'a> {
    /// The probe's id.
    pub id: &'a str,
    /// Of which capture.
    pub capture: &'a str,
    /// Its own questions.
    pub queries: &'a [Query],
    /// An empty database to restore into.
    pub dsn: Option<&'a str>,
    /// Extensions that only a superuser may create.
    pub extensions: &'a [String],
    /// The folder of the server's programs.
    pub programs: Option<&'a str>,
    /// When it has to be through.
    pub deadline: Deadline,
}

/// Probes a dump.
pub fn probe(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    in_time(asked.deadline, probe_dump(site, asked, ledger, watch))
}

/// `psql` is given what is left of the time; where that is over, the whole of it is told.
pub fn in_time<T>(deadline: Deadline, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Late(told) if told.starts_with("psql: ") => deadline.late("psql"),
        error => error,
    })
}

fn probe_dump(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let captured = site.captured(asked.capture).map_err(Error::refused)?;
    if captured.form != Form::Parts {
        let finding = Finding::new(Code::ProbeSkipped, format!("captures/{}", captured.id));
        return Err(Error::refused(finding.expected("a dump").actual("it was captured another way")));
    }
    if let Some(dsn) = asked.dsn {
        let mut database = ScratchDatabase::open(site, dsn, asked, ledger, watch)?;
        let result = database
            .restore(site, captured, watch)
            .and_then(|()| questions(&database.server, captured, asked, ledger, watch))
            .and_then(|()| amcheck::if_installed(&within(&database.server, asked), captured, ledger, watch));
        database.empty(ledger);
        return database.confined.told(asked.id, result, ledger);
    }
    let programs = programs::find(asked.programs, captured.server.as_deref(), site.environment)?;
    let cluster = Cluster::start(site, asked.id, &programs, asked.deadline, watch)?;
    let roles: Vec<&str> =
        captured.objects.iter().filter(|object| object.kind == "role").map(|object| &*object.name).collect();
    let result = cluster
        .prepare(
            &Wanted { roles: &roles, extensions: asked.extensions, like: captured.database.as_deref() },
            watch,
        )
        .and_then(|()| cluster.restore(site, captured, asked.extensions, watch))
        .and_then(|()| questions(&cluster.restorer(), captured, asked, ledger, watch))
        .and_then(|()| amcheck::installed(&cluster, captured, ledger, watch));
    // What it wrote outside is told however it went.
    cluster.end()?.told(asked.id, result, ledger)
}

/// The same server, for what is left of the probe's time.
fn within(server: &Server, asked: &Asked<'_>) -> Server {
    Server { time_limit: asked.deadline.left(), ..server.clone() }
}

/// Statistics, what is in it, and the policy's own questions.
fn questions(
    server: &Server,
    captured: &Captured,
    asked: &Asked<'_>,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let mut session = Session::open(&within(server, asked), watch)?;
    session.tell("ANALYZE;\n")?;
    let version: Vec<String> =
        session.ask("SELECT to_json('PostgreSQL ' || current_setting('server_version'))")?;
    let here = version.into_iter().next().unwrap_or_default();
    let made = facts::settings(&mut session)?;
    ledger.passed("restore", "no error", "no error");
    let digested = digested(captured);
    let is_digested = |name: &str, _| digested.contains(name);
    let questions = facts::ask_beside(&mut session, &is_digested, &beside(captured, asked))?;
    let found = questions.answer(&mut session)?;
    session.close()?;
    let there = captured.server.clone().unwrap_or_default();
    let incomparable = match major(&here) == major(&there) {
        true => captured.database.as_deref().and_then(|there| another_locale(there, &made)),
        false => Some(format!("captured from {there}, restored into {here}")),
    };
    ledger.covers(format!("restored into {here}"));
    let (schema_sha256, refilled) = (Some(found.schema_sha256), found.refilled);
    let (tables, objects) = (found.tables, found.objects);
    compare(captured, &Back { schema_sha256, tables, objects, incomparable, refilled }, ledger);
    for query in asked.queries {
        answers::answered(asked.id, query, answer(&within(server, asked), query, watch), ledger)?;
    }
    answers::covered(asked.queries.len(), ledger);
    Ok(())
}

/// Why texts may be ordered, and their letters taken, another way than where they were captured.
fn another_locale(there: &DatabaseSettings, here: &DatabaseSettings) -> Option<String> {
    let words = |of: &DatabaseSettings| match &of.locale {
        Some(locale) => format!("{}, {} {locale}", of.encoding, of.provider),
        None if of.collate == of.ctype => format!("{}, {}", of.encoding, of.collate),
        None => format!("{}, {} and {}", of.encoding, of.collate, of.ctype),
    };
    let (there, here) = (words(there), words(here));
    (there != here).then(|| format!("captured from a database in {there}, restored into one in {here}"))
}

/// The tables whose rows were digested: the others were too large for that.
fn digested(captured: &Captured) -> BTreeSet<&str> {
    captured.tables.iter().filter(|table| table.content.is_some()).map(|table| &*table.name).collect()
}

/// Extensions that somebody put into the database that is restored into, and that the dump does not have.
fn beside<'s>(captured: &Captured, asked: &Asked<'s>) -> Vec<&'s str> {
    if asked.dsn.is_none() {
        return Vec::new();
    }
    let is_captured =
        |name: &str| captured.objects.iter().any(|it| it.kind == "extension" && it.name == name);
    let there = contents::EXTENSIONS.iter().copied().chain(asked.extensions.iter().map(String::as_str));
    there.filter(|name| !is_captured(name)).collect()
}

/// The rows of an answer; a statement that would write is refused by the server.
fn answer(server: &Server, query: &Query, watch: &Watch) -> Result<Vec<String>> {
    let mut session = Session::open(server, watch)?;
    session.tell("RESET search_path; SET default_transaction_read_only = on;\n")?;
    session.answer_to(&query.sql)
}

/// `15` of `PostgreSQL 15.18 (Debian …)`; nothing if that cannot be told.
pub fn major(server: &str) -> Option<u32> {
    let digits = server.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_major_version_is_told() {
        assert_eq!(major("PostgreSQL 15.18 (Debian 15.18-1)"), Some(15));
        assert_eq!(major("PostgreSQL 18beta1"), Some(18));
        assert_eq!(major("another"), None);
    }
}
