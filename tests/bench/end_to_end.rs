//! What a token costs a client over a network: hyper-util's client and a hyper server on loopback, HTTP/1.1, 64 requests in flight.
//!
//! Client and server have a thread each, pinned. Counted is the processor time of the client's thread for each request, so that neither
//! the server nor anything else on the machine counts. tower-http's static header and the layer without replay go over the same client and
//! its connections, by turns, with a token of 1,200 bytes; the figure is the median of the differences within the rounds, in
//! microseconds. Below 0.1 µs noise is larger than what is measured. What the default replay adds, a copy of each head, is
//! written to standard error.

use std::{convert::Infallible, net::SocketAddr};

use futures_util::future::join_all;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use oidc_tower::{BearerLayer, Origins, ReplayNever};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};
use tower::{Layer, Service, ServiceExt};
use tower_http::auth::AddAuthorizationLayer;

use crate::{
    Bench, Figures,
    layer::fresh_source,
    measure::median,
    request::{Body, Demands, request, send, token},
    thread::{cpu_time, pin},
};

pub(crate) const NAMES: &[&str] = &["e2e_cpu_us_over_static"];

const IN_FLIGHT: usize = 64;

/// How many requests each of them is followed by in one sample.
const REQUESTS: usize = 24;

pub(crate) fn run(bench: &Bench) -> Figures {
    let server = Server::start();
    let source = fresh_source(bench);
    let origins = Origins::insecure_loopback([server.origin()]).expect("a loopback origin");
    let layer = BearerLayer::new(source, origins);
    send(&mut layer.layer(Demands), request_to(&server.uri()));
    std::thread::scope(|scope| {
        let measured = scope.spawn(|| {
            pin(0);
            let runtime = current_thread();
            let bare = client();
            let constant = AddAuthorizationLayer::bearer(&token()).as_sensitive(true).layer(bare.clone());
            let never = layer.clone().with_replay(ReplayNever).layer(bare.clone());
            let default = layer.layer(bare.clone());
            let mut rounds = vec![];
            // The first round opens the connections.
            for round in 0..=bench.rounds(301) {
                let mut times = [0.0; 4];
                for turn in 0..4 {
                    let contender = (round + turn) % 4;
                    let target = (&runtime, &server);
                    times[contender] = match contender {
                        0 => microseconds(target, &bare),
                        1 => microseconds(target, &constant),
                        2 => microseconds(target, &never),
                        _ => microseconds(target, &default),
                    };
                }
                rounds.push(times);
            }
            rounds.split_off(1)
        });
        let rounds: Vec<[f64; 4]> = measured.join().expect("every request is answered");
        let over =
            |one: usize, other: usize| median(rounds.iter().map(|times| times[one] - times[other]).collect());
        bench.note(format!(
            "end to end, µs of client CPU: bare {:.2}, static {:+.2}, layer over static without replay {:+.3}, with the default replay {:+.3}",
            median(rounds.iter().map(|times| times[0]).collect()),
            over(1, 0),
            over(2, 1),
            over(3, 1),
        ));
        vec![("e2e_cpu_us_over_static", over(2, 1))]
    })
}

/// The client's processor time for each of many requests.
fn microseconds<S>((runtime, server): (&Runtime, &Server), service: &S) -> f64
where
    S: Service<Request<Body>, Response = Response<Incoming>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug,
{
    let uri = server.uri();
    runtime.block_on(async {
        let before = cpu_time();
        let tasks = (0..IN_FLIGHT).map(|_| {
            let (mut service, uri) = (service.clone(), uri.clone());
            tokio::spawn(async move {
                for _ in 0..REQUESTS {
                    let ready = service.ready().await.expect("the client is ready");
                    let response = ready.call(request_to(&uri)).await.expect("an answer");
                    assert_eq!(response.status(), http::StatusCode::OK);
                }
            })
        });
        for task in join_all(tasks).await {
            task.expect("every request is answered");
        }
        (cpu_time() - before).as_secs_f64() * 1e6 / (IN_FLIGHT * REQUESTS) as f64
    })
}

fn request_to(uri: &http::Uri) -> Request<Body> {
    let mut request = request();
    *request.uri_mut() = uri.clone();
    request
}

fn client() -> Client<HttpConnector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Answers every request that has a token, and every bare one, with 200 and nothing; on a thread that ends with it.
struct Server {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("tokio takes it");
        let address = listener.local_addr().expect("it is bound");
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            pin(1);
            current_thread().block_on(async {
                let listener = TcpListener::from_std(listener).expect("a runtime");
                tokio::select! {
                    () = serve(listener) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, end: Some(end), thread: Some(thread) }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn uri(&self) -> http::Uri {
        format!("{}/accounts?page=2", self.origin()).parse().expect("a URI")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let answer = service_fn(async |request: Request<Incoming>| {
            drop(request);
            Ok::<_, Infallible>(Response::new(Body::new()))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
