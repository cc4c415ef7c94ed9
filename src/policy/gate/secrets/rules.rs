//! The shapes of credentials, as their issuers document them.

use data_encoding::BASE64URL_NOPAD;
use std::ops::Range;

/// A shape.
pub struct Rule {
    /// Its name, for people.
    pub name: &'static str,
    /// Letters of which some stand in each; no two rules share one.
    pub triggers: &'static [&'static str],
    /// Whether the first 4 characters say nothing but who issued it.
    pub public_prefix: bool,
    /// Where the credential stands whose trigger begins at a place.
    pub find: fn(&[u8], usize) -> Option<Range<usize>>,
}

/// All of them.
pub const RULES: &[Rule] = &[
    Rule {
        name: "AWS access key",
        triggers: &["AKIA", "ASIA", "ABIA", "ACCA"],
        public_prefix: true,
        find: |text, at| {
            token(text, at, 4, |b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b), 16..=16)
        },
    },
    Rule {
        name: "GitHub token",
        triggers: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        public_prefix: true,
        find: |text, at| token(text, at, 4, |b| b.is_ascii_alphanumeric(), 36..=255),
    },
    Rule {
        name: "GitHub fine-grained token",
        triggers: &["github_pat_"],
        public_prefix: true,
        find: |text, at| token(text, at, 11, |b| b.is_ascii_alphanumeric() || b == b'_', 50..=255),
    },
    Rule {
        name: "GitLab token",
        triggers: &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glsoat-"],
        public_prefix: true,
        find: |text, at| token(text, at, 5, is_url_safe, 20..=255),
    },
    Rule {
        name: "Slack token",
        triggers: &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-"],
        public_prefix: true,
        find: |text, at| token(text, at, 5, |b| b.is_ascii_alphanumeric() || b == b'-', 20..=255),
    },
    Rule {
        name: "Slack webhook",
        triggers: &["hooks.slack.com/services/"],
        public_prefix: false,
        find: |text, at| {
            let body = at + "hooks.slack.com/services/".len();
            let end = run(text, body, |b| b.is_ascii_alphanumeric() || b == b'/', 255);
            is_random(text.get(body..end)?, 30, 3.0).then_some(body..end)
        },
    },
    Rule {
        name: "Google API key",
        triggers: &["AIza"],
        public_prefix: true,
        find: |text, at| token(text, at, 4, is_url_safe, 35..=35),
    },
    Rule {
        name: "Google client secret",
        triggers: &["GOCSPX-"],
        public_prefix: true,
        find: |text, at| token(text, at, 7, is_url_safe, 28..=28),
    },
    Rule {
        name: "Stripe key",
        triggers: &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
        public_prefix: true,
        find: |text, at| token(text, at, 8, |b| b.is_ascii_alphanumeric(), 16..=255),
    },
    Rule {
        name: "Stripe webhook secret",
        triggers: &["whsec_"],
        public_prefix: true,
        find: |text, at| {
            token(text, at, 6, |b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/', 24..=255)
        },
    },
    Rule {
        name: "npm token",
        triggers: &["npm_"],
        public_prefix: true,
        find: |text, at| token(text, at, 4, |b| b.is_ascii_alphanumeric(), 36..=36),
    },
    Rule {
        name: "PyPI token",
        triggers: &["pypi-AgEI"],
        public_prefix: true,
        find: |text, at| token(text, at, 9, is_url_safe, 50..=1024),
    },
    Rule { name: "private key", triggers: &["-----BEGIN "], public_prefix: false, find: private_key },
    Rule {
        name: "age identity",
        triggers: &["AGE-SECRET-KEY-1"],
        public_prefix: false,
        find: |text, at| token(text, at, 16, |b| b.is_ascii_uppercase() || b.is_ascii_digit(), 58..=58),
    },
    Rule { name: "JSON Web Token", triggers: &["eyJ"], public_prefix: false, find: json_web_token },
    Rule {
        name: "credential",
        triggers: &[
            "assword",
            "asswd",
            "assphrase",
            "ecret",
            "oken",
            "pi_key",
            "pi-key",
            "pikey",
            "piKey",
            "ccess_key",
            "ccessKey",
            "uth_key",
            "ASSWORD",
            "ASSWD",
            "ASSPHRASE",
            "ECRET",
            "OKEN",
            "PI_KEY",
            "PIKEY",
            "CCESS_KEY",
            "UTH_KEY",
        ],
        public_prefix: false,
        find: assignment,
    },
];

fn is_url_safe(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The end of the bytes of a class from a place on, of which at most some are looked at.
fn run(text: &[u8], from: usize, class: impl Fn(u8) -> bool, most: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take(most).take_while(|b| class(**b)).count()
}

/// A prefix, then so many bytes of a class, at the edges of a word.
fn token(
    text: &[u8],
    at: usize,
    prefix: usize,
    class: fn(u8) -> bool,
    length: std::ops::RangeInclusive<usize>,
) -> Option<Range<usize>> {
    let inside_a_word = at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|b| is_word(*b));
    let end = run(text, at + prefix, class, length.end() + 1);
    let body = text.get(at + prefix..end)?;
    (!inside_a_word && length.contains(&body.len()) && is_random(body, *length.start(), 2.8))
        .then_some(at..end)
}

/// Bits per byte, by how often each byte occurs (Shannon).
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = bytes.len() as f64;
    let part = |count: u32| {
        let share = f64::from(count) / all;
        -share * share.log2()
    };
    counts.into_iter().filter(|count| *count > 0).map(part).sum()
}

/// Whether bytes look as if nobody had thought them up.
fn is_random(bytes: &[u8], least: usize, bits: f64) -> bool {
    bytes.len() >= least && entropy(bytes) >= bits && !is_placeholder(bytes)
}

