//! The tables `[metrics]` and `[notify]`: what machines and people hear of a run.

use crate::error::Result;
use crate::format::nearest::nearest;
use crate::format::settings::Section;
use crate::policy::program::{Order, time_limit_s, variables, words};
use crate::policy::values::{did_you_mean, show};
use std::path::PathBuf;

/// How long a webhook or a command may take, in seconds, unless the policy says.
const TIME_LIMIT_S: u64 = 10;

/// How a run can end, as `on` names it, and the exit codes of each.
pub const ENDS: [(&str, &[u8]); 6] = [
    ("done", &[0]),
    ("failed", &[1, 2]),
    ("refuted", &[3]),
    ("refused", &[4]),
    ("unverified", &[5]),
    ("interrupted", &[130]),
];

/// Whom to tell of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Where the address of the webhook is kept: `env:NAME` or `file:PATH`.
    pub webhook: Option<String>,
    /// Whether it may be plain HTTP on another host.
    pub allow_http: bool,
    /// A program to run.
    pub run: Option<Order>,
    /// How long each may take, in seconds.
    pub time_limit_s: u64,
    /// The exit codes at which to tell.
    pub on: Vec<u8>,
}

/// Reads `[metrics]`: the text file, relative to the tree.
pub(super) fn metrics(section: Option<Section<'_>>) -> Result<Option<PathBuf>> {
    let Some(section) = section else { return Ok(None) };
    section.only(&["textfile"])?;
    let hint = "textfile = \"/var/lib/prometheus/node-exporter/attestar.prom\"";
    let Some(file) = section.text("textfile")? else {
        return Err(section.error(section.line, "`textfile` is missing in [metrics]", hint));
    };
    // The collector of node_exporter reads nothing else.
    if !file.value.ends_with(".prom") || file.value.contains('\0') || file.value == ".prom" {
        let message =
            format!("`{}` is no file that a collector reads: it must end in .prom", show(file.value));
        return Err(section.error(file.line, message, hint));
    }
    Ok(Some(PathBuf::from(file.value)))
}

/// Reads `[notify]`.
pub(super) fn notify(section: Option<Section<'_>>) -> Result<Option<Notify>> {
    let Some(section) = section else { return Ok(None) };
    section.only(&["webhook", "allow_http", "run", "variables", "time_limit", "on"])?;
    let webhook = webhook(&section)?;
    let time_limit_s = time_limit_s(&section, TIME_LIMIT_S)?;
    let run = match section.texts("run")? {
        None => None,
        Some(_) => {
            let (program, variables) = (words(&section, "notification")?, variables(&section)?);
            Some(Order { program, time_limit_s, variables })
        }
    };
    if run.is_none() && webhook.is_none() {
        let hint = "webhook = \"env:HOOK_URL\", or run = [\"scripts/tell.sh\"]";
        return Err(section.error(section.line, "[notify] tells nobody: neither `webhook` nor `run`", hint));
    }
    let allow_http = section.flag("allow_http")?.is_some_and(|flag| flag.value);
    Ok(Some(Notify { webhook, allow_http, run, time_limit_s, on: on(&section)? }))
}

/// Whoever has the address can write there, so it is a secret, and the policy goes into every pack.
fn webhook(section: &Section<'_>) -> Result<Option<String>> {
    let Some(webhook) = section.text("webhook")? else { return Ok(None) };
    let is_named = ["env:", "file:"]
        .iter()
        .any(|kind| webhook.value.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    if !is_named {
        let message = "`webhook` is a secret: whoever has the address can write there";
        return Err(section.error(webhook.line, message, "webhook = \"env:HOOK_URL\" or \"file:PATH\""));
    }
    Ok(Some(webhook.value.to_owned()))
}

fn on(section: &Section<'_>) -> Result<Vec<u8>> {
    let Some(list) = section.texts("on")? else {
        return Ok(ENDS
            .iter()
            .filter(|(name, _)| *name != "done")
            .flat_map(|(_, codes)| codes.iter().copied())
            .collect());
    };
    let mut codes = Vec::new();
    for name in &list.value {
        let Some((_, of)) = ENDS.iter().find(|(known, _)| *known == name.value) else {
            let near = nearest(name.value, ENDS.map(|(known, _)| known)).map(did_you_mean);
            let known = || format!("known: {}", ENDS.map(|(known, _)| known).join(", "));
            let message = format!("no run ends as `{}`", show(name.value));
            return Err(section.error(name.line, message, near.unwrap_or_else(known)));
        };
        codes.extend(*of);
    }
    if codes.is_empty() {
        return Err(section.error(section.line, "`on` is empty, so nobody is ever told", "leave it out"));
    }
    Ok(codes)
}

/// The word for an exit code.
pub fn end_of(exit_code: u8) -> &'static str {
    ENDS.iter().find(|(_, codes)| codes.contains(&exit_code)).map_or("failed", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::format::settings::Document;
    use std::path::Path;

    fn read(text: &str) -> Result<(Option<PathBuf>, Option<Notify>)> {
        let document = Document::parse(Path::new("p.toml"), text).unwrap();
        let root = document.root();
        Ok((metrics(root.section("metrics").unwrap())?, notify(root.section("notify").unwrap())?))
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_has_its_default() {
        let (textfile, notify) =
            read("[metrics]\ntextfile = 'a.prom'\n[notify]\nwebhook = 'env:HOOK'\n").unwrap();
        assert_eq!(textfile, Some(PathBuf::from("a.prom")));
        let notify = notify.unwrap();
        assert_eq!(
            (notify.webhook.as_deref(), notify.time_limit_s, notify.allow_http),
            (Some("env:HOOK"), 10, false)
        );
        assert_eq!(notify.on, [1, 2, 3, 4, 5, 130]);
        let text = "[notify]\nrun = ['tell', 'me']\nvariables = ['PATH']\ntime_limit = '3s'\non = ['refused', 'done']\n";
        let notify = read(text).unwrap().1.unwrap();
        assert_eq!((notify.on, notify.time_limit_s), (vec![4, 0], 3));
        assert_eq!(notify.run.unwrap().program, ["tell", "me"]);
        assert_eq!(read("").unwrap(), (None, None));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        for (text, line, message) in [
            ("[metrics]\n", 1, "`textfile` is missing in [metrics]"),
            (
                "[metrics]\ntextfile = 'a.txt'",
                2,
                "`a.txt` is no file that a collector reads: it must end in .prom",
            ),
            ("[metrics]\ntext_file = 'a.prom'", 2, "unknown key `text_file` in [metrics]"),
            ("[notify]\n", 1, "[notify] tells nobody: neither `webhook` nor `run`"),
            (
                "[notify]\nwebhook = 'https://h/x'",
                2,
                "`webhook` is a secret: whoever has the address can write there",
            ),
            (
                "[notify]\nwebhook = 'env:'",
                2,
                "`webhook` is a secret: whoever has the address can write there",
            ),
            ("[notify]\nrun = ['a']\non = ['late']", 3, "no run ends as `late`"),
            ("[notify]\nrun = ['a']\non = []", 1, "`on` is empty, so nobody is ever told"),
        ] {
            match read(text) {
                Err(Error::Config { line: at, message: said, .. }) => {
                    assert_eq!((at, &*said), (line, message))
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_exit_code_has_a_word() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 130, 99].map(end_of),
            ["done", "failed", "failed", "refuted", "refused", "unverified", "interrupted", "failed"]
        );
    }
}
