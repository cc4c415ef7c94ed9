//! No token stands here in one piece: it would be found by this tool and by all others.

use crate::format::digest::Sha256;
use crate::policy::gate::KINDS;
use crate::policy::gate::secrets::SEARCHED_BYTES_MAX;
use crate::policy::gate::secrets::search::Searcher;
use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

const KEYS: &str = "check = \"secrets\"";

/// Letters and digits as a generator makes them: never the same, and no word.
fn random(length: usize, alphabet: &[u8]) -> String {
    let mut state = 0x2545_f491_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(alphabet[usize::try_from(state >> 40).unwrap() % alphabet.len()])
    };
    (0..length).map(|_| next()).collect()
}

const LETTERS: &[u8] = b"abcdefghijkmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWYZ0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The name of each rule, what the rest of the line is, a token of it, and what of it may be shown.
fn samples() -> Vec<(&'static str, String, String, &'static str)> {
    let letters = |length| random(length, LETTERS);
    let pem = format!("-----BEGIN {}-----\n{}\n{}\n", "RSA PRIVATE KEY", letters(64), letters(64));
    let jwt = {
        let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}.{}", part("{\"alg\":\"HS256\"}"), part("{\"sub\":\"1\"}"), letters(43))
    };
    let whole = |token: String| (token.clone(), token);
    let of = |name, (line, token): (String, String), shown| (name, line, token, shown);
    vec![
        of("AWS access key", whole(format!("AK{}{}", "IA", random(16, UPPER))), "AKIA"),
        of("GitHub token", whole(format!("gh{}{}", "p_", letters(36))), "ghp_"),
        of("GitHub fine-grained token", whole(format!("github_{}{}", "pat_", letters(82))), "gith"),
        of("GitLab token", whole(format!("gl{}{}", "pat-", letters(20))), "glpa"),
        of("Slack token", whole(format!("xo{}{}", "xb-", letters(40))), "xoxb"),
        of(
            "Slack webhook",
            {
                let token = format!("T{}/B{}/{}", random(8, UPPER), random(8, UPPER), letters(24));
                (format!("https://hooks.slack.{}{token}", "com/services/"), token)
            },
            "",
        ),
        of("Google API key", whole(format!("AI{}{}", "za", letters(35))), "AIza"),
        of("Google client secret", whole(format!("GOC{}{}", "SPX-", letters(28))), "GOCS"),
        of("Stripe key", whole(format!("sk_{}{}", "live_", letters(24))), "sk_l"),
        of("Stripe webhook secret", whole(format!("wh{}{}", "sec_", letters(32))), "whse"),
        of("npm token", whole(format!("np{}{}", "m_", letters(36))), "npm_"),
        of("PyPI token", whole(format!("pypi-{}{}", "AgEI", letters(80))), "pypi"),
        of("private key", (format!("{pem}-----END "), pem), ""),
        of("age identity", whole(format!("AGE-SECRET{}{}", "-KEY-1", random(58, UPPER))), ""),
        of("JSON Web Token", whole(jwt), ""),
        of("credential", (format!("db_password: \"{}\"", letters(20)), letters(20)), ""),
        of("credential", (format!("\"apiKey\" : '{}'", letters(20)), letters(20)), ""),
        of("credential", (format!("export AUTH_TOKEN={}", letters(32)), letters(32)), ""),
        of("credential", (format!("settings['secret'] = `{}`", letters(20)), letters(20)), ""),
    ]
}

#[test]
fn every_rule_finds_what_it_is_for_and_shows_none_of_it() {
    for (name, line, token, shown) in samples() {
        let found = faults(KEYS, &Fake::new().file("a.txt", format!("one\ntwo\nx {line} y\n")));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        let (place, expected, actual) = &found[0];
        assert_eq!((&**place, &**expected), ("a.txt:3", "no credential"), "{name}");
        let begins = if shown.is_empty() { String::new() } else { format!(" {shown}…") };
        assert_eq!(*actual, format!("{name}{begins}, sha256 {}", Sha256::of(token.as_bytes())));
        assert!(!actual.contains(&token[..token.len().min(5)]), "{name}");
        // The text of the whole, as it would be printed.
        let printed =
            format!("{:?}", crate::policy::gate::testing::judge(KEYS, &Fake::new().file("a.txt", &line)));
        assert!(!printed.contains(&token[4..]), "{name}");
    }
}

#[test]
fn what_only_looks_like_one_is_none() {
    let letters = |length| random(length, LETTERS);
    let fine = [
        format!("x{}{}", "AK", "IA") + &random(16, UPPER),
        format!("AK{}{}", "IA", random(20, UPPER)),
        format!("AK{}IOSFODNN7EXAMPLE", "IA"),
        format!("gh{}{}", "p_", "x".repeat(36)),
        format!("gh{}{}", "p_", letters(20)),
        format!("-----BEGIN {}-----", "RSA PRIVATE KEY"),
        format!("-----BEGIN {}-----\n{}\n", "PUBLIC KEY", letters(64)),
        "eyJ.eyJ.x".to_owned(),
        "password = \"correct horse battery staple\"".to_owned(),
        "password = \"${DATABASE_PASSWORD_2_3_4_5}\"".to_owned(),
        "token = getTokenFromHeader(request2, header3, x4y5z6)".to_owned(),
        "token == a1b2c3d4e5f6g7h8i9j0k1l2m3".to_owned(),
        format!("token_sha256 = \"{}\"", letters(64)),
        "const secretKeyName = 'projects/example/secrets/v1/a2b3'".to_owned(),
        "design-token: color-primary-500-hover".to_owned(),
        "api_key = \"your-api-key-a1b2c3d4e5\"".to_owned(),
        format!("secret: https://vault.example/{}", letters(20)),
    ];
    for text in fine {
        assert_eq!(
            passes(KEYS, &Fake::new().file("a.txt", &text)).detail,
            "no credential in 1 file",
            "{text}"
        );
    }
}

