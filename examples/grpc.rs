//! A gRPC service that wants a token, called with tonic's client: one more line than without tokens.
//!
//! `cargo run --example grpc` starts a provider and a service of its own. Tokens live for three seconds, and once they are all revoked: the
//! service finds out when it has begun to answer, and refuses in the trailers. The last line says what was counted.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes};
use examples::{Outcome, Stopwatch};
use http::{HeaderMap, HeaderValue, Request, Response, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use oidc_kit::{
    BearerLayer, ClientAuth, Issuer, OidcClient, Origins, Provider, RefreshingSource, ReqwestTransport,
    Secret,
};
use oidc_testkit::{TestClient, TestProvider};
use tokio::net::TcpListener;
use tonic::{
    Code, Status,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Endpoint,
};
use tower::Layer;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "examples speak to the person who runs them")]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    let provider = TestProvider::builder()
        .client(TestClient::confidential("billing", "s3cret"))
        .access_token_lifetime(Duration::from_secs(3))
        .start()
        .await?;
    let known = Provider::discover(Issuer::insecure_loopback(provider.issuer())?).allow_insecure_loopback();
    let client = OidcClient::builder(known, "billing")
        .auth(ClientAuth::secret_basic(Secret::from("s3cret")))
        .build(ReqwestTransport::builder(Default::default()).allow_loopback().build()?)?;
    let tokens = RefreshingSource::builder(client.client_credentials(["greet"])?).build()?;

    let provider = Arc::new(provider);
    let origin = greeter(provider.clone()).await?;
    let channel = Endpoint::new(origin.clone())?.connect_lazy();
    // The one line. Generated clients say only paths, so it names the server that they speak to; `for_relative` takes https alone.
    let layer = BearerLayer::new(tokens, Origins::insecure_loopback_for_relative(&origin)?).for_grpc();
    let mut client = Grpc::new(layer.layer(channel));

    let (mut greeted, mut refused) = (0, 0);
    for round in 0..12 {
        if round == 6 {
            provider.revoke_access_tokens();
        }
        match greet(&mut client, "Ada").await {
            Ok(greeting) => {
                greeted += 1;
                watch.say(String::from_utf8_lossy(&greeting));
            }
            // The message is a stream and cannot be sent again by itself. The next call has another token.
            Err(status) if status.code() == Code::Unauthenticated => refused += 1,
            Err(status) => return Err(status.into()),
        }
        watch.pause(Duration::from_millis(300)).await;
    }
    let token_requests = provider.judge().grants("client_credentials");
    println!("greeted={greeted} refused={refused} token_requests={token_requests}");
    (greeted == 11 && refused == 1 && token_requests < greeted)
        .then_some(())
        .ok_or_else(|| "not as promised".into())
}

/// What `tonic-build` writes for `rpc Greet`, with messages that are just bytes.
async fn greet<S>(client: &mut Grpc<S>, name: &'static str) -> Result<Bytes, Status>
where
    S: GrpcService<tonic::body::Body>,
    S::Error: std::fmt::Display,
    S::ResponseBody: Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<examples::Error>,
{
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static("/greeter.Greeter/Greet");
    let request = tonic::Request::new(Bytes::from_static(name.as_bytes()));
    client.unary(request, path, Raw).await.map(tonic::Response::into_inner)
}

/// Starts the service. Gives its origin.
async fn greeter(provider: Arc<TestProvider>) -> Result<String, examples::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let provider = provider.clone();
            let service = service_fn(move |request| answer(provider.clone(), request));
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(origin)
}

async fn answer(
    provider: Arc<TestProvider>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let live = token.is_some_and(|token| provider.is_live(token.trim_start_matches("Bearer ")));
    let message = request.into_body().collect().await?.to_bytes();
    let name = message.get(5..).unwrap_or_default();
    let greeting = [b"Hello, ", name].concat();
    let mut framed = vec![0, 0, 0, 0, u8::try_from(greeting.len()).unwrap_or(0)];
    framed.extend(greeting);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(if live { "0" } else { "16" }));
    let body = Full::from(framed).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

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
