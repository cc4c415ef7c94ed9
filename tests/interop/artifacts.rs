//! Artifacts that the ecosystems' own tools made, and what those tools say is in them.
//!
//! Other than the rest of this folder, this calls the library: what a reader makes of one file is no command's output.

use attestar::format::bom::{Component, ComponentKind, Graph};
use attestar::tree::artifact;
use attestar::tree::reading::Reading;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::judge::{passes, python, shell, tool};

/// What an artifact says, of which everything can be read.
#[track_caller]
fn inspect(path: &Path) -> Reading {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_name().expect("a name").to_string_lossy();
    let reading = artifact::inspect(&name, &mut file).expect("it is of a known kind");
    assert_eq!(reading.faults, [], "{}", path.display());
    reading
}

fn root(reading: &Reading) -> &Component {
    reading.graph.component(reading.graph.roots()[0])
}

/// The components of a kind as `NAME VERSION`.
fn listed(graph: &Graph, kind: ComponentKind) -> BTreeSet<String> {
    let components =
        graph.nodes().map(|node| graph.component(node)).filter(|component| component.kind == kind);
    let line = |component: &Component| {
        format!("{} {}", component.name, component.version.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned()
    };
    components.map(line).collect()
}

/// What the first root needs, as names.
fn needs(reading: &Reading) -> Vec<&str> {
    let graph = &reading.graph;
    graph.needs(graph.roots()[0]).iter().map(|node| graph.component(*node).name.as_str()).collect()
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, content).expect("a file");
}

/// An image of one layer, as `docker save` wrote them before 2024, packed by tar.
fn saved(folder: &Path, layer: &Path) -> PathBuf {
    let image = folder.join("image.tar");
    let script = "cd \"$1\" && mkdir save && tar -C \"$2\" -cf save/layer.tar . \
        && digest=$(sha256sum <save/layer.tar | cut -c1-64) \
        && echo '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\
        \"diff_ids\":[\"sha256:'$digest'\"]}}' >save/config.json \
        && echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"example/web:1.2\"],\"Layers\":[\"layer.tar\"]}]' \
        >save/manifest.json && tar -C save -cf image.tar config.json layer.tar manifest.json";
    passes(shell(script).arg(folder).arg(layer));
    image
}

#[test]
fn an_image_has_the_packages_that_dpkg_lists() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let layer = dir.path().join("layer");
    let status = fs::read_to_string("/var/lib/dpkg/status").expect("a system of Debian's kind");
    write(&layer.join("var/lib/dpkg/status"), &status);
    write(
        &layer.join("usr/lib/os-release"),
        &fs::read_to_string("/usr/lib/os-release").expect("the release"),
    );
    fs::create_dir(layer.join("etc")).expect("a folder");
    std::os::unix::fs::symlink("../usr/lib/os-release", layer.join("etc/os-release")).expect("a link");

    let format = "${db:Status-Status} ${Package} ${Version}\n";
    let said = passes(tool("dpkg-query").args(["-W", "-f", format]));
    let expected: BTreeSet<String> =
        said.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect();
    assert!(expected.len() > 50, "{said}");

    let image = saved(dir.path(), &layer);
    let reading = inspect(&image);
    assert_eq!(listed(&reading.graph, ComponentKind::Library), expected);
    assert_eq!(
        listed(&reading.graph, ComponentKind::Container),
        BTreeSet::from(["example/web 1.2".to_owned()])
    );
    let needed = passes(tool("dpkg-query").args(["-W", "-f", "${Depends}", "tar"]));
    assert!(needed.is_empty() || needed.contains("lib"), "{needed}");

    // Skopeo writes layouts with compressed layers, and docker archives with linked ones.
    for (kind, file) in [("oci-archive", "oci.tar"), ("docker-archive", "docker.tar")] {
        let to = format!("{kind}:{}:example/web:1.2", dir.path().join(file).display());
        let from = format!("docker-archive:{}", image.display());
        passes(tool("skopeo").args(["copy", "--quiet", "--insecure-policy", &from, &to]));
        let copy = inspect(&dir.path().join(file));
        assert_eq!(listed(&copy.graph, ComponentKind::Library), expected, "{kind}");
    }
}

