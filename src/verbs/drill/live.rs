//! Where databases keep what they work on: nothing of a drill may lie there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a folder holds that a server keeps its data in, and which server that is.
const DATA_FOLDERS: [(&str, &str); 3] =
    [("PG_VERSION", "PostgreSQL"), ("ibdata1", "MySQL"), ("aria_log_control", "MariaDB")];

/// What a process writes beside a database file while it has it open: of SQLite, and of DuckDB.
const SIDE_FILES: [&str; 3] = ["-wal", "-journal", ".wal"];

/// The database among whose files this folder lies, by the folder or file and in words.
pub(super) fn around(folder: &Path) -> Option<(PathBuf, String)> {
    let server = folder.ancestors().find_map(|above| Some((above.to_owned(), served(above)?)));
    server.or_else(|| Some((open_file(folder)?, "beside the database file".to_owned())))
}

/// Which server's data folder this is. No server keeps its data where everybody may write, whatever somebody puts there.
fn served(folder: &Path) -> Option<String> {
    if folder.metadata().is_ok_and(|it| it.mode() & 0o002 != 0) {
        return None;
    }
    let (_, server) = DATA_FOLDERS.iter().find(|(name, _)| folder.join(name).symlink_metadata().is_ok())?;
    let is_running = folder.join("postmaster.pid").exists();
    let state = if is_running { ", which is running," } else { "" };
    Some(format!("in the data folder of {server}{state}"))
}

/// A database file in this folder that a process has open, or left open when it ended.
fn open_file(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find_map(|path| {
        let name = path.to_str()?;
        let database = SIDE_FILES.iter().find_map(|side| name.strip_suffix(side))?;
        Path::new(database).is_file().then(|| database.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn data_folders_and_open_files_are_known_and_others_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let put = |path: &str| fs::write(folder.path().join(path), "").unwrap();
        assert_eq!(around(&at("plain/below")), None);
        at("pg/global");
        put("pg/PG_VERSION");
        let (found, what) = around(&at("pg/base/5")).unwrap();
        assert_eq!((found, &*what), (folder.path().join("pg"), "in the data folder of PostgreSQL"));
        put("pg/postmaster.pid");
        assert!(around(&at("pg")).unwrap().1.contains("which is running"));
        // Anybody puts a file of that name where everybody may write.
        fs::set_permissions(folder.path().join("pg"), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(around(&at("pg/base/5")), None);
        at("my");
        put("my/ibdata1");
        assert!(around(&at("my/shop/tmp")).unwrap().1.ends_with("MySQL"));
        at("files");
        put("files/app.db");
        put("files/x-wal");
        assert_eq!(around(&at("files")), None, "a log of no database");
        for (database, side) in [("app.db", "app.db-wal"), ("c.duckdb", "c.duckdb.wal")] {
            put(&format!("files/{database}"));
            put(&format!("files/{side}"));
            assert_eq!(around(&at("files")).unwrap().0, folder.path().join("files").join(database));
            assert_eq!(around(&at("files/deeper")), None);
            fs::remove_file(folder.path().join("files").join(side)).unwrap();
        }
    }
}
