//! A small HTTP server on the loopback interface, which can misbehave.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a request is answered.
pub(crate) enum Answer {
    /// This, with status 200.
    File(Vec<u8>),
    /// Nothing, with this status.
    Status(u16),
    /// Somewhere else.
    Redirect(String),
    /// Nothing at all, for long.
    Stall,
    /// One byte at a time, with this much time between two.
    Drip(Vec<u8>, Duration),
    /// This much of it, and then the connection is closed.
    Cut(Vec<u8>, usize),
    /// Bytes without end, and without an announced length.
    Endless,
    /// This, with an announced length of so much.
    Announced(Vec<u8>, u64),
    /// The connection is closed at once.
    Hangup,
}

type Handler = dyn Fn(&str) -> Answer + Send + Sync;

/// A server that stops when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    port: u16,
    state: Arc<State>,
}

struct State {
    handler: Mutex<Arc<Handler>>,
    requests: Mutex<Vec<String>>,
    heads: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl Server {
    /// A server of these files.
    pub(crate) fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::over(files, Some)
    }

    /// A server of these files over connections that `wrap` prepares, such as TLS.
    pub(crate) fn over<S: Read + Write>(
        files: BTreeMap<String, Vec<u8>>,
        wrap: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            handler: Mutex::new(Arc::new(|_: &str| Answer::Status(500))),
            requests: Mutex::default(),
            heads: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let (shared, wrap) = (Arc::clone(&state), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (state, wrap) = (Arc::clone(&shared), Arc::clone(&wrap));
                std::thread::spawn(move || {
                    if let Some(mut stream) = wrap(stream) {
                        let _ = serve(&mut stream, &state);
                    }
                });
            }
        });
        let server = Self { url: format!("http://127.0.0.1:{port}/"), port, state };
        server.serve(files);
        server
    }

    /// From now on, serves these files.
    pub(crate) fn serve(&self, files: BTreeMap<String, Vec<u8>>) {
        self.handle(move |path| files.get(path).map_or(Answer::Status(404), |bytes| Answer::File(bytes.clone())));
    }

    /// From now on, serves these files, except for what `exception` answers.
    pub(crate) fn serve_but(
        &self,
        files: BTreeMap<String, Vec<u8>>,
        exception: impl Fn(&str, &[u8]) -> Option<Answer> + Send + Sync + 'static,
    ) {
        self.handle(move |path| match files.get(path) {
            Some(bytes) => exception(path, bytes).unwrap_or_else(|| Answer::File(bytes.clone())),
            None => exception(path, &[]).unwrap_or(Answer::Status(404)),
        });
    }

    /// From now on, answers as `handler` does.
    pub(crate) fn handle(&self, handler: impl Fn(&str) -> Answer + Send + Sync + 'static) {
        *self.state.handler.lock().unwrap() = Arc::new(handler);
    }

    /// The paths that were asked for since this was last called.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve<S: Read + Write>(stream: &mut S, state: &State) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(&mut *stream);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or(target, |(_, path)| path);
    let path = path.trim_start_matches('/').to_owned();
    state.requests.lock().unwrap().push(path.clone());
    state.heads.lock().unwrap().push(head);
    let handler = Arc::clone(&state.handler.lock().unwrap());
    match handler(&path) {
        Answer::File(bytes) => respond(stream, 200, "", bytes.len() as u64, &bytes),
        Answer::Status(status) => respond(stream, status, "", 0, &[]),
        Answer::Redirect(to) => respond(stream, 302, &format!("Location: {to}\r\n"), 0, &[]),
        Answer::Announced(bytes, length) => respond(stream, 200, "", length, &bytes),
        Answer::Cut(bytes, at) => respond(stream, 200, "", bytes.len() as u64, &bytes[..at]),
        Answer::Hangup => Ok(()),
        Answer::Stall => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Answer::Drip(bytes, pause) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
            for byte in bytes {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(pause);
            }
            Ok(())
        }
        Answer::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }
    }
}

fn respond(stream: &mut impl Write, status: u16, extra: &str, length: u64, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Status\r\n{extra}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)?;
    stream.flush()
}
