//! A program of the team's, in the restored tree: it must end with exit code 0.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::pipeline::program::Ended;
use crate::pipeline::watch::Watch;
use crate::policy::gate::secrets::output::{SEEN_BYTES_MAX, masked};
use crate::policy::program::{given, secret_values};
use crate::probe::Site;
use crate::probe::confined::{Confined, is_there};
use crate::probe::deadline::Deadline;
use crate::probe::full;
use crate::probe::ledger::Ledger;

/// How much of what it printed is told, in characters.
const TOLD_MAX: usize = 400;

/// What is asked.
pub struct Asked<'a> {
    /// The probe's id.
    pub id: &'a str,
    /// The program and its arguments.
    pub program: &'a [String],
    /// Names of the variables that it gets.
    pub variables: &'a [String],
    /// When it has to be through.
    pub deadline: Deadline,
}

/// Runs it.
pub fn probe(site: &Site<'_>, asked: &Asked<'_>, ledger: &mut Ledger, watch: &Watch) -> Result<()> {
    let Asked { id, program, variables, deadline } = *asked;
    let mut confined = site.confined(id, deadline)?;
    confined.here = site.restored.to_owned();
    // What is masked when it is whole must be whole.
    confined.output_bytes_max = SEEN_BYTES_MAX;
    let given = given(variables, site.environment);
    let secrets = secret_values(&given);
    confined.variables.extend(given);
    confined.variables.push(("ATTESTAR_RESTORED".into(), site.restored.into()));
    confined.variables.push(("ATTESTAR_WORK".into(), confined.work.clone().into()));
    let ran = run(&confined, &words(site, program)?, id, &secrets, watch);
    let ran = ran.map(|finding| match finding {
        None => {
            ledger.passed("exit code", 0, 0);
            ledger.covers("it ended with exit code 0");
        }
        Some(finding) => ledger.failed("exit code", finding),
    });
    // What it wrote outside is told however it went.
    confined.told(id, ran, ledger)
}

/// What is wrong with how it ended, if anything is.
fn run(
    confined: &Confined<'_>,
    words: &[String],
    id: &str,
    secrets: &[Vec<u8>],
    watch: &Watch,
) -> Result<Option<Finding>> {
    let ended = confined.run(words, watch)?;
    if !confined.is_ready() {
        let message = format!("{id}: it could not be shut off: {}", said(&ended, secrets));
        return Err(Error::input(message, ""));
    }
    if ended.code == Some(0) {
        return Ok(None);
    }
    if full::has_ended(&ended) {
        let printed = said(&ended, secrets);
        let why = if printed.is_empty() { "it wrote past the limit of a file" } else { &*printed };
        return Ok(Some(full::finding(format!("{id}: {why}"))));
    }
    let code = ended.code.map_or_else(|| ended.why.clone().unwrap_or_default(), |code| code.to_string());
    let finding = Finding::new(Code::ProbeFailed, id).expected("exit code 0");
    Ok(Some(finding.actual(format!("{code}: {}", said(&ended, secrets)))))
}

/// A name with a `/` in it is a file of the tree that the policy belongs to, never one that was restored; one without is found by
/// `PATH`.
fn words(site: &Site<'_>, program: &[String]) -> Result<Vec<String>> {
    let mut words = program.to_vec();
    if let Some(first) = words.first_mut().filter(|first| first.contains('/')) {
        let file = site.tree.join(&*first);
        let file = file.canonicalize().map_err(Error::io("open", &file))?;
        *first = file.to_string_lossy().into_owned();
    }
    is_there(words.first().map_or("", String::as_str), site.environment, "")?;
    Ok(words)
}

/// The end of what it printed, in one line; no credential, and nothing that it was given to know.
pub fn printed(ended: &Ended) -> String {
    said(ended, &[])
}

fn said(ended: &Ended, secrets: &[Vec<u8>]) -> String {
    let text = masked(ended.output.clone(), ended.dropped, ended.tail.clone(), secrets);
    let line = text.trim().replace('\n', "; ");
    let skipped = line.chars().count().saturating_sub(TOLD_MAX);
    line.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_was_printed_is_told_without_secrets() {
        let (output, tail) = (b"begun\n".repeat(9), b"password is hunter2\nand that was it\n".to_vec());
        let ended = Ended { code: Some(1), why: None, is_late: false, output, dropped: 5, tail };
        let said = said(&ended, &[b"hunter2".to_vec()]);
        assert!(said.ends_with("and that was it") && !said.contains("hunter2"), "{said}");
        let long = Ended { output: vec![b'x'; 9000], dropped: 0, tail: Vec::new(), ..ended };
        assert_eq!(printed(&long).chars().count(), TOLD_MAX);
    }
}
