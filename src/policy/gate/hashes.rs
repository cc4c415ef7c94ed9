//! `hashes`: the HASHES manifest in the repository is that of this tree.

use crate::error::Result;
use crate::finding::Code;
use crate::format::digest::Sha256;
use crate::format::hashes::HashLines;
use crate::format::path::PackPath;
use crate::format::settings::Section;
use crate::format::units::count;
use crate::policy::gate::evidence::required;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Check, Document, Evidence, Judged, Kind, Release};
use crate::policy::matcher::glob;
use crate::policy::values::{globs, path};
use globset::GlobSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "hashes",
    code: Code::GateHashes,
    holds_when: "the HASHES manifest is committed, lists the files that it has to, and every file that it lists has \
                 the SHA-256 that stands there",
    keys: &[
        ("file", "the manifest, as sha256sum writes it; default `HASHES.sha256.txt`"),
        (
            "lists",
            "patterns of the payload files that must be listed, each of which must match one at least; default: all, \
             but for the manifest itself and its BLAKE3 twin",
        ),
    ],
    example: "[[gate]]\nid = \"hashes-match\"\ncheck = \"hashes\"\nfile = \"docs/HASHES.sha256.txt\"\n\
              lists = [\"docs/*.md\", \"ddl/*.sql\", \"CHANGELOG.md\"]\n",
    waivable: false,
    parse,
};

#[derive(Debug)]
struct Hashes {
    file: PackPath,
    lists: Vec<String>,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let default = || PackPath::new(b"HASHES.sha256.txt").expect("is a path");
    Ok(Arc::new(Hashes {
        file: path(section, "file")?.unwrap_or_else(default),
        lists: globs(section, "lists")?,
    }))
}

/// What the manifest lists, with the line of each.
type Listed = BTreeMap<PackPath, (u64, Sha256)>;

impl Check for Hashes {
    fn judge(&self, evidence: &dyn Evidence, _: &Release<'_>) -> Judged {
        let document = match required(evidence, &self.file) {
            Ok(document) => document,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let mut faults: Vec<Fault> = self.uncommitted(evidence).into_iter().collect();
        let listed = listed(&document, &mut faults);
        evidence.will_ask(&listed.keys().collect::<Vec<_>>());
        if listed.is_empty() && faults.is_empty() {
            faults.push(Fault::new(&document.path).expected("files").actual("it lists none"));
        }
        faults.extend(
            listed.iter().filter_map(|(path, (line, sha256))| self.differs(evidence, path, *line, *sha256)),
        );
        faults.extend(self.unlisted(evidence, &listed));
        let passed = format!("{} of {} have their digests", count(listed.len() as u64, "file"), self.file);
        Judged::of(faults, passed).reading([&*document])
    }
}

/// Reads the lines; those that are none become faults.
fn listed(document: &Document, faults: &mut Vec<Fault>) -> Listed {
    let mut listed = Listed::new();
    for line in HashLines::new(&*document.bytes) {
        match line {
            Ok(line) => {
                let place = format!("{}:{}", document.path, line.number);
                let twice = listed.insert(line.path.clone(), (line.number, Sha256(line.digest))).is_some();
                if twice {
                    faults.push(Fault::new(place).expected("each path once").actual(line.path));
                }
            }
            Err(fault) => faults.push(
                Fault::new(&document.path).expected("lines of a digest, two spaces and a path").actual(fault),
            ),
        }
    }
    listed
}

impl Hashes {
    fn uncommitted(&self, evidence: &dyn Evidence) -> Option<Fault> {
        let fault = |actual: &str| Some(Fault::new(self.file.as_str()).expected("committed").actual(actual));
        let git = match evidence.git() {
            Ok(git) => git,
            Err(why) => return fault(&why),
        };
        if let Some(why) = git.status_unread.as_ref().or(git.unread.as_ref()) {
            return fault(why);
        }
        let is_this = |path: &String| path == self.file.as_str();
        if git.untracked.iter().any(is_this) {
            return fault("it is not committed");
        }
        if git.changed.iter().chain(&git.uncompared).any(is_this) {
            return fault("it was changed since");
        }
        match evidence.is_committed(&self.file) {
            Ok(true) => None,
            Ok(false) => fault("HEAD does not have it"),
            Err(why) => fault(&why),
        }
    }

    fn differs(&self, evidence: &dyn Evidence, path: &PackPath, line: u64, listed: Sha256) -> Option<Fault> {
        let actual = match evidence.digest(path) {
            Ok(digest) if digest == listed => return None,
            Ok(digest) => digest.to_string(),
            // Not payload: the manifest may list more than the pack takes.
            Err(_) => match evidence.read(path) {
                Ok(Some(document)) if document.sha256 == listed => return None,
                Ok(Some(document)) => document.sha256.to_string(),
                Ok(None) => "it is not there".to_owned(),
                Err(why) => why,
            },
        };
        let subject = format!("{path} ({}:{line})", self.file);
        Some(Fault::new(subject).expected(listed).actual(actual))
    }

