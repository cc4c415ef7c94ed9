//! `publish`

use crate::cli::answer::Answer;
use crate::cli::args::PublishArgs;
use crate::cli::commands::seal::signing_key;
use crate::cli::commands::verify::{hint, last_line};
use crate::cli::context::Context;
use crate::cli::documents::OutcomeDocument;
use crate::cli::documents::publish::{PublishDocument, PublishedDocument};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, safe, size};
use crate::cli::stores::state;
use attestar::error::{Error, Result};
use attestar::evidence::stored::release_folder;
use attestar::format::leaf::What;
use attestar::keys::signing::SigningKey;
use attestar::keys::trust::Trust;
use attestar::store::Store;
use attestar::verbs::publish::{self, Published, Release, Request};
use attestar::verbs::target::Target;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// Verifies a release, and publishes it.
pub fn run(context: &Context, args: &PublishArgs) -> Result<Answer> {
    let started = Instant::now();
    let target = Target::find(&args.pack)?;
    let name = target.pack_name().to_owned();
    let policy = context.policy()?;
    let stores = match args.stores.is_empty() {
        true => vec![context.policy_store(&policy, true)?],
        false => {
            let open = |url: &String| context.open(url, None, Path::new(""), true);
            args.stores.iter().map(open).collect::<Result<Vec<_>>>()?
        }
    };
    let trust = context.trust_file(args.trust.as_deref())?;
    let progress = Progress::start(context, "verifying");
    let prepared = publish::prepare(target, &trust, context.threads(), &context.watch)?;
    drop(progress);
    let exit = Exit::from(prepared.outcome.verdict());
    let Some(release) = &prepared.release else {
        let text =
            format!("{}{}\n", screen::outcome(&prepared.outcome), last_line(&prepared.outcome, started));
        let document = document(exit, name, Vec::new(), None, OutcomeDocument::new(&prepared.outcome));
        let answer = Answer::new(exit, format!("{text}nothing published\n"), document);
        return Ok(match hint(&prepared.outcome, &args.trust_args()) {
            Some(hint) => answer.hint(hint),
            None => answer,
        });
    };
    let (key, _) = signing_key(context, &policy, args.key.as_deref())?;
    let folder = args.state.clone().unwrap_or_else(|| context.environment.state.clone());
    let mut text = format!("verified    {}, receipt, seal and every tag file\n", safe(&release.name));
    let (mut published, mut outcome) = (Vec::new(), prepared.outcome.clone());
    for store in &stores {
        let progress = Progress::start(context, "publishing");
        let request = Request {
            store: &**store,
            trust: &trust,
            origin: policy.log_origin.as_deref().unwrap_or(&release.project),
            key: &key,
            state: state(&folder),
        };
        let one = publish::publish(release, &request, &context.watch)?;
        drop(progress);
        text += &lines(&**store, release, &one);
        screen::findings(&mut text, &one.cleaned);
        outcome.notes.extend(one.cleaned);
        published.push(PublishedDocument {
            store: store.place().to_owned(),
            folder: one.folder,
            created: one.created,
            already: one.already,
            leaves_added: one.appended.added,
            leaves_already: one.appended.already,
            log_size: one.appended.size,
        });
    }
    screen::findings(&mut text, &release.left_out);
    let outcome = OutcomeDocument::new(&outcome);
    Ok(Answer::new(exit, text, document(exit, name, published, Some(release), outcome)))
}

/// What was signed after the seal goes where the release was published too: into the policy's store, if that holds it.
/// Gives the store's place, or why it is not there; nothing if the release was not published.
pub fn again(
    context: &Context,
    target: &Target,
    key: &SigningKey,
    trust: &Trust,
) -> Result<Option<std::result::Result<String, String>>> {
    match try_again(context, target, key, trust) {
        Ok(stored) => Ok(stored.map(Ok)),
        // A log that was rolled back, say: that is no matter of a right that is missing.
        Err(error @ (Error::Interrupted | Error::Refused(_))) => Err(error),
        Err(error) => Ok(Some(Err(error.to_string()))),
    }
}

fn try_again(context: &Context, target: &Target, key: &SigningKey, trust: &Trust) -> Result<Option<String>> {
    let policy = context.policy()?;
    if policy.store.is_none() {
        return Ok(None);
    }
    let store = context.policy_store(&policy, false)?;
    if store.list(&release_folder(target.pack_name()))?.entries.is_empty() {
        return Ok(None);
    }
    let prepared = publish::prepare(target.clone(), trust, context.threads(), &context.watch)?;
    let Some(release) = prepared.release else {
        return Err(Error::input("the release does not verify", ""));
    };
    let request = Request {
        store: &*store,
        trust,
        origin: policy.log_origin.as_deref().unwrap_or(&release.project),
        key,
        state: state(&context.environment.state),
    };
    publish::publish(&release, &request, &context.watch)?;
    Ok(Some(store.place().to_owned()))
}

/// What [`again`] came to: where it is, and why it is not there.
pub fn apart(again: Option<std::result::Result<String, String>>) -> (Option<String>, Option<String>) {
    match again {
        None => (None, None),
        Some(Ok(place)) => (Some(place), None),
        Some(Err(why)) => (None, Some(why)),
    }
}

/// A line that says what [`again`] came to; `column` is where its second word begins.
pub fn told(again: Option<&std::result::Result<String, String>>, target: &Target, column: usize) -> String {
    match again {
        None => String::new(),
        Some(Ok(place)) => format!("{:<column$}{}\n", "stored", safe(place)),
        Some(Err(why)) => {
            let pack = safe(&target.evidence_folder().display().to_string());
            format!("not in the store: {}\nhint: attestar publish {pack}\n", safe(why))
        }
    }
}

fn document(
    exit: Exit,
    name: String,
    stores: Vec<PublishedDocument>,
    release: Option<&Release>,
    outcome: OutcomeDocument,
) -> PublishDocument {
    let left_out = release.map(|release| release.left_out.clone()).unwrap_or_default();
    PublishDocument { schema: "attestar/publish/v1", exit_code: exit as u8, name, stores, left_out, outcome }
}

fn lines(store: &dyn Store, release: &Release, published: &Published) -> String {
    let mut text = String::new();
    let place = safe(&format!("{}/{}/", store.place(), published.folder));
    let objects = match (published.created, published.already) {
        (0, already) => format!("{} there already", count(already, "object")),
        (created, 0) => count(created, "object"),
        (created, already) => format!("{} new, {already} there already", count(created, "object")),
    };
    let _ = writeln!(text, "published   {place}");
    let _ = writeln!(text, "            {}, {objects}", size(release.size_bytes));
    let of = |what: What| published.leaves.iter().filter(|leaf| leaf.what == what).count();
    let kinds = [What::Sealed, What::Gated, What::Waived, What::Approved];
    let leaves: Vec<String> = kinds
        .iter()
        .map(|&what| (what, of(what)))
        .filter(|(_, n)| *n > 0)
        .map(|(what, n)| format!("{n} {what}"))
        .collect();
    let appended = published.appended;
    let new =
        if appended.added == 0 { "all there already".to_owned() } else { format!("{} new", appended.added) };
    let _ = writeln!(text, "logged      {}; {new}, {} in all", leaves.join(", "), appended.size);
    text
}
