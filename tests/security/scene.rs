//! A world that is watched: everything that it shows, and every secret in it.

use std::{
    collections::BTreeSet,
    error::Error,
    fmt::{self, Debug},
    iter,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use oidc_core::{HttpTransport, Issuer, Secret, TokenSet, TransportError};
use oidc_flow::{
    Callback, CheckedCallback, ClientAuth, LoginRequest, OidcClient, PendingLogin, provider::Provider,
};
use oidc_refresh::LoginSource;
use oidc_testkit::{Answer, Fault, SigningAlgorithm, browse};
use oidc_transport::ReqwestTransport;
use serde_json::json;
use tests::{Canaries, World, capture_logs, captured_logs, reqwest_builder};

/// The kinds of secrets that a login has.
pub(crate) const KINDS: [&str; 7] =
    ["ID token", "access token", "code", "nonce", "refresh token", "state", "verifier"];

/// What was shown, and by what; and the secrets that must not be in it.
#[derive(Default)]
struct Record {
    shown: Vec<(String, String)>,
    secrets: Vec<(&'static str, String)>,
}

pub(crate) struct Scene {
    pub(crate) world: World,
    record: Recorder,
}

/// Where everything is noted. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Record>>);

impl Recorder {
    /// Notes what a text shows that people or logs may see.
    pub(crate) fn note(&self, what: &str, text: impl Into<String>) {
        self.0.lock().unwrap().shown.push((what.to_owned(), text.into()));
    }

    /// Notes everything that an error shows, down to its last cause.
    fn fail(&self, what: &str, error: &(dyn Error + 'static)) {
        let causes = iter::successors(Some(error), |&error| error.source());
        let text: String = causes.map(|error| format!("{error}\n{error:?}\n{error:#?}\n")).collect();
        self.note(&format!("error: {what}"), text);
    }
}

impl Scene {
    pub(crate) async fn start() -> Self {
        capture_logs();
        oidc_refresh::describe_metrics();
        let world = World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await;
        let scene = Self { world, record: Recorder::default() };
        scene.secret("client secret", World::SECRET);
        scene
    }

    /// The clients: a public one, and the confidential one in both ways of showing its secret.
    pub(crate) fn clients(&self) -> [OidcClient; 3] {
        let secret = || Secret::from(World::SECRET);
        [
            self.client("app", ClientAuth::none()),
            self.client("service", ClientAuth::secret_basic(secret())),
            self.client("service", ClientAuth::secret_post(secret())),
        ]
    }

    fn client(&self, id: &str, auth: ClientAuth) -> OidcClient {
        let transport = ReqwestTransport::builder(reqwest_builder()).allow_loopback().build().unwrap();
        self.show("transport", &transport);
        self.show("auth", &auth);
        let provider = Provider::discover(Issuer::insecure_loopback(self.world.provider.issuer()).unwrap());
        OidcClient::builder(provider, id)
            .auth(auth)
            .redirect_uri(World::CALLBACK)
            .clock(Arc::new(self.world.clock.clone()))
            .build(Spy { inner: transport, record: self.record.clone() })
            .unwrap()
    }

    /// Notes a secret.
    pub(crate) fn secret(&self, kind: &'static str, secret: &str) {
        self.record.0.lock().unwrap().secrets.push((kind, secret.to_owned()));
    }

    /// Notes the secrets in a set of tokens.
    pub(crate) fn tokens(&self, tokens: &TokenSet) {
        let (access, refresh, id_token) =
            (tokens.access().map(|access| access.value()), tokens.refresh(), tokens.id_token());
        for (kind, secret) in [("access token", access), ("refresh token", refresh), ("ID token", id_token)] {
            if let Some(secret) = secret {
                self.secret(kind, secret.expose());
            }
        }
    }

    /// Notes what the `Debug` of a value shows.
    pub(crate) fn show(&self, what: &str, value: &dyn Debug) {
        self.note(what, format!("{value:?}\n{value:#?}"));
    }

    /// Notes what a text shows that people or logs may see.
    pub(crate) fn note(&self, what: &str, text: impl Into<String>) {
        self.record.note(what, text);
    }

    /// Notes everything that an error shows, down to its last cause.
    pub(crate) fn fail(&self, what: &str, error: &(dyn Error + 'static)) {
        self.record.fail(what, error);
    }

    /// Notes what a source tells about itself.
    pub(crate) fn look_at(&self, source: &LoginSource) {
        let status = source.status();
        self.note("Status", format!("{status}\n{status:?}\n{status:#?}"));
        if let Some(error) = &status.last_error {
            self.fail("Status::last_error", error);
        }
        self.show("LoginSource", source);
    }

    /// For notes from where the scene itself cannot be.
    pub(crate) fn recorder(&self) -> Recorder {
        self.record.clone()
    }

    /// Takes a login up to its callback.
    pub(crate) async fn to_callback(&self, request: LoginRequest) -> (PendingLogin, CheckedCallback) {
        self.show("LoginRequest", &request);
        let start = request.start().await.unwrap();
        self.show("LoginStart", &start);
        self.secret("state", start.pending.state());
        let visit = browse(start.url.as_str()).await.unwrap();
        let query = visit.callback_query().unwrap();
        let sent = tests::Form::parse(query);
        self.secret("code", sent.value("code"));
        let callback = Callback::parse(query).unwrap();
        self.show("Callback", &callback);
        let answer = start.pending.check(&callback).unwrap();
        self.show("CheckedCallback", &answer);
        (start.pending, answer)
    }

    /// Everything secret that was noted here or seen by the provider and the API.
    pub(crate) fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::default();
        for (kind, secret) in &self.record.0.lock().unwrap().secrets {
            canaries.watch(kind, secret);
        }
        let judge = self.world.provider.judge();
        for (name, value) in judge.token_parameters.iter().flatten() {
            let kind = match name.as_str() {
                "code" => "code",
                "code_verifier" => "verifier",
                "refresh_token" => "refresh token",
                _ => continue,
            };
            canaries.watch(kind, value);
        }
        for query in &judge.authorize_queries {
            canaries.watch("state", tests::Form::parse(query).value("state"));
            canaries.watch("nonce", tests::Form::parse(query).value("nonce"));
        }
        for token in self.world.api.tokens().iter().flatten() {
            canaries.watch("access token", token);
        }
        canaries
    }

    /// No secret is in anything that was shown, nor in anything that any crate has logged.
    pub(crate) fn assert_nothing_leaked(&self) {
        let canaries = self.canaries();
        for kind in KINDS {
            assert!(canaries.kinds().contains(&kind), "nothing was done with any {kind}");
        }
        let record = self.record.0.lock().unwrap();
        let logs = captured_logs();
        let shown = record.shown.iter().map(|(what, text)| (what.as_str(), text.as_str()));
        // Much is said again and again.
        let said: BTreeSet<_> = shown.chain(logs.lines().map(|line| ("log", line))).collect();
        let leaks: Vec<String> = said
            .into_iter()
            .filter_map(|(what, text)| canaries.find_in(text).map(|leak| format!("{what}: {leak}\n")))
            .collect();
        assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.concat());
    }
}

/// What `client` itself keeps secret.
pub(crate) fn own_secret(client: &OidcClient) -> Option<&'static str> {
    (client.client_id() == "service").then_some(World::SECRET)
}

/// Answers of a token endpoint, or any other one, that repeat what they were sent.
pub(crate) fn echoes(secrets: &[&str]) -> Vec<Fault> {
    let all = secrets.join(" ");
    let answer = |status: u16| Answer::new(StatusCode::from_u16(status).unwrap());
    let as_json = |status, body: serde_json::Value| {
        let kind = HeaderValue::from_static("application/json");
        answer(status).header(header::CONTENT_TYPE, kind).body(body.to_string())
    };
    let location = HeaderValue::from_str(&format!("https://evil.example/?{}", secrets.join("&"))).unwrap();
    let mut answers = vec![
        answer(302).header(header::LOCATION, location),
        answer(400).body(format!("<html>Bad request: {all}</html>")),
        answer(500).body(format!("Traceback: {all}")),
        answer(200).body(all.clone()),
        as_json(200, json!({ "access_token": all, "token_type": "Bearer" })),
        as_json(200, json!({ "access_token": "a", "token_type": all })),
        as_json(200, json!({ all.as_str(): 1 })),
        as_json(200, json!([all])),
    ];
    for (status, code) in [
        (400, "invalid_grant"),
        (400, "invalid_request"),
        (401, "invalid_client"),
        (503, "temporarily_unavailable"),
    ] {
        answers.push(as_json(status, json!({ "error": code, "error_description": all, "error_uri": all })));
    }
    for secret in secrets {
        answers.push(as_json(400, json!({ "error": secret, "error_description": secret })));
        answers.push(as_json(200, json!({ "error": secret })));
        let value = HeaderValue::from_str(secret).unwrap();
        answers.push(answer(429).header(header::RETRY_AFTER, value.clone()));
        answers.push(answer(401).header(header::WWW_AUTHENTICATE, value));
    }
    answers.into_iter().map(Fault::Answer).collect()
}

/// Looks at everything that goes to the provider and comes back, but for the bodies, which have to hold secrets.
struct Spy {
    inner: ReqwestTransport,
    record: Recorder,
}

/// The record has secrets in it, the transport has none.
impl Debug for Spy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl HttpTransport for Spy {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let head = format!(
            "{} {} {:?} {:?}",
            request.method(),
            request.uri(),
            request.headers(),
            request.extensions()
        );
        self.record.note("request to the provider", head);
        self.inner.send(request).await.inspect_err(|error| self.record.fail("TransportError", error))
    }
}
