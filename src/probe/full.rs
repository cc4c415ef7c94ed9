//! The scratch has no room: how systems, servers and programs say so, and what a drill calls it.

use crate::error::Error;
use crate::finding::{Code, Finding};

/// Words for it: of a disk, of a share of one, of a file as large as `disk_limit` lets one be, which its writer may see
/// before the meter does, and of DuckDB where what it puts aside has reached that limit.
const WORDS: [&str; 4] =
    ["No space left on device", "Disk quota exceeded", "File too large", "failed to offload data block"];

/// Whether a program says so.
pub fn says(printed: &str) -> bool {
    WORDS.iter().any(|words| printed.contains(words))
}

/// Whether an error says so, or what caused it.
pub fn is_full(error: &Error) -> bool {
    says(&error.with_causes())
}

/// What it is called.
pub fn finding(actual: impl ToString) -> Finding {
    Finding::new(Code::ScratchFull, "scratch").expected("room").actual(actual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_full_disk_and_a_file_at_its_limit_are_told_from_other_failures() {
        let errno = |errno| Error::io("write", "copy")(io::Error::from_raw_os_error(errno));
        // ENOSPC, EDQUOT and EFBIG; EACCES.
        assert_eq!([28, 122, 27, 13].map(|code| is_full(&errno(code))), [true, true, true, false]);
        assert!(says("ERROR:  could not write to file \"base/pgsql_tmp\": File too large"));
        assert!(says(
            "Out of Memory Error: failed to offload data block of size 256.0 KiB (199.8 MiB/200.0 MiB used)"
        ));
        assert!(!says("ERROR:  a file is large"));
        assert!(!says("Out of Memory Error: could not allocate block of size 256.0 KiB"));
    }
}
