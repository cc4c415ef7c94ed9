//! `ddl-order`: what was applied once stays as it is, and where it is.

mod compare;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::finding::Code;
use crate::format::ddl::{DdlFile, DdlPack, Object, ObjectKind};
use crate::format::ddl_order::numbers;
use crate::format::digest::Sha256;
use crate::format::hashes::HashLines;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::template::Template;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::values::one_of;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "ddl-order",
    code: Code::GateDdlOrder,
    holds_when: "no DDL file of the last release (the newest sealed pack, else the newest tag) or of a lock file was \
                 renamed, reordered, edited or removed, new ones come after all of those, numbers have neither gaps \
                 nor duplicates, and nothing is used before it is created. Statements that cannot be parsed are listed",
    keys: &[
        (
            "against",
            "a lock file, in the tree, to compare with instead of the last release: the DDL files in order, as \
             sha256sum prints them; `{version}`, `{tag}` and `{project}` stand for the release's",
        ),
        (
            "complete",
            "with `against`, true: the lock file lists every DDL file, as a record of what was applied does; default \
             false: new ones may come after those that it lists",
        ),
        ("first_release", "the version of the first release, which has none before it to compare with"),
        (
            "numbers",
            "`gapless` (default): the files of a folder count up by one; `increasing`: no number twice, as for \
             timestamps; `none`: not looked at",
        ),
        ("unparsed", "`list` (default) or `refuse`: what to do about statements that cannot be parsed"),
    ],
    example: "[[gate]]\nid = \"ddl-locked\"\ncheck = \"ddl-order\"\nagainst = \"ddl.lock\"\nnumbers = \"gapless\"\n",
    waivable: true,
    parse,
};

/// How many statements that cannot be parsed are named for people.
const UNPARSED_NAMED_MAX: usize = 5;

#[derive(Debug)]
struct DdlOrder {
    against: Option<Template>,
    complete: bool,
    first_release: Option<String>,
    numbers: Numbers,
    refuse_unparsed: bool,
}

/// What is asked of the numbers in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Gapless,
    Increasing,
    Free,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let schemes =
        [("gapless", Numbers::Gapless), ("increasing", Numbers::Increasing), ("none", Numbers::Free)];
    let against = Template::read(section, "against")?;
    let complete = section.flag("complete")?.filter(|flag| flag.value);
    if let (None, Some(flag)) = (&against, complete) {
        let message = "`complete` without `against`: there is no lock file to be complete";
        return Err(section.error(flag.line, message, "against = \"ddl.lock\""));
    }
    let first_release = section.text("first_release")?;
    if let (Some(_), Some(first)) = (&against, first_release) {
        let message = "`first_release` is for gates that compare with the last release, not with a lock file";
        return Err(section.error(first.line, message, "take out one of them"));
    }
    Ok(Arc::new(DdlOrder {
        against,
        complete: complete.is_some(),
        first_release: first_release.map(|first| first.value.to_owned()),
        numbers: one_of(section, "numbers", &schemes)?.unwrap_or(Numbers::Gapless),
        refuse_unparsed: one_of(section, "unparsed", &[("list", false), ("refuse", true)])?
            .unwrap_or_default(),
    }))
}

/// What the files are compared with.
struct Before {
    /// In order.
    files: Vec<(String, Sha256)>,
    /// For people.
    place: String,
    read: Option<Arc<Document>>,
}

impl Check for DdlOrder {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let pack = match evidence.ddl() {
            Ok(pack) => pack,
            Err(why) => return Judged::of(vec![Fault::new("ddl").expected("DDL files").actual(why)], ""),
        };
        let mut faults = Vec::new();
        let now = digests(evidence, &pack, &mut faults);
        if pack.files.is_empty() {
            faults.push(Fault::new("ddl").expected("DDL files").actual("the policy takes none"));
        }
        if pack.files_omitted > 0 {
            let actual = format!("{} are not", count(pack.files_omitted, "file"));
            faults.push(Fault::new("ddl").expected("every file described").actual(actual));
        }
        let mut before = None;
        match self.before(evidence, release) {
            Ok(found) => before = found,
            Err(fault) => faults.push(fault),
        }
        if let Some(before) = &before {
            faults.extend(compare::compare(&before.files, &now));
            if self.complete {
                faults.extend(unlisted(before, &now));
            }
        }
        faults.extend(self.misnumbered(&pack));
        faults.extend(used_too_early(&pack));
        if self.refuse_unparsed {
            faults.extend(pack.files.iter().flat_map(unparsed));
        }
        let against =
            before.as_ref().map_or("no release before it".to_owned(), |before| before.place.clone());
        let files = count(pack.files.len() as u64, "file");
        let mut judged = Judged::of(faults, format!("{files} against {against}{}", not_parsed(&pack)));
        judged.read.extend(now);
        judged.reading(before.iter().filter_map(|before| before.read.as_deref()))
    }
}

