//! Names of the tree: which can be sealed, how the others are shown, and which are one name elsewhere.

use crate::finding::{Code, Finding};
use crate::format::kind::Kind;
use crate::format::path::PackPath;
use crate::tree::member::Member;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

/// Any bytes as text for people: control characters and bytes that are not UTF-8 as `\xNN`, `\n` and the like.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    text
}

/// The path as one of the pack; else the shortest part of it, from the root, that is wrong, and why.
pub(super) fn check(path: &[u8], kind: Kind) -> Result<PackPath, (&[u8], String)> {
    let backslash = |path: &PackPath| kind == Kind::Release && path.has_backslash();
    match PackPath::new(path) {
        Ok(path) if !backslash(&path) => return Ok(path),
        _ => {}
    }
    let ends =
        path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(at, _)| at).chain([path.len()]);
    let fault = |end: usize| match PackPath::new(&path[..end]) {
        Ok(part) => backslash(&part).then(|| (&path[..end], "a backslash".to_owned())),
        Err(why) => Some((&path[..end], why.to_string())),
    };
    let mut faults = ends.filter_map(fault);
    Err(faults.next().unwrap_or((path, "not a name".to_owned())))
}

/// Warns of names that are one on file systems that fold case or normalise Unicode, and of those that end in a dot or
/// a space, which other systems drop. `members` are in order.
pub(super) fn collisions(members: &[Member]) -> Vec<Finding> {
    let names = names(members);
    let mut buffer = Vec::new();
    let mut hashes: Vec<(u64, u32)> =
        names.iter().zip(0..).map(|(name, index)| (hash(name, &mut buffer), index)).collect();
    hashes.sort_unstable();
    let mut findings = Vec::new();
    for pair in hashes.windows(2) {
        let (first, second) = (names[pair[0].1 as usize], names[pair[1].1 as usize]);
        if pair[0].0 == pair[1].0 && first != second && key(first) == key(second) {
            findings.push(
                Finding::new(Code::PathCollision, second).actual(format!("elsewhere the same as {first}")),
            );
        }
    }
    let ends_badly = names.iter().filter(|name| name.ends_with(['.', ' ']));
    findings.extend(ends_badly.map(|&name| {
        Finding::new(Code::PathCollision, name).actual("ends in a dot or space, which other systems drop")
    }));
    findings
}

/// Every path, and every folder on the way to one, in order. A folder that is a member as well stands twice.
fn names(members: &[Member]) -> Vec<&str> {
    let mut names = Vec::with_capacity(members.len() + members.len() / 4);
    let mut before = "";
    for member in members {
        let path = member.path.as_str();
        names.extend(new_folders(before, path));
        names.push(path);
        before = path;
    }
    names
}

/// The folders on the way to a path that are not on the way to the one before it. In order, all paths of one folder stand
/// together: one that the path before does not share is new.
pub(super) fn new_folders<'a>(before: &str, path: &'a str) -> impl Iterator<Item = &'a str> {
    let shared = path.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
    path.match_indices('/').filter(move |&(at, _)| at >= shared).map(|(at, _)| &path[..at])
}

fn key(name: &str) -> String {
    PackPath::new(name.as_bytes()).expect("the start of a valid path is one").collision_key()
}

/// A hash of [`key`], which is written into the buffer for plain names and not made anew for each.
fn hash(name: &str, buffer: &mut Vec<u8>) -> u64 {
    let mut hasher = DefaultHasher::new();
    if name.is_ascii() {
        buffer.clear();
        for byte in name.bytes() {
            if byte == b'/' {
                trim_end(buffer);
            }
            buffer.push(byte.to_ascii_lowercase());
        }
        trim_end(buffer);
        hasher.write(buffer);
    } else {
        hasher.write(key(name).as_bytes());
    }
    hasher.finish()
}

fn trim_end(component: &mut Vec<u8>) {
    while component.pop_if(|last| matches!(last, b'.' | b' ')).is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_shown_without_their_bytes() {
        assert_eq!(escape(b"caf\xc3\xa9\xff\x1b[2J\r\n"), "caf\u{e9}\\xff\\u{1b}[2J\\r\\n");
    }

    #[test]
    fn the_hash_is_the_keys() {
        let of_key = |name: &str| {
            let mut hasher = DefaultHasher::new();
            hasher.write(key(name).as_bytes());
            hasher.finish()
        };
        for name in ["a", "Docs./README ", "a. ./b..", "caf\u{e9}", "\u{212a}"] {
            assert_eq!(hash(name, &mut Vec::new()), of_key(name), "{name}");
        }
    }

    #[test]
    fn a_refused_name_is_told_by_its_shortest_wrong_part() {
        let fault = |path: &[u8], kind| check(path, kind).map_err(|(at, why)| (escape(at), why));
        let line_break = Err(("a/b\\n".into(), "a line break or NUL".into()));
        assert_eq!(fault(b"a/b\n/c", Kind::Backup), line_break);
        assert_eq!(fault(b"a/\xff/c\n", Kind::Release), Err(("a/\\xff".into(), "not UTF-8".into())));
        assert_eq!(fault(b"a\\b/c", Kind::Release), Err(("a\\b".into(), "a backslash".into())));
        assert!(fault(b"a\\b/c", Kind::Backup).is_ok());
    }
}
