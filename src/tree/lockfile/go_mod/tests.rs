use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{counted, one_fault, purls, read, shared, shown, stands_cuts};

// Counted with grep: lines that begin with a tab and have ` v` in them, and those of them without `// indirect`.
#[test]
fn everything_that_restic_requires_is_read() {
    let reading = read("go.mod", &shared("go/go.mod"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(counted(&reading), RESTIC);
    assert_eq!(purls(&reading, "github.com/restic/restic"), ["pkg:golang/github.com/restic/restic"]);
    assert_eq!(
        purls(&reading, "github.com/klauspost/compress"),
        ["pkg:golang/github.com/klauspost/compress@v1.18.7"]
    );
    let sum = "pkg:golang/github.com/cncf/xds/go@v0.0.0-20260202195803-dba9d589def2";
    assert_eq!(purls(&reading, "github.com/cncf/xds/go"), [sum]);
}

#[test]
fn replacements_of_both_kinds_count() {
    let text = "module \"m.example/app\" // why\n\ngo 1.22\n\nrequire h.example/a v1.0.0\nrequire (\n\th.example/b v1.0.0+incompatible // indirect\n\
        \th.example/c v1.0.0 // indirect; x\n\th.example/d v1.0.0 // not indirect\n)\n\nreplace h.example/a v1.0.0 => h.example/fork v1.1.0\n\
        replace (\n\th.example/b v0.9.0 => h.example/no v1.0.0\n\t`h.example/d` => ../d\n)\nexclude h.example/a v1.2.0\nretract [v1.0.0, v1.1.0]\n";
    let reading = read("go.mod", text.as_bytes(), &());
    assert_eq!(reading.faults, []);
    let expected = [
        "#m.example/app@- 0 > h.example/fork@v1.1.0 h.example/d@-",
        "h.example/fork@v1.1.0 0",
        "h.example/b@v1.0.0+incompatible 0",
        "h.example/c@v1.0.0 0",
        "h.example/d@- 0",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "h.example/b"), ["pkg:golang/h.example/b@v1.0.0%2Bincompatible"]);
    assert_eq!(purls(&reading, "h.example/d"), ["none"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    for (text, code, line, what) in [
        ("go 1.22\n", invalid, None, "no module is named"),
        ("module a\nrequire b\n", invalid, Some(2), "a require line that cannot be read"),
        ("module a\nrequire b 1.0\n", invalid, Some(2), "a require line that cannot be read"),
        ("module a\nmodule b\n", invalid, Some(2), "a module line that cannot be read"),
        ("module a\nrequire (\n\tb v1\n\tb v2\n)\n", invalid, Some(4), "a require line that cannot be read"),
        ("module a\nreplace b => \n", invalid, Some(2), "a replace line that cannot be read"),
        ("module a\nrequire (\n\tb v1\n", invalid, Some(3), "the require block does not end"),
        ("module a\nrequire \"b v1\n", invalid, Some(2), "a quote that does not end"),
        ("module a\nbake b v1\n", Code::SbomSourceNewer, Some(2), "the directive `bake` is not known"),
        (
            "module a\nbake (\n\tb v1\n)\n",
            Code::SbomSourceNewer,
            Some(2),
            "the directive `bake` is not known",
        ),
    ] {
        one_fault("go.mod", text, code, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    // Between two blocks nothing tells that a third one is missing.
    stands_cuts("go.mod", &shared("go/go.mod"), &());
}

const RESTIC: ([usize; 3], [usize; 3]) = ([94, 34, 0], [94, 0, 0]);