    /// The files that are not listed and should be; and the patterns that ask for nothing.
    fn unlisted(&self, evidence: &dyn Evidence, listed: &Listed) -> Vec<Fault> {
        let mut faults = Vec::new();
        let paths = || evidence.payload().iter().map(|file| &file.path);
        let twin = self.file.as_str().replace("sha256", "blake3");
        let is_manifest = |path: &PackPath| *path == self.file || path.as_str() == twin;
        let mut asked = vec![self.lists.is_empty(); evidence.payload().len()];
        for pattern in &self.lists {
            let set = match glob(pattern).and_then(|glob| GlobSet::new([glob])) {
                Ok(set) => set,
                Err(error) => {
                    faults.push(Fault::new(pattern).expected("a pattern").actual(error));
                    continue;
                }
            };
            let matching: Vec<bool> = paths().map(|path| set.is_match(path.as_str())).collect();
            asked.iter_mut().zip(&matching).for_each(|(asked, matches)| *asked |= matches);
            if !matching.contains(&true) {
                faults.push(Fault::new(pattern).expected("a file of the payload").actual("none matches"));
            }
        }
        let missing = paths().zip(&asked).filter(|(path, asked)| **asked && !is_manifest(path));
        let missing = missing.filter(|(path, _)| !listed.contains_key(*path));
        let fault = |path: &PackPath| {
            Fault::new(path.as_str()).expected(format!("a line in {}", self.file)).actual("it is not listed")
        };
        faults.extend(missing.map(|(path, _)| fault(path)));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::Git;
    use crate::policy::gate::testing::{Fake, fails, faults, passes, refusal};

    const GATE: &str = "check = 'hashes'\nfile = 'docs/HASHES.sha256.txt'";
    const FILE: &str = "docs/HASHES.sha256.txt";

    fn line(path: &str, content: &str) -> String {
        format!("{}  {path}\n", Sha256::of(content.as_bytes()))
    }

    fn fake(manifest: &str) -> Fake {
        let fake = Fake::new().file("a.md", "a").file("ddl/1.sql", "b").file(FILE, manifest);
        fake.git(Git::default()).committed(FILE, "2026-11-19T00:00:00Z")
    }

    fn whole() -> String {
        line("a.md", "a") + &line("ddl/1.sql", "b")
    }

    #[test]
    fn a_committed_manifest_of_every_file_passes() {
        let judged = passes(GATE, &fake(&whole()));
        assert_eq!(judged.detail, "2 files of docs/HASHES.sha256.txt have their digests");
        assert_eq!(judged.read, [(FILE.to_owned(), Sha256::of(whole().as_bytes()))]);
    }

    #[test]
    fn each_difference_is_told() {
        let altered = fake(&(line("a.md", "z") + &line("ddl/1.sql", "b")));
        let (z, a) = (Sha256::of(b"z").to_string(), Sha256::of(b"a").to_string());
        fails(GATE, &altered, "a.md (docs/HASHES.sha256.txt:1)", &z, &a);
        let unlisted = fake(&line("a.md", "a"));
        fails(GATE, &unlisted, "ddl/1.sql", "a line in docs/HASHES.sha256.txt", "it is not listed");
        passes(&format!("{GATE}\nlists = ['*.md']"), &unlisted);
        let twice = fake(&(line("a.md", "z") + &whole()));
        fails(GATE, &twice, "docs/HASHES.sha256.txt:2", "each path once", "a.md");
        let gone = fake(&(whole() + &line("b.md", "b")));
        let b = Sha256::of(b"b").to_string();
        fails(GATE, &gone, "b.md (docs/HASHES.sha256.txt:3)", &b, "it is not there");
        let only = format!("{GATE}\nlists = ['*.md', 'x/*.md']");
        fails(&only, &fake(&whole()), "x/*.md", "a file of the payload", "none matches");
    }

    #[test]
    fn more_may_be_listed_than_the_pack_takes() {
        let more = fake(&(whole() + &line("other.txt", "o"))).file_of(None, "other.txt", "o");
        passes(GATE, &more);
    }

    #[test]
    fn the_manifest_must_be_committed_as_it_is() {
        let of = |git| fake(&whole()).git(git);
        let one = || vec![FILE.to_owned()];
        fails(
            GATE,
            &of(Git { untracked: one(), ..Git::default() }),
            FILE,
            "committed",
            "it is not committed",
        );
        fails(GATE, &of(Git { changed: one(), ..Git::default() }), FILE, "committed", "it was changed since");
        let ignored = Fake::new().file("a.md", "a").file(FILE, line("a.md", "a")).git(Git::default());
        fails(GATE, &ignored, FILE, "committed", "HEAD does not have it");
        let mut bare = fake(&whole());
        bare.git = Err("there is no git repository".to_owned());
        fails(GATE, &bare, FILE, "committed", "there is no git repository");
    }

    #[test]
    fn a_manifest_that_says_nothing_or_nonsense_fails() {
        fails(GATE, &fake(&whole()).without(FILE), FILE, "a file", "it is not there");
        let empty = faults("check = 'hashes'\nfile = 'docs/HASHES.sha256.txt'\nlists = ['*.md']", &fake(""));
        assert_eq!(empty[0].2, "it lists none");
        let torn = fake(&whole()).unreadable("a.md", "it cannot be read");
        assert_eq!(faults(GATE, &torn)[0].2, "it cannot be read");
        let nonsense = faults(GATE, &fake(&(whole() + "hello\n")));
        assert_eq!(nonsense[0].2, "line 3: not a digest, two spaces and a path");
        assert_eq!(refusal("check = 'hashes'\nlist = ['a']").2, "did you mean `lists`?");
    }
}
