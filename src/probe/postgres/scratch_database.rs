//! A database that the policy names to restore into: empty, and none that is in use.

use crate::database::postgres::Server;
use crate::database::postgres::dsn::Dsn;
use crate::database::postgres::session::Session;
use crate::database::secret;
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::Captured;
use crate::pipeline::program::Program;
use crate::pipeline::watch::Watch;
use crate::policy::capture::Source;
use crate::probe::Site;
use crate::probe::ledger::Ledger;
use crate::probe::postgres::Asked;
use crate::probe::postgres::cluster::{RESTORE, newer, unrestored};
use serde::Deserialize;
use std::path::Path;

/// What says which database it is, what is in it, and who asks.
const WHO: &str = "\
SELECT json_build_object('server', 'PostgreSQL ' || current_setting('server_version'), \
 'started', pg_postmaster_start_time()::text, 'database', current_database(), \
 'oid', (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), \
 'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
 'objects', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'), \
 'address', coalesce(inet_server_addr()::text, 'a socket'), \
 'port', current_setting('port'))";

#[derive(Deserialize)]
struct Who {
    server: String,
    started: String,
    database: String,
    oid: u64,
    superuser: bool,
    objects: u64,
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
}

/// An empty database.
pub(super) struct ScratchDatabase {
    pub(super) server: Server,
    version: String,
}

impl ScratchDatabase {
    /// Connects, and refuses one that is in use, is not empty, or would be restored into by a superuser.
    pub(super) fn open(
        site: &Site<'_>,
        dsn: &str,
        asked: &Asked<'_>,
        watch: &Watch,
    ) -> Result<ScratchDatabase> {
        let server = server(site, dsn, asked)?;
        let subject = format!("dsn of {}", asked.id);
        for (id, live) in lives(site) {
            // The same words are the same database, whether anybody answers or not.
            let live = self::server(site, live, asked)?;
            let is_one = live.dsn == server.dsn
                || who(&live, watch)
                    .is_ok_and(|live| who(&server, watch).is_ok_and(|scratch| scratch.is_one_with(&live)));
            if is_one {
                let finding = Finding::new(Code::DatabaseLive, subject).expected("an empty scratch database");
                return Err(Error::refused(
                    finding.actual(format!("the database that the capture {id} takes")),
                ));
            }
        }
        let who = who(&server, watch)?;
        if who.objects > 0 {
            let finding = Finding::new(Code::DatabaseNotEmpty, subject).expected("an empty scratch database");
            let actual = format!("{}: {} tables, views, indexes and sequences", who.place(), who.objects);
            return Err(Error::refused(finding.actual(actual)));
        }
        if who.superuser {
            let finding = Finding::new(Code::ProbeFailed, subject).expected("a role that is no superuser");
            return Err(Error::refused(finding.actual("a dump that a superuser restores can run programs")));
        }
        Ok(ScratchDatabase { server, version: who.server })
    }

    /// Restores a dump that lies in parts; any error ends it.
    pub(super) fn restore(&self, site: &Site<'_>, captured: &Captured, watch: &Watch) -> Result<()> {
        newer(captured, &self.version)?;
        let parts = site.folder(captured)?.to_string_lossy().into_owned();
        let mut words: Vec<String> =
            ["sh", "-c", "cat \"$0\"/part-* | exec \"$@\""].map(str::to_owned).to_vec();
        words.extend([parts, "pg_restore".to_owned()]);
        words.extend(RESTORE.map(str::to_owned));
        words.push(self.server.argument());
        let program = Program {
            folder: Path::new("/"),
            words: &words,
            variables: &self.server.variables,
            time_limit: self.server.time_limit,
            output_bytes_max: 4096,
        };
        let ended = program.run(watch)?;
        if ended.code == Some(0) { Ok(()) } else { Err(unrestored(captured, &ended)) }
    }

    /// Takes everything out of it again; says if that fails.
    pub(super) fn empty(&self, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
        let drop = || {
            let mut session = Session::open(&self.server, watch)?;
            session.tell("DROP OWNED BY CURRENT_USER CASCADE;\n")?;
            session.close()
        };
        match drop() {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => {
                let finding = Finding::new(Code::LeftBehind, self.server.dsn.clone());
                ledger.findings.push(finding.actual(error));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
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
