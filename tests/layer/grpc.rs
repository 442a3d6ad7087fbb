//! A gRPC service that wants a token, and tonic's client.

use std::{convert::Infallible, sync::Arc};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use oidc_tower::{BearerLayer, Origins};
use tests::{Canaries, World, capture_logs, captured_logs};
use tokio::net::TcpListener;
use tonic::{
    Code, Status,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Endpoint,
};
use tower::Layer;

/// Messages that are just bytes.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

/// Starts a gRPC server that sends every message back to callers with a live token of the world, and status 16 to others.
async fn echo_server(world: &Arc<World>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let world = world.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let world = world.clone();
            let service = service_fn(move |request| echo(world.clone(), request));
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    origin
}

async fn echo(
    world: Arc<World>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let live = token.is_some_and(|token| world.provider.is_live(token.trim_start_matches("Bearer ")));
    let answer = Response::builder().header(header::CONTENT_TYPE, "application/grpc");
    if !live {
        let answer = answer.header("grpc-status", 16);
        return Ok(answer.body(Full::default().boxed()).unwrap());
    }
    let message = request.into_body().collect().await.unwrap().to_bytes();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
    Ok(answer.body(body.boxed()).unwrap())
}

async fn say<S>(client: &mut Grpc<S>, text: &'static str) -> Result<Bytes, Status>
where
    S: GrpcService<tonic::body::Body>,
    S::ResponseBody: Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    client.ready().await.map_err(|_| Status::unavailable("not ready"))?;
    let message = tonic::Request::new(Bytes::from_static(text.as_bytes()));
    let path = http::uri::PathAndQuery::from_static("/echo.Echo/Say");
    client.unary(message, path, Raw).await.map(tonic::Response::into_inner)
}

// LAY-13, LAY-14, LEA-02
#[tokio::test]
async fn a_grpc_client_has_its_token_renewed_when_the_server_says_unauthenticated() {
    capture_logs();
    let world = Arc::new(World::start().await);
    let origin = echo_server(&world).await;
    let channel = Endpoint::new(origin.clone()).unwrap().connect_lazy();
    let origins = Origins::insecure_loopback_for_relative(&origin).unwrap();
    let session = world.log_in().await;
    let source = world.source(&session.key);
    source.sign_in(&session.tokens).await.unwrap();
    let layer = BearerLayer::new(source, origins);
    let mut client = Grpc::new(layer.layer(channel));
    assert_eq!(say(&mut client, "one").await.unwrap(), "one");

    world.provider.revoke_access_tokens();
    // A message that is a stream cannot be sent again by itself, so the caller sees the refusal, and the next call is right.
    assert_eq!(say(&mut client, "two").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(say(&mut client, "three").await.unwrap(), "three");

    world.clock.advance(World::LIFE);
    assert_eq!(say(&mut client, "four").await.unwrap(), "four");
    assert_eq!(world.provider.judge().grants("refresh_token"), 2);
    world.assert_each_spent_once();

    // HTTP/2 logs every header that it sends and receives, but for those that are marked sensitive.
    let mut canaries = Canaries::default();
    canaries.watch("access token", session.tokens.access().unwrap().value().expose());
    let logs = captured_logs();
    assert!(logs.contains("h2::"), "it does log");
    let leak = logs.lines().find_map(|line| canaries.find_in(line));
    assert!(leak.is_none(), "{}", leak.unwrap());
}

// LAY-01
#[tokio::test]
async fn a_grpc_client_whose_server_nobody_named_sends_nothing() {
    let world = Arc::new(World::start().await);
    let origin = echo_server(&world).await;
    let channel = Endpoint::new(origin.clone()).unwrap().connect_lazy();
    let layer =
        BearerLayer::new(world.signed_in().await, Origins::insecure_loopback([origin.as_str()]).unwrap());
    let mut client = Grpc::new(layer.layer(channel));
    let refused = say(&mut client, "one").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unknown);
    assert!(refused.to_string().contains("no scheme and host"), "{refused}");
}
