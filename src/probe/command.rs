//! A program of the team's, in the restored tree: it must end with exit code 0.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::pipeline::program::Ended;
use crate::pipeline::watch::Watch;
use crate::policy::gate::secrets::search::Searcher;
use crate::policy::program::{Order, secret_values};
use crate::probe::Site;
use crate::probe::ledger::Ledger;
use std::time::Duration;

/// How much of what it printed is told, in characters.
const TOLD_MAX: usize = 400;

/// Runs it.
pub fn probe(site: &Site<'_>, id: &str, order: &Order, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let mut confined = site.confined(id, Duration::from_secs(order.time_limit_s))?;
    confined.here = site.restored.to_owned();
    let given = order.given(site.environment);
    let secrets = secret_values(&given);
    confined.variables.extend(given);
    confined.variables.push(("ATTESTAR_RESTORED".into(), site.restored.into()));
    confined.variables.push(("ATTESTAR_WORK".into(), confined.work.clone().into()));
    let ended = confined.run(&words(site, order)?, watch)?;
    if !confined.is_ready() {
        let message = format!("{id}: it could not be shut off: {}", printed(&ended));
        return Err(Error::input(message, ""));
    }
    match ended.code {
        Some(0) => {
            ledger.passed("exit code", 0, 0);
            ledger.covers("it ended with exit code 0");
        }
        // What it came to late is told as that.
        None if ended.why.as_deref().is_some_and(|why| why.contains("time limit")) => {
            let finding = Finding::new(Code::ProbeTimeout, id);
            let finding = finding.expected(format!("an end within {} s", order.time_limit_s));
            ledger.failed("exit code", finding.actual("it was ended then"));
            return Ok(());
        }
        code => {
            let code = code.map_or_else(|| ended.why.clone().unwrap_or_default(), |code| code.to_string());
            let finding = Finding::new(Code::ProbeFailed, id).expected("exit code 0");
            ledger.failed("exit code", finding.actual(format!("{code}: {}", told(&ended, &secrets))));
        }
    }
    confined.told(id, ledger)
}

/// A name with a `/` in it is a file of the tree that the policy belongs to, never one that was restored.
fn words(site: &Site<'_>, order: &Order) -> Result<Vec<String>> {
    let mut words = order.program.clone();
    if let Some(first) = words.first_mut().filter(|first| first.contains('/')) {
        let file = site.tree.join(&*first);
        let file = file.canonicalize().map_err(Error::io("open", &file))?;
        *first = file.to_string_lossy().into_owned();
    }
    Ok(words)
}

/// The end of what it printed, in one line.
pub fn printed(ended: &Ended) -> String {
    told(ended, &[])
}

/// The same of a program that was given secrets: masked first and cut then, so that nothing is cut out of its mask.
fn told(ended: &Ended, secrets: &[Vec<u8>]) -> String {
    let bytes = if ended.tail.is_empty() { &ended.output } else { &ended.tail };
    let bytes = Searcher::new().mask(bytes, secrets);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.trim().replace('\n', "; ");
    let skipped = line.chars().count().saturating_sub(TOLD_MAX);
    line.chars().skip(skipped).collect()
}