/// Words that stand where a credential is to be written.
fn is_placeholder(bytes: &[u8]) -> bool {
    const WORDS: [&[u8]; 10] = [
        b"example",
        b"placeholder",
        b"changeme",
        b"change-me",
        b"change_me",
        b"your-",
        b"your_",
        b"xxxx",
        b"redacted",
        b"dummy",
    ];
    let lower = bytes.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// Whether letters, capitals and digits change places more often than they do in what people write: digits inside of
/// letters, or more jumps than `camelCase` has.
fn is_jumbled(bytes: &[u8], changes: usize) -> bool {
    let class = |b: u8| match b {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    let (mut with_digits, mut all) = (0, 0);
    for pair in bytes.windows(2) {
        if let [a, b] = pair
            && let (Some(a), Some(b)) = (class(*a), class(*b))
            && a != b
        {
            all += 1;
            with_digits += usize::from(a == 0 || b == 0);
        }
    }
    with_digits >= changes || all * 20 >= bytes.len() * 9
}

/// PEM (RFC 7468) or OpenPGP armor with a private key inside, and not only its first line.
fn private_key(text: &[u8], at: usize) -> Option<Range<usize>> {
    const HEAD_MAX: usize = 64;
    const KEY_MAX: usize = 16 * 1024;
    const DASHES: &[u8] = b"-----";
    let rest = text.get(at..)?;
    let head = rest.get(..rest.len().min(HEAD_MAX))?;
    let named = memchr::memmem::find(head, b"PRIVATE KEY")? + "PRIVATE KEY".len();
    let dashes = memchr::memmem::find(head.get(named..)?, DASHES)? + named + DASHES.len();
    let body = rest.get(dashes..rest.len().min(dashes + KEY_MAX))?;
    // What stands up to the next dashes, so that a text of nothing but beginnings is read once.
    let end = memchr::memmem::find(body, DASHES).unwrap_or(body.len());
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let longest = body.get(..end)?.split(|b| !is_base64(b)).max_by_key(|part| part.len())?;
    is_random(longest, 40, 3.0).then_some(at..at + dashes + end)
}

/// RFC 7519: two objects and a signature in base64, the first of which names an algorithm.
fn json_web_token(text: &[u8], at: usize) -> Option<Range<usize>> {
    const PART_MAX: usize = 4096;
    let inside_a_word =
        at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|b| is_url_safe(*b));
    if inside_a_word {
        return None;
    }
    let head = run(text, at, is_url_safe, PART_MAX);
    let payload = text.get(head..)?.strip_prefix(b".")?;
    if !payload.starts_with(b"eyJ") {
        return None;
    }
    let body = run(text, head + 1, is_url_safe, PART_MAX);
    if text.get(body) != Some(&b'.') {
        return None;
    }
    let end = run(text, body + 1, is_url_safe, PART_MAX);
    let decoded = BASE64URL_NOPAD.decode(text.get(at..head)?).ok()?;
    let has_algorithm = memchr::memmem::find(&decoded, b"\"alg\"").is_some();
    (has_algorithm && end - body > 16).then_some(at..end)
}

/// A value that looks random under a name that credentials have: `api_key = "…"`, `"password": "…"`, `TOKEN=…`.
fn assignment(text: &[u8], at: usize) -> Option<Range<usize>> {
    const NAME_MAX: usize = 40;
    const VALUE_MAX: usize = 256;
    let is_name = |b: u8| is_word(b) || b == b'-';
    let before = text.get(at.saturating_sub(NAME_MAX)..at)?.iter().rev().take_while(|b| is_name(**b)).count();
    let name_end = run(text, at, is_name, NAME_MAX);
    if names_no_secret(text.get(at - before..name_end)?) {
        return None;
    }
    let at = separator(text, name_end)?;
    let quote = text.get(at).copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    let (start, least, changes) = if quote.is_some() { (at + 1, 16, 2) } else { (at, 20, 4) };
    let is_value = |b: u8| match quote {
        Some(quote) => b.is_ascii_graphic() && b != quote,
        None => is_url_safe(b) || matches!(b, b'+' | b'/' | b'='),
    };
    let end = run(text, start, is_value, VALUE_MAX);
    let ends = match quote {
        Some(quote) => text.get(end) == Some(&quote),
        None => {
            text.get(end).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b'"' | b'\''))
        }
    };
    let value = text.get(start..end)?;
    let is_reference = value.starts_with(b"$") || value.starts_with(b"%") || value.starts_with(b"/");
    let is_call = value.iter().any(|b| matches!(b, b'(' | b'{' | b'<' | b' ' | b'['));
    let is_address = memchr::memmem::find(value, b"://").is_some();
    let looks_random = is_random(value, least, 3.5) && is_jumbled(value, changes);
    (ends && !is_reference && !is_call && !is_address && looks_random).then_some(start..end)
}

/// Names of what is public, although a credential's name is in them: `token_sha256`, `secret_name`.
fn names_no_secret(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] =
        [b"hash", b"sha1", b"sha2", b"sha5", b"digest", b"checksum", b"public", b"fingerprint", b"_name"];
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// From the end of a name over `=`, `:`, `:=` or `=>` to the value.
fn separator(text: &[u8], from: usize) -> Option<usize> {
    const BLANKS_MAX: usize = 16;
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    let closed = run(text, from, |b| matches!(b, b'"' | b'\'' | b'`' | b']'), 2);
    let at = run(text, closed, is_blank, BLANKS_MAX);
    let end = run(text, at, |b| matches!(b, b'=' | b':' | b'>'), 3);
    match text.get(at..end)? {
        b"=" | b":" | b":=" | b"=>" => Some(run(text, end, is_blank, BLANKS_MAX)),
        _ => None,
    }
}
