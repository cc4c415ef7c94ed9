//! A database that the policy names to restore into: empty, and none that is in use. The program that restores is shut off
//! like any other, but for the way to that database.

use crate::database::postgres::Server;
use crate::database::postgres::dsn::Dsn;
use crate::database::postgres::session::Session;
use crate::database::secret;
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::Captured;
use crate::pipeline::watch::Watch;
use crate::policy::capture::Source;
use crate::probe::confined::{Confined, Reach};
use crate::probe::ledger::Ledger;
use crate::probe::postgres::Asked;
use crate::probe::postgres::cluster::{RESTORE, newer, unrestored};
use crate::probe::postgres::contents;
use crate::probe::postgres::held::Held;
use crate::probe::{Site, is_end};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// What says which database it is, and who asks. Whoever can become a role that runs programs of the server, or reads and
/// writes its files, is as good as a superuser; and so was, before PostgreSQL 16, who may grant roles.
const WHO: &str = "\
SELECT json_build_object('server', 'PostgreSQL ' || current_setting('server_version'), \
 'started', pg_postmaster_start_time()::text, 'database', current_database(), \
 'oid', (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), \
 'powers', (SELECT concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, \
  CASE WHEN rolreplication THEN 'REPLICATION' END, (SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_roles g \
  WHERE pg_has_role(current_user, g.oid, 'MEMBER') AND g.oid <> r.oid AND (g.rolsuper OR g.rolcreaterole OR g.rolname IN \
  ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')))) FROM pg_roles r \
  WHERE rolname = current_user), \
 'role', session_user, 'host', :'HOST', 'address', coalesce(inet_server_addr()::text, 'a socket'), \
 'port', current_setting('port'))";

/// How long it may take to take everything out again: time that the probe does not have is none that this has not.
const CLEANUP: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
struct Who {
    server: String,
    started: String,
    database: String,
    oid: u64,
    powers: String,
    role: String,
    host: String,
    address: String,
    port: String,
}

impl Who {
    /// Whether both are one database of one server: it started at one moment, by one address or another.
    fn is_one_with(&self, other: &Who) -> bool {
        self.started == other.started && self.oid == other.oid && self.port == other.port
    }

    /// `database of address:port`
    fn place(&self) -> String {
        format!("{} of {}:{}", self.database, self.address, self.port)
    }

    /// What a program needs to reach it: its socket, or the network.
    fn reach(&self) -> Reach {
        match self.host.starts_with('/') {
            true => Reach::Socket(PathBuf::from(format!("{}/.s.PGSQL.{}", self.host, self.port))),
            false => Reach::Network,
        }
    }
}

/// An empty database, and nobody else's meanwhile. Dropped, it is emptied again.
pub(super) struct ScratchDatabase<'a> {
    pub(super) server: Server,
    /// What restores into it.
    pub(super) confined: Confined<'a>,
    version: String,
    place: String,
    /// Extensions that may be there already.
    extensions: &'a [String],
    held: Held,
    is_empty: bool,
}

