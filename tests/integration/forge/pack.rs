//! What a pack says: payload and tag files.

use crate::world::{World, everything_in};
pub use attestar::evidence::closure::TAG_MANIFEST;
use attestar::evidence::links::LinkMap;
use attestar::evidence::payload::{HASHES_BLAKE3, HASHES_SHA256, INVENTORY, MANIFEST};
pub use attestar::evidence::seal::SEAL;
use attestar::format::bag::declaration::Declaration;
use attestar::format::class::Class;
use attestar::format::digest::{Digests, Sha256};
use attestar::format::inventory::Row;
use attestar::format::kind::Kind;
use attestar::format::listing::{Encoding, write_line};
use attestar::format::member::{FileType, Member};
use attestar::format::pack::{Pack as PackJson, SCHEMA};
use attestar::format::path::PackPath;
use attestar::format::receipt::Base;
use attestar::format::seal::{PolicyRef, Seal, Tool, Totals};
use attestar::keys::signing::SigningKey;
use std::collections::BTreeMap;
use std::fs;

/// 2023-11-14 22:13:20 UTC.
const EPOCH: i64 = 1_700_000_000;
const POLICY: &str = "schema = 1\n";

/// A member of the payload, named as in the tree.
#[derive(Clone)]
pub struct Entry {
    pub member: Member,
    pub content: Vec<u8>,
}

/// A pack in memory. `tags` is complete but for the tag manifest and the seal, which `sealed` adds.
#[derive(Clone)]
pub struct Pack {
    pub project: String,
    pub version: String,
    pub kind: Kind,
    pub entries: Vec<Entry>,
    pub tags: BTreeMap<String, Vec<u8>>,
}

pub fn file(path: &str, content: impl AsRef<[u8]>) -> Entry {
    let content = content.as_ref().to_vec();
    Entry { member: Member { size: content.len() as u64, ..member(path, FileType::File, 0o644) }, content }
}

pub fn link(path: &str, target: &str) -> Entry {
    Entry { member: member(path, FileType::Link(target.into()), 0o777), content: Vec::new() }
}

pub fn dir(path: &str) -> Entry {
    Entry { member: member(path, FileType::Dir, 0o755), content: Vec::new() }
}

fn member(path: &str, kind: FileType, mode: u32) -> Member {
    let path = PackPath::new(path.as_bytes()).expect("a path that a member can have");
    Member { path, kind, size: 0, mode, mtime_s: EPOCH, mtime_ns: 0, uid: 0, gid: 0 }
}

