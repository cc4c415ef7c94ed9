//! Connection strings of libpq (PostgreSQL's documentation, "Connection Strings"): both forms, and where a password stands
//! in each. It is taken out before the string is shown to anyone.

/// A connection string, and the password that stood in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    /// Without the password.
    pub text: String,
    /// The password, decoded.
    pub password: Option<String>,
}

impl Dsn {
    /// Takes the password out.
    pub fn new(text: &str) -> Dsn {
        let text = text.trim();
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            address(text)
        } else {
            pairs(text)
        }
    }
}

/// `postgresql://user:password@host/database?password=…`
fn address(text: &str) -> Dsn {
    let (scheme, rest) = text.split_once("://").unwrap_or(("postgresql", text));
    let (authority, tail) = rest.split_at(authority_end(rest));
    let mut password = None;
    let authority = match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let (user, secret) =
                user.split_once(':').map_or((user, None), |(user, secret)| (user, Some(secret)));
            password = secret.map(decoded);
            format!("{user}@{hosts}")
        }
        None => authority.to_owned(),
    };
    let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    let mut kept = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        match pair.split_once('=') {
            Some(("password", secret)) => password = Some(decoded(secret)),
            _ => kept.push(pair),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Dsn { text: format!("{scheme}://{authority}{path}{query}"), password }
}

/// Where `user:password@host` ends. As libpq reads it, a `?` between `:` and `@` is part of the password.
fn authority_end(rest: &str) -> usize {
    let user = rest.find([':', '/', '?', '@']).filter(|&at| rest[at..].starts_with(':'));
    let password = user.map_or("", |at| rest[at..].split('/').next().unwrap_or_default());
    let at = password.find('@').map_or(0, |at| at + user.unwrap_or_default());
    rest[at..].find(['/', '?']).map_or(rest.len(), |end| at + end)
}

/// `host=db user=app password='it''s'`: values in quotes or without, a backslash before what would end them.
fn pairs(text: &str) -> Dsn {
    let (mut kept, mut password) = (String::new(), None);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            kept.push_str(rest);
            break;
        };
        let after = after.trim_start();
        let (value, length) = value(after);
        if key.trim() == "password" {
            password = Some(value);
        } else {
            kept.push_str(key.trim());
            kept.push('=');
            kept.push_str(&after[..length]);
            kept.push(' ');
        }
        rest = after[length..].trim_start();
    }
    Dsn { text: kept.trim_end().to_owned(), password }
}

/// A value, and how many bytes of the text it is.
fn value(text: &str) -> (String, usize) {
    let is_quoted = text.starts_with('\'');
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, letter) in text.char_indices().skip(usize::from(is_quoted)) {
        match letter {
            _ if is_escaped => {
                value.push(letter);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '\'' if is_quoted => return (value, at + 1),
            _ if !is_quoted && letter.is_whitespace() => return (value, at),
            _ => value.push(letter),
        }
    }
    (value, text.len())
}

/// Percent-encoding undone (RFC 3986, section 2.1); what is not right in it stays.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        let byte = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = byte.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, Option<String>) {
        let Dsn { text, password } = Dsn::new(text);
        (text, password)
    }

    #[test]
    fn the_password_of_an_address_is_taken_out() {
        for (text, kept, password) in [
            ("postgresql://app:p%40ss@db:5432/x", "postgresql://app@db:5432/x", Some("p@ss")),
            (
                "postgres://app@db/x?password=a%20b&sslmode=require",
                "postgres://app@db/x?sslmode=require",
                Some("a b"),
            ),
            ("postgres://db/x?password=a", "postgres://db/x", Some("a")),
            ("postgres://db?password=a@b", "postgres://db", Some("a@b")),
            ("postgres://app:p?w#x@db?sslmode=require", "postgres://app@db?sslmode=require", Some("p?w#x")),
            ("postgresql://app:a:b@db", "postgresql://app@db", Some("a:b")),
            ("postgresql://%2Fvar%2Frun/x", "postgresql://%2Fvar%2Frun/x", None),
            ("postgresql://a:1@h1:1,h2:2/x", "postgresql://a@h1:1,h2:2/x", Some("1")),
        ] {
            assert_eq!(split(text), (kept.to_owned(), password.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn the_password_of_pairs_is_taken_out() {
        for (text, kept, password) in [
            ("host=db user=app password=hunter2 dbname=x", "host=db user=app dbname=x", Some("hunter2")),
            ("password = 'it\\'s  a' host = 'a b'", "host='a b'", Some("it's  a")),
            ("password=a\\ b", "", Some("a b")),
            ("password='unended", "", Some("unended")),
            ("service=backup", "service=backup", None),
            ("x", "x", None),
        ] {
            assert_eq!(split(text), (kept.to_owned(), password.map(str::to_owned)), "{text}");
        }
    }
}
