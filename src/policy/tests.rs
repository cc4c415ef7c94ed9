//! What a policy may say, and each thing it is refused for, with its line and its hint.

use super::*;
use crate::error::Error;
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;

const RULE: &str = "[[include]]\nclass = \"doc\"\npaths = [\"docs/**\"]\n";
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn parse(text: &str) -> Result<Policy, Error> {
    Policy::parse(Source::File("attestar.toml".into()), text)
}

/// Line, message and hint of a refusal.
fn refusal(text: &str) -> (usize, String, String) {
    match parse(text) {
        Err(Error::Config { file, line, message, hint }) => {
            assert_eq!(file.to_str(), Some("attestar.toml"));
            (line, message, hint)
        }
        other => panic!("{text}\n{other:?}"),
    }
}

/// Refuses a policy of one good rule and something more, from line 5: keys of that rule, or tables after it.
fn refusal_of(more: &str) -> (usize, String, String) {
    refusal(&format!("schema = 1\n{RULE}{more}"))
}

#[test]
fn everything_that_is_written_is_there() {
    let text = format!(
        r#"
schema = 1
name = "strict"
[project]
name = "cryptopill"
supplier = "Tideline Ltd"
version_file = "VERSION"
tag = "release-{{version}}"
[[include]]
class = "ddl"
paths = ["ddl/*.sql"]
exclude = ["ddl/drafts/**"]
dialect = "postgresql"
required = true
[release]
classes = ["ddl"]
[hashes]
sha256 = "docs/HASHES.sha256.txt"
[seal]
key = "env:SIGNING_KEY"
recipients = ["{RECIPIENT}"]
compression_level = 19
[git]
allowed_signers = "keys/allowed_signers"
openpgp_keys = ["keys/a.asc", "keys/b.gpg"]
[sbom]
exclude = ["fixtures/**", "**/example/*"]
"#
    );
    let policy = parse(&text).unwrap();
    assert_eq!((policy.name.as_str(), policy.project.as_deref()), ("strict", Some("cryptopill")));
    assert_eq!((&policy.text, policy.sha256), (&text, Sha256::of(text.as_bytes())));
    assert_eq!(policy.version_file.unwrap().as_str(), "VERSION");
    assert_eq!(policy.tag.version("release-2"), Some("2"));
    let rule = &policy.include[0];
    assert_eq!((rule.class, rule.required, rule.line), (Class::Ddl, true, 9));
    assert_eq!(
        (rule.dialect, &*rule.exclude),
        (Some(Dialect::Postgresql), &["ddl/drafts/**".to_owned()][..])
    );
    assert_eq!(policy.release_classes.iter().collect::<Vec<_>>(), [&Class::Ddl]);
    assert_eq!(policy.hashes.sha256.as_str(), "docs/HASHES.sha256.txt");
    assert_eq!(policy.hashes.blake3.as_str(), "HASHES.blake3.txt");
    assert_eq!(policy.seal.key.as_deref(), Some("env:SIGNING_KEY"));
    assert_eq!((policy.seal.recipients.len(), policy.seal.compression_level), (1, 19));
    assert_eq!(policy.supplier.as_deref(), Some("Tideline Ltd"));
    assert_eq!(policy.git.allowed_signers.unwrap().as_str(), "keys/allowed_signers");
    let keys: Vec<&str> = policy.git.openpgp_keys.iter().map(PackPath::as_str).collect();
    assert_eq!(keys, ["keys/a.asc", "keys/b.gpg"]);
    let excludes = |path: &str| policy.sbom.excludes(&PackPath::new(path.as_bytes()).unwrap());
    assert_eq!(policy.sbom.exclude, ["fixtures/**", "**/example/*"]);
    assert!(excludes("fixtures/a/Cargo.lock") && excludes("x/example/Cargo.lock"));
    assert!(!excludes("Cargo.lock") && !excludes("x/example/y/Cargo.lock"));
}

