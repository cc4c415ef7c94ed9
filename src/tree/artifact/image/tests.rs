//! Images as tars, whole and damaged; real databases are in tests/interop.

use crate::finding::Code;
use crate::tree::artifact::inspect;
use crate::tree::artifact::testing::{faults, gzip, member, outline, read, read_whole, survives_damage, tar};
use crate::tree::artifact::{Folder, Source, inspect_layout};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use tar::EntryType;

const OS: &[u8] = b"ID=alpine\nVERSION_ID=3.20\n";

const APK: &[u8] = b"C:Q1AAAA=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:Jane <j@example.org>\n\
    p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1BBBB=\n\n\
    P:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\nD:so:libc.musl-x86_64.so.1 !other\np:/bin/sh cmd:sh=1.36\n\n\
    P:ssl\nV:3\nA:x86_64\nD:/bin/sh musl>=1.2\n";

fn saved(tag: &str, layers: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|place| format!("{place:064x}/layer.tar")).collect();
    let manifest = format!("[{{\"Config\":\"c.json\",\"RepoTags\":[\"{tag}\"],\"Layers\":{names:?}}}]");
    let mut members: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(layers.iter().map(Vec::as_slice)).collect();
    members.push(("manifest.json", manifest.as_bytes()));
    tar(&members)
}

fn oci(layers: &[(&str, Vec<u8>)], annotations: &str) -> Vec<u8> {
    let name = |place: usize| format!("{:064x}", place + 1);
    let descriptors: Vec<String> = layers
        .iter()
        .enumerate()
        .map(|(place, (kind, _))| {
            format!(
                "{{\"mediaType\":\"application/vnd.oci.image.layer.v1.{kind}\",\"digest\":\"sha256:{}\"}}",
                name(place)
            )
        })
        .collect();
    let manifest = format!("{{\"schemaVersion\":2,\"layers\":[{}]}}", descriptors.join(","));
    let index = format!(
        "{{\"manifests\":[{{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:{}\",\
         \"annotations\":{{{annotations}}}}}]}}",
        "f".repeat(64)
    );
    let paths: Vec<String> = (0..layers.len()).map(|place| format!("blobs/sha256/{}", name(place))).collect();
    let manifest_path = format!("blobs/sha256/{}", "f".repeat(64));
    let mut members: Vec<(&str, &[u8])> =
        paths.iter().map(String::as_str).zip(layers.iter().map(|(_, bytes)| bytes.as_slice())).collect();
    members.push((&manifest_path, manifest.as_bytes()));
    members.push(("index.json", index.as_bytes()));
    members.push(("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}"));
    tar(&members)
}

fn base() -> Vec<u8> {
    tar(&[("etc/os-release", OS), ("lib/apk/db/installed", APK), ("usr/big", &[7; 5000])])
}

const OUTLINE: &[&str] = &[
    "example/app@1.0 (Container, Runtime) -> alpine@3.20 busybox@1.36.1-r29 musl@1.2.5-r0 ssl@3",
    "alpine@3.20 (OperatingSystem, Runtime)",
    "musl@1.2.5-r0 (Library, Runtime)",
    "busybox@1.36.1-r29 (Library, Runtime) -> musl@1.2.5-r0",
    "ssl@3 (Library, Runtime) -> busybox@1.36.1-r29 musl@1.2.5-r0",
];

#[test]
fn saved_images_and_layouts_say_the_same_packed_in_any_way() {
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let image = saved("example/app:1.0", &[base()]);
    assert_eq!(outline(&read_whole("app.tar", &image)), OUTLINE);
    assert_eq!(outline(&read_whole("app.tar.gz", &gzip(&image))), OUTLINE);
    assert_eq!(outline(&read_whole("app.tar.zst", &zstd(&image))), OUTLINE);
    let named =
        "\"io.containerd.image.name\":\"example/app:1.0\",\"org.opencontainers.image.ref.name\":\"1.0\"";
    for (kind, layer) in [("tar", base()), ("tar+gzip", gzip(&base())), ("tar+zstd", zstd(&base()))] {
        let reading = read_whole("app.tar", &oci(&[(kind, layer)], named));
        assert_eq!(outline(&reading), OUTLINE, "{kind}");
        let root = reading.graph.component(reading.graph.roots()[0]);
        let purl = root.purl.as_ref().unwrap().as_str();
        assert!(purl.starts_with(&format!("pkg:oci/app@sha256:{}?", "f".repeat(64))), "{purl}");
    }
    let musl = read("app.tar", &image).graph.nodes().nth(2).unwrap();
    let reading = read("app.tar", &image);
    let musl = reading.graph.component(musl);
    assert_eq!(
        musl.purl.as_ref().unwrap().as_str(),
        "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20"
    );
    assert_eq!((musl.licence.as_ref().unwrap().text(), musl.supplier.as_deref()), ("MIT", Some("Jane")));
    survives_damage("app.tar", &saved("example/app:1.0", &[gzip(&base())]), 61);
    survives_damage("app.tar", &oci(&[("tar", base())], named), 101);
}

