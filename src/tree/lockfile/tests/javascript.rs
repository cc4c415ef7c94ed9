//! One small project, resolved by every tool: they agree, so what is read must agree too.

use crate::format::bom::{Aggregate, Algorithm, Component, Graph, Licence};
use crate::tree::lockfile::testing::{Folder, component, file, listing, read};
use crate::tree::reading::Reading;
use std::collections::BTreeMap;

fn lockfile(name: &str) -> Reading {
    let bytes = file(&format!("fixtures/lockfiles/{name}"));
    let reading = read(name, &bytes, &Folder::new("fixtures/lockfiles/tour"));
    assert_eq!((&reading.faults[..], reading.aggregate), (&[][..], Aggregate::Complete), "{name}");
    reading
}

/// Every component, when it is needed and what it needs: what `npm ls --all --json` says as well.
fn expected() -> Vec<String> {
    let text = String::from_utf8(file("fixtures/lockfiles/tour/expected.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn libraries(graph: &Graph) -> Vec<&Component> {
    let all = graph.nodes().filter(|node| !graph.roots().contains(node));
    all.map(|node| graph.component(node)).collect()
}

/// The hex of `sha512-Tpp60P6IUJDTuOq/…`, by `base64 -d | xxd -p`.
const MS: &str = "4e9a7ad0fe885090d3b8eabfe59f1c76c93326e8dfc2a7ce4e4af02308fb2112\
                  12a679099d3e92c89e0f08f9c63281630bd75d85a979295218b40b7dee2c74e4";

fn assert_digests(reading: &Reading) {
    for library in libraries(&reading.graph) {
        let algorithms: Vec<Algorithm> =
            library.checksums.iter().map(|checksum| checksum.algorithm).collect();
        assert_eq!(algorithms, [Algorithm::Sha512], "{}", library.name);
    }
    let ms = component(&reading.graph, "pkg:npm/ms@2.0.0");
    assert_eq!(ms.checksums[0].hex(), MS);
}

#[test]
fn npm_says_the_same_in_every_version() {
    for version in ["npm-1", "npm-2", "npm-3"] {
        let reading = lockfile(&format!("{version}/package-lock.json"));
        assert_eq!(listing(&reading.graph), expected(), "{version}");
        assert_digests(&reading);
    }
    // npm 6 knew no workspaces.
    let reading = lockfile("npm-6/package-lock.json");
    let alone: Vec<String> = expected().into_iter().filter(|line| !line.contains(" @tour/lib@")).collect();
    assert_eq!(listing(&reading.graph), alone);
    assert_digests(&reading);
}

#[test]
fn npm_states_licences_since_version_2() {
    for (version, licensed) in [("npm-1", 0), ("npm-2", 38), ("npm-3", 38)] {
        let reading = lockfile(&format!("{version}/package-lock.json"));
        let count = libraries(&reading.graph).iter().filter(|library| library.licence.is_some()).count();
        assert_eq!(count, licensed, "{version}");
    }
    let reading = lockfile("npm-3/package-lock.json");
    let scoped = component(&reading.graph, "pkg:npm/%40types/ms@0.7.34");
    assert_eq!(scoped.licence, Some(Licence::Expression("MIT".into())));
    let aliased = component(&reading.graph, "pkg:npm/left-pad@1.3.0");
    assert_eq!((&*aliased.name, &aliased.licence), ("left-pad", &Some(Licence::Expression("WTFPL".into()))));
}

#[test]
fn pnpm_says_the_same_in_every_version() {
    let mut with_link: Vec<String> = expected();
    let member = with_link.iter_mut().find(|line| line.contains(" @tour/lib@")).unwrap();
    *member = member.replace("Runtime: ", "Runtime: @tour/lib2@0.3.0 ");
    with_link.push("Application @tour/lib2@0.3.0 Runtime:".to_owned());
    with_link.sort();
    for version in ["pnpm-6", "pnpm-7", "pnpm-8", "pnpm-9"] {
        let reading = lockfile(&format!("{version}/pnpm-lock.yaml"));
        assert_eq!(listing(&reading.graph), with_link, "{version}");
        assert_digests(&reading);
    }
}

#[test]
fn a_document_in_which_pnpm_pins_itself_is_passed_over() {
    let project = file("fixtures/lockfiles/pnpm-9/pnpm-lock.yaml");
    let own =
        b"---\nlockfileVersion: '9.0'\nimporters:\n  .:\n    configDependencies: {}\npackages: {}\n---\n";
    let both = [&own[..], &project].concat();
    let beside = Folder::new("fixtures/lockfiles/tour");
    let (one, two) = (read("pnpm-lock.yaml", &both, &beside), read("pnpm-lock.yaml", &project, &beside));
    assert_eq!((one.graph, one.faults), (two.graph, two.faults));
}

#[test]
fn bun_says_the_same_in_every_version() {
    for version in ["bun-1.1", "bun-1.2", "bun-1.4"] {
        let reading = lockfile(&format!("{version}/bun.lock"));
        assert_eq!(listing(&reading.graph), expected(), "{version}");
        assert_digests(&reading);
    }
}

#[test]
fn yarn_berry_says_the_same_in_every_version() {
    for version in ["yarn-2", "yarn-3", "yarn-4"] {
        let reading = lockfile(&format!("{version}/yarn.lock"));
        let found = listing(&reading.graph);
        for line in expected().iter().filter(|line| !line.contains(" fsevents@2.3.3 Optional")) {
            assert!(found.contains(line), "{version}: {line}");
        }
        // Berry lets what has a build script need node-gyp: that and its needs are the 20 more than the others have.
        // 62 resolutions (`grep -c '^  resolution'`), of which two are patches of what is there already.
        let fsevents = "Library fsevents@2.3.3 Optional: node-gyp@13.1.0";
        assert!(found.iter().any(|line| line == fsevents), "{version}");
        assert_eq!(found.len(), 60, "{version}");
        let more = found.iter().filter(|line| !expected().contains(line) && *line != fsevents);
        assert!(more.clone().all(|line| line.contains(" Optional:")) && more.count() == 20, "{version}");
        assert!(libraries(&reading.graph).iter().all(|library| library.checksums.is_empty()), "{version}");
    }
}

#[test]
fn yarn_1_says_the_same_where_the_manifests_tell_the_rest() {
    let bytes = file("fixtures/lockfiles/yarn-1/yarn.lock");
    let text = |path: &str| String::from_utf8(file(&format!("fixtures/lockfiles/tour/{path}"))).unwrap();
    let root = text("package.json").replace("packages/*", "packages/lib");
    let member = text("packages/lib/package.json");
    let beside = BTreeMap::from([("package.json", &*root), ("packages/lib/package.json", &*member)]);
    let reading = read("yarn.lock", &bytes, &beside);
    assert_eq!((&reading.faults[..], reading.aggregate), (&[][..], Aggregate::Complete));
    assert_eq!(listing(&reading.graph), expected());
    assert_digests(&reading);
}

#[test]
fn without_the_manifests_yarn_1_calls_nothing_development() {
    let bytes = file("fixtures/lockfiles/yarn-1/yarn.lock");
    let folder = Folder::new("fixtures/lockfiles/tour");
    for (reading, roots) in [(read("yarn.lock", &bytes, &()), 0), (read("yarn.lock", &bytes, &folder), 1)] {
        assert_eq!((reading.faults.len(), reading.aggregate), (0, Aggregate::Unknown));
        assert_eq!((reading.graph.roots().len(), libraries(&reading.graph).len()), (roots, 38));
        assert!(listing(&reading.graph).iter().all(|line| line.contains(" Runtime:")));
    }
}

#[test]
fn projects_without_a_name_are_called_after_their_folder() {
    let bytes = b"{\"lockfileVersion\": 3, \"packages\": {\"\": {}, \"libs/a\": {\"version\": \"1\"}}}";
    let reading = read("web/package-lock.json", bytes, &());
    assert_eq!(listing(&reading.graph), ["Application a@1 Runtime:", "Application web@- Runtime:"]);
}
