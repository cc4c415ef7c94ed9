//! Many files read once, on all threads, for whoever wants to know: a digest of some, a look into others, both of most.

use crate::error::{Error, Result};
use crate::format::digest::Sha256;
use crate::pipeline::crew;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use sha2::Digest as _;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much of a file that is not shown whole is read at once.
const READ_BYTES: usize = 256 << 10;

/// A file to read.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Relative to the root.
    pub path: &'a str,
    /// Its size when it was listed.
    pub size: u64,
    /// Whether its digest is asked for.
    pub digest: bool,
    /// Whether it is shown, whole, if it is no larger than this.
    pub show_up_to: Option<u64>,
}

/// What was read of it: its digest, if that was asked for.
pub type Looked = Result<Option<Sha256>>;

/// Reads every file, on so many threads; gives the results in the order of the list. `see` is shown the content of files
/// by their place in the list, from any thread, and before the digest is given. A file that cannot be read has its error
/// in its place, and does not end the run.
pub fn look(
    root: &Root,
    wanted: &[Wanted<'_>],
    see: &(dyn Fn(usize, &[u8]) + Sync),
    threads: usize,
    watch: &Watch,
) -> Result<Vec<Looked>> {
    let order = largest_first(wanted);
    let next = AtomicUsize::new(0);
    let done = crew::together(threads, || {
        let (mut buffer, mut done) = (Vec::new(), Vec::new());
        while watch.check().is_ok() {
            let Some(&at) = order.get(next.fetch_add(1, Relaxed)) else { break };
            let Some(file) = wanted.get(at) else { break };
            let looked = one(root, file, &mut buffer, &|content| see(at, content), watch);
            done.push((at, looked));
        }
        done
    });
    watch.check()?;
    let mut results: Vec<Option<Looked>> = wanted.iter().map(|_| None).collect();
    for (at, looked) in done.into_iter().flatten() {
        if let Some(result) = results.get_mut(at) {
            *result = Some(looked);
        }
    }
    Ok(results.into_iter().flatten().collect())
}

/// Files of more than one reading first, by size, so that none is left over for one thread; the others in their order,
/// which is how they lie on the disk.
fn largest_first(wanted: &[Wanted<'_>]) -> Vec<usize> {
    let is_large = |file: &Wanted<'_>| file.size > READ_BYTES as u64;
    let of = |large: bool| wanted.iter().enumerate().filter(move |(_, file)| is_large(file) == large);
    let mut order: Vec<(usize, u64)> = of(true).map(|(at, file)| (at, file.size)).collect();
    order.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
    order.iter().map(|&(at, _)| at).chain(of(false).map(|(at, _)| at)).collect()
}

fn one(root: &Root, wanted: &Wanted<'_>, buffer: &mut Vec<u8>, see: &dyn Fn(&[u8]), watch: &Watch) -> Looked {
    let (file, stat) = root.open_file(wanted.path)?;
    let size = stat.st_size as u64;
    let shown = wanted.show_up_to.filter(|most| size <= *most);
    // One byte more than there should be: where less comes than was asked for, it was the end.
    let room = shown.map_or(READ_BYTES, |_| size as usize + 1);
    if buffer.len() < room {
        buffer.resize(room, 0);
    }
    let buffer = buffer.get_mut(..room).unwrap_or_default();
    let (mut hasher, mut at) = (sha2::Sha256::new(), 0u64);
    loop {
        let content = read(&file, buffer, at, || root.join(wanted.path))?;
        if wanted.digest {
            hasher.update(content);
        }
        if shown.is_some() && at == 0 {
            see(content);
        }
        at += content.len() as u64;
        if content.len() < room {
            break;
        }
        watch.check()?;
        // It has grown since it was opened: what was shown is not the whole.
        if shown.is_some() {
            let source = std::io::Error::other("it is being written");
            return Err(Error::Io { action: "read", path: root.join(wanted.path), source });
        }
    }
    watch.advance(1, at);
    Ok(wanted.digest.then(|| Sha256(hasher.finalize().into())))
}

/// Fills the buffer as far as the file goes.
fn read<'b>(file: &File, buffer: &'b mut [u8], at: u64, path: impl FnOnce() -> PathBuf) -> Result<&'b [u8]> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match file.read_at(free, at + filled as u64) {
            Ok(count) => {
                filled += count;
                // A short read of a regular file is its end.
                if count < buffer.len() - (filled - count) {
                    break;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path())(error)),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    #[test]
    fn each_file_is_digested_and_shown_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let large = vec![7; 3 * READ_BYTES + 1];
        let exact = vec![8; READ_BYTES];
        for (name, content) in
            [("a", b"alpha".as_slice()), ("empty", b""), ("exact", &exact), ("large", &large)]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let wanted = |path, digest, show_up_to| Wanted { path, size: 1, digest, show_up_to };
        let list = [
            wanted("a", true, Some(5)),
            wanted("a", false, Some(4)),
            wanted("empty", true, Some(10)),
            wanted("large", true, Some(10)),
            wanted("large", true, Some(large.len() as u64)),
            wanted("exact", true, None),
            wanted("gone", true, Some(10)),
        ];
        let seen = Mutex::new(BTreeMap::new());
        let see = |at: usize, content: &[u8]| drop(seen.lock().unwrap().insert(at, content.to_vec()));
        let root = Root::open(folder.path()).unwrap();
        for threads in [1, 3] {
            let found = look(&root, &list, &see, threads, &Watch::default()).unwrap();
            let digests: Vec<_> = found.iter().map(|one| one.as_ref().ok().copied().flatten()).collect();
            let of = |bytes: &[u8]| Some(Sha256::of(bytes));
            assert_eq!(digests, [of(b"alpha"), None, of(b""), of(&large), of(&large), of(&exact), None]);
            assert!(found.last().unwrap().as_ref().unwrap_err().is_not_found());
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            let expected = [(0, b"alpha".to_vec()), (2, Vec::new()), (4, large.clone())];
            assert_eq!(seen, BTreeMap::from(expected));
        }
    }

    #[test]
    fn an_interruption_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::default();
        watch.interrupt();
        let root = Root::open(folder.path()).unwrap();
        assert!(matches!(look(&root, &[], &|_, _| {}, 2, &watch), Err(Error::Interrupted)));
    }
}
