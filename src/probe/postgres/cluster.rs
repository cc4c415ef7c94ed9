//! A throwaway server: a cluster of its own in the scratch, reached by a socket alone, shut off from network, keys and
//! store, run by a user that is not root. A hostile dump may run programs: they find nothing.

use crate::database::postgres::Server;
use crate::database::postgres::session::Session;
use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::capture::{Captured, DatabaseSettings};
use crate::pipeline::program::piped::Piped;
use crate::pipeline::program::{Ended, Program};
use crate::pipeline::watch::Watch;
use crate::probe::command::printed;
use crate::probe::confined::Confined;
use crate::probe::deadline::Deadline;
use crate::probe::postgres::major;
use crate::probe::postgres::prepared::{
    WRAPPERS_GRANTED, Wanted, create_database, create_extension, create_role, schema_line, schemas,
};
use crate::probe::{Site, full, is_end};
use rustix::fs::OFlags;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database that is restored into.
pub const DATABASE: &str = "drilled";

/// Who restores: no superuser.
pub(super) const RESTORER: &str = "restorer";

/// The superuser of the cluster.
const SUPERUSER: &str = "attestar";

/// The longest path of a socket (`sun_path`, unix(7)), in bytes.
const SOCKET_BYTES_MAX: usize = 107;

/// How long the server may take to end, and what shuts it off to list what it wrote.
const GRACE: Duration = Duration::from_secs(20);

/// How long is waited between two looks whether the server takes connections.
const PAUSE: Duration = Duration::from_millis(50);

/// Nothing of it need outlive a crash.
const SETTINGS: [&str; 11] = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "shared_buffers=64MB",
    "max_connections=20",
    "unix_socket_permissions=0700",
    // What a dump makes it complain of goes to who restores; nobody reads a log, and it would have no end.
    "log_min_messages=fatal",
];

/// Runs a program until the input is closed, or it ends; then what it wrote outside can still be listed. What watches the input
/// is a shell of its own, and gone at the end as well.
const UNTIL_CLOSED: &str = "exec 3<&0; \"$@\" < /dev/null 3<&- & program=$!; \
     { while read -r _; do :; done; kill -s QUIT $program; } <&3 3<&- & input=$!; exec 3<&-; \
     wait $program; code=$?; exec 2> /dev/null; kill $input; wait $input; exit $code";

/// A running server. Dropped, it is ended.
pub struct Cluster<'a> {
    folder: PathBuf,
    /// What is given to its user to read lies here, where only who runs this may write.
    lent: PathBuf,
    programs: PathBuf,
    confined: Confined<'a>,
    server: Piped,
}

