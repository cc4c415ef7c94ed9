//! `bag-info.txt` can be read, and its `Payload-Oxum` counts the payload that is there (RFC 8493, section 2.2.2).

use super::{Bag, count};
use crate::error::Result;
use crate::finding::{Code, Finding, Outcome, Status};
use crate::format::bag::info::{Element, Oxum, PAYLOAD_OXUM, file_name, parse};
use crate::format::lines::LineError;

/// Elements that should stand once.
const ONCE: [&str; 4] = ["Bagging-Date", "Bag-Size", "Bag-Group-Identifier", "Bag-Count"];

/// Ends the check of the metadata; `totals` are those of the payload, if it can be counted.
pub fn check(bag: &Bag, totals: Option<Oxum>, outcome: &mut Outcome) -> Result<()> {
    let name = file_name(bag.version);
    let mut found = Vec::new();
    let Some(mut lines) = bag.lines(name, &mut found)? else {
        match found.is_empty() {
            true => outcome.skip("bag-info", Status::NotApplicable, format!("the bag has no {name}")),
            false => outcome.conclude("bag-info", name, found),
        }
        return Ok(());
    };
    let (elements, faults) = parse(lines.by_ref(), bag.version);
    found.extend(bag.bom(name, lines.has_bom()));
    for fault in faults {
        match fault {
            LineError::Io(e) => return Err(bag.io("read", name)(e)),
            fault => found.push(Finding::new(Code::BagInvalid, name).actual(fault)),
        }
    }
    for label in ONCE {
        if elements.iter().filter(|element| element.is(label)).count() > 1 {
            found.push(Finding::new(Code::BagWarning, name).actual(format!("{label} more than once")));
        }
    }
    check_oxum(bag, name, &elements, totals, &mut found);
    outcome.conclude("bag-info", count(elements.len() as u64, "element"), found);
    Ok(())
}

fn check_oxum(
    bag: &Bag,
    name: &'static str,
    elements: &[Element],
    totals: Option<Oxum>,
    found: &mut Vec<Finding>,
) {
    let listed: Vec<_> = elements.iter().filter(|element| element.is(PAYLOAD_OXUM)).collect();
    if listed.len() > 1 {
        found.push(bag.by_version(name).actual(format!("{PAYLOAD_OXUM} more than once")));
    }
    for element in listed {
        let Ok(oxum) = element.value().parse::<Oxum>() else {
            let finding = Finding::new(Code::BagInvalid, name).expected("Payload-Oxum: OCTETS.FILES");
            found.push(finding.actual(element.value()));
            continue;
        };
        if let Some(totals) = totals.filter(|totals| *totals != oxum) {
            let show = |oxum: Oxum| format!("{PAYLOAD_OXUM}: {oxum}");
            found.push(Finding::new(Code::Disagreement, name).expected(show(oxum)).actual(show(totals)));
        }
    }
}
