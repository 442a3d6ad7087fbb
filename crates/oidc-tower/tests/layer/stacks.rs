//! Two layers on one stack.

use oidc_tower::{BearerLayer, ExistingHeader, Origins, UseSource};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::Layer;

use crate::support::{API, Source, answer, answer_next, call, client, get, layer, origins, received};

const POLICIES: [ExistingHeader; 3] = [ExistingHeader::Keep, ExistingHeader::Replace, ExistingHeader::Refuse];

// LAY-19, LAY-20
#[test]
fn the_same_layer_twice_is_as_good_as_once() {
    for policy in POLICIES {
        let source = Source::with_token();
        let (client, mut server) = client();
        let layer = layer(&source).existing_header(policy);
        let mut service = layer.layer(layer.layer(client));
        let mut future = call(&mut service, get(API));
        assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer token-1");
        assert_pending!(future.poll());
        source.renewed();
        assert_pending!(future.poll());
        assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer token-2");
        assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
        assert_pending!(server.poll_request());
        assert_eq!(source.log().renewals, 1, "{policy:?}");
    }
}

// LAY-19, LAY-20
#[test]
fn a_layer_that_replaces_the_header_of_another_sends_no_more_for_it() {
    let (outer, inner) = (Source::named("outer"), Source::named("inner"));
    let (client, mut server) = client();
    let inside = BearerLayer::new(inner.clone(), origins()).existing_header(ExistingHeader::Replace);
    let mut service = layer(&outer).layer(inside.layer(client));
    let mut future = call(&mut service, get(API));
    assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer inner-1");
    assert_pending!(future.poll());
    inner.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(401)).unwrap(), "Bearer inner-2");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 401);
    assert_pending!(server.poll_request());
    assert_eq!((outer.log().renewals, inner.log().renewals), (0, 1));
}

// LAY-01
#[test]
fn each_layer_serves_its_own_origins() {
    let (client, mut server) = client();
    let files = Origins::only(["https://files.bank.example"]).unwrap();
    let inside = BearerLayer::new(Source::named("files"), files);
    let mut service = layer(&Source::with_token()).layer(inside.layer(client));
    for (uri, token) in [(API, "Bearer token-1"), ("https://files.bank.example/a", "Bearer files-1")] {
        let _future = call(&mut service, get(uri));
        assert_eq!(answer_next(&mut server, answer(200)).unwrap(), token);
    }
    let mut request = get("https://files.bank.example/a");
    request.extensions_mut().insert(UseSource::new(Source::named("own")));
    let _future = call(&mut service, request);
    let (request, _) = received(&mut server);
    assert_eq!(request.headers()["authorization"], "Bearer own-1");
}

// LAY-08, LAY-19: two layers, two tokens, still two sends and one renewal
#[test]
fn whoever_stands_inside_deals_with_the_answer() {
    let source = Source::with_token();
    let (client, mut server) = client();
    let inside = layer(&source).existing_header(ExistingHeader::Replace);
    let mut service = layer(&source).layer(inside.layer(client));
    let mut future = call(&mut service, get(API));
    answer_next(&mut server, answer(401));
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    assert_eq!(answer_next(&mut server, answer(200)).unwrap(), "Bearer token-2");
    assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
    assert_eq!(source.log().renewals, 1);
}
