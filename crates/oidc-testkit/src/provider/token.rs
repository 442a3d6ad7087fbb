//! The token endpoint.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State as Extracted,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::CACHE_CONTROL};

use super::{
    JsonObject, TestClient, client_auth, id_token,
    ledger::{Login, LoginId},
    oauth::{Parameters, Refusal},
    odd::OddAnswer,
    state::{Shared, State},
};

/// What an answer is made of.
struct Issue {
    login: LoginId,
    scopes: Vec<String>,
    refresh: Option<String>,
    /// Whether there is an ID token, and the nonce that it has.
    id_token: Option<Option<String>>,
}

pub(super) async fn post(
    Extracted(shared): Extracted<Arc<Shared>>,
    odd: Option<Extension<OddAnswer>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let odd = odd.map(|Extension(odd)| odd);
    match answer(&shared, odd, &headers, &body) {
        Ok(Ok(answer)) => ([(CACHE_CONTROL, "no-store")], Json(answer.into_value())).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(
    shared: &Shared,
    odd: Option<OddAnswer>,
    headers: &HeaderMap,
    body: &str,
) -> std::io::Result<Result<JsonObject, Refusal>> {
    let issue = Parameters::of_form(headers, body).and_then(|parameters| {
        shared.state().judge.token_request(parameters.pairs());
        let client = client_auth::authenticate(shared, headers, &parameters)?;
        let mut state = shared.state();
        match parameters.require("grant_type", "grant_type is missing")? {
            "authorization_code" => redeem_code(shared, &mut state, client, &parameters),
            "refresh_token" => refresh(shared, &mut state, client, &parameters),
            "client_credentials" => for_the_client_itself(shared, &mut state, client, &parameters),
            _ => Err(Refusal::new("unsupported_grant_type", "no such grant")),
        }
    });
    match issue {
        Ok(issue) => Ok(Ok(tokens(shared, issue, odd)?)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// RFC 6749 §4.1.3.
fn redeem_code(
    shared: &Shared,
    state: &mut State,
    client: &TestClient,
    parameters: &Parameters,
) -> Result<Issue, Refusal> {
    let code = parameters.require("code", "code is missing")?;
    let verifier = parameters.require("code_verifier", "code_verifier is missing")?;
    let uri = parameters.get("redirect_uri");
    let now = shared.now();
    let State { ledger, judge, .. } = state;
    let id = ledger.redeem_code(now, judge, client.id(), code, uri, verifier)?;
    let login = ledger.login(id).ok_or(Refusal::invalid_grant("the login has ended"))?;
    let (scopes, nonce) = (login.scopes.clone(), login.nonce.clone());
    let refresh = shared.config.refresh_tokens.issued_for(&scopes).then(|| ledger.issue_refresh(now, id));
    Ok(Issue { login: id, scopes, refresh, id_token: Some(nonce) })
}

/// RFC 6749 §6. The ID token of a refresh has no nonce (OpenID Connect Core §12.2).
fn refresh(
    shared: &Shared,
    state: &mut State,
    client: &TestClient,
    parameters: &Parameters,
) -> Result<Issue, Refusal> {
    let token = parameters.require("refresh_token", "refresh_token is missing")?;
    let State { ledger, judge, .. } = state;
    let (id, login) = ledger
        .login_of_refresh(client.id(), token)
        .ok_or(Refusal::invalid_grant("no such refresh token for this client"))?;
    let scopes = narrowed(login, parameters)?;
    let refresh = ledger.spend_refresh(shared.now(), judge, token)?;
    judge.refreshes_accepted += 1;
    let id_token = shared.config.id_token_on_refresh.then_some(None);
    Ok(Issue { login: id, scopes, refresh, id_token })
}

/// RFC 6749 §4.4.
fn for_the_client_itself(
    shared: &Shared,
    state: &mut State,
    client: &TestClient,
    parameters: &Parameters,
) -> Result<Issue, Refusal> {
    if client.is_public() {
        return Err(Refusal::new("unauthorized_client", "a public client has no credentials"));
    }
    let scopes = parameters.scopes();
    let login = state.ledger.open_login(Login {
        client: client.id().to_owned(),
        subject: None,
        scopes: scopes.clone(),
        auth_time: shared.config.clock.wall(),
        acr: None,
        nonce: None,
    });
    Ok(Issue { login, scopes, refresh: None, id_token: None })
}

/// The scopes of the login, or fewer of them where the request says so.
fn narrowed(login: &Login, parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let asked = parameters.scopes();
    if asked.is_empty() {
        return Ok(login.scopes.clone());
    }
    if asked.iter().all(|scope| login.has_scope(scope)) {
        return Ok(asked);
    }
    Err(Refusal::new("invalid_scope", "more than was granted"))
}

/// RFC 6749 §5.1.
fn tokens(shared: &Shared, issue: Issue, odd: Option<OddAnswer>) -> std::io::Result<JsonObject> {
    let mut state = shared.state();
    let access = state.ledger.issue_access(shared.now(), issue.login, &issue.scopes);
    let mut answer = JsonObject::default();
    answer.set("access_token", &access);
    answer.set("token_type", "Bearer");
    answer.set("expires_in", shared.config.rules.access_lifetime.as_secs().max(1));
    answer.set("scope", issue.scopes.join(" "));
    if let Some(refresh) = issue.refresh {
        answer.set("refresh_token", refresh);
    }
    let login = state.ledger.login(issue.login).cloned();
    if let (Some(login), Some(nonce)) = (login, issue.id_token) {
        let bad = odd.and_then(OddAnswer::bad_id_token);
        if let Some(token) = id_token::issue(shared, &mut state, &login, &access, nonce.as_deref(), bad)? {
            answer.set("id_token", token);
        }
    }
    if let Some(odd) = odd {
        odd.apply(&mut answer);
    }
    Ok(answer)
}
