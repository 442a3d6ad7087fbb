//! A provider made of single answers, under the URL that it has in the world.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use oidc_core::{MemoryStore, TokenKey, TokenSet};
use oidc_flow::OidcClient;
use oidc_refresh::RefreshingSource;
use oidc_testkit::ManualClock;
use oidc_tower::{BearerLayer, Origins};
use serde_json::Value;
use tests::{Form, Routed, http_client};
use tower::{Layer, ServiceExt};
use url::{Url, form_urlencoded::Serializer};
use wiremock::{
    Mock, MockServer, Respond, ResponseTemplate,
    matchers::{method, path},
};

/// Where the provider sends users back to.
pub(crate) const CALLBACK: &str = "https://app.example/callback";

pub(crate) struct Stage {
    server: MockServer,
    host: String,
    pub(crate) transport: Routed,
}

impl Stage {
    /// Nothing yet, at this origin.
    pub(crate) async fn at(origin: &str) -> Self {
        let server = MockServer::start().await;
        let transport = Routed::new().route(origin, &server.uri());
        let host = origin.strip_prefix("https://").unwrap().to_owned();
        Self { server, host, transport }
    }

    /// Answers GET on `at` with a document.
    pub(crate) async fn document(&self, at: &str, document: &Value) {
        let answer = ResponseTemplate::new(200).set_body_json(document);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Logs every user in at once who is sent to `at`, with this code.
    pub(crate) async fn logs_in(&self, at: &str, code: &'static str) {
        self.redirects(at, "code", code).await;
    }

    /// Sends every user back who is sent to `at`, with this error.
    pub(crate) async fn turns_away(&self, at: &str, error: &'static str) {
        self.redirects(at, "error", error).await;
    }

    async fn redirects(&self, at: &str, name: &'static str, value: &'static str) {
        let mock = Mock::given(method("GET")).and(path(at));
        mock.respond_with(Redirect { name, value }).mount(&self.server).await;
    }

    /// The next answer to POST on `at`.
    pub(crate) async fn answers(&self, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method("POST")).and(path(at)).respond_with(answer);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    /// What the user's browser gets at `url`: the query of the callback, or the status of the page that it stays on.
    pub(crate) async fn visit(&self, url: &Url) -> Result<String, StatusCode> {
        let answer = self.transport.open(url.as_str()).await.unwrap();
        match answer.headers().get(header::LOCATION) {
            Some(location) => {
                assert_eq!(answer.status(), StatusCode::FOUND);
                let (target, query) = location.to_str().unwrap().split_once('?').unwrap();
                assert_eq!(target, CALLBACK);
                Ok(query.to_owned())
            }
            None => Err(answer.status()),
        }
    }

    /// All requests so far to `at`.
    pub(crate) async fn requests(&self, at: &str) -> Vec<wiremock::Request> {
        let mut requests = self.server.received_requests().await.unwrap();
        requests.retain(|request| request.url.path() == at);
        for request in &requests {
            assert_eq!(request.headers[header::HOST], self.host);
        }
        requests
    }

    /// The token requests so far. All of them are form posts, with nothing in the URL and nothing in an `Authorization` header.
    pub(crate) async fn token_requests(&self, at: &str) -> Vec<Form> {
        let requests = self.requests(at).await;
        let read = |request: &wiremock::Request| {
            assert_eq!((request.method.as_str(), request.url.query()), ("POST", None));
            assert_eq!(request.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
            assert!(!request.headers.contains_key(header::AUTHORIZATION));
            Form::parse(&request.body)
        };
        requests.iter().map(read).collect()
    }
}

/// Answers an authorization request as RFC 6749 §4.1.2 says.
struct Redirect {
    name: &'static str,
    value: &'static str,
}

impl Respond for Redirect {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let query = Form::parse(request.url.query().unwrap());
        let answer = Serializer::new(String::new())
            .append_pair(self.name, self.value)
            .append_pair("state", query.value("state"))
            .finish();
        let target = query.get("redirect_uri").unwrap_or(CALLBACK);
        ResponseTemplate::new(302).insert_header("location", format!("{target}?{answer}"))
    }
}

/// An API, and a client whose requests to it carry the tokens of one login.
pub(crate) struct Api {
    server: MockServer,
    source: RefreshingSource,
}

impl Api {
    /// Keeps `tokens` alive, and answers GET on `at` with `document`.
    pub(crate) async fn of(
        client: &OidcClient,
        clock: &ManualClock,
        (key, tokens): (TokenKey, &TokenSet),
        (at, document): (&str, &Value),
    ) -> Self {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(document);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
        let clock = Arc::new(clock.clone());
        let store = MemoryStore::with_clock(clock.clone());
        let source = RefreshingSource::builder(client.refresh_grant()).store(store, key).clock(clock);
        let source = source.build().unwrap();
        source.sign_in(tokens).await.unwrap();
        Self { server, source }
    }

    /// Sends GET through the layer; gives the answer's body, and the `Authorization` header that the API saw.
    pub(crate) async fn get(&self, at: &str) -> (Value, String) {
        let uri = self.server.uri();
        let layer =
            BearerLayer::new(self.source.clone(), Origins::insecure_loopback([uri.as_str()]).unwrap());
        let request = Request::get(format!("{uri}{at}")).body(Full::<Bytes>::default()).unwrap();
        let answer = layer.layer(http_client()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let seen = self.server.received_requests().await.unwrap();
        let headers: Vec<_> =
            seen.last().unwrap().headers.get_all(header::AUTHORIZATION).into_iter().collect();
        assert_eq!(headers.len(), 1);
        (serde_json::from_slice(&body).unwrap(), headers[0].to_str().unwrap().to_owned())
    }
}

/// What RFC 7636 §4.6 compares.
pub(crate) fn challenge_of(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}
