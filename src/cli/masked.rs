//! Values that the policy takes from the environment or from a file are in nothing that is told of a run, nor is the password of
//! any connection string: a program that fails may print what it was given.

use super::context::Context;
use attestar::database::postgres::dsn::Dsn;
use attestar::policy::program::PUBLIC_VARIABLES;
use serde_json::Value;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Values shorter than this are no secrets: `1`, `C`, `prod`.
const MASKED_BYTES_MIN: usize = 6;

/// What stands where a value was.
const MASK: &str = "[masked: a variable]";

/// What stands where a password was.
const MASK_PASSWORD: &str = "[masked: a password]";

/// The longest file that a policy may take a value from and that is masked.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Names that only variables with secrets have.
const SECRET_NAMES: [&str; 8] = ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "DSN", "CREDENTIAL", "AUTH"];

/// The values that are masked.
#[derive(Default)]
pub struct Masked {
    /// In errors and notices: whatever programs were given may stand there, in whatever words.
    all: Vec<String>,
    /// Everywhere: those among them that are secrets for sure. A name or host that is given to programs, too, is not: answers
    /// are of it.
    secrets: Vec<String>,
}

impl Masked {
    /// The values of every variable and file that the policy names, and passwords in connection strings among them. Without a
    /// policy that can be read, nothing was taken.
    pub fn of(context: &Context) -> Masked {
        let Ok(policy) = context.policy() else { return Masked::default() };
        let sources = policy.sources;
        let value = |name: &String| Some(context.programs()(name)?.to_string_lossy().into_owned());
        let files = sources.files.iter().filter_map(|path| content(&context.global.tree.join(path)));
        let is_private = |name: &&String| !PUBLIC_VARIABLES.contains(&name.as_str());
        let (secret, given): (Vec<&String>, Vec<&String>) =
            sources.variables.iter().filter(is_private).partition(|name| is_secret(name));
        let secrets = sources.secrets.iter().chain(secret).filter_map(value).chain(files);
        Masked::new(secrets.collect(), given.into_iter().filter_map(value).collect())
    }

    fn new(secrets: Vec<String>, given: Vec<String>) -> Masked {
        let mut secrets = with_passwords(secrets);
        secrets.extend(passwords(&given));
        let mut all = given;
        all.extend(secrets.iter().cloned());
        Masked { all: longest_first(all), secrets: longest_first(secrets) }
    }

    /// The values, as they stand in what a program prints.
    pub fn values(&self) -> Vec<Vec<u8>> {
        self.all.iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    /// What is told of an error, without them, and without the passwords of whatever connection strings stand in it.
    pub fn error(&self, text: &str) -> String {
        without(text, &self.all)
    }

    /// The document of an error without them.
    pub fn error_document(&self, document: Value) -> Value {
        each_text(document, &|text| self.error(text))
    }

    /// What is answered, without secrets, and without the passwords of whatever connection strings stand in it.
    pub fn answer(&self, text: &str) -> String {
        without(text, &self.secrets)
    }

    /// The document of an answer without them.
    pub fn answer_document(&self, document: Value) -> Value {
        each_text(document, &|text| self.answer(text))
    }
}

fn is_secret(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|name| variable.contains(name))
}

/// Values, and the passwords that stand in them.
fn with_passwords(mut values: Vec<String>) -> Vec<String> {
    values.extend(passwords(&values));
    values
}

/// The passwords that stand in connection strings.
fn passwords(values: &[String]) -> Vec<String> {
    values.iter().filter_map(|value| Dsn::new(value).password).collect()
}

/// One that has another in it goes as a whole.
fn longest_first(values: Vec<String>) -> Vec<String> {
    let all = values.into_iter().map(|value| value.trim().to_owned());
    let mut values: Vec<String> = all.filter(|value| value.len() >= MASKED_BYTES_MIN).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

fn without(text: &str, values: &[String]) -> String {
    without_passwords(&values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK)))
}

fn each_text(document: Value, told: &dyn Fn(&str) -> String) -> Value {
    match document {
        Value::String(text) => Value::String(told(&text)),
        Value::Array(items) => items.into_iter().map(|item| each_text(item, told)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, each_text(value, told))).collect()
        }
        other => other,
    }
}

