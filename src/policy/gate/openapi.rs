//! `openapi`: every operation says how it can end.

mod description;

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::{Located, Section};
use crate::format::units::count;
use crate::format::yaml;
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::matcher::glob;
use crate::policy::values::{among, show};
use description::{Description, Operation};
use globset::{GlobSet, GlobSetBuilder};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "openapi",
    code: Code::GateOpenapi,
    holds_when: "the OpenAPI description (3.0 or 3.1, JSON or YAML) is there, and every operation under `paths` documents a \
                 response of each class. Those that are limited also document 429 with a `Retry-After` header. What \
                 `default` documents is not counted: it says nothing of when it comes",
    keys: &[
        ("file", "required: the description; `{version}`, `{tag}` and `{project}` stand for the release's"),
        ("classes", "classes of responses; default `[\"2xx\", \"4xx\", \"5xx\"]`"),
        (
            "limited",
            "patterns of the paths that must document 429 with `Retry-After`, such as `/v1/**`; default none. Each \
             must match one at least",
        ),
        (
            "examples",
            "true: every body that an operation takes or answers with has an example beside its schema or in it; \
             default false",
        ),
    ],
    example: "[[gate]]\nid = \"api-description\"\ncheck = \"openapi\"\nfile = \"docs/openapi.yaml\"\n\
              classes = [\"2xx\", \"4xx\", \"5xx\"]\nlimited = [\"/v1/**\"]\n",
    waivable: true,
    parse,
};

/// The most faults that are told.
const FAULTS_MAX: usize = 100;

const CLASSES: [(&str, u8); 5] = [("1xx", b'1'), ("2xx", b'2'), ("3xx", b'3'), ("4xx", b'4'), ("5xx", b'5')];

#[derive(Debug)]
struct Openapi {
    file: Template,
    classes: Vec<u8>,
    limited: Vec<String>,
    is_limited: GlobSet,
    examples: bool,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let list = |key| Ok::<_, crate::error::Error>(section.texts(key)?.map(|list| list.value));
    let classes = match list("classes")? {
        None => vec![b'2', b'4', b'5'],
        Some(names) if names.is_empty() => {
            return Err(section.error(section.line, "`classes` is empty", "classes = [\"2xx\"]"));
        }
        Some(names) => {
            names.into_iter().map(|name| among(section, "classes", name, &CLASSES)).collect::<Result<_>>()?
        }
    };
    let limited = list("limited")?.unwrap_or_default();
    let mut is_limited = GlobSetBuilder::new();
    for pattern in &limited {
        is_limited.add(path_glob(section, *pattern)?);
    }
    let too_large = |error| section.error(section.line, format!("`limited` cannot be used: {error}"), "");
    Ok(Arc::new(Openapi {
        file: Template::required(section, "file")?,
        classes,
        limited: limited.iter().map(|pattern| pattern.value.to_owned()).collect(),
        is_limited: is_limited.build().map_err(too_large)?,
        examples: section.flag("examples")?.is_some_and(|flag| flag.value),
    }))
}

fn path_glob(section: &Section<'_>, pattern: Located<&str>) -> Result<globset::Glob> {
    let wrong = |why: String| {
        let message = format!("the pattern `{}` {why}", show(pattern.value));
        section.error(pattern.line, message, "for example \"/v1/**\"")
    };
    if !pattern.value.starts_with('/') {
        return Err(wrong("matches no path of an API: they begin with /".to_owned()));
    }
    // Braces are the parameters of a path, not choices.
    let escaped = pattern.value.replace('{', "[{]").replace('}', "[}]");
    glob(&escaped).map_err(|error| wrong(format!("is not valid: {}", error.kind())))
}

impl Check for Openapi {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let document = match self.file.path(release).and_then(|path| required(evidence, &path)) {
            Ok(document) => document,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let judged = match self.faults(&document) {
            Err(fault) => Judged::of(vec![fault], ""),
            Ok((operations, mut faults)) => {
                if faults.len() > FAULTS_MAX {
                    let more = faults.len() - FAULTS_MAX;
                    faults.truncate(FAULTS_MAX);
                    faults.push(
                        Fault::new(&document.path).expected("documented").actual(format!("{more} more")),
                    );
                }
                let operations = count(operations as u64, "operation");
                Judged::of(faults, format!("{operations} of {} documented", document.path))
            }
        };
        judged.reading([&*document])
    }
}