#[test]
fn layers_lie_over_each_other() {
    let left = |upper: Vec<u8>| {
        let reading = read("app.tar", &saved("example/app:1.0", &[base(), upper]));
        let names: Vec<String> = outline(&reading)
            .into_iter()
            .skip(1)
            .map(|line| line.split([' ', '@']).next().unwrap_or_default().to_owned())
            .collect();
        (names.join(" "), faults(&reading).join("; "))
    };
    let alone = |text: &str| (text.to_owned(), String::new());
    assert_eq!(left(tar(&[("lib/apk/db/installed", b"P:one\nV:1\n\n")])), alone("alpine one"));
    assert_eq!(left(tar(&[("lib/apk/db/.wh.installed", b"")])), alone("alpine"));
    assert_eq!(left(tar(&[(".wh.lib", b"")])), alone("alpine"));
    assert_eq!(left(tar(&[("lib/.wh..wh..opq", b"")])), alone("alpine"));
    assert_eq!(left(tar(&[(".wh..wh..opq", b"")])), alone(""));
    assert_eq!(
        left(tar(&[("lib/.wh.other", b""), ("lib/apk/.wh..wh.plnk", b"")])),
        alone("alpine musl busybox ssl")
    );
    let end = vec![0; 1024];
    let linked =
        |target| [member("lib/apk/db/installed", b"", EntryType::Symlink, target), end.clone()].concat();
    let (names, faults) = left(linked("../../../elsewhere/db"));
    assert_eq!(
        (&*names, &*faults),
        ("alpine", "lib/apk/db/installed: a link to elsewhere/db, which is not there")
    );
    let (names, faults) = left(linked("../../../../outside"));
    assert_eq!((&*names, &*faults), ("alpine", "lib/apk/db/installed: a link that leaves the layer"));
    let folder = [member("lib", b"", EntryType::Symlink, "usr/lib"), end.clone()].concat();
    assert_eq!(left(folder), alone("alpine"));
    let device = [member("lib/apk/db/installed", b"", EntryType::Fifo, ""), end].concat();
    assert_eq!(left(device).1, "lib/apk/db/installed: it is a device, a FIFO or a sparse file");
}

#[test]
fn paths_that_leave_a_layer_are_told_and_the_rest_counts() {
    for path in ["../../etc/os-release", "/lib/apk/db/installed", "lib/../../x"] {
        let reading = read(
            "app.tar",
            &saved(
                "example/app:1.0",
                &[[member(path, b"ID=evil\n", EntryType::Regular, ""), base()].concat()],
            ),
        );
        assert_eq!(outline(&reading), OUTLINE);
        assert_eq!(faults(&reading), [format!("{path}: a path that leaves the layer")]);
    }
    let mut image = member("../manifest.json", b"[]", EntryType::Regular, "");
    image.extend(saved("example/app:1.0", &[base()]));
    let reading = read("app.tar", &image);
    assert_eq!(
        (outline(&reading), faults(&reading)),
        (
            OUTLINE.iter().map(|line| line.to_string()).collect(),
            vec!["../manifest.json: a name that leaves the archive".to_owned()]
        )
    );
}

#[test]
fn what_is_missing_is_told() {
    let manifest =
        b"[{\"RepoTags\":[\"example/app:1.0\"],\"Layers\":[\"gone/layer.tar\",\"here/layer.tar\"]}]";
    let reading = read("app.tar", &tar(&[("here/layer.tar", &base()), ("manifest.json", manifest)]));
    assert_eq!(outline(&reading), OUTLINE);
    assert_eq!(faults(&reading), ["gone/layer.tar: a layer that is not in the archive, or cannot be read"]);
    let layer = base();
    let cut = gzip(&layer);
    let reading = read("app.tar", &saved("example/app:1.0", &[layer, cut[..cut.len() - 12].to_vec()]));
    assert_eq!(outline(&reading), OUTLINE);
    assert_eq!(reading.faults.len(), 1, "{:?}", reading.faults);
    for layout in [&b"{\"manifests\":[{\"digest\":\"sha256:00\"}]}"[..], b"{\"manifests\":[]}", b"{}"] {
        let reading = read("app.tar", &tar(&[("index.json", layout), ("oci-layout", b"{}")]));
        assert_eq!((reading.graph.len(), reading.faults.len()), (0, 1), "{reading:?}");
    }
}

