//! Which token a request gets.

use oidc_core::{Cause, TokenError, TokenErrorKind};
use oidc_tower::{BearerLayer, RequestError, UseSource};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower::Layer;

use crate::support::{
    API, Source, answer, answer_next, call, client, get, layer, layered, origins, received,
};

#[test]
fn the_token_is_attached_and_marked_sensitive() {
    let (_, mut service, mut server) = layered();
    let _future = call(&mut service, get(API));
    let (request, _) = received(&mut server);
    assert_eq!(request.headers()["authorization"], "Bearer token-1");
    assert!(request.headers()["authorization"].is_sensitive());
    assert!(!format!("{request:?}").contains("token-1"));
}

// LAY-17
#[test]
fn without_a_token_nothing_is_sent() {
    let source = Source::without_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(client);
    let mut future = call(&mut service, get(API));
    assert_pending!(future.poll());
    source.failed(TokenErrorKind::ReauthRequired(Cause::GrantRejected));
    let error = assert_ready_err!(future.poll());
    let error = error.downcast_ref::<TokenError>().expect("a TokenError");
    assert_eq!(error.reauth_cause(), Some(Cause::GrantRejected));
    assert_pending!(server.poll_request());
}

// LAY-21
#[test]
fn a_request_may_bring_its_own_source() {
    let (source, mut service, mut server) = layered();
    let own = Source::named("own");
    let mut request = get(API);
    request.extensions_mut().insert(UseSource::new(own.clone()));
    assert!(!format!("{request:?}").contains("own-1"));
    let mut future = call(&mut service, request);
    let (request, respond) = received(&mut server);
    assert_eq!(request.headers()["authorization"], "Bearer own-1");
    assert!(request.extensions().is_empty(), "the source goes no further than the layer");
    respond.send_response(answer(401));
    assert_pending!(future.poll());
    assert_eq!((source.log().renewals, own.log().renewals), (0, 1));
    own.renewed();
    assert_pending!(future.poll());
    let (request, respond) = received(&mut server);
    assert_eq!(request.headers()["authorization"], "Bearer own-2");
    assert!(request.extensions().is_empty());
    respond.send_response(answer(200));
    assert_ready_ok!(future.poll());
}

#[test]
fn a_request_waits_for_the_source_that_it_brought() {
    let (_, mut service, mut server) = layered();
    let own = Source::without_token();
    let mut request = get(API);
    request.extensions_mut().insert(UseSource::new(own.clone()));
    let mut future = call(&mut service, request);
    assert_pending!(future.poll());
    assert_pending!(server.poll_request());
    own.renewed();
    assert_pending!(future.poll());
    answer_next(&mut server, answer(200)).unwrap();
    assert_ready_ok!(future.poll());
}

#[test]
fn a_layer_without_a_source_takes_those_of_the_requests() {
    let (client, mut server) = client();
    let mut service = BearerLayer::per_request(origins()).layer(client);
    let error = assert_ready_err!(call(&mut service, get(API)).poll());
    assert_eq!(error.downcast_ref::<TokenError>().unwrap().reauth_cause(), Some(Cause::LoggedOut));
    assert_pending!(server.poll_request());
    let mut request = get(API);
    request.extensions_mut().insert(UseSource::new(Source::named("own")));
    let _future = call(&mut service, request);
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer own-1");
}

#[test]
fn a_relative_uri_is_an_error_where_no_origin_was_named_for_it() {
    let (_, mut service, mut server) = layered();
    let error = assert_ready_err!(call(&mut service, get("/bank.Accounts/List")).poll());
    assert_eq!(error.downcast_ref(), Some(&RequestError::RelativeUri));
    assert_pending!(server.poll_request());
}

#[test]
fn a_relative_uri_gets_the_token_where_its_origin_was_named() {
    let origins = oidc_tower::Origins::for_relative("https://api.bank.example").unwrap();
    let (client, mut server) = client();
    let mut service = BearerLayer::new(Source::with_token(), origins).layer(client);
    let _future = call(&mut service, get("/bank.Accounts/List"));
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-1");
}
