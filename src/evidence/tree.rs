//! A working tree against a pack: every listed file must lie there, with the digest that is listed.

use crate::error::{Error, Result};
use crate::evidence::payload::MANIFEST;
use crate::finding::{Code, Finding, Outcome};
use crate::format::digest::Sha256;
use crate::format::listing::{Encoding, Line, Lines};
use crate::pipeline::contents::Contents;
use crate::pipeline::hash::{Wanted, hash_files};
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use std::io;
use std::path::Path;

/// Compares the files of a tree with the pack's list. Files that only the tree has are not looked at: which of them
/// would belong into a pack, a policy says.
pub fn check(
    tree: &Path,
    contents: &Contents,
    threads: usize,
    watch: &Watch,
    outcome: &mut Outcome,
) -> Result<()> {
    let Some(manifest) = contents.tags.open(MANIFEST) else {
        outcome.conclude("tree", "the pack has no list", vec![Finding::new(Code::Missing, MANIFEST)]);
        return Ok(());
    };
    let lines: io::Result<Vec<Line>> = Lines::new(manifest, Encoding::Percent).collect();
    let Ok(lines) = lines else {
        outcome.conclude(
            "tree",
            "the pack's list is malformed",
            vec![Finding::new(Code::ManifestInvalid, MANIFEST)],
        );
        return Ok(());
    };
    let links: std::collections::HashSet<&str> =
        contents.others.iter().map(|member| member.path.as_str()).collect();
    let in_tree = |line: &Line| line.path.strip_prefix("data/").unwrap_or(&line.path).to_owned();
    let paths: Vec<(String, Sha256)> =
        lines.iter().map(|line| (in_tree(line), Sha256(line.digest))).collect();
    // A link's digest is that of the file it ends at, which is listed too.
    let files: Vec<&(String, Sha256)> = paths.iter().filter(|(path, _)| !links.contains(&**path)).collect();
    let size = |path: &str| tree.join(path).symlink_metadata().map_or(0, |metadata| metadata.len());
    let wanted: Vec<Wanted<'_>> = files.iter().map(|(path, _)| Wanted { path, size: size(path) }).collect();
    watch.expect_bytes(wanted.iter().map(|file| file.size).sum());
    let hashed = hash_files(&Root::open(tree)?, &wanted, threads, watch)?;
    let mut findings = Vec::new();
    for ((path, signed), hashed) in files.iter().zip(hashed) {
        let finding = || Finding::new(Code::TreeDiffers, path.as_str()).expected(format!("sha256 {signed}"));
        match hashed {
            Ok((_, digests)) if digests.sha256 == *signed => {}
            Ok((_, digests)) => findings.push(finding().actual(format!("sha256 {}", digests.sha256))),
            Err(Error::Io { source, .. }) => findings.push(finding().actual(source)),
            Err(error) => return Err(error),
        }
    }
    if files.is_empty() {
        findings.push(Finding::new(Code::NothingChecked, "tree"));
    }
    let detail = match findings.len() {
        0 => format!("all {} files are as in the pack", files.len()),
        wrong => format!("{wrong} of {} files differ from the pack", files.len()),
    };
    outcome.conclude("tree", detail, findings);
    Ok(())
}