impl<'a> Cluster<'a> {
    /// Makes a cluster, and starts its server.
    pub fn start(
        site: &'a Site<'_>,
        id: &str,
        programs: &Path,
        deadline: Deadline,
        watch: &Watch,
    ) -> Result<Cluster<'a>> {
        let mut confined = site.confined(id, deadline)?;
        confined.ids = ids(site.policy.drill.user.as_deref())?;
        let folder = confined.work.clone();
        hand_over(&folder, confined.ids, site.work)?;
        let lent = readable(site.work.join(format!("{id}.lent")), confined.ids)?;
        if folder.as_os_str().len() + "/.s.PGSQL.5432".len() > SOCKET_BYTES_MAX {
            let message = format!("{} is too long for the path of a socket", folder.display());
            return Err(Error::input(message, "scratch = \"/var/tmp\" in [drill]"));
        }
        let program = |name: &str| programs.join(name).to_string_lossy().into_owned();
        let data = folder.join("data").to_string_lossy().into_owned();
        let words =
            ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", SUPERUSER, "-D"];
        let words = [program("initdb")].into_iter().chain(words.map(str::to_owned)).chain([data.clone()]);
        let made = confined.run(&words.collect::<Vec<_>>(), watch)?;
        if made.code != Some(0) {
            return Err(failed("initdb", &made));
        }
        let mut words: Vec<String> = ["sh", "-c", UNTIL_CLOSED, "sh"].map(str::to_owned).to_vec();
        words.extend([program("postgres"), "-D".to_owned(), data]);
        let sockets = format!("unix_socket_directories={}", folder.display());
        for setting in SETTINGS.iter().map(|setting| (*setting).to_owned()).chain([sockets]) {
            words.extend(["-c".to_owned(), setting]);
        }
        let words = confined.words(&words)?;
        let program = Program {
            folder: Path::new("/"),
            words: &words,
            variables: &confined.variables,
            // Longer than anything that is asked of it: it is ended in order, and what it wrote is listed.
            time_limit: deadline.left() + GRACE,
            output_bytes_max: 0,
        };
        let server = Piped::start(&program, watch)?.called("postgres");
        let mut cluster = Cluster { folder, lent, programs: programs.to_owned(), confined, server };
        cluster.wait(watch)?;
        Ok(cluster)
    }

    fn server(&self, user: &str, database: &str) -> Server {
        let dsn = format!("host={} user={user} dbname={database}", self.folder.display());
        let variables = self.confined.variables.clone();
        Server { dsn, variables, time_limit: self.confined.deadline.left() }
    }

    /// As the superuser.
    pub fn superuser(&self, database: &str) -> Server {
        self.server(SUPERUSER, database)
    }

    /// As who restores.
    pub fn restorer(&self) -> Server {
        self.server(RESTORER, DATABASE)
    }

    /// Waits until it takes connections.
    fn wait(&mut self, watch: &Watch) -> Result<()> {
        loop {
            let try_once = || {
                let mut session = Session::open(&self.superuser("postgres"), watch)?;
                session.ask::<u32>("SELECT to_json(1)").map(|_| ())
            };
            match try_once() {
                // Who asks is not there, whatever becomes of the server.
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) if error.is_last() => return Err(error),
                Err(_) if self.server.has_ended() => return Err(self.server.failure("it ended")),
                Err(_) => watch.pause(PAUSE)?,
                Ok(()) => return Ok(()),
            }
            self.confined.deadline.check("the server takes no connections")?;
        }
    }

    /// An empty database of the restorer's, with the roles and extensions that a dump takes for granted, made like the one that
    /// was captured where this system can: [`facts::settings`](crate::database::postgres::facts::settings) says how it was.
    pub fn prepare(&self, wanted: &Wanted<'_>, watch: &Watch) -> Result<()> {
        let mut session = Session::open(&self.superuser("postgres"), watch)?;
        // Row security holds for who owns a table as well, where that was forced; all rows are to be counted.
        session.tell(&format!("CREATE ROLE {RESTORER} LOGIN NOSUPERUSER BYPASSRLS;\n"))?;
        for role in wanted.roles {
            session.tell(&create_role(role)?)?;
        }
        session.close()?;
        self.create_database(wanted.like, watch)?;
        if wanted.extensions.is_empty() {
            return Ok(());
        }
        let mut session = Session::open(&self.superuser(DATABASE), watch)?;
        for extension in wanted.extensions {
            session.tell(&create_extension(extension, wanted.like))?;
        }
        session.tell(&WRAPPERS_GRANTED.replace("RESTORER", RESTORER))?;
        session.close()
    }

    fn create_database(&self, like: Option<&DatabaseSettings>, watch: &Watch) -> Result<()> {
        let create = |statement: &str| {
            let mut session = Session::open(&self.superuser("postgres"), watch)?;
            session.tell(statement)?;
            session.close()
        };
        let made = like.map_or(Ok(false), |like| create(&create_database(like)).map(|()| true));
        match made {
            Ok(true) => Ok(()),
            Err(error) if is_end(&error) => Err(error),
            // Without its locale it is restored all the same, and what depends on one is not compared.
            _ => create(&format!("CREATE DATABASE {DATABASE} OWNER {RESTORER} TEMPLATE template0;\n")),
        }
    }

    /// Restores a dump that lies in parts; any error ends it. These extensions are there before.
    pub fn restore(
        &self,
        site: &Site<'_>,
        captured: &Captured,
        extensions: &[String],
        watch: &Watch,
    ) -> Result<()> {
        self.is_readable(captured, watch)?;
        let dump = readable(self.lent.join("dump"), self.confined.ids)?;
        lend(&site.folder(captured)?, &dump, self.confined.ids)?;
        let program = self.programs.join("pg_restore").to_string_lossy().into_owned();
        let list = self.list(&dump, &program, &schemas(extensions, captured.database.as_deref()), watch)?;
        let mut words: Vec<String> =
            ["sh", "-c", "cat \"$0\"/part-* | exec \"$@\""].map(str::to_owned).to_vec();
        words.extend([dump.to_string_lossy().into_owned(), program]);
        words.extend(RESTORE.map(str::to_owned));
        // Who may not create an extension may not comment on it.
        words.extend((!extensions.is_empty()).then(|| "--no-comments".to_owned()));
        words.extend(list.map(|list| format!("--use-list={list}")));
        words.push(self.restorer().argument());
        let ended = self.confined.run_called("pg_restore", &words, watch)?;
        if ended.code == Some(0) { Ok(()) } else { Err(unrestored(captured, &ended)) }
    }

    /// A file with all that is in the dump but these schemas, which are there already; none where none is.
    fn list(
        &self,
        dump: &Path,
        program: &str,
        schemas: &BTreeSet<&str>,
        watch: &Watch,
    ) -> Result<Option<String>> {
        if schemas.is_empty() {
            return Ok(None);
        }
        let list = self.folder.join("restored.list").to_string_lossy().into_owned();
        let mut words: Vec<String> = ["sh", "-c", LIST].map(str::to_owned).to_vec();
        words.extend([dump.to_string_lossy().into_owned(), program.to_owned(), list.clone()]);
        words.extend(schemas.iter().flat_map(|name| ["-e".to_owned(), schema_line(name)]));
        let ended = self.confined.run_called("pg_restore --list", &words, watch)?;
        if ended.code == Some(0) { Ok(Some(list)) } else { Err(failed("pg_restore --list", &ended)) }
    }

    /// Applies a file of SQL as the restorer; any error ends it.
    pub fn apply(&self, file: &Path, watch: &Watch) -> Result<Ended> {
        let mut from = regular(file)?;
        let own = tempfile::Builder::new().prefix("apply-").suffix(".sql").tempfile_in(&self.lent);
        let mut own = own.map_err(Error::io("create a file in", &self.lent))?;
        let copied = io::copy(&mut from, own.as_file_mut())
            .and_then(|_| own.as_file().set_permissions(fs::Permissions::from_mode(0o644)));
        copied.map_err(Error::io("copy", file))?;
        let mut words: Vec<String> =
            ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"].map(str::to_owned).to_vec();
        words.extend([own.path().to_string_lossy().into_owned(), self.restorer().argument()]);
        self.confined.run(&words, watch)
    }

    /// A dump of a newer server is not tried.
    fn is_readable(&self, captured: &Captured, watch: &Watch) -> Result<()> {
        let mut session = Session::open(&self.superuser("postgres"), watch)?;
        let here: Vec<String> =
            session.ask("SELECT to_json('PostgreSQL ' || current_setting('server_version'))")?;
        session.close()?;
        let here = here.into_iter().next().unwrap_or_default();
        newer(captured, &here)
    }

    /// Ends the server, and gives what is noted of it.
    pub fn end(self) -> Result<Confined<'a>> {
        let Cluster { confined, server, .. } = self;
        match server.finish() {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            // One that did not end by itself has left no list, and that is told.
            _ => Ok(confined),
        }
    }
}

