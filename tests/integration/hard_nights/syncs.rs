//! Power that fails loses what was not synced. So nothing gets its name before its bytes are on the disk, and nothing that is
//! built upon it comes before that name is: checked in the order of the system calls of a real backup, and each sync that is
//! left out is found.

use super::kills::traced;
use super::{change, store, world};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a backup does to a disk.
#[derive(Clone, Debug, PartialEq)]
enum Act {
    Write(PathBuf),
    Sync(PathBuf),
    Make(PathBuf),
    Name(PathBuf, PathBuf),
}

/// Reads what strace wrote; a call that took a while counts when it ended.
fn acts(trace: &str) -> Vec<Act> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut acts = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        if let Some(call) = call.strip_suffix("<unfinished ...>") {
            begun.insert(thread, call);
            continue;
        }
        let ended = call.starts_with("<... ");
        if call.contains(" = -1 ") {
            continue;
        }
        acts.extend(act(if ended { begun.remove(thread).unwrap_or_default() } else { call }));
    }
    acts
}

fn act(call: &str) -> Option<Act> {
    let (name, rest) = call.split_once('(')?;
    let paths = paths(rest);
    // `8</a/b>, "its bytes"`
    let file = || Some(PathBuf::from(rest.split_once('<')?.1.split_once('>')?.0));
    Some(match name {
        "write" | "pwrite64" | "writev" | "ftruncate" => Act::Write(file()?),
        "fsync" | "fdatasync" => Act::Sync(file()?),
        "mkdir" | "mkdirat" => Act::Make(paths.last()?.clone()),
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
            Act::Name(paths.first()?.clone(), paths.get(1)?.clone())
        }
        _ => return None,
    })
}

/// The paths of a call: `8</a/b>` is one, `7</a>, "b"` another, and so is `"/a/b"`.
fn paths(mut rest: &str) -> Vec<PathBuf> {
    let (mut paths, mut folder): (Vec<PathBuf>, Option<PathBuf>) = (Vec::new(), None);
    while let Some(at) = rest.find(['<', '"']) {
        let is_open = rest.as_bytes()[at] == b'<';
        let Some((text, after)) = rest[at + 1..].split_once(if is_open { '>' } else { '"' }) else { break };
        match (is_open, folder.take()) {
            (true, None) => folder = Some(PathBuf::from(text)),
            (true, Some(other)) => {
                paths.push(other);
                folder = Some(PathBuf::from(text));
            }
            (false, Some(inside)) => paths.push(inside.join(text)),
            (false, None) => paths.push(PathBuf::from(text)),
        }
        rest = after;
    }
    paths.extend(folder);
    paths
}

/// What a power cut could take: bytes behind a name, a name that something was built upon, a folder of such names.
fn lost(acts: &[Act], store: &Path) -> Vec<String> {
    let synced = |from: usize, to: usize, path: &Path| acts[from..to].contains(&Act::Sync(path.to_owned()));
    let mut lost = Vec::new();
    for (at, act) in acts.iter().enumerate() {
        let next = |after: usize| {
            let is_next = |act: &Act| matches!(act, Act::Name(_, to) if to.starts_with(store));
            acts[after..].iter().position(is_next).map_or(acts.len(), |next| after + next)
        };
        match act {
            Act::Name(from, to) if to.starts_with(store) => {
                let written = acts[..at].iter().rposition(|act| *act == Act::Write(from.clone()));
                if !written.is_some_and(|written| synced(written, at, from)) {
                    lost.push(format!("the bytes of {}", to.display()));
                }
                if !synced(at, next(at + 1), to.parent().unwrap()) {
                    lost.push(format!("the name of {}", to.display()));
                }
            }
            Act::Make(folder) if folder.starts_with(store) && folder != store => {
                // Until something in it counts.
                let used = acts[at..]
                    .iter()
                    .position(|act| matches!(act, Act::Name(_, to) if to.starts_with(folder)));
                if used.is_some_and(|used| !synced(at, next(at + used + 1), folder.parent().unwrap())) {
                    lost.push(format!("the folder {}", folder.display()));
                }
            }
            _ => {}
        }
    }
    lost
}

#[test]
fn nothing_is_built_upon_what_a_power_cut_could_take() {
    let world = world();
    fs::create_dir(world.path().join("disk")).unwrap();
    let store =
        fs::canonicalize(world.path()).unwrap().join(store(&world).strip_prefix(world.path()).unwrap());
    let log = world.path().join("trace");
    // The first one makes the folders, the second one what comes every night.
    for night in 0..2 {
        change(&world, night);
        let calls = "trace=write,pwrite64,writev,ftruncate,fsync,fdatasync,mkdir,mkdirat,rename,renameat,renameat2,link,linkat";
        let flags = ["-y", "-s", "300", "-o", log.to_str().unwrap(), "-e", calls];
        let status = traced(&world, &flags).status().expect("strace starts");
        assert!(status.success());
        let acts = acts(&fs::read_to_string(&log).unwrap());
        let named =
            acts.iter().filter(|act| matches!(act, Act::Name(_, to) if to.starts_with(&store))).count();
        assert!(named >= 8, "archive, receipt, event, staged, pending, two tiles, checkpoint: {named}");
        assert_eq!(lost(&acts, &store), [""; 0], "night {night}");
        // Each sync of the store that is left out is missed, but for those after something was taken away.
        let mut needed = 0;
        for at in 0..acts.len() {
            if !matches!(&acts[at], Act::Sync(path) if path.starts_with(&store)) {
                continue;
            }
            let without = [&acts[..at], &acts[at + 1..]].concat();
            needed += usize::from(!lost(&without, &store).is_empty());
        }
        assert!(needed >= 2 * named, "night {night}: {needed} syncs are needed for {named} names");
    }
}
