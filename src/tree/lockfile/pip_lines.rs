//! The lines of a requirements file: continuations, comments and options, as pip documents them.

use crate::format::bom::Checksum;
use crate::tree::lockfile::python::checksum;

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Statement<'a> {
    /// Nothing of packages: empty, a comment, an option of pip.
    Nothing,
    /// `-r FILE`.
    Include(&'a str),
    /// `-c FILE`.
    Constrain(&'a str),
    /// A requirement with its hashes; `-e` makes no difference to what it is.
    Require {
        /// The requirement without options.
        text: &'a str,
        /// Its `--hash` options.
        hashes: Vec<Checksum>,
    },
}

/// Lines with those that they continue on, each with the number of its first. A comment ends a line that goes on; what
/// follows `#` is one only at the start or after a space.
pub fn joined(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, number) in text.lines().zip(1..) {
        let is_comment = line.trim_start().starts_with('#');
        let (line, goes_on) = match line.strip_suffix('\\') {
            Some(line) if !is_comment => (line, true),
            _ => (line, false),
        };
        let (_, whole) = open.get_or_insert((number, String::new()));
        whole.push_str(if is_comment { "" } else { line });
        if !goes_on {
            all.extend(open.take());
        }
    }
    all.extend(open);
    for (_, line) in &mut all {
        let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with([' ', '\t']) || *at == 0);
        if let Some((at, _)) = comment {
            line.truncate(at);
        }
    }
    all
}

/// What a joined line says.
pub fn statement(line: &str) -> Result<Statement<'_>, String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(Statement::Nothing);
    }
    if !line.starts_with('-') {
        return require(line);
    }
    let (option, value) = option(line);
    let needed =
        |value: &str| if value.is_empty() { Err(format!("`{option}` without a value")) } else { Ok(()) };
    match option {
        "-r" | "--requirement" => needed(value).map(|()| Statement::Include(value)),
        "-c" | "--constraint" => needed(value).map(|()| Statement::Constrain(value)),
        "-e" | "--editable" => needed(value).and_then(|()| require(value)),
        _ => Ok(Statement::Nothing),
    }
}

/// A path that a file in `folder` names, from the lockfile's folder; `None` if it leaves that or is an address.
pub fn resolved(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(':') || path.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// `-rFILE`, `-r FILE`, `--requirement FILE`, `--requirement=FILE`.
fn option(line: &str) -> (&str, &str) {
    let is_long = line.starts_with("--");
    let end = match line.find(|c: char| c.is_whitespace() || is_long && c == '=') {
        Some(end) if is_long => end,
        _ => line.char_indices().nth(2).map_or(line.len(), |(at, _)| at),
    };
    let (option, value) = line.split_at(end);
    (option, value.trim_start_matches(['=', ' ', '\t']).trim_end())
}

/// A requirement ends where its first option begins. Of options only hashes matter.
fn require(text: &str) -> Result<Statement<'_>, String> {
    let (requirement, mut rest) = match text.split_once(" --") {
        Some((requirement, rest)) => (requirement.trim(), rest),
        None => (text, ""),
    };
    let mut hashes = Vec::new();
    while !rest.is_empty() {
        let (option, next) = rest.split_once(" --").unwrap_or((rest, ""));
        if let Some(hash) = option.strip_prefix("hash") {
            let hash = hash.trim_start_matches(['=', ' ', '\t']).trim_end();
            let hash = checksum(hash).ok_or_else(|| format!("`{}` is no hash", hash.escape_debug()))?;
            hashes.push(hash);
        }
        rest = next;
    }
    Ok(Statement::Require { text: requirement, hashes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        joined(text)
    }

    #[test]
    fn lines_go_on_and_comments_end() {
        let text = "# top\na==1 \\\n    --hash=x \\\n    # why\nb # c\nd#e\n\\\nf";
        let expected = [(1, ""), (2, "a==1     --hash=x "), (5, "b "), (6, "d#e"), (7, "f")]
            .map(|(at, line)| (at, line.to_owned()));
        assert_eq!(lines(text), expected);
        assert_eq!(lines("a==1 \\"), [(1, "a==1 ".to_owned())]);
    }

    #[test]
    fn options_are_written_in_four_ways() {
        for line in ["-r base.txt", "-rbase.txt", "--requirement base.txt", "--requirement=base.txt "] {
            assert_eq!(statement(line), Ok(Statement::Include("base.txt")), "{line}");
        }
        assert_eq!(statement("-c c.txt"), Ok(Statement::Constrain("c.txt")));
        assert_eq!(statement("-e ."), Ok(Statement::Require { text: ".", hashes: vec![] }));
        for line in
            ["--index-url https://h.example/simple", "-i x", "--pre", "-", "--", "  ", "--require-hashes"]
        {
            assert_eq!(statement(line), Ok(Statement::Nothing), "{line}");
        }
        assert!(statement("-r").is_err() && statement("-é").is_ok());
    }

    #[test]
    fn hashes_are_taken_off_a_requirement() {
        let hex = "ab".repeat(32);
        let line =
            format!("a==1 ; x == 'y' --hash=sha256:{hex} --hash sha256:{hex} --config-settings=\"a=b\"");
        let Ok(Statement::Require { text, hashes }) = statement(&line) else { panic!() };
        assert_eq!((text, hashes.len(), hashes[0].hex()), ("a==1 ; x == 'y'", 2, &*hex));
        assert_eq!(statement("a==1 --hash=sha256:ab").unwrap_err(), "`sha256:ab` is no hash");
    }

    #[test]
    fn paths_stay_in_the_folder() {
        assert_eq!(resolved("", "./a/../b.txt").as_deref(), Some("b.txt"));
        assert_eq!(resolved("req/", "../base.txt").as_deref(), Some("base.txt"));
        for path in ["../x", "/etc/x", "https://h.example/x", "C:x", "a\\b"] {
            assert_eq!(resolved("", path), None, "{path}");
        }
    }
}
