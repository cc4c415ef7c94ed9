//! A progress bar: only on a terminal, and only past one second.

use super::context::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long nothing is shown.
const SILENCE: Duration = Duration::from_secs(1);
/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Shows how far an operation is, for as long as it lives.
pub struct Progress {
    watcher: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to watch.
    pub fn start(context: &Context, doing: &'static str) -> Progress {
        let global = &context.global;
        if global.no_progress || global.quiet || global.json || !std::io::stderr().is_terminal() {
            return Progress { watcher: None };
        }
        let (stop, stopped) = mpsc::channel();
        let watch = context.watch.clone();
        let thread = thread::spawn(move || {
            if stopped.recv_timeout(SILENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let with_total = "{msg:9} {bar:18} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            let style = |template| ProgressStyle::with_template(template).expect("the template is fixed");
            bar.set_style(style("{msg:9} {bytes}, {bytes_per_sec}"));
            bar.set_message(doing);
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let (_, done, total) = watch.progress();
                if total > 0 && bar.length() != Some(total) {
                    bar.set_style(style(with_total));
                    bar.set_length(total);
                }
                bar.set_position(done);
            }
            bar.finish_and_clear();
        });
        Progress { watcher: Some((stop, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.watcher.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}
