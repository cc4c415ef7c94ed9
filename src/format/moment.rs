//! A moment at which something ends, as people write it: an RFC 3339 date-time, or a date, which holds to its end.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What a moment looks like, for hints.
pub const MOMENT: &str = "a date-time with its zone, like 2027-06-30T12:00:00Z, or a date, like 2027-06-30";

/// How far the clocks of two hosts may be apart: what is dated later than that is of the future.
pub const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The moment that a text names. A date is its last second in UTC, so that what ends on a day holds all of it. A
/// date-time without a zone names none, nor does a day that its month does not have.
pub fn moment(text: &str) -> Option<Timestamp> {
    // jiff would take the date of a longer text.
    let is_date = text.len() == "2027-06-30".len();
    if !is_date {
        // An RFC 9557 annotation is no part of RFC 3339.
        return if text.contains('[') { None } else { text.parse().ok() };
    }
    let date: Date = text.parse().ok()?;
    let end = date.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?;
    Some(end.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_holds_to_its_end_and_a_time_to_the_second() {
        let shown = |text| moment(text).map(|time| time.to_string());
        assert_eq!(shown("2027-06-30").as_deref(), Some("2027-06-30T23:59:59Z"));
        assert_eq!(shown("2028-02-29").as_deref(), Some("2028-02-29T23:59:59Z"));
        assert_eq!(shown("2027-06-30T12:00:00Z").as_deref(), Some("2027-06-30T12:00:00Z"));
        assert_eq!(shown("2027-06-30T12:00:00+02:00").as_deref(), Some("2027-06-30T10:00:00Z"));
    }

    #[test]
    fn what_is_no_moment_names_none() {
        for wrong in [
            "",
            "soon",
            "2027-02-29",
            "2027-13-01",
            "2027-06-31T00:00:00Z",
            "2027-06-30T12:00:00",
            "2027-06-30T25:00:00Z",
            "2027-06-30T12:00:00Z[UTC]",
            "20270630",
            "2027-6-30",
            "12:00:00Z",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
