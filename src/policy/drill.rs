//! The `[drill]` table: how often a restore is drilled, how fast it must be, how much may be lost, and what the drill may
//! use of this host.

use crate::error::Result;
use crate::format::settings::Section;
use crate::format::units::size_bytes;
use crate::policy::values::{A_SIZE, duration, show};

/// A week in seconds.
const WEEK_S: u64 = 7 * 86_400;

/// What each program of a probe may have of memory, unless the policy says otherwise.
const MEMORY_LIMIT: u64 = 2 << 30;

/// How to drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillOptions {
    /// A drill is fresh for so many seconds; default seven days.
    pub every_s: u64,
    /// From the drill's start to its last probe, in seconds; `None`: measured, and held against nothing.
    pub rto_s: Option<u64>,
    /// How many seconds may be lost; `None`: measured, and held against nothing.
    pub rpo_s: Option<u64>,
    /// Who runs the throwaway PostgreSQL where the drill is run by root.
    pub user: Option<String>,
    /// The folder in which the scratch is made; default the system's folder for temporary files.
    pub scratch: Option<String>,
    /// How many bytes of memory each program of a probe may have.
    pub memory_limit: u64,
    /// How many bytes the scratch may take; `None` for what is free.
    pub disk_limit: Option<u64>,
}

impl Default for DrillOptions {
    fn default() -> DrillOptions {
        DrillOptions {
            every_s: WEEK_S,
            rto_s: None,
            rpo_s: None,
            user: None,
            scratch: None,
            memory_limit: MEMORY_LIMIT,
            disk_limit: None,
        }
    }
}

/// Reads `[drill]`.
pub(super) fn drill(section: Option<Section<'_>>) -> Result<DrillOptions> {
    let default = DrillOptions::default();
    let Some(section) = section else { return Ok(default) };
    section.only(&["every", "rto", "rpo", "user", "scratch", "memory_limit", "disk_limit"])?;
    let seconds = |key| Ok(duration(&section, key)?.map(|(seconds, _)| seconds));
    Ok(DrillOptions {
        every_s: seconds("every")?.unwrap_or(default.every_s),
        rto_s: seconds("rto")?,
        rpo_s: seconds("rpo")?,
        user: user(&section)?,
        scratch: scratch(&section)?,
        memory_limit: size(&section, "memory_limit")?.unwrap_or(default.memory_limit),
        disk_limit: size(&section, "disk_limit")?,
    })
}

fn user(section: &Section<'_>) -> Result<Option<String>> {
    let Some(user) = section.text("user")? else { return Ok(None) };
    let is_name = (1..=32).contains(&user.value.len())
        && user.value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !user.value.starts_with('-');
    if is_name && !matches!(user.value, "root" | "0") {
        return Ok(Some(user.value.to_owned()));
    }
    let message = format!("`user` cannot be `{}`", show(user.value));
    Err(section.error(user.line, message, "a user of this host that is not root: user = \"postgres\""))
}

fn scratch(section: &Section<'_>) -> Result<Option<String>> {
    let Some(folder) = section.text("scratch")? else { return Ok(None) };
    if folder.value.starts_with('/') {
        return Ok(Some(folder.value.to_owned()));
    }
    let message = format!("`scratch` cannot be `{}`", show(folder.value));
    Err(section.error(folder.line, message, "an absolute path outside the tree: scratch = \"/var/tmp\""))
}

fn size(section: &Section<'_>, key: &str) -> Result<Option<u64>> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    size_bytes(text.value).map(Some).ok_or_else(|| {
        let message = format!("`{key}` cannot be `{}`", show(text.value));
        section.error(text.line, message, A_SIZE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::format::settings::Document;
    use std::path::Path;

    fn read(text: &str) -> Result<DrillOptions> {
        let document = Document::parse(Path::new("p.toml"), text).unwrap();
        drill(document.root().section("drill").unwrap())
    }

    #[test]
    fn everything_that_is_written_is_read_and_what_is_not_has_its_default() {
        let options = read(
            "[drill]\nevery = '14d'\nrto = '15m'\nrpo = '24h'\nuser = 'postgres'\nscratch = '/var/tmp'\n\
             memory_limit = '1GiB'\ndisk_limit = '50GiB'\n",
        )
        .unwrap();
        let expected = DrillOptions {
            every_s: 2 * WEEK_S,
            rto_s: Some(900),
            rpo_s: Some(86_400),
            user: Some("postgres".into()),
            scratch: Some("/var/tmp".into()),
            memory_limit: 1 << 30,
            disk_limit: Some(50 << 30),
        };
        assert_eq!(options, expected);
        assert_eq!(read("").unwrap(), DrillOptions::default());
        assert_eq!(read("[drill]").unwrap(), DrillOptions::default());
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        for (text, message) in [
            ("[drill]\nrto = '15'", "`rto` cannot be `15`"),
            ("[drill]\nuser = 'root'", "`user` cannot be `root`"),
            ("[drill]\nuser = '-x'", "`user` cannot be `-x`"),
            ("[drill]\nscratch = 'tmp'", "`scratch` cannot be `tmp`"),
            ("[drill]\nmemory_limit = '1G'", "`memory_limit` cannot be `1G`"),
            ("[drill]\nevry = '7d'", "unknown key `evry` in [drill]"),
        ] {
            match read(text) {
                Err(Error::Config { line: 2, message: said, .. }) => assert_eq!(&*said, message),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
