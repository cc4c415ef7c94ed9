//! `serve`

use crate::cli::answer::Answer;
use crate::cli::args::ServeArgs;
use crate::cli::context::Context;
use crate::cli::documents::report::ServeDocument;
use crate::cli::exit::Exit;
use crate::cli::screen::{count, safe, say};
use crate::cli::stores::Named;
use attestar::console::{bind, run as console};
use attestar::error::Result;
use attestar::verbs::report::drills::Reports;
use attestar::verbs::serve::{Seen, Served};
use jiff::Timestamp;

/// Shows a store until somebody ends it: that is how it ends well.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Answer> {
    let listener = bind(args.port)?;
    let Named { store, origin } = context.store(&args.store)?;
    let trust = context.trust(&args.trust)?;
    let state = context.state_folder(&args.store);
    let policy = context.limits_policy(&args.store)?;
    let retention = policy.as_ref().map(|policy| context.retention_of(policy)).transpose()?;
    let textfile = policy.as_ref().and_then(|policy| policy.metrics.as_ref());
    let textfile = textfile.map(|file| context.global.tree.join(file));
    let place = store.place().to_owned();
    let mut served = Served {
        store: &*store,
        trust: &trust,
        origin: origin.as_deref(),
        state: &state,
        first: args.first,
        policy: policy.as_ref(),
        retention: retention.as_ref(),
        textfile: textfile.as_deref(),
        clock: Timestamp::now,
        watch: &context.watch,
        seen: Seen::default(),
        reports: Reports::default(),
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
        store: place,
        address: ended.address.to_string(),
        requests: ended.requests,
    };
    Ok(Answer::new(Exit::Done, format!("ended       after {}\n", count(ended.requests, "request")), document))
}
