use super::*;
use proptest::prelude::*;

/// Each stands before the next; the list is compared both ways, each with each.
#[track_caller]
fn ascending(purl_type: &str, versions: &[&str]) {
    for (at, a) in versions.iter().enumerate() {
        for (other, b) in versions.iter().enumerate() {
            assert_eq!(compare(purl_type, a, b), Some(at.cmp(&other)), "{purl_type}: {a} and {b}");
        }
    }
}

#[track_caller]
fn alike(purl_type: &str, a: &str, b: &str) {
    assert_eq!(compare(purl_type, a, b), Some(Ordering::Equal), "{purl_type}: {a} and {b}");
}

#[track_caller]
fn unknown(purl_type: &str, a: &str, b: &str) {
    assert_eq!(compare(purl_type, a, b), None, "{purl_type}: {a} and {b}");
    assert_eq!(compare(purl_type, b, a), None, "{purl_type}: {b} and {a}");
}

#[test]
fn semver_as_its_section_11_has_it() {
    ascending(
        "npm",
        &[
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.9.0",
            "1.10.0",
            "2.0.0",
        ],
    );
    ascending(
        "golang",
        &["v0.0.0-20191109021931-daa7c04131f5", "v0.0.0-20210101000000-abcdefabcdef", "v0.1.0"],
    );
    ascending("nuget", &["4.0", "4.0.0.1", "4.0.1"]);
    alike("cargo", "1.0.0+a", "1.0.0+b");
    alike("golang", "v2.0.0+incompatible", "v2.0.0");
    ascending("cargo", &["99999999999999999999.0.0", "100000000000000000000.0.0"]);
    unknown("npm", "1.0.0", "latest");
    unknown("npm", "1.0.0", "1.0.0-");
    unknown("cargo", "1.0.0", "1.0.0.0.0");
}

#[test]
fn python_as_pep_440_has_it() {
    ascending(
        "pypi",
        &[
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.1.dev1",
            "1.10",
            "1!0.1",
        ],
    );
    for (a, b) in [("1.0", "1.0.0"), ("1.0-1", "1.0.post1"), ("v1.0-ALPHA.1", "1.0a1"), ("1.0c1", "1.0rc1")] {
        alike("pypi", a, b);
    }
    alike("pypi", "1.1rc", "1.1-preview0");
    unknown("pypi", "1.0", "1.0-final");
    unknown("pypi", "1.0", "2004d-x");
}

#[test]
fn debian_has_epochs_tildes_and_revisions() {
    ascending(
        "deb",
        &[
            "1.0~~",
            "1.0~~a",
            "1.0~rc1-1",
            "1.0",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1+deb12u2",
            "1.0-1+deb12u10",
            "1.0-1.1",
            "1.0a-1",
            "1.0+git1-1",
            "1.0.1",
            "1:0.1",
        ],
    );
    alike("deb", "0:1.0-1", "1.0-1");
    alike("deb", "1.0-01", "1.0-1");
    unknown("deb", "1.0", "x:1");
    unknown("deb", "1.0", "1.0 1");
}

#[test]
fn rpm_compares_runs() {
    ascending(
        "rpm",
        &[
            "1.0~rc1-1",
            "1.0-1.fc38",
            "1.0-1.fc39",
            "1.0-10.fc39",
            "1.0^git1-1",
            "1.0a-1",
            "1.0.1-1",
            "1.0010-1",
            "1:0.5-1",
        ],
    );
    alike("rpm", "1.0_1-1", "1.0.1-1");
    ascending("rpm", &["1.0", "1.1"]);
    ascending("rpm", &["1.0-5", "1.1"]);
    unknown("rpm", "1.0-5", "1.0");
}

#[test]
fn alpine_has_suffixes_letters_and_builds() {
    ascending(
        "apk",
        &[
            "1.0_alpha",
            "1.0_alpha2",
            "1.0_beta",
            "1.0_rc1",
            "1.0",
            "1.0-r1",
            "1.0-r10",
            "1.0_p1",
            "1.0b",
            "1.0.5",
            "1.05",
            "1.1",
            "1.1.1w-r1",
            "1.1.2",
        ],
    );
    unknown("apk", "1.0", "1.0_what");
    unknown("apk", "1.0~abc", "1.0~abd");
}

#[test]
fn the_others_as_far_as_their_order_is_plain() {
    ascending("gem", &["1.0.0.a", "1.0.0.rc1", "1.0.0.rc2", "1.0.0", "1.0.0.1", "1.2", "1.10"]);
    alike("gem", "1.0", "1");
    ascending(
        "maven",
        &["1.0-alpha-1", "1.0-beta2", "1.0-M1", "1.0-RC1", "1.0-SNAPSHOT", "1.0", "1.0-sp1", "1.0.1", "1.10"],
    );
    alike("maven", "5.3.0.RELEASE", "5.3.0");
    ascending("maven", &["31.1-jre", "32.0.0-jre"]);
    unknown("maven", "32.0.0-jre", "32.0.0-android");
    ascending("composer", &["1.0.0-alpha1", "v1.0.0-beta2", "1.0.0-RC1", "1.0.0", "1.0.0-p1", "1.0.0.1"]);
    unknown("composer", "1.0.0", "dev-main");
    unknown("composer", "1.0.0", "1.0.x-dev");
    ascending("hackage", &["1.0", "1.0.0", "1.2", "1.10"]);
    unknown("generic", "1", "2");
    unknown("docker", "1", "2");
}

#[test]
fn a_version_past_all_measure_is_not_compared() {
    unknown("npm", "1.0.0", &format!("1.0.{}", "9".repeat(300)));
}

proptest! {
    #[test]
    fn any_two_texts_are_compared_alike_both_ways(a in "[0-9a-z.~^+:!_-]{0,12}", b in "[0-9a-z.~^+:!_-]{0,12}") {
        for kind in ["npm", "pypi", "deb", "rpm", "apk", "gem", "maven", "composer", "hackage"] {
            prop_assert_eq!(compare(kind, &a, &b), compare(kind, &b, &a).map(Ordering::reverse), "{}", kind);
            prop_assert!(compare(kind, &a, &a).is_none_or(Ordering::is_eq));
        }
    }

    #[test]
    fn no_text_makes_it_panic(a: String, b: String) {
        for kind in ["npm", "pypi", "deb", "rpm", "apk", "gem", "maven", "composer", "hackage"] {
            compare(kind, &a, &b);
        }
    }
}