#[test]
fn a_package_says_what_dpkg_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let control = "Package: sample\nVersion: 1:2.3-4\nArchitecture: all\nMaintainer: Example Works <a@example.org>\n\
        Depends: libc6 (>= 2), awk | mawk\nDescription: a\n b\n";
    write(&dir.path().join("tree/DEBIAN/control"), control);
    for packing in ["-Zxz", "-Zgzip", "-Znone", "-Zzstd"] {
        let deb = dir.path().join("sample.deb");
        let mut build = tool("dpkg-deb");
        build.args(["--root-owner-group", packing, "--build"]).arg(dir.path().join("tree")).arg(&deb);
        if packing == "-Zzstd" && crate::judge::hear(&mut build).code != Some(0) {
            continue; // only newer ones can
        }
        if packing != "-Zzstd" {
            passes(&mut build);
        }
        let said = passes(tool("dpkg-deb").args(["-W", "--showformat", "${Package} ${Version}"]).arg(&deb));
        let reading = inspect(&deb);
        assert_eq!(listed(&reading.graph, ComponentKind::Application), BTreeSet::from([said]), "{packing}");
        assert_eq!(needs(&reading), ["awk", "libc6", "mawk"]);
    }
}

const SPEC: &str = "Name: alpha\nVersion: 1.2\nRelease: 3\nEpoch: 2\nSummary: a\nLicense: MIT\nVendor: Example Works\n\
    BuildArch: noarch\nRequires: beta >= 1, /opt/gamma/run\n%description\na\n%package -n beta\nSummary: b\n\
    Provides: virtual-beta = 1\n%description -n beta\nb\n%package -n gamma\nSummary: c\nRequires: virtual-beta\n\
    %description -n gamma\nc\n%install\nmkdir -p %{buildroot}/opt/gamma\necho hi >%{buildroot}/opt/gamma/run\n\
    %files\n%files -n beta\n%files -n gamma\n/opt/gamma/run\n";

/// Dumps the headers of a database of SQLite as Berkeley DB loads them.
const DUMP: &str = "import sqlite3, struct, sys\n\
    rows = sqlite3.connect(sys.argv[1]).execute('SELECT hnum, blob FROM Packages').fetchall()\n\
    number = lambda n: struct.pack('<I', n).hex()\n\
    print('VERSION=3\\nformat=bytevalue\\ntype=hash\\ndb_pagesize=4096\\nHEADER=END')\n\
    print(f' {number(0)}\\n {number(len(rows))}')\n\
    [print(f' {number(n)}\\n {blob.hex()}') for n, blob in rows]\n\
    print('DATA=END')\n";

#[test]
fn an_image_has_the_packages_that_rpm_lists() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (spec, top, layer) = (dir.path().join("a.spec"), dir.path().join("top"), dir.path().join("layer"));
    write(&spec, SPEC);
    write(&layer.join("etc/os-release"), "ID=fedora\nVERSION_ID=\"40\"\n");
    let defined = format!("_topdir {}", top.display());
    passes(tool("rpmbuild").args(["--quiet", "--define", &defined, "-bb"]).arg(&spec));
    let rpm = || {
        let mut rpm = tool("rpm");
        rpm.arg("--root").arg(&layer).args(["--define", "_dbpath /var/lib/rpm"]);
        rpm
    };
    passes(rpm().arg("--initdb"));
    let built = fs::read_dir(top.join("RPMS/noarch")).expect("what rpmbuild wrote");
    passes(rpm().args(["-i", "--nodeps"]).args(built.map(|entry| entry.expect("a package").path())));
    let said = passes(rpm().args(["-qa", "--qf", "%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE}\n"]));
    let expected: BTreeSet<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(expected.len(), 3, "{said}");

    let check = |reading: &Reading| {
        let graph = &reading.graph;
        assert_eq!(listed(graph, ComponentKind::Library), expected);
        let named = |name: &str| graph.nodes().find(|node| graph.component(*node).name == name).expect(name);
        let alpha = named("alpha");
        let mut needed = graph.needs(alpha).to_vec();
        needed.sort();
        let mut both = [named("beta"), named("gamma")];
        both.sort();
        assert_eq!(needed, both, "by name, and by a file");
        assert_eq!(graph.needs(named("gamma")), [named("beta")], "by what it provides");
        let alpha = graph.component(alpha);
        let purl = "pkg:rpm/fedora/alpha@1.2-3?arch=noarch&distro=fedora-40&epoch=2";
        assert_eq!(alpha.purl.as_ref().map(|purl| purl.as_str()), Some(purl));
        assert_eq!(alpha.licence.as_ref().map(|licence| licence.text()), Some("MIT"));
        assert_eq!(alpha.supplier.as_deref(), Some("Example Works"));
    };
    check(&inspect(&saved(dir.path(), &layer)));

    // A package that is not installed.
    let file = inspect(&top.join("RPMS/noarch/alpha-1.2-3.noarch.rpm"));
    assert_eq!(listed(&file.graph, ComponentKind::Application), BTreeSet::from(["alpha 2:1.2-3".to_owned()]));
    assert_eq!(needs(&file), ["beta"]);

    // The format that rpm wrote until 4.16, from the same headers.
    let old = dir.path().join("old");
    write(&old.join("layer/etc/os-release"), "ID=fedora\nVERSION_ID=\"40\"\n");
    let dump = passes(tool("python3").args(["-c", DUMP]).arg(layer.join("var/lib/rpm/rpmdb.sqlite")));
    write(&old.join("dump"), &dump);
    fs::create_dir_all(old.join("layer/var/lib/rpm")).expect("a folder");
    passes(tool("db5.3_load").arg("-f").arg(old.join("dump")).arg(old.join("layer/var/lib/rpm/Packages")));
    check(&inspect(&saved(&old, &old.join("layer"))));
}

