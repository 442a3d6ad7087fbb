//! Answers with status 401.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, Version};
use oidc_core::{Cause, TokenError, TokenErrorKind};
use oidc_tower::{BearerLayer, Challenge, Replay, ReplayClone, ReplayNever, SendOnce};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::Layer;

use crate::support::{
    API, Log, Source, Text, answer, answer_next, call, client, get, layer, layered, post, received,
};

fn refusal(challenge: &str) -> Response<Text> {
    let mut refusal = answer(401);
    refusal.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
    *refusal.body_mut() = Text(Some("who are you"));
    refusal
}

// LAY-07, LAY-10
#[test]
fn a_rejected_token_is_renewed_and_the_request_sent_once_more() {
    for refusal in
        [answer(401), refusal("Bearer error=\"invalid_token\""), refusal("DPoP"), refusal("Basic, bearer")]
    {
        let (source, mut service, mut server) = layered();
        let mut request = get(API);
        *request.method_mut() = Method::DELETE;
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().insert("x-kept", "kept".parse().unwrap());
        request.extensions_mut().insert("kept");
        let mut future = call(&mut service, request);
        answer_next(&mut server, refusal);
        assert_pending!(future.poll());
        assert_pending!(server.poll_request());
        source.renewed();
        assert!(future.is_woken());
        assert_pending!(future.poll());
        let (request, respond) = received(&mut server);
        assert_eq!(request.headers()["authorization"], "Bearer token-2");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!((request.method(), request.version()), (&Method::DELETE, Version::HTTP_2));
        assert_eq!(
            (request.uri().to_string().as_str(), &request.headers()["x-kept"]),
            (API, &"kept".parse().unwrap())
        );
        assert_eq!(request.extensions().get(), Some(&"kept"));
        respond.send_response(answer(200));
        assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
        assert_eq!(source.log(), Log { renewals: 1, rejected: vec![] });
    }
}

// LAY-07, LAY-08
#[test]
fn a_second_401_is_handed_back_unchanged() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    answer_next(&mut server, answer(401));
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    let mut second = refusal("Bearer error=\"invalid_token\"");
    second.headers_mut().insert("x-request-id", "7".parse().unwrap());
    answer_next(&mut server, second);
    let answer = assert_ready_ok!(future.poll());
    assert_eq!((answer.status().as_u16(), answer.body()), (401, &Text(Some("who are you"))));
    assert_eq!(answer.headers()["x-request-id"], "7");
    assert_eq!(answer.extensions().get::<Challenge>().unwrap().error(), Some("invalid_token"));
    assert_pending!(server.poll_request());
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![] });
}

// LAY-08
#[test]
fn requests_that_are_refused_together_share_one_renewal() {
    let (source, service, mut server) = layered();
    let mut futures: Vec<_> = (0..20).map(|_| call(&mut service.clone(), get(API))).collect();
    for future in &mut futures {
        answer_next(&mut server, answer(401));
        assert_pending!(future.poll());
    }
    source.renewed();
    for future in &mut futures {
        assert_pending!(future.poll());
        assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
        assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
    }
    assert_eq!(source.log().renewals, 1);
}

// LAY-08
#[test]
fn an_api_that_refuses_everything_costs_two_sends_and_one_renewal_per_call() {
    let (source, mut service, mut server) = layered();
    for round in 1..=10 {
        let mut future = call(&mut service, get(API));
        answer_next(&mut server, answer(401));
        assert_pending!(future.poll());
        source.renewed();
        assert_pending!(future.poll());
        answer_next(&mut server, answer(401));
        assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
        assert_pending!(server.poll_request());
        assert_eq!(source.log().renewals, round);
    }
}

// LAY-09
#[test]
fn a_late_401_for_an_old_token_renews_nothing() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    source.renewed();
    answer_next(&mut server, answer(401));
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
    assert_eq!(source.log().renewals, 0);
}

// LAY-10, LAY-11, LAY-12
#[test]
fn what_no_token_can_mend_is_handed_back() {
    let mut forbidden = refusal("Bearer error=\"insufficient_scope\"");
    *forbidden.status_mut() = http::StatusCode::FORBIDDEN;
    let step_up =
        refusal("Bearer error=\"insufficient_user_authentication\", acr_values=\"mfa\", max_age=60");
    let mut proxy = refusal("Bearer");
    *proxy.status_mut() = http::StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    for refusal in [
        refusal("Basic realm=\"a\""),
        refusal("Negotiate"),
        forbidden,
        step_up,
        proxy,
        answer(500),
        answer(503),
    ] {
        let (source, mut service, mut server) = layered();
        let mut future = call(&mut service, get(API));
        let status = refusal.status();
        answer_next(&mut server, refusal);
        assert_eq!(assert_ready_ok!(future.poll()).status(), status);
        assert_pending!(server.poll_request());
        assert_eq!(source.log(), Log::default());
    }
}

