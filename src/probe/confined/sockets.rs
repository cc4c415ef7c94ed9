//! The sockets of servers of this host, by their paths: they are no part of its network, and would be reached without one.

use crate::error::{Error, Result};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Where Linux lists the sockets of this network namespace, a line each; the path is what follows the seventh word (proc(5)).
const TABLE: &str = "/proc/net/unix";

/// How many words stand before the path.
const WORDS: usize = 7;

/// Those that this user finds. Who could not look where one lies could not connect to it either.
pub(super) fn of_this_host() -> Result<Vec<PathBuf>> {
    let table = fs::read(TABLE).map_err(Error::io("read", TABLE))?;
    let is_socket = |path: &PathBuf| fs::metadata(path).is_ok_and(|it| it.file_type().is_socket());
    Ok(listed(&table).into_iter().filter(is_socket).collect())
}

/// The absolute paths of a table, each once. Names are whatever bytes their owners chose, line breaks too: a line that does not
/// begin like one of the table goes on with the path before it.
fn listed(table: &[u8]) -> Vec<PathBuf> {
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for line in table.split(|byte| *byte == b'\n').skip(1) {
        match (path_of(line), paths.last_mut()) {
            (Some(path), _) => paths.push(path.to_owned()),
            (None, Some(last)) => {
                last.push(b'\n');
                last.extend_from_slice(line);
            }
            (None, None) => {}
        }
    }
    // The last line ends the table.
    if let Some(last) = paths.last_mut().filter(|last| last.ends_with(b"\n")) {
        last.pop();
    }
    let mut paths: Vec<PathBuf> = paths.iter().map(|path| OsStr::from_bytes(path).into()).collect();
    paths.retain(|path| path.is_absolute());
    paths.sort();
    paths.dedup();
    paths
}

/// What follows the words of a line: nothing where the socket has no name; `None` where this is no line of the table.
fn path_of(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    for word in 0..WORDS {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (this, after) = rest.split_at(end);
        // The first is a number and a colon, the others are numbers.
        let number = if word == 0 { this.strip_suffix(b":")? } else { this };
        if number.is_empty() || !number.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = after;
    }
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// A path as a line that `printf %b` reads: whatever bytes are in it.
pub(super) fn line(path: &Path) -> String {
    let escaped = |byte: &u8| match byte {
        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
        byte => format!("\\0{byte:03o}"),
    };
    path.as_os_str().as_bytes().iter().map(escaped).chain(["\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// Binds sockets of these names in a folder, and gives the folder and them.
    fn bound(names: &[&[u8]]) -> (tempfile::TempDir, Vec<PathBuf>, Vec<UnixListener>) {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> =
            names.iter().map(|name| folder.path().join(OsStr::from_bytes(name))).collect();
        let listeners = paths.iter().map(|path| UnixListener::bind(path).unwrap()).collect();
        (folder, paths, listeners)
    }

    #[test]
    fn sockets_of_whatever_names_are_found() {
        let (folder, mut paths, _listeners) =
            bound(&[b"plain", b"two words", b" spaces ", b"\xff\xfe", b"a\nb", b"ends\n", b"tab\t"]);
        // Of one that is gone nothing is to be covered, nor what is no socket.
        let gone = folder.path().join("gone");
        let listener = UnixListener::bind(&gone).unwrap();
        fs::remove_file(&gone).unwrap();
        fs::write(&gone, "").unwrap();
        let found: Vec<PathBuf> =
            of_this_host().unwrap().into_iter().filter(|path| path.starts_with(folder.path())).collect();
        paths.sort();
        assert_eq!(found, paths);
        drop(listener);
    }

    #[test]
    fn lines_without_a_path_and_relative_ones_are_no_paths() {
        let head = "0000000000000000: 00000002 00000000 00010000 0001 01";
        let table = format!(
            "Num RefCount Protocol Flags Type St Inode Path\n{head}    12\n{head} 123456 @abstract\n{head} 7 near\n{head} 8 /a b\n"
        );
        assert_eq!(listed(table.as_bytes()), [PathBuf::from("/a b")]);
        assert!(listed(b"").is_empty());
    }

    #[test]
    fn a_line_is_read_back_as_the_path_by_the_shell() {
        let path = Path::new(OsStr::from_bytes(b"/a b/\xff\\c\n%'\"$d"));
        let line = line(path);
        let script = "IFS= read -r path && path=$(printf '%b.' \"$path\") && printf %s \"${path%.}\"";
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        std::io::Write::write_all(&mut shell.stdin.take().unwrap(), line.as_bytes()).unwrap();
        assert_eq!(shell.wait_with_output().unwrap().stdout, path.as_os_str().as_bytes());
    }
}
