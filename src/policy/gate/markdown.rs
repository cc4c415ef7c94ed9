//! Markdown as gates read it: sections, boxes, fields. Not a renderer: code blocks are skipped, the rest is lines.

use crate::error::Result;
use crate::format::settings;
use crate::policy::values::show;

/// A line of text outside of code blocks and HTML comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its number, from 1.
    pub number: usize,
    /// Without its end.
    pub text: &'t str,
}

/// A heading and what stands under it, up to the next heading of the same or a higher level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'t> {
    /// The heading's line, from 1.
    pub line: usize,
    /// 1 to 6.
    pub level: usize,
    /// Its text.
    pub title: &'t str,
    /// Everything under it, sub-sections included.
    pub body: Vec<Line<'t>>,
}

/// A box of a task list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskBox<'t> {
    /// Its line, from 1.
    pub line: usize,
    /// Whether it is ticked.
    pub ticked: bool,
    /// What stands behind it.
    pub text: &'t str,
}

/// Words that stand where something is still to be written.
const PLACEHOLDERS: &[&str] =
    &["todo", "tbd", "tba", "fixme", "xxx", "n.n.", "...", "…", "<fill in>", "fill me"];

/// A key that lists titles or names of fields: none empty, none twice.
pub fn names(section: &settings::Section<'_>, key: &str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in section.texts(key)?.map_or_else(Vec::new, |list| list.value) {
        if plain(name.value).is_empty() {
            return Err(section.error(name.line, format!("`{key}` has an empty name in it"), "remove it"));
        }
        if names.iter().any(|other| plain(other) == plain(name.value)) {
            let message = format!("`{}` stands in `{key}` twice", show(name.value));
            return Err(section.error(name.line, message, "remove one"));
        }
        names.push(name.value.to_owned());
    }
    Ok(names)
}

/// The lines that count.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut fence, mut comment) = (None::<&str>, false);
    let mut kept = Vec::new();
    for (at, text) in text.lines().enumerate() {
        let trimmed = text.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => fence = Some(mark),
            (None, None) if comment => comment = !text.contains("-->"),
            (None, None) if trimmed.starts_with("<!--") => comment = !text.contains("-->"),
            (None, None) => kept.push(Line { number: at + 1, text }),
        }
    }
    kept
}

/// Level and title of an ATX heading.
fn heading(text: &str) -> Option<(usize, &str)> {
    let level = text.bytes().take_while(|&b| b == b'#').count();
    let rest = text[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then(|| (level, rest.trim().trim_end_matches('#').trim_end()))
}

/// Every section, in the order of the document.
pub fn sections<'t>(lines: &[Line<'t>]) -> Vec<Section<'t>> {
    let heads: Vec<(usize, usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| heading(line.text).map(|(l, t)| (at, l, t)))
        .collect();
    // From the last heading to the first: where the next one of each level stands.
    let mut next = [lines.len(); 7];
    let mut sections: Vec<Section<'t>> = Vec::with_capacity(heads.len());
    for &(at, level, title) in heads.iter().rev() {
        let end = next.iter().take(level + 1).copied().min().unwrap_or(lines.len());
        let body = lines.get(at + 1..end).unwrap_or_default().to_vec();
        let line = lines.get(at).map_or(0, |line| line.number);
        sections.push(Section { line, level, title, body });
        next.iter_mut().skip(level).take(1).for_each(|next| *next = at);
    }
    sections.reverse();
    sections
}

/// A title as it is compared: without numbers in front, emphasis, pictures and case.
pub fn plain(title: &str) -> String {
    let words = title.trim_start_matches(|c: char| !c.is_alphabetic());
    let kept: String = words.chars().filter(|c| !matches!(c, '*' | '_' | '`' | '\\')).collect();
    kept.trim().to_lowercase()
}

/// The section of a title, however it is decorated.
pub fn section<'s, 't>(sections: &'s [Section<'t>], title: &str) -> Option<&'s Section<'t>> {
    let wanted = plain(title);
    sections.iter().find(|section| plain(section.title) == wanted)
}

/// The boxes of task lists.
pub fn boxes<'t>(lines: &[Line<'t>]) -> Vec<TaskBox<'t>> {
    let task_box = |line: &Line<'t>| {
        let item = line.text.trim_start();
        let number = item.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = ["- ", "* ", "+ "].into_iter().find_map(|mark| item.strip_prefix(mark));
        let rest =
            rest.or_else(|| (number.len() < item.len()).then(|| number.strip_prefix(". ")).flatten())?;
        let (ticked, text) = match rest.get(..3)? {
            "[ ]" => (false, &rest[3..]),
            "[x]" | "[X]" => (true, &rest[3..]),
            _ => return None,
        };
        Some(TaskBox { line: line.number, ticked, text: text.trim() })
    };
    lines.iter().filter_map(task_box).collect()
}

/// Whether a text says something: not nothing, no placeholder.
pub fn says_something(text: &str) -> bool {
    let plain = text.trim().trim_matches(|c: char| matches!(c, '*' | '_' | '-' | '|' | ' ')).to_lowercase();
    let is_blank = plain.is_empty() || (plain.starts_with('<') && plain.ends_with('>'));
    !is_blank
        && !PLACEHOLDERS.contains(&plain.trim_end_matches([':', '.']))
        && !PLACEHOLDERS.iter().any(|word| plain.starts_with(&format!("{word}:")) || plain == *word)
}

/// Whether anything is said under a heading.
pub fn is_filled(section: &Section<'_>) -> bool {
    section.body.iter().any(|line| heading(line.text).is_none() && says_something(line.text))
}

