//! A policy that was checked: the rules as the rest of the crate uses them.

use crate::format::class::Class;
pub use crate::format::ddl::Dialect;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::policy::backup::BackupOptions;
use crate::policy::capture::Capture;
use crate::policy::drill::DrillOptions;
use crate::policy::filing::FilingOptions;
use crate::policy::gate::Gate;
use crate::policy::gate::template::Template;
use crate::policy::git::GitOptions;
use crate::policy::matcher::Matcher;
use crate::policy::probe::Probe;
use crate::policy::sbom::SbomOptions;
use crate::policy::secrets::Sources;
use crate::policy::store::StoreOptions;
use crate::policy::telemetry::Notify;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// Where a policy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, as it was named.
    File(PathBuf),
    /// A shipped policy: `builtin:NAME`.
    Builtin(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Builtin(name) => write!(f, "builtin:{name}"),
        }
    }
}

/// A checked policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The policy's own name; default: the project's, else the file's stem or the builtin's name.
    pub name: String,
    /// Where it came from.
    pub source: Source,
    /// The text exactly as read: it goes into the pack as `policy.toml`.
    pub text: String,
    /// The digest of the text.
    pub sha256: Sha256,
    /// When somebody has to have looked at it again: after that it lets nothing go.
    pub expires: Option<Timestamp>,
    /// The `{project}` of pack names, if the policy names it.
    pub project: Option<String>,
    /// Who supplies the software, as the SBOM names them.
    pub supplier: Option<String>,
    /// The file in the tree that holds the version.
    pub version_file: Option<PackPath>,
    /// How much is at stake, in the project's own words: gates may be limited to some tiers.
    pub tier: Option<String>,
    /// How tags are named; default `v{version}`.
    pub tag: TagTemplate,
    /// What belongs in the pack; the first match wins.
    pub include: Vec<Include>,
    /// What must hold before a release may go, in the order of the file.
    pub gates: Vec<Gate>,
    /// The classes that a release takes.
    pub release_classes: BTreeSet<Class>,
    /// The release notes, of which `hash` writes one section.
    pub notes: Option<Template>,
    /// How long a published release is kept at least, in seconds; `None` for ever.
    pub keep_release_s: Option<u64>,
    /// Where the HASHES manifests lie in the tree.
    pub hashes: HashesPaths,
    /// What `seal` writes beside the pack for a software registry.
    pub filing: Option<FilingOptions>,
    /// How to seal.
    pub seal: SealOptions,
    /// Whose signatures of tags count.
    pub git: GitOptions,
    /// What the SBOM leaves out.
    pub sbom: SbomOptions,
    /// How to back up.
    pub backup: BackupOptions,
    /// Databases and programs of which a backup takes a copy, in the order of the file.
    pub captures: Vec<Capture>,
    /// How to drill a restore.
    pub drill: DrillOptions,
    /// What a drill asks of what came back, in the order of the file.
    pub probes: Vec<Probe>,
    /// Where archives are kept, if the policy says so.
    pub store: Option<StoreOptions>,
    /// What the log there is called; default the project's name.
    pub log_origin: Option<String>,
    /// The text file for Prometheus, relative to the tree.
    pub metrics: Option<PathBuf>,
    /// Whom to tell of a run that did not end well.
    pub notify: Option<Notify>,
    /// Where it takes values from that it does not say.
    pub sources: Sources,
    /// The include rules, compiled.
    pub(super) matcher: Matcher,
}

impl Policy {
    /// The rule that takes a file or link, with its index in [`Policy::include`]; the first match wins.
    pub fn classify(&self, path: &PackPath) -> Option<(usize, &Include)> {
        self.classify_bytes(path.as_str().as_bytes())
    }

    /// [`Policy::classify`] for a name that cannot be a [`PackPath`]: would it be taken, if it could be?
    pub fn classify_bytes(&self, path: &[u8]) -> Option<(usize, &Include)> {
        let rule = self.matcher.first(path)?;
        Some((rule, &self.include[rule]))
    }

    /// The rule that takes an empty folder: one that takes everything that could lie directly in it (`docs/**`,
    /// `docs/*`, `**`).
    pub fn classify_folder(&self, path: &[u8]) -> Option<(usize, &Include)> {
        self.classify_bytes(&[path, b"/"].concat())
    }
}

/// One `[[include]]` rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// What the files it takes are.
    pub class: Class,
    /// Globs of what it takes: case-sensitive, `*` stops at `/`, `**` crosses.
    pub paths: Vec<String>,
    /// Globs of what it leaves to later rules.
    pub exclude: Vec<String>,
    /// The SQL dialect; class `ddl` only.
    pub dialect: Option<Dialect>,
    /// Matching nothing is a finding.
    pub required: bool,
    /// The line of the file it starts on, from 1.
    pub line: usize,
}

/// Where the HASHES manifests lie, relative to the root of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashesPaths {
    /// For `sha256sum -c`.
    pub sha256: PackPath,
    /// For `b3sum -c`.
    pub blake3: PackPath,
}

/// The `[seal]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealOptions {
    /// The signing key: a path, `file:PATH` or `env:NAME`.
    pub key: Option<String>,
    /// age recipients, `age1…`; checked for their shape only.
    pub recipients: Vec<String>,
    /// zstd level, 1 to 19; default 3.
    pub compression_level: i32,
}

/// How tags are named: a text with exactly one `{version}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTemplate {
    before: String,
    after: String,
}

impl TagTemplate {
    /// Parses a template; `None` unless `{version}` stands in it exactly once.
    pub fn new(template: &str) -> Option<TagTemplate> {
        let (before, after) = template.split_once("{version}")?;
        (!after.contains("{version}")).then(|| TagTemplate { before: before.into(), after: after.into() })
    }

    /// What the tag of a version is called.
    pub fn name(&self, version: &str) -> String {
        format!("{}{version}{}", self.before, self.after)
    }

    /// The version that a tag names, if it fits. A version in a tag starts with a digit, so that under `v{version}`
    /// the tag `vendor-import` names none.
    pub fn version<'t>(&self, tag: &'t str) -> Option<&'t str> {
        let version = tag.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{version}}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version_only_where_it_fits_the_template() {
        let plain = TagTemplate::new("v{version}").unwrap();
        assert_eq!(plain.version("v1.2.3-rc.1"), Some("1.2.3-rc.1"));
        assert_eq!(plain.version("1.2.3"), None);
        assert_eq!(plain.version("vendor-import"), None);
        let framed = TagTemplate::new("app/{version}-final").unwrap();
        assert_eq!(framed.version("app/2-final"), Some("2"));
        assert_eq!(framed.version("app/-final"), None);
        assert_eq!(framed.to_string(), "app/{version}-final");
        assert_eq!(TagTemplate::new("v"), None);
        assert_eq!(TagTemplate::new("{version}{version}"), None);
    }
}