impl Openapi {
    /// How many operations there are, and what they lack.
    fn faults(&self, document: &Document) -> Result<(usize, Vec<Fault>), Fault> {
        let file = document.path.as_str();
        let root = yaml::parse(&document.bytes).map_err(|fault| {
            let place = fault.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
            Fault::new(place).expected("JSON or YAML").actual(show(&fault.what))
        })?;
        let description = Description::of(file, &root)?;
        let operations = description.operations()?;
        if operations.is_empty() {
            return Err(Fault::new(file).expected("an operation").actual("there is none"));
        }
        let mut faults: Vec<Fault> =
            operations.iter().flat_map(|operation| self.lacks(&description, operation)).collect();
        for pattern in &self.limited {
            let one =
                glob(&pattern.replace('{', "[{]").replace('}', "[}]")).map(|glob| glob.compile_matcher());
            if one.is_ok_and(|one| !operations.iter().any(|operation| one.is_match(operation.path))) {
                let fault = Fault::new(pattern).expected(format!("a path of {file}"));
                faults.push(fault.actual("no path matches"));
            }
        }
        Ok((operations.len(), faults))
    }

    /// What an operation does not document.
    fn lacks(&self, description: &Description<'_, '_>, operation: &Operation<'_, '_>) -> Vec<Fault> {
        let place = || {
            let name = format!("{} {}", operation.method.to_uppercase(), show(operation.path));
            format!("{}:{} {name}", description.file, operation.line)
        };
        let has = |class: u8| operation.statuses().any(|status| is_of(status, class));
        let mut faults: Vec<Fault> = self
            .classes
            .iter()
            .filter(|class| !has(**class))
            .map(|class| {
                let expected = format!("a response {}xx", char::from(*class));
                Fault::new(place()).expected(expected).actual("none is documented")
            })
            .collect();
        if self.examples {
            let bodies = description.without_example(operation);
            faults.extend(bodies.into_iter().map(|body| {
                Fault::new(place()).expected(format!("an example of {body}")).actual("there is none")
            }));
        }
        if self.is_limited.is_match(operation.path) {
            let expected = "a response 429 with a header Retry-After";
            match description.headers(operation, "429") {
                Err(why) => faults.push(Fault::new(place()).expected(expected).actual(why)),
                Ok(names) if names.iter().any(|name| name.eq_ignore_ascii_case("Retry-After")) => {}
                Ok(_) => faults.push(Fault::new(place()).expected(expected).actual("429 without it")),
            }
        }
        faults
    }
}

