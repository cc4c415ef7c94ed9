//! A way to a server on which things go wrong: answers get lost or cut, requests are refused, conditions dropped.
//!
//! Requests reach the server one at a time. S3 decides a condition and writes in one step; the servers of the tests look
//! first and write then, and of two at once both would win.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passes,
    /// The server never sees it.
    Refused,
    /// The server says that whoever asks may not.
    Forbidden,
    /// The server does it; nobody hears of it.
    AnswerLost,
    /// Half of the answer's content comes.
    Cut,
    /// The server says that it is busy.
    Busy,
    /// The server says that another request is about to change the same object.
    Conflict,
    /// Nothing comes, ever.
    Silence,
    /// The server does not see its conditions.
    Unconditional,
}

type Decide = Box<dyn Fn(usize, &str) -> Fate + Send>;

/// A proxy; it ends with the test's process.
pub struct Proxy {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    seen: Vec<String>,
    decide: Decide,
}

impl Proxy {
    /// A proxy before the server on a port. What becomes of a request is decided by its number and its first line.
    pub fn before(server: u16, decide: impl Fn(usize, &str) -> Fate + Send + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { seen: Vec::new(), decide: Box::new(decide) }));
        let shared = state.clone();
        let turn = Arc::new(Mutex::new(()));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (state, turn) = (shared.clone(), turn.clone());
                // A connection that breaks is the client's to notice.
                thread::spawn(move || pass(client, server, &state, &turn));
            }
        });
        Proxy { port, state }
    }

    /// The requests so far: `PUT /bucket/key HTTP/1.1`.
    pub fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }
}

/// One request; the connection is closed after it.
fn pass(client: TcpStream, server: u16, state: &Mutex<State>, turn: &Mutex<()>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (first, head, body) = request(&mut reader)?;
    let fate = {
        let mut state = state.lock().unwrap();
        let number = state.seen.len();
        state.seen.push(first.clone());
        (state.decide)(number, &first)
    };
    let mut client = client;
    match fate {
        Fate::Refused => return client.shutdown(Shutdown::Both),
        Fate::Silence => {
            reader.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        Fate::Busy => return client.write_all(&answer("503 Slow Down", "SlowDown")),
        Fate::Forbidden => return client.write_all(&answer("403 Forbidden", "AccessDenied")),
        Fate::Conflict => return client.write_all(&answer("409 Conflict", "ConditionalRequestConflict")),
        _ => {}
    }
    let kept = |line: &&String| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let condition = ["if-match", "if-none-match"].contains(&&*name);
        name != "connection" && !(condition && fate == Fate::Unconditional)
    };
    let mut head: String = head.iter().filter(kept).map(|line| format!("{line}\r\n")).collect();
    if head.contains("x-amz-checksum-sha256") {
        // Under object lock moto asks for this; S3 is content with the checksum itself.
        head.push_str("x-amz-sdk-checksum-algorithm: SHA256\r\n");
    }
    let answered = {
        let _turn = turn.lock().unwrap();
        let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
        upstream.write_all(format!("{first}\r\n{head}Connection: close\r\n\r\n").as_bytes())?;
        upstream.write_all(&body)?;
        let mut answered = Vec::new();
        upstream.read_to_end(&mut answered)?;
        answered
    };
    match fate {
        Fate::AnswerLost => {}
        Fate::Cut => {
            let content =
                answered.windows(4).position(|at| at == b"\r\n\r\n").map_or(answered.len(), |at| at + 4);
            client.write_all(&answered[..content + (answered.len() - content) / 2])?;
        }
        _ => client.write_all(&answered)?,
    }
    client.shutdown(Shutdown::Both)
}

fn answer(status: &str, code: &str) -> Vec<u8> {
    let body = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head, body].concat().into_bytes()
}

/// The first line, the other lines of the head, and the body.
fn request(reader: &mut impl BufRead) -> std::io::Result<(String, Vec<String>, Vec<u8>)> {
    let mut lines = reader.by_ref().lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let head = lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
    let head = head.collect::<std::io::Result<Vec<_>>>()?;
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((first, head, body))
}
