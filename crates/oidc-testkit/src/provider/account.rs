//! What concerns tokens and users after the login: userinfo, revocation, logout.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State as Extracted},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::LOCATION};
use url::Url;

use super::{
    client_auth,
    oauth::{Parameters, Refusal, bearer_refusal, bearer_token},
    state::Shared,
};

/// OpenID Connect Core §5.3.
pub(super) async fn userinfo(Extracted(shared): Extracted<Arc<Shared>>, headers: HeaderMap) -> Response {
    let live = bearer_token(&headers).and_then(|token| shared.live(token));
    let Some((login, scopes)) = live else {
        let challenge = "Bearer error=\"invalid_token\"";
        return bearer_refusal(StatusCode::UNAUTHORIZED, challenge, "invalid_token");
    };
    let Some(subject) = login.subject.filter(|_| scopes.iter().any(|scope| scope == "openid")) else {
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
        return bearer_refusal(StatusCode::FORBIDDEN, challenge, "insufficient_scope");
    };
    let mut claims = shared.state().user.claims().clone();
    claims.set("sub", subject);
    Json(claims.into_value()).into_response()
}

/// RFC 7009: with a refresh token the whole login ends; an unknown token is fine.
pub(super) async fn revoke(
    Extracted(shared): Extracted<Arc<Shared>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let revoked = Parameters::of_form(&headers, &body).and_then(|parameters| {
        let client = client_auth::authenticate(&shared, &headers, &parameters)?;
        let token = parameters.require("token", "token is missing")?;
        if shared.state().ledger.revoke(client.id(), token) {
            return Ok(());
        }
        Err(Refusal::new("unauthorized_client", "the token belongs to another client"))
    });
    match revoked {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn end_session_get(
    Extracted(shared): Extracted<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Response {
    end_session(&shared, &query.unwrap_or_default())
}

pub(super) async fn end_session_post(Extracted(shared): Extracted<Arc<Shared>>, body: String) -> Response {
    end_session(&shared, &body)
}

/// OpenID Connect RP-Initiated Logout §2: ends the session, and sends the user back where the client asked
/// for it and is known by its ID token or its name.
fn end_session(shared: &Shared, query: &str) -> Response {
    let target = match Parameters::parse(query).and_then(|parameters| return_target(shared, &parameters)) {
        Ok(target) => target,
        Err(refusal) => return (StatusCode::BAD_REQUEST, refusal.description).into_response(),
    };
    shared.state().session = None;
    match target {
        Some(target) => (StatusCode::FOUND, [(LOCATION, String::from(target))]).into_response(),
        None => "logged out".into_response(),
    }
}

fn return_target(shared: &Shared, parameters: &Parameters) -> Result<Option<Url>, Refusal> {
    let hinted = parameters.get("id_token_hint").map(|hint| {
        let state = shared.state();
        let issued = state.id_tokens.iter().find(|(token, _)| token == hint);
        issued
            .map(|(_, client)| client.clone())
            .ok_or(Refusal::invalid_request("id_token_hint was not issued here"))
    });
    let hinted = hinted.transpose()?;
    let named = parameters.get("client_id");
    if hinted.as_deref().is_some_and(|hinted| named.is_some_and(|named| named != hinted)) {
        return Err(Refusal::invalid_request("client_id is not the one of the ID token"));
    }
    let Some(uri) = parameters.get("post_logout_redirect_uri") else { return Ok(None) };
    let client = hinted.as_deref().or(named).and_then(|id| shared.client(id));
    let mut target = client
        .filter(|client| client.may_return_to(uri))
        .and_then(|_| Url::parse(uri).ok())
        .ok_or(Refusal::invalid_request("post_logout_redirect_uri is not registered"))?;
    if let Some(state) = parameters.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok(Some(target))
}
