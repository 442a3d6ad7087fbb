//! What an API says beside its answer.

use tokio_test::{assert_pending, assert_ready_ok};

use crate::support::{API, answer, answer_next, call, get, layered, received};

// LAY-18
#[test]
fn cookies_and_nonces_reach_the_caller_and_no_other_request() {
    let (source, mut service, mut server) = layered();
    for uri in ["https://elsewhere.example/", API] {
        let mut future = call(&mut service, get(uri));
        let mut response = answer(200);
        for (name, value) in [("set-cookie", "a=b"), ("set-cookie", "c=d"), ("dpop-nonce", "n")] {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        let sent = response.headers().clone();
        answer_next(&mut server, response);
        assert_eq!(assert_ready_ok!(future.poll()).headers(), &sent, "{uri}");
    }
    // Those of a refusal go with it: the second request is the first one with another token.
    let mut future = call(&mut service, get(API));
    let mut refusal = answer(401);
    refusal.headers_mut().insert("set-cookie", "e=f".parse().unwrap());
    refusal.headers_mut().insert("dpop-nonce", "m".parse().unwrap());
    answer_next(&mut server, refusal);
    assert_pending!(future.poll());
    source.renewed();
    assert_pending!(future.poll());
    let (request, respond) = received(&mut server);
    assert_eq!(request.headers().keys().collect::<Vec<_>>(), ["authorization"]);
    respond.send_response(answer(200));
    assert!(assert_ready_ok!(future.poll()).headers().is_empty());
}
