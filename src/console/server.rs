//! The server's thread. It has a runtime of its own, and ends when the server is dropped.

use crate::console::answer::{Shared, answer};
use crate::console::ask::Asking;
use crate::console::line::Door;
use crate::error::{Error, Result};
use crate::pipeline::background::Background;
use axum::Router;
use futures_util::future::{AbortHandle, abortable, pending, select};
use jiff::Timestamp;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Builder;

/// How long answers that are under way have when the console ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Takes a port of 127.0.0.1; 0 takes a free one.
pub fn bind(port: u16) -> Result<TcpListener> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = bound.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::input(
            format!("port {port} of 127.0.0.1 is taken"),
            format!(
                "attestar serve --port {}, or --port 0 for a free one",
                port.checked_add(1).unwrap_or(7878)
            ),
        ),
        _ => {
            Error::input(format!("cannot listen on 127.0.0.1:{port}: {error}"), "--port N names another port")
        }
    })?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

fn failed(error: std::io::Error) -> Error {
    Error::input(format!("cannot listen: {error}"), "")
}

/// A server that answers.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    requests: Arc<AtomicU64>,
    stop: AbortHandle,
    _thread: Background,
}

impl Server {
    /// Starts to answer with what is known. `clock` tells the present.
    pub(super) fn start(
        listener: TcpListener,
        asking: &Arc<Asking>,
        clock: fn() -> Timestamp,
    ) -> Result<Server> {
        let address = listener.local_addr().map_err(failed)?;
        let requests = Arc::new(AtomicU64::new(0));
        let shared = Shared {
            asking: Arc::clone(asking),
            drawn: Arc::default(),
            requests: Arc::clone(&requests),
            clock,
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (ended, stop) = abortable(pending::<()>());
        let thread = Background::start("console", move || {
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                serve(listener, shared, ended).await;
            });
            runtime.shutdown_background();
        })?;
        Ok(Server { address, requests, stop, _thread: thread })
    }

    /// How many requests it has got.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

/// Answers until `ended`; what is under way then is brought to its end, unless that takes too long.
async fn serve(listener: tokio::net::TcpListener, shared: Shared, ended: impl Future + Send + 'static) {
    let router = Router::new().fallback(answer).with_state(shared);
    let (told, tell) = abortable(pending::<()>());
    let last = async move {
        ended.await;
        tell.abort();
        tokio::time::sleep(FAREWELL).await;
    };
    let stopping = async move {
        let _ = told.await;
    };
    let served = axum::serve(Door::new(listener), router).with_graceful_shutdown(stopping);
    select(pin!(served.into_future()), pin!(last)).await;
}
