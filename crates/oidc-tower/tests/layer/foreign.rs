//! Requests to other origins, also by way of redirects.

use http::{Request, Response, header::LOCATION};
use oidc_tower::{BoxError, UseSource};
use proptest::prelude::*;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{
    API, Source, Text, answer, answer_next, authorization, call, client, get, layer, layered, received,
};

// LAY-01, LAY-21
#[test]
fn a_foreign_request_passes_untouched() {
    let (source, mut service, mut server) = layered();
    let mut request = get("https://elsewhere.example/a?b=c");
    request.extensions_mut().insert(UseSource::new(Source::named("own")));
    let mut future = call(&mut service, request);
    let (request, respond) = received(&mut server);
    assert_eq!(authorization(&request), None);
    assert_eq!(request.uri(), "https://elsewhere.example/a?b=c");
    assert!(request.headers().is_empty());
    assert!(request.extensions().get::<UseSource>().is_some(), "for the layer whose origin it is");
    respond.send_response(answer(401));
    let answer = assert_ready_ok!(future.poll());
    assert_eq!(answer.status(), 401);
    assert!(answer.extensions().is_empty());
    assert_pending!(server.poll_request());
    assert_eq!(source.log(), Default::default());
}

// LAY-16
#[test]
fn a_foreign_request_waits_for_no_token() {
    let (client, mut server) = client();
    let mut service = layer(&Source::without_token()).layer(client);
    let mut future = call(&mut service, get("https://elsewhere.example"));
    assert_eq!(answer_next(&mut server, answer(200)), None);
    assert_ready_ok!(future.poll());
}

/// Follows redirects as layers do that stand outside: with all headers and extensions of the first request.
async fn follow<S>(mut service: S, mut request: Request<Text>) -> Result<Response<Text>, BoxError>
where
    S: Service<Request<Text>, Response = Response<Text>, Error = BoxError>,
{
    loop {
        let (headers, extensions) = (request.headers().clone(), request.extensions().clone());
        let answer = service.ready().await?.call(request).await?;
        let Some(location) = answer.headers().get(LOCATION) else { return Ok(answer) };
        request = get(location.to_str()?);
        *request.headers_mut() = headers;
        *request.extensions_mut() = extensions;
    }
}

// LAY-02, LAY-04
#[test]
fn redirects_take_the_token_nowhere() {
    let (client, mut server) = client();
    let service = layer(&Source::with_token()).layer(client);
    let outside = service_fn(move |request| follow(service.clone(), request));
    let mut future = task::spawn(outside.oneshot(get(API)));
    for (token, uri, next) in [
        (true, API, "https://elsewhere.example/a"),
        (false, "https://elsewhere.example/a", "http://api.bank.example/accounts"),
        (false, "http://api.bank.example/accounts", "https://api.bank.example:8443/accounts"),
        (false, "https://api.bank.example:8443/accounts", "https://api.bank.example/b"),
        (true, "https://api.bank.example/b", ""),
    ] {
        assert_pending!(future.poll());
        let (request, respond) = received(&mut server);
        assert_eq!(request.uri(), uri);
        assert_eq!(authorization(&request).is_some(), token, "{uri}");
        let mut redirect = answer(if next.is_empty() { 200 } else { 307 });
        if !next.is_empty() {
            redirect.headers_mut().insert(LOCATION, next.parse().unwrap());
        }
        respond.send_response(redirect);
    }
    assert_eq!(assert_ready_ok!(future.poll()).status(), 200);
}

proptest! {
    // LAY-01
    #[test]
    fn no_other_host_sees_the_token(
        scheme in "(https|http|HTTPS|wss|ftp)",
        user in "(|user@|user:word@|api\\.bank\\.example@|api\\.bank\\.example:443@)",
        host in "(api\\.bank\\.example|API\\.bank\\.EXAMPLE|bank\\.example|[a-z0-9.-]{1,12}|\\[::1\\]|127\\.0\\.0\\.1)",
        tail in "(|\\.|\\.evil\\.example|:443|:80|:8443|:0|:)",
        path in "(|/|/@api\\.bank\\.example|\\?https://api\\.bank\\.example|/https://api\\.bank\\.example/)",
        own in any::<bool>(),
    ) {
        let Ok(mut request) = Request::get(format!("{scheme}://{user}{host}{tail}{path}")).body(Text(None)) else {
            return Ok(());
        };
        if own {
            request.extensions_mut().insert(UseSource::new(Source::named("own")));
        }
        let (_, mut service, mut server) = layered();
        let _future = call(&mut service, request);
        let (request, _) = received(&mut server);
        let uri = request.uri();
        let is_api = uri.scheme_str() == Some("https")
            && user.is_empty()
            && uri.host().is_some_and(|host| host.eq_ignore_ascii_case("api.bank.example"))
            && matches!(tail.as_str(), "" | ":443");
        prop_assert_eq!(authorization(&request).is_some(), is_api, "{}", uri);
    }
}
