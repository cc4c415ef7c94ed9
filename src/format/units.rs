//! Numbers, sizes and durations as people read and write them: thousands apart, binary units, `26h`, `64MiB`.

/// `2,361`
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 file`, `2,361 files`, `2 indexes`
pub fn count(value: u64, noun: &str) -> String {
    let ending = match noun.ends_with('x') {
        _ if value == 1 => "",
        true => "es",
        false => "s",
    };
    format!("{} {noun}{ending}", number(value))
}

/// `596.1 MiB`
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `7 d`, `26 h`, `90 s`: how long something may be, from seconds, in the largest unit that they are a whole number of.
pub fn limit_s(seconds: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("d", 86_400), ("h", 3600), ("m", 60)];
    let whole = UNITS.iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, seconds_each) = whole.copied().unwrap_or(("s", 1));
    format!("{} {unit}", seconds / seconds_each)
}

/// The same from milliseconds; what is no whole number of seconds is told as a [`span`].
pub fn limit(ms: u64) -> String {
    if ms == 0 || !ms.is_multiple_of(1000) { span(ms) } else { limit_s(ms / 1000) }
}

/// A time span as people read it, from milliseconds: `0.41 s`, `8.4 s`, `15 m`, `7 h 13 m`, `2 d 4 h`.
pub fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let pair = |(many, one): (u64, &str), (rest, other): (u64, &str)| match rest {
        0 => format!("{many} {one}"),
        _ => format!("{many} {one} {rest} {other}"),
    };
    match seconds {
        0 => format!("{:.2} s", milliseconds as f64 / 1000.0),
        1..60 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        60..3600 => pair((seconds / 60, "m"), (seconds % 60, "s")),
        3600..172_800 => pair((seconds / 3600, "h"), (seconds % 3600 / 60, "m")),
        _ => pair((seconds / 86_400, "d"), (seconds % 86_400 / 3600, "h")),
    }
}

/// The longest duration that is taken, in seconds: a hundred years of 365 days.
const DURATION_S_MAX: u64 = 100 * 365 * 86_400;

/// A duration as a policy writes it, in seconds: `90s`, `15m`, `26h`, `7d`, `2w`. One whole number above zero, one unit.
pub fn duration_s(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];
    quantity(text, &UNITS).filter(|seconds| *seconds <= DURATION_S_MAX)
}

/// A size as a policy writes it, in bytes: `512B`, `64KiB`, `64MiB`, `2GiB`. One whole number above zero, one binary unit.
pub fn size_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];
    quantity(text, &UNITS)
}

/// A whole number of one of these units.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok()).flatten()?;
    number.checked_mul(*unit).filter(|amount| *amount > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_one_number_and_one_unit() {
        let durations = ["90s", "15m", "26h", "7d", "2w"].map(duration_s);
        assert_eq!(durations, [90, 900, 93_600, 604_800, 1_209_600].map(Some));
        for wrong in [
            "",
            "7",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "1h30m",
            "7D",
            "99999999999999999999d",
            "5000w0",
        ] {
            assert_eq!(duration_s(wrong), None, "{wrong}");
        }
        assert_eq!(duration_s("36501d"), None);
        assert_eq!(["512B", "1KiB", "64MiB"].map(size_bytes), [512, 1024, 64 << 20].map(Some));
        for wrong in ["64MB", "64", "0B", "99999999999TiB", "1 MiB"] {
            assert_eq!(size_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn spans_have_two_units_and_limits_one() {
        let shown = [8_450, 750_000, 25_920_000, 266_400_000].map(span);
        assert_eq!(shown, ["8.4 s", "12 m 30 s", "7 h 12 m", "3 d 2 h"]);
        assert_eq!([93_600_000, 604_800_000, 900_000, 5_000].map(limit), ["26 h", "7 d", "15 m", "5 s"]);
    }

    #[test]
    fn sizes_and_numbers_read_well() {
        assert_eq!((size(0), size(1023), size(1024)), ("0 B".into(), "1023 B".into(), "1.0 KiB".into()));
        assert_eq!((size(1_048_575), size(625_000_000)), ("1.0 MiB".into(), "596.0 MiB".into()));
        assert_eq!(
            (number(1), number(999), number(1000), number(1_204_331)),
            ("1".into(), "999".into(), "1,000".into(), "1,204,331".into())
        );
        assert_eq!((count(1, "index"), count(2, "index")), ("1 index".into(), "2 indexes".into()));
        assert_eq!((count(1, "file"), count(0, "file")), ("1 file".into(), "0 files".into()));
    }
}
