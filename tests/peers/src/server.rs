//! The token endpoint over HTTP on loopback, for contenders that bring a client of their own.

use std::{convert::Infallible, net::Ipv4Addr};

use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::endpoint::Endpoint;

/// Serves this endpoint until the program ends; its URL.
pub fn serve(endpoint: Endpoint) -> String {
    let listener = listen().expect("a port on loopback");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(accept(listener, endpoint));
    format!("http://{address}/token")
}

/// With room for a storm: a connection that has to wait for a place does so for a second.
fn listen() -> std::io::Result<TcpListener> {
    const WAITING: u32 = 10_000;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(WAITING)
}

async fn accept(listener: TcpListener, endpoint: Endpoint) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, endpoint.clone()))),
            // Too many open files: some will be closed.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn answer(stream: TcpStream, endpoint: Endpoint) {
    let service = service_fn(|_: Request<Incoming>| async {
        let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
        let response = match endpoint.answer().await {
            Ok(body) => response.body(body),
            Err(_) => response.status(StatusCode::SERVICE_UNAVAILABLE).body(String::new()),
        };
        Ok::<_, Infallible>(response.expect("a response"))
    });
    // A client that is gone is the client's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