// LAY-11
#[test]
fn a_step_up_challenge_reaches_the_application() {
    let (_, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    answer_next(
        &mut server,
        refusal("Bearer error=\"insufficient_user_authentication\", acr_values=\"mfa\""),
    );
    let answer = assert_ready_ok!(future.poll());
    let challenge = answer.extensions().get::<Challenge>().unwrap();
    assert!(challenge.is_insufficient_user_authentication());
    assert_eq!(challenge.acr_values().collect::<Vec<_>>(), ["mfa"]);
}

// LAY-12, LAY-13
#[test]
fn a_body_that_cannot_be_replayed_is_sent_once_and_the_next_call_is_right() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, post("pay 5"));
    assert_eq!(answer_next(&mut server, refusal("Bearer")).unwrap(), "Bearer token-1");
    let answer_to_caller = assert_ready_ok!(future.poll());
    assert_eq!(answer_to_caller.status(), 401);
    assert_eq!(answer_to_caller.body(), &Text(Some("who are you")));
    assert_pending!(server.poll_request());
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![1] });
    let mut next = call(&mut service, post("pay 5"));
    assert_pending!(next.poll());
    source.renewed();
    assert_pending!(next.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
    assert_eq!(assert_ready_ok!(next.poll()).status(), 200);
}

// LAY-12
#[test]
fn a_body_that_can_be_cloned_is_sent_again_whole() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = layer(&source).with_replay(ReplayClone).layer(client);
    let mut future = call(&mut service, post("pay 5"));
    answer_next(&mut server, answer(401));
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    let (request, respond) = received(&mut server);
    assert_eq!((request.method(), request.body()), (&Method::POST, &Text(Some("pay 5"))));
    assert_eq!(request.headers()["x-kept"], "kept");
    respond.send_response(answer(200));
    assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
}

fn assert_sent_once<R>(
    change: impl Fn(BearerLayer<Arc<Source>>) -> BearerLayer<Arc<Source>, R>,
    request: Request<Text>,
) where
    R: Replay<Text> + Clone,
{
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = change(layer(&source)).layer(client);
    let mut future = call(&mut service, request);
    answer_next(&mut server, answer(401));
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
    assert_pending!(server.poll_request());
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![1] });
}

// LAY-12
#[test]
fn a_request_is_sent_once_where_someone_wants_it_so() {
    assert_sent_once(|layer| layer.with_replay(ReplayNever), get(API));
    assert_sent_once(|layer| layer.retry_unauthorized(false), get(API));
    assert_sent_once(|layer| layer.retry_unauthorized(false).with_replay(ReplayClone), post("pay 5"));
    let mut request = post("pay 5");
    request.extensions_mut().insert(SendOnce);
    assert_sent_once(|layer| layer.with_replay(ReplayClone), request);
}

// LAY-17: a real answer is better than none
#[test]
fn when_the_renewal_fails_the_answer_is_handed_back_with_the_reason() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    answer_next(&mut server, refusal("Bearer error=\"invalid_token\""));
    assert_pending!(future.poll());
    source.failed(TokenErrorKind::ReauthRequired(Cause::GrantRejected));
    let answer = assert_ready_ok!(future.poll());
    assert_eq!((answer.status().as_u16(), answer.body()), (401, &Text(Some("who are you"))));
    assert_eq!(answer.extensions().get::<TokenError>().unwrap().reauth_cause(), Some(Cause::GrantRejected));
    assert!(answer.extensions().get::<Challenge>().is_some());
    assert_pending!(server.poll_request());
}

// LAY-08
#[test]
fn a_renewal_that_brings_the_same_token_sends_nothing() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    answer_next(&mut server, refusal("Bearer error=\"invalid_token\""));
    assert_pending!(future.poll());
    source.renewed_in_vain();
    assert_eq!(assert_ready_ok!(future.poll()).body(), &Text(Some("who are you")));
    assert_pending!(server.poll_request());
}

// LAY-07: the slow path ends as the fast one
#[test]
fn a_request_that_waited_for_its_token_is_sent_once_more_as_well() {
    let source = Source::without_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(client);
    let mut future = call(&mut service, get(API));
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer token-1");
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer token-2");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![] });

    source.renewed();
    let mut late = call(&mut service, post("pay 5"));
    answer_next(&mut server, answer(401));
    assert_eq!(assert_ready_ok!(late.poll()).status(), 401);
    let mut waiting = call(&mut service, post("pay 5"));
    assert_pending!(waiting.poll());
    source.renewed();
    assert_pending!(waiting.poll());
    answer_next(&mut server, answer(401));
    assert_eq!(assert_ready_ok!(waiting.poll()).status(), 401);
    assert_eq!(source.log().rejected, [3, 4]);
}

// LAY-14
#[test]
fn grpc_refusals_in_the_headers_count() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, post("a message"));
    let mut refusal = answer(200);
    *refusal.headers_mut() = HeaderMap::from_iter([
        (http::header::CONTENT_TYPE, "application/grpc".parse().unwrap()),
        ("grpc-status".parse().unwrap(), "16".parse().unwrap()),
    ]);
    answer_next(&mut server, refusal);
    assert_eq!(assert_ready_ok!(future.poll()).headers()["grpc-status"], "16");
    assert_eq!(source.log(), Log { renewals: 1, rejected: vec![1] });
}
