//! What is kept of what a program printed: credentials and the values of its variables masked, and cut to a size.

use crate::policy::gate::secrets::search::Searcher;

/// How much of the beginning of the output is kept, and how much of its end, in bytes.
pub const KEPT_BYTES_MAX: usize = 32 << 10;

/// How much of each is looked at: what is masked when it is whole must be whole.
pub const SEEN_BYTES_MAX: usize = 1 << 20;

/// Stands where something was left out.
pub const CUT: &str = "[more was printed here, and is not kept]\n";

/// What is kept of an output, as text: masked first and cut then, so that nothing is cut out of its mask.
pub fn masked(mut head: Vec<u8>, dropped: u64, mut tail: Vec<u8>, values: &[Vec<u8>]) -> String {
    let searcher = Searcher::new();
    if dropped == 0 {
        head.append(&mut tail);
    }
    let (head, tail) = (searcher.mask(&head, values), searcher.mask(&tail, values));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if dropped == 0 && head.len() <= 2 * KEPT_BYTES_MAX {
        return text(&head);
    }
    let last = if dropped == 0 { &head } else { &tail };
    let first = head.get(..KEPT_BYTES_MAX).unwrap_or(&head);
    let last = last.get(last.len().saturating_sub(KEPT_BYTES_MAX)..).unwrap_or_default();
    // At the end of a line, if there is one; else inside of it.
    let first = first.get(..memchr::memrchr(b'\n', first).map_or(first.len(), |at| at + 1));
    let last = last.get(memchr::memchr(b'\n', last).map_or(0, |at| at + 1)..);
    let (first, last) = (text(first.unwrap_or_default()), text(last.unwrap_or_default()));
    let gap = if first.ends_with('\n') { "" } else { "\n" };
    format!("{first}{gap}{CUT}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_across_the_cut_is_masked_before_it_is_cut() {
        let key = format!(
            "-----BEGIN {} KEY-----\n{}\n-----END {} KEY-----\n",
            "PRIVATE",
            "QUJD".repeat(16),
            "PRIVATE"
        );
        for before in [KEPT_BYTES_MAX - 40, KEPT_BYTES_MAX - 90, KEPT_BYTES_MAX - 1] {
            let whole = format!("{}\n{key}{}", "a".repeat(before), "b\n".repeat(KEPT_BYTES_MAX));
            let text = masked(whole.into_bytes(), 0, Vec::new(), &[]);
            assert!(!text.contains("QUJD"), "of {before}: {}", &text[before.saturating_sub(10)..before + 40]);
        }
    }

    #[test]
    fn binary_output_becomes_text() {
        assert_eq!(masked(b"a\xff\xfe\0b".to_vec(), 0, Vec::new(), &[]), "a\u{fffd}\u{fffd}\0b");
        let text = masked(vec![0xff; 1 << 20], 5, vec![0xfe; 1 << 20], &[]);
        assert!(text.contains(CUT) && text.len() < 7 * KEPT_BYTES_MAX, "{}", text.len());
    }
}