#[test]
fn what_is_not_written_has_the_defaults_of_the_contract() {
    let policy = parse(&format!("schema = 1\n{RULE}")).unwrap();
    assert_eq!(policy.name, "attestar");
    assert_eq!(
        (policy.project, policy.version_file, policy.tag.to_string()),
        (None, None, "v{version}".into())
    );
    assert!(!policy.release_classes.contains(&Class::Data) && policy.release_classes.len() == 5);
    assert_eq!(policy.hashes.sha256.as_str(), "HASHES.sha256.txt");
    assert_eq!(policy.seal, SealOptions { key: None, recipients: vec![], compression_level: 3 });
    assert_eq!((policy.supplier, policy.git), (None, GitOptions::default()));
    assert!(policy.sbom.exclude.is_empty());
    assert!(!policy.sbom.excludes(&PackPath::new(b"Cargo.lock").unwrap()));
}

#[test]
fn the_schema_is_asked_for_first() {
    assert_eq!(refusal(RULE).1, "`schema` is missing");
    let later = refusal("new_in_2 = true\nschema = 2\n");
    assert_eq!(later.0, 2);
    assert!(later.1.starts_with("schema 2 is not known"), "{}", later.1);
}

#[test]
fn unknown_keys_are_refused_at_every_level_with_the_nearest_known() {
    for (more, line, message, hint) in [
        ("[projct]\n", 5, "unknown key `projct`", "did you mean `project`?"),
        ("[project]\nnmae = 'x'\n", 6, "unknown key `nmae` in [project]", "did you mean `name`?"),
        ("patsh = ['x']\n", 5, "unknown key `patsh` in [include]", "did you mean `paths`?"),
        ("[release]\nclass = ['doc']\n", 6, "unknown key `class` in [release]", "did you mean `classes`?"),
        ("[hashes]\nsha_256 = 'x'\n", 6, "unknown key `sha_256` in [hashes]", "did you mean `sha256`?"),
        ("[project]\nsuplier = 'x'\n", 6, "unknown key `suplier` in [project]", "did you mean `supplier`?"),
        (
            "[git]\nallowed_signer = 'x'\n",
            6,
            "unknown key `allowed_signer` in [git]",
            "did you mean `allowed_signers`?",
        ),
        ("[sbom]\nexlude = ['x']\n", 6, "unknown key `exlude` in [sbom]", "did you mean `exclude`?"),
        ("[sboms]\n", 5, "unknown key `sboms`", "did you mean `sbom`?"),
        ("[seal]\nrecipient = 'x'\n", 6, "unknown key `recipient` in [seal]", "did you mean `recipients`?"),
    ] {
        assert_eq!(refusal_of(more), (line, message.to_owned(), hint.to_owned()));
    }
    assert_eq!(refusal_of("[[gate]]\nid = 'x'\n").1, "a gate without `check`");
    let tier = refusal_of("[project]\ntier = 'very high'\n");
    assert_eq!((tier.0, tier.1.as_str()), (6, "`very high` cannot be a tier"));
    let branch = refusal_of("[git]\ndefault_branch = '../x'\n");
    assert_eq!((branch.0, branch.1.as_str()), (6, "`default_branch` cannot be `../x`"));
    assert_eq!(refusal_of("[prober]\nurl = 'x'\n").1, "unknown key `prober`");
}

#[test]
fn wrong_types_and_duplicates_are_refused() {
    assert_eq!(refusal_of("required = 'yes'\n").1, "`required` must be true or false, not a string");
    assert_eq!(refusal_of("[include2]\n").1, "unknown key `include2`");
    assert_eq!(
        refusal("schema = 1\n[include]\nclass = 'doc'\n").1,
        "`include` must be a list of tables, not a table"
    );
    assert_eq!(refusal_of("class = 'ddl'\n").0, 5);
    assert_eq!(refusal_of("[seal]\n[seal]\n").0, 6);
    assert_eq!(refusal_of("[release]\nclasses = ['doc', 'doc']\n").1, "class doc stands in `classes` twice");
    let twice = refusal_of(&format!("[seal]\nrecipients = ['{RECIPIENT}', '{RECIPIENT}']\n"));
    assert_eq!(twice.1, format!("{RECIPIENT} is a recipient twice"));
    assert_eq!(refusal_of("exclude = ['a', 'a']\n").1, "the pattern `a` stands in `exclude` twice");
}

