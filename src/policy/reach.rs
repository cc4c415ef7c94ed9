//! Patterns that can never match, because an earlier one takes everything that they could.

use crate::policy::rules::Include;

/// A pattern without effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreachable {
    /// The index of its rule, and its own in the rule.
    pub(super) at: (usize, usize),
    /// The same of the pattern that takes it all.
    pub(super) by: (usize, usize),
}

/// The first pattern of the rules that can never match. Finds every repeated pattern and everything after a `**`;
/// overlaps that take more than comparing the texts are not looked for.
pub(super) fn unreachable(rules: &[Include]) -> Option<Unreachable> {
    let patterns =
        || rules.iter().enumerate().flat_map(|(r, rule)| (0..rule.paths.len()).map(move |p| (r, p)));
    patterns().find_map(|at| {
        let taken = |by: &(usize, usize)| takes_all(&rules[by.0], by.1, &rules[at.0], at.1);
        let by = patterns().take_while(|&earlier| earlier < at).find(taken)?;
        Some(Unreachable { at, by })
    })
}

/// Whether an earlier pattern leaves nothing to a later one: it covers it, and what its rule excludes is excluded by
/// the later rule as well.
fn takes_all(earlier: &Include, by: usize, later: &Include, at: usize) -> bool {
    covers(&earlier.paths[by], &later.paths[at])
        && earlier.exclude.iter().all(|out| later.exclude.iter().any(|wider| covers(wider, out)))
}

/// Whether `wide` surely matches every file that `narrow` matches.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let literal = |text: &str| !text.contains(['*', '?', '[', '{', '\\']);
    if wide == narrow || wide == "**" || wide == "**/*" {
        return true;
    }
    if let Some(folder) = wide.strip_suffix("/**").filter(|folder| literal(folder)) {
        return narrow.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    }
    match wide.strip_prefix("**/") {
        // The last component alone decides, wherever it lies.
        Some(name) if !name.contains(['/', '{', '\\']) => {
            narrow == name || narrow.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::class::Class;

    fn rule(paths: &[&str], exclude: &[&str]) -> Include {
        let owned = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
        Include {
            class: Class::Doc,
            paths: owned(paths),
            exclude: owned(exclude),
            dialect: None,
            required: false,
            line: 1,
        }
    }

    #[test]
    fn what_an_earlier_pattern_takes_whole_is_unreachable() {
        for (wide, narrow) in [
            ("a/*.md", "a/*.md"),
            ("**", "x"),
            ("**/*", "x/y"),
            ("docs/**", "docs/a/*.md"),
            ("**/*.sql", "ddl/*.sql"),
            ("**/*.sql", "*.sql"),
        ] {
            let found = unreachable(&[rule(&[wide], &[]), rule(&["other", narrow], &[])]);
            let missed = format!("{wide} takes {narrow}");
            // "other" is unreachable itself after a pattern that takes everything.
            let at = if wide.starts_with("**/*.") || !wide.starts_with("**") { (1, 1) } else { (1, 0) };
            assert_eq!(found, Some(Unreachable { at, by: (0, 0) }), "{missed}");
        }
    }

    #[test]
    fn what_an_earlier_rule_excludes_is_left_to_later_ones() {
        assert_eq!(unreachable(&[rule(&["**"], &["docs/**"]), rule(&["docs/*.md"], &[])]), None);
        assert_eq!(unreachable(&[rule(&["a/**"], &["a/x"]), rule(&["a/**"], &[])]), None);
        let both = [rule(&["a/**"], &["a/x"]), rule(&["a/**"], &["a/x", "a/y"])];
        assert_eq!(unreachable(&both), Some(Unreachable { at: (1, 0), by: (0, 0) }));
        assert_eq!(unreachable(&[rule(&["docs/**"], &[]), rule(&["docs*/x", "**/x"], &[])]), None);
    }
}
