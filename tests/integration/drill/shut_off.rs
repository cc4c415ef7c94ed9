//! What else of its host a program is shut off from: memory that is shared by number, control groups, sockets of any name.

use super::host::{as_nobody, as_nobody_after};
use super::{POLICY, back_up, drill, report, world};
use attestar::format::drill_report::Ended;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// A probe that runs this script.
fn script(id: &str, script: &str) -> String {
    format!("[[probe]]\nid = \"{id}\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", '''{script}''']\n")
}

/// Shared memory of System V, by its number. Dropped, it is removed.
struct Shared(String);

impl Shared {
    fn make() -> Shared {
        let made = Command::new("ipcmk").args(["--shmem", "4096"]).output().unwrap();
        let said = String::from_utf8(made.stdout).unwrap();
        Shared(said.trim().rsplit(' ').next().unwrap().to_owned())
    }

    fn is_there(&self) -> bool {
        Command::new("ipcs").args(["--shmems", "--id", &self.0]).output().unwrap().status.success()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = Command::new("ipcrm").args(["--shmem-id", &self.0]).output();
    }
}

#[test]
fn shared_memory_of_the_host_is_not_there() {
    let memory = Shared::make();
    let world = world(&script("removes", &format!("! ipcrm --shmem-id {}", memory.0)));
    back_up(&world);
    drill(&world, &[]).done();
    assert!(memory.is_there());
}

#[test]
fn without_root_the_settings_of_the_kernel_are_read_only() {
    // A part of it that this user may write to, as the control groups are that were handed to it.
    let handed = "/sys/fs/cgroup";
    let tries = format!(
        "test -e {handed}/handed && ! touch {handed}/made && awk \"\\$2 ~ /^.sys$/ && \\$4 !~ /^ro/ {{ exit 1 }}\" /proc/self/mounts"
    );
    let world = world(&script("tries", &tries));
    back_up(&world);
    let mount = format!("mount -t tmpfs -o mode=777 none {handed} && touch {handed}/handed && exec \"$@\"");
    let said = as_nobody_after(&world, &mount);
    assert_eq!(said.done().findings(), Vec::<String>::new());
    let outside = &report(&world).probes[0].checks;
    assert!(outside.iter().any(|it| it.name == "outside" && it.status == Ended::Passed), "{outside:#?}");
}

#[test]
fn without_root_sockets_of_odd_names_are_not_there() {
    let world = world("");
    // Where it is not all empty for who is not root.
    let bound = tempfile::tempdir_in("/var/tmp").unwrap();
    let bound = bound.path();
    fs::set_permissions(bound, fs::Permissions::from_mode(0o755)).unwrap();
    let listeners: Vec<UnixListener> = [&b"two words"[..], b"\xff\xfe", b"a\nb", b"back\\slash", b"plain"]
        .iter()
        .map(|name| {
            let path = bound.join(OsStr::from_bytes(name));
            let listener = UnixListener::bind(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
            listener
        })
        .collect();
    let seen =
        format!("for it in {}/*; do test -e \"$it\" && ! test -S \"$it\" || exit 1; done", bound.display());
    world.write("attestar.toml", format!("{POLICY}{}", script("sockets", &seen)));
    back_up(&world);
    let said = as_nobody(&world);
    drop(listeners);
    assert_eq!(said.done().findings(), Vec::<String>::new());
}

#[test]
fn without_root_a_list_of_sockets_that_cannot_be_read_fails_the_drill() {
    let world = world(&script("runs", "true"));
    back_up(&world);
    let hide = "mount -t tmpfs none /proc/$$/net && exec \"$@\"";
    let said = as_nobody_after(&world, hide);
    assert_ne!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("cannot read /proc/net/unix"), "{}", said.out);
}
