//! `inventory.jsonl`: one JSON object a line for every member of the payload, in the order of the tar.

use crate::format::class::Class;
use crate::format::digest::Blake3;
use crate::format::member::{FileType, Member};
use crate::format::path::PackPath;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Write};

/// The longest line that is read, in bytes.
pub const LINE_BYTES_MAX: u64 = 64 << 10;

/// A line of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Path (relative to the tree) and metadata, as in the tar.
    pub member: Member,
    /// What the policy says it is for.
    pub class: Option<Class>,
    /// Files only.
    pub blake3: Option<Blake3>,
    /// Whether it lies under `data/`. A link that leads nowhere or out of the tree is listed here alone.
    pub archived: bool,
    /// Whether the file changed while it was read: what was kept may be of several moments.
    pub torn: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    r#type: Type,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    size: u64,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    mtime: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    blake3: Option<Cow<'a, str>>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    archived: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    torn: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    File,
    Dir,
    Link,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    uid: u32,
    gid: u32,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Row {
    /// Writes the line, with its LF.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let member = &self.member;
        let owner = Owner { uid: member.uid, gid: member.gid };
        let line = Line {
            path: member.path.as_str().into(),
            r#type: match member.kind {
                FileType::File => Type::File,
                FileType::Dir => Type::Dir,
                FileType::Link(_) => Type::Link,
            },
            class: self.class,
            size: member.size,
            mode: format!("{:04o}", member.mode).into(),
            mtime: Timestamp::new(member.mtime_s, member.mtime_ns as i32).map_err(io::Error::other)?,
            owner: (owner.uid != 0 || owner.gid != 0).then_some(owner),
            target: member.target().map(Cow::Borrowed),
            blake3: self.blake3.map(|digest| digest.to_string().into()),
            archived: self.archived,
            torn: self.torn,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    }

    /// Parses a line without its LF. The error says what is wrong, not where.
    pub fn parse(line: &[u8]) -> Result<Row, String> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let kind = match (line.r#type, line.target) {
            (Type::File, None) => FileType::File,
            (Type::Dir, None) => FileType::Dir,
            (Type::Link, Some(target)) => FileType::Link(target.into()),
            _ => return Err("a target where there is no link, or none where there is".to_owned()),
        };
        let blake3 = match line.blake3 {
            Some(hex) => Some(Blake3::from_hex(&hex).ok_or("a BLAKE3 digest that is none")?),
            None => None,
        };
        if (kind == FileType::File) != blake3.is_some() || (kind != FileType::File && line.size != 0) {
            return Err("a file without a digest, or content that is no file's".to_owned());
        }
        if !line.archived && !matches!(kind, FileType::Link(_)) {
            return Err("a file that is not archived".to_owned());
        }
        if line.torn && kind != FileType::File {
            return Err("something torn that is no file".to_owned());
        }
        let mode =
            u32::from_str_radix(&line.mode, 8).ok().filter(|&mode| mode <= 0o777 && line.mode.len() == 4);
        let (mtime_s, mtime_ns) = split(line.mtime);
        let member = Member {
            path: PackPath::new(line.path.as_bytes()).map_err(|fault| format!("a path with {fault}"))?,
            kind,
            size: line.size,
            mode: mode.ok_or("a mode that is none")?,
            mtime_s,
            mtime_ns,
            uid: line.owner.as_ref().map_or(0, |owner| owner.uid),
            gid: line.owner.as_ref().map_or(0, |owner| owner.gid),
        };
        Ok(Row { member, class: line.class, blake3, archived: line.archived, torn: line.torn })
    }
}

/// Seconds rounded down, and nanoseconds past them.
fn split(time: Timestamp) -> (i64, u32) {
    let nanos = time.as_nanosecond();
    (nanos.div_euclid(1_000_000_000) as i64, nanos.rem_euclid(1_000_000_000) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(path: &str, kind: FileType, numbers: (u64, u32, i64, u32, u32)) -> Row {
        let (size, mode, mtime_s, mtime_ns, uid) = numbers;
        let file = kind == FileType::File;
        let path = PackPath::new(path.as_bytes()).unwrap();
        let size = if file { size } else { 0 };
        let member = Member { path, kind, size, mode, mtime_s, mtime_ns, uid, gid: 0 };
        Row {
            member,
            class: file.then_some(Class::Ddl),
            blake3: file.then_some(Blake3([7; 32])),
            archived: true,
            torn: false,
        }
    }

    proptest! {
        #[test]
        fn a_row_is_read_back(
            path in "[a-z\"é \t]{1,20}", link in proptest::option::of("[a-z./]{1,20}"),
            numbers in (any::<u64>(), 0u32..0o1000, -60_000_000_000i64..200_000_000_000, 0u32..1_000_000_000, any::<u32>()),
        ) {
            let row = row(&path, link.map_or(FileType::File, |target| FileType::Link(target.into())), numbers);
            let mut line = Vec::new();
            row.write(&mut line).unwrap();
            prop_assert_eq!(line.pop(), Some(b'\n'));
            prop_assert_eq!(Row::parse(&line), Ok(row));
        }
    }

    #[test]
    fn a_line_says_what_people_look_for() {
        let mut line = Vec::new();
        row("ddl/0001.sql", FileType::File, (12, 0o644, 1_700_000_000, 0, 0)).write(&mut line).unwrap();
        let expected = r#"{"path":"ddl/0001.sql","type":"file","class":"ddl","size":12,"mode":"0644","mtime":"2023-11-14T22:13:20Z","blake3":"0707070707070707070707070707070707070707070707070707070707070707"}"#;
        assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn contradictions_are_refused() {
        let good = r#"{"path":"a","type":"dir","size":0,"mode":"0755","mtime":"2023-11-14T22:13:20Z"}"#;
        assert!(Row::parse(good.as_bytes()).is_ok());
        for (from, to) in [
            ("\"size\":0", "\"size\":3"),
            ("dir", "file"),
            ("dir", "link"),
            ("0755", "4755"),
            ("0755", "755"),
            ("\"a\"", "\"../a\""),
            ("\"size\":0", "\"size\":0,\"size\":0"),
            ("\"size\":0", "\"size\":0,\"more\":0"),
            ("\"size\":0", "\"size\":0,\"archived\":false"),
            ("\"size\":0", "\"size\":0,\"torn\":true"),
        ] {
            assert!(Row::parse(good.replace(from, to).as_bytes()).is_err(), "{from} to {to}");
        }
    }
}
