//! Finds credentials in bytes. One pass looks for the few letters that each rule needs (Teddy, many bytes at a time);
//! only where they stand is a rule asked.

use crate::format::digest::Sha256;
use crate::policy::gate::secrets::rules::{RULES, Rule};
use aho_corasick::packed::{self, MatchKind};
use aho_corasick::{AhoCorasick, Span};
use std::fmt;
use std::ops::Range;

/// The most findings of one text: a file of nothing but tokens needs no more to be refused.
const HITS_MAX: usize = 1000;

/// What stands where a credential was.
const MASK: &str = "[masked: ";

/// What looks like a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule's name.
    pub rule: &'static str,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The first 4 characters, where every token of this rule begins with them.
    pub prefix: Option<String>,
    /// The digest of it.
    pub sha256: Sha256,
    /// Where it stands.
    range: Range<usize>,
}

/// All rules, ready to search.
pub struct Searcher {
    triggers: Triggers,
    /// The rule of each trigger.
    rules: Vec<&'static Rule>,
}

/// Finds the next trigger: the packed searcher needs a processor with vectors of bytes.
enum Triggers {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl fmt::Debug for Searcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Searcher").field("rules", &RULES.len()).finish_non_exhaustive()
    }
}

impl Default for Searcher {
    fn default() -> Searcher {
        Searcher::new()
    }
}

impl Searcher {
    /// Compiles the rules.
    pub fn new() -> Searcher {
        let pairs = || RULES.iter().flat_map(|rule| rule.triggers.iter().map(move |trigger| (trigger, rule)));
        let words: Vec<&str> = pairs().map(|(trigger, _)| *trigger).collect();
        let mut builder = packed::Config::new().match_kind(MatchKind::LeftmostLongest).builder();
        builder.extend(&words);
        let triggers = match builder.build() {
            Some(packed) => Triggers::Packed(packed),
            None => {
                let kind = aho_corasick::MatchKind::LeftmostLongest;
                let automaton = AhoCorasick::builder().match_kind(kind).build(&words);
                Triggers::Automaton(automaton.expect("a few short words fit"))
            }
        };
        Searcher { triggers, rules: pairs().map(|(_, rule)| rule).collect() }
    }

    /// Everything that looks like a credential, in order.
    pub fn hits(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let (mut at, mut counted, mut line) = (0, 0, 1);
        while let Some((start, rule)) = self.next(bytes, at) {
            let Some(range) = (rule.find)(bytes, start).filter(|range| range.end > start) else {
                at = start + 1;
                continue;
            };
            let passed = bytes.get(counted..range.start).unwrap_or_default();
            line += memchr::memchr_iter(b'\n', passed).count();
            counted = counted.max(range.start);
            at = range.end;
            hits.push(rule.hit(bytes, range, line));
            if hits.len() >= HITS_MAX {
                break;
            }
        }
        hits
    }

    /// The same bytes with a mask over everything that looks like a credential, and over these values.
    pub fn mask(&self, bytes: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
        let mut ranges: Vec<(Range<usize>, &str)> = Vec::new();
        let (mut at, mut text) = (0, bytes);
        loop {
            let hits = self.hits(text);
            let more = hits.len() >= HITS_MAX;
            ranges.extend(hits.iter().map(|hit| (hit.range.start + at..hit.range.end + at, hit.rule)));
            match ranges.last() {
                Some((last, _)) if more => at = last.end,
                _ => break,
            }
            text = bytes.get(at..).unwrap_or_default();
        }
        for value in values {
            let found = memchr::memmem::find_iter(bytes, value);
            ranges.extend(found.map(|start| (start..start + value.len(), "a variable")));
        }
        ranges.sort_by_key(|(range, _)| (range.start, range.end));
        let mut masked = Vec::with_capacity(bytes.len());
        let mut end = 0;
        for (range, what) in ranges {
            if range.start >= end {
                masked.extend_from_slice(bytes.get(end..range.start).unwrap_or_default());
                masked.extend_from_slice(format!("{MASK}{what}]").as_bytes());
            }
            end = end.max(range.end);
        }
        masked.extend_from_slice(bytes.get(end..).unwrap_or_default());
        masked
    }

    fn next(&self, bytes: &[u8], at: usize) -> Option<(usize, &'static Rule)> {
        let span = Span { start: at, end: bytes.len() };
        let found = match &self.triggers {
            Triggers::Packed(packed) => packed.find_in(bytes, span),
            Triggers::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).span(span)),
        }?;
        Some((found.start(), self.rules.get(found.pattern().as_usize())?))
    }
}

impl Rule {
    fn hit(&self, bytes: &[u8], range: Range<usize>, line: usize) -> Hit {
        let found = bytes.get(range.clone()).unwrap_or_default();
        let prefix = found.get(..4).filter(|_| self.public_prefix);
        let prefix = prefix.map(|prefix| String::from_utf8_lossy(prefix).into_owned());
        Hit { rule: self.name, line, prefix, sha256: Sha256::of(found), range }
    }
}
