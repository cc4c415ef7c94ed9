//! Each format, whole and damaged.

use crate::finding::Code;
use crate::format::bom::{Aggregate, Licence};
use crate::tree::artifact::bounds::{DEPTH_MAX, MANIFEST_BYTES_MAX};
use crate::tree::artifact::inspect;
use crate::tree::artifact::testing::{
    faults, gzip, member, outline, read, read_whole, survives_damage, tar, zip,
};
use lzma_rust2::{XzOptions, XzWriter};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use tar::EntryType;

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: Sample.Pkg\nVersion: 1.0\nLicense-Expression: MIT\n\
    Author: Jane Doe\nRequires-Dist: requests>=2\nRequires-Dist: pytest; extra == 'test'\n\nLong text\n";

fn sample_wheel() -> Vec<u8> {
    zip(&[
        ("sample_pkg/__init__.py", b""),
        ("sample_pkg/_vendor/inner-2.0.dist-info/METADATA", b"Name: inner\nVersion: 2.0\n"),
        ("sample_pkg-1.0.dist-info/METADATA", METADATA),
    ])
}

#[test]
fn a_wheel_says_what_it_is_what_it_needs_and_what_is_vendored() {
    let reading = read_whole("dist/sample_pkg-1.0-py3-none-any.whl", &sample_wheel());
    assert_eq!(
        outline(&reading),
        [
            "Sample.Pkg@1.0 (Library, Runtime) -> inner@2.0 pytest requests",
            "pytest (Library, Optional)",
            "requests (Library, Runtime)",
            "inner@2.0 (Library, Runtime)",
        ]
    );
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.purl.as_ref().unwrap().as_str(), "pkg:pypi/sample.pkg@1.0");
    assert_eq!(root.licence, Some(Licence::Expression("MIT".into())));
    assert_eq!(root.supplier.as_deref(), Some("Jane Doe"));
    assert_eq!(reading.aggregate, Aggregate::Unknown);
    survives_damage("sample_pkg-1.0-py3-none-any.whl", &sample_wheel(), 7);
}

#[test]
fn a_wheel_that_is_none_is_told() {
    let reading = read("x-1-py3-none-any.whl", b"PK no zip");
    assert_eq!((reading.graph.len(), reading.faults[0].code), (0, Code::SbomSourceInvalid));
    let reading = read("x-1-py3-none-any.whl", &zip(&[("x/__init__.py", b"")]));
    assert_eq!(faults(&reading), [": a wheel without *.dist-info/METADATA"]);
    let nameless = zip(&[("x-1.dist-info/METADATA", b"Version: 1\n")]);
    assert_eq!(
        faults(&read("x-1-py3-none-any.whl", &nameless))[0],
        "x-1.dist-info/METADATA: it names no package"
    );
    let two =
        zip(&[("a-1.dist-info/METADATA", METADATA), ("x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n")]);
    let reading = read("x-1-py3-none-any.whl", &two);
    assert_eq!((outline(&reading)[0].as_str(), reading.faults.len()), ("x@1 (Library, Runtime)", 1));
}