impl Pack {
    /// shop 1.0.0 with this payload, in this order.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Pack {
        Pack::named("shop", "1.0.0", entries)
    }

    pub fn named(project: &str, version: &str, entries: impl IntoIterator<Item = Entry>) -> Pack {
        let (project, version, entries) = (project.into(), version.into(), entries.into_iter().collect());
        let mut pack = Pack { project, version, kind: Kind::Release, entries, tags: BTreeMap::new() };
        pack.compose();
        pack
    }

    /// What attestar sealed as shop 1.0.0 in this world, with all its tag files but the two that `sealed` adds, to be
    /// bent and sealed again.
    pub fn reopened(world: &World) -> Pack {
        let evidence = world.evidence();
        let mut tags = BTreeMap::new();
        for (path, _) in everything_in(&evidence).into_iter().filter(|(path, _)| path.is_file()) {
            let name = path.strip_prefix(&evidence).expect("it lies there").display().to_string();
            tags.insert(name, fs::read(path).expect("a tag file"));
        }
        tags.retain(|name, _| name != TAG_MANIFEST && name != SEAL);
        let rows = tags[INVENTORY].split_inclusive(|&byte| byte == b'\n');
        let entry = |line: &[u8]| {
            let member = Row::parse(line.trim_ascii_end()).expect("a row").member;
            let content = match member.kind {
                FileType::File => fs::read(world.tree().join(member.path.as_str())).expect("a file"),
                _ => Vec::new(),
            };
            Entry { member, content }
        };
        let entries = rows.map(entry).collect();
        Pack { project: "shop".into(), version: "1.0.0".into(), kind: Kind::Release, entries, tags }
    }

    pub fn name(&self) -> String {
        format!("{}-{}", self.project, self.version)
    }

    /// The digests and size that the lists have for a member: of a link, those of the file it ends at.
    fn listed(&self, entry: &Entry) -> Option<(Digests, u64)> {
        let content = match entry.member.kind {
            FileType::Dir => return None,
            FileType::File => &entry.content,
            FileType::Link(_) => {
                let members: Vec<Member> = self.entries.iter().map(|entry| entry.member.clone()).collect();
                let end = LinkMap::new(&members).resolve(&entry.member.path)?;
                let end = self.entries.iter().find(|entry| entry.member.path.as_str() == end)?;
                (end.member.kind == FileType::File).then_some(&end.content)?
            }
        };
        Some((Digests::of(content), content.len() as u64))
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.entries.iter().filter_map(|entry| self.listed(entry)).for_each(|(_, size)| totals.add(size));
        totals
    }

    /// Writes every tag file but the tag manifest and the seal.
    fn compose(&mut self) {
        let [mut sha256, mut blake3, mut manifest, mut inventory] = [const { Vec::new() }; 4];
        for entry in &self.entries {
            let (path, listed) = (&entry.member.path, self.listed(entry));
            if let Some((digests, _)) = listed {
                let data = format!("data/{path}");
                write_line(&mut sha256, Encoding::Plain, &digests.sha256, path.as_str()).expect("a line");
                write_line(&mut blake3, Encoding::Plain, &digests.blake3, path.as_str()).expect("a line");
                write_line(&mut manifest, Encoding::Percent, &digests.sha256, &data).expect("a line");
            }
            let (member, class) = (entry.member.clone(), listed.map(|_| Class::Doc));
            let digest = listed.filter(|_| member.kind == FileType::File).map(|(digests, _)| digests.blake3);
            Row { member, class, blake3: digest, archived: true, torn: false }
                .write(&mut inventory)
                .expect("a row");
        }
        let Totals { files, bytes } = self.totals();
        let info = format!("External-Identifier: {}\nPayload-Oxum: {bytes}.{files}\n", self.name());
        let tags: [(&str, Vec<u8>); 8] = [
            (HASHES_BLAKE3, blake3),
            (HASHES_SHA256, sha256),
            ("bag-info.txt", info.into()),
            ("bagit.txt", Declaration::default().to_text().into()),
            (INVENTORY, inventory),
            (MANIFEST, manifest),
            ("pack.json", self.json().to_bytes()),
            ("policy.toml", POLICY.into()),
        ];
        self.tags = tags.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    }

    pub fn json(&self) -> PackJson {
        let of = |wanted: fn(&FileType) -> bool| {
            self.entries.iter().filter(|entry| wanted(&entry.member.kind)).count() as u64
        };
        let payload = self.totals();
        let classes = (payload.files > 0).then_some((Class::Doc, payload)).into_iter().collect();
        PackJson {
            schema: SCHEMA.into(),
            name: self.name(),
            project: self.project.clone(),
            version: self.version.clone(),
            kind: self.kind,
            tool: Tool::this(),
            policy: policy(),
            source_date_epoch: EPOCH,
            payload,
            classes,
            links: of(|kind| matches!(kind, FileType::Link(_))),
            folders: of(|kind| *kind == FileType::Dir),
            ddl: None,
            captures: Vec::new(),
            bases: Vec::new(),
        }
    }

    /// Writes the tag files anew, as what the pack is now.
    pub fn recompose(&mut self) {
        self.compose();
    }

    /// The bases that `pack.json` names.
    pub fn bases(&self) -> Vec<Base> {
        let said =
            self.tags.get("pack.json").and_then(|bytes| serde_json::from_slice::<PackJson>(bytes).ok());
        said.map(|said| said.bases).unwrap_or_default()
    }

    /// What the seal says.
    pub fn seal(&self) -> Seal {
        Seal {
            name: self.name(),
            project: self.project.clone(),
            version: self.version.clone(),
            kind: self.kind,
            tool: Tool::this(),
            policy: PolicyRef { sha256: self.policy_sha256(), ..policy() },
            payload: self.totals(),
        }
    }

    fn policy_sha256(&self) -> Sha256 {
        Sha256::of(self.tags.get("policy.toml").map_or(&[], |text| &text[..]))
    }

    /// With the tag manifest over all tag files that are there now.
    pub fn closed(mut self) -> Pack {
        let mut lines = Vec::new();
        for (name, bytes) in &self.tags {
            write_line(&mut lines, Encoding::Percent, &Sha256::of(bytes), name).expect("a line");
        }
        self.tags.insert(TAG_MANIFEST.to_owned(), lines);
        self
    }

    /// With the seal over the tag manifest that is there now.
    pub fn signed(mut self, key: &SigningKey) -> Pack {
        let statement = self.seal().over(Sha256::of(&self.tags[TAG_MANIFEST]));
        self.tags.insert(SEAL.to_owned(), key.sign_statement(&statement).to_bytes());
        self
    }

    /// Closed and signed.
    pub fn sealed(self, key: &SigningKey) -> Pack {
        self.closed().signed(key)
    }
}

fn policy() -> PolicyRef {
    PolicyRef { name: "default".into(), sha256: Sha256::of(POLICY.as_bytes()) }
}