#[test]
fn a_rule_needs_a_known_class_and_patterns_and_a_dialect_only_for_ddl() {
    assert_eq!(refusal("schema = 1\n").1, "no [[include]] rule: the policy selects nothing");
    assert_eq!(refusal("schema = 1\n[[include]]\npaths = ['a']\n").1, "`class` is missing in [[include]]");
    assert_eq!(refusal("schema = 1\n[[include]]\nclass = 'doc'\n").1, "`paths` is missing in [[include]]");
    assert_eq!(refusal("schema = 1\n[[include]]\nclass = 'docs'\npaths = ['a']\n").2, "did you mean `doc`?");
    assert_eq!(refusal_of("dialect = 'sqlite'\n").1, "`dialect` has no meaning for class doc");
    let unknown = refusal("schema = 1\n[[include]]\nclass = 'ddl'\npaths = ['a']\ndialect = 'postgres'\n");
    assert_eq!(unknown, (5, "dialect `postgres` is not known".into(), "did you mean `postgresql`?".into()));
    assert!(refusal_of("[release]\nclasses = []\n").1.contains("a release would hold nothing"));
}

#[test]
fn patterns_that_match_nothing_are_refused_with_what_was_meant() {
    for (pattern, hint) in [
        ("docs/", "write \"docs/**\""),
        ("/docs/**", "write \"docs/**\""),
        ("./docs/**", "write \"docs/**\""),
        ("!docs/**", "exclude = [\"docs/**\"]"),
        ("", "use ** for every file"),
        ("../x", ""),
        ("a[b", ""),
        ("{a,b", ""),
    ] {
        let found = refusal(&format!(
            "schema = 1\n[[include]]\nclass = 'doc'\npaths = [\n  'x',\n  '{pattern}',\n]\n"
        ));
        assert_eq!((found.0, found.2.as_str()), (6, hint), "{}", found.1);
    }
}

#[test]
fn rules_that_can_never_match_are_refused() {
    let late = refusal_of("[[include]]\nclass = 'ddl'\npaths = ['a', 'docs/x/*.sql']\n");
    assert_eq!(
        (late.0, late.1.as_str()),
        (7, "`docs/x/*.sql` can never match: `docs/**` of line 2 takes everything first")
    );
    let same = refusal("schema = 1\n[[include]]\nclass = 'doc'\npaths = ['**', 'a']\n");
    assert_eq!(same.1, "`a` can never match: `**` of the same rule takes everything first");
}

#[test]
fn names_and_paths_must_be_ones() {
    for bad in [".app", "-app", "a/b", "a b", ""] {
        let found = refusal_of(&format!("[project]\nname = '{bad}'\n"));
        assert_eq!(found.1, format!("`{bad}` cannot be a project's name"));
    }
    assert_eq!(refusal_of("[project]\ntag = 'v'\n").1, "`tag` must hold {version} exactly once");
    for bad in ["/etc/x", "../x", "a//b", ""] {
        assert_eq!(refusal_of(&format!("[hashes]\nsha256 = '{bad}'\n")).0, 6, "{bad}");
        assert_eq!(refusal_of(&format!("[project]\nversion_file = '{bad}'\n")).0, 6, "{bad}");
    }
    assert_eq!(
        refusal_of("[hashes]\nsha256 = 'h'\nblake3 = 'h'\n").1,
        "both manifests would be written to h"
    );
}

#[test]
fn a_supplier_is_a_text_that_can_be_shown() {
    let two_hundred = "ü".repeat(100);
    let policy = parse(&format!("schema = 1\n[project]\nsupplier = '{two_hundred}'\n{RULE}")).unwrap();
    assert_eq!(policy.supplier, Some(two_hundred.clone()));
    for (bad, why) in [
        ("''".to_owned(), "is empty"),
        ("'  '".to_owned(), "is empty"),
        ("\"a\\u001bb\"".to_owned(), "has control characters in it"),
        (format!("'{two_hundred}x'"), "is longer than 200 bytes"),
    ] {
        let found = refusal_of(&format!("[project]\nsupplier = {bad}\n"));
        assert_eq!((found.0, found.1), (6, format!("`supplier` {why}")), "{bad}");
    }
    assert_eq!(refusal_of("[project]\nsupplier = 1\n").1, "`supplier` must be a string, not an integer");
}