#[test]
fn a_wheel_and_a_source_archive_say_what_python_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let project = dir.path().join("project");
    let toml = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n\
        [project]\nname = 'Sample.Tool'\nversion = '1.2.3'\nlicense = 'MIT'\nlicense-files = []\n\
        authors = [{name = 'Example Works', email = 'a@example.org'}]\ndependencies = ['bagit>=1', 'cffi; os_name==\"nt\"']\n\
        [project.optional-dependencies]\ntest = ['cryptography']\n[tool.setuptools]\npy-modules = ['sample']\n";
    write(&project.join("pyproject.toml"), toml);
    write(&project.join("sample.py"), "");
    let said = passes(python("build_dists.py").arg(&project).arg(dir.path().join("dist")));
    let mut files = 0;
    for entry in fs::read_dir(dir.path().join("dist")).expect("what was built") {
        let reading = inspect(&entry.expect("a file").path());
        let root = root(&reading);
        let version = root.version.as_deref().unwrap_or_default();
        let mut requirements = needs(&reading);
        requirements.sort_unstable();
        assert_eq!(said.trim(), format!("{} {version} {}", root.name, requirements.join(" ")));
        assert_eq!(root.licence.as_ref().map(|licence| licence.text()), Some("MIT"));
        assert_eq!(root.supplier.as_deref(), Some("Example Works"));
        files += 1;
    }
    assert_eq!(files, 2);
}

#[test]
fn a_tarball_says_what_npm_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/node/node_modules");
    let project = dir.path().join("project");
    let manifest = "{\"name\": \"@example/app\", \"version\": \"1.0.0\", \"license\": \"MIT\", \
        \"dependencies\": {\"@sigstore/bundle\": \"*\"}, \"bundleDependencies\": [\"@sigstore/bundle\"]}";
    write(&project.join("package.json"), manifest);
    fs::create_dir(project.join("node_modules")).expect("a folder");
    passes(tool("cp").arg("-r").arg(installed.join("@sigstore")).arg(project.join("node_modules")));
    let mut npm = tool("npm");
    npm.args(["pack", "--offline", "--json", "--ignore-scripts", "--cache"]).arg(dir.path().join("cache"));
    let said = passes(npm.current_dir(&project));
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let name = said[0]["filename"].as_str().expect("the file's name");
    let reading = inspect(&project.join(name));
    assert_eq!(root(&reading).name, said[0]["name"].as_str().expect("a name"));
    assert_eq!(root(&reading).version.as_deref(), said[0]["version"].as_str());
    let bundled: BTreeSet<&str> =
        said[0]["bundled"].as_array().expect("an array").iter().filter_map(|name| name.as_str()).collect();
    let graph = &reading.graph;
    let inside =
        graph.nodes().map(|node| graph.component(node)).filter(|component| component.version.is_some());
    let inside: BTreeSet<&str> = inside.skip(1).map(|component| component.name.as_str()).collect();
    assert!(bundled.contains("@sigstore/bundle") && bundled.is_subset(&inside), "{bundled:?} of {inside:?}");
}

