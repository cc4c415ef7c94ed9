//! Does something when a time is over, and again and again, unless it is called off.

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long it is quiet between two rings: who began something else after the first must hear it too.
const PAUSE: Duration = Duration::from_millis(20);

/// A set alarm. Dropped, it is called off.
pub struct Alarm {
    call_off: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl Alarm {
    /// Does it once this time is over, and then until it is called off.
    pub fn until_called_off(time: Duration, act: impl Fn() + Send + 'static) -> Alarm {
        let (call_off, called_off) = bounded::<()>(0);
        let waiting = std::thread::spawn(move || {
            let mut wait = time;
            while called_off.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                act();
                wait = PAUSE;
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
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    #[test]
    fn it_rings_more_than_once_unless_it_is_called_off() {
        let set = |time| {
            let rung = Arc::new(AtomicU64::new(0));
            let bell = rung.clone();
            let ring = move || {
                bell.fetch_add(1, Ordering::SeqCst);
            };
            (Alarm::until_called_off(time, ring), rung)
        };
        let started = Instant::now();
        let (alarm, rung) = set(Duration::from_millis(100));
        while rung.load(Ordering::SeqCst) < 2 {
            assert!(started.elapsed() < Duration::from_secs(60), "it rang {rung:?} times");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(started.elapsed() >= Duration::from_millis(100) + PAUSE);
        drop(alarm);
        // One that is called off waits for nothing any more.
        let (alarm, rung) = set(Duration::from_secs(3600));
        drop(alarm);
        assert_eq!(rung.load(Ordering::SeqCst), 0);
    }
}
