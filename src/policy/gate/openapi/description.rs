//! OpenAPI 3.0 and 3.1, as far as responses go.

use crate::format::yaml::node::Node;
use crate::policy::gate::judged::Fault;
use crate::policy::values::show;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// How many references may lead on to another one.
const REFERENCES_MAX: usize = 16;

/// A parsed description.
pub struct Description<'f, 'n> {
    /// Its file.
    pub file: &'f str,
    root: &'f Node<'n>,
}

/// One operation.
pub struct Operation<'f, 'n> {
    /// `/v1/coins/{id}`
    pub path: &'f str,
    /// `get`
    pub method: &'static str,
    /// The line it begins on, from 1.
    pub line: usize,
    responses: Option<&'f Node<'n>>,
    body: Option<&'f Node<'n>>,
}

impl<'f> Operation<'f, '_> {
    /// The statuses that it documents: `200`, `4XX`, `default`.
    pub fn statuses(&self) -> impl Iterator<Item = &'f str> {
        self.responses.map_or(&[][..], |responses| responses.entries()).iter().map(|entry| &*entry.key)
    }
}

impl<'f, 'n> Description<'f, 'n> {
    /// Of a document.
    pub fn of(file: &'f str, root: &'f Node<'n>) -> Result<Description<'f, 'n>, Fault> {
        match root.get_text("openapi") {
            Some(version) if version.starts_with("3.") => Ok(Description { file, root }),
            other => {
                let actual = other.map_or_else(|| "none is named".to_owned(), show);
                Err(Fault::new(file).expected("OpenAPI 3").actual(actual))
            }
        }
    }

    /// Every operation under `paths`, in the order of the file.
    pub fn operations(&self) -> Result<Vec<Operation<'f, 'n>>, Fault> {
        let paths = self.root.get("paths").map_or(&[][..], |paths| paths.entries());
        let mut operations = Vec::new();
        for path in paths.iter().filter(|path| path.key.starts_with('/')) {
            let item = self.resolve(&path.node).map_err(|why| {
                let place = format!("{}:{} {}", self.file, path.line(), show(&path.key));
                Fault::new(place).expected("a path item").actual(why)
            })?;
            for entry in item.entries() {
                if let Some(method) = METHODS.iter().find(|method| **method == entry.key) {
                    operations.push(Operation {
                        path: &path.key,
                        method,
                        line: entry.line(),
                        responses: entry.node.get("responses"),
                        body: entry.node.get("requestBody"),
                    });
                }
            }
        }
        Ok(operations)
    }

    /// The names of the headers that a response documents.
    pub fn headers(&self, operation: &Operation<'f, 'n>, status: &str) -> Result<Vec<&'f str>, String> {
        let response = operation.responses.and_then(|responses| responses.get(status));
        let response = self.resolve(response.ok_or_else(|| format!("no response {status}"))?)?;
        let headers = response.get("headers").map_or(&[][..], |headers| headers.entries());
        Ok(headers.iter().map(|entry| &*entry.key).collect())
    }

    /// The bodies of an operation of which there is no example: `200 application/json`, and `its text/csv` for what it
    /// takes.
    pub fn without_example(&self, operation: &Operation<'f, 'n>) -> Vec<String> {
        let answers = operation.responses.map_or(&[][..], |responses| responses.entries());
        let answers = answers.iter().map(|entry| (&*entry.key, &entry.node));
        let mut missing = Vec::new();
        for (name, body) in operation.body.map(|body| ("its", body)).into_iter().chain(answers) {
            let content = self.resolve(body).ok().and_then(|body| body.get("content"));
            let media = content.map_or(&[][..], |content| content.entries()).iter();
            let bare = media.filter(|entry| !self.has_example(&entry.node));
            missing.extend(bare.map(|entry| format!("{} {}", show(name), show(&entry.key))));
        }
        missing
    }

    /// Beside the schema, or in it.
    fn has_example(&self, media: &'f Node<'n>) -> bool {
        let has = |node: &Node<'n>| {
            let several = node.get("examples");
            node.get("example").is_some()
                || several.is_some_and(|several| !several.entries().is_empty() || !several.items().is_empty())
        };
        let schema = media.get("schema").and_then(|schema| self.resolve(schema).ok());
        has(media) || schema.is_some_and(has)
    }

    /// What a node stands for, references followed.
    fn resolve(&self, node: &'f Node<'n>) -> Result<&'f Node<'n>, String> {
        let mut node = node;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = node.get_text("$ref") else { return Ok(node) };
            let Some(pointer) = reference.strip_prefix("#/") else {
                return Err(format!("the reference {} leads out of the file", show(reference)));
            };
            let step = |node: Option<&'f Node<'n>>, name: &str| {
                let name = name.replace("~1", "/").replace("~0", "~");
                node?.get(&name)
            };
            let target = pointer.split('/').fold(Some(self.root), step);
            node = target.ok_or_else(|| format!("the reference {} leads nowhere", show(reference)))?;
        }
        Err("references that lead in a circle".to_owned())
    }
}
