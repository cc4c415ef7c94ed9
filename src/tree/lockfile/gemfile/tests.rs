use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, fixture, one_fault, purls, read, shown, stands_cuts};

#[test]
fn a_gem_is_the_root_of_what_it_asks_for() {
    let reading = read("tools/Gemfile.lock", &fixture("bundler-releaser/Gemfile.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    assert_eq!(shown(&reading), RELEASER);
    assert_eq!(purls(&reading, "http_parser.rb"), ["pkg:gem/http_parser.rb@0.8.0"]);
}

// Counted with Python over the lines: those that are indented by 4 with a version in brackets in sections that have
// `specs:`, those by 6 whose name stands by 4 too, and those of DEPENDENCIES whose name does.
#[test]
fn rails_is_several_gems() {
    let reading = read("rails/Gemfile.lock", &fixture("bundler-rails/Gemfile.lock"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    assert_eq!(counted(&reading), RAILS);
    let graph = &reading.graph;
    let roots: Vec<_> = graph.roots().iter().map(|root| graph.component(*root).name.as_str()).collect();
    let expected = [
        "actioncable",
        "actionmailbox",
        "actionmailer",
        "actionpack",
        "actiontext",
        "actionview",
        "activejob",
        "activemodel",
        "activerecord",
        "activestorage",
        "activesupport",
        "rails",
        "railties",
        "rails",
    ];
    assert_eq!(roots, expected);
}

// By the documentation of `bundle lock --add-checksums`; no real file with that section was at hand.
#[test]
fn platforms_checksums_and_repositories_are_told() {
    let hex = "0a".repeat(32);
    let text = format!(
        "GIT\n  remote: https://h.example/g.git\n  revision: abc\n  branch: main\n  specs:\n    g (0.1.pre)\n\nGEM\n  \
         remote: https://h.example/\n  specs:\n    n (1.16.0)\n      g (>= 0)\n      bundler\n    n (1.16.0-x86_64-linux)\n      \
         g (>= 0)\n\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n  g!\n  n (~> 1)\n\nCHECKSUMS\n  g (0.1.pre)\n  \
         n (1.16.0) sha256={hex}\n  n (1.16.0-x86_64-linux) sha256={hex},sha512=\n\nRUBY VERSION\n   ruby 3.3.0p0\n\n\
         BUNDLED WITH\n   2.6.2\n"
    )
    .replace(",sha512=", "");
    let reading = read("app/Gemfile.lock", text.as_bytes(), &());
    assert_eq!(reading.faults, []);
    let expected = [
        "g@0.1.pre 0",
        "n@1.16.0 1 > g@0.1.pre",
        "n@1.16.0 1 > g@0.1.pre",
        "#app@- 0 > g@0.1.pre n@1.16.0 n@1.16.0",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "n"), ["pkg:gem/n@1.16.0", "pkg:gem/n@1.16.0?platform=x86_64-linux"]);
    assert_eq!(purls(&reading, "g"), ["pkg:gem/g@0.1.pre?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fg.git%40abc"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let end = "DEPENDENCIES\n";
    for (text, line, what) in [
        (format!("GEM\n  specs:\n    a\n{end}"), Some(3), "a gem that cannot be read"),
        (format!("GEM\n  specs:\n    a (1\n{end}"), Some(3), "a gem that cannot be read"),
        (format!("GEM\n  specs:\n    a (1)\n    a (1)\n{end}"), Some(4), "`a (1)` stands twice"),
        (format!("GEM\n  specs:\n      a (1)\n{end}"), Some(3), "a need that cannot be read"),
        (format!("GEM\n<<<<<<< HEAD\n{end}"), Some(2), "the mark of a merge conflict"),
        (format!("{end}\nNEWS\n  x\n"), Some(4), "what stands in NEWS is not known"),
        (format!("{end}\nCHECKSUMS\n  a (1) sha256=00\n"), Some(4), "a checksum that cannot be read"),
        ("GEM\n  specs:\n    a (1)\n".to_owned(), None, "the section DEPENDENCIES is missing"),
    ] {
        one_fault("Gemfile.lock", &text, Code::SbomSourceInvalid, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("Gemfile.lock", &fixture("bundler-rails/Gemfile.lock"), &());
}

const RELEASER: &[&str] = &[
    "#releaser@1.0.0 0 > minitest@5.25.1 rake@13.2.1 blade@0.7.3 sprockets-export@1.0.0",
    "activesupport@7.2.1.1 0 > base64@0.2.0 bigdecimal@3.1.8 concurrent-ruby@1.3.4 connection_pool@2.4.1 drb@2.2.1 i18n@1.14.6 logger@1.6.1 minitest@5.25.1 securerandom@0.3.1 tzinfo@2.0.6",
    "addressable@2.8.7 0 > public_suffix@6.0.1",
    "base64@0.2.0 0",
    "bigdecimal@3.1.8 0",
    "blade@0.7.3 0 > activesupport@7.2.1.1 blade-qunit_adapter@2.0.1 coffee-script@2.4.1 coffee-script-source@1.12.2 curses@1.4.6 eventmachine@1.2.7 faye@1.4.0 sprockets@4.2.1 thin@1.8.2 thor@1.3.2 useragent@0.16.10",
    "blade-qunit_adapter@2.0.1 0",
    "coffee-script@2.4.1 0 > coffee-script-source@1.12.2 execjs@2.9.1",
    "coffee-script-source@1.12.2 0",
    "concurrent-ruby@1.3.4 0",
    "connection_pool@2.4.1 0",
    "cookiejar@0.3.4 0",
    "curses@1.4.6 0",
    "daemons@1.4.1 0",
    "drb@2.2.1 0",
    "em-http-request@1.1.7 0 > addressable@2.8.7 cookiejar@0.3.4 em-socksify@0.3.3 eventmachine@1.2.7 http_parser.rb@0.8.0",
    "em-socksify@0.3.3 0 > base64@0.2.0 eventmachine@1.2.7",
    "eventmachine@1.2.7 0",
    "execjs@2.9.1 0",
    "faye@1.4.0 0 > cookiejar@0.3.4 em-http-request@1.1.7 eventmachine@1.2.7 faye-websocket@0.11.3 multi_json@1.15.0 rack@2.2.10 websocket-driver@0.7.6",
    "faye-websocket@0.11.3 0 > eventmachine@1.2.7 websocket-driver@0.7.6",
    "http_parser.rb@0.8.0 0",
    "i18n@1.14.6 0 > concurrent-ruby@1.3.4",
    "logger@1.6.1 0",
    "minitest@5.25.1 0",
    "multi_json@1.15.0 0",
    "public_suffix@6.0.1 0",
    "rack@2.2.10 0",
    "rake@13.2.1 0",
    "securerandom@0.3.1 0",
    "sprockets@4.2.1 0 > concurrent-ruby@1.3.4 rack@2.2.10",
    "sprockets-export@1.0.0 0",
    "thin@1.8.2 0 > daemons@1.4.1 eventmachine@1.2.7 rack@2.2.10",
    "thor@1.3.2 0",
    "tzinfo@2.0.6 0 > concurrent-ruby@1.3.4",
    "useragent@0.16.10 0",
    "websocket-driver@0.7.6 0 > websocket-extensions@0.1.5",
    "websocket-extensions@0.1.5 0",
];
const RAILS: ([usize; 3], [usize; 3]) = ([213, 384, 0], [213, 0, 0]);
