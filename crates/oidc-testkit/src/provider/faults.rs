//! What the provider does wrong on request.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use super::{json::JsonObject, odd::OddAnswer};
use crate::Hold;

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The two metadata documents.
    Discovery,
    /// The key set.
    Jwks,
    /// Where the user logs in.
    Authorize,
    /// The token endpoint.
    Token,
    /// Claims about the user.
    Userinfo,
    /// Token revocation (RFC 7009).
    Revocation,
    /// Logout (OpenID Connect RP-Initiated Logout).
    EndSession,
}

impl Endpoint {
    pub(super) const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    pub(super) const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

    /// The path below the issuer, unless the builder moved it; for discovery the one of OpenID Connect.
    pub fn path(self) -> &'static str {
        match self {
            Self::Discovery => Self::OPENID_CONFIGURATION,
            Self::Jwks => "/jwks",
            Self::Authorize => "/authorize",
            Self::Token => "/token",
            Self::Userinfo => "/userinfo",
            Self::Revocation => "/revoke",
            Self::EndSession => "/logout",
        }
    }

    pub(super) const ALL: [Self; 7] = [
        Self::Discovery,
        Self::Jwks,
        Self::Authorize,
        Self::Token,
        Self::Userinfo,
        Self::Revocation,
        Self::EndSession,
    ];
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: the request is served. Lets requests pass until the one that is meant.
    Pass,
    /// The request is read, not processed, and the connection cut.
    CutBefore,
    /// The request is processed, and the connection cut before the first byte of the answer.
    LoseAnswer,
    /// The request is read, not processed, and answered with this.
    Answer(Answer),
    /// The request is processed after so long, by the provider's clock.
    Delay(Duration),
    /// The request is processed, and answered after so long, by the provider's clock.
    DelayAnswer(Duration),
    /// The request is processed when the test lets it go.
    Hold(Hold),
    /// The request is processed, and answered when the test lets it go.
    HoldAnswer(Hold),
    /// The request is processed, and its answer is odd. For the token endpoint.
    Odd(OddAnswer),
    /// The request is processed, and this is done to the JSON object of its answer.
    Rewrite(Rewrite),
}

impl Fault {
    /// The request is processed, and `change` is applied to the JSON object of its answer.
    pub fn rewrite(change: impl Fn(&mut JsonObject) + Send + Sync + 'static) -> Self {
        Self::Rewrite(Rewrite::new(change))
    }
}

/// A change to the JSON object of an answer: see [`Fault::rewrite`].
#[derive(Clone)]
pub struct Rewrite(Arc<dyn Fn(&mut JsonObject) + Send + Sync>);

impl Rewrite {
    pub(super) fn new(change: impl Fn(&mut JsonObject) + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    pub(super) fn apply(&self, answer: &mut JsonObject) {
        (self.0)(answer);
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rewrite(..)")
    }
}

/// A scripted HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// An answer without headers and body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// An OAuth error answer (RFC 6749 §5.2).
    pub fn oauth_error(status: StatusCode, code: &str) -> Self {
        Self::new(status)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(json!({ "error": code }).to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// Faults that wait for a request to their endpoint.
#[derive(Debug, Default)]
pub(super) struct FaultQueues(Mutex<BTreeMap<Endpoint, VecDeque<Fault>>>);

impl FaultQueues {
    pub(super) fn push(&self, endpoint: Endpoint, fault: Fault) {
        self.with(|queues| queues.entry(endpoint).or_default().push_back(fault));
    }

    pub(super) fn take(&self, endpoint: Endpoint) -> Fault {
        self.with(|queues| queues.get_mut(&endpoint).and_then(VecDeque::pop_front)).unwrap_or(Fault::Pass)
    }

    pub(super) fn pending(&self) -> usize {
        self.with(|queues| queues.values().map(VecDeque::len).sum())
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Endpoint, VecDeque<Fault>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
