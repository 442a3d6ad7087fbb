//! An API that wants an access token.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

use crate::{
    Answer, TestProvider,
    provider::{Shared, bearer_refusal, bearer_token},
    server::{Bound, Server},
};

/// An API on a port of its own that answers 200 to requests with a live access token of its provider,
/// whatever the path and method, and 401 to all others. It stops when it is dropped.
///
/// The 200 has a JSON object with `subject`, `client` and `scope` of the token. The 401 has the challenge of
/// RFC 6750, with `error="invalid_token"` where there was a token.
///
/// ```
/// # async fn example(provider: oidc_testkit::TestProvider) -> std::io::Result<()> {
/// let api = oidc_testkit::ProtectedApi::start(&provider).await?;
/// // Here something calls `api.url()` …
/// assert_eq!(api.unauthorized(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ProtectedApi {
    origin: String,
    desk: Arc<Desk>,
    _server: Server,
}

/// How a [`ProtectedApi`] treats requests.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ApiBehaviour {
    /// By their token.
    #[default]
    Honest,
    /// All get 401 with `error="invalid_token"`.
    AlwaysUnauthorized,
    /// Those with a live token get 403 with `error="insufficient_scope"`.
    InsufficientScope,
    /// All get this.
    Answer(Answer),
}

#[derive(Debug)]
struct Desk {
    provider: Arc<Shared>,
    state: Mutex<DeskState>,
}

#[derive(Debug, Default)]
struct DeskState {
    behaviour: ApiBehaviour,
    calls: u64,
    unauthorized: u64,
    tokens: Vec<Option<String>>,
}

impl ProtectedApi {
    /// Starts an API for the tokens of `provider`, on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(provider: &TestProvider) -> io::Result<Self> {
        let bound = Bound::new(0).await?;
        let origin = bound.origin();
        let desk = Arc::new(Desk { provider: provider.shared(), state: Mutex::default() });
        let server = bound.serve({
            let desk = Arc::clone(&desk);
            move |request: Request<Incoming>| {
                let desk = Arc::clone(&desk);
                async move {
                    let (head, body) = request.into_parts();
                    // Read to its end, so that the connection stays good and nobody meets a reset.
                    let _ = Limited::new(body, LONGEST).collect().await;
                    Ok(desk.answer(&head.headers))
                }
            }
        });
        Ok(Self { origin, desk, _server: server })
    }

    /// Where the API is: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.origin
    }

    /// Changes how requests are treated from now on.
    pub fn behave(&self, behaviour: ApiBehaviour) {
        self.desk.state().behaviour = behaviour;
    }

    /// How many requests there were.
    pub fn calls(&self) -> u64 {
        self.desk.state().calls
    }

    /// How many requests were answered with 401.
    pub fn unauthorized(&self) -> u64 {
        self.desk.state().unauthorized
    }

    /// The bearer token of each request, `None` where there was none.
    pub fn tokens(&self) -> Vec<Option<String>> {
        self.desk.state().tokens.clone()
    }
}

impl Desk {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let token = bearer_token(headers);
        let behaviour = self.state().behaviour.clone();
        let answer = match behaviour {
            ApiBehaviour::Answer(answer) => answer.into_response(),
            ApiBehaviour::AlwaysUnauthorized => unauthorized(token.is_some()),
            ApiBehaviour::Honest => self.judge(token, true),
            ApiBehaviour::InsufficientScope => self.judge(token, false),
        };
        let mut state = self.state();
        state.calls += 1;
        state.unauthorized += u64::from(answer.status() == StatusCode::UNAUTHORIZED);
        state.tokens.push(token.map(str::to_owned));
        answer
    }

    fn judge(&self, token: Option<&str>, in_scope: bool) -> Response {
        let Some((login, scopes)) = token.and_then(|token| self.provider.live(token)) else {
            return unauthorized(token.is_some());
        };
        if !in_scope {
            let challenge = "Bearer error=\"insufficient_scope\"";
            return bearer_refusal(StatusCode::FORBIDDEN, challenge, "insufficient_scope");
        }
        let who = json!({ "subject": login.subject, "client": login.client, "scope": scopes.join(" ") });
        Json(who).into_response()
    }

    fn state(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest request body, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// RFC 6750 §3.1: a request without a token gets no error code.
fn unauthorized(with_token: bool) -> Response {
    let challenge = if with_token { "Bearer error=\"invalid_token\"" } else { "Bearer" };
    bearer_refusal(StatusCode::UNAUTHORIZED, challenge, "invalid_token")
}
