//! A reqwest client as a tower service.

use http::Request;
use http_body_util::BodyExt;
use oidc_transport::ReqwestService;
use tower_service::Service;

use crate::peer::{Peer, Then, answer};

fn service() -> ReqwestService {
    // The builder follows redirects, as it does by default.
    ReqwestService::new(reqwest::Client::builder()).unwrap()
}

// LAY-03
#[tokio::test]
async fn a_redirect_is_not_followed_below_the_layers() {
    let target = Peer::new(&[Then::Answer(answer("200 OK", "", b""))]).await;
    let location = format!("location: {}\r\n", target.url("/"));
    let peer = Peer::new(&[Then::Answer(answer("302 Found", &location, b"elsewhere"))]).await;
    let request = Request::get(peer.url("/")).header("authorization", "Bearer canary").body("").unwrap();
    let response = service().call(request).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "elsewhere");
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn errors_show_no_url() {
    let mut service = service();
    for url in ["/path?key=canary", "http://127.0.0.1:1/?key=canary"] {
        let error = service.call(Request::get(url).body("").unwrap()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
        assert!(boxed.source().is_some());
    }
}