/// Lists what is in a dump but for lines with some words; a dump may have no others.
const LIST: &str = "program=$1; list=$2; shift 2; cat \"$0\"/part-* | \"$program\" --list > \"$list.all\" || exit; \
                    grep -v \"$@\" < \"$list.all\" > \"$list\" || test $? = 1";

/// How a dump is restored: as somebody else's, on whatever disk there is, without what ties it to other servers, and not past the
/// first error.
pub const RESTORE: [&str; 7] = [
    "--exit-on-error",
    "--no-owner",
    "--no-privileges",
    "--no-password",
    "--no-tablespaces",
    "--no-publications",
    "--no-subscriptions",
];

/// Refuses a dump of a newer server.
pub fn newer(captured: &Captured, here: &str) -> Result<()> {
    let there = captured.server.clone().unwrap_or_default();
    if major(&there) <= major(here) {
        return Ok(());
    }
    let finding = Finding::new(Code::DumpNewer, format!("captures/{}", captured.id));
    Err(Error::refused(finding.expected(format!("at most {here}, as it is here")).actual(there)))
}

/// What pg_restore complained of.
pub fn unrestored(captured: &Captured, ended: &Ended) -> Error {
    let said = printed(ended);
    let subject = format!("captures/{}", captured.id);
    if said.contains("unsupported version") {
        let finding = Finding::new(Code::DumpNewer, subject).expected("a dump that pg_restore can read here");
        return Error::refused(finding.actual(said));
    }
    if full::says(&said) {
        return Error::refused(full::finding(said));
    }
    let finding = Finding::new(Code::ProbeFailed, subject).expected("pg_restore without an error");
    Error::refused(finding.actual(if said.is_empty() { ended.why.clone().unwrap_or_default() } else { said }))
}

