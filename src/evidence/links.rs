//! Where the links of a pack end, by their text alone: nothing on any disk is followed.

use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::inventory;
use crate::format::member::{FileType, Member};
use crate::format::path::{PATH_BYTES_MAX, PackPath};
use std::collections::HashMap;

/// How many links lead to one place at the most, as on Linux.
const HOPS_MAX: usize = 40;

/// The links of a pack, by path.
pub struct LinkMap<'a> {
    targets: HashMap<&'a str, &'a str>,
}

impl<'a> LinkMap<'a> {
    /// The links among these members.
    pub fn new(members: &'a [Member]) -> LinkMap<'a> {
        let links = members.iter().filter_map(|member| Some((member.path.as_str(), member.target()?)));
        LinkMap { targets: links.collect() }
    }

    /// The path that a link ends at, empty for the root of the tree: walked component by component through all other
    /// links, as a kernel does. `None` if it leaves the tree, goes in circles, or is longer than a path can be.
    pub fn resolve(&self, link: &PackPath) -> Option<String> {
        let mut at = link.parent().unwrap_or_default().to_owned();
        let mut ahead: Vec<&str> = steps(self.targets.get(link.as_str())?)?.collect();
        let mut hops = 0;
        while let Some(step) = ahead.pop() {
            match step {
                "" | "." => continue,
                ".." if at.is_empty() => return None,
                ".." => {
                    at.truncate(at.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let parent = at.len();
            if parent > 0 {
                at.push('/');
            }
            at.push_str(step);
            if at.len() > PATH_BYTES_MAX {
                return None;
            }
            if let Some(target) = self.targets.get(&*at) {
                hops += 1;
                if hops > HOPS_MAX {
                    return None;
                }
                ahead.extend(steps(target)?);
                at.truncate(parent);
            }
        }
        Some(at)
    }

    /// What is wrong with a link that ends nowhere in the pack; it is never made.
    pub fn refuse(&self, link: &PackPath) -> Option<Finding> {
        self.resolve(link).is_none().then(|| leads_out(link))
    }
}

/// The components of a target that a system takes, the next one last; `None` if it is absolute or none.
fn steps(target: &str) -> Option<impl Iterator<Item = &str>> {
    let is_relative = !target.is_empty() && !target.starts_with('/');
    (is_relative && target.len() < PATH_BYTES_MAX && !target.contains('\0')).then(|| target.split('/').rev())
}

fn leads_out(link: &PackPath) -> Finding {
    let finding = Finding::new(Code::PathUnsafe, format!("data/{link}"));
    finding.actual("a link that leaves the pack, or leads nowhere in it")
}

/// What is known of a place where a link ends.
#[derive(Clone, Copy)]
enum Place {
    Unknown,
    Folder,
    File { signed: Sha256, size: u64 },
}

/// Follows every link to its end, and compares the digest that the manifest lists for it with that of the file there.
pub struct LinkDigests {
    places: HashMap<String, Place>,
    /// Where each link ends.
    ends: HashMap<PackPath, Option<String>>,
    /// The links of the inventory, with what the manifest lists for them.
    links: Vec<(PackPath, Option<Class>, Option<Sha256>)>,
}

impl LinkDigests {
    /// Looks at the links among these members.
    pub fn new(members: &[Member]) -> LinkDigests {
        let map = LinkMap::new(members);
        let links = members.iter().filter(|member| matches!(member.kind, FileType::Link(_)));
        let ends: HashMap<_, _> = links.map(|link| (link.path.clone(), map.resolve(&link.path))).collect();
        let known = |end: &String| if end.is_empty() { Place::Folder } else { Place::Unknown };
        let places = ends.values().flatten().map(|end| (end.clone(), known(end))).collect();
        LinkDigests { places, ends, links: Vec::new() }
    }

    /// Notes a member that is there, with the digest that the manifest lists for it and the size that was read.
    pub fn member(&mut self, row: &inventory::Row, signed: Option<Sha256>, size: u64) {
        if self.ends.is_empty() {
            return;
        }
        let path = row.member.path.as_str();
        for (end, _) in path.match_indices('/') {
            if let Some(place @ Place::Unknown) = self.places.get_mut(&path[..end]) {
                *place = Place::Folder;
            }
        }
        match (&row.member.kind, signed) {
            (FileType::Link(_), _) => self.links.push((row.member.path.clone(), row.class, signed)),
            (FileType::File, Some(signed)) => self.note(path, Place::File { signed, size }),
            (FileType::File, None) => {}
            (FileType::Dir, _) => self.note(path, Place::Folder),
        }
    }

    fn note(&mut self, path: &str, what: Place) {
        if let Some(place) = self.places.get_mut(path) {
            *place = what;
        }
    }

    /// Every link: its class, and the size of the file it ends at, nothing for one to a folder; or what is wrong.
    pub fn conclude(self) -> impl Iterator<Item = Result<Option<(Option<Class>, u64)>, Finding>> {
        let LinkDigests { places, ends, links } = self;
        links.into_iter().map(move |(path, class, listed)| {
            let end = ends.get(&path).and_then(Option::as_ref).and_then(|end| places.get(end));
            let altered = |listed: Sha256, found: String| {
                let finding = Finding::new(Code::Altered, format!("data/{path}"));
                Err(finding.expected(format!("sha256 {listed}")).actual(found))
            };
            match (listed, end.copied().unwrap_or(Place::Unknown)) {
                (Some(listed), Place::File { signed, size }) if listed == signed => Ok(Some((class, size))),
                (Some(listed), Place::File { signed, .. }) => {
                    altered(listed, format!("a link to sha256 {signed}"))
                }
                (Some(listed), _) => altered(listed, "a link that leads to no file of the pack".to_owned()),
                (None, Place::Folder) => Ok(None),
                (None, Place::File { .. }) => {
                    let finding = Finding::new(Code::Disagreement, format!("data/{path}"));
                    Err(finding.actual("a link to a file, without a line in the manifest"))
                }
                (None, Place::Unknown) => Err(leads_out(&path)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str, target: &str) -> Member {
        let kind = FileType::Link(target.into());
        let path = PackPath::new(path.as_bytes()).unwrap();
        Member { path, kind, size: 0, mode: 0o777, mtime_s: 0, mtime_ns: 0, uid: 0, gid: 0 }
    }

    fn row(member: Member) -> inventory::Row {
        inventory::Row { member, class: None, blake3: None, archived: true, torn: false }
    }

    fn resolve(links: &[(&str, &str)]) -> Option<String> {
        let members: Vec<_> = links.iter().map(|(path, target)| link(path, target)).collect();
        LinkMap::new(&members).resolve(&members[0].path)
    }

    #[test]
    fn links_end_where_the_system_would_end_them() {
        assert_eq!(resolve(&[("docs/latest", "v2.md")]).as_deref(), Some("docs/v2.md"));
        assert_eq!(resolve(&[("a", "b"), ("b", "c/d"), ("c", "e")]).as_deref(), Some("e/d"));
        assert_eq!(resolve(&[("x/a", "../current/f"), ("current", "v1")]).as_deref(), Some("v1/f"));
        assert_eq!(resolve(&[("m", "l/../x"), ("l", "a/b")]).as_deref(), Some("a/x"));
        assert_eq!(resolve(&[("docs/top", "..")]).as_deref(), Some(""));
    }

    #[test]
    fn links_that_leave_or_circle_end_nowhere() {
        assert_eq!(resolve(&[("a", "../x")]), None);
        assert_eq!(resolve(&[("a", "/etc/passwd")]), None);
        assert_eq!(resolve(&[("a", "b"), ("b", "a")]), None);
        // By its text alone this one would end at the root: `..` after a link starts where the link ends.
        assert_eq!(resolve(&[("x/y/a", "w/../.."), ("x/y/w", "../../t")]), None);
    }

    #[test]
    fn a_link_whose_digest_is_not_its_targets_is_altered() {
        let members = [link("latest", "v2.md")];
        let (file, other) = (Sha256::of(b"v2"), Sha256::of(b"v1"));
        let run = |signed| {
            let mut digests = LinkDigests::new(&members);
            let target = Member { kind: FileType::File, ..link("v2.md", "") };
            digests.member(&row(target), Some(file), 2);
            digests.member(&row(members[0].clone()), signed, 0);
            digests.conclude().next().unwrap().map_err(|finding| finding.code)
        };
        assert_eq!(run(Some(file)), Ok(Some((None, 2))));
        assert_eq!(run(Some(other)), Err(Code::Altered));
        assert_eq!(run(None), Err(Code::Disagreement));
    }

    #[test]
    fn a_link_to_a_folder_needs_something_in_it() {
        let members = [link("latest", "v2")];
        let run = |beside: &str| {
            let mut digests = LinkDigests::new(&members);
            digests.member(&row(Member { kind: FileType::File, ..link(beside, "") }), None, 0);
            digests.member(&row(members[0].clone()), None, 0);
            digests.conclude().next().unwrap().map_err(|finding| finding.code)
        };
        assert_eq!(run("v2/a.md"), Ok(None));
        assert_eq!(run("v2.md"), Err(Code::PathUnsafe));
    }
}
