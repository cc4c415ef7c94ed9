//! A disk that gets full, at each file that a backup writes: of the store, and of this host. The test runs itself again, with
//! a small disk of its own.

use super::{archives, attestar, change, holds, newest, restores, world};
use crate::world::World;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which folder is the small disk, in the run that the test starts.
const PLACE: &str = "ATTESTAR_TEST_DISK";

/// A page of the memory that the disk is made of: what a file takes at least.
const PAGE: u64 = 4096;

fn on_a_small_disk(test: &str, run: fn(&World, &Path)) {
    if let Some(place) = std::env::var_os(PLACE) {
        let world = world();
        let place = world.path().join(place);
        fs::create_dir_all(&place).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(&place).status();
        assert!(mounted.unwrap().success());
        run(&world, &place);
        assert!(Command::new("umount").arg(&place).status().unwrap().success());
        return;
    }
    let program = std::env::current_exe().expect("this test");
    for place in ["disk", "home/state"] {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]).arg(&program);
        command.args(["--exact", &format!("hard_nights::disk::{test}"), "--nocapture"]).env(PLACE, place);
        let output = command.output().expect("unshare (util-linux) starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{place}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 passed"), "{place}: {said}");
    }
}

/// Fills a disk, and leaves so many pages.
fn fill(disk: &Path, pages: u64) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    let mut length = 0;
    while file.write_all(&[0; PAGE as usize]).is_ok() {
        length += PAGE;
    }
    file.set_len(length.saturating_sub(pages * PAGE)).unwrap();
    path
}

#[test]
fn a_full_disk_at_any_file_of_a_backup_harms_nothing_and_the_next_just_works() {
    on_a_small_disk(
        "a_full_disk_at_any_file_of_a_backup_harms_nothing_and_the_next_just_works",
        |world, disk| {
            fs::create_dir_all(world.path().join("disk")).unwrap();
            change(world, 1000);
            assert!(attestar(world, &["backup", "-q"]).status().unwrap().success());
            let first = archives(world).remove(0);
            let (mut refused, mut pages) = (0, 0);
            loop {
                let what = format!("{pages} pages left on {}", disk.display());
                let filler = fill(disk, pages);
                change(world, 2 * pages as usize);
                let ended = attestar(world, &["backup", "-q"]).output().unwrap();
                fs::remove_file(filler).unwrap();
                holds(world, &what);
                change(world, 2 * pages as usize + 1);
                let next = attestar(world, &["backup", "-q"]).output().unwrap();
                assert!(next.status.success(), "{what}: then {}", String::from_utf8_lossy(&next.stderr));
                holds(world, &what);
                if ended.status.success() {
                    break;
                }
                let error = String::from_utf8_lossy(&ended.stderr).into_owned();
                assert_eq!(ended.status.code(), Some(1), "{what}: {error}");
                // SQLite has words of its own.
                let is_full = error.contains("No space left") || error.contains("disk is full");
                assert!(is_full, "{what}: {error}");
                refused += 1;
                pages += 1;
            }
            assert!(refused > 4, "{refused}: the moments were all alike");
            restores(world, &newest(world), 2 * pages as usize + 1, "the last one");
            restores(world, &first, 1000, "the first one");
        },
    );
}