/// What a file says, if it is a short one.
fn content(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let is_short = metadata.is_file() && metadata.len() <= FILE_BYTES_MAX;
    is_short.then(|| fs::read(path).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A text with `scheme://user:…@host`, `password=…` and `PGPASSWORD=…` in it, without what the dots stand for.
fn without_passwords(text: &str) -> String {
    let (mut told, mut rest) = (String::with_capacity(text.len()), text);
    let lower = text.to_ascii_lowercase();
    loop {
        let ahead = &lower[text.len() - rest.len()..];
        let address = ahead.find("://").map(|at| at + 3);
        let pair = ahead.find("password=").map(|at| at + 9);
        let Some(at) = address.into_iter().chain(pair).min() else { break };
        let (before, after) = rest.split_at(at);
        told.push_str(before);
        rest = after;
        let secret = if Some(at) == address { in_authority(after) } else { value(after) };
        if let Some(range) = secret {
            told.push_str(&after[..range.start]);
            told.push_str(MASK_PASSWORD);
            rest = &after[range.end..];
        }
    }
    told + rest
}

/// Where the password stands in `user:password@host/…`. It may have a `?` or `#` in it: libpq takes those.
fn in_authority(text: &str) -> Option<Range<usize>> {
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '"' | '\'' | '`');
    let end = text.find(ends).unwrap_or(text.len());
    let at = text[..end].rfind('@')?;
    let colon = text[..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

/// Where the value stands that follows `password=`.
fn value(text: &str) -> Option<Range<usize>> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let range = match quote {
        Some(quote) => 1..text[1..].find(quote).map_or(text.len(), |at| at + 1),
        None => {
            let ends =
                |letter: char| letter.is_whitespace() || matches!(letter, '&' | ';' | '"' | '\'' | '`');
            0..text.find(ends).unwrap_or(text.len())
        }
    };
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_the_passwords_in_them_are_masked_wherever_they_stand() {
        let values = ["postgres://app:s3cret%20pw@db/x", "host=db password=hunter22", "hunter22-longer", "C"];
        let masked = Masked::new(Vec::new(), values.map(str::to_owned).to_vec());
        for (text, told) in [
            ("a s3cret pw, C", "a [masked: a variable], C"),
            ("postgres://app:s3cret%20pw@db/x", MASK),
            ("hunter22 hunter22-longer", "[masked: a variable] [masked: a variable]"),
        ] {
            assert_eq!(masked.error(text), told);
        }
        for (text, told) in [
            ("at postgres://app:pw@db/x?a=b", "at postgres://app:[masked: a password]@db/x?a=b"),
            ("host=db password=pw user=x", "host=db password=[masked: a password] user=x"),
            ("password='p w'; x://a:b@c", "password='[masked: a password]'; x://a:[masked: a password]@c"),
            (
                "s3://bucket/a:b@c, https://host:80/x, password=",
                "s3://bucket/a:b@c, https://host:80/x, password=",
            ),
            (
                "postgres://app:p@w@db \"password=é\"",
                "postgres://app:[masked: a password]@db \"password=[masked: a password]\"",
            ),
            (
                "PGPASSWORD=pw psql Password='é w'",
                "PGPASSWORD=[masked: a password] psql Password='[masked: a password]'",
            ),
            ("É PASSWORD=a password=b", "É PASSWORD=[masked: a password] password=[masked: a password]"),
            ("postgres://app:p?w#x@db/x?a=b", "postgres://app:[masked: a password]@db/x?a=b"),
        ] {
            assert_eq!(Masked::default().answer(text), told);
        }
        let document = serde_json::json!({"error": "hunter22", "of": [{"hint": "hunter22"}, 5]});
        let told = serde_json::json!({"error": MASK, "of": [{"hint": MASK}, 5]});
        assert_eq!(masked.error_document(document.clone()), told);
        // The password of what programs are given is a secret, whatever the variable's name; the rest an answer is of.
        assert_eq!(masked.answer_document(document.clone()), told);
        assert_eq!(masked.answer("hunter22-longer hunter22"), format!("{MASK}-longer {MASK}"));
        let masked = Masked::new(vec!["host=db password=hunter22".to_owned()], Vec::new());
        assert_eq!(masked.answer_document(document), told);
        assert!(is_secret("PgPassword") && is_secret("LEDGER_DSN") && !is_secret("PGDATABASE"));
    }
}
