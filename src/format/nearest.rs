//! "Did you mean": the nearest of a few known names.

/// The known name that is nearest to what was written, if it is near enough to have been meant: at most a third
/// of its characters were added, dropped, replaced or swapped with the next one, or one is the start of the other.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let near = |name: &str| {
        let edits = edits(&written, name);
        let is_start = written.len() >= 3 && (name.starts_with(&written) || written.starts_with(name));
        (edits <= name.chars().count().max(3) / 3 || is_start).then_some(edits)
    };
    known
        .into_iter()
        .filter_map(|name| Some((near(name)?, name)))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, n)| n)
}

/// The optimal string alignment distance: Levenshtein's, with a swap of neighbours as one edit.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let known = ["class", "paths", "exclude", "dialect", "required"];
        assert_eq!(nearest("calss", known), Some("class"));
        assert_eq!(nearest("path", known), Some("paths"));
        assert_eq!(nearest("Exclude", known), Some("exclude"));
        assert_eq!(nearest("requires", known), Some("required"));
        assert_eq!(nearest("gate", known), None);
        assert_eq!(nearest("", known), None);
    }
}
