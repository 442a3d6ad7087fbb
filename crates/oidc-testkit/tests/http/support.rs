//! A client as plain as it gets, so that the provider is tested and not a client.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use oidc_testkit::{Endpoint, TestProvider, browse};
use serde_json::Value;
use tokio::net::TcpStream;
use url::{Url, form_urlencoded};

// RFC 7636 Appendix B
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:4711/callback";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.json))
    }
}

pub(crate) async fn send(
    method: &str,
    url: &str,
    authorization: Option<&str>,
    form: &[(&str, &str)],
) -> io::Result<Answer> {
    let url = Url::parse(url).unwrap();
    let stream = TcpStream::connect(&*url.socket_addrs(|| None).unwrap()).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(&url[url::Position::BeforePath..])
        .header(header::HOST, url.authority())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = request.body(Full::new(bytes::Bytes::from(body))).unwrap();
    let exchange = async {
        let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        drop(sender);
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Answer { status: head.status, headers: head.headers, json })
    };
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) async fn token(provider: &TestProvider, form: &[(&str, &str)]) -> io::Result<Answer> {
    send("POST", &provider.url(Endpoint::Token), None, form).await
}

pub(crate) async fn refresh(provider: &TestProvider, refresh_token: &str) -> io::Result<Answer> {
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh_token)];
    token(provider, &form).await
}

pub(crate) async fn redeem(provider: &TestProvider, code: &str) -> io::Result<Answer> {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    token(provider, &form).await
}

/// The callback parameters of an authorization request with these parameters beside the usual ones, or in
/// their place.
pub(crate) async fn authorize(provider: &TestProvider, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid offline_access"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let mut url = Url::parse(&provider.url(Endpoint::Authorize)).unwrap();
    url.query_pairs_mut().extend_pairs(parameters).extend_pairs(changes);
    let visit = browse(url.as_str()).await.unwrap();
    let query = visit.callback_query().unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

pub(crate) async fn log_in(provider: &TestProvider) -> Answer {
    let callback = authorize(provider, &[]).await;
    redeem(provider, value(&callback, "code")).await.unwrap()
}

pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let pair = pairs.iter().find(|(key, _)| key == name);
    pair.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name} in {pairs:?}"))
}