#[test]
fn a_wheel_tells_of_the_libraries_that_were_copied_into_it() {
    let wheel = |sbom: &[u8]| {
        zip(&[
            ("x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n"),
            ("x-1.dist-info/sboms/auditwheel.cdx.json", sbom),
        ])
    };
    let sbom = br#"{"bomFormat": "CycloneDX", "specVersion": "1.4", "metadata": {"component": {"name": "x"}},
        "components": [{"type": "library", "name": "openssl", "version": "3.0.7-27.el9",
        "purl": "pkg:rpm/almalinux/openssl@3.0.7-27.el9?distro=el9", "licenses": [{"license": {"id": "Apache-2.0"}}],
        "components": [{"name": "inner", "purl": "not one"}]}]}"#;
    let reading = read_whole("x-1-py3-none-any.whl", &wheel(sbom));
    assert_eq!(
        outline(&reading),
        [
            "x@1 (Library, Runtime) -> openssl@3.0.7-27.el9",
            "openssl@3.0.7-27.el9 (Library, Runtime) -> inner",
            "inner (Library, Runtime)",
        ]
    );
    let openssl = reading.graph.component(reading.graph.nodes().nth(1).unwrap());
    let purl = openssl.purl.as_ref().map(|purl| purl.as_str());
    assert_eq!(purl, Some("pkg:rpm/almalinux/openssl@3.0.7-27.el9?distro=el9"));
    assert_eq!(openssl.licence, Some(Licence::Expression("Apache-2.0".into())));
    let open = "\"components\": [{\"name\": \"a\", ".repeat(9);
    let deep = format!("{{\"bomFormat\": \"CycloneDX\", {open}\"x\": 1{}}}", "}]".repeat(9));
    assert_eq!(
        read("x-1-py3-none-any.whl", &wheel(deep.as_bytes())).faults[0].code,
        Code::SbomSourceTooLarge
    );
    for broken in [&b"{"[..], b"[]", b"{\"spdxVersion\": \"SPDX-2.3\"}"] {
        let reading = read("x-1-py3-none-any.whl", &wheel(broken));
        assert_eq!(
            (reading.graph.len(), &*reading.faults[0].inside),
            (1, "x-1.dist-info/sboms/auditwheel.cdx.json")
        );
    }
}

#[test]
fn a_manifest_that_unpacks_without_end_is_too_large() {
    let bomb = vec![b' '; MANIFEST_BYTES_MAX as usize + 1];
    let wheel = zip(&[("x-1.dist-info/METADATA", &bomb), ("y/_v/in-1.dist-info/METADATA", b"Name: in\n")]);
    let reading = read("x-1-py3-none-any.whl", &wheel);
    assert!(wheel.len() < 100_000, "{} bytes", wheel.len());
    assert_eq!(
        (reading.faults[0].code, &*reading.faults[0].inside),
        (Code::SbomSourceTooLarge, "x-1.dist-info/METADATA")
    );
}

#[test]
fn a_source_archive_says_what_it_is_and_any_other_archive_nothing() {
    let members: &[(&str, &[u8])] =
        &[("sample_pkg-1.0/setup.py", b"pass"), ("sample_pkg-1.0/PKG-INFO", METADATA)];
    let sdist = gzip(&tar(members));
    let reading = read_whole("sample_pkg-1.0.tar.gz", &sdist);
    assert_eq!(outline(&reading)[0], "Sample.Pkg@1.0 (Library, Runtime) -> pytest requests");
    survives_damage("sample_pkg-1.0.tar.gz", &sdist, 3);
    let other = |members: &[(&str, &[u8])]| inspect("x-1.tar.gz", &mut Cursor::new(gzip(&tar(members))));
    assert_eq!(other(&[("x-1/README", b"x")]), None);
    assert_eq!(other(&[("src/main.c", b"x"), ("PKG-INFO", METADATA)]), None);
    for (path, bytes) in [("x", &b""[..]), ("x.gz", &gzip(b"text")), ("x.txt", b"text"), ("x.zip", &zip(&[]))]
    {
        assert_eq!(inspect(path, &mut Cursor::new(bytes)), None, "{path}");
    }
}

