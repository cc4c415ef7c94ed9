//! Probes of files as they lie in the scratch: what another probe did to them is found.

use super::confined::{drill_with_unshare, script};
use super::{POLICY, back_up, drill, fails, report};
use crate::world::World;
use attestar::format::drill_report::Ended;

const ALL: &str = "[[probe]]\nid = \"all\"\nkind = \"files\"\npaths = [\"etc/**\"]\n";

/// Where the system shuts nothing off, a program reaches the restored files themselves.
#[test]
fn a_file_that_was_altered_after_the_restore_and_one_that_is_gone() {
    let harm = "echo more >> etc/app.toml && rm etc/notes.txt && cp etc/app.json etc/new.json";
    let world = super::world(&format!("{}{ALL}", script("harms", harm)));
    back_up(&world);
    let said = drill_with_unshare(&world, "exit 1").exits(3);
    let expected = ["not-confined harms", "altered etc/app.toml", "missing etc/notes.txt"];
    assert_eq!(said.findings(), expected, "{}", said.out);
    let report = report(&world);
    let all = report.probes.iter().find(|probe| probe.id == "all").unwrap();
    assert_eq!(all.status, Ended::Failed);
    assert!(all.checks.iter().all(|check| check.name != "digests" || check.status == Ended::Failed));
    super::proves_nothing(&report, "all", "failed");
    let altered = report.findings.iter().find(|finding| finding.code == "altered").unwrap();
    let digest = |text: &Option<String>| text.clone().unwrap().strip_prefix("sha256 ").unwrap().len();
    assert_eq!((digest(&altered.expected), digest(&altered.actual)), (64, 64));
    // Where it is shut off, what it does there is dropped.
    assert_eq!(drill(&world, &[]).done().findings(), Vec::<String>::new());
}

#[test]
fn so_many_that_do_not_parse_are_counted_and_the_report_is_still_read() {
    let world = World::new();
    (0..2000).for_each(|number| world.write(&format!("etc/{number:04}.json"), "{"));
    world.write("attestar.toml", format!("{POLICY}{ALL}"));
    back_up(&world);
    let report = fails(&world, 3, "file-unparsed all");
    let found: Vec<&str> = report.findings.iter().map(|finding| &*finding.code).collect();
    assert_eq!(found, vec!["file-unparsed"; 201]);
    let last = report.findings.last().unwrap().actual.as_deref();
    assert_eq!(last, Some("1,800 more like these, which are not listed"));
}