#[test]
fn a_layer_that_unpacks_without_end_is_too_large_and_the_others_count() {
    let (size, mut header) = (400_u64 << 20, tar::Header::new_ustar());
    header.set_path("usr/zeros").unwrap();
    header.set_size(size);
    header.set_cksum();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(header.as_bytes()).unwrap();
    io::copy(&mut io::repeat(0).take(size + 1024), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 4 << 20, "{} bytes", bomb.len());
    let reading = read("app.tar", &saved("example/app:1.0", &[base(), bomb]));
    assert_eq!(outline(&reading), OUTLINE);
    assert_eq!(reading.faults.len(), 1);
    assert_eq!(reading.faults[0].code, Code::SbomSourceTooLarge, "{:?}", reading.faults);
}

#[test]
fn indexes_that_lead_to_themselves_end() {
    let index = format!(
        "{{\"manifests\":[{{\"mediaType\":\"x.index\",\"digest\":\"sha256:{0}\"}}]}}",
        "a".repeat(64)
    );
    let path = format!("blobs/sha256/{}", "a".repeat(64));
    let layout = tar(&[("oci-layout", b"{}"), ("index.json", index.as_bytes()), (&path, index.as_bytes())]);
    assert_eq!(read("app.tar", &layout).faults[0].code, Code::SbomSourceTooLarge);
    let many = format!("[{}]", vec!["{\"Layers\":[\"l.tar\"]}"; 100].join(","));
    let reading = read("app.tar", &tar(&[("l.tar", &base()), ("manifest.json", many.as_bytes())]));
    assert_eq!(reading.graph.roots().len(), 32);
    assert_eq!(reading.faults[0].code, Code::SbomSourceTooLarge);
}

#[test]
fn other_archives_with_a_manifest_are_no_images() {
    for members in [
        &[("manifest.json", &b"{\"name\": \"a browser extension\"}"[..])][..],
        &[("manifest.json", b"[]"), ("index.js", b"x")],
        &[("index.json", b"{}"), ("README", b"x")],
        &[("blobs/readme", b"x")],
    ] {
        assert_eq!(inspect("app.tar", &mut Cursor::new(tar(members))), None, "{members:?}");
    }
}

#[test]
fn systems_without_a_database_a_package_list_their_pieces() {
    let layer = tar(&[
        ("usr/lib/os-release", b"ID=debian\nVERSION_ID=12\n"),
        ("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"),
        ("var/lib/dpkg/status.d/base.md5sums", b"not a package"),
        (
            "var/lib/dpkg/status.d/tzdata",
            b"Package: tzdata\nVersion: 2024a\nArchitecture: all\nDepends: base-files\n",
        ),
    ]);
    assert_eq!(
        outline(&read_whole("distroless.tar", &saved("d:1", &[layer])))[2..],
        ["base-files@12.4 (Library, Runtime)", "tzdata@2024a (Library, Runtime) -> base-files@12.4",]
    );
    let broken = tar(&[("var/lib/dpkg/status", b"nothing: useful\n"), ("lib/apk/db/installed", b"x")]);
    assert_eq!(
        faults(&read("b.tar", &saved("b:1", &[broken]))),
        [
            "var/lib/dpkg/status: no package in it can be read",
            "lib/apk/db/installed: no package in it can be read"
        ]
    );
}

/// A layout as a folder.
struct Files(BTreeMap<String, Vec<u8>>);

impl Folder for Files {
    fn open(&self, relative: &str) -> Option<Box<dyn Source + '_>> {
        Some(Box::new(Cursor::new(self.0.get(relative)?)))
    }
}

#[test]
fn a_layout_in_a_folder_says_the_same_as_in_an_archive() {
    let named = "\"org.opencontainers.image.ref.name\":\"1.0\"";
    let mut archive = tar::Archive::new(Cursor::new(oci(&[("tar+gzip", gzip(&base()))], named)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(path, bytes);
    }
    let reading = inspect_layout("images/app", &Files(files.clone()));
    assert_eq!(
        (outline(&reading)[1..].to_vec(), faults(&reading)),
        (OUTLINE[1..].iter().map(|line| line.to_string()).collect(), vec![])
    );
    assert!(
        outline(&reading)[0].starts_with("app@1.0 (Container"),
        "the folder's name: {:?}",
        outline(&reading)[0]
    );
    let layer = format!("blobs/sha256/{:064x}", 1);
    files.remove(&layer);
    let reading = inspect_layout("images/app", &Files(files));
    assert_eq!(faults(&reading), [format!("{layer}: a layer that is not in the archive, or cannot be read")]);
    assert_eq!(faults(&inspect_layout("x", &Files(BTreeMap::new()))), [": no image layout"]);
}
