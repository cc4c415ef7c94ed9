//! Telling that a run did not end well: to a webhook, to a program of the team's, or both.
//!
//! What is told has been searched for credentials, and whatever the policy took from the environment is masked in it. That
//! telling failed is said in turn, without the address; it makes no run better or worse.

use crate::error::{Error, Result};
use crate::format::notice::Notice;
use crate::pipeline::program::Program;
use crate::pipeline::watch::Watch;
use crate::policy::gate::secrets::search::Searcher;
use crate::policy::program::Order;
use crate::policy::telemetry::Notify;
use crate::telemetry::webhook;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// How much of a program's output is kept, to say why it failed.
const OUTPUT_BYTES_MAX: usize = 4 << 10;

/// Tells of a run; gives what failed of that, in words. `secrets` are masked in both.
pub fn notify(
    notify: &Notify,
    notice: &Notice,
    secrets: &[Vec<u8>],
    root: &Path,
    environment: Environment<'_>,
    watch: &Watch,
) -> Vec<String> {
    let mut failures = Vec::new();
    let limit = Duration::from_secs(notify.time_limit_s);
    let address = notify.webhook.as_deref().map(|named| secret(named, root, environment));
    let address_bytes = address.as_ref().and_then(|address| Some(address.as_ref().ok()?.as_bytes().to_vec()));
    // Nothing has an empty address, which would be everywhere.
    let address_bytes = address_bytes.filter(|address| !address.is_empty());
    let values: Vec<Vec<u8>> = secrets.iter().cloned().chain(address_bytes).collect();
    let mask = Mask { searcher: Searcher::new(), values };
    let body = mask.notice(notice).to_bytes();
    match address {
        None => {}
        Some(Err(error)) => failures.push(format!("the webhook was not told: {error}")),
        Some(Ok(address)) => {
            if let Err(why) = webhook::post(&address, notify.allow_http, &body, limit, watch) {
                failures.push(format!("the webhook was not told: {why}"));
            }
        }
    }
    if let Some(order) = &notify.run
        && let Err(why) = run(order, root, environment, &body, watch)
    {
        let why = mask.text(&why);
        failures.push(format!(
            "{} did not take the notice: {why}",
            order.program.first().map_or("", String::as_str)
        ));
    }
    failures
}

/// What is not told.
struct Mask {
    searcher: Searcher,
    values: Vec<Vec<u8>>,
}

impl Mask {
    fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.searcher.mask(text.as_bytes(), &self.values)).into_owned()
    }

    /// The notice without it. Each text by itself: a mask must not reach across two.
    fn notice(&self, notice: &Notice) -> Notice {
        let mut masked = notice.clone();
        let texts = [Some(&mut masked.summary), masked.error.as_mut(), masked.store.as_mut()];
        let findings = masked.findings.iter_mut().flat_map(|finding| {
            [Some(&mut finding.subject), finding.expected.as_mut(), finding.actual.as_mut()]
        });
        for text in texts.into_iter().chain(findings).flatten() {
            *text = self.text(text);
        }
        masked
    }
}

/// A value that the policy names: `env:NAME`, or `file:PATH` in the tree.
fn secret(named: &str, root: &Path, environment: Environment<'_>) -> Result<String> {
    if let Some(name) = named.strip_prefix("env:") {
        let value = environment(name).and_then(|value| value.into_string().ok());
        return value.ok_or_else(|| Error::input(format!("the variable {name} is not set"), ""));
    }
    let path = root.join(named.strip_prefix("file:").unwrap_or(named));
    Ok(fs::read_to_string(&path).map_err(Error::io("read", &path))?.trim().to_owned())
}

fn run(
    order: &Order,
    root: &Path,
    environment: Environment<'_>,
    body: &[u8],
    watch: &Watch,
) -> Result<(), String> {
    let variables = order.given(environment);
    let program = Program {
        folder: root,
        words: &order.program,
        variables: &variables,
        time_limit: Duration::from_secs(order.time_limit_s),
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    let ended = program.run_on(body, watch).map_err(|error| error.to_string())?;
    match (ended.code, ended.why) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => {
            let said = String::from_utf8_lossy(&ended.output);
            let last = said.trim().lines().last().unwrap_or_default();
            Err(format!("it ended with {code}{}{last}", if last.is_empty() { "" } else { ": " }))
        }
        (None, why) => Err(why.unwrap_or_else(|| "it did not end".to_owned())),
    }
}
