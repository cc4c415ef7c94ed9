//! What to type once files are back: how each captured database becomes one again. The night it is needed is no night to
//! look that up.

use crate::format::capture::{CaptureKind, Captured, Form, Object, ROLE};
use crate::format::pack::Pack;
use crate::format::visible::visible;
use std::path::Path;

/// What to do with a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The capture's id.
    pub capture: String,
    /// What was captured.
    pub kind: CaptureKind,
    /// Commands for a shell, in order.
    pub run: Vec<String>,
    /// What to mind.
    pub mind: String,
}

/// The next step for each capture of a pack that was restored into `to`.
pub fn next_steps(pack: &Pack, to: &Path) -> Vec<NextStep> {
    pack.captures.iter().map(|captured| next_step(captured, to)).collect()
}

fn next_step(captured: &Captured, to: &Path) -> NextStep {
    let folder = to.join("captures").join(&captured.id);
    let (run, mind) = match (captured.kind, &captured.form) {
        (CaptureKind::Postgres, _) => postgres(captured, &folder),
        (CaptureKind::Duckdb, Form::Folder) => {
            let import = format!("IMPORT DATABASE '{}'", folder.to_string_lossy().replace('\'', "''"));
            let to = no_option(&format!("{}.duckdb", captured.id));
            (vec![format!("duckdb {to} -c {}", quoted(&import))], format!("{to} must not be there before"))
        }
        (CaptureKind::Duckdb | CaptureKind::Sqlite, Form::File(name)) => {
            let to = no_option(name);
            let run = format!("cp {} {}", quoted(&folder.join(name).to_string_lossy()), quoted(&to));
            let side = |suffix: &str| quoted(&format!("{to}{suffix}"));
            let sides = match captured.kind {
                CaptureKind::Sqlite => format!("{}, {} and {}", side("-wal"), side("-shm"), side("-journal")),
                _ => side(".wal"),
            };
            (vec![run], format!("stop what uses it, and remove {sides} of the old one first"))
        }
        (_, Form::Parts) => {
            let run = format!("cat {}/part-* | …", quoted(&folder.to_string_lossy()));
            (vec![run], format!("into what reads back what {} wrote", captured.tool))
        }
        (_, Form::File(_) | Form::Folder) => {
            let run = format!("ls {}", quoted(&folder.to_string_lossy()));
            (vec![run], format!("as {} left it", captured.tool))
        }
    };
    NextStep { capture: captured.id.clone(), kind: captured.kind, run, mind }
}

/// Roles that a dump takes for granted come first, but for the system's own; tablespaces are those of the server that is gone.
fn postgres(captured: &Captured, folder: &Path) -> (Vec<String>, String) {
    let is_made = |object: &&Object| object.kind == ROLE && !object.name.starts_with("pg_");
    let roles = captured.objects.iter().filter(is_made);
    let mut run: Vec<String> = roles
        .map(|role| format!("psql -d postgres -c {}", quoted(&format!("CREATE ROLE {}", role.name))))
        .collect();
    // An empty database is one without what this server puts into new ones.
    let end = if captured.id.starts_with('-') { "-- " } else { "" };
    run.push(format!("createdb -T template0 {end}{}", quoted(&captured.id)));
    run.push(format!(
        "cat {}/part-* | pg_restore --exit-on-error --no-owner --no-privileges --no-tablespaces --dbname={}",
        quoted(&folder.to_string_lossy()),
        quoted(&captured.id)
    ));
    run.push(format!("psql -d {} -c ANALYZE", quoted(&captured.id)));
    let from = captured.server.as_deref().unwrap_or("PostgreSQL");
    (
        run,
        format!("it is a dump of {from}: restore it with that version or a later one, by an empty database"),
    )
}

/// The name of a file here; what begins with a hyphen would be an option.
fn no_option(name: &str) -> String {
    if name.starts_with('-') { format!("./{name}") } else { name.to_owned() }
}

/// A word of a shell (POSIX.1-2024, XCU 2.2.2; 2.2.4 where it has what cannot be seen, so that every command is one line and
/// what is read is what runs).
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if visible(word) == word {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let byte = |byte: u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    format!("$'{}'", word.bytes().map(byte).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(kind: CaptureKind, form: Form) -> Captured {
        Captured {
            id: "app".into(),
            kind,
            form,
            tool: "sh".into(),
            server: None,
            database: None,
            schema_sha256: None,
            tables: Vec::new(),
            objects: ["pg_monitor", "reader"]
                .map(|name| Object { kind: ROLE.into(), name: name.into() })
                .into(),
        }
    }

    #[test]
    fn each_kind_has_its_commands() {
        let run = |kind, form| next_step(&captured(kind, form), Path::new("/back up")).run;
        assert_eq!(
            run(CaptureKind::Postgres, Form::Parts),
            [
                "psql -d postgres -c 'CREATE ROLE reader'",
                "createdb -T template0 app",
                "cat '/back up/captures/app'/part-* | pg_restore --exit-on-error --no-owner --no-privileges --no-tablespaces --dbname=app",
                "psql -d app -c ANALYZE",
            ]
        );
        let import = "duckdb app.duckdb -c 'IMPORT DATABASE '\\''/back up/captures/app'\\'''";
        assert_eq!(run(CaptureKind::Duckdb, Form::Folder), [import]);
        let file = Form::File("app.db".into());
        assert_eq!(run(CaptureKind::Sqlite, file), ["cp '/back up/captures/app/app.db' app.db"]);
        let file = Form::File("-x; id $(id)".into());
        let copy = "cp '/back up/captures/app/-x; id $(id)' './-x; id $(id)'";
        assert_eq!(run(CaptureKind::Sqlite, file), [copy]);
        assert_eq!(quoted("a\n'\\\u{202e}ü"), "$'a\\012\\'\\\\\\342\\200\\256\\303\\274'");
        assert_eq!(run(CaptureKind::Command, Form::Parts), ["cat '/back up/captures/app'/part-* | …"]);
    }
}
