//! From `[[gate]]` tables to checked gates.

use crate::error::Result;
use crate::finding::Severity;
use crate::format::nearest::nearest;
use crate::format::settings::{Located, Section};
use crate::policy::gate::{Bump, Gate, KINDS, Kind, Stage, When};
use crate::policy::values::show;

/// Keys of every gate.
const COMMON: &[&str] = &["id", "check", "stage", "when", "severity"];

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// Reads every `[[gate]]`; no id twice.
pub fn gates(root: &Section<'_>) -> Result<Vec<Gate>> {
    let mut gates: Vec<Gate> = Vec::new();
    for section in root.sections("gate")? {
        let gate = gate(&section)?;
        if let Some(other) = gates.iter().find(|other| other.id == gate.id) {
            let message = format!("the gate `{}` is there already, in line {}", gate.id, other.line);
            return Err(section.error(section.line, message, "give each gate an id of its own"));
        }
        gates.push(gate);
    }
    Ok(gates)
}

fn gate(section: &Section<'_>) -> Result<Gate> {
    let kind = kind(section)?;
    let own = kind.keys.iter().map(|(key, _)| *key);
    section.only(&COMMON.iter().copied().chain(own).collect::<Vec<_>>())?;
    Ok(Gate {
        id: id(section)?,
        kind,
        check: (kind.parse)(section)?,
        stage: one_of(section, "stage", &Stage::ALL.map(|stage| (stage.as_str(), stage)))?
            .unwrap_or_default(),
        when: when(section)?,
        severity: one_of(section, "severity", &[("error", Severity::Error), ("warning", Severity::Warning)])?
            .unwrap_or(Severity::Error),
        settings: section.canonical(COMMON),
        line: section.line,
    })
}

fn kind(section: &Section<'_>) -> Result<&'static Kind> {
    let names: Vec<(&str, &'static Kind)> = KINDS.iter().map(|kind| (kind.name, kind)).collect();
    one_of(section, "check", &names)?.ok_or_else(|| {
        section.error(section.line, "a gate without `check`", "say what it checks: check = \"changelog\"")
    })
}

fn id(section: &Section<'_>) -> Result<String> {
    let Some(id) = section.text("id")? else {
        return Err(section.error(
            section.line,
            "a gate without `id`",
            "for example id = \"changelog-entry\"",
        ));
    };
    let is_valid = (1..=ID_BYTES_MAX).contains(&id.value.len())
        && id.value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_valid {
        return Ok(id.value.to_owned());
    }
    let message = format!("`{}` cannot be the id of a gate", show(id.value));
    Err(section.error(id.line, message, "use 1 to 64 of a-z, 0-9 and -"))
}

fn when(section: &Section<'_>) -> Result<When> {
    let Some(when) = section.section("when")? else { return Ok(When::default()) };
    when.only(&["bump", "tier"])?;
    let list = |key| Ok::<_, crate::error::Error>(when.texts(key)?.map_or_else(Vec::new, |list| list.value));
    let bump = list("bump")?.into_iter();
    let bump = bump.map(|name| among(&when, "bump", name, &Bump::ALL.map(|bump| (bump.as_str(), bump))));
    let tier = list("tier")?.into_iter().map(|tier| tier.value.to_owned()).collect();
    Ok(When { bump: bump.collect::<Result<_>>()?, tier })
}

/// The value of a key that takes one of a few words.
pub fn one_of<T: Copy>(section: &Section<'_>, key: &str, known: &[(&str, T)]) -> Result<Option<T>> {
    section.text(key)?.map(|name| among(section, key, name, known)).transpose()
}

/// One of a few words; else the nearest one is the hint.
pub fn among<T: Copy>(
    section: &Section<'_>,
    key: &str,
    name: Located<&str>,
    known: &[(&str, T)],
) -> Result<T> {
    if let Some((_, value)) = known.iter().find(|(known, _)| *known == name.value) {
        return Ok(*value);
    }
    let names = || known.iter().map(|(name, _)| *name);
    let hint = match nearest(name.value, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(section.error(name.line, format!("`{key}` cannot be `{}`", show(name.value)), hint))
}
