//! What ssh-keygen(1) lets one write, and each mistake with its line.

use super::*;

/// The public key of RFC 8032, section 7.1, test 1, as OpenSSH writes it.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3URop";

fn parse(text: &str) -> AllowedSigners {
    AllowedSigners::parse(text).unwrap()
}

/// The fault of a third line.
fn fault(line: &str) -> String {
    let fault = AllowedSigners::parse(&format!("# who may sign\n\n{line}\n")).unwrap_err();
    assert_eq!(fault.line, 3, "{line}");
    fault.why
}

#[test]
fn a_line_says_who_for_what_and_when() {
    let text = format!(
        "# comment\n\n\ta@example.com,*@b.example {KEY} a comment\r\n\
         \"c d\"\tnamespaces=\"git,file\",valid-after=\"20260101\",VALID-BEFORE=\"202612312359Z\" {KEY}\n\
         *@example.com cert-authority {KEY}\n"
    );
    let lines = parse(&text).lines;
    assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(
        (lines[0].namespaces.as_deref(), lines[0].valid_after_s, lines[0].cert_authority),
        (None, None, false)
    );
    assert!(
        lines[0].is_for("a@example.com") && lines[0].is_for("x@b.example") && !lines[0].is_for("x@c.example")
    );
    assert!(
        lines[1].is_for("c d") && lines[1].is_in("git") && lines[1].is_in("file") && !lines[1].is_in("mail")
    );
    assert_eq!(lines[1].valid_after_s, Some(1_767_225_600));
    assert_eq!(lines[1].valid_before_s, Some(1_798_761_540));
    assert!(lines[2].cert_authority && lines[0].is_in("anything"));
    assert_eq!(&lines[0].key[..4], [0, 0, 0, 11]);
    assert_eq!(parse(""), AllowedSigners::default());
}

#[test]
fn times_have_three_lengths_and_are_utc() {
    assert_eq!(time("20260101"), Ok(1_767_225_600));
    assert_eq!(time("20260101Z"), Ok(1_767_225_600));
    assert_eq!(time("202601010001z"), Ok(1_767_225_660));
    assert_eq!(time("20260101000102"), Ok(1_767_225_662));
    for bad in
        ["", "Z", "2026", "2026-01-01", "20261301", "20260230", "202601012400", "20260101000060", "+2026010"]
    {
        assert!(time(bad).is_err(), "{bad}");
    }
}

#[test]
fn patterns_have_wildcards_and_refusals() {
    for (list, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abbd", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*@*.example.com", "x@y.example.com", true),
        ("*@*.example.com", "x@example.com", false),
        ("!bad@example.com,*@example.com", "bad@example.com", false),
        ("*@example.com,!bad@example.com", "bad@example.com", false),
        ("!bad@example.com,*@example.com", "good@example.com", true),
        ("!bad@example.com", "good@example.com", false),
        ("A@example.com", "a@example.com", false),
        ("**a**", "bab", true),
    ] {
        assert_eq!(matches_list(text, list), expected, "{list} {text}");
    }
}

#[test]
fn a_pattern_of_many_stars_takes_no_longer_than_its_length_times_the_text() {
    let (text, pattern) = ("a".repeat(5_000), format!("{}b", "a*".repeat(2_000)));
    assert!(!matches_list(&text, &pattern));
}

#[test]
fn every_mistake_is_told_with_its_line() {
    assert_eq!(fault("a@example.com"), "nothing follows the principals");
    assert_eq!(fault("a@example.com ssh-ed25519"), "there is no key");
    assert_eq!(fault("a@example.com namespaces=\"git\""), "there is no key");
    assert_eq!(fault("a@example.com namespaces=\"git ssh-ed25519 x"), "quotes do not end");
    assert_eq!(fault(&format!("\"a {KEY}")), "the quotes around the principals do not end");
    assert_eq!(fault(&format!("a,,b {KEY}")), "a principal is empty");
    assert_eq!(fault("a ssh-ed25519 !!!!"), "the key is not base64");
    assert_eq!(
        fault(&format!("a {}", KEY.replace("ssh-ed25519", "ssh-rsa"))),
        "the key is none of type `ssh-rsa`"
    );
    assert_eq!(fault("a ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"), "the key is none of type `ssh-ed25519`");
    let option = |option: &str| fault(&format!("a {option} {KEY}"));
    assert_eq!(
        option("namespace=\"git\""),
        "the option `namespace` is not known, did you mean `namespaces`?"
    );
    assert_eq!(option("zones"), "the option `zones` is not known");
    assert_eq!(option("cert-authority=\"x\""), "`cert-authority` takes no value");
    assert_eq!(option("namespaces=git"), "the value of `namespaces` must be in quotes");
    assert_eq!(option("namespaces=\"\""), "the value of `namespaces` is empty");
    assert_eq!(option("valid-after"), "`valid-after` has no value");
    assert_eq!(option("namespaces=\"a\",namespaces=\"b\""), "`namespaces` stands twice");
    assert_eq!(option("valid-after=\"soon\""), "`soon` is no time: YYYYMMDD[HHMM[SS]][Z]");
    let never = "valid-after=\"20260102\",valid-before=\"20260101\"";
    assert_eq!(option(never), "valid-before is not after valid-after");
    let many = "#\n".repeat(LINES_MAX + 1);
    assert_eq!(AllowedSigners::parse(&many).unwrap_err().line, LINES_MAX + 1);
}
