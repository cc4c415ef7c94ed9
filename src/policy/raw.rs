//! From the TOML as written to checked rules: [`Policy::parse`].

use crate::error::{Error, Result};
use crate::format::class::Class;
use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::format::settings::{Document, Located, Section};
use crate::policy::backup::backup;
use crate::policy::capture::captures;
use crate::policy::drill::drill;
use crate::policy::filing::filing;
use crate::policy::gate;
use crate::policy::gate::template::Template;
use crate::policy::git::git;
use crate::policy::matcher::Matcher;
use crate::policy::probe::probes;
use crate::policy::rules::{HashesPaths, Include, Policy, SealOptions, Source, TagTemplate};
use crate::policy::sbom::sbom;
use crate::policy::store::{origin, store};
use crate::policy::values::{self, globs, is_project_name, path, recipient_fault, show};
use crate::policy::{reach, secrets, telemetry};
use std::collections::BTreeSet;
use std::path::PathBuf;

impl Policy {
    /// Checks the text of a policy. Whatever is wrong in it is [`Error::Config`] with its line.
    pub fn parse(source: Source, text: impl Into<String>) -> Result<Policy> {
        let text = text.into();
        let file = match &source {
            Source::File(path) => path.clone(),
            Source::Builtin(_) => PathBuf::from(source.to_string()),
        };
        if let Some((line, what)) = secrets::key_material(&text) {
            let message = format!("{what} is written in the policy");
            return Err(Error::config(&file, line, message, secrets::HINT));
        }
        let document = Document::parse(&file, &text)?;
        let root = document.root();
        secrets::refuse(&root)?;
        schema(&root)?;
        root.only(&[
            "schema", "name", "expires", "project", "include", "gate", "release", "hashes", "filing", "seal",
            "git", "sbom", "backup", "capture", "store", "log", "metrics", "notify", "drill", "probe",
        ])?;
        let Project { name: project, supplier, version_file, tier, tag } = project(root.section("project")?)?;
        let include = include(&root)?;
        let matcher = Matcher::new(include.iter().map(|rule| (&*rule.paths, &*rule.exclude)))
            .map_err(|error| root.error(1, format!("the include rules are too large: {error}"), ""))?;
        let release = release(root.section("release")?)?;
        let captures = captures(&root)?;
        Ok(Policy {
            name: name(&root, project.as_deref(), &source)?,
            sha256: Sha256::of(text.as_bytes()),
            expires: values::moment(&root, "expires")?,
            project,
            supplier,
            version_file,
            tier,
            tag,
            include,
            gates: gate::gates(&root)?,
            release_classes: release.classes,
            notes: release.notes,
            keep_release_s: release.keep_s,
            filing: filing(root.section("filing")?)?,
            hashes: hashes(root.section("hashes")?)?,
            seal: seal(root.section("seal")?)?,
            git: git(root.section("git")?)?,
            sbom: sbom(root.section("sbom")?)?,
            backup: backup(root.section("backup")?)?,
            probes: probes(&root, &captures)?,
            captures,
            drill: drill(root.section("drill")?)?,
            store: store(root.section("store")?)?,
            log_origin: origin(root.section("log")?)?,
            metrics: telemetry::metrics(root.section("metrics")?)?,
            notify: telemetry::notify(root.section("notify")?)?,
            sources: secrets::sources(&root)?,
            matcher,
            source,
            text,
        })
    }
}

/// `schema = 1` comes first, so that a policy of a later attestar is told as that.
fn schema(root: &Section<'_>) -> Result<()> {
    match root.number("schema")? {
        Some(Located { value: 1, .. }) => Ok(()),
        Some(other) => {
            let message =
                format!("schema {} is not known to this attestar, which reads schema 1", other.value);
            Err(root.error(other.line, message, "use a newer attestar, or write schema = 1"))
        }
        None => Err(root.error(1, "`schema` is missing", "begin the file with schema = 1")),
    }
}