fn failed(program: &str, ended: &Ended) -> Error {
    let why = ended.why.as_ref().map_or_else(|| printed(ended), Clone::clone);
    Error::input(format!("{program} failed: {why}"), "")
}

/// Who runs the server: whoever runs this; where that is root, the policy's user.
fn ids(user: Option<&str>) -> Result<Option<(u32, u32)>> {
    let me = rustix::process::geteuid();
    if !me.is_root() {
        return Ok(Some((me.as_raw(), rustix::process::getegid().as_raw())));
    }
    let users = fs::read_to_string("/etc/passwd").map_err(Error::io("read", "/etc/passwd"))?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = match user {
        Some(user) => of(user),
        None => of("postgres").or_else(|| of("nobody")),
    };
    match found {
        Some((0, _)) | None => {
            let message = format!("there is no user {} here", user.unwrap_or("postgres"));
            Err(Error::input(message, "user = \"postgres\" in [drill]: PostgreSQL refuses root"))
        }
        found => Ok(found),
    }
}

/// Gives a folder to who runs the server, and lets that one pass through those above it.
fn hand_over(folder: &Path, ids: Option<(u32, u32)>, work: &Path) -> Result<()> {
    let mode = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::io("change", path))
    };
    if rustix::process::geteuid().is_root() {
        let (user, group) = ids.unzip();
        chown(folder, user, group).map_err(Error::io("change", folder))?;
        mode(work, 0o711)?;
        mode(work.parent().unwrap_or(work), 0o711)?;
    }
    mode(folder, 0o700)
}

/// Makes a folder that who runs the server may read, and no other user; it must not be there.
fn readable(folder: PathBuf, ids: Option<(u32, u32)>) -> Result<PathBuf> {
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    let lend = |()| match rustix::process::geteuid().is_root() {
        true => chown(&folder, None, ids.map(|(_, group)| group))
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o750))),
        false => Ok(()),
    };
    made.and_then(lend).map_err(Error::io("create", &folder))?;
    Ok(folder)
}

/// Opens a regular file, by no link.
fn regular(path: &Path) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(Error::io("open", path))?;
    if file.metadata().map_err(Error::io("open", path))?.is_file() {
        return Ok(file);
    }
    Err(Error::input(format!("{} is not a file", path.display()), ""))
}

/// The parts of a dump, for the server's user to read: the same files by other names, or copies.
fn lend(from: &Path, to: &Path, ids: Option<(u32, u32)>) -> Result<()> {
    for entry in fs::read_dir(from).map_err(Error::io("read", from))? {
        let path = entry.map_err(Error::io("read", from))?.path();
        let mut part = regular(&path)?;
        let name = to.join(path.file_name().unwrap_or_default());
        if fs::hard_link(&path, &name).is_err() {
            let mut copy = File::create_new(&name).map_err(Error::io("create", &name))?;
            io::copy(&mut part, &mut copy).map_err(Error::io("copy", &path))?;
            part = copy;
        }
        if rustix::process::geteuid().is_root() {
            fchown(&part, None, ids.map(|(_, group)| group))
                .and_then(|()| part.set_permissions(fs::Permissions::from_mode(0o640)))
                .map_err(Error::io("change", &name))?;
        }
    }
    Ok(())
}
