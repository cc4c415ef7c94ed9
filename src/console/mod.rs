//! The operator console: the pages of a store over HTTP, on 127.0.0.1 alone, for reading alone.
//!
//! One thread answers requests and never touches the store; the caller of [`run`] looks at the store now and then, and
//! reads what a page of one release or one drill needs when it is asked for. So requests, however many, cost the store
//! nothing but what they name, one after the other.
//!
//! What a page of another site could do with a browser on this host is what this is built against: the name in `Host`
//! must be this host's, `Origin` must be the console's own, nothing may be framed or embedded, and there is nothing to
//! be set off.

mod answer;
mod ask;
mod drawn;
mod guard;
mod line;
mod server;
mod watchman;

pub use ask::{About, Source, Wanted};
pub use server::{Server, bind};
pub use watchman::{Ended, run};
