//! The syntax of yarn 1's lockfiles: blocks of lines, indented by two spaces for each level. A block begins with the
//! ranges that it stands for, `a@^1.0.0, "b c@2":`; a line is a name and a value, either of which may be in quotes as
//! JSON has them.

use crate::finding::Code;
use crate::format::yaml::utf8;
use crate::tree::reading::Fault;
use std::borrow::Cow;

/// A file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct File<'a> {
    /// The line and number of `# yarn lockfile v1`.
    pub version: Option<(usize, u32)>,
    /// Packages, in order.
    pub blocks: Vec<Block<'a>>,
}

/// A package.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block<'a> {
    /// Where it begins, from 1.
    pub line: usize,
    /// Which ranges became this package.
    pub ranges: Vec<Cow<'a, str>>,
    /// `version`
    pub version: Option<Cow<'a, str>>,
    /// `resolved`
    pub resolved: Option<Cow<'a, str>>,
    /// `integrity`
    pub integrity: Option<Cow<'a, str>>,
    /// `dependencies` and `optionalDependencies`
    pub needs: Vec<Need<'a>>,
}

/// What a package needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Need<'a> {
    /// Where it stands, from 1.
    pub line: usize,
    /// Of this name.
    pub name: Cow<'a, str>,
    /// In this range.
    pub range: Cow<'a, str>,
    /// Whether the package does without it.
    pub optional: bool,
}

/// Which list the lines of the third level belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Needs { optional: bool },
    Other,
}

/// Reads a file.
pub fn parse(bytes: &[u8]) -> Result<File<'_>, Fault> {
    let mut file = File::default();
    let mut list = List::None;
    for (at, line) in utf8(bytes)?.lines().enumerate() {
        let number = at + 1;
        let invalid =
            |what: &str| Fault::new(Code::SbomSourceInvalid, number, format!("not a yarn.lock: {what}"));
        let content = line.trim_start_matches(' ').trim_end();
        if content.is_empty() || content.starts_with('#') {
            let version = content.strip_prefix("# yarn lockfile v").and_then(|version| version.parse().ok());
            file.version = file.version.or(version.map(|version| (number, version)));
            continue;
        }
        match (line.len() - line.trim_start_matches(' ').len(), file.blocks.last_mut()) {
            (0, _) => {
                let ranges = content
                    .strip_suffix(':')
                    .and_then(ranges)
                    .ok_or_else(|| invalid("no begin of a package"))?;
                file.blocks.push(Block { line: number, ranges, ..Block::default() });
                list = List::None;
            }
            (2, Some(block)) => {
                list = match content.strip_suffix(':') {
                    Some("dependencies") => List::Needs { optional: false },
                    Some("optionalDependencies") => List::Needs { optional: true },
                    Some(_) => List::Other,
                    None => {
                        let (name, value) = pair(content).ok_or_else(|| invalid("no name and value"))?;
                        field(block, &name, value).ok_or_else(|| invalid("the same field twice"))?;
                        List::None
                    }
                };
            }
            (4, Some(block)) if list != List::None => {
                let (name, range) = pair(content).ok_or_else(|| invalid("no name and value"))?;
                if let List::Needs { optional } = list {
                    block.needs.push(Need { line: number, name, range, optional });
                }
            }
            _ => return Err(invalid("an indentation that may not be here")),
        }
    }
    Ok(file)
}

/// Sets a field; `None` if it is there already.
fn field<'a>(block: &mut Block<'a>, name: &str, value: Cow<'a, str>) -> Option<()> {
    let field = match name {
        "version" => &mut block.version,
        "resolved" => &mut block.resolved,
        "integrity" => &mut block.integrity,
        _ => return Some(()),
    };
    field.replace(value).is_none().then_some(())
}

fn ranges(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut ranges = Vec::new();
    let mut rest = text;
    loop {
        let (range, after) = word(rest, ',')?;
        ranges.push(range);
        rest = match after.strip_prefix(", ") {
            Some(rest) => rest,
            None => return after.is_empty().then_some(ranges),
        };
    }
}

fn pair(text: &str) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let (name, after) = word(text, ' ')?;
    let (value, after) = word(after.strip_prefix(' ')?, ' ')?;
    after.is_empty().then_some((name, value))
}

/// A word up to a mark, or a text in quotes; and what follows it.
fn word(text: &str, mark: char) -> Option<(Cow<'_, str>, &str)> {
    if !text.starts_with('"') {
        let end = text.find(mark).unwrap_or(text.len());
        return Some((Cow::Borrowed(text.get(..end)?), text.get(end..)?))
            .filter(|(word, _)| !word.is_empty());
    }
    let mut escaped = false;
    let end = 1 + text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    let (quoted, after) = (text.get(..=end)?, text.get(end + 1..)?);
    let inner = quoted.get(1..end)?;
    if inner.contains('\\') {
        return Some((Cow::Owned(serde_json::from_str(quoted).ok()?), after));
    }
    Some((Cow::Borrowed(inner), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_with_their_lines() {
        let text = "# yarn lockfile v1\n\n\n\"@a/b@^1\", c@2, \"d \\\"e\\\"@3\":\n  version \"1.0.0\"\n  resolved \"x\"\n\
              \x20 integrity sha1-x\n  dependencies:\n    e \"^1 || 2\"\n  optionalDependencies:\n    \"@f/g\" *\n  other:\n    h i\n";
        let file = parse(text.as_bytes()).unwrap();
        assert_eq!(file.version, Some((1, 1)));
        let [block] = &file.blocks[..] else { panic!("{file:?}") };
        assert_eq!(
            (block.line, &block.ranges[..]),
            (4, &["@a/b@^1".into(), "c@2".into(), "d \"e\"@3".into()][..])
        );
        assert_eq!(
            block
                .needs
                .iter()
                .map(|need| (need.line, &*need.name, &*need.range, need.optional))
                .collect::<Vec<_>>(),
            [(9, "e", "^1 || 2", false), (11, "@f/g", "*", true)]
        );
    }

    #[test]
    fn what_is_no_yarn_lock_is_refused_with_its_line() {
        for (text, line) in [
            ("a@1\n", 1),
            ("a@1:\n version \"1\"\n", 2),
            ("a@1:\n  version\n", 2),
            ("a@1:\n  version \"1\n", 2),
            ("a@1:\n  version \"1\" x\n", 2),
            ("a@1:\n  version \"1\"\n  version \"2\"\n", 3),
            ("a@1:\n    b c\n", 2),
            ("  version \"1\"\n", 1),
            ("a@1,:\n", 1),
            ("{\n", 1),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().line, Some(line), "{text}");
        }
    }
}
