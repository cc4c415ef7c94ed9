//! The third step: what no way leads to. Formats that list packages without saying who needs them leave such.

use crate::format::bom::merged::{Loose, Part, Role, artifact};
use crate::format::bom::release::{Origin, Source};

/// Parts that must be linked so that everything can be reached from the subject: first those that nothing needs, then,
/// of every circle that is left, the first.
pub(super) fn find(sources: &[&Source], parts: &[Part<'_>], subject_needs: &[usize]) -> Vec<Loose> {
    let mut reached = Reached { parts, seen: vec![false; parts.len()], pending: Vec::new() };
    subject_needs.iter().for_each(|&part| reached.from(part));
    let mut needed = vec![false; parts.len()];
    parts.iter().flat_map(|part| &part.needs).for_each(|&need| needed[need] = true);
    let holders = holders(sources, parts);
    let mut loose = Vec::new();
    for circles in [false, true] {
        for part in 0..parts.len() {
            if !reached.seen[part] && (circles || !needed[part]) {
                reached.from(part);
                let first = parts[part].sources.first();
                let holder = first.and_then(|&source| holders[source]);
                let held = first.is_some_and(|&source| sources[source].origin == Origin::Artifact);
                loose.push(Loose { part, under: holder.filter(|&under| under != part), held });
            }
        }
    }
    loose
}

/// For each source the part that stands for it: the only project of a lockfile, the file that an artifact is.
fn holders(sources: &[&Source], parts: &[Part<'_>]) -> Vec<Option<usize>> {
    let mut holders = vec![None; sources.len()];
    let mut several = vec![false; sources.len()];
    for (at, part) in parts.iter().enumerate() {
        let own = match part.role {
            Role::Package => continue,
            Role::Project => part.sources.clone(),
            Role::File(file) => artifact(sources, file).into_iter().collect(),
        };
        for source in own {
            several[source] |= holders[source].replace(at).is_some();
        }
    }
    let only = |(holder, several): (Option<usize>, bool)| holder.filter(|_| !several);
    holders.into_iter().zip(several).map(only).collect()
}

struct Reached<'p, 'a> {
    parts: &'p [Part<'a>],
    seen: Vec<bool>,
    pending: Vec<usize>,
}

impl Reached<'_, '_> {
    fn from(&mut self, part: usize) {
        self.pending.push(part);
        while let Some(part) = self.pending.pop() {
            if !std::mem::replace(&mut self.seen[part], true) {
                self.pending.extend(&self.parts[part].needs);
            }
        }
    }
}
