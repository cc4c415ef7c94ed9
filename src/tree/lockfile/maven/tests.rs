use crate::finding::Code;
use crate::format::bom::Aggregate;
use crate::tree::lockfile::samples::{fixture, one_fault, purls, read, shown, stands_cuts};

#[test]
fn what_commons_lang_declares_is_read() {
    let reading = read("pom.xml", &fixture("maven-lang3/pom.xml"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), LANG3);
}

#[test]
fn what_jsoup_declares_is_read() {
    let reading = read("pom.xml", &fixture("maven-jsoup/pom.xml"), &());
    assert_eq!((reading.aggregate, &reading.faults[..]), (Aggregate::Unknown, &[][..]));
    assert_eq!(shown(&reading), JSOUP);
    assert_eq!(purls(&reading, "org.jsoup:jsoup"), ["pkg:maven/org.jsoup/jsoup@1.15.3"]);
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.supplier.as_deref(), Some("Jonathan Hedley"));
}

#[test]
fn versions_come_from_properties_and_from_what_is_managed() {
    let text = "<project><modelVersion>4.0.0</modelVersion><parent><groupId>g</groupId><version>7</version></parent>\
        <artifactId>app</artifactId><properties><a.b>1.${c}</a.b><c>2</c><loop>${loop}</loop></properties>\
        <dependencyManagement><dependencies>\
        <dependency><groupId>m</groupId><artifactId>m</artifactId><version>5</version><scope>test</scope></dependency>\
        <dependency><groupId>m</groupId><artifactId>bom</artifactId><version>5</version><type>pom</type><scope>import</scope></dependency>\
        </dependencies></dependencyManagement><dependencies>\
        <dependency><groupId>${project.groupId}</groupId><artifactId>a</artifactId><version>${a.b}</version></dependency>\
        <dependency><groupId>m</groupId><artifactId>m</artifactId><type>jar</type></dependency>\
        <dependency><groupId>m</groupId><artifactId>x</artifactId><classifier>tests</classifier><type>zip</type></dependency>\
        <dependency><groupId>m</groupId><artifactId>r</artifactId><version>[1,2)</version><scope>provided</scope></dependency>\
        <dependency><groupId>m</groupId><artifactId>e</artifactId><version>[1.5]</version><optional>true</optional></dependency>\
        <dependency><groupId>m</groupId><artifactId>u</artifactId><version>${unknown}</version></dependency>\
        <dependency><groupId>m</groupId><artifactId>l</artifactId><version>${loop}</version></dependency>\
        <dependency><groupId>m</groupId><artifactId>v</artifactId><version>${project.version}</version></dependency>\
        </dependencies><profiles><profile><dependencies><dependency><groupId>p</groupId><artifactId>p</artifactId>\
        </dependency></dependencies></profile></profiles></project>";
    let reading = read("pom.xml", text.as_bytes(), &());
    assert_eq!(reading.faults, []);
    let expected = [
        "#g:app@7 0 > g:a@1.2 m:m@5 m:x@- m:r@- m:e@1.5 m:u@- m:l@- m:v@7",
        "g:a@1.2 0",
        "m:m@5 dev 0",
        "m:x@- 0",
        "m:r@- optional 0",
        "m:e@1.5 optional 0",
        "m:u@- 0",
        "m:l@- 0",
        "m:v@7 0",
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(purls(&reading, "m:x"), ["pkg:maven/m/x?classifier=tests&type=zip"]);
}

#[test]
fn properties_that_grow_end() {
    let bomb: String = (0..30).map(|at| format!("<p{at}>${{p{}}}${{p{}}}</p{at}>", at + 1, at + 1)).collect();
    let text = format!(
        "<project><groupId>g</groupId><artifactId>a</artifactId><version>${{p0}}</version><properties>{bomb}<p30>xxxxxxxx</p30>\
         </properties></project>"
    );
    assert_eq!(shown(&read("pom.xml", text.as_bytes(), &())), ["#g:a@- 0"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = Code::SbomSourceInvalid;
    let with = |inside: &str| format!("<project>\n<artifactId>a</artifactId>\n{inside}</project>");
    for (text, code, line, what) in [
        ("<!DOCTYPE x SYSTEM \"x\">\n<project/>".to_owned(), invalid, 1, "a document type"),
        (with("<name>&x;</name>"), invalid, 3, "an entity that XML itself"),
        ("\n<settings/>".to_owned(), invalid, 2, "no Maven project"),
        ("\n<project/>".to_owned(), invalid, 2, "the project has no artifactId"),
        (
            with("<modelVersion>5.0.0</modelVersion>"),
            Code::SbomSourceNewer,
            3,
            "model version 5.0.0 is not 4.0.0",
        ),
        (with("<dependencies>\n<dependency/></dependencies>"), invalid, 4, "a dependency without a groupId"),
        (with(&"<x>".repeat(1000)), Code::SbomSourceTooLarge, 3, "nested deeper than"),
    ] {
        one_fault("pom.xml", &text, code, Some(line), what);
    }
}

#[test]
fn a_file_that_was_cut_off_is_told() {
    stands_cuts("pom.xml", &fixture("maven-jsoup/pom.xml"), &());
}

const LANG3: &[&str] = &[
    "#org.apache.commons:commons-lang3@3.12.0 0 > org.junit.jupiter:junit-jupiter@- org.junit-pioneer:junit-pioneer@1.3.0 org.hamcrest:hamcrest@2.2 org.easymock:easymock@4.2 org.openjdk.jmh:jmh-core@1.27 org.openjdk.jmh:jmh-generator-annprocess@1.27 com.google.code.findbugs:jsr305@3.0.2",
    "org.junit.jupiter:junit-jupiter@- dev 0",
    "org.junit-pioneer:junit-pioneer@1.3.0 dev 0",
    "org.hamcrest:hamcrest@2.2 dev 0",
    "org.easymock:easymock@4.2 dev 0",
    "org.openjdk.jmh:jmh-core@1.27 dev 0",
    "org.openjdk.jmh:jmh-generator-annprocess@1.27 dev 0",
    "com.google.code.findbugs:jsr305@3.0.2 dev 0",
];
const JSOUP: &[&str] = &[
    "#org.jsoup:jsoup@1.15.3 0 > org.junit.jupiter:junit-jupiter@5.9.0 com.google.code.gson:gson@2.9.1 org.eclipse.jetty:jetty-server@9.4.48.v20220622 org.eclipse.jetty:jetty-servlet@9.4.48.v20220622 com.google.code.findbugs:jsr305@3.0.2",
    "org.junit.jupiter:junit-jupiter@5.9.0 dev 0",
    "com.google.code.gson:gson@2.9.1 dev 0",
    "org.eclipse.jetty:jetty-server@9.4.48.v20220622 dev 0",
    "org.eclipse.jetty:jetty-servlet@9.4.48.v20220622 dev 0",
    "com.google.code.findbugs:jsr305@3.0.2 optional 0",
];