#[test]
fn a_gem_says_what_ruby_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let spec = "Gem::Specification.new do |s|\n  s.name = 'sample'\n  s.version = '1.2.3'\n  s.summary = 'a'\n  \
        s.authors = ['Example Works', 'Others']\n  s.licenses = ['MIT', 'Apache-2.0']\n  s.files = []\n  \
        s.add_runtime_dependency 'rack', '>= 2'\n  s.add_development_dependency 'rspec'\nend\n";
    write(&dir.path().join("sample.gemspec"), spec);
    passes(tool("gem").args(["build", "--silent", "--force", "sample.gemspec"]).current_dir(dir.path()));
    let reading = inspect(&dir.path().join("sample-1.2.3.gem"));
    let root = root(&reading);
    assert_eq!((root.name.as_str(), root.version.as_deref()), ("sample", Some("1.2.3")));
    assert_eq!(root.licence.as_ref().map(|licence| licence.text()), Some("MIT OR Apache-2.0"));
    assert_eq!(root.supplier.as_deref(), Some("Example Works, Others"));
    assert_eq!(needs(&reading), ["rack"]);
}

#[test]
fn a_crate_says_what_cargo_says() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let manifest = "[package]\nname = \"sample\"\nversion = \"1.2.3\"\nedition = \"2021\"\nlicense = \"MIT\"\n\
        authors = [\"Example Works <a@example.org>\"]\ndescription = \"a\"\n[workspace]\n";
    write(&dir.path().join("Cargo.toml"), manifest);
    write(&dir.path().join("src/main.rs"), "fn main() {}\n");
    let mut cargo = tool("cargo");
    cargo.args(["package", "--offline", "--no-verify", "--allow-dirty", "--quiet", "--target-dir", "target"]);
    passes(cargo.current_dir(dir.path()));
    let reading = inspect(&dir.path().join("target/package/sample-1.2.3.crate"));
    let root = root(&reading);
    assert_eq!(root.purl.as_ref().map(|purl| purl.as_str()), Some("pkg:cargo/sample@1.2.3"));
    assert_eq!(root.licence.as_ref().map(|licence| licence.text()), Some("MIT"));
    assert_eq!(root.supplier.as_deref(), Some("Example Works"));
}

#[test]
fn programs_say_what_they_were_built_from() {
    // age comes from a package, and is written in Go.
    let age = inspect(Path::new(tool("age").get_program()));
    assert_eq!(root(&age).name, "filippo.io/age/cmd/age");
    let mut strings = shell("grep -aoE 'go1\\.[0-9]+(\\.[0-9]+)?' \"$1\" | sort | uniq");
    let said = passes(strings.arg(tool("age").get_program()));
    let graph = &age.graph;
    let library =
        graph.nodes().map(|node| graph.component(node)).find(|component| component.name == "stdlib");
    let version = library.and_then(|library| library.version.clone()).expect("the version of Go");
    assert!(said.lines().any(|line| line == format!("go{version}")), "{version} in {said}");

    // What cargo-auditable adds at linking, objcopy adds here.
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (section, program) = (dir.path().join("section"), dir.path().join("program"));
    let pack = "import json, sys, zlib\n\
        packages = [{'name': 'dep', 'version': '2.0.0', 'source': 'crates.io'},\n\
            {'name': 'app', 'version': '1.0.0', 'source': 'local', 'dependencies': [0], 'root': True}]\n\
        open(sys.argv[1], 'wb').write(zlib.compress(json.dumps({'packages': packages}).encode()))\n";
    passes(tool("python3").args(["-c", pack]).arg(&section));
    let added = format!(".dep-v0={}", section.display());
    let mut objcopy = tool("objcopy");
    objcopy.args(["--add-section", &added, env!("CARGO_BIN_EXE_attestar")]).arg(&program);
    passes(&mut objcopy);
    let reading = inspect(&program);
    assert_eq!(listed(&reading.graph, ComponentKind::Application), BTreeSet::from(["app 1.0.0".to_owned()]));
    assert_eq!(needs(&reading), ["dep"]);
}
