//! Requests that have an `Authorization` header already.

use http::{Request, header::AUTHORIZATION};
use oidc_tower::{ExistingHeader, RequestError};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower::Layer;

use crate::support::{
    API, Source, Text, answer, answer_next, authorization, call, client, get, layer, received,
};

fn with_header(values: &[&'static str]) -> Request<Text> {
    let mut request = get(API);
    for value in values {
        request.headers_mut().append(AUTHORIZATION, value.parse().unwrap());
    }
    request
}

// LAY-05
#[test]
fn the_callers_header_is_kept_by_default_and_its_401_is_the_callers() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(client);
    let mut future = call(&mut service, with_header(&["Basic abc"]));
    assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Basic abc");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
    assert_pending!(server.poll_request());
    assert_eq!(source.log(), Default::default());
}

// LAY-05
#[test]
fn the_callers_headers_are_replaced_by_one() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = layer(&source).existing_header(ExistingHeader::Replace).layer(client);
    let mut future = call(&mut service, with_header(&["Basic abc", "Basic def"]));
    let (request, respond) = received(&mut server);
    assert_eq!(authorization(&request).unwrap(), "Bearer token-1");
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
    respond.send_response(answer(401));
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
    assert_ready_ok!(future.poll());
}

// LAY-05
#[test]
fn a_request_with_a_header_is_refused() {
    let (client, mut server) = client();
    let service = layer(&Source::with_token()).existing_header(ExistingHeader::Refuse).layer(client);
    let error = assert_ready_err!(call(&mut service.clone(), with_header(&["Basic abc"])).poll());
    assert_eq!(error.downcast_ref(), Some(&RequestError::HasAuthorization));
    assert!(!format!("{error:?} {error}").contains("abc"));
    assert_pending!(server.poll_request());
    let _future = call(&mut service.clone(), get(API));
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-1");
}

// LAY-01, LAY-05
#[test]
fn a_header_for_another_origin_is_nobodys_business() {
    for policy in [ExistingHeader::Keep, ExistingHeader::Replace, ExistingHeader::Refuse] {
        let (client, mut server) = client();
        let mut service = layer(&Source::with_token()).existing_header(policy).layer(client);
        let mut request = with_header(&["Basic abc"]);
        *request.uri_mut() = "https://elsewhere.example/".parse().unwrap();
        let _future = call(&mut service, request);
        assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Basic abc");
    }
}
