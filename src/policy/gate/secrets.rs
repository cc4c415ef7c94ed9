//! `secrets`: no credential in the payload.

pub mod output;
mod rules;
pub mod search;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::finding::Code;
use crate::format::digest::Sha256;
use crate::format::settings::Section;
use crate::format::units::{count, number};
use crate::policy::gate::evidence::{PayloadFile, Searched};
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::show;
use search::{Hit, Searcher};
use std::collections::BTreeSet;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "secrets",
    code: Code::GateSecrets,
    holds_when: "no text file of the payload holds what looks like a credential: private keys, tokens of AWS, GitHub, GitLab, \
                 Slack, Google, Stripe, npm and PyPI, JSON Web Tokens, and values that look random under names such as \
                 `password` or `api_key`. Binary files and files above 1 MiB are not searched; how many is said. What is \
                 found is never shown, but for the first 4 characters where those are the same for everybody. It cannot be \
                 waived",
    keys: &[(
        "allow",
        "SHA-256 digests, in hex, of findings that are none; a finding shows its digest. A credential that was in \
         a file is to be revoked, not allowed",
    )],
    example: "[[gate]]\nid = \"no-credentials\"\ncheck = \"secrets\"\n\
              allow = [\"1a5d44a2dca19669d72edf4c4f1c27c4c1ca4b4408fbb17f6ce4ad452d78ddb3\"]   # the example in the manual\n",
    waivable: false,
    parse,
};

/// The largest file that is searched, in bytes.
pub const SEARCHED_BYTES_MAX: u64 = 1 << 20;

/// The most faults that are told.
const FAULTS_MAX: usize = 100;

#[derive(Debug)]
struct Secrets {
    allow: BTreeSet<Sha256>,
    searcher: Searcher,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let mut allow = BTreeSet::new();
    for text in section.texts("allow")?.map_or_else(Vec::new, |list| list.value) {
        let Some(digest) = Sha256::from_hex(text.value) else {
            let message = format!("`allow` cannot have `{}`", show(text.value));
            return Err(section.error(
                text.line,
                message,
                "the SHA-256 that the finding shows: 64 hex digits",
            ));
        };
        if !allow.insert(digest) {
            return Err(section.error(text.line, "a digest stands in `allow` twice", "remove one"));
        }
    }
    Ok(Arc::new(Secrets { allow, searcher: Searcher::new() }))
}

/// What was looked at.
#[derive(Default)]
struct Looked {
    searched: u64,
    not_searched: u64,
    allowed: u64,
    faults: Vec<Fault>,
    more: u64,
}

impl Check for Secrets {
    fn judge(&self, evidence: &dyn Evidence, _: &Release<'_>) -> Judged {
        let mut looked = Looked::default();
        for file in evidence.payload() {
            self.look(evidence, file, &mut looked);
        }
        if looked.more > 0 {
            let actual = format!("{} more", number(looked.more));
            looked.faults.push(Fault::new("payload").expected("no credential").actual(actual));
        }
        if looked.searched == 0 && looked.faults.is_empty() {
            looked
                .faults
                .push(Fault::new("payload").expected("text to search").actual("no file was searched"));
        }
        let mut detail = format!("no credential in {}", count(looked.searched, "file"));
        for (amount, what) in
            [(looked.not_searched, "binary or above 1 MiB not searched"), (looked.allowed, "allowed")]
        {
            if amount > 0 {
                detail += &format!(", {} {what}", number(amount));
            }
        }
        Judged::of(looked.faults, detail)
    }
}

impl Secrets {
    fn look(&self, evidence: &dyn Evidence, file: &PayloadFile, looked: &mut Looked) {
        if file.size > SEARCHED_BYTES_MAX {
            looked.not_searched += 1;
            return;
        }
        match evidence.search(&file.path, &self.searcher) {
            Err(why) => {
                looked.faults.push(Fault::new(file.path.as_str()).expected("a file to search").actual(why))
            }
            Ok(Searched::Absent) => {
                looked
                    .faults
                    .push(Fault::new(file.path.as_str()).expected("a file").actual("it is not there"));
            }
            Ok(Searched::NotText) => looked.not_searched += 1,
            Ok(Searched::Hits(hits)) => {
                looked.searched += 1;
                hits.iter().for_each(|hit| self.weigh(file, hit, looked));
            }
        }
    }

    fn weigh(&self, file: &PayloadFile, hit: &Hit, looked: &mut Looked) {
        if self.allow.contains(&hit.sha256) {
            looked.allowed += 1;
        } else if looked.faults.len() < FAULTS_MAX {
            let begins = hit.prefix.as_ref().map_or_else(String::new, |prefix| format!(" {prefix}…"));
            let actual = format!("{}{begins}, sha256 {}", hit.rule, hit.sha256);
            let place = format!("{}:{}", file.path, hit.line);
            looked.faults.push(Fault::new(place).expected("no credential").actual(actual));
        } else {
            looked.more += 1;
        }
    }
}
