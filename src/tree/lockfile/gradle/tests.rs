use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{one_fault, purls, read, shown, stands_cuts};

/// As Gradle writes it, and by its documentation of dependency locking; since Gradle 9 with a fourth line at the top.
const LOCK: &str = "# This is a Gradle generated file for dependency locking.\n# Manual edits can break the build and are not advised.\n\
    # This file is expected to be part of source control.\n# To regenerate this file, run: ./gradlew :dependencies --write-locks\n\
    com.google.guava:guava:33.0.0-jre=compileClasspath,runtimeClasspath,testRuntimeClasspath\n\
    junit:junit:4.13.2=testCompileClasspath,testRuntimeClasspath\n\
    org.mockito:mockito-core:5.0.0=debugAndroidTestCompileClasspath\n\
    org.testng:x:1=testingClasspath\n\
    empty=annotationProcessor,testAnnotationProcessor\n";

#[test]
fn what_only_tests_ask_for_is_for_development() {
    let reading = read("app/gradle.lockfile", LOCK.as_bytes(), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    let expected = [
        "com.google.guava:guava@33.0.0-jre 0",
        "junit:junit@4.13.2 dev 0",
        "org.mockito:mockito-core@5.0.0 dev 0",
        "org.testng:x@1 0",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "junit:junit"), ["pkg:maven/junit/junit@4.13.2"]);
    let of_build = read("buildscript-gradle.lockfile", b"a:b:1=classpath\nempty=\n", &());
    assert_eq!(shown(&of_build), ["a:b@1 dev 0"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, what) in [
        ("a:b:1=c\nx\nempty=\n", Some(2), "a line without `=`"),
        ("a:b=c\nempty=\n", Some(1), "`a:b` is no module"),
        ("a:b:=c\nempty=\n", Some(1), "`a:b:` is no module"),
        ("a:b:1:2=c\nempty=\n", Some(1), "`a:b:1:2` is no module"),
        ("a:b:1=c\na:b:1=d\nempty=\n", Some(2), "`a:b:1` stands twice"),
        ("a:b:1=c\n", None, "the line `empty=` at its end is missing"),
    ] {
        one_fault("gradle.lockfile", text, Code::SbomSourceInvalid, line, what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("gradle.lockfile", LOCK.as_bytes(), &());
}
