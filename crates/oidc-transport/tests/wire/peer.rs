//! A server that does exactly what it is told, byte by byte.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use oidc_core::{Clock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the server does with each request, once it has read its head.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Answers with these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Answers with these bytes and closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Answers with these bytes, and closes the connection so much later.
    AnswerAndCloseAfter(Vec<u8>, Duration),
    /// Sends these bytes one by one, with this pause after each.
    Slowly(Vec<u8>, Duration),
    /// Sends this once, and then that again and again, as fast as it is taken.
    Endless(&'static str, Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Sends the head of an answer, and then one byte of an endless body after another, as fast as they are
    /// taken.
    Drip,
    /// Says nothing and keeps the connection.
    Silence,
}

/// A running server; it counts connections and requests.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    counted: Arc<Counted>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Counted {
    requests: AtomicUsize,
    endless_bytes: AtomicUsize,
}

impl Peer {
    /// A server that does these things in turn, and then the last one for ever.
    pub(crate) async fn new(script: &[Then]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(Counted::default()));
        let task = tokio::spawn({
            let (connections, counted, script) = (connections.clone(), counted.clone(), script.to_vec());
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    connections.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(converse(stream, counted.clone(), script.clone()));
                }
            }
        });
        Self { address, connections, counted, task }
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counted.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of something endless were taken off its hands, what waits in the sockets included.
    pub(crate) fn endless_bytes(&self) -> usize {
        self.counted.endless_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn converse(mut stream: TcpStream, counted: Arc<Counted>, script: Vec<Then>) {
    while read_request(&mut stream).await {
        let number = counted.requests.fetch_add(1, Ordering::SeqCst);
        match script.get(number).or(script.last()).unwrap() {
            Then::Answer(bytes) => stream.write_all(bytes).await.unwrap(),
            Then::AnswerAndClose(bytes) => return stream.write_all(bytes).await.unwrap(),
            Then::Reset => return stream.set_zero_linger().unwrap(),
            Then::AnswerAndCloseAfter(bytes, time) => {
                stream.write_all(bytes).await.unwrap();
                return pause(*time).await;
            }
            Then::Slowly(bytes, time) => {
                for byte in bytes {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    pause(*time).await;
                }
            }
            Then::Endless(once, again) => {
                let _ = stream.write_all(once.as_bytes()).await;
                while stream.write_all(again).await.is_ok() {
                    counted.endless_bytes.fetch_add(again.len(), Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                return;
            }
            Then::Silence => std::future::pending().await,
            Then::Drip => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
                while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
                    tokio::task::yield_now().await;
                }
                return;
            }
        }
    }
}

async fn pause(time: Duration) {
    let clock = SystemClock::new();
    clock.sleep_until(clock.boot().after(time)).await;
}

/// Reads one request with its body; `false` where the connection ended.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                return true;
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
