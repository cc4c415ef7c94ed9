//! Where the links of a pack end, by their text alone: nothing on any disk is followed.

use crate::finding::{Code, Finding};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::member::{FileType, Member};
use crate::format::path::{PackPath, resolve_link};
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

    /// The path that a link ends at, through all other links; `None` if it leaves the tree or goes in circles.
    pub fn resolve(&self, link: &PackPath) -> Option<String> {
        let mut path = link.as_str().to_owned();
        for _ in 0..HOPS_MAX {
            let Some((at, target)) = self.first_link(&path) else { return Some(path) };
            let link = PackPath::new(&path.as_bytes()[..at]).ok()?;
            let rest = path[at..].to_owned();
            path = resolve_link(&link, target)? + &rest;
            path = path.trim_start_matches('/').to_owned();
        }
        None
    }

    /// The first part of a path that is a link: where it ends, and its target.
    fn first_link(&self, path: &str) -> Option<(usize, &'a str)> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().find_map(|end| Some((end, *self.targets.get(&path[..end])?)))
    }
}

/// Compares the digest that the manifest lists for a link with that of the file it ends at.
pub struct LinkDigests {
    /// What is known of the files that links end at.
    targets: HashMap<String, Option<(Sha256, u64)>>,
    /// Links with a manifest line, and where they end.
    links: Vec<(PackPath, Option<Class>, Sha256, Option<String>)>,
    resolved: HashMap<PackPath, Option<String>>,
}

impl LinkDigests {
    /// Looks at the links among these members.
    pub fn new(members: &[Member]) -> LinkDigests {
        let map = LinkMap::new(members);
        let links = members.iter().filter(|member| matches!(member.kind, FileType::Link(_)));
        let resolved: HashMap<_, _> =
            links.map(|link| (link.path.clone(), map.resolve(&link.path))).collect();
        let targets = resolved.values().flatten().map(|target| (target.clone(), None)).collect();
        LinkDigests { targets, links: Vec::new(), resolved }
    }

    /// Notes a file of the manifest, if a link ends at it.
    pub fn file(&mut self, path: &PackPath, signed: Sha256, size: u64) {
        if let Some(known) = self.targets.get_mut(path.as_str()) {
            *known = Some((signed, size));
        }
    }

    /// Notes a link of the manifest.
    pub fn link(&mut self, path: &PackPath, class: Option<Class>, signed: Sha256) {
        let target = self.resolved.get(path).cloned().flatten();
        self.links.push((path.clone(), class, signed, target));
    }

    /// Every link: its class, and the size of the file it ends at, or what is wrong with it.
    pub fn conclude(self) -> impl Iterator<Item = Result<(Option<Class>, u64), Finding>> {
        let LinkDigests { targets, links, .. } = self;
        links.into_iter().map(move |(path, class, signed, target)| {
            let known = target.as_ref().and_then(|target| *targets.get(target)?);
            match known {
                Some((digest, size)) if digest == signed => Ok((class, size)),
                Some((digest, _)) => {
                    let finding = Finding::new(Code::Altered, format!("data/{path}"));
                    Err(finding
                        .expected(format!("sha256 {signed}"))
                        .actual(format!("a link to sha256 {digest}")))
                }
                None => {
                    let finding = Finding::new(Code::Altered, format!("data/{path}"));
                    Err(finding
                        .expected(format!("sha256 {signed}"))
                        .actual("a link that leads to no file of the pack"))
                }
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

    fn resolve(links: &[(&str, &str)]) -> Option<String> {
        let members: Vec<_> = links.iter().map(|(path, target)| link(path, target)).collect();
        LinkMap::new(&members).resolve(&members[0].path)
    }

    #[test]
    fn links_end_where_the_system_would_end_them() {
        assert_eq!(resolve(&[("docs/latest", "v2.md")]).as_deref(), Some("docs/v2.md"));
        assert_eq!(resolve(&[("a", "b"), ("b", "c/d"), ("c", "e")]).as_deref(), Some("e/d"));
        assert_eq!(resolve(&[("x/a", "../current/f"), ("current", "v1")]).as_deref(), Some("v1/f"));
    }

    #[test]
    fn links_that_leave_or_circle_end_nowhere() {
        assert_eq!(resolve(&[("a", "../x")]), None);
        assert_eq!(resolve(&[("a", "/etc/passwd")]), None);
        assert_eq!(resolve(&[("a", "b"), ("b", "a")]), None);
    }

    #[test]
    fn a_link_whose_digest_is_not_its_targets_is_altered() {
        let members = [link("latest", "v2.md")];
        let (file, other) = (Sha256::of(b"v2"), Sha256::of(b"v1"));
        let run = |signed| {
            let mut digests = LinkDigests::new(&members);
            digests.file(&PackPath::new(b"v2.md").unwrap(), file, 2);
            digests.link(&members[0].path, None, signed);
            digests.conclude().next().unwrap().map_err(|finding| finding.code)
        };
        assert_eq!(run(file), Ok((None, 2)));
        assert_eq!(run(other), Err(Code::Altered));
    }
}