/// Every line, those of code and comments as well.
pub fn every_line(text: &str) -> Vec<Line<'_>> {
    text.lines().enumerate().map(|(at, text)| Line { number: at + 1, text }).collect()
}

/// A field: `- **Name:** value`, `**Name**: value`, `Name: value`, and what is indented below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'t> {
    /// Its line, from 1.
    pub line: usize,
    /// Without emphasis.
    pub name: &'t str,
    /// What stands behind the colon; may be empty.
    pub value: &'t str,
    /// Whether that, or something below it, says something.
    pub filled: bool,
}

/// Every field, in order. Prose with a colon in it makes fields too, which nobody asks for.
pub fn fields<'t>(lines: &[Line<'t>]) -> Vec<Field<'t>> {
    let mut fields: Vec<(usize, Field<'t>)> = Vec::new();
    // The fields that a line may lie below: each deeper than the one before it.
    let mut open: Vec<usize> = Vec::new();
    for line in lines {
        if line.text.trim().is_empty() {
            continue;
        }
        let indent = line.text.len() - line.text.trim_start().len();
        let is_heading = heading(line.text).is_some();
        while open.last().is_some_and(|&at| is_heading || fields.get(at).is_none_or(|(of, _)| *of >= indent))
        {
            open.pop();
        }
        let field = name_and_value(line.text).filter(|_| !is_heading);
        if says_something(field.map_or(line.text, |(_, value)| value)) {
            for &above in &open {
                fields.get_mut(above).into_iter().for_each(|(_, field)| field.filled = true);
            }
        }
        if let Some((name, value)) = field {
            open.push(fields.len());
            let filled = says_something(value);
            fields.push((indent, Field { line: line.number, name, value, filled }));
        }
    }
    fields.into_iter().map(|(_, field)| field).collect()
}

/// The first field of a name, however it is decorated.
pub fn named<'f, 't>(fields: &'f [Field<'t>], name: &str) -> Option<&'f Field<'t>> {
    let wanted = plain(name);
    fields.iter().find(|field| plain(field.name) == wanted)
}

fn name_and_value(text: &str) -> Option<(&str, &str)> {
    let item = text.trim_start();
    let item = ["- ", "* ", "+ "].into_iter().find_map(|mark| item.strip_prefix(mark)).unwrap_or(item);
    // The colon of a name in emphasis may stand inside it: `**Name:** value`.
    let (name, value) = match item.trim_start().strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        Some((name, rest)) => match name.trim_end().strip_suffix(':') {
            Some(name) => (name, rest),
            None => (name, rest.trim_start().strip_prefix(':')?),
        },
        None => item.split_once(':')?,
    };
    let name = name.trim().trim_matches(['*', '_', '`']);
    (!name.is_empty()).then_some((name, value.trim()))
}

/// The value of a field: `- **Name:** value`, `**Name**: value`, `Name: value`. Gives the line and the value.
pub fn field<'t>(lines: &[Line<'t>], name: &str) -> Option<(usize, &'t str)> {
    let wanted = plain(name);
    lines.iter().find_map(|line| {
        let item = line.text.trim_start().trim_start_matches(['-', '+', ' ']);
        let item = item.strip_prefix("* ").unwrap_or(item);
        let (key, value) = item.split_once(':')?;
        (plain(key) == wanted).then(|| (line.number, value.trim().trim_start_matches("**").trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Notes\n\nintro\n\n## 1. Highlights\n\n- [x] one\n- [ ] two\n\n```\n## not a heading\n- [ ] no box\n```\n\
                        ### Deep\n\nmore\n\n## Empty\n\n<!-- what\nto write -->\n\n## Last\nTBD\n";

    #[test]
    fn sections_end_where_the_next_of_their_level_begins() {
        let lines = lines(TEXT);
        let all = sections(&lines);
        let titles: Vec<_> = all.iter().map(|section| (section.level, section.title)).collect();
        assert_eq!(titles, [(1, "Notes"), (2, "1. Highlights"), (3, "Deep"), (2, "Empty"), (2, "Last")]);
        let highlights = section(&all, "highlights").unwrap();
        assert!(is_filled(highlights) && highlights.body.iter().any(|line| line.text == "more"));
        assert!(!is_filled(section(&all, "Empty").unwrap()));
        assert!(!is_filled(section(&all, "**Last**").unwrap()));
    }

    #[test]
    fn many_headings_take_no_longer_than_their_lines() {
        let text = "# a\n## b\n".repeat(100_000);
        let lines = lines(&text);
        let all = sections(&lines);
        assert_eq!((all.len(), all[0].body.len(), all[1].body.len()), (200_000, 1, 0));
    }

    #[test]
    fn boxes_in_code_are_none() {
        let boxes = boxes(&lines(TEXT));
        let seen: Vec<_> = boxes.iter().map(|one| (one.line, one.ticked, one.text)).collect();
        assert_eq!(seen, [(7, true, "one"), (8, false, "two")]);
    }

    #[test]
    fn fields_are_found_however_they_are_written() {
        for text in ["- **Verdict:** go", "**Verdict**: go", "Verdict: go", "* Verdict: go"] {
            assert_eq!(field(&lines(text), "verdict"), Some((1, "go")), "{text}");
        }
        assert_eq!(field(&lines("Verdict go"), "verdict"), None);
    }

    #[test]
    fn placeholders_say_nothing() {
        for text in ["", "TBD", "todo: later", "…", "<the impact>", "**", "- "] {
            assert!(!says_something(text), "{text}");
        }
        assert!(says_something("none"));
        assert!(says_something("TBD by nobody? No: done"));
    }
}
