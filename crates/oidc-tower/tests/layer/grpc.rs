//! Refusals that come after the answer, in the trailers of gRPC.

use std::{convert::Infallible, future::ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use oidc_tower::{ExistingHeader, UseSource};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{API, Log, Source, Text, get, layer};

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A client whose server streams a message and ends with these trailers.
fn server(
    content_type: &'static str,
    trailers: &'static [(&'static str, &'static str)],
) -> impl Service<Request<Text>, Response = Answer, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    service_fn(move |_| {
        let value = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let trailers: HeaderMap = trailers.iter().map(value).collect();
        let body = Full::from("message").with_trailers(ready(Some(Ok(trailers))));
        ready(Ok(Response::builder().header("content-type", content_type).body(body.boxed()).unwrap()))
    })
}

const UNAUTHENTICATED: &[(&str, &str)] = &[("grpc-status", "16")];

// LAY-13, LAY-14
#[tokio::test]
async fn a_refusal_in_the_trailers_rejects_the_token_and_changes_nothing() {
    let source = Source::with_token();
    let client = layer(&source).for_grpc().layer(server("application/grpc+proto", UNAUTHENTICATED));
    let answer = client.oneshot(get(API)).await.unwrap();
    assert_eq!(source.log(), Log::default(), "nothing is known yet");
    let whole = answer.into_body().collect().await.unwrap();
    assert_eq!(whole.trailers().unwrap()["grpc-status"], "16");
    assert_eq!(whole.to_bytes(), "message");
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![1] });
}

// LAY-14
#[tokio::test]
async fn no_other_trailers_reject_it() {
    let other = "https://elsewhere.example/";
    for (content_type, trailers, uri) in [
        ("application/grpc", &[("grpc-status", "0")][..], API),
        ("application/grpc", &[("grpc-status", "7")], API),
        ("application/grpc", &[("x-status", "16")], API),
        ("application/grpc", &[], API),
        ("text/plain", UNAUTHENTICATED, API),
        ("application/grpc", UNAUTHENTICATED, other),
    ] {
        let source = Source::with_token();
        let client = layer(&source).for_grpc().layer(server(content_type, trailers));
        let answer = client.oneshot(get(uri)).await.unwrap();
        answer.into_body().collect().await.unwrap();
        assert_eq!(source.log(), Log::default(), "{content_type} {trailers:?} {uri}");
    }
}

// LAY-14
#[tokio::test]
async fn the_source_that_the_request_brought_hears_of_it() {
    let (source, own) = (Source::with_token(), Source::named("own"));
    let client = layer(&source).for_grpc().layer(server("application/grpc", UNAUTHENTICATED));
    let mut request = get(API);
    request.extensions_mut().insert(UseSource::new(own.clone()));
    client.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!((source.log().renewals, own.log().renewals), (0, 1));
}

// LAY-14
#[tokio::test]
async fn a_token_that_was_waited_for_is_watched_as_well() {
    let source = Source::without_token();
    let client = layer(&source).for_grpc().layer(server("application/grpc", UNAUTHENTICATED));
    let (answer, ()) = tokio::join!(client.oneshot(get(API)), async { source.renewed() });
    answer.unwrap().into_body().collect().await.unwrap();
    assert_eq!(source.log().rejected, [1]);
}

// LAY-14, LAY-20
#[tokio::test]
async fn of_two_layers_the_one_whose_token_was_sent_hears_of_it() {
    for existing in [ExistingHeader::Keep, ExistingHeader::Replace] {
        let (outer, inner) = (Source::named("outer"), Source::named("inner"));
        let inside = layer(&inner).existing_header(existing).for_grpc();
        let client =
            layer(&outer).for_grpc().layer(inside.layer(server("application/grpc", UNAUTHENTICATED)));
        client.oneshot(get(API)).await.unwrap().into_body().collect().await.unwrap();
        let expected = if existing == ExistingHeader::Keep { (1, 0) } else { (0, 1) };
        assert_eq!((outer.log().renewals, inner.log().renewals), expected, "{existing:?}");
    }
}
