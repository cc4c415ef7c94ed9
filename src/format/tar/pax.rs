//! pax extended records: `LENGTH KEY=VALUE\n`, only the ones that a member needs, in one fixed order.

use super::header::{OCTAL_7_MAX, OCTAL_11_MAX, fits};
use crate::format::member::Member;

/// The most bytes of records that are read: two paths of PATH_MAX and the rest.
pub(super) const RECORDS_BYTES_MAX: u64 = 10_000;

/// The records of a member; empty when its ustar header says all.
pub(super) fn records_of(member: &Member, name: &str) -> Vec<u8> {
    let mut records = Vec::new();
    let over = |value: u32| (u64::from(value) > OCTAL_7_MAX).then(|| value.to_string());
    let target = member.target().filter(|target| !fits(target)).map(str::to_owned);
    let all = [
        ("gid", over(member.gid)),
        ("linkpath", target),
        ("mtime", needs_mtime(member).then(|| decimal_time(member.mtime_s, member.mtime_ns))),
        ("path", (!fits(name)).then(|| name.to_owned())),
        ("size", (member.size > OCTAL_11_MAX).then(|| member.size.to_string())),
        ("uid", over(member.uid)),
    ];
    for (key, value) in all {
        if let Some(value) = value {
            push(&mut records, key, &value);
        }
    }
    records
}

/// What the records of one header say; what is absent is in the ustar block.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub path: Option<&'a [u8]>,
    pub linkpath: Option<&'a [u8]>,
    pub size: Option<u64>,
    pub mtime: Option<(i64, u32)>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// Parses records; the caller's re-encoding makes sure there is only one way to write them.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Records<'_>, &'static str> {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let (key, value, rest) = split_record(bytes).ok_or("a malformed pax record")?;
        let number =
            || std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let bad = "a pax number that is none";
        match key {
            b"path" => records.path = Some(value),
            b"linkpath" => records.linkpath = Some(value),
            b"size" => records.size = Some(number().and_then(|n| n.parse().ok()).ok_or(bad)?),
            b"uid" => records.uid = Some(number().and_then(|n| n.parse().ok()).ok_or(bad)?),
            b"gid" => records.gid = Some(number().and_then(|n| n.parse().ok()).ok_or(bad)?),
            b"mtime" => records.mtime = Some(parse_time(value).ok_or(bad)?),
            _ => return Err("a pax record of an unknown kind"),
        }
        bytes = rest;
    }
    Ok(records)
}

/// Appends `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too.
fn push(records: &mut Vec<u8>, key: &str, value: &str) {
    let body = key.len() + value.len() + 3;
    let mut length = body + 1;
    while length != body + length.to_string().len() {
        length = body + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(6).position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let body = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&b| b == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &bytes[length..]))
}

fn needs_mtime(member: &Member) -> bool {
    member.mtime_ns != 0 || u64::try_from(member.mtime_s).map_or(true, |s| s > OCTAL_11_MAX)
}

/// Seconds as pax writes them: a decimal number, rounded towards nothing, without trailing zeros.
fn decimal_time(seconds: i64, nanos: u32) -> String {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let sign = if total < 0 { "-" } else { "" };
    let (whole, fraction) = (total.unsigned_abs() / 1_000_000_000, total.unsigned_abs() % 1_000_000_000);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:09}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

fn parse_time(value: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    let magnitude = i128::from(whole.parse::<i64>().ok()?) * 1_000_000_000 + nanos;
    let total = if negative { -magnitude } else { magnitude };
    let seconds = i64::try_from(total.div_euclid(1_000_000_000)).ok()?;
    Some((seconds, total.rem_euclid(1_000_000_000) as u32))
}