fn name(root: &Section<'_>, project: Option<&str>, source: &Source) -> Result<String> {
    if let Some(name) = root.text("name")? {
        if name.value.is_empty() || name.value.chars().any(char::is_control) {
            return Err(root.error(name.line, "`name` is empty or has control characters in it", ""));
        }
        return Ok(name.value.to_owned());
    }
    Ok(match (project, source) {
        (Some(project), _) => project.to_owned(),
        (None, Source::Builtin(name)) => (*name).to_owned(),
        (None, Source::File(path)) => {
            path.file_stem().map_or("policy".into(), |s| s.to_string_lossy().into_owned())
        }
    })
}

/// The `[project]` table.
struct Project {
    name: Option<String>,
    supplier: Option<String>,
    version_file: Option<PackPath>,
    tier: Option<String>,
    tag: TagTemplate,
}

fn project(section: Option<Section<'_>>) -> Result<Project> {
    let default = TagTemplate::new("v{version}").expect("has one {version}");
    let Some(section) = section else {
        return Ok(Project { name: None, supplier: None, version_file: None, tier: None, tag: default });
    };
    section.only(&["name", "supplier", "version_file", "tier", "tag"])?;
    let name = section.text("name")?;
    if let Some(name) = name.filter(|name| !is_project_name(name.value)) {
        let hint = "use 1 to 64 of a-z A-Z 0-9 . _ -, starting with a letter, a digit or _";
        return Err(section.error(
            name.line,
            format!("`{}` cannot be a project's name", show(name.value)),
            hint,
        ));
    }
    let tag = match section.text("tag")? {
        None => default,
        Some(tag) => TagTemplate::new(tag.value).ok_or_else(|| {
            section.error(
                tag.line,
                "`tag` must hold {version} exactly once",
                "for example tag = \"v{version}\"",
            )
        })?,
    };
    Ok(Project {
        name: name.map(|name| name.value.to_owned()),
        supplier: values::supplier(&section)?,
        version_file: path(&section, "version_file")?,
        tier: values::tier(&section)?,
        tag,
    })
}

fn include(root: &Section<'_>) -> Result<Vec<Include>> {
    let sections = root.sections("include")?;
    if sections.is_empty() {
        let hint = "add an [[include]] with class and paths, or use --policy builtin:default";
        return Err(root.error(1, "no [[include]] rule: the policy selects nothing", hint));
    }
    let rules = sections.iter().map(rule).collect::<Result<Vec<_>>>()?;
    if let Some(reach::Unreachable { at, by }) = reach::unreachable(&rules) {
        let (pattern, taker) = (&rules[at.0].paths[at.1], &rules[by.0].paths[by.1]);
        let list = sections[at.0].texts("paths")?.expect("was read a moment ago");
        let place =
            if at.0 == by.0 { "of the same rule".into() } else { format!("of line {}", rules[by.0].line) };
        let message = format!("`{pattern}` can never match: `{taker}` {place} takes everything first");
        let hint = "the first match wins: put the narrower rule first, or remove it";
        return Err(root.error(list.value[at.1].line, message, hint));
    }
    Ok(rules)
}

fn rule(section: &Section<'_>) -> Result<Include> {
    section.only(&["class", "paths", "exclude", "dialect", "required"])?;
    let missing = |key: &str, hint: &str| {
        section.error(section.line, format!("`{key}` is missing in [[include]]"), hint)
    };
    let class = section.text("class")?.ok_or_else(|| missing("class", "for example class = \"doc\""))?;
    let class = values::class(section, class)?;
    let paths = globs(section, "paths")?;
    if paths.is_empty() {
        return Err(missing("paths", "for example paths = [\"docs/**\"]"));
    }
    let dialect = section.text("dialect")?;
    if let Some(dialect) = dialect.filter(|_| class != Class::Ddl) {
        let message = format!("`dialect` has no meaning for class {class}");
        return Err(section.error(dialect.line, message, "it belongs to rules of class = \"ddl\""));
    }
    Ok(Include {
        class,
        paths,
        exclude: globs(section, "exclude")?,
        dialect: dialect.map(|name| values::dialect(section, name)).transpose()?,
        required: section.flag("required")?.is_some_and(|flag| flag.value),
        line: section.line,
    })
}