#[test]
fn keys_of_tag_signers_lie_in_the_tree_each_named_once() {
    for bad in ["/etc/x", "../x", "a//b", ""] {
        assert_eq!(refusal_of(&format!("[git]\nallowed_signers = '{bad}'\n")).0, 6, "{bad}");
        let found = refusal_of(&format!("[git]\nopenpgp_keys = [\n 'a',\n '{bad}']\n"));
        assert_eq!(found.0, 8, "{bad}");
        assert!(found.1.starts_with("`openpgp_keys` cannot be a path in the tree: "), "{}", found.1);
    }
    let twice = refusal_of("[git]\nopenpgp_keys = ['a', 'a']\n");
    assert_eq!(twice, (6, "a stands in `openpgp_keys` twice".into(), "remove one".into()));
    assert_eq!(
        refusal_of("[git]\nopenpgp_keys = 'a'\n").1,
        "`openpgp_keys` must be a list of strings, not a string"
    );
}

#[test]
fn what_the_sbom_leaves_out_are_patterns_as_in_the_rules() {
    let found = refusal_of("[sbom]\nexclude = ['x/**', 'fixtures/']\n");
    assert_eq!(found.0, 6);
    assert_eq!(found.1, "the pattern `fixtures/` ends in / and matches no file");
    assert_eq!(found.2, "write \"fixtures/**\"");
    assert_eq!(refusal_of("[sbom]\nexclude = ['a', 'a']\n").1, "the pattern `a` stands in `exclude` twice");
}

#[test]
fn recipients_and_levels_must_be_ones() {
    let short = refusal_of("[seal]\nrecipients = ['age1xyz']\n");
    assert_eq!((short.0, short.1.as_str()), (6, "`age1xyz` is not an age X25519 recipient"));
    let ssh = refusal_of("[seal]\nrecipients = ['ssh-ed25519 AAAA']\n");
    assert!(ssh.1.ends_with("is an SSH key, which cannot be a recipient here"), "{}", ssh.1);
    for level in [0, 20, -1, i64::MAX] {
        let found = refusal_of(&format!("[seal]\ncompression_level = {level}\n"));
        assert_eq!(found.1, format!("compression level {level} is not from 1 to 19"));
    }
}

#[test]
fn secrets_are_refused_and_never_repeated() {
    for (more, secret) in [
        ("# AGE-SECRET-KEY-1QQPQ\n", "QQPQ"),
        ("[seal]\nkey = '''\n-----BEGIN PRIVATE KEY-----\nMC4C\n'''\n", "MC4C"),
        ("[seal]\npassphrase = 'hunter2'\n", "hunter2"),
        ("[seal]\nkey = 'postgres://a:hunter2@h/d'\n", "hunter2"),
        ("[store]\nurl = 'https://u:hunter2@h/'\n", "hunter2"),
    ] {
        let (_, message, hint) = refusal_of(more);
        assert!(!message.contains(secret) && !hint.contains(secret), "{message}");
        assert!(hint.contains("env:NAME"), "{message}: {hint}");
    }
}

#[test]
fn notes_retention_and_filing_are_read() {
    let more = "[release]\nnotes = 'docs/v{version}.md'\nkeep = { min_age = '30d' }\n[filing]\npaths = ['docs/**']\n";
    let policy = parse(&format!("schema = 1\n{RULE}{more}")).unwrap();
    assert!(policy.notes.is_some());
    assert_eq!(policy.keep_release_s, Some(30 * 24 * 3600));
    let filing = policy.filing.unwrap();
    let takes = |path: &str| filing.takes(&PackPath::new(path.as_bytes()).unwrap(), Class::Doc);
    assert_eq!([takes("docs/a.md"), takes("a.md")], [true, false]);
    for (more, line, message) in [
        ("[release]\nkeep = {}\n", 6, "`keep` without `min_age` keeps nothing"),
        ("[release]\nkeep = { min_age = 'long' }\n", 6, "`min_age` cannot be `long`"),
        ("[release]\nnotes = '../v.md'\n", 6, "`notes` cannot be a path in the tree: a dot component"),
        ("[filing]\nclasses = ['docs']\n", 6, "class `docs` is not one of"),
    ] {
        let found = refusal_of(more);
        assert_eq!(found.0, line, "{more}");
        assert!(found.1.starts_with(message.split(" is not").next().unwrap()), "{found:?}");
    }
}
