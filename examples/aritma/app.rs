//! The web app: `/`, `/callback` and `/companies`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, Request, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use examples::Error;
use http_body_util::BodyExt;
use oidc_kit::{
    BearerLayer, Callback, MemoryStore, OidcClient, Origins, PendingLogin, ReqwestService, TokenKey,
    TokenPool, UseSource,
    core::store::WriteId,
    tower::{Bearer, PerRequest},
};
use tower::{Layer, ServiceExt};

/// Cookies are handles; what they stand for stays here. A program with several replicas keeps both maps where all can see them.
pub(crate) struct App {
    client: OidcClient,
    users: TokenPool,
    api: Bearer<ReqwestService, PerRequest>,
    api_url: String,
    pending: Mutex<HashMap<String, PendingLogin>>,
    sessions: Mutex<HashMap<String, TokenKey>>,
}

impl App {
    pub(crate) fn new(client: OidcClient, api_url: &str, origins: Origins) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            users: TokenPool::builder(MemoryStore::new(), client.refresh_grant()).build()?,
            client,
            api: BearerLayer::per_request(origins).layer(ReqwestService::new(reqwest::Client::builder())?),
            api_url: api_url.trim_end_matches('/').to_owned(),
            pending: Mutex::default(),
            sessions: Mutex::default(),
        }))
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/callback", get(callback))
            .route("/companies", get(companies))
            .with_state(self)
    }

    fn session(&self, headers: &HeaderMap) -> Option<TokenKey> {
        let id = cookie(headers, "session")?;
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

/// Sends the browser to Aritma ID, or to the companies where the user is logged in.
async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Failure> {
    if app.session(&headers).is_some() {
        return Ok(Redirect::to("/companies").into_response());
    }
    // Aritma ID says nothing about who the user is, so each login gets a name of its own.
    let id = random_id();
    let login =
        app.client.login().oauth_only().user(&id).scopes(["bankservice", "offline_access"]).start().await?;
    app.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), login.pending);
    Ok((set_cookie("login", &id), Redirect::to(login.url.as_str())).into_response())
}

/// Where Aritma ID sends the browser back to.
async fn callback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let id = cookie(&headers, "login").ok_or(Failure::NoLogin)?;
    let callback = Callback::parse(&query.unwrap_or_default())?;
    let (pending, checked) = {
        let mut pending = app.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = pending.get(id).ok_or(Failure::NoLogin)?.check(&callback)?;
        (pending.remove(id).ok_or(Failure::NoLogin)?, checked)
    };
    let session = app.client.finish_login(pending, checked).await?;
    app.users.sign_in(&session.key, &session.tokens).await?;
    let id = random_id();
    app.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), session.key);
    Ok((set_cookie("session", &id), Redirect::to("/companies")).into_response())
}

/// Lists what the API gives for this user. One layer serves all users: the request says whose tokens it takes.
async fn companies(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Failure> {
    let Some(key) = app.session(&headers) else { return Ok(Redirect::to("/").into_response()) };
    let mut request =
        Request::get(format!("{}/api/v3/companies", app.api_url)).body(reqwest::Body::default())?;
    request.extensions_mut().insert(UseSource::new(app.users.source(&key)));
    let response = app.api.clone().oneshot(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    let companies: Vec<serde_json::Value> = serde_json::from_slice(&body)?;
    let items: String = companies
        .iter()
        .map(|company| format!("<li>{}</li>", escape(company["name"].as_str().unwrap_or("(no name)"))))
        .collect();
    Ok(Html(format!("<!doctype html><title>Companies</title><h1>Companies</h1><ul>{items}</ul>"))
        .into_response())
}

/// What went wrong, as a page.
pub(crate) enum Failure {
    NoLogin,
    Other(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NoLogin => {
                (StatusCode::BAD_REQUEST, "This login was not started in this browser.".to_owned())
            }
            Self::Other(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
        };
        (status, Html(format!("<!doctype html><p>{}</p><a href=\"/\">Log in</a>", escape(&text))))
            .into_response()
    }
}

fn set_cookie(name: &str, value: &str) -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax"))]
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn random_id() -> String {
    WriteId::random().0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
