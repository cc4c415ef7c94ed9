//! Where the links of the tree end, by the scan alone: no link is followed on disk.

use crate::format::path::PackPath;
use crate::tree::member::{LinkTo, Member, MemberKind};

/// The most links that one may lead through: Linux's MAXSYMLINKS. More is a loop.
const HOPS_MAX: usize = 40;

/// Resolves every link among the members, which are in order. What a link leads through must be in the pack as well,
/// or it would not work where the pack is restored.
pub(super) fn resolve(members: &mut [Member]) {
    // A folder may be in the pack only because a link in it was resolved just before: again, until nothing is new.
    for _ in 0..HOPS_MAX {
        let is_open =
            |member: &Member| matches!(&member.kind, MemberKind::Link(link) if link.to == LinkTo::Dangling);
        let links = members.iter().enumerate().filter(|(_, member)| is_open(member));
        let ends = links.map(|(index, member)| (index, end(members, member)));
        let found: Vec<_> = ends.filter(|(_, to)| *to != LinkTo::Dangling).collect();
        let settled = found.iter().all(|(_, to)| *to == LinkTo::Leaves);
        for (index, to) in found {
            if let MemberKind::Link(link) = &mut members[index].kind {
                link.to = to;
            }
        }
        if settled {
            return;
        }
    }
}

/// Walks a link's target component by component, as a kernel does, through every other link on the way.
fn end(members: &[Member], link: &Member) -> LinkTo {
    let mut at = String::from(link.path.parent().unwrap_or_default());
    let mut hops = 0;
    let Some(mut ahead) = target(link).and_then(steps) else { return LinkTo::Leaves };
    while let Some(step) = ahead.pop() {
        let is_file = find(members, &at).is_some_and(|member| member.kind == MemberKind::File);
        match step.as_str() {
            // Only a folder has anything in it, even a `.`.
            _ if is_file => return LinkTo::Dangling,
            "" | "." => continue,
            ".." if at.is_empty() => return LinkTo::Leaves,
            ".." => at.truncate(at.rfind('/').unwrap_or(0)),
            name => {
                let parent = at.len();
                if parent > 0 {
                    at.push('/');
                }
                at.push_str(name);
                if let Some(target) = find(members, &at).and_then(target) {
                    hops += 1;
                    if hops > HOPS_MAX {
                        return LinkTo::Dangling;
                    }
                    let Some(further) = steps(target) else { return LinkTo::Leaves };
                    ahead.extend(further);
                    at.truncate(parent);
                }
            }
        }
    }
    place(members, at)
}

/// What a path without links is in the pack.
fn place(members: &[Member], at: String) -> LinkTo {
    if at.is_empty() {
        return LinkTo::Root;
    }
    let found = find(members, &at);
    let inside = format!("{at}/");
    let first = members.partition_point(|member| member.path.as_str() < inside.as_str());
    let mut held = members[first..].iter().take_while(|member| member.path.as_str().starts_with(&inside));
    match found {
        Some(member) if member.kind == MemberKind::File => LinkTo::File(member.path.clone()),
        Some(member) => LinkTo::Folder(member.path.clone()),
        None => match held.find(|member| member.is_archived()) {
            // Its path holds the folder's, which is therefore valid.
            Some(_) => PackPath::new(at.as_bytes()).map_or(LinkTo::Dangling, LinkTo::Folder),
            None => LinkTo::Dangling,
        },
    }
}

fn find<'m>(members: &'m [Member], path: &str) -> Option<&'m Member> {
    let index = members.binary_search_by(|member| member.path.as_str().cmp(path)).ok()?;
    Some(&members[index])
}

fn target(member: &Member) -> Option<&str> {
    match &member.kind {
        MemberKind::Link(link) => Some(&link.target),
        MemberKind::File | MemberKind::Dir => None,
    }
}

/// The components of a relative target, the next one last; `None` if it is absolute.
fn steps(target: &str) -> Option<Vec<String>> {
    (!target.starts_with('/')).then(|| target.split('/').rev().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::member::Link;

    /// A tree of `path` for a file, `path/` for a folder, and `path -> target` for a link; and where a link ends.
    fn ends(tree: &[&str], link: &str) -> LinkTo {
        let mut members: Vec<Member> = tree.iter().map(|line| member(line)).collect();
        members.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        resolve(&mut members);
        match &find(&members, link).unwrap().kind {
            MemberKind::Link(link) => link.to.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn member(line: &str) -> Member {
        let (path, kind) = match line.split_once(" -> ") {
            Some((path, target)) => {
                (path, MemberKind::Link(Box::new(Link { target: target.into(), to: LinkTo::Dangling })))
            }
            None if line.ends_with('/') => (line.trim_end_matches('/'), MemberKind::Dir),
            None => (line, MemberKind::File),
        };
        let path = path_of(path);
        Member {
            path,
            kind,
            class: None,
            size: 0,
            mode: 0o644,
            mtime_s: 0,
            mtime_ns: 0,
            uid: 0,
            gid: 0,
            stamp: Default::default(),
        }
    }

    fn path_of(text: &str) -> PackPath {
        PackPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_link_ends_at_a_file_a_folder_or_the_root() {
        let tree = [
            "docs/v1/a.md",
            "empty/",
            "docs/latest -> v1",
            "docs/a.md -> latest/a.md",
            "here -> .",
            "e -> empty",
        ];
        assert_eq!(ends(&tree, "docs/latest"), LinkTo::Folder(path_of("docs/v1")));
        assert_eq!(ends(&tree, "docs/a.md"), LinkTo::File(path_of("docs/v1/a.md")));
        assert_eq!(ends(&tree, "here"), LinkTo::Root);
        assert_eq!(ends(&tree, "e"), LinkTo::Folder(path_of("empty")));
    }

    #[test]
    fn dot_dot_after_a_link_starts_where_the_link_ends() {
        let tree = ["a/b/c", "a/x", "l -> a/b", "m -> l/../x"];
        assert_eq!(ends(&tree, "m"), LinkTo::File(path_of("a/x")));
    }

    #[test]
    fn leaving_the_tree_is_seen_through_chains_and_even_if_it_comes_back() {
        let tree = [
            "a",
            "up -> ..",
            "d/abs -> /etc/passwd",
            "chain -> d/abs",
            "deep -> d/../../x/a",
            "tree/a -> ../../t/a",
        ];
        for link in ["up", "d/abs", "chain", "deep", "tree/a"] {
            assert_eq!(ends(&tree, link), LinkTo::Leaves, "{link}");
        }
    }

    #[test]
    fn loops_files_used_as_folders_and_what_is_not_in_the_pack_dangle() {
        let tree =
            ["f", "a -> b", "b -> a", "self -> self", "x -> f/", "y -> f/../f", "z -> nowhere", "w -> z"];
        for link in ["a", "b", "self", "x", "y", "z", "w"] {
            assert_eq!(ends(&tree, link), LinkTo::Dangling, "{link}");
        }
    }

    #[test]
    fn a_folder_that_holds_only_links_is_in_the_pack_if_one_of_them_is() {
        assert_eq!(ends(&["f", "d/l -> ../f", "to -> d"], "to"), LinkTo::Folder(path_of("d")));
        assert_eq!(ends(&["f", "d/l -> gone", "to -> d"], "to"), LinkTo::Dangling);
    }
}
