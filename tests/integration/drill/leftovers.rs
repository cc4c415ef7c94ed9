//! What stays where a scratch was: nothing, whatever modes its folders have; and if it cannot be removed, it is said and the drill
//! stands, this one and the next.

use super::host::{as_nobody, in_namespace};
use super::{APP, back_up, drill, nothing_is_left, report, scratches, sh, world};
use crate::world::World;
use attestar::format::drill_report::{DrillReport, DrillResult, Ended, StepName};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The code and the subject of each finding.
fn found(report: &DrillReport) -> Vec<(&str, &str)> {
    report.findings.iter().map(|finding| (&*finding.code, &*finding.subject)).collect()
}

/// JUnit says what the report says: that it passed.
fn passes_in_junit(world: &World) {
    let junit = fs::read_to_string(world.path().join("drill/drill_report.junit.xml")).unwrap();
    assert!(junit.contains(" failures=\"0\" ") && !junit.contains("<failure"), "{junit}");
}

#[test]
fn folders_that_their_owner_cannot_write_to_are_removed_too() {
    let makes = "[[probe]]\nid = \"makes\"\nkind = \"command\"\n\
        run = [\"sh\", \"-c\", 'mkdir -p \"$ATTESTAR_WORK/a/b\" && touch \"$ATTESTAR_WORK/a/b/f\" && chmod 000 \"$ATTESTAR_WORK/a/b\" && chmod 555 \"$ATTESTAR_WORK/a\"']\n";
    let world = world(&format!("{APP}{makes}"));
    world.write("etc/fixed/x", "x");
    mode(&world.tree().join("etc/fixed"), 0o555);
    back_up(&world);
    let said = as_nobody(&world).done();
    assert_eq!(said.findings(), [""; 0]);
    let cleanup = report(&world).steps.pop().unwrap();
    assert_eq!((cleanup.name, cleanup.status), (StepName::Cleanup, Ended::Passed), "{}", cleanup.detail);
    nothing_is_left(&world);
    mode(&world.tree().join("etc/fixed"), 0o755);
}

/// A probe that says that it runs, and waits until it is told to go on.
pub(super) const WAITS: &str = "[[probe]]\nid = \"waits\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \
    'touch \"$ATTESTAR_WORK/runs\"; until test -e \"$ATTESTAR_WORK/on\"; do sleep 0.05; done']\n";

/// A script that drills, does something to the folder `$at` of the run while that probe waits, and something else at the end.
pub(super) fn while_it_waits(drill: &str, meanwhile: &str, after: &str) -> String {
    format!(
        "{drill} & drill=$!; tries=0; \
         until runs=$(ls $TMPDIR/attestar-*/.attestar-run-*/*/waits/runs 2> /dev/null); do sleep 0.05; \
             tries=$((tries + 1)); if [ $tries -gt 1200 ]; then kill $drill; exit 99; fi; done; \
         at=${{runs%/*/waits/runs}}; {meanwhile}; touch ${{runs%/runs}}/on; wait $drill; code=$?; {after}; exit $code"
    )
}

/// The folder of a run that was killed, where the drills of this user have theirs.
fn killed(world: &World) -> PathBuf {
    let user =
        String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
    let folder = scratches(world).join(format!("attestar-{}/.attestar-run-old", user.trim()));
    fs::create_dir_all(folder.join("restored")).unwrap();
    fs::write(folder.join("lock"), "").unwrap();
    fs::write(folder.join("restored/secret"), "in clear").unwrap();
    mode(&folder.join("restored"), 0o500);
    folder
}

#[test]
fn what_an_earlier_drill_left_is_said_and_ends_no_drill() {
    let world = world(APP);
    back_up(&world);
    let folder = killed(&world);
    // Something is mounted in it.
    let script = "mount -t tmpfs none \"$TMPDIR\"/attestar-*/.attestar-run-old/restored && exec \"$@\"";
    in_namespace(&world, script).done();
    let path = folder.canonicalize().unwrap();
    let left = format!("cannot remove {}", path.display());
    assert_eq!(found(&report(&world)), [("left-behind", &*left)]);
    passes_in_junit(&world);
    // Where it can be, it is removed.
    drill(&world, &[]).done();
    assert_eq!(found(&report(&world)), [("cleaned", &*path.display().to_string())]);
    nothing_is_left(&world);
}

#[test]
fn a_scratch_that_cannot_be_kept_is_a_finding_with_its_path() {
    let world = world(&format!("{APP}{WAITS}"));
    back_up(&world);
    // What is mounted on itself cannot be renamed.
    let script = while_it_waits("\"$@\" --keep", "mount --bind $at $at", "umount $at");
    let said = in_namespace(&world, &script).done();
    assert!(said.json()["kept"].is_null());
    let report = report(&world);
    let cleanup = report.steps.iter().find(|step| step.name == StepName::Cleanup).unwrap();
    assert_eq!((cleanup.status, report.result), (Ended::Failed, DrillResult::Passed));
    let [("left-behind", subject)] = found(&report)[..] else { panic!("{:#?}", report.findings) };
    let path = subject.strip_prefix("cannot rename ").unwrap();
    assert!(Path::new(path).join("restored/etc/app.toml").is_file(), "{subject}");
    passes_in_junit(&world);
    sh(&format!("rm -r {path}"));
}
