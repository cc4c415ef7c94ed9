//! Values that the policy takes from the environment are in nothing that is told of a run: a program that fails may print the
//! password that it was given.

use super::context::Context;
use attestar::database::postgres::dsn::Dsn;
use attestar::policy::program::PUBLIC_VARIABLES;
use serde_json::Value;

/// Values shorter than this are no secrets: `1`, `C`, `prod`.
const MASKED_BYTES_MIN: usize = 6;

/// What stands where a value was.
const MASK: &str = "[masked: a variable]";

/// The values that are masked.
#[derive(Default)]
pub struct Masked(Vec<String>);

impl Masked {
    /// The values of every variable that the policy names, and passwords in connection strings among them. Without a policy
    /// that can be read, nothing was taken.
    pub fn of(context: &Context) -> Masked {
        let Ok(policy) = context.policy() else { return Masked::default() };
        let names = policy.variables.iter().filter(|name| !PUBLIC_VARIABLES.contains(&name.as_str()));
        let found = names.filter_map(|name| Some(context.programs()(name)?.to_string_lossy().into_owned()));
        Masked::new(found)
    }

    fn new(found: impl Iterator<Item = String>) -> Masked {
        let with_password = |value: String| [Dsn::new(&value).password.unwrap_or_default(), value];
        let all = found.flat_map(with_password).map(|value| value.trim().to_owned());
        let mut values: Vec<String> = all.filter(|value| value.len() >= MASKED_BYTES_MIN).collect();
        // One that has another in it goes as a whole.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Masked(values)
    }

    /// The values, as they stand in what a program prints.
    pub fn values(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK))
    }

    /// A document without them.
    pub fn document(&self, document: Value) -> Value {
        match document {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.document(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (key, self.document(value))).collect()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_the_passwords_in_them_are_masked_wherever_they_stand() {
        let values = ["postgres://app:s3cret%20pw@db/x", "host=db password=hunter22", "hunter22-longer", "C"];
        let masked = Masked::new(values.map(str::to_owned).into_iter());
        for (text, told) in [
            ("a s3cret pw, C", "a [masked: a variable], C"),
            ("postgres://app:s3cret%20pw@db/x", MASK),
            ("hunter22 hunter22-longer", "[masked: a variable] [masked: a variable]"),
        ] {
            assert_eq!(masked.text(text), told);
        }
        let document = serde_json::json!({"error": "hunter22", "of": [{"hint": "hunter22"}, 5]});
        let told = serde_json::json!({"error": MASK, "of": [{"hint": MASK}, 5]});
        assert_eq!(masked.document(document), told);
    }
}
