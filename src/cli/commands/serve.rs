//! `serve`

use crate::cli::answer::Answer;
use crate::cli::args::ServeArgs;
use crate::cli::context::Context;
use crate::cli::documents::report::ServeDocument;
use crate::cli::exit::Exit;
use crate::cli::masked::Masked;
use crate::cli::screen::{count, safe, say};
use crate::cli::stores::Named;
use attestar::console::{bind, run as console};
use attestar::error::{Error, Result};
use attestar::verbs::report::store::Earlier;
use attestar::verbs::serve::{Judge, Seen, Served};
use jiff::Timestamp;

/// Shows a store until somebody ends it: that is how it ends well.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Answer> {
    let listener = bind(args.port)?;
    let Named { store, origin } = context.store(&args.store)?;
    let state = context.state_folder(&args.store);
    let place = store.place().to_owned();
    let judge = judge(context, args)?;
    let named = place_of(&judge);
    let judges = || match self::judge(context, args) {
        Ok(judge) if args.store.store.is_none() && place_of(&judge) != named => {
            Err(Error::input("the policy names another store now", "end the console and start it again"))
        }
        judge => judge,
    };
    // What the policy took from the environment when this began, and what it takes now.
    let first = Masked::of(context);
    let masked = |text: &str| Masked::of(context).error(&first.error(text));
    let mut served = Served {
        store,
        judge,
        judges: &judges,
        origin: origin.as_deref(),
        state: &state,
        first: args.first,
        clock: Timestamp::now,
        watch: &context.watch,
        masked: &masked,
        seen: Seen::default(),
        earlier: Earlier::default(),
    };
    let quiet = context.global.quiet;
    let ended = console(listener, &mut served, Timestamp::now, &context.watch, |address| {
        tracing::info!(address = %address, store = place, "serving");
        if !quiet {
            say(&format!("serving     {}\nconsole     http://{address}/    Ctrl-C ends it\n", safe(&place)));
        }
    })?;
    let document = ServeDocument {
        schema: "attestar/serve/v1",
        exit_code: Exit::Done as u8,
        store: place.clone(),
        address: ended.address.to_string(),
        requests: ended.requests,
    };
    Ok(Answer::new(Exit::Done, format!("ended       after {}\n", count(ended.requests, "request")), document))
}

/// Trust and policy as they are now.
fn judge(context: &Context, args: &ServeArgs) -> Result<Judge> {
    let policy = context.limits_policy(&args.store)?;
    let retention = policy.as_ref().map(|policy| context.retention_of(policy)).transpose()?;
    let project = policy.as_ref().map(|policy| context.project_of(policy)).transpose()?.flatten();
    let textfile = policy.as_ref().and_then(|policy| policy.metrics.as_ref());
    let textfile = textfile.map(|file| context.global.tree.join(file));
    Ok(Judge { trust: context.trust(&args.trust)?, policy, project, retention, textfile })
}

/// The store that a policy names.
fn place_of(judge: &Judge) -> Option<(String, Option<String>)> {
    let store = judge.policy.as_ref()?.store.as_ref()?;
    Some((store.url.clone(), store.endpoint.clone()))
}
