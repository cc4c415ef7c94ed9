//! Entry bundles: up to 256 entries after each other, each behind its length as a big-endian `u16`.

/// The most bytes of an entry.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Adds an entry of at most [`ENTRY_BYTES_MAX`] to a bundle; `false`, and nothing is added, if it is longer.
pub fn append(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    true
}

/// The entries of a bundle, in order; nothing if it does not end where an entry ends.
pub fn parse(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut entries, mut rest) = (Vec::new(), bundle);
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bundle_that_ends_inside_an_entry_is_none() {
        let mut bundle = Vec::new();
        assert!(
            append(&mut bundle, b"one")
                && append(&mut bundle, b"")
                && append(&mut bundle, &[7; ENTRY_BYTES_MAX])
        );
        assert!(!append(&mut bundle, &[7; ENTRY_BYTES_MAX + 1]));
        assert_eq!(bundle[..7], *b"\0\x03one\0\0");
        assert_eq!(parse(&bundle).unwrap(), [b"one".as_slice(), b"", &[7; ENTRY_BYTES_MAX]]);
        assert_eq!(parse(&bundle[..bundle.len() - 1]), None);
        assert_eq!(parse(b"\0"), None);
        assert_eq!(parse(b""), Some(vec![]));
    }

    proptest! {
        #[test]
        fn entries_read_back(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..20)) {
            let mut bundle = Vec::new();
            prop_assert!(entries.iter().all(|entry| append(&mut bundle, entry)));
            prop_assert_eq!(parse(&bundle), Some(entries.iter().map(Vec::as_slice).collect()));
        }
    }
}
