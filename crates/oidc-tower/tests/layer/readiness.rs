//! Readiness: whose it is, and who holds it.

use std::sync::Arc;

use oidc_core::TokenErrorKind;
use oidc_tower::{ReplayNever, UseSource};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, limit::ConcurrencyLimit};
use tower_test::mock::Spawn;

use crate::support::{API, Source, answer, answer_next, call, client, get, layer, layered, received};

// LAY-15
#[test]
fn it_is_ready_when_the_client_is() {
    let (_, service, mut server) = layered();
    let mut service = Spawn::new(service);
    server.allow(0);
    assert_pending!(service.poll_ready());
    server.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    server.send_error("gone");
    assert_eq!(assert_ready_err!(service.poll_ready()).to_string(), "gone");
}

// LAY-15: the mock panics when an instance is called that was not polled
#[test]
fn the_polled_instance_is_called_at_once() {
    let (_, service, mut server) = layered();
    let mut service = Spawn::new(service);
    assert_ready_ok!(service.poll_ready());
    let unpolled = service.call(get(API));
    let (request, respond) = received(&mut server);
    assert_eq!(request.headers()["authorization"], "Bearer token-1");
    respond.send_response(answer(200));
    assert_ready_ok!(task::spawn(unpolled).poll());
}

// LAY-15
#[test]
fn after_the_wait_for_a_token_readiness_is_waited_for() {
    let source = Source::without_token();
    let (client, mut server) = client();
    server.allow(1);
    let mut service = layer(&source).layer(client);
    let mut future = call(&mut service, get(API));
    assert_pending!(future.poll());
    server.allow(0);
    source.renewed();
    assert!(future.is_woken());
    assert_pending!(future.poll());
    assert_pending!(server.poll_request());
    server.allow(1);
    assert!(future.is_woken());
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-1");
    assert_ready_ok!(future.poll());
}

// LAY-15, LAY-16
#[test]
fn a_request_that_waits_for_its_token_holds_no_permit() {
    let source = Source::without_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(ConcurrencyLimit::new(client, 1));
    let mut waiting = call(&mut service, get(API));
    assert_pending!(waiting.poll());
    let mut other = get(API);
    other.extensions_mut().insert(UseSource::new(Source::named("other")));
    let mut other = call(&mut service, other);
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer other-1");
    assert_ready_ok!(other.poll());
    drop(other);
    source.renewed();
    assert_pending!(waiting.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-1");
    assert_ready_ok!(waiting.poll());
}

// LAY-15
#[test]
fn a_request_that_is_sent_again_needs_no_second_permit() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(ConcurrencyLimit::new(client, 1));
    let mut future = call(&mut service, get(API));
    answer_next(&mut server, answer(401));
    assert_pending!(future.poll());
    let mut other = call(&mut service.clone(), get("https://elsewhere.example"));
    answer_next(&mut server, answer(200));
    assert_ready_ok!(other.poll());
    drop(other);
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
}

// LAY-15: its body may hold the connection that the second request needs
#[test]
fn the_refused_answer_is_dropped_before_readiness_is_waited_for() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    let held = Arc::new(());
    let mut refusal = answer(401);
    refusal.extensions_mut().insert(Arc::clone(&held));
    answer_next(&mut server, refusal);
    assert_pending!(future.poll());
    assert_eq!(Arc::strong_count(&held), 2, "it is the answer if the renewal fails");
    server.allow(0);
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(Arc::strong_count(&held), 1);
}

// LAY-15
#[test]
fn a_request_that_is_not_sent_gives_its_permit_back() {
    let (client, _server) = client();
    let mut service = layer(&Source::with_token()).layer(ConcurrencyLimit::new(client, 1));
    let mut other = service.clone();
    assert_ready_err!(call(&mut service, get("/relative")).poll());
    assert_ready_ok!(task::spawn(()).enter(|cx, _| other.poll_ready(cx)));
}

// LAY-15, LAY-12: an error is the answer, and nothing is sent again
#[test]
fn errors_of_the_client_are_handed_on() {
    let (source, mut service, mut server) = layered();
    let mut future = call(&mut service, get(API));
    received(&mut server).1.send_error("reset");
    assert_eq!(assert_ready_err!(future.poll()).to_string(), "reset");
    assert_pending!(server.poll_request());

    let mut again = call(&mut service, get(API));
    answer_next(&mut server, answer(401));
    assert_pending!(again.poll());
    server.send_error("gone");
    source.renewed();
    assert_eq!(assert_ready_err!(again.poll()).to_string(), "gone");
}

#[test]
fn who_gives_up_waiting_leaves_nothing_behind() {
    let source = Source::without_token();
    let (client, mut server) = client();
    let mut service = layer(&source).layer(client);
    let mut future = call(&mut service, get(API));
    assert_pending!(future.poll());
    drop(future);
    source.renewed();
    assert_pending!(server.poll_request());
    let held = Arc::strong_count(&source);
    drop(service);
    assert_eq!(Arc::strong_count(&source), held - 1);
}

// LAY-16
#[test]
fn a_valid_token_is_never_waited_for() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let mut service = layer(&source).with_replay(ReplayNever).layer(client);
    source.failed(TokenErrorKind::NotProcessed);
    source.renewed();
    let _future = call(&mut service, get(API));
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
}
