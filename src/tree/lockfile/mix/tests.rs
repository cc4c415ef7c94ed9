use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, fixture, one_fault, purls, read, shown, stands_cuts};

/// What the real files have none of: a need that is there only where something else asks for it, an application that is
/// called otherwise than its package, a registry of one organisation, an entry as old versions of Hex wrote it.
fn lock() -> String {
    let (inner, outer) = ("0a".repeat(32), "0b".repeat(32));
    format!(
        "%{{\n  \"jason\": {{:hex, :jason, \"1.4.4\", \"{inner}\", [:mix], [{{:decimal, \"~> 1.0 or ~> 2.0\", [hex: :decimal, repo: \"hexpm\", optional: true]}}], \"hexpm\", \"{outer}\"}},\n  \
         \"plug\": {{:hex, :plug, \"1.16.1\", \"{inner}\", [:mix], [{{:mime, \"~> 1.0\", [hex: :mime, repo: \"hexpm\", optional: false]}}, {{:jason, \"~> 1.0\", [hex: :jason]}}], \"hexpm\", \"{outer}\"}},\n  \
         \"mime\": {{:hex, :mime, \"2.0.6\", \"{inner}\", [:mix], [], \"hexpm\"}},\n  \
         \"own\": {{:hex, :own_app, \"0.1.0\", \"{inner}\", [:mix], [], \"hexpm:acme\", \"{outer}\"}},\n}}\n"
    )
}

#[test]
fn packages_of_hex_have_the_digest_of_their_archive() {
    let reading = read("mix.lock", lock().as_bytes(), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Complete, &[][..]));
    let expected = ["jason@1.4.4 1", "plug@1.16.1 1 > mime@2.0.6 jason@1.4.4", "mime@2.0.6 0", "own@0.1.0 1"];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "plug"), ["pkg:hex/plug@1.16.1"]);
    assert_eq!(purls(&reading, "own"), ["pkg:hex/acme/own_app@0.1.0"]);
    let first = reading.graph.component(reading.graph.nodes().next().unwrap());
    assert_eq!(first.checksums[0].hex(), "0b".repeat(32));
}

/// Every line of the real files but the first and the last is a package with its digest. `decimal`, which jason can do
/// without, is not in them.
#[test]
fn the_lockfiles_of_ex_doc_and_earmark_parser() {
    let ex_doc = read("mix.lock", &fixture("mix-ex-doc/mix.lock"), &());
    assert_eq!((ex_doc.aggregate, &ex_doc.faults[..]), (Aggregate::Complete, &[][..]));
    let expected = [
        "earmark_parser@1.4.39 1",
        "easyhtml@0.3.2 1 > floki@0.36.2",
        "floki@0.36.2 1",
        "jason@1.4.1 1",
        "makeup@1.1.2 1 > nimble_parsec@1.4.0",
        "makeup_c@0.1.1 1 > makeup@1.1.2",
        "makeup_elixir@0.16.2 1 > makeup@1.1.2 nimble_parsec@1.4.0",
        "makeup_erlang@1.0.1 1 > makeup@1.1.2",
        "makeup_html@0.1.1 1 > makeup@1.1.2",
        "nimble_parsec@1.4.0 1",
    ];
    assert_eq!(shown(&ex_doc), expected);
    let bytes = fixture("mix-earmark-parser/mix.lock");
    let earmark = read("mix.lock", &bytes, &());
    assert_eq!((earmark.aggregate, &earmark.faults[..]), (Aggregate::Complete, &[][..]));
    assert_eq!(counted(&earmark), ([23, 15, 23], [23, 0, 0]));
    let unicode = purls(&earmark, "unicode_util_compat");
    assert_eq!(unicode, ["pkg:hex/unicode_util_compat@0.7.0"]);
    stands_cuts("mix.lock", &bytes, &());
}

#[test]
fn what_a_repository_needs_nobody_can_tell() {
    let text = "%{\"a\": {:git, \"https://h.example/a.git\", \"abc\", [branch: \"main\"]}}";
    let reading = read("mix.lock", text.as_bytes(), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(purls(&reading, "a"), ["pkg:hex/a?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fa.git%40abc"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, what) in [
        ("%{\n\"a\": {:hex, :a}}", Some(2), "`a` has no name or version"),
        ("%{\n\"a\": {:svn, :a}}", Some(2), "`a` is of no kind that is known"),
        ("%{\n\"a\": {:git, \"x\"}}", Some(2), "`a` has no address or commit"),
        (
            "%{\n\"a\": {:hex, :a, \"1\", \"\", [], [], \"hexpm\", \"zz\"}}",
            Some(2),
            "`a` has a digest that is none",
        ),
        ("%{\"a\": {:hex, :a, \"1\"},\n\"a\": {:hex, :a, \"2\"}}", Some(2), "`a` stands twice"),
        ("{}", None, "no map of packages"),
        ("%{\n<<<<<<< HEAD\n}", Some(2), "no term that a lockfile has"),
        ("%{\"a\": {:hex,\n", Some(2), "it ends too early"),
    ] {
        one_fault("mix.lock", text, Code::SbomSourceInvalid, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("mix.lock", lock().as_bytes(), &());
}
