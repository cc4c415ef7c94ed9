//! Does something when a time is over, unless it is called off before.

use crossbeam_channel::{Sender, bounded};
use std::thread::JoinHandle;
use std::time::Duration;

/// A set alarm. Dropped, it is called off.
pub struct Alarm {
    call_off: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl Alarm {
    /// Does it once this time is over.
    pub fn after(time: Duration, act: impl FnOnce() + Send + 'static) -> Alarm {
        let (call_off, called_off) = bounded::<()>(0);
        let waiting = std::thread::spawn(move || {
            if called_off.recv_timeout(time) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                act();
            }
        });
        Alarm { call_off: Some(call_off), waiting: Some(waiting) }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.call_off = None;
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn it_rings_unless_it_is_called_off() {
        for (wait, expected) in [(Duration::from_millis(300), true), (Duration::ZERO, false)] {
            let rung = Arc::new(AtomicBool::new(false));
            let bell = rung.clone();
            let alarm = Alarm::after(Duration::from_millis(100), move || bell.store(true, Ordering::SeqCst));
            std::thread::sleep(wait);
            drop(alarm);
            assert_eq!(rung.load(Ordering::SeqCst), expected);
        }
    }
}
