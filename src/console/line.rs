//! Connections that cannot be held open: so many at once, none for long, and none that says nothing.

use axum::serve::Listener;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may last, whatever goes over it: a large page through a slow tunnel takes its time.
const LIFETIME: Duration = Duration::from_secs(120);

/// How long it may say nothing, which is more than any answer takes; and how long a request may take to arrive, however
/// steadily it trickles.
const SILENCE: Duration = Duration::from_secs(20);

/// What listens.
pub struct Door {
    listener: TcpListener,
    open: Arc<AtomicUsize>,
}

impl Door {
    /// A door with nobody in it.
    pub fn new(listener: TcpListener) -> Door {
        Door { listener, open: Arc::default() }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            while self.open.load(Relaxed) >= CONNECTIONS_MAX {
                sleep(Duration::from_millis(20)).await;
            }
            match self.listener.accept().await {
                Ok((stream, address)) => return (Line::new(stream, &self.open), address),
                // Out of descriptors, or the other side is gone again: neither ends the console.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, and how long it still has.
pub struct Line {
    stream: TcpStream,
    ends: Instant,
    /// Since when something arrives that was not answered yet.
    asking: Option<Instant>,
    silent: Pin<Box<Sleep>>,
    open: Arc<AtomicUsize>,
}

impl Line {
    fn new(stream: TcpStream, open: &Arc<AtomicUsize>) -> Line {
        open.fetch_add(1, Relaxed);
        let now = Instant::now();
        Line {
            stream,
            ends: now + LIFETIME,
            asking: None,
            silent: Box::pin(sleep_until(now + SILENCE)),
            open: Arc::clone(open),
        }
    }

    /// An error once the time is up; while it is not, somebody is woken when it is.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.silent.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    /// Something arrived.
    fn heard(&mut self) {
        let now = Instant::now();
        let since = *self.asking.get_or_insert(now);
        self.silent.as_mut().reset(self.ends.min(since + SILENCE));
    }

    /// Something was answered, and taken.
    fn told(&mut self) {
        self.asking = None;
        self.silent.as_mut().reset(self.ends.min(Instant::now() + SILENCE));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if read.is_ready() {
            self.heard();
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.told();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        if written.is_ready() {
            self.told();
        }
        written
    }

    /// So that nobody copies a whole page for every connection.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
