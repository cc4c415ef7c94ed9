//! The few words of a shell that the demo's story needs, so that what is shown is what is done and no other program is.

use attestar::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Runs a line that is no attestar command; gives what it prints.
pub fn run(line: &str) -> Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let done = match words[..] {
        ["cp", from, to] | ["cp", "-r", from, to] => copy(Path::new(from), Path::new(to)),
        ["sed", "-i", script, file] => substitute(script, Path::new(file)),
        ["printf", text, "|", "dd", of, "bs=1", seek, "conv=notrunc"] => overwrite(of, seek, text),
        ["diff", "-r", one, other] => return differences(Path::new(one), Path::new(other)),
        _ => Err(io::Error::other("the demo knows no such command")),
    };
    done.map(|()| String::new()).map_err(Error::io("run", line))
}

/// The words of a line: between spaces, or between single quotes.
pub fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        })
        .collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir(to)?;
    fs::read_dir(from)?.try_for_each(|entry| {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))
    })
}

/// `s/OLD/NEW/`, which must change something.
fn substitute(script: &str, file: &Path) -> io::Result<()> {
    let parts: Vec<&str> = script.split('/').collect();
    let text = fs::read_to_string(file)?;
    match parts[..] {
        ["s", old, new, ""] if text.contains(old) => fs::write(file, text.replace(old, new)),
        _ => Err(io::Error::other("nothing to substitute")),
    }
}

/// Writes `text` into a file that stays as long as it is.
fn overwrite(of: &str, seek: &str, text: &str) -> io::Result<()> {
    let (Some(of), Some(at)) = (of.strip_prefix("of="), seek.strip_prefix("seek=")) else {
        return Err(io::Error::other("dd wants of= and seek="));
    };
    let at = at.parse().map_err(io::Error::other)?;
    fs::File::options().write(true).open(of)?.write_all_at(text.as_bytes(), at)
}

/// Says of each file that differs or is on one side only; nothing for two trees that are the same.
fn differences(one: &Path, other: &Path) -> Result<String> {
    let (left, right) = (files(one)?, files(other)?);
    let only = |here: &Path, mine: &Files, theirs: &Files| -> Vec<String> {
        let alone = mine.keys().filter(|path| !theirs.contains_key(*path));
        alone.map(|path| format!("Only in {}: {}\n", here.display(), path.display())).collect()
    };
    let mut lines = only(one, &left, &right);
    lines.extend(only(other, &right, &left));
    for (path, content) in &left {
        if right.get(path).is_some_and(|theirs| theirs != content) {
            let (one, other) = (one.join(path), other.join(path));
            lines.push(format!("Files {} and {} differ\n", one.display(), other.display()));
        }
    }
    Ok(lines.concat())
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(root: &Path) -> Result<Files> {
    let (mut files, mut pending) = (Files::new(), vec![root.to_owned()]);
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let content = fs::read(&path).map_err(Error::io("read", &path))?;
            files.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), content);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_does_what_the_program_of_that_name_does() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        fs::create_dir(at("a")).unwrap();
        fs::write(at("a/x"), "one two").unwrap();
        run(&format!("cp -r {} {}", at("a"), at("b"))).unwrap();
        assert_eq!(run(&format!("diff -r {} {}", at("a"), at("b"))).unwrap(), "");
        run(&format!("sed -i s/two/six/ {}", at("b/x"))).unwrap();
        run(&format!("printf O | dd of={} bs=1 seek=0 conv=notrunc", at("b/x"))).unwrap();
        assert_eq!(fs::read_to_string(at("b/x")).unwrap(), "One six");
        fs::write(at("b/y"), "").unwrap();
        let said = run(&format!("diff -r {} {}", at("a"), at("b"))).unwrap();
        assert_eq!(said, format!("Only in {}: y\nFiles {} and {} differ\n", at("b"), at("a/x"), at("b/x")));
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words("a  --b 'c d' e"), ["a", "--b", "c d", "e"]);
        assert_eq!(words("a ''"), ["a", ""]);
    }

    #[test]
    fn what_it_does_not_know_it_does_not_do() {
        for line in ["rm -r x", "sed -i s/a/b/ nowhere", "dd of=x", ""] {
            assert!(matches!(run(line), Err(Error::Io { action: "run", .. })), "{line}");
        }
    }
}