fn digests(evidence: &dyn Evidence, pack: &DdlPack, faults: &mut Vec<Fault>) -> Vec<(String, Sha256)> {
    let mut digests = Vec::new();
    for file in &pack.files {
        let path = PackPath::new(file.path.as_bytes()).map_err(|why| why.to_string());
        match path.and_then(|path| evidence.digest(&path)) {
            Ok(digest) => digests.push((file.path.clone(), digest)),
            Err(why) => faults.push(Fault::new(&file.path).expected("a file").actual(why)),
        }
    }
    digests
}

impl DdlOrder {
    /// What to compare with; nothing for the first release.
    fn before(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Result<Option<Before>, Fault> {
        if let Some(lock) = &self.against {
            return locked(evidence, &lock.path(release)?).map(Some);
        }
        let last = match evidence.last_release() {
            Ok(last) => last,
            Err(_) if self.first_release.as_deref() == Some(release.version) => return Ok(None),
            Err(why) => {
                return Err(Fault::new("ddl").expected("a release to compare with").actual(why));
            }
        };
        if let Some(Err(why)) = &last.seal {
            return Err(Fault::new(&last.place).expected("a seal that verifies").actual(why));
        }
        let fault = |why| Fault::new(&last.place).expected("its DDL files").actual(why);
        let files = evidence.ddl_before().map_err(fault)?;
        Ok(Some(Before { files, place: last.place.clone(), read: last.read.clone() }))
    }

    /// Gaps and duplicates, folder by folder.
    fn misnumbered(&self, pack: &DdlPack) -> Vec<Fault> {
        if self.numbers == Numbers::Free {
            return Vec::new();
        }
        let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in &pack.files {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder).or_default().push(&file.path);
        }
        let mut faults = Vec::new();
        for paths in folders.values() {
            self.in_folder(paths, &mut faults);
        }
        faults
    }

    fn in_folder(&self, paths: &[&str], faults: &mut Vec<Fault>) {
        // A folder without any number is in no such scheme.
        if paths.iter().all(|path| numbers(path).is_none()) {
            return;
        }
        let mut seen: HashMap<Vec<&str>, &str> = HashMap::new();
        let mut last: Option<(u64, &str)> = None;
        for path in paths {
            let Some(numbers) = numbers(path) else {
                faults.push(Fault::new(*path).expected("a number, as the other files have").actual("none"));
                continue;
            };
            let number = numbers.join(".");
            if let Some(other) = seen.insert(numbers.clone(), path) {
                let number = if number.is_empty() { "0" } else { &number };
                let actual = format!("{number}, as {other}");
                faults.push(Fault::new(*path).expected("a number of its own").actual(actual));
                continue;
            }
            // Only plain numbers count up by one: 1.2 may come after 1.1, or after 1.
            let plain = match numbers[..] {
                [""] => Some(0),
                [digits] => digits.parse::<u64>().ok(),
                _ => None,
            };
            if let (Numbers::Gapless, Some(number)) = (self.numbers, plain) {
                if let Some((before, other)) =
                    last.filter(|(before, _)| before.checked_add(1) != Some(number))
                {
                    let expected = format!("{}, after {other}", before.saturating_add(1));
                    faults.push(Fault::new(*path).expected(expected).actual(number));
                }
                last = Some((number, path));
            }
        }
    }
}

