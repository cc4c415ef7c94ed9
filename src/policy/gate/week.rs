//! Times of the week and dates as a release manager writes them: `Tue,Thu 13:00-15:00`. Civil times: the wall clock's.

use crate::format::nearest::nearest;
use jiff::civil::{Date, DateTime};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES: u32 = 24 * 60;
const WEEK_MINUTES: u32 = 7 * DAY_MINUTES;

/// Hours of some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// As it was written.
    pub text: String,
    spans: Vec<Span>,
}

/// One stretch of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// As it was written.
    pub text: String,
    span: Span,
}

/// Whole days, the first to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blackout {
    /// As it was written.
    pub text: String,
    first: Date,
    last: Date,
}

/// From a minute of the week, for some minutes; it may run over the end of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u32,
    minutes: u32,
}

impl Span {
    fn has(self, now: DateTime) -> bool {
        (minute_of_week(now) + WEEK_MINUTES - self.from) % WEEK_MINUTES < self.minutes
    }
}

fn minute_of_week(now: DateTime) -> u32 {
    let day = u32::try_from(now.date().weekday().to_monday_zero_offset()).unwrap_or_default();
    let minute = i32::from(now.hour()) * 60 + i32::from(now.minute());
    day * DAY_MINUTES + u32::try_from(minute).unwrap_or_default()
}

impl Window {
    /// `Tue,Thu 13:00-15:00`, `Mon-Fri 09:00-17:00`, `Sat 22:00-02:00`.
    pub fn parse(text: &str) -> Result<Window, String> {
        let (days, hours) = text.trim().split_once(' ').ok_or("it needs days and hours")?;
        let (start, end) = hours.split_once('-').ok_or("it needs two times with - between")?;
        let (start, end) = (minute(start.trim())?, minute(end.trim())?);
        if start == DAY_MINUTES {
            return Err("a window cannot begin at 24:00".to_owned());
        }
        // One that ends before it begins ends on the next day.
        let minutes = if end > start { end - start } else { end + DAY_MINUTES - start };
        if start == end {
            return Err("it begins when it ends".to_owned());
        }
        let spans = days_of(days)?.into_iter().map(|day| Span { from: day * DAY_MINUTES + start, minutes });
        Ok(Window { text: text.trim().to_owned(), spans: spans.collect() })
    }

    /// Whether the wall clock stands inside.
    pub fn has(&self, now: DateTime) -> bool {
        self.spans.iter().any(|span| span.has(now))
    }
}

impl Freeze {
    /// `Fri 18:00 - Mon 04:00`.
    pub fn parse(text: &str) -> Result<Freeze, String> {
        let (start, end) =
            text.split_once(" - ").ok_or("it needs two times of the week with ` - ` between")?;
        let (from, to) = (time_of_week(start)?, time_of_week(end)?);
        if from == to {
            return Err("it begins when it ends".to_owned());
        }
        let span = Span { from, minutes: (to + WEEK_MINUTES - from) % WEEK_MINUTES };
        Ok(Freeze { text: text.trim().to_owned(), span })
    }

    /// Whether the wall clock stands inside.
    pub fn has(&self, now: DateTime) -> bool {
        self.span.has(now)
    }
}

impl Blackout {
    /// `2026-12-23..2027-01-02`, or one day.
    pub fn parse(text: &str) -> Result<Blackout, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let date = |text: &str| {
            let text = text.trim();
            let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            let parsed = if is_plain { text.parse::<Date>().ok() } else { None };
            parsed.ok_or_else(|| format!("there is no date {}", text.escape_debug()))
        };
        let (first, last) = (date(first)?, date(last)?);
        if last < first {
            return Err("it ends before it begins".to_owned());
        }
        Ok(Blackout { text: text.trim().to_owned(), first, last })
    }

    /// Whether the calendar shows one of its days.
    pub fn has(&self, now: DateTime) -> bool {
        (self.first..=self.last).contains(&now.date())
    }
}

/// `Fri 18:00` as the minute of the week, which begins on Monday.
fn time_of_week(text: &str) -> Result<u32, String> {
    let (name, time) = text.trim().split_once(' ').ok_or("a time of the week is a day and an hour")?;
    Ok((day(name)? * DAY_MINUTES + minute(time.trim())?) % WEEK_MINUTES)
}

/// `Tue,Thu`, `Mon-Fri`; from 0 for Monday.
fn days_of(text: &str) -> Result<Vec<u32>, String> {
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first.trim())?, day(last.trim())?);
        let count = (last + 7 - first) % 7;
        days.extend((0..=count).map(|step| (first + step) % 7));
    }
    days.sort_unstable();
    match days.windows(2).any(|pair| pair.first() == pair.last()) {
        true => Err("a day stands there twice".to_owned()),
        false => Ok(days),
    }
}

fn day(name: &str) -> Result<u32, String> {
    if let Some(day) = (0..).zip(DAYS).find_map(|(at, day)| (day == name).then_some(at)) {
        return Ok(day);
    }
    let begins = |day: &&str| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(day));
    let near = DAYS.into_iter().find(begins).or_else(|| nearest(name, DAYS));
    let meant = near.map_or_else(String::new, |near| format!(", did you mean {near}?"));
    Err(format!("there is no day {}{meant}", name.escape_debug()))
}

/// `13:00` as the minute of the day; `24:00` is its end.
fn minute(text: &str) -> Result<u32, String> {
    let wrong = || format!("there is no time {}", text.escape_debug());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(wrong)
    };
    match (number(hour)?, number(minute)?) {
        (24, 0) => Ok(DAY_MINUTES),
        (hour @ 0..24, minute @ 0..60) => Ok(hour * 60 + minute),
        _ => Err(wrong()),
    }
}