/// The `[release]` table.
struct Release {
    classes: BTreeSet<Class>,
    notes: Option<Template>,
    keep_s: Option<u64>,
}

fn release(section: Option<Section<'_>>) -> Result<Release> {
    let Some(section) = section else {
        return Ok(Release { classes: classes(None)?, notes: None, keep_s: None });
    };
    section.only(&["classes", "notes", "keep"])?;
    let keep_s = match section.section("keep")? {
        None => None,
        Some(keep) => {
            keep.only(&["min_age"])?;
            let hint = "keep = { min_age = \"30d\" }";
            let missing = || keep.error(keep.line, "`keep` without `min_age` keeps nothing", hint);
            Some(values::duration(&keep, "min_age")?.ok_or_else(missing)?.0)
        }
    };
    Ok(Release { classes: classes(Some(&section))?, notes: Template::read(&section, "notes")?, keep_s })
}

fn classes(section: Option<&Section<'_>>) -> Result<BTreeSet<Class>> {
    let default = || Class::ALL.into_iter().filter(|&class| class != Class::Data).collect();
    let Some(section) = section else { return Ok(default()) };
    let Some(list) = section.texts("classes")? else { return Ok(default()) };
    let mut classes = BTreeSet::new();
    for &name in &list.value {
        if !classes.insert(values::class(section, name)?) {
            return Err(section.error(
                name.line,
                format!("class {} stands in `classes` twice", name.value),
                "remove one",
            ));
        }
    }
    if classes.is_empty() {
        return Err(section.error(
            list.line,
            "`classes` is empty: a release would hold nothing",
            "name at least one class",
        ));
    }
    Ok(classes)
}

fn hashes(section: Option<Section<'_>>) -> Result<HashesPaths> {
    let default = |name: &str| PackPath::new(name.as_bytes()).expect("a plain file name");
    let (mut sha256, mut blake3) = (default("HASHES.sha256.txt"), default("HASHES.blake3.txt"));
    if let Some(section) = section {
        section.only(&["sha256", "blake3"])?;
        sha256 = path(&section, "sha256")?.unwrap_or(sha256);
        blake3 = path(&section, "blake3")?.unwrap_or(blake3);
        if sha256 == blake3 {
            return Err(section.error(
                section.line,
                format!("both manifests would be written to {sha256}"),
                "",
            ));
        }
    }
    Ok(HashesPaths { sha256, blake3 })
}

fn seal(section: Option<Section<'_>>) -> Result<SealOptions> {
    let mut options = SealOptions { key: None, recipients: Vec::new(), compression_level: 3 };
    let Some(section) = section else { return Ok(options) };
    section.only(&["key", "recipients", "compression_level"])?;
    if let Some(key) = section.text("key")? {
        if matches!(key.value, "" | "env:" | "file:") {
            return Err(section.error(
                key.line,
                "`key` names nothing",
                "a path, \"file:PATH\" or \"env:NAME\"",
            ));
        }
        options.key = Some(key.value.to_owned());
    }
    for recipient in section.texts("recipients")?.map_or_else(Vec::new, |list| list.value) {
        if let Some(why) = recipient_fault(recipient.value) {
            let hint = "an age recipient starts with age1 and is 62 characters long: attestar keys show";
            return Err(section.error(recipient.line, format!("`{}` {why}", show(recipient.value)), hint));
        }
        if options.recipients.iter().any(|earlier| earlier == recipient.value) {
            return Err(section.error(
                recipient.line,
                format!("{} is a recipient twice", recipient.value),
                "remove one",
            ));
        }
        options.recipients.push(recipient.value.to_owned());
    }
    if let Some(level) = section.number("compression_level")? {
        let in_range = i32::try_from(level.value).ok().filter(|level| (1..=19).contains(level));
        options.compression_level = in_range.ok_or_else(|| {
            section.error(
                level.line,
                format!("compression level {} is not from 1 to 19", level.value),
                "the default is 3",
            )
        })?;
    }
    Ok(options)
}
