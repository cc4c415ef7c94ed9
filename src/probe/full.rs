//! The scratch has no room: how systems, servers and programs say so, and what a drill calls it.

use crate::error::Error;
use crate::finding::{Code, Finding};
use crate::pipeline::program::Ended;
use rustix::process::Signal;

/// Words for it: of a disk, of a share of one, of a file as large as `disk_limit` lets one be, which its writer may see
/// before the meter does, and of DuckDB where what it puts aside has reached that limit.
const WORDS: [&str; 4] =
    ["No space left on device", "Disk quota exceeded", "File too large", "failed to offload data block"];

/// Whether a program says so.
pub fn says(printed: &str) -> bool {
    WORDS.iter().any(|words| printed.contains(words))
}

/// Whether a program that failed did so for want of room: it says so, or the system ended it as it wrote past the limit of a file,
/// itself or below a shell.
pub fn has_ended(ended: &Ended) -> bool {
    let signal = Signal::XFSZ.as_raw();
    let is_past = ended.code == Some(128 + signal)
        || ended.why.as_deref().is_some_and(|why| why == format!("ended by signal {signal}"));
    let last = if ended.tail.is_empty() { &ended.output } else { &ended.tail };
    is_past || ended.code != Some(0) && says(&String::from_utf8_lossy(last))
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
    fn a_program_that_was_ended_at_the_limit_of_a_file_found_no_room() {
        let ended = |code, why: Option<&str>, output: &str, tail: &str| {
            let (output, tail) = (output.into(), tail.into());
            has_ended(&Ended { code, why: why.map(Into::into), is_late: false, output, dropped: 0, tail })
        };
        assert!(ended(None, Some("ended by signal 25"), "", "") && ended(Some(153), None, "", ""));
        assert!(ended(Some(1), None, "cat: write error: No space left on device\n", ""));
        // What was printed long before is not why it ended; and who ends well found room after all.
        assert!(!ended(Some(1), None, "File too large", "something else"));
        assert!(
            !ended(Some(0), None, "File too large", "") && !ended(None, Some("ended by signal 9"), "", "")
        );
    }

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
