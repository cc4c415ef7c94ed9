//! Which files of a payload lie in earlier archives, and where: what `fetch.txt` says.

use crate::format::receipt::Base;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The scheme of an address in `fetch.txt`.
pub const SCHEME: &str = "attestar://";

/// The place of a file that this archive holds itself.
const HERE: u32 = u32::MAX;

/// Where the bytes of each member lie.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// The archives that can hold some.
    pub archives: Vec<Base>,
    /// For each member of the payload which of them does.
    held: Vec<u32>,
    /// The path there, where that is not the member's own.
    moved: BTreeMap<usize, Box<str>>,
}

impl Elsewhere {
    /// Nothing is known of so many members; they may lie in these archives.
    pub fn new(archives: Vec<Base>, members: usize) -> Elsewhere {
        Elsewhere { archives, held: vec![HERE; members], moved: BTreeMap::new() }
    }

    /// Notes that an archive holds a member, under this path if it is not the member's own.
    pub fn put(&mut self, member: usize, archive: u32, moved: Option<&str>) {
        if let Some(held) = self.held.get_mut(member) {
            *held = archive;
        }
        match moved {
            Some(path) => drop(self.moved.insert(member, path.into())),
            None => drop(self.moved.remove(&member)),
        }
    }

    /// One more member, which is held here unless an archive is named.
    pub fn push(&mut self, there: Option<(u32, Option<&str>)>) {
        self.held.push(HERE);
        if let Some((archive, moved)) = there {
            self.put(self.held.len() - 1, archive, moved);
        }
    }

    /// Which archive holds a member, and under which path if not its own; `None` if this one does.
    pub fn of(&self, member: usize) -> Option<(u32, Option<&str>)> {
        let archive = *self.held.get(member).filter(|&&held| held != HERE)?;
        Some((archive, self.moved.get(&member).map(|path| &**path)))
    }

    /// Whether every member is held here.
    pub fn is_empty(&self) -> bool {
        self.held.iter().all(|&held| held == HERE)
    }

    /// The archives that hold a member, in the order of their names.
    pub fn bases(&self) -> Vec<Base> {
        let used: BTreeSet<u32> = self.held.iter().copied().filter(|&held| held != HERE).collect();
        let used = used.into_iter().filter_map(|archive| self.archives.get(archive as usize));
        let mut bases: Vec<Base> = used.cloned().collect();
        bases.sort_by(|a, b| a.name.cmp(&b.name));
        bases
    }

    /// The address of a member of this path; `None` if it is held here.
    pub fn url(&self, member: usize, path: &str) -> Option<String> {
        let (archive, moved) = self.of(member)?;
        Some(url(&self.archives.get(archive as usize)?.name, moved.unwrap_or(path)))
    }
}

/// `attestar://NAME/data/PATH`, percent-encoded as RFC 3986 says.
pub fn url(name: &str, path: &str) -> String {
    let mut url = String::with_capacity(SCHEME.len() + name.len() + "/data/".len() + path.len());
    url.extend([SCHEME, name, "/data/"]);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

/// The pack and the path in its tree that such an address names; `None` for what [`url`] does not write.
pub fn parse(text: &str) -> Option<(&str, String)> {
    let (name, encoded) = text.strip_prefix(SCHEME)?.split_once("/data/")?;
    let (mut bytes, mut rest) = (Vec::with_capacity(encoded.len()), encoded.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    let path = String::from_utf8(bytes).ok()?;
    (url(name, &path) == text).then_some((name, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Sha256;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_an_address_to_everybody() {
        let said = url("shop-20261120T010002Z", "var/a b%é.txt");
        assert_eq!(said, "attestar://shop-20261120T010002Z/data/var/a%20b%25%C3%A9.txt");
        assert_eq!(parse(&said), Some(("shop-20261120T010002Z", "var/a b%é.txt".to_owned())));
        for other in [
            "https://x/data/a",
            "attestar://x/a",
            "attestar://x/data/a b",
            "attestar://x/data/%c3%a9",
            "attestar://x/data/%4",
            "attestar://x/data/%+1",
            "attestar://x/data/%41",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_path_comes_back(path in "[^\0]{1,40}") {
            let said = url("p-1", &path);
            prop_assert!(said.is_ascii() && !said.contains(' '));
            prop_assert_eq!(parse(&said), Some(("p-1", path)));
        }
    }

    #[test]
    fn bases_are_those_that_hold_something() {
        let base = |name: &str| Base { name: name.to_owned(), sha256: Sha256::default() };
        let mut elsewhere = Elsewhere::new(vec![base("p-3"), base("p-1"), base("p-2")], 3);
        assert!(elsewhere.is_empty() && elsewhere.bases().is_empty());
        elsewhere.put(0, 2, None);
        elsewhere.put(2, 1, Some("old"));
        elsewhere.push(Some((1, None)));
        assert_eq!(elsewhere.bases(), [base("p-1"), base("p-2")]);
        assert_eq!(elsewhere.url(1, "b"), None);
        assert_eq!(elsewhere.url(2, "c").as_deref(), Some("attestar://p-1/data/old"));
        assert_eq!(elsewhere.of(3), Some((1, None)));
    }
}
