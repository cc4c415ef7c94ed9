//! Settings of any format as one list of names and values, so that two files can be compared.

use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// The most settings of a file.
const SETTINGS_MAX: usize = 100_000;

/// The deepest nesting.
const DEPTH_MAX: usize = 64;

/// Values by name: `database.pool.size`, `hosts[2]`.
pub(super) type Flat = BTreeMap<String, String>;

/// Reads a file by the ending of its name: JSON, TOML, YAML; everything else is lines of `NAME=VALUE`. What is wrong is
/// told with its line, never with the text, which may be a secret.
pub(super) fn read(name: &str, text: &str) -> Result<Flat, String> {
    let mut flat = Flat::new();
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "json" => {
            let value: serde_json::Value = serde_json::from_str(text)
                .map_err(|error| format!("not JSON: line {}, column {}", error.line(), error.column()))?;
            json(&value, String::new(), &mut flat)?;
        }
        "toml" => {
            let table: toml::Table =
                text.parse().map_err(|error: toml::de::Error| format!("not TOML: {}", error.message()))?;
            let value = serde_json::to_value(table).map_err(|_| "not TOML".to_owned())?;
            json(&value, String::new(), &mut flat)?;
        }
        "yaml" | "yml" => yaml(text, &mut flat)?,
        _ => lines(text, &mut flat)?,
    }
    Ok(flat)
}

fn put(flat: &mut Flat, name: String, value: String) -> Result<(), String> {
    if flat.len() >= SETTINGS_MAX {
        return Err(format!("more than {SETTINGS_MAX} settings"));
    }
    let twice = format!("`{name}` stands twice");
    if flat.insert(name, value).is_some() { Err(twice) } else { Ok(()) }
}

fn inside(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") }
}

/// serde_json refuses to nest deeper than 128, so this ends.
fn json(value: &serde_json::Value, name: String, flat: &mut Flat) -> Result<(), String> {
    match value {
        serde_json::Value::Object(map) if !map.is_empty() => {
            map.iter().try_for_each(|(key, value)| json(value, inside(&name, key), flat))
        }
        serde_json::Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().try_for_each(|(at, value)| json(value, format!("{name}[{at}]"), flat))
        }
        serde_json::Value::String(text) => put(flat, name, text.clone()),
        other => put(flat, name, other.to_string()),
    }
}

fn lines(text: &str, flat: &mut Flat) -> Result<(), String> {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| format!("line {}: no NAME=VALUE", at + 1))?;
        put(flat, name.trim().to_owned(), value.trim().to_owned())?;
    }
    Ok(())
}

/// A map or list around the place.
enum Around {
    /// With the key whose value is next.
    Map(String, Option<String>),
    List(String, usize),
}

/// YAML without anchors and aliases, in one document.
fn yaml(text: &str, flat: &mut Flat) -> Result<(), String> {
    let mut around: Vec<Around> = Vec::new();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("not YAML: line {}", error.marker().line()))?;
        let refuse = |what: &str| Err(format!("line {}: {what}", span.start.line()));
        if around.len() > DEPTH_MAX {
            return refuse("nested too deep");
        }
        match event {
            Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) => {
                return refuse("an anchor");
            }
            Event::Alias(_) => return refuse("an alias"),
            Event::Scalar(text, ..) => match around.last_mut() {
                Some(Around::Map(_, key @ None)) => *key = Some(text.into_owned()),
                _ => put(flat, next(&mut around), text.into_owned())?,
            },
            Event::MappingStart(..) | Event::SequenceStart(..) if awaits_key(&around) => {
                return refuse("a key that is no text");
            }
            Event::MappingStart(..) => {
                let name = next(&mut around);
                around.push(Around::Map(name, None));
            }
            Event::SequenceStart(..) => {
                let name = next(&mut around);
                around.push(Around::List(name, 0));
            }
            Event::MappingEnd | Event::SequenceEnd => drop(around.pop()),
            Event::DocumentStart(_) if documents > 0 => return refuse("a second document"),
            Event::DocumentStart(_) => documents += 1,
            Event::DocumentEnd | Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
    Ok(())
}

fn awaits_key(around: &[Around]) -> bool {
    matches!(around.last(), Some(Around::Map(_, None)))
}

/// The name of the value that comes next.
fn next(around: &mut [Around]) -> String {
    match around.last_mut() {
        None => String::new(),
        Some(Around::Map(name, key)) => inside(name, &key.take().unwrap_or_default()),
        Some(Around::List(name, at)) => {
            *at += 1;
            format!("{name}[{}]", *at - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(name: &str, text: &str) -> String {
        match read(name, text) {
            Ok(flat) => flat.iter().map(|(name, value)| format!("{name}={value} ")).collect(),
            Err(why) => format!("! {why}"),
        }
    }

    #[test]
    fn the_same_settings_are_the_same_in_every_format() {
        let expected = "db.host=x db.ports[0]=1 db.ports[1]=2 debug=false ";
        assert_eq!(flat("a.json", r#"{"db": {"host": "x", "ports": [1, 2]}, "debug": false}"#), expected);
        assert_eq!(flat("a.yaml", "db:\n  host: x\n  ports: [1, 2]\ndebug: false # no\n"), expected);
        assert_eq!(flat("a.toml", "debug = false\n[db]\nhost = 'x'\nports = [1, 2]\n"), expected);
        assert_eq!(flat(".env", "# c\nA=1\nB = x=y\n\n"), "A=1 B=x=y ");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        assert_eq!(flat("a.json", "{\n"), "! not JSON: line 2, column 0");
        assert!(
            flat("a.toml", "secret = hunter2").starts_with("! not TOML")
                && !flat("a.toml", "s = hunter2").contains("hunter2")
        );
        assert!(flat("a.yml", "a: [").starts_with("! not YAML: line "));
        assert_eq!(flat(".env", "A\n"), "! line 1: no NAME=VALUE");
        assert_eq!(flat(".env", "A=1\nA=2"), "! `A` stands twice");
        assert_eq!(flat("a.yml", "a: &x 1\n"), "! line 1: an anchor");
        assert_eq!(flat("a.yml", "a: 1\n---\nb: 1\n"), "! line 2: a second document");
        assert_eq!(flat("a.yml", "? [a]\n: 1\n"), "! line 1: a key that is no text");
        assert!(flat("a.yml", &"- ".repeat(10_000)).contains("nested too deep"));
    }
}
