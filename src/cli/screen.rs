//! What a terminal sees. Quiet, aligned, 80 columns; colour helps and never carries meaning alone.

use anstyle::{AnsiColor, Style};
use attestar::error::Error;
use attestar::finding::{Check, Finding, Outcome, Severity, Status};
pub use attestar::format::units::{count, number, size};
pub use attestar::format::visible::visible as safe;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Where the status of a check stands, in columns: the longest one ends at 80.
const STATUS_COLUMN: usize = 66;
/// Of a key's fingerprint and of a digest: how it begins, how many characters follow, and how many of them the eye
/// compares. The whole is in `--json`.
const SHORTENED: [(&str, usize, usize); 3] = [("SHA256:", 43, 6), ("sha256 ", 64, 12), ("blake3 ", 64, 12)];
/// Findings past this many are counted, not shown.
const FINDINGS_SHOWN: usize = 20;

/// Prints to stdout; a reader that has gone away ends the output, not the run.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints to stderr, unless that is a log: a line for people would be one that nobody can parse there.
pub fn say(text: &str) {
    if super::log::is_on() {
        return;
    }
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// `0.41 s`, `1.9 s`, `2 m 4 s`
pub fn duration(time: std::time::Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{seconds:.2} s"),
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        seconds => format!("{} m {} s", seconds as u64 / 60, seconds as u64 % 60),
    }
}

/// The most memory that this process has held, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// `0.9 s, 71.0 MiB of memory`
pub fn cost(time: std::time::Duration) -> String {
    match peak_memory() {
        Some(bytes) => format!("{}, {} of memory", duration(time), size(bytes)),
        None => duration(time),
    }
}

/// A word in a colour.
pub fn paint(color: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

fn status(status: Status) -> String {
    match status {
        Status::Passed => paint(AnsiColor::Green, "passed"),
        Status::Failed => paint(AnsiColor::Red, "failed"),
        Status::Skipped => paint(AnsiColor::Yellow, "skipped"),
        Status::NotChecked => paint(AnsiColor::Yellow, "not checked"),
        Status::NotApplicable => "not applicable".to_owned(),
    }
}

/// The checks of an outcome, each with its findings beneath.
pub fn outcome(outcome: &Outcome) -> String {
    let mut text = String::new();
    let widest = outcome.checks.iter().map(|check| check.name.len()).max().unwrap_or(0).max(12);
    for check in &outcome.checks {
        line(&mut text, widest, check);
        findings(&mut text, &check.findings);
    }
    findings(&mut text, &outcome.notes);
    text
}

fn line(text: &mut String, widest: usize, check: &Check) {
    let detail = short(&safe(&check.detail));
    let mut lines = wrap(&detail, STATUS_COLUMN - widest - 2).into_iter();
    let start = format!("{:<widest$} {}", check.name, lines.next().unwrap_or_default());
    let gap = " ".repeat(STATUS_COLUMN.saturating_sub(start.chars().count()).max(1));
    let _ = writeln!(text, "{start}{gap}{}", status(check.status));
    for line in lines {
        let _ = writeln!(text, "{:widest$} {line}", "");
    }
}

/// Cuts fingerprints and digests to what the eye compares.
pub fn short(text: &str) -> String {
    SHORTENED.iter().fold(text.to_owned(), |text, &(begin, whole, shown)| {
        let in_digest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let mut parts = text.split(begin);
        let mut cut = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            cut.push_str(begin);
            match part.bytes().take_while(|&byte| in_digest(byte)).count() {
                length if length == whole => {
                    let _ = write!(cut, "{}…{}", &part[..shown], &part[whole..]);
                }
                _ => cut.push_str(part),
            }
        }
        cut
    })
}

/// Breaks text into lines of at most so many characters: after a comma or semicolon if what follows fits a line, else
/// at spaces; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut put = |words: &str| {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(words);
        } else if line.chars().count() + 1 + words.chars().count() <= width {
            let _ = write!(line, " {words}");
        } else {
            lines.push(words.to_owned());
        }
    };
    // A comma inside a number parts nothing.
    let ends = |(at, _): &(usize, &str)| matches!(text.as_bytes().get(at.wrapping_sub(1)), Some(b',' | b';'));
    let mut phrases = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(' ').filter(ends) {
        phrases.push(&text[start..at]);
        start = at + 1;
    }
    phrases.push(&text[start..]);
    for phrase in phrases {
        if phrase.chars().count() <= width {
            put(phrase);
        } else {
            phrase.split(' ').for_each(&mut put);
        }
    }
    lines
}

/// Findings: what, which, and beneath it what was expected and what was found.
pub fn findings(text: &mut String, findings: &[Finding]) {
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        let color = if finding.severity == Severity::Error { AnsiColor::Red } else { AnsiColor::Yellow };
        let code = paint(color, finding.code.as_str());
        let pad = " ".repeat(18usize.saturating_sub(finding.code.as_str().len()));
        let _ = writeln!(text, "  {code}{pad} {}", safe(&finding.subject));
        let expected =
            finding.expected.as_ref().map(|expected| format!("expected {}", short(&safe(expected))));
        let actual = finding.actual.as_ref().map(|actual| match expected {
            Some(_) => format!("found    {}", short(&safe(actual))),
            None => safe(actual),
        });
        for detail in [expected, actual].into_iter().flatten() {
            let _ = writeln!(text, "  {:18} {detail}", "");
        }
    }
    if let Some(more) = findings.len().checked_sub(FINDINGS_SHOWN + 1) {
        let _ = writeln!(text, "  and {} more: --json lists them all", more + 1);
    }
}

/// `error:`, `caused by:`, `hint:`.
pub fn error(error: &Error) -> String {
    let mut text = format!("{} {}\n", paint(AnsiColor::Red, "error:"), safe(&error.to_string()));
    for cause in error.causes() {
        let _ = writeln!(text, "caused by: {}", safe(&cause.to_string()));
    }
    if let Error::Refused(list) = error {
        findings(&mut text, list);
    }
    if !error.hint().is_empty() {
        let _ = writeln!(text, "{}", hint(error.hint()));
    }
    text
}

/// `hint: what to type next`
pub fn hint(text: &str) -> String {
    let text: Vec<String> = text.lines().map(safe).collect();
    format!("{} {}", paint(AnsiColor::Cyan, "hint:"), text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_cut_and_nothing_else_is() {
        let full =
            "signed by captain SHA256:kGS0Wz4PszuFGi6ZTou/b2DvXBV5MB6IcZzBOuMVOuw, 2026-11-20 14:02 UTC";
        assert_eq!(short(full), "signed by captain SHA256:kGS0Wz…, 2026-11-20 14:02 UTC");
        assert_eq!(short("SHA256:abc and SHA256:"), "SHA256:abc and SHA256:");
        assert_eq!(short(&format!("sha256 {}", "0123456789abcdef".repeat(4))), "sha256 0123456789ab…");
    }

    #[test]
    fn a_line_fits_the_screen_and_a_long_word_stands_alone() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a receipt of one, 14:02 UTC", 20), ["a receipt of one,", "14:02 UTC"]);
        assert_eq!(wrap("a lengthier word", 5), ["a", "lengthier", "word"]);
        assert_eq!(wrap("10,001 files, 9.9 KiB; not read", 20), ["10,001 files,", "9.9 KiB; not read"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
