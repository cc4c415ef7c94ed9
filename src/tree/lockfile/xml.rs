//! XML 1.0 without a document type: elements, their texts and their lines. Attributes, comments and instructions are
//! passed over; entities other than XML's own five are refused, since only a document type could say what they are.

use crate::finding::Code;
use crate::format::yaml::utf8;
use crate::tree::reading::Fault;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// The deepest nesting that is read. Maven's own elements go a dozen deep, those of plugins somewhat more.
const DEPTH_MAX: usize = 64;

/// The most elements of a file.
const ELEMENTS_MAX: usize = 500_000;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name without a prefix.
    pub name: String,
    /// The line of its tag, from 1.
    pub line: usize,
    /// Its own text, trimmed.
    pub text: String,
    /// The elements inside it, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// The first element inside that has this name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first element inside that has this name, unless that is empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The elements inside the first one of this name.
    pub fn inside(&self, name: &str) -> &[Element] {
        self.child(name).map_or(&[], |child| &child.children)
    }
}

/// Reads a file of one element.
pub fn parse(bytes: &[u8]) -> Result<Element, Fault> {
    let text = utf8(bytes)?;
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { text, ..Tree::default() };
    loop {
        let event = reader.read_event();
        tree.move_to(reader.buffer_position());
        match event.map_err(|error| tree.invalid(&format!("not XML: {error}")))? {
            Event::Start(start) => tree.open(start.local_name().as_ref().to_owned())?,
            Event::Empty(start) => {
                tree.open(start.local_name().as_ref().to_owned())?;
                tree.close();
            }
            Event::End(_) => tree.close(),
            Event::Text(content) => tree.say(&content.xml10_content()),
            Event::CData(content) => tree.say(&content.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = resolved(&reference)
                    .ok_or_else(|| tree.invalid("an entity that XML itself does not have"))?;
                tree.say(c.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(tree.invalid("a document type, which is not read")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return tree.finish(),
        }
    }
}

fn resolved(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    match &*reference.xml10_content() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// Elements in the making.
#[derive(Default)]
struct Tree<'a> {
    text: &'a str,
    /// How far the lines were counted.
    at: usize,
    lines: usize,
    /// The line on which the event that is being read begins.
    line: usize,
    open: Vec<Element>,
    count: usize,
    root: Option<Element>,
}

impl Tree<'_> {
    /// What was read ends here, and begins where the last one ended.
    fn move_to(&mut self, position: u64) {
        self.line = self.lines + 1;
        let end = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        let passed = self.text.as_bytes().get(self.at..end).unwrap_or_default();
        self.lines += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = end.max(self.at);
    }

    fn invalid(&self, what: &str) -> Fault {
        Fault::new(Code::SbomSourceInvalid, self.line, what)
    }

    fn open(&mut self, name: String) -> Result<(), Fault> {
        self.count += 1;
        let large = |what: String| Err(Fault::new(Code::SbomSourceTooLarge, self.line, what));
        if self.count > ELEMENTS_MAX {
            return large(format!("more than {ELEMENTS_MAX} elements"));
        }
        if self.open.len() >= DEPTH_MAX {
            return large(format!("nested deeper than {DEPTH_MAX}"));
        }
        if self.root.is_some() {
            return Err(self.invalid("not XML: a second element at the outside"));
        }
        self.open.push(Element { name, line: self.line, ..Element::default() });
        Ok(())
    }

    /// The reader itself sees to it that names match.
    fn close(&mut self) {
        let Some(mut element) = self.open.pop() else { return };
        element.text = element.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn finish(self) -> Result<Element, Fault> {
        let early = Fault::new(Code::SbomSourceInvalid, self.lines + 1, "not XML: it ends too early");
        self.root.filter(|_| self.open.is_empty()).ok_or(early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_texts_and_lines() {
        let text = "<?xml version=\"1.0\"?>\n<!-- x -->\n<a:p xmlns:a='u'>\n <q z='1'>\n 1 &lt;&#x32;<![CDATA[&3]]> </q>\n <r/>\n</a:p>\n";
        let root = parse(text.as_bytes()).unwrap();
        assert_eq!((&*root.name, root.line, root.text_of("q")), ("p", 3, Some("1 <2&3")));
        assert_eq!((root.child("r").unwrap().line, root.text_of("r")), (6, None));
    }

    #[test]
    fn what_is_hostile_is_refused_with_its_line() {
        let bomb = "<!DOCTYPE p [\n<!ENTITY a \"x\">\n]>\n<p>&a;</p>";
        for (text, line, what) in [
            (bomb.to_owned(), 1, "a document type"),
            ("<p>\n&a;</p>".to_owned(), 2, "an entity"),
            ("<p>\n&#xFFFFFF;</p>".to_owned(), 2, "an entity"),
            ("<p>\n<q></p>".to_owned(), 2, "not XML"),
            ("<p>\n\n".to_owned(), 3, "not XML: it ends too early"),
            ("<p/>\n<p/>".to_owned(), 2, "not XML: a second"),
            ("".to_owned(), 1, "not XML"),
            ("<p>".repeat(100_000), 1, "nested deeper than"),
        ] {
            let fault = parse(text.as_bytes()).unwrap_err();
            let start: String = text.chars().take(40).collect();
            assert!(fault.what.starts_with(what) && fault.line == Some(line), "{start}: {fault:?}");
        }
    }
}
