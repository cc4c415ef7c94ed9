//! `init`

use crate::cli::answer::Answer;
use crate::cli::args::InitArgs;
use crate::cli::commands::keys::{created_lines, made_files};
use crate::cli::context::Context;
use crate::cli::documents::InitDocument;
use crate::cli::exit::Exit;
use crate::cli::screen::safe;
use attestar::error::Result;
use attestar::keys::entropy::OsEntropy;
use attestar::keys::recipient::Recipient;
use attestar::verbs::init::{self, Initialised, Request};
use jiff::Timestamp;

/// Writes the policy, and the keys that are missing.
pub fn run(context: &Context, args: &InitArgs) -> Result<Answer> {
    let home = context.home();
    let recipients: Vec<Vec<Recipient>> =
        args.recipients.iter().map(|argument| Recipient::from_argument(argument)).collect::<Result<_>>()?;
    let request = Request {
        root: context.tree()?,
        from: args.from.strip_prefix("builtin:").unwrap_or(&args.from),
        recipients: &recipients.concat(),
        home: &home,
    };
    let mut passphrases = context.passphrases(args.no_passphrase);
    let written = init::init(&request, &mut passphrases, &mut OsEntropy, Timestamp::now())?;
    let made = made_files(&home, &written.created);
    let document = InitDocument {
        schema: "attestar/init/v1",
        exit_code: 0,
        policy: written.policy.display().to_string(),
        made: made.iter().map(|path| path.display().to_string()).collect(),
    };
    let keys = created_lines(&home, &written.created);
    let text = format!("{}{keys}\n{}", policy_lines(args, &written), next(&written));
    Ok(Answer::new(Exit::Done, text, document))
}

fn policy_lines(args: &InitArgs, written: &Initialised) -> String {
    let file = safe(&written.policy.display().to_string());
    let mut text = format!("wrote       {file}    from the shipped policy {}\n", safe(&args.from));
    if let Some(project) = &written.project {
        text += &format!("project     {project}\n");
    }
    text
}

fn next(written: &Initialised) -> String {
    let kit = "            attestar keys recovery-kit            what to keep offline\n";
    let kit = if written.created.recipient.is_some() { kit } else { "" };
    if written.is_for_backups {
        return format!(
            "next        read attestar.toml: where the store is, what is captured\n{kit}            attestar backup\n            \
             attestar backup-verify                whether it is whole, and young enough\n"
        );
    }
    format!(
        "next        read attestar.toml: it says what belongs in a release\n            \
         attestar seal --list-unmatched        what no rule takes\n{kit}            attestar seal\n"
    )
}
