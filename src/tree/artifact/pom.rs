//! Maven's pom.xml (Maven POM reference 4.0.0), as it lies in a jar. Parents and properties are not looked up: what is
//! not in the file is absent.

use crate::format::bom::Scope;
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::parts::Needed;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// How deep elements lie in each other.
const DEPTH_MAX: usize = 64;

/// What a pom says.
#[derive(Debug, Default)]
pub struct Pom {
    /// `groupId`, its own or its parent's.
    pub group: Option<String>,
    /// `artifactId`.
    pub artifact: Option<String>,
    /// `version`, its own or its parent's.
    pub version: Option<String>,
    /// The names of its licences.
    pub licences: Vec<String>,
    /// The organisation's name.
    pub organisation: Option<String>,
    /// What it needs when it runs, as `group:artifact`.
    pub needed: Needed,
    parent_group: Option<String>,
    parent_version: Option<String>,
}

/// A `dependency` element that is being read.
#[derive(Default)]
struct Dependency {
    group: String,
    artifact: String,
    scope: String,
    optional: String,
}

/// Reads a pom.
pub fn read(bytes: &[u8]) -> Result<Pom, Trouble> {
    let broken = |what: String| Trouble::invalid(format!("not XML: {what}"));
    let text = std::str::from_utf8(bytes).map_err(|_| Trouble::invalid("a pom that is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let (mut pom, mut dependency) = (Pom::default(), Dependency::default());
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        match reader.read_event().map_err(|error| broken(error.to_string()))? {
            Event::Eof => break,
            Event::Start(start) => {
                content.clear();
                if path.len() == DEPTH_MAX {
                    return Err(Trouble::too_large(format!("elements more than {DEPTH_MAX} deep")));
                }
                path.push(start.local_name().as_ref().to_owned());
            }
            Event::End(_) => {
                pom.element(&path, content.trim(), &mut dependency);
                content.clear();
                drop(path.pop());
            }
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::CData(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref().ok().flatten();
                let named = quick_xml::escape::resolve_predefined_entity(entity.as_ref());
                match character {
                    Some(character) => content.push(character),
                    None => content.push_str(named.unwrap_or_default()),
                }
            }
            _ => {}
        }
    }
    if !path.is_empty() {
        return Err(broken("it ends too early".to_owned()));
    }
    pom.inherit();
    Ok(pom)
}

impl Pom {
    fn element(&mut self, path: &[String], content: &str, dependency: &mut Dependency) {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let value = || short(content).map(str::to_owned);
        match &parts[..] {
            ["project", "groupId"] => self.group = value(),
            ["project", "artifactId"] => self.artifact = value(),
            ["project", "version"] => self.version = value(),
            ["project", "parent", "groupId"] => self.parent_group = value(),
            ["project", "parent", "version"] => self.parent_version = value(),
            ["project", "organization", "name"] => self.organisation = value(),
            ["project", "licenses", "license", "name"] => self.licences.extend(value()),
            ["project", "dependencies", "dependency", "groupId"] => content.clone_into(&mut dependency.group),
            ["project", "dependencies", "dependency", "artifactId"] => {
                content.clone_into(&mut dependency.artifact);
            }
            ["project", "dependencies", "dependency", "scope"] => content.clone_into(&mut dependency.scope),
            ["project", "dependencies", "dependency", "optional"] => {
                content.clone_into(&mut dependency.optional);
            }
            ["project", "dependencies", "dependency"] => self.dependency(std::mem::take(dependency)),
            _ => {}
        }
    }

    fn dependency(&mut self, dependency: Dependency) {
        let scope = match (&*dependency.scope, &*dependency.optional) {
            ("test", _) => return,
            ("provided" | "system", _) | (_, "true") => Scope::Optional,
            _ => Scope::Runtime,
        };
        let group = match &*dependency.group {
            "${project.groupId}" | "${pom.groupId}" | "${groupId}" => {
                self.group.clone().or_else(|| self.parent_group.clone()).unwrap_or_default()
            }
            group => group.to_owned(),
        };
        let artifact = dependency.artifact;
        if !group.is_empty() && !artifact.is_empty() && !group.contains("${") && !artifact.contains("${") {
            self.needed.add(&format!("{group}:{artifact}"), scope);
        }
    }

    /// Takes from the parent what the project does not say, and drops what only properties would tell.
    fn inherit(&mut self) {
        self.group = self.group.take().or_else(|| self.parent_group.take());
        self.version = self.version.take().or_else(|| self.parent_version.take());
        for value in [&mut self.group, &mut self.artifact, &mut self.version] {
            if value.as_ref().is_some_and(|text| text.contains("${")) {
                *value = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pom_gives_its_names_and_what_runs_with_it() {
        let pom = read(
            br#"<?xml version="1.0"?><project xmlns="http://maven.apache.org/POM/4.0.0">
            <parent><groupId>org.example</groupId><artifactId>all</artifactId><version>7</version></parent>
            <artifactId>tool</artifactId><name>Not &amp; this</name>
            <organization><name>A &amp; B</name></organization>
            <licenses><license><name>Apache-2.0</name></license></licenses>
            <dependencyManagement><dependencies><dependency><groupId>no</groupId><artifactId>no</artifactId>
            </dependency></dependencies></dependencyManagement>
            <dependencies>
            <dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId></dependency>
            <dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency>
            <dependency><groupId>g</groupId><artifactId>${unknown}</artifactId></dependency>
            <dependency><groupId>g</groupId><artifactId>o</artifactId><optional>true</optional></dependency>
            </dependencies></project>"#,
        )
        .unwrap();
        assert_eq!((pom.group.as_deref(), pom.artifact.as_deref()), (Some("org.example"), Some("tool")));
        assert_eq!((pom.version.as_deref(), pom.organisation.as_deref()), (Some("7"), Some("A & B")));
        let needed: Vec<_> = pom.needed.all().collect();
        assert_eq!(needed, [("g:o", Scope::Optional), ("org.example:core", Scope::Runtime)]);
    }

    #[test]
    fn depth_and_broken_xml_are_told() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        assert!(read(deep.as_bytes()).unwrap_err().what.contains("deep"));
        for broken in
            ["<project>", "<project></x>", "<project><a></project>", "<!DOCTYPE a [<!ENTITY b", "\u{0}<"]
        {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
