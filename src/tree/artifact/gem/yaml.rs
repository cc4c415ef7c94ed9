//! YAML as a tree of texts; tags and aliases are left out, so that nothing can be repeated.

use crate::tree::artifact::bounds::Trouble;
use saphyr_parser::{Event, Parser};

/// How deep collections lie in each other.
const DEPTH_MAX: usize = 32;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yaml {
    /// A scalar as it is written.
    Text(String),
    /// A sequence.
    Items(Vec<Yaml>),
    /// A mapping, in its order.
    Pairs(Vec<(Yaml, Yaml)>),
    /// An alias, which is not followed.
    Alias,
}

impl Yaml {
    /// The value of a mapping's key.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        let Yaml::Pairs(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// A scalar.
    pub fn text(&self) -> Option<&str> {
        match self {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a sequence; none of anything else.
    pub fn items(&self) -> &[Yaml] {
        match self {
            Yaml::Items(items) => items,
            _ => &[],
        }
    }
}

/// A collection that has not ended.
enum Open {
    Items(Vec<Yaml>),
    Pairs(Vec<(Yaml, Yaml)>, Option<Yaml>),
}

/// Reads the first document.
pub fn read(text: &str) -> Result<Yaml, Trouble> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| Trouble::invalid(format!("not YAML: {error}")))?;
        let value = match event {
            Event::Scalar(text, ..) => Yaml::Text(text.into_owned()),
            Event::Alias(_) => Yaml::Alias,
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == DEPTH_MAX {
                    return Err(Trouble::too_large(format!("collections more than {DEPTH_MAX} deep")));
                }
                open.push(match event {
                    Event::SequenceStart(..) => Open::Items(Vec::new()),
                    _ => Open::Pairs(Vec::new(), None),
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::Items(items)) => Yaml::Items(items),
                Some(Open::Pairs(pairs, _)) => Yaml::Pairs(pairs),
                None => break,
            },
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(value),
            Some(Open::Items(items)) => items.push(value),
            Some(Open::Pairs(pairs, key)) => match key.take() {
                None => *key = Some(value),
                Some(key) => pairs.push((key, value)),
            },
        }
    }
    Err(Trouble::invalid("not YAML: nothing in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_left_out_and_aliases_are_not_followed() {
        let yaml =
            read("--- !ruby/object:Gem::Specification\na: &x !ruby/object:V\n  b: '1'\nc: *x\nd:\n- e\n")
                .unwrap();
        assert_eq!(yaml.get("a").and_then(|a| a.get("b")).and_then(Yaml::text), Some("1"));
        assert_eq!(yaml.get("c"), Some(&Yaml::Alias));
        assert_eq!(yaml.get("d").map(Yaml::items), Some(&[Yaml::Text("e".into())][..]));
    }

    #[test]
    fn broken_and_deep_yaml_is_told() {
        assert!(read(&"[".repeat(DEPTH_MAX + 1)).unwrap_err().what.contains("deep"));
        for broken in ["", "a: [", "a: b: c", "'"] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }
}