impl<'a> ScratchDatabase<'a> {
    /// Connects, and refuses one that is in use, is not empty, or would be restored into by a superuser.
    pub(super) fn open(
        site: &'a Site<'_>,
        dsn: &str,
        asked: &Asked<'a>,
        ledger: &mut Ledger,
        watch: &Watch,
    ) -> Result<ScratchDatabase<'a>> {
        let server = server(site, dsn, asked)?;
        let subject = format!("dsn of {}", asked.id);
        let unknown = is_not_live(site, asked, &server, &subject, watch)?;
        if !unknown.is_empty() {
            let why =
                format!("what {} takes cannot be asked from here whether it is this one", unknown.join(", "));
            ledger.skipped("not a live database", why);
        }
        let who = who(&server, watch)?;
        let Some(held) = Held::take(&server, watch)? else {
            let finding = Finding::new(Code::DatabaseLive, subject).expected("an empty scratch database");
            return Err(Error::refused(finding.actual(format!("{}: another drill is in it", who.place()))));
        };
        let found = contents::of(&server, asked.extensions, watch)?;
        if !found.is_empty() {
            let finding = Finding::new(Code::DatabaseNotEmpty, subject).expected("an empty scratch database");
            return Err(Error::refused(finding.actual(format!("{}: {}", who.place(), found.join(", ")))));
        }
        if !who.powers.is_empty() {
            let finding = Finding::new(Code::ProbeFailed, subject);
            let finding = finding.expected("a role that can run no programs of the server");
            return Err(Error::refused(finding.actual(format!("it is, or can become: {}", who.powers))));
        }
        let mut confined = site.confined(asked.id, asked.deadline)?;
        confined.reach = who.reach();
        // What restores reads the same password file and certificates as what asks.
        let own =
            |(name, _): &(std::ffi::OsString, _)| server.variables.iter().all(|(known, _)| known != name);
        confined.variables.retain(own);
        confined.variables.extend(server.variables.iter().cloned());
        // Where it is shut off somebody else's name may be the one that connections go by.
        confined.variables.push(("PGUSER".into(), who.role.clone().into()));
        let place = who.place();
        let (version, extensions) = (who.server, asked.extensions);
        Ok(ScratchDatabase { server, confined, version, place, extensions, held, is_empty: true })
    }

    /// Restores a dump that lies in parts; any error ends it.
    pub(super) fn restore(&mut self, site: &Site<'_>, captured: &Captured, watch: &Watch) -> Result<()> {
        newer(captured, &self.version)?;
        let parts = site.folder(captured)?.to_string_lossy().into_owned();
        let mut words: Vec<String> =
            ["sh", "-c", "cat \"$0\"/part-* | exec \"$@\""].map(str::to_owned).to_vec();
        words.extend([parts, "pg_restore".to_owned()]);
        words.extend(RESTORE.map(str::to_owned));
        let is_beside =
            |name: &str| contents::EXTENSIONS.contains(&name) || self.extensions.iter().any(|it| it == name);
        let mut extensions = captured.objects.iter().filter(|object| object.kind == "extension");
        // Who did not create an extension may not comment on it.
        words.extend(extensions.any(|it| is_beside(&it.name)).then(|| "--no-comments".to_owned()));
        words.push(self.server.argument());
        self.is_empty = false;
        let ended = self.confined.run_called("pg_restore", &words, watch)?;
        if ended.code == Some(0) { Ok(()) } else { Err(unrestored(captured, &ended)) }
    }

    /// Takes everything out of it again, also after an interruption; says what is left. What lay there before, and rights that
    /// others granted, stay.
    pub(super) fn empty(&mut self, ledger: &mut Ledger) {
        let left = match self.remove() {
            Ok(left) if left.is_empty() => return ledger.passed("emptied again", "nothing", "nothing"),
            Ok(left) => left.join(", "),
            Err(error) => error.to_string(),
        };
        let finding = Finding::new(Code::LeftBehind, &*self.place).expected("what was restored is removed");
        ledger.findings.push(finding.actual(left));
    }

    /// Ends whatever still works in it, and drops everything; gives what is left.
    fn remove(&mut self) -> Result<Vec<String>> {
        self.is_empty = true;
        let server = Server { time_limit: CLEANUP, ..self.server.clone() };
        self.held.end_others(&server, &Watch::default())?;
        contents::remove(&server, self.extensions, &Watch::default())
    }
}

impl Drop for ScratchDatabase<'_> {
    fn drop(&mut self) {
        if !self.is_empty {
            // Nobody is there any more to be told.
            let _ = self.remove();
        }
    }
}

/// Refuses a database that a capture takes, whatever it is called here; gives the captures of which that is not known, since what
/// they take cannot be asked from here.
fn is_not_live<'s>(
    site: &'s Site<'_>,
    asked: &Asked<'_>,
    server: &Server,
    subject: &str,
    watch: &Watch,
) -> Result<Vec<&'s str>> {
    let mut unknown = Vec::new();
    for (id, live) in lives(site) {
        let Ok(live) = self::server(site, live, asked) else {
            unknown.push(id);
            continue;
        };
        // The same words are the same database, whether anybody answers or not.
        let is_one = live.dsn == server.dsn
            || match who(&live, watch) {
                Ok(live) => who(server, watch)?.is_one_with(&live),
                Err(error) if is_end(&error) => return Err(error),
                Err(_) => {
                    unknown.push(id);
                    false
                }
            };
        if is_one {
            let finding = Finding::new(Code::DatabaseLive, subject).expected("an empty scratch database");
            return Err(Error::refused(finding.actual(format!("the database that the capture {id} takes"))));
        }
    }
    Ok(unknown)
}

/// The databases that are captured, by the capture's id.
fn lives<'s>(site: &'s Site<'_>) -> impl Iterator<Item = (&'s str, &'s str)> {
    site.policy.captures.iter().filter_map(|capture| match &capture.source {
        Source::Postgres { dsn } => Some((&*capture.id, &**dsn)),
        _ => None,
    })
}

fn who(server: &Server, watch: &Watch) -> Result<Who> {
    let mut session = Session::open(server, watch)?;
    let who: Vec<Who> = session.ask(WHO)?;
    session.close()?;
    who.into_iter().next().ok_or_else(|| Error::input("psql: no answer", ""))
}

fn server(site: &Site<'_>, dsn: &str, asked: &Asked<'_>) -> Result<Server> {
    let Dsn { text, password } = Dsn::new(&secret::resolve(dsn, site.tree, site.environment)?);
    let pass = |name: &&str| Some(((*name).into(), (site.environment)(name)?));
    let password = password.map(|password| ("PGPASSWORD".into(), password.into()));
    let variables = ["PATH", "HOME", "LANG"].iter().filter_map(pass).chain(password);
    Ok(Server { dsn: text, variables: variables.collect(), time_limit: asked.deadline.left() })
}