/// A lock file: the order is the order of its lines.
fn locked(evidence: &dyn Evidence, lock: &PackPath) -> Result<Before, Fault> {
    let document = required(evidence, lock)?;
    let mut files = Vec::new();
    for line in HashLines::new(&*document.bytes) {
        let line = line.map_err(|fault| {
            Fault::new(lock.as_str()).expected("lines of a digest, two spaces and a path").actual(fault)
        })?;
        files.push((line.path.to_string(), Sha256(line.digest)));
    }
    if files.is_empty() {
        return Err(Fault::new(lock.as_str()).expected("DDL files").actual("it lists none"));
    }
    Ok(Before { files, place: lock.to_string(), read: Some(document) })
}

/// DDL files that a lock file does not list.
fn unlisted(lock: &Before, now: &[(String, Sha256)]) -> Vec<Fault> {
    let listed: HashSet<&str> = lock.files.iter().map(|(path, _)| path.as_str()).collect();
    let missing = now.iter().filter(|(path, _)| !listed.contains(path.as_str()));
    let fault = |(path, _): &(String, Sha256)| {
        Fault::new(path).expected(format!("a line in {}", lock.place)).actual("it is not listed")
    };
    missing.map(fault).collect()
}

/// Objects that a file refers to, and that only it, later on, or a later file creates.
fn used_too_early(pack: &DdlPack) -> Vec<Fault> {
    let mut creators: HashMap<&str, Vec<(usize, ObjectKind)>> = HashMap::new();
    for (at, file) in pack.files.iter().enumerate() {
        for object in &file.creates {
            creators.entry(&object.name).or_default().push((at, object.kind));
        }
    }
    let mut faults = Vec::new();
    for (at, file) in pack.files.iter().enumerate() {
        for object in &file.depends {
            if let Some(creator) = too_late(&creators, at, object) {
                let what = format!("{} {}", object.kind, object.name);
                let fault = Fault::new(&file.path).expected(format!("{what} created before it is used"));
                let by = pack.files.get(creator).map_or("", |file| file.path.as_str());
                let by = if creator == at {
                    "it is created further down".to_owned()
                } else {
                    format!("{by} creates it")
                };
                faults.push(fault.actual(by));
            }
        }
    }
    faults
}

/// The file that creates an object, if none before `at` does. What no file creates is there by other means.
fn too_late(creators: &HashMap<&str, Vec<(usize, ObjectKind)>>, at: usize, object: &Object) -> Option<usize> {
    let same = |kind: ObjectKind| kind == object.kind || (is_relation(kind) && is_relation(object.kind));
    let mut files =
        creators.get(object.name.as_str())?.iter().filter(|(_, kind)| same(*kind)).map(|(file, _)| *file);
    let first = files.next()?;
    (first >= at).then_some(first)
}

/// A mere mention does not say whether it is a table or a view.
fn is_relation(kind: ObjectKind) -> bool {
    use ObjectKind::{MaterializedView, Relation, Table, View};
    matches!(kind, Relation | Table | View | MaterializedView)
}

fn unparsed(file: &DdlFile) -> Vec<Fault> {
    let fault = |line: u64| {
        Fault::new(format!("{}:{line}", file.path))
            .expected("a statement that is understood")
            .actual("it cannot be parsed")
    };
    let named: Vec<Fault> = file.unparsed.iter().map(|one| fault(one.line)).collect();
    let rest = file.statements_unparsed.saturating_sub(named.len() as u64);
    let more = (rest > 0).then(|| {
        let actual = format!("{} more cannot be parsed", count(rest, "statement"));
        Fault::new(&file.path).expected("statements that are understood").actual(actual)
    });
    named.into_iter().chain(more).collect()
}

/// The statements that cannot be parsed, for people: `; 2 statements not parsed: ddl/3.sql:7, ddl/4.sql:1`.
fn not_parsed(pack: &DdlPack) -> String {
    let all: u64 = pack.files.iter().map(|file| file.statements_unparsed).sum();
    if all == 0 {
        return String::new();
    }
    let places = pack
        .files
        .iter()
        .flat_map(|file| file.unparsed.iter().map(move |one| format!("{}:{}", file.path, one.line)));
    let mut places: Vec<String> = places.take(UNPARSED_NAMED_MAX).collect();
    if (places.len() as u64) < all {
        places.push("…".to_owned());
    }
    format!("; {} not parsed: {}", count(all, "statement"), places.join(", "))
}
