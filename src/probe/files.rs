//! Files as they lie in the scratch now: every digest again, and that each parses as what its name says.

mod bounds;
mod parse;

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::format::digest::Sha256;
use crate::format::listing::{Encoding, Lines};
use crate::format::units::{count, number};
use crate::pipeline::watch::Watch;
use crate::policy::matcher;
use crate::probe::Site;
use crate::probe::deadline::{Deadline, End};
use crate::probe::ledger::Ledger;
use bounds::Parsed;
use sha2::{Digest, Sha256 as Hasher};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;

/// What was looked at.
#[derive(Default)]
struct Seen {
    files: u64,
    altered: u64,
    parsed: u64,
    unparsed: u64,
    unknown: u64,
    past: u64,
    /// The first of those, and what it goes past.
    first_past: Option<String>,
}

/// Probes the files that these patterns match; all if there are none.
pub fn probe(
    site: &Site<'_>,
    patterns: &[String],
    is_parsed: bool,
    deadline: Deadline,
    ledger: &mut Ledger,
    watch: &Watch,
) -> Result<()> {
    let set = matcher::set(patterns).map_err(|error| Error::input(error.to_string(), ""))?;
    let list = File::open(site.manifest).map_err(Error::io("open", site.manifest))?;
    let mut seen = Seen::default();
    let end = End { deadline, watch };
    for line in Lines::new(BufReader::new(list), Encoding::Percent) {
        watch.check()?;
        let line = line.map_err(|fault| Error::input(fault.to_string(), ""))?;
        let Some(path) = line.path.strip_prefix("data/") else { continue };
        if patterns.is_empty() || set.is_match(path) {
            one(site, path, Sha256(line.digest), is_parsed, end, &mut seen, ledger)?;
            end.check(path)?;
        }
    }
    if seen.files == 0 {
        ledger.skipped("digests", "no file of the archive matches");
        return Ok(());
    }
    if seen.altered == 0 {
        ledger.passed("digests", count(seen.files, "file"), count(seen.files, "file"));
    }
    ledger.covers(format!("{} digested", count(seen.files, "file")));
    if is_parsed {
        told(&seen, ledger);
    }
    Ok(())
}

fn told(seen: &Seen, ledger: &mut Ledger) {
    if seen.unparsed == 0 && seen.parsed > 0 {
        ledger.passed("parsers", count(seen.parsed, "file"), count(seen.parsed, "file"));
        ledger.covers(format!("{} parsed", number(seen.parsed)));
    }
    if seen.unknown > 0 {
        ledger.skipped("not parsed", format!("{} of no known format", count(seen.unknown, "file")));
    }
    if let Some(first) = &seen.first_past {
        let why = format!("{} past what is parsed here, the first: {first}", count(seen.past, "file"));
        ledger.skipped("not parsed here", why);
    }
}

fn one(
    site: &Site<'_>,
    path: &str,
    signed: Sha256,
    is_parsed: bool,
    end: End<'_>,
    seen: &mut Seen,
    ledger: &mut Ledger,
) -> Result<()> {
    seen.files += 1;
    let found = site.within(path).and_then(|file| Ok((digest(&file, path, end)?, file)));
    let (found, file) = match found {
        Err(Error::Refused(findings)) => {
            seen.altered += 1;
            findings.into_iter().for_each(|finding| ledger.failed("digests", finding));
            return Ok(());
        }
        Err(error) if error.is_not_found() => {
            seen.altered += 1;
            let finding = Finding::new(Code::Missing, path).expected(format!("sha256 {signed}"));
            ledger.failed("digests", finding.actual("it is not there"));
            return Ok(());
        }
        found => found?,
    };
    if found != signed {
        seen.altered += 1;
        let finding = Finding::new(Code::Altered, path).expected(format!("sha256 {signed}"));
        ledger.failed("digests", finding.actual(format!("sha256 {found}")));
        return Ok(());
    }
    let Some(format) = parse::format(path).filter(|_| is_parsed) else {
        seen.unknown += 1;
        return Ok(());
    };
    match format.parse(&file, path, end)? {
        Parsed::Well => seen.parsed += 1,
        Parsed::Past(why) => {
            seen.past += 1;
            seen.first_past.get_or_insert_with(|| format!("{path}: {why}"));
        }
        Parsed::Wrong(why) => {
            seen.unparsed += 1;
            let finding = Finding::new(Code::FileUnparsed, path).expected(format.name());
            ledger.failed("parsers", finding.actual(why));
        }
    }
    Ok(())
}

/// The digest of a file, which `shown` is the name of.
fn digest(path: &Path, shown: &str, end: End<'_>) -> Result<Sha256> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; READ_BYTES]);
    loop {
        end.check(shown)?;
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_digest_ends_with_the_time_and_with_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, "x").unwrap();
        let watch = Watch::default();
        let end = |limit| End { deadline: Deadline::after(limit), watch: &watch };
        assert_eq!(digest(&file, "etc/x", end(Duration::from_secs(60))).unwrap(), Sha256::of(b"x"));
        let late = digest(&file, "etc/x", end(Duration::ZERO)).unwrap_err();
        assert_eq!(late.to_string(), "etc/x: it did not end within 0 s");
        watch.interrupt();
        let ended = digest(&file, "etc/x", end(Duration::from_secs(60))).unwrap_err();
        assert!(matches!(ended, Error::Interrupted));
    }
}
