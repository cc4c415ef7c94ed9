//! One wording for definitions that a server words in two ways: as they were typed in, and as they come back from a dump.

/// How an array that is cast begins.
const CAST: &str = "(ARRAY[";

/// A definition as a server words it that has read it from a dump. `x IN ('a', 'b')` of a `varchar` is an array that is cast as a
/// whole, `(ARRAY['a'::character varying, …])::text[]`; read again, each element of it is, `ARRAY[('a'::character
/// varying)::text, …]`. Nothing else is changed, and nothing in quotes.
pub fn settled(definition: &str) -> String {
    let (mut settled, mut rest) = (String::with_capacity(definition.len()), definition);
    while let Some(first) = rest.chars().next() {
        if let Some((array, after)) = cast(rest) {
            settled.push_str(&array);
            rest = after;
            continue;
        }
        let (done, after) = rest.split_at(quoted(rest).unwrap_or(first.len_utf8()));
        settled.push_str(done);
        rest = after;
    }
    settled
}

/// The array that a text begins with, each element cast, and what follows it; nothing where it begins with no array that is cast.
fn cast(text: &str) -> Option<(String, &str)> {
    let (elements, after) = elements(text.strip_prefix(CAST)?)?;
    let after = after.strip_prefix(")::")?;
    let (name, after) = after.split_once("[]")?;
    let is_type = |c: char| c.is_alphanumeric() || " _.\"(),".contains(c);
    if name.is_empty() || !name.chars().all(is_type) {
        return None;
    }
    let cast = |element: &&str| match element.starts_with("ARRAY[") {
        true => settled(&format!("({element})::{name}[]")),
        false => format!("({})::{name}", settled(element)),
    };
    let cast: Vec<String> = elements.iter().map(cast).collect();
    Some((format!("ARRAY[{}]", cast.join(", ")), after))
}

/// What stands between commas, up to the bracket that ends it, and what follows that.
fn elements(text: &str) -> Option<(Vec<&str>, &str)> {
    let (mut elements, mut begin, mut depth, mut at) = (Vec::new(), 0, 0u32, 0);
    while let Some(first) = text.get(at..)?.chars().next() {
        match first {
            '(' | '[' => depth += 1,
            ']' if depth == 0 => {
                elements.push(text[begin..at].trim_start());
                return Some((elements, &text[at + 1..]));
            }
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                elements.push(text[begin..at].trim_start());
                begin = at + 1;
            }
            _ => {}
        }
        at += quoted(&text[at..]).unwrap_or(first.len_utf8());
    }
    None
}

/// How many bytes of a text are in quotes, where it begins with one. A quote in quotes is doubled, which is as if another followed.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    Some(text[1..].find(quote).map_or(text.len(), |end| end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_that_is_cast_is_one_of_elements_that_are() {
        for (typed, restored) in [
            (
                "CHECK (((x)::text = ANY ((ARRAY['a'::character varying, 'b, ]'::character varying])::text[])))",
                "CHECK (((x)::text = ANY (ARRAY[('a'::character varying)::text, ('b, ]'::character varying)::text])))",
            ),
            ("((ARRAY[a, b])::text[])", "(ARRAY[(a)::text, (b)::text])"),
            ("(ARRAY['it''s'::a, f(1, 2)])::s.\"T\"[]", "ARRAY[('it''s'::a)::s.\"T\", (f(1, 2))::s.\"T\"]"),
            ("(ARRAY[ARRAY[a], ARRAY[b]])::text[]", "ARRAY[ARRAY[(a)::text], ARRAY[(b)::text]]"),
        ] {
            assert_eq!(settled(typed), restored);
            assert_eq!(settled(restored), restored, "it stays so");
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in [
            "",
            "x = ANY (ARRAY['a'::text])",
            "'(ARRAY[a])::text[]'::text",
            "\"(ARRAY[a])::text[]\"",
            "(ARRAY[a])::hstore AND ('{}'::text[] = b)",
            "(ARRAY[a",
            "(ARRAY['a",
            "(ARRAY[a)])::text[]",
            "'Ä' || \"ß\"",
        ] {
            assert_eq!(settled(text), text);
        }
        assert_ne!(settled("(ARRAY[a, b])::text[]"), settled("(ARRAY[a, c])::text[]"));
        assert_ne!(settled("(ARRAY[a])::text[]"), settled("(ARRAY[a])::bpchar[]"));
    }
}
