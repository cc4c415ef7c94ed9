//! PostgreSQL: a dump in `pg_dump`'s own format, read as it comes, and what is in the database at the very moment that it
//! shows: both work on one exported snapshot.

use crate::database::postgres::Server;
use crate::database::postgres::dsn::Dsn;
use crate::database::postgres::facts::{self, Asked};
use crate::database::postgres::session::Session;
use crate::error::{Error, Result};
use crate::format::capture::{CaptureKind, Captured, DatabaseSettings, Form, ROLE, role_name};
use crate::pipeline::program::piped::Piped;
use crate::pipeline::watch::Watch;
use crate::policy::capture::Capture;
use crate::tree::capture::Environment;
use std::io::{self, Read};
use std::time::Duration;

/// What the tools get of the environment, if it is there: where they are, and where their own files lie. No password and no
/// server: those are the policy's to name.
const VARIABLES: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// The transaction that holds the moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT json_build_object('snapshot', \
                     pg_export_snapshot(), 'server', 'PostgreSQL ' || current_setting('server_version'))";

#[derive(serde::Deserialize)]
struct Moment {
    snapshot: String,
    server: String,
}

/// A dump that is being made.
pub(super) struct Dump {
    id: String,
    session: Session,
    asked: Asked,
    dump: Piped,
    tool: String,
    server: String,
    database: DatabaseSettings,
}

impl Dump {
    /// Holds a moment of the database, and begins to dump it.
    pub(super) fn start(
        capture: &Capture,
        dsn: &str,
        environment: Environment<'_>,
        watch: &Watch,
    ) -> Result<Dump> {
        let server = server(dsn, environment, Duration::from_secs(capture.time_limit_s));
        let tool = version(&server, watch)?;
        let mut session = Session::open(&server, watch)?;
        let moment: Vec<Moment> = session.ask(BEGIN)?;
        let Some(moment) = moment.into_iter().next() else {
            return Err(Error::input("psql: no snapshot was exported", ""));
        };
        let database = facts::settings(&mut session)?;
        let asked = facts::ask(&mut session, capture.digest_up_to)?;
        // The archive compresses; what was compressed before can be neither searched nor made smaller.
        let words =
            ["pg_dump", "--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=60s"];
        let words: Vec<String> = words
            .iter()
            .map(|word| (*word).to_owned())
            .chain([format!("--snapshot={}", moment.snapshot), server.argument()])
            .collect();
        let dump = Piped::start(&server.tool(&words), watch)?;
        Ok(Dump { id: capture.id.clone(), session, asked, dump, tool, server: moment.server, database })
    }

    /// Waits for the end of the dump, and says what is in it.
    pub(super) fn finish(mut self) -> Result<Captured> {
        self.dump.finish()?;
        let facts = self.asked.answer(&mut self.session)?;
        self.session.tell("COMMIT;\n")?;
        self.session.close()?;
        // Whoever restores it refuses what is not plainly a name.
        let mut roles = facts.objects.iter().filter(|object| object.kind == ROLE);
        if let Some(role) = roles.find(|role| role_name(&role.name).is_none()) {
            let message = format!("the name of the role {:?} has control characters", role.name);
            return Err(Error::input(message, "ALTER ROLE … RENAME TO …"));
        }
        Ok(Captured {
            id: self.id,
            kind: CaptureKind::Postgres,
            form: Form::Parts,
            tool: self.tool,
            server: Some(self.server),
            database: Some(Box::new(self.database)),
            schema_sha256: Some(facts.schema_sha256),
            tables: facts.tables,
            objects: facts.objects,
        })
    }
}

impl Read for Dump {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.dump.read(buffer)
    }
}

fn server(dsn: &str, environment: Environment<'_>, time_limit: Duration) -> Server {
    let Dsn { text, password } = Dsn::new(dsn);
    let pass = |name: &&str| Some(((*name).into(), environment(name)?));
    let password = password.map(|password| ("PGPASSWORD".into(), password.into()));
    let name = ("PGAPPNAME".into(), "attestar".into());
    let variables = VARIABLES.iter().filter_map(pass).chain(password).chain([name]).collect();
    Server { dsn: text, variables, time_limit }
}

/// `pg_dump (PostgreSQL) 15.18`
fn version(server: &Server, watch: &Watch) -> Result<String> {
    let words = ["pg_dump", "--version"].map(str::to_owned);
    let mut program = Piped::start(&server.tool(&words), watch).map_err(|error| {
        if error.is_not_found() {
            let hint = "install PostgreSQL's client programs, of the server's version or later";
            return Error::input("pg_dump is not there", hint);
        }
        error
    })?;
    let line = program.line()?.unwrap_or_default();
    program.finish()?;
    Ok(line)
}
