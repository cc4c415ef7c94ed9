//! Python: PEP 440, `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`, in every spelling that it allows.

use super::{by_value, is_number, span};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (a.trim().to_ascii_lowercase(), b.trim().to_ascii_lowercase());
    let (a, b) = (Version::parse(&a)?, Version::parse(&b)?);
    let order = by_value(a.epoch, b.epoch).then_with(|| release(&a.release, &b.release));
    let order = order.then_with(|| a.phase().cmp(&b.phase()));
    let order = order.then_with(|| optional(a.pre.map(|pre| pre.1), b.pre.map(|pre| pre.1)));
    let order = order.then_with(|| optional(a.post, b.post));
    // What is being developed comes before what is not.
    let order = order.then_with(|| match (a.dev, b.dev) {
        (Some(a), Some(b)) => by_value(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    Some(order.then_with(|| local(a.local, b.local)))
}

struct Version<'a> {
    epoch: &'a str,
    release: Vec<&'a str>,
    /// Which phase, and its number.
    pre: Option<(u8, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// A version with nothing but a dev-release comes before all pre-releases.
const DEVELOPED: u8 = 0;
const PHASES: [(&str, u8); 8] =
    [("alpha", 1), ("beta", 2), ("preview", 3), ("pre", 3), ("rc", 3), ("a", 1), ("b", 2), ("c", 3)];
const RELEASED: u8 = 4;
const POSTS: [(&str, u8); 3] = [("post", 0), ("rev", 0), ("r", 0)];
const DEVS: [(&str, u8); 1] = [("dev", 0)];

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Version<'a>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, local) = text.split_once('+').map_or((text, None), |(text, local)| (text, Some(local)));
        let (epoch, text) = text.split_once('!').unwrap_or(("0", text));
        let (core, mut rest) = span(text, |c| c.is_ascii_digit() || c == '.');
        let release: Vec<&str> = core.trim_end_matches('.').split('.').collect();
        let pre = labelled(&mut rest, &PHASES);
        let post = match labelled(&mut rest, &POSTS) {
            Some((_, number)) => Some(number),
            None => bare_post(&mut rest),
        };
        let dev = labelled(&mut rest, &DEVS).map(|(_, number)| number);
        let is_local = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_valid = rest.is_empty()
            && is_number(epoch)
            && release.iter().all(|number| is_number(number))
            && local.is_none_or(|local| local.split(['.', '-', '_']).all(is_local));
        is_valid.then_some(Version { epoch, release, pre, post, dev, local })
    }

    fn phase(&self) -> u8 {
        match (self.pre, self.post, self.dev) {
            (Some((phase, _)), _, _) => phase,
            (None, None, Some(_)) => DEVELOPED,
            _ => RELEASED,
        }
    }
}

/// Takes `[sep]label[sep][N]` off the start.
fn labelled<'a>(rest: &mut &'a str, labels: &[(&str, u8)]) -> Option<(u8, &'a str)> {
    let separator = |c: char| matches!(c, '.' | '-' | '_');
    let text = rest.strip_prefix(separator).unwrap_or(rest);
    let (after, rank) = labels.iter().find_map(|(label, rank)| Some((text.strip_prefix(label)?, *rank)))?;
    let numbered = after.strip_prefix(separator).unwrap_or(after);
    let (number, end) = span(numbered, |c| c.is_ascii_digit());
    *rest = if number.is_empty() { after } else { end };
    Some((rank, number))
}

/// `1.0-1` is a post-release too.
fn bare_post<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (number, end) = span(rest.strip_prefix('-')?, |c| c.is_ascii_digit());
    if number.is_empty() {
        return None;
    }
    *rest = end;
    Some(number)
}

/// Numbers that are not there are 0.
fn release(a: &[&str], b: &[&str]) -> Ordering {
    let each =
        (0..a.len().max(b.len())).map(|at| by_value(a.get(at).unwrap_or(&"0"), b.get(at).unwrap_or(&"0")));
    each.fold(Ordering::Equal, Ordering::then)
}

/// What is not there comes first.
fn optional(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => by_value(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Part by part, words before numbers; what has none comes first.
fn local(a: Option<&str>, b: Option<&str>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    let parts = |text| -> Vec<&str> { str::split(text, ['.', '-', '_']).collect() };
    let (a, b) = (parts(a), parts(b));
    let each = a.iter().zip(&b).map(|(a, b)| match (is_number(a), is_number(b)) {
        (true, true) => by_value(a, b),
        (false, false) => a.cmp(b),
        (a, b) => a.cmp(&b),
    });
    each.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}