fn sample_tarball() -> Vec<u8> {
    gzip(&tar(&[
        ("package/index.js", b""),
        (
            "package/node_modules/a/package.json",
            br#"{"name": "a", "version": "2.0.0", "dependencies": {"b": "1"}}"#,
        ),
        ("package/node_modules/a/test/package.json", b"not read"),
        ("package/node_modules/b/package.json", br#"{"name": "b", "version": "1.1.0"}"#),
        ("package/node_modules/stray/package.json", br#"{"name": "stray", "version": "9.0.0"}"#),
        (
            "package/package.json",
            br#"{"name": "@acme/app", "version": "1.0.0", "license": "ISC", "author": "Jane <j@example.org>",
               "dependencies": {"a": "^2", "c": "^3"}, "optionalDependencies": {"d": "*"},
               "devDependencies": {"never": "*"}}"#,
        ),
    ]))
}

#[test]
fn a_tarball_of_npm_names_its_needs_and_the_packages_it_bundles() {
    let reading = read_whole("acme-app-1.0.0.tgz", &sample_tarball());
    assert_eq!(
        outline(&reading),
        [
            "@acme/app@1.0.0 (Library, Runtime) -> a@2.0.0 a@2.0.0 b@1.1.0 c d stray@9.0.0",
            "a@2.0.0 (Library, Runtime) -> b@1.1.0",
            "b@1.1.0 (Library, Runtime)",
            "stray@9.0.0 (Library, Runtime)",
            "c (Library, Runtime)",
            "d (Library, Optional)",
        ]
    );
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.purl.as_ref().unwrap().as_str(), "pkg:npm/%40acme/app@1.0.0");
    survives_damage("acme-app-1.0.0.tgz", &sample_tarball(), 5);
    let typed = gzip(&tar(&[("node/package.json", br#"{"name": "@types/node", "version": "20.0.0"}"#)]));
    assert_eq!(outline(&read_whole("node.tgz", &typed)), ["@types/node@20.0.0 (Library, Runtime)"]);
    let broken = gzip(&tar(&[("package/package.json", b"{")]));
    assert!(faults(&read("x.tgz", &broken))[0].starts_with("package/package.json: not JSON"), "{broken:?}");
}

fn properties(artifact: &str, version: &str) -> Vec<u8> {
    format!("#made\ngroupId=org.example\nartifactId={artifact}\nversion={version}\n").into_bytes()
}

#[test]
fn a_fat_jar_names_the_jars_inside_and_what_was_merged_into_it() {
    let inner = zip(&[("META-INF/maven/org.example/inner/pom.properties", &properties("inner", "2"))]);
    let plain =
        zip(&[("META-INF/MANIFEST.MF", b"Bundle-SymbolicName: org.plain;x=1\r\nBundle-Version: 3\r\n")]);
    let pom =
        b"<project><licenses><license><name>Apache-2.0</name></license></licenses><dependencies><dependency>\
        <groupId>g</groupId><artifactId>n</artifactId></dependency></dependencies></project>";
    let jar = zip(&[
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\nMain-Class: org.example.Main\r\n"),
        ("META-INF/maven/org.example/app/pom.properties", &properties("app", "1.0")),
        ("META-INF/maven/org.example/app/pom.xml", pom),
        ("META-INF/maven/org.example/merged/pom.properties", &properties("merged", "7")),
        ("BOOT-INF/lib/inner-2.jar", &inner),
        ("BOOT-INF/lib/plain.jar", &plain),
        ("BOOT-INF/lib/broken.jar", b"no zip"),
    ]);
    let reading = read("target/app-1.0.jar", &jar);
    assert_eq!(
        outline(&reading),
        [
            "org.example:app@1.0 (Application, Runtime) -> g:n org.example:inner@2 org.example:merged@7 org.plain@3",
            "g:n (Library, Runtime)",
            "org.example:merged@7 (Library, Runtime)",
            "org.example:inner@2 (Library, Runtime)",
            "org.plain@3 (Library, Runtime)",
        ]
    );
    assert_eq!(reading.faults.len(), 1);
    assert_eq!(reading.faults[0].inside, "BOOT-INF/lib/broken.jar");
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.purl.as_ref().unwrap().as_str(), "pkg:maven/org.example/app@1.0");
    assert_eq!(root.licence, Some(Licence::Expression("Apache-2.0".into())));
    survives_damage("inner-2.jar", &inner, 5);
}

#[test]
fn jars_inside_jars_end_at_a_depth() {
    let mut jar = zip(&[]);
    for _ in 0..20 {
        jar = zip(&[("next.jar", &jar)]);
    }
    let reading = read("deep.jar", &jar);
    assert_eq!(reading.graph.len(), 1 + DEPTH_MAX);
    assert_eq!(reading.faults[0].code, Code::SbomSourceTooLarge);
    assert_eq!(reading.faults[0].inside, "next.jar!next.jar!next.jar!next.jar");
}

#[test]
fn a_gem_says_what_it_is() {
    let yaml = "--- !ruby/object:Gem::Specification\nname: sample\nversion: !ruby/object:Gem::Version\n  version: 1.2.3\n\
        platform: ruby\nauthors:\n- Jane Doe\ndependencies:\n- !ruby/object:Gem::Dependency\n  name: rack\n  \
        requirement: &id001 !ruby/object:Gem::Requirement\n    requirements:\n    - - \">=\"\n      - \
        !ruby/object:Gem::Version\n        version: '0'\n  type: :runtime\n  version_requirements: *id001\n\
        - !ruby/object:Gem::Dependency\n  name: rspec\n  type: :development\nlicenses:\n- MIT\n";
    let gem = tar(&[("metadata.gz", &gzip(yaml.as_bytes())), ("data.tar.gz", b"")]);
    let reading = read_whole("sample-1.2.3.gem", &gem);
    assert_eq!(outline(&reading), ["sample@1.2.3 (Library, Runtime) -> rack", "rack (Library, Runtime)"]);
    let root = reading.graph.component(reading.graph.roots()[0]);
    assert_eq!(root.licence, Some(Licence::Expression("MIT".into())));
    assert_eq!(root.supplier.as_deref(), Some("Jane Doe"));
    survives_damage("sample-1.2.3.gem", &gem, 11);
    assert_eq!(faults(&read("x.gem", &tar(&[("data.tar.gz", b"")]))), [": a gem without metadata.gz"]);
    let bomb = gzip(&vec![b'#'; MANIFEST_BYTES_MAX as usize + 1]);
    assert_eq!(read("x.gem", &tar(&[("metadata.gz", &bomb)])).faults[0].code, Code::SbomSourceTooLarge);
}

#[test]
fn a_crate_says_what_it_is_and_what_it_is_built_with() {
    let manifest = b"[package]\nname = \"sample\"\nversion = \"0.1.0\"\nlicense = \"MIT/Apache-2.0\"\n\
        [dependencies.renamed]\nversion = \"1\"\npackage = \"real\"\n[dependencies.maybe]\nversion = \"1\"\n\
        optional = true\n[build-dependencies.cc]\nversion = \"1\"\n[dev-dependencies.never]\nversion = \"1\"\n\
        [target.'cfg(unix)'.dependencies.libc]\nversion = \"0.2\"\n";
    let file = gzip(&tar(&[("sample-0.1.0/Cargo.toml", manifest), ("sample-0.1.0/src/lib.rs", b"")]));
    let reading = read_whole("sample-0.1.0.crate", &file);
    assert_eq!(
        outline(&reading),
        [
            "sample@0.1.0 (Library, Runtime) -> cc libc maybe real",
            "cc (Library, Development)",
            "libc (Library, Optional)",
            "maybe (Library, Optional)",
            "real (Library, Runtime)",
        ]
    );
    survives_damage("sample-0.1.0.crate", &file, 3);
    for (members, what) in [
        (&[("x/src/lib.rs", &b""[..])][..], "a crate without a Cargo.toml"),
        (&[("x/Cargo.toml", &b"[workspace]"[..])][..], "Cargo.toml names no package"),
        (&[("x/Cargo.toml", &b"\xff"[..])][..], "Cargo.toml is not UTF-8"),
    ] {
        assert_eq!(faults(&read("x-1.crate", &gzip(&tar(members)))), [format!(": {what}")]);
    }
    assert_eq!(faults(&read("x-1.crate", b"text, and not an archive")), [": it ends too early"]);
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        all.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, bytes.len()).bytes());
        all.extend(*bytes);
        all.resize(all.len().next_multiple_of(2), b'\n');
    }
    all
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = XzWriter::new(Vec::new(), XzOptions::with_preset(6)).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_package_of_debian_says_what_it_is() {
    let control = b"Package: sample\nVersion: 1.2-3\nArchitecture: amd64\nMaintainer: Jane <j@example.org>\n\
        Depends: libc6 (>= 2.36), awk | mawk\n";
    let tar = tar(&[("./md5sums", b""), ("./control", control)]);
    let packed = [("control.tar.xz", xz(&tar)), ("control.tar.gz", gzip(&tar)), ("control.tar", tar.clone())];
    for (name, packed) in packed {
        let deb = ar(&[("debian-binary", b"2.0"), (name, &packed), ("data.tar.xz", b"...")]);
        let reading = read_whole("sample_1.2-3_amd64.deb", &deb);
        assert_eq!(
            outline(&reading),
            [
                "sample@1.2-3 (Application, Runtime) -> awk libc6 mawk",
                "awk (Library, Optional)",
                "libc6 (Library, Runtime)",
                "mawk (Library, Optional)",
            ]
        );
        survives_damage("sample_1.2-3_amd64.deb", &deb, 3);
    }
    for (deb, what) in [
        (ar(&[("control.tar.lzma", b"]\0\0\x80\0")]), "control.tar.lzma is packed in a way that is not read"),
        (ar(&[("data.tar", b"")]), "it ends too early"),
        (ar(&[("x", &b""[..]); 16]), "a package without control.tar"),
        (b"no ar archive".to_vec(), "it is not an ar archive"),
    ] {
        assert_eq!(faults(&read("x.deb", &deb)), [format!(": {what}")]);
    }
}

#[test]
fn headers_of_a_tar_that_lie_are_told() {
    let sized = |size: &[u8]| {
        let mut tar = member("metadata.gz", b"", EntryType::Regular, "");
        tar[124..124 + size.len()].copy_from_slice(size);
        tar[148..156].copy_from_slice(b"        ");
        let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar
    };
    let mut negative = [0xff; 12];
    negative[11] = 0;
    let mut huge = [0xff; 12];
    huge[..4].copy_from_slice(&[0x80, 0, 0, 0]);
    for (size, what) in [
        (&b"77777777777\0"[..], "it ends too early"),
        (&b"9\0"[..], "a number in a header that is none"),
        (&negative[..], "a number in a header that is none"),
        (&huge[..], "a member that is larger than any file"),
    ] {
        assert_eq!(faults(&read("x.gem", &sized(size))), [format!(": {what}")], "{size:?}");
    }
    let pax = |record: &[u8]| {
        let mut tar = member("pax", record, EntryType::XHeader, "");
        tar.extend(member("x", b"", EntryType::Regular, ""));
        faults(&read("x.gem", &[tar, vec![0; 1024]].concat())).concat()
    };
    for record in [&b"5 a=b\n"[..], b"99 path=x\n", b"path=x\n", b"8 path=x\n", b"11 size=-1\n", b"0 \n"] {
        assert_eq!(pax(record), ": a malformed pax record", "{}", String::from_utf8_lossy(record));
    }
    assert_eq!(pax(b"10 path=y\n"), ": a gem without metadata.gz");
    let long = vec![b'n'; (1 << 20) + 1];
    let tar = member("././@LongLink", &long, EntryType::GNULongName, "");
    assert_eq!(read("x.gem", &tar).faults[0].code, Code::SbomSourceTooLarge);
}

/// A file on a disk that fails.
struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

impl Seek for Failing {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_and_not_an_unknown_kind() {
    let reading = inspect("any", &mut Failing).unwrap();
    assert_eq!(
        (reading.aggregate, faults(&reading)),
        (Aggregate::Incomplete, vec![": the disk is gone".to_owned()])
    );
}