/// `404` and `4XX` are of class 4.
fn is_of(status: &str, class: u8) -> bool {
    let bytes = status.as_bytes();
    let rest = bytes.get(1..).unwrap_or_default();
    let is_code = rest.iter().all(u8::is_ascii_digit) || rest.eq_ignore_ascii_case(b"XX");
    bytes.first() == Some(&class) && bytes.len() == 3 && is_code
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, faults, one_fault, passes, refusal};

    const KEYS: &str = "check = \"openapi\"\nfile = \"api.yaml\"\nlimited = [\"/v1/**\"]";

    const API: &str = "openapi: 3.1.0\npaths:\n  /v1/coins/{id}:\n    parameters: []\n    get:\n      responses:\n        '200': {description: ok}\n        4XX: {description: wrong}\n        429:\n          $ref: '#/components/responses/Slow'\n        \"503\": {description: down}\n  /health:\n    get:\n      responses: {200: {}, 400: {}, 500: {}}\ncomponents:\n  responses:\n    Slow:\n      description: slow down\n      headers:\n        retry-after: {schema: {type: integer}}\n";

    fn api(text: &str) -> Fake {
        Fake::new().file("api.yaml", text)
    }

    #[test]
    fn bodies_have_examples_where_the_gate_asks() {
        let keys = "check = \"openapi\"\nfile = \"api.yaml\"\nclasses = [\"2xx\"]\nexamples = true";
        let with = |body: &str, answer: &str| {
            api(&format!(
                "openapi: 3.1.0\npaths:\n  /a:\n    post:\n      requestBody: {{content: {{text/csv: {{{body}}}}}}}\n      \
                 responses: {{200: {{content: {{application/json: {{{answer}}}}}}}, 204: {{description: none}}}}\n\
                 components: {{schemas: {{A: {{type: string, example: a}}, B: {{type: string}}}}}}\n"
            ))
        };
        passes(keys, &with("example: 'a,b'", "examples: {one: {value: 1}}"));
        passes(keys, &with("schema: {examples: ['a,b']}", "schema: {$ref: '#/components/schemas/A'}"));
        let place = "api.yaml:4 POST /a";
        fails(keys, &with("schema: {}", "example: 1"), place, "an example of its text/csv", "there is none");
        let none = with("example: a", "schema: {$ref: '#/components/schemas/B'}, examples: {}");
        fails(keys, &none, place, "an example of 200 application/json", "there is none");
    }

    #[test]
    fn a_description_that_says_how_everything_ends_holds() {
        assert_eq!(passes(KEYS, &api(API)).detail, "2 operations of api.yaml documented");
        let json = r##"{"openapi":"3.0.3","paths":{"/v1/x":{"$ref":"#/components/pathItems/x"}},
            "components":{"pathItems":{"x":{"post":{"responses":{"201":{},"429":{"headers":{"Retry-After":{}}},"500":{}}}}}}}"##;
        passes(KEYS, &api(json));
    }

    #[test]
    fn what_is_not_documented_fails() {
        let place = "api.yaml:13 GET /health";
        for (from, to, expected) in [
            ("{200: {}, ", "{", "a response 2xx"),
            (" 400: {},", "", "a response 4xx"),
            (", 500: {}", "", "a response 5xx"),
            (", 500: {}", ", default: {}", "a response 5xx"),
            (", 500: {}", ", 50: {}", "a response 5xx"),
        ] {
            let text = API.replace(from, to);
            assert_ne!(text, API);
            fails(KEYS, &api(&text), place, expected, "none is documented");
        }
        let place = "api.yaml:5 GET /v1/coins/{id}";
        let expected = "a response 429 with a header Retry-After";
        fails(KEYS, &api(&API.replace("retry-after", "x-other")), place, expected, "429 without it");
        fails(KEYS, &api(&API.replace("429:", "428:")), place, expected, "no response 429");
        let dangling = API.replace("responses/Slow'", "responses/None'");
        fails(
            KEYS,
            &api(&dangling),
            place,
            expected,
            "the reference #/components/responses/None leads nowhere",
        );
        let outside = API.replace("'#/components/responses/Slow'", "other.yaml");
        fails(KEYS, &api(&outside), place, expected, "the reference other.yaml leads out of the file");
        let circle = API.replace("      description: slow down", "      $ref: '#/components/responses/Slow'");
        fails(KEYS, &api(&circle), place, expected, "references that lead in a circle");
    }

    #[test]
    fn what_is_no_description_fails() {
        fails(KEYS, &Fake::new(), "api.yaml", "a file", "it is not there");
        fails(KEYS, &api("a: 1\n"), "api.yaml", "OpenAPI 3", "none is named");
        fails(KEYS, &api("swagger: '2.0'\n"), "api.yaml", "OpenAPI 3", "none is named");
        fails(KEYS, &api("openapi: 4.0.0\n"), "api.yaml", "OpenAPI 3", "4.0.0");
        fails(KEYS, &api("openapi: 3.0.0\npaths: {}\n"), "api.yaml", "an operation", "there is none");
        assert_eq!(one_fault(KEYS, &api("a: &x 1\n")).0, "api.yaml:1");
        assert_eq!(one_fault(KEYS, &api("a: [\n")).1, "JSON or YAML");
        let unlimited = API.replace("/v1/coins", "/v2/coins");
        fails(KEYS, &api(&unlimited), "/v1/**", "a path of api.yaml", "no path matches");
        let many: String =
            (0..60).map(|at| format!("  /p{at}: {{get: {{responses: {{200: {{}}}}}}}}\n")).collect();
        let found = faults(
            "check = \"openapi\"\nfile = \"api.yaml\"",
            &api(&format!("openapi: 3.0.0\npaths:\n{many}")),
        );
        assert_eq!((found.len(), &*found[100].2), (101, "20 more"));
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        for (keys, message) in [
            ("classes = [\"2x\"]", "`classes` cannot be `2x`"),
            ("classes = []", "`classes` is empty"),
            ("limited = [\"v1/**\"]", "the pattern `v1/**` matches no path of an API: they begin with /"),
        ] {
            assert_eq!(refusal(&format!("check = \"openapi\"\nfile = \"a\"\n{keys}")).1, message);
        }
        assert_eq!(refusal("check = \"openapi\"").1, "a gate of this kind needs `file`");
    }
}
