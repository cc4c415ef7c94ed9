//! The `[backup]` table: how often everything is read, how late a backup may be, what is kept, and what happens to files
//! that cannot be taken as they are.

use crate::error::Result;
use crate::format::settings::Section;
use crate::policy::values::{duration, natural, one_of};

/// A day in seconds.
const DAY_S: u64 = 86_400;

/// How to back up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupOptions {
    /// After so many seconds a backup takes everything again, whatever did not change; default seven days.
    pub full_every_s: u64,
    /// The newest backup may be so many seconds old; default 26 hours.
    pub max_age_s: u64,
    /// Every stored byte is read again within so many seconds; default seven days.
    pub verify_within_s: u64,
    /// What is kept.
    pub keep: Keep,
    /// What happens when a large file changes while it is read.
    pub on_change: OnChange,
    /// What happens when a file's name cannot stand in a pack.
    pub on_bad_name: OnBadName,
}

/// How many backups of each span are kept, the newest of each. Without any number all are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest, whenever they were made.
    pub last: u64,
    /// Of so many days that have one.
    pub daily: u64,
    /// Of so many weeks.
    pub weekly: u64,
    /// Of so many months.
    pub monthly: u64,
    /// Of so many years.
    pub yearly: u64,
    /// What is younger than so many seconds is kept in any case.
    pub min_age_s: u64,
}

impl Keep {
    /// Whether anything is ever to be deleted.
    pub fn is_everything(&self) -> bool {
        [self.last, self.daily, self.weekly, self.monthly, self.yearly].iter().all(|&count| count == 0)
    }
}

/// What happens when a large file changes while it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChange {
    /// It is kept as it was read, marked, and said.
    #[default]
    Warn,
    /// There is no backup.
    Refuse,
}

/// What happens when a file's name cannot stand in a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadName {
    /// There is no backup.
    #[default]
    Fail,
    /// The file is left out, and said.
    Skip,
}

impl Default for BackupOptions {
    fn default() -> BackupOptions {
        BackupOptions {
            full_every_s: 7 * DAY_S,
            max_age_s: 26 * 3600,
            verify_within_s: 7 * DAY_S,
            keep: Keep::default(),
            on_change: OnChange::default(),
            on_bad_name: OnBadName::default(),
        }
    }
}

/// Reads `[backup]`.
pub(super) fn backup(section: Option<Section<'_>>) -> Result<BackupOptions> {
    let default = BackupOptions::default();
    let Some(section) = section else { return Ok(default) };
    section.only(&["full_every", "max_age", "verify_within", "keep", "on_change", "on_bad_name"])?;
    let seconds = |key, default| Ok(duration(&section, key)?.map_or(default, |(seconds, _)| seconds));
    Ok(BackupOptions {
        full_every_s: seconds("full_every", default.full_every_s)?,
        max_age_s: seconds("max_age", default.max_age_s)?,
        verify_within_s: seconds("verify_within", default.verify_within_s)?,
        keep: section.section("keep")?.map(|keep| self::keep(&keep)).transpose()?.unwrap_or_default(),
        on_change: one_of(&section, "on_change", &[("warn", OnChange::Warn), ("refuse", OnChange::Refuse)])?
            .unwrap_or_default(),
        on_bad_name: one_of(
            &section,
            "on_bad_name",
            &[("fail", OnBadName::Fail), ("skip", OnBadName::Skip)],
        )?
        .unwrap_or_default(),
    })
}

fn keep(section: &Section<'_>) -> Result<Keep> {
    section.only(&["last", "daily", "weekly", "monthly", "yearly", "min_age"])?;
    let count = |key| Ok(natural(section, key)?.unwrap_or(0));
    let keep = Keep {
        last: count("last")?,
        daily: count("daily")?,
        weekly: count("weekly")?,
        monthly: count("monthly")?,
        yearly: count("yearly")?,
        min_age_s: duration(section, "min_age")?.map_or(0, |(seconds, _)| seconds),
    };
    if keep.is_everything() {
        let message = "`keep` names no number of backups, and would keep every one";
        return Err(section.error(section.line, message, "keep = { daily = 7, weekly = 5, monthly = 12 }"));
    }
    Ok(keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::format::settings::Document;
    use std::path::Path;

    fn read(text: &str) -> Result<BackupOptions> {
        let document = Document::parse(Path::new("p.toml"), text).unwrap();
        backup(document.root().section("backup").unwrap())
    }

    #[test]
    fn everything_that_is_written_is_read_and_what_is_not_has_its_default() {
        let options = read(
            "[backup]\nfull_every = '14d'\nmax_age = '2h'\nverify_within = '3d'\non_change = 'refuse'\n\
             on_bad_name = 'skip'\nkeep = { last = 3, daily = 7, weekly = 5, monthly = 12, yearly = 2, min_age = '30d' }\n",
        )
        .unwrap();
        assert_eq!(
            (options.full_every_s, options.max_age_s, options.verify_within_s),
            (14 * DAY_S, 7200, 3 * DAY_S)
        );
        assert_eq!((options.on_change, options.on_bad_name), (OnChange::Refuse, OnBadName::Skip));
        let keep = Keep { last: 3, daily: 7, weekly: 5, monthly: 12, yearly: 2, min_age_s: 30 * DAY_S };
        assert_eq!(options.keep, keep);
        assert_eq!(read("").unwrap(), BackupOptions::default());
        assert!(read("[backup]\n").unwrap().keep.is_everything());
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        for (text, line, message) in [
            ("[backup]\nmax_age = '26'", 2, "`max_age` cannot be `26`"),
            ("[backup]\non_change = 'ignore'", 2, "`on_change` cannot be `ignore`"),
            ("[backup]\nkeep = { daily = -1 }", 2, "`daily` cannot be -1"),
            (
                "[backup]\nkeep = { min_age = '1d' }",
                2,
                "`keep` names no number of backups, and would keep every one",
            ),
            ("[backup]\nkeep = { hourly = 1 }", 2, "unknown key `hourly` in [keep]"),
            ("[backup]\nfull = '7d'", 2, "unknown key `full` in [backup]"),
        ] {
            match read(text) {
                Err(Error::Config { line: at, message: said, .. }) => {
                    assert_eq!((at, &*said), (line, message))
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
