//! Finds the row of a listed member. Rows and lists are in the same order, so that the next row is nearly always the
//! one; only when it is not are all rows looked up by identity.

use crate::pipeline::contents::Row;
use std::collections::HashMap;

/// Walks the rows in step with the lists.
pub struct Matcher<'a> {
    rows: &'a [Row],
    next: usize,
    /// Made at the first row that is not the next one: which rows are still unmatched.
    by_identity: Option<HashMap<[u8; 16], usize>>,
}

impl<'a> Matcher<'a> {
    /// A walk from the first row.
    pub fn new(rows: &'a [Row]) -> Matcher<'a> {
        Matcher { rows, next: 0, by_identity: None }
    }

    /// The row of a member, each at most once.
    pub fn find(&mut self, identity: [u8; 16]) -> Option<&'a Row> {
        if self.by_identity.is_none() {
            if self.rows.get(self.next).is_some_and(|row| row.fingerprint.identity == identity) {
                self.next += 1;
                return self.rows.get(self.next - 1);
            }
            let rest = self.rows.iter().enumerate().skip(self.next);
            self.by_identity = Some(rest.map(|(at, row)| (row.fingerprint.identity, at)).collect());
        }
        self.by_identity.as_mut()?.remove(&identity).map(|at| &self.rows[at])
    }

    /// The rows that no listed member was, in order.
    pub fn unmatched(&self) -> Vec<usize> {
        match &self.by_identity {
            None => (self.next..self.rows.len()).collect(),
            Some(rest) => {
                let mut rows: Vec<usize> = rest.values().copied().collect();
                rows.sort_unstable();
                rows
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Digests;
    use crate::format::member::Fingerprint;

    fn row(id: u8) -> Row {
        let fingerprint = Fingerprint { identity: [id; 16], metadata: [0; 8] };
        Row { fingerprint, size: 0, digests: Digests::default() }
    }

    #[test]
    fn rows_that_are_missing_extra_or_moved_are_told_apart() {
        let rows: Vec<Row> = [1, 2, 4, 3, 9].map(row).to_vec();
        let mut matcher = Matcher::new(&rows);
        let found: Vec<bool> = [1, 2, 3, 4, 5].map(|id| matcher.find([id; 16]).is_some()).to_vec();
        assert_eq!(found, [true, true, true, true, false]);
        assert_eq!(matcher.unmatched(), [4]);
    }

    #[test]
    fn a_row_is_matched_once() {
        let rows = [row(1)];
        let mut matcher = Matcher::new(&rows);
        assert!(matcher.find([1; 16]).is_some());
        assert!(matcher.find([1; 16]).is_none());
        assert!(matcher.unmatched().is_empty());
    }
}
