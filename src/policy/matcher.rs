//! The include rules compiled: all patterns in one set, so that a path is looked at once however many there are.

use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// All include rules, compiled.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    takes: GlobSet,
    /// The rule of each pattern in `takes`. Ascending, as patterns are added rule by rule.
    rules: Vec<usize>,
    /// What each rule leaves out: its set in `excludes`. Rules often leave out the same, and compiling is slow.
    leaves: Vec<usize>,
    excludes: Vec<GlobSet>,
}

/// Compiles one pattern: case-sensitive, and `*` and `?` stop at `/`.
pub(super) fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

/// Compiles patterns that were checked before.
pub(crate) fn set(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    GlobSet::new(patterns.iter().map(|pattern| glob(pattern)).collect::<Result<Vec<_>, _>>()?)
}

impl Matcher {
    /// Compiles the rules, each given as its `paths` and its `exclude`.
    pub(super) fn new<'r>(
        rules: impl Iterator<Item = (&'r [String], &'r [String])>,
    ) -> Result<Matcher, globset::Error> {
        let mut takes = GlobSetBuilder::new();
        let mut owners = Vec::new();
        let mut leaves = Vec::new();
        let mut excludes: Vec<(&[String], GlobSet)> = Vec::new();
        for (rule, (paths, exclude)) in rules.enumerate() {
            for pattern in paths {
                takes.add(glob(pattern)?);
                owners.push(rule);
            }
            leaves.push(match excludes.iter().position(|(same, _)| *same == exclude) {
                Some(known) => known,
                None => {
                    let globs = exclude.iter().map(|pattern| glob(pattern)).collect::<Result<Vec<_>, _>>()?;
                    excludes.push((exclude, GlobSet::new(globs)?));
                    excludes.len() - 1
                }
            });
        }
        let excludes = excludes.into_iter().map(|(_, set)| set).collect();
        Ok(Matcher { takes: takes.build()?, rules: owners, leaves, excludes })
    }

    /// The first rule that takes a path.
    pub(super) fn first(&self, path: &[u8]) -> Option<usize> {
        let candidate = Candidate::from_bytes(path);
        let mut patterns = Vec::new();
        self.takes.matches_candidate_into(&candidate, &mut patterns);
        let mut rules = patterns.into_iter().map(|pattern| self.rules[pattern]);
        rules.find(|&rule| !self.excludes[self.leaves[rule]].is_match_candidate(&candidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(rules: &[(&[&str], &[&str])], path: &str) -> Option<usize> {
        let owned = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let rules: Vec<_> = rules.iter().map(|(paths, exclude)| (owned(paths), owned(exclude))).collect();
        Matcher::new(rules.iter().map(|(paths, exclude)| (&**paths, &**exclude)))
            .unwrap()
            .first(path.as_bytes())
    }

    #[test]
    fn the_first_rule_that_does_not_exclude_it_takes_a_path() {
        let rules: &[(&[&str], &[&str])] =
            &[(&["ddl/**"], &["ddl/drafts/**"]), (&["**/*.sql"], &[]), (&["**"], &[])];
        assert_eq!(first(rules, "ddl/1.sql"), Some(0));
        assert_eq!(first(rules, "ddl/drafts/1.sql"), Some(1));
        assert_eq!(first(rules, "ddl/drafts/notes"), Some(2));
    }

    #[test]
    fn a_star_stops_at_a_slash_two_cross_and_case_counts() {
        assert_eq!(first(&[(&["*.md"], &[])], "docs/a.md"), None);
        assert_eq!(first(&[(&["docs/*"], &[])], "docs/a/b"), None);
        assert_eq!(first(&[(&["**/*.md"], &[])], "a.md"), Some(0));
        assert_eq!(first(&[(&["**/*.md"], &[])], "x/y/a.md"), Some(0));
        assert_eq!(first(&[(&["*.md"], &[])], "A.MD"), None);
        assert_eq!(first(&[(&["*"], &[])], ".hidden"), Some(0));
    }

    #[test]
    fn an_empty_folder_is_taken_by_what_would_take_everything_in_it() {
        for pattern in ["**", "**/*", "docs/**", "docs/*", "*/*"] {
            assert_eq!(first(&[(&[pattern], &[])], "docs/"), Some(0), "{pattern}");
        }
        for pattern in ["*.d", "docs", "**/*.md", "*"] {
            assert_eq!(first(&[(&[pattern], &[])], "docs/"), None, "{pattern}");
            assert_eq!(first(&[(&[pattern], &[])], "conf.d/"), None, "{pattern}");
        }
        assert_eq!(first(&[(&["**"], &["**/{target,x}/**"])], "target/"), None);
    }
}
