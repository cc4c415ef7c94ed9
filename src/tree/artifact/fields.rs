//! `Key: value` lines with continuations: Python's core metadata, Debian's control files (deb-control(5)), and the
//! manifests of jars (JAR File Specification, "Name-Value pairs and Sections").

/// One paragraph's fields, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// How a line that begins with a blank continues the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// As a further line of the value: RFC 822, Debian.
    Line,
    /// As its next characters: jars break lines after 72 bytes.
    Glued,
}

impl Fields {
    /// The first value of a field; names of fields have no case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    }

    /// Every value of a field that may stand more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_it = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.0.iter().filter(is_it).map(|(_, value)| value.trim())
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first paragraph of a text.
    pub fn first(text: &str, folding: Folding) -> Fields {
        paragraphs(text, folding).next().unwrap_or_default()
    }
}

/// The paragraphs of a text, which empty lines part; lines that are no fields are passed over.
pub fn paragraphs(text: &str, folding: Folding) -> impl Iterator<Item = Fields> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut fields = Fields::default();
        for line in lines.by_ref() {
            if line.trim_end().is_empty() {
                match fields.is_empty() {
                    true => continue,
                    false => return Some(fields),
                }
            }
            fields.line(line, folding);
        }
        (!fields.is_empty()).then_some(fields)
    })
}

impl Fields {
    fn line(&mut self, line: &str, folding: Folding) {
        if let Some(more) = line.strip_prefix([' ', '\t']) {
            if let Some((_, value)) = self.0.last_mut() {
                if folding == Folding::Line {
                    value.push('\n');
                }
                value.push_str(more);
            }
        } else if let Some((key, value)) = line.split_once(':') {
            self.0.push((key.trim().to_owned(), value.trim_start().to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_continuations_are_read() {
        let text = "\n\nPackage: a\nDescription: one\n two\n .\n\nPackage: b\nbroken line\n: x\n\n\n";
        let read: Vec<Fields> = paragraphs(text, Folding::Line).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].get("description"), Some("one\ntwo\n."));
        assert_eq!(read[1].get("Package"), Some("b"));
        let jar = Fields::first("Bundle-Name: a long\r\n  name\r\n", Folding::Glued);
        assert_eq!(jar.get("Bundle-Name"), Some("a long name"));
        assert_eq!(paragraphs(" only a continuation\n", Folding::Line).count(), 0);
    }
}
