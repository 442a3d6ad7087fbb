//! A tower layer that attaches access tokens to outgoing requests and renews them when an API refuses them.
//!
//! ```
//! use http::Request;
//! use oidc_tower::{BearerLayer, Origins};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//! # use std::{convert::Infallible, time::SystemTime};
//! # use http::Response;
//! # use http_body_util::Empty;
//! # use oidc_core::{AccessToken, Credential, Generation, Lifetime, Secret, TokenError, TokenSource};
//! # #[derive(Clone, Debug)]
//! # struct Fixed(Credential);
//! # #[async_trait::async_trait]
//! # impl TokenSource for Fixed {
//! #     fn peek(&self) -> Option<Credential> { Some(self.0.clone()) }
//! #     async fn token(&self) -> Result<Credential, TokenError> { Ok(self.0.clone()) }
//! #     async fn renew(&self, _: Generation) -> Result<Credential, TokenError> { Ok(self.0.clone()) }
//! #     fn reject(&self, _: Generation) {}
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let token = AccessToken::bearer(Secret::from("a"), Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap();
//! # let source = Fixed(Credential::new(&token));
//! # let client = tower::service_fn(async |request: Request<Empty<bytes::Bytes>>| {
//! #     assert_eq!(request.headers()["authorization"], "Bearer a");
//! #     Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
//! # });
//!
//! let tokens = BearerLayer::new(source, Origins::only(["https://api.bank.example"])?);
//! let mut client = ServiceBuilder::new().layer(tokens).service(client);
//!
//! let request = Request::get("https://api.bank.example/accounts").body(Empty::new())?;
//! let response = client.ready().await?.call(request).await?;
//! assert!(response.status().is_success());
//! # Ok(())
//! # }
//! ```
//!
//! The source is anything that implements [`TokenSource`](oidc_core::TokenSource). The client is any
//! [`Service`](tower_service::Service) for [`http::Request`] that is `Clone`: hyper-util's, a gRPC channel, a stack of
//! other layers.
//!
//! # What happens to a request
//!
//! | request | |
//! |---|---|
//! | to an origin that is not among the [`Origins`] | passes as it is: no token, no header changed |
//! | with a URI without scheme and host | an error, unless [`Origins::for_relative`] says where it goes |
//! | that has an `Authorization` header | passes as it is, unless [`ExistingHeader`] says otherwise |
//! | with [`UseSource`] in its extensions | gets the token of that source, which is taken out of the extensions |
//! | all others | get the layer's token, in a header marked sensitive |
//!
//! Where a token has to be fetched or renewed first, the request waits for it. A request that should have a token is never
//! sent without.
//!
//! # What happens to an answer
//!
//! | answer | |
//! |---|---|
//! | 401 with a `Bearer` or `DPoP` challenge, or with no challenge | the token is renewed and the request sent once more |
//! | 401 that asks for other [scopes or another login](Challenge), or with nothing but other schemes | handed back |
//! | gRPC status `UNAUTHENTICATED` in the headers | as 401 |
//! | gRPC status `UNAUTHENTICATED` in the trailers | handed back, see below |
//! | all others, and errors of the client | handed back |
//!
//! However many requests are refused together, their token is renewed once, by its source. One call sends two requests at
//! most, and the second answer is handed back whatever it is. Of a 401 or 403, the [`Challenge`] is in the extensions of the
//! response. Where the renewal failed, the 401 is handed back, with the [`TokenError`](oidc_core::TokenError) in its extensions:
//! it is an answer, with a body and headers that the caller may need. A call that finds no token to begin with fails with the
//! error itself.
//!
//! A gRPC status in the trailers is seen where the layer is made [`for_grpc`](BearerLayer::for_grpc): it marks the token as rejected,
//! and the next call gets another one. The layers for plain HTTP look at no body, and change no type.
//!
//! | [`Replay`] | sent once more |
//! |---|---|
//! | [`ReplayEmpty`], the default | requests without a body |
//! | [`ReplayClone`] | all; the body is cloned |
//! | [`ReplayNever`] | none |
//! | an own one | what it has a second body for |
//!
//! A request that cannot be sent once more, or that has [`SendOnce`] in its extensions, is sent once: the answer is handed
//! back, and the next call waits for another token.
//!
//! # Errors
//!
//! The service's error is [`BoxError`], as of most layers of tower. It can be downcast to
//!
//! | | |
//! |---|---|
//! | [`oidc_core::TokenError`] | there is no token, the request was not sent |
//! | [`RequestError`] | the layer refused the request, it was not sent |
//! | the client's error | all else |
//!
//! # Readiness, and the place among other layers
//!
//! The service is ready when the client is, and calls the instance that was polled. A request that has to wait for a token
//! gives that instance up, so that it holds no permit and no place in a queue, and waits for a fresh one to be ready when it
//! has its token.
//!
//! Layers outside see one request and one answer: there is the place for a timeout of the whole call. Layers inside see every
//! request that is sent, with its token: tracing that prints headers has to mind those that are sensitive.
//! A layer that follows redirects belongs outside, where each request passes the check of its origin; a client that follows
//! redirects by itself carries the token wherever it is sent, so switch that off.
//!
//! Two layers on one stack share the work by their origins. The same layer twice is as good as once.
//!
//! # Costs
//!
//! With a fresh token nothing is allocated, locked or boxed. To be able to send a request once more its head is copied, which
//! costs two allocations, and one for each header value that was made at run time; [`ReplayNever`] saves them.
//!
//! Clones share no counter that every request writes to: a clone that is called more than once makes one of its own, which is one
//! allocation in its life. What clones do share is the token.

mod answer;
mod authenticate;
mod challenge;
mod existing;
mod future;
mod grpc;
mod layer;
mod origins;
mod replay;
mod resend;
mod service;
mod shared;
mod source;

pub use self::{
    challenge::Challenge,
    existing::{ExistingHeader, RequestError},
    future::ResponseFuture,
    grpc::{Grpc, GrpcBody, GrpcFuture, GrpcLayer},
    layer::BearerLayer,
    origins::Origins,
    replay::{Replay, ReplayClone, ReplayEmpty, ReplayNever, SendOnce},
    service::Bearer,
    source::{PerRequest, UseSource},
};

/// The error of the layer's service: the client's own, or one of those that the [front page](crate#errors) lists.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
