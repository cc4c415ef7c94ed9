//! `log`

use crate::cli::answer::Answer;
use crate::cli::args::LogCommand;
use crate::cli::commands::verify::last_line;
use crate::cli::context::Context;
use crate::cli::documents::OutcomeDocument;
use crate::cli::documents::log::{LeafDocument, LogListDocument, LogProveDocument, LogVerifyDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, safe};
use crate::cli::stores::{Named, state};
use attestar::error::{Error, Result};
use attestar::finding::{Code, Outcome};
use attestar::format::tlog::proof_file::EXTENSION;
use attestar::log::read::Leaves;
use attestar::log::state::State;
use attestar::pipeline::whole_file;
use attestar::verbs::log::{self, Request};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Lists, verifies or proves.
pub fn run(context: &Context, command: &LogCommand) -> Result<Answer> {
    let (LogCommand::List(args) | LogCommand::Verify { log: args, .. } | LogCommand::Prove { log: args, .. }) =
        command;
    let Named { store, origin } = context.store(&args.store)?;
    let folder = context.state_folder(&args.store);
    let trust = context.trust(&args.trust)?;
    let retention = context.retention(&args.store)?;
    let request = Request {
        store: &*store,
        trust: &trust,
        origin: origin.as_deref(),
        state: state(&folder),
        retention: retention.as_ref(),
    };
    match command {
        LogCommand::List(_) => list(&request),
        LogCommand::Verify { first, .. } => verify(context, &request, *first),
        LogCommand::Prove { name, out, .. } => prove(&request, name, out.as_deref()),
    }
}

fn list(request: &Request<'_>) -> Result<Answer> {
    let leaves = log::list(request)?;
    let checkpoint = leaves.head.checkpoint();
    let document = LogListDocument {
        schema: "attestar/log_list/v1",
        exit_code: Exit::Done as u8,
        store: request.store.place().to_owned(),
        origin: checkpoint.origin.clone(),
        root: checkpoint.root.to_string(),
        signer: leaves.head.signed.fingerprint(),
        leaves: leaves
            .leaves
            .iter()
            .enumerate()
            .map(|(at, leaf)| LeafDocument::new(at as u64, leaf))
            .collect(),
    };
    Ok(Answer::new(Exit::Done, lines(&leaves), document).data())
}

fn lines(leaves: &Leaves) -> String {
    let width = leaves.leaves.len().to_string().len().max(3);
    let mut text = String::new();
    for (index, leaf) in leaves.leaves.iter().enumerate() {
        let time = leaf.time.strftime("%Y-%m-%d %H:%M UTC");
        let _ = writeln!(text, "{index:>width$}  {time}  {:<9}  {}", leaf.what, safe(&leaf.name));
    }
    text
}

fn verify(context: &Context, request: &Request<'_>, first: bool) -> Result<Answer> {
    let started = Instant::now();
    let progress = Progress::start(context, "verifying");
    let verified = log::verify(request, first)?;
    drop(progress);
    let exit = Exit::from(verified.outcome.verdict());
    let text = format!("{}{}\n", screen::outcome(&verified.outcome), last_line(&verified.outcome, started));
    let document = LogVerifyDocument {
        schema: "attestar/log_verify/v1",
        exit_code: exit as u8,
        store: request.store.place().to_owned(),
        leaves: verified.leaves,
        outcome: OutcomeDocument::new(&verified.outcome),
    };
    let answer = Answer::new(exit, text, document);
    Ok(match hint(&request.state, request.store.place(), &verified.outcome) {
        Some(hint) => answer.hint(hint),
        None => answer,
    })
}

/// What to do about a log that does not verify.
pub fn hint(state: &State<'_>, place: &str, outcome: &Outcome) -> Option<String> {
    let has = |code| outcome.errors().any(|finding| finding.code == code);
    if has(Code::LogForked) {
        let file = state.file(place)?;
        return Some(format!(
            "somebody rolled the store back, or it is another one. Only if you know that\n      it was made anew, remove {}",
            file.display()
        ));
    }
    if has(Code::LogNotRemembered) {
        return Some("attestar log verify --first, once, and from then on it is compared".to_owned());
    }
    if has(Code::PruneNotJudged) {
        return Some("attestar log verify --policy FILE: the policy that says what may be pruned".to_owned());
    }
    if has(Code::NoTrust) || has(Code::SignerUnknown) {
        return Some("attestar keys trust FILE --role R --may log … for each host that writes".to_owned());
    }
    None
}

fn prove(request: &Request<'_>, name: &str, out: Option<&Path>) -> Result<Answer> {
    let proof = log::prove(request, name)?;
    let file = out.map_or_else(|| PathBuf::from(format!("{name}.{EXTENSION}")), Path::to_owned);
    // An older proof is worth more, not less: it shows what was there at its time.
    let created = whole_file::create(&file, |out| out.write_all(&proof.file.to_bytes()));
    created.map_err(|error| match error {
        Error::Io { source, .. } if source.kind() == ErrorKind::AlreadyExists => Error::input(
            format!("{} is there already; a proof is never overwritten", file.display()),
            "--out FILE names another",
        ),
        error => error,
    })?;
    let shown = safe(&file.display().to_string());
    let text = format!(
        "wrote       {shown}\nproves      {} {}, leaf {} of {}\nnext        attestar verify {name}.tar.zst.age --proof {shown}\n",
        proof.leaf.what,
        safe(&proof.leaf.name),
        proof.file.index,
        proof.size
    );
    let document = LogProveDocument {
        schema: "attestar/log_prove/v1",
        exit_code: Exit::Done as u8,
        store: request.store.place().to_owned(),
        proof: file.display().to_string(),
        size: proof.size,
        leaf: LeafDocument::new(proof.file.index, &proof.leaf),
    };
    Ok(Answer::new(Exit::Done, text, document))
}