#[test]
fn an_allowed_finding_is_counted_and_no_other_is() {
    let token = format!("gh{}{}", "p_", random(36, LETTERS));
    let keys = format!("{KEYS}\nallow = [\"{}\"]", Sha256::of(token.as_bytes()));
    let held = passes(&keys, &Fake::new().file("a.txt", &token));
    assert_eq!(held.detail, "no credential in 1 file, 1 allowed");
    let other = format!("gh{}{}", "o_", random(36, LETTERS));
    assert_eq!(faults(&keys, &Fake::new().file("a.txt", format!("{token}\n{other}"))).len(), 1);
}

#[test]
fn binary_and_large_files_are_counted_and_nothing_searched_proves_nothing() {
    let token = format!("gh{}{}", "p_", random(36, LETTERS));
    let large = vec![b' '; usize::try_from(SEARCHED_BYTES_MAX).unwrap() + 1];
    let binary = Fake::new().file("b.bin", [token.as_bytes(), b"\0"].concat()).file("c.txt", large);
    fails(KEYS, &binary, "payload", "text to search", "no file was searched");
    let held = passes(KEYS, &binary.file("a.txt", "fine"));
    assert_eq!(held.detail, "no credential in 1 file, 2 binary or above 1 MiB not searched");
    fails(KEYS, &Fake::new(), "payload", "text to search", "no file was searched");
    let unreadable = Fake::new().file("a.txt", "x").unreadable("a.txt", "permission denied");
    fails(KEYS, &unreadable, "a.txt", "a file to search", "permission denied");
}

#[test]
fn many_findings_are_counted() {
    let line = format!("gh{}{}\n", "p_", random(36, LETTERS));
    let found = faults(KEYS, &Fake::new().file("a.txt", line.repeat(130)));
    assert_eq!((found.len(), &*found[100].2), (101, "30 more"));
    assert_eq!(found[99].0, "a.txt:100");
}

#[test]
fn output_is_masked_wherever_a_credential_stands() {
    let searcher = Searcher::new();
    for (name, line, token, _) in samples() {
        let masked = searcher.mask(format!("\u{fffd}a {line} b\0c").as_bytes(), &[]);
        let masked = String::from_utf8(masked).unwrap();
        assert!(!masked.contains(&token) && masked.contains(&format!("[masked: {name}]")), "{masked}");
        assert!(masked.starts_with("\u{fffd}a ") && masked.ends_with(" b\0c"), "{masked}");
    }
    let values = [b"hunter2".to_vec()];
    assert_eq!(
        searcher.mask(b"x hunter2 y hunter2", &values),
        b"x [masked: a variable] y [masked: a variable]"
    );
    let line = format!("gh{}{} ", "p_", random(36, LETTERS));
    let masked = searcher.mask(line.repeat(2500).as_bytes(), &[]);
    assert_eq!(masked, "[masked: GitHub token] ".repeat(2500).as_bytes());
}

#[test]
fn hostile_text_takes_no_long_time() {
    let searcher = Searcher::new();
    let started = std::time::Instant::now();
    for part in ["eyJ", "eyJ.", "token=", "-----BEGIN PRIVATE KEY", "ghp_", "AKIA", "password: \"", "xoxb-"] {
        searcher.hits(part.repeat((1 << 18) / part.len()).as_bytes());
    }
    // Linear work takes some tenths of a second for each, where the tests are built without optimisation.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn no_waiver_lifts_it() {
    let waivable = KINDS.iter().filter(|kind| kind.name == "secrets").map(|kind| kind.waivable);
    assert_eq!(waivable.collect::<Vec<_>>(), [false]);
}

/// What a search costs where it finds nothing: with `--nocapture` it says so.
#[test]
fn text_is_searched_as_fast_as_it_can_be_read() {
    let source = include_str!("rules.rs").as_bytes();
    let text = source.repeat((40 << 20) / source.len());
    let searcher = Searcher::new();
    let started = std::time::Instant::now();
    let hits: usize = text.chunks(1 << 20).map(|part| searcher.hits(part).len()).sum();
    println!("{:?} for {} MiB", started.elapsed(), text.len() >> 20);
    assert_eq!(hits, 0);
}

#[test]
fn keys_that_cannot_work_are_refused() {
    let wrong = refusal("check = \"secrets\"\nallow = [\n\"abc\"]");
    assert_eq!((wrong.0, &*wrong.1), (3, "`allow` cannot have `abc`"));
    let digest = Sha256::of(b"");
    let twice = refusal(&format!("check = \"secrets\"\nallow = [\"{digest}\", \"{digest}\"]"));
    assert_eq!(twice.1, "a digest stands in `allow` twice");
}
