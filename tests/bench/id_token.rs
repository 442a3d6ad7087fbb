//! What it costs to verify an ID token, with every check, over the bare verification of its signature by aws-lc-rs with a parsed key.
//!
//! Measured is what the ID token adds to the end of a login, from the answer of the token endpoint to the user's claims. The floor is
//! the same end with the same answer, in which the token has a name that nobody reads: the provider is one at which an answer may
//! lack it. Every login has a nonce of its own, so every token is signed for its login, before the clock starts. Nothing is sent: the
//! transport is in this process, and its answer is there at once.
//!
//! The token has the claims that such tokens have, `at_hash` and `nonce` among them; the access token is 1,200 bytes long.

use std::{
    collections::VecDeque,
    fmt,
    hint::black_box,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use oidc_core::{Clock, ConfigError, HttpTransport, Issuer, SystemClock, TransportError};
use oidc_flow::{
    Callback, CheckedCallback, OidcClient, PendingLogin,
    provider::{IdTokens, Profile, Provider, ProviderMetadata},
};
use serde_json::{Value, json};

use crate::{
    Bench, Figures,
    measure::{Case, Plan, compare},
    request::token,
    signer::{Signer, base64url},
};

pub(crate) const NAMES: &[&str] = &["idtoken_rs256_over_aws_lc", "idtoken_es256_over_aws_lc"];

const ISSUER: &str = "https://id.example";

pub(crate) fn run(bench: &Bench) -> Figures {
    vec![
        ("idtoken_rs256_over_aws_lc", over_bare(bench, "RS256", &Signer::rs256())),
        ("idtoken_es256_over_aws_lc", over_bare(bench, "ES256", &Signer::es256())),
    ]
}

fn over_bare(bench: &Bench, name: &str, signer: &Signer) -> f64 {
    let plan = Plan { threads: 1, rounds: bench.rounds(61), operations: 24 };
    let (unread, read) = (Site::new(signer, "unread_token"), Site::new(signer, "id_token"));
    let bare = signer.bare();
    let (message, signature) = signer.signed(&claims("nonce"));
    let cases = [
        unread.logins(plan),
        read.logins(plan),
        Case::new(|_| {
            |operations| {
                for _ in 0..operations {
                    bare.verify_sig(black_box(message.as_bytes()), black_box(&signature))
                        .expect("it is genuine");
                }
            }
        }),
    ];
    let rounds = compare(&cases, plan);
    let (verified, bare) = (rounds.over(1, 0), rounds.of(2));
    bench.note(format!(
        "ID token, {name}, µs: bare signature {:.1}, all checks {:.1}, the rest of the login {:.1}; {} of {} rounds disturbed",
        bare / 1e3,
        verified / 1e3,
        rounds.of(0) / 1e3,
        rounds.disturbed,
        plan.rounds,
    ));
    verified / bare
}

/// A provider, and a client of it.
struct Site<'a> {
    signer: &'a Signer,
    /// What the ID token is called in the token endpoint's answer.
    member: &'static str,
    client: OidcClient,
    wire: Wire,
}

/// A user who has just come back, and what the token endpoint will answer.
struct Login {
    pending: PendingLogin,
    callback: CheckedCallback,
    answer: Bytes,
}

impl<'a> Site<'a> {
    fn new(signer: &'a Signer, member: &'static str) -> Self {
        let wire = Wire { key_set: signer.key_set().to_string().into(), answer: Arc::default() };
        let client = OidcClient::builder(provider(signer).expect("good metadata"), "bench")
            .redirect_uri("https://app.example/callback")
            .build(wire.clone())
            .expect("a good client");
        Self { signer, member, client, wire }
    }

    /// Ends one login after the other; they were begun, and their tokens signed, before.
    fn logins<'b>(&'b self, plan: Plan) -> Case<'b> {
        Case::new(move |_| {
            // The sample, and what runs before it to warm up.
            let mut logins: VecDeque<Login> = (0..plan.operations * 2).map(|_| self.login()).collect();
            move |operations| {
                for login in logins.drain(..operations) {
                    *self.wire.answer.lock().expect("nobody panics") = login.answer;
                    let session = self.client.finish_login(login.pending, login.callback).now_or_never();
                    let session = session.expect("nothing waits").expect("a good login");
                    assert_eq!(black_box(session).claims.is_some(), self.member == "id_token");
                }
            }
        })
    }

    fn login(&self) -> Login {
        let start = self.client.login().user("alice").start().now_or_never();
        let start = start.expect("nothing waits").expect("a good request");
        let said = |name: &str| {
            let mut query = start.url.query_pairs();
            query.find(|(key, _)| key == name).expect("the request says it").1.into_owned()
        };
        let callback = Callback::parse(&format!("code=SplxlOBeZQQYbYS6WxSbIA&state={}", said("state")));
        let callback = start.pending.check(&callback.expect("a callback")).expect("an honest callback");
        let answer = json!({
            "access_token": token(),
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": "8xLOxBtZp8",
            self.member: self.signer.token(&claims(&said("nonce"))),
        });
        Login { pending: start.pending, callback, answer: answer.to_string().into() }
    }
}

fn provider(signer: &Signer) -> Result<Provider, ConfigError> {
    let metadata = ProviderMetadata::builder(Issuer::new(ISSUER)?)
        .authorization_endpoint("https://id.example/authorize")?
        .token_endpoint("https://id.example/token")?
        .jwks_uri("https://id.example/keys")?
        .id_token_signing_algs([signer.algorithm()])
        .build()?;
    let profile = Profile::default().with_id_tokens(IdTokens::IfPresent);
    Ok(Provider::by_hand(metadata).with_profile(profile))
}

fn claims(nonce: &str) -> Value {
    let now = SystemClock::new().wall().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    json!({
        "iss": ISSUER,
        "sub": "24400320-1d3d-4a4b-8a64-1b2a7c5e9d10",
        "aud": "bench",
        "azp": "bench",
        "iat": now,
        "exp": now + 3600,
        "auth_time": now,
        "nonce": nonce,
        "acr": "urn:example:loa:2",
        "amr": ["pwd", "otp"],
        "sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
        "at_hash": base64url(&digest(&SHA256, token().as_bytes()).as_ref()[..16]),
    })
}

/// Gives the keys, and the answer of the login that is being ended.
#[derive(Clone)]
struct Wire {
    key_set: Bytes,
    answer: Arc<Mutex<Bytes>>,
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let body = match request.uri().path() {
            "/keys" => self.key_set.clone(),
            _ => self.answer.lock().expect("nobody panics").clone(),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
