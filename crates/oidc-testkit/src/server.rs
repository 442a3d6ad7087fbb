//! A small HTTP/1.1 server on loopback that can cut connections.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use axum::{body::Body, response::Response};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// In place of an answer: the connection is cut before the first byte of one.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on request")
    }
}

impl Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A port that is taken and not served yet.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// A running server. Dropping it ends it and all its connections.
#[derive(Debug)]
pub(crate) struct Server(JoinHandle<()>);

impl Bound {
    /// Takes a port of 127.0.0.1; 0 stands for any that is free.
    pub(crate) async fn new(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests from now on.
    pub(crate) fn serve<H, F>(self, handler: H) -> Server
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
    {
        Server(tokio::spawn(accept(self.listener, handler)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        // What can go wrong here concerns one connection, which is gone then.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, handler.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>>,
{
    // Without it, each small answer on a kept connection waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    // An error here is a client that went away, or a cut.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handler)).await;
}
