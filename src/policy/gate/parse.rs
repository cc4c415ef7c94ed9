//! From `[[gate]]` tables to checked gates.

use crate::error::Result;
use crate::finding::Severity;
use crate::format::settings::Section;
use crate::policy::gate::{Bump, Gate, KINDS, Kind, Stage, When};
use crate::policy::values::{among, id, one_of};

/// Keys of every gate.
const COMMON: &[&str] = &["id", "check", "stage", "when", "severity"];

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
        id: id(section, "gate")?,
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

fn when(section: &Section<'_>) -> Result<When> {
    let Some(when) = section.section("when")? else { return Ok(When::default()) };
    when.only(&["bump", "tier"])?;
    let list = |key| Ok::<_, crate::error::Error>(when.texts(key)?.map_or_else(Vec::new, |list| list.value));
    let bump = list("bump")?.into_iter();
    let bump = bump.map(|name| among(&when, "bump", name, &Bump::ALL.map(|bump| (bump.as_str(), bump))));
    let tier = list("tier")?.into_iter().map(|tier| tier.value.to_owned()).collect();
    Ok(When { bump: bump.collect::<Result<_>>()?, tier })
}
