//! The authorization endpoint and its scripted user.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State as Extracted},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::LOCATION};
use url::Url;

use super::{
    TestClient,
    ledger::{CodeBinding, Login, is_verifier},
    oauth::{Parameters, Refusal},
    state::{Shared, State},
};

pub(super) async fn get(Extracted(shared): Extracted<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    authorize(&shared, &query.unwrap_or_default())
}

pub(super) async fn post(Extracted(shared): Extracted<Arc<Shared>>, body: String) -> Response {
    authorize(&shared, &body)
}

fn authorize(shared: &Shared, query: &str) -> Response {
    let mut state = shared.state();
    state.judge.authorize_queries.push(query.to_owned());
    let checked = Parameters::parse(query).and_then(|parameters| {
        let (client, target) = recipient(shared, &parameters)?;
        Ok((parameters, client, target))
    });
    // Without a client and a place to return to, only the user can be told (RFC 6749 §4.1.2.1).
    let (parameters, client, mut target) = match checked {
        Ok(checked) => checked,
        Err(refusal) => return (StatusCode::BAD_REQUEST, refusal.description).into_response(),
    };
    {
        let mut answer = target.query_pairs_mut();
        match log_in(shared, &mut state, client, &parameters) {
            Ok(code) => answer.append_pair("code", &code),
            Err(error) => answer.append_pair("error", &error),
        };
        if let Some(sent) = parameters.get("state") {
            answer.append_pair("state", sent);
        }
        answer.append_pair("iss", &shared.issuer);
    }
    (StatusCode::FOUND, [(LOCATION, String::from(target))]).into_response()
}

fn recipient<'a>(shared: &'a Shared, parameters: &Parameters) -> Result<(&'a TestClient, Url), Refusal> {
    let id = parameters.require("client_id", "client_id is missing")?;
    let client = shared.client(id).ok_or(Refusal::invalid_request("no such client"))?;
    let target = client
        .redirect_target(parameters.get("redirect_uri"))
        .and_then(|uri| Url::parse(&uri).ok())
        .ok_or(Refusal::invalid_request("redirect_uri is not registered"))?;
    Ok((client, target))
}

/// Lets the user log in, and gives the code, or the error code that the login ends with.
fn log_in(
    shared: &Shared,
    state: &mut State,
    client: &TestClient,
    parameters: &Parameters,
) -> Result<String, String> {
    let challenge = check(parameters).map_err(|refusal| refusal.code.to_owned())?;
    meet_user(shared, state, parameters)?;
    let now = shared.config.clock.wall();
    let login = Login {
        client: client.id().to_owned(),
        subject: Some(state.user.subject().to_owned()),
        scopes: parameters.scopes(),
        auth_time: *state.session.get_or_insert(now),
        acr: state.user.acr_of(parameters.get("acr_values")),
        nonce: parameters.get("nonce").map(str::to_owned),
    };
    let redirect_uri = parameters.get("redirect_uri").map(str::to_owned);
    state.judge.logins += 1;
    Ok(state.ledger.issue_code(shared.now(), login, CodeBinding { redirect_uri, challenge }))
}

/// What the protocol demands of the request; gives the challenge.
fn check(parameters: &Parameters) -> Result<String, Refusal> {
    if parameters.get("request").is_some() {
        return Err(Refusal::new("request_not_supported", "no request objects here"));
    }
    if parameters.get("request_uri").is_some() {
        return Err(Refusal::new("request_uri_not_supported", "no request objects here"));
    }
    if parameters.require("response_type", "response_type is missing")? != "code" {
        return Err(Refusal::new("unsupported_response_type", "only code"));
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::invalid_request("only the query response mode"));
    }
    if parameters.get("redirect_uri").is_none() && parameters.scopes().iter().any(|scope| scope == "openid") {
        return Err(Refusal::invalid_request("OpenID Connect demands redirect_uri"));
    }
    let challenge = parameters.require("code_challenge", "PKCE is demanded")?;
    if parameters.get("code_challenge_method") != Some("S256")
        || challenge.len() != 43
        || !is_verifier(challenge)
    {
        return Err(Refusal::invalid_request("only PKCE with S256"));
    }
    Ok(challenge.to_owned())
}

/// What the user does at the login page, if there is one to be seen (OpenID Connect Core §3.1.2.1).
fn meet_user(shared: &Shared, state: &mut State, parameters: &Parameters) -> Result<(), String> {
    let prompts: Vec<&str> = parameters.get("prompt").unwrap_or_default().split_ascii_whitespace().collect();
    let silent = prompts.contains(&"none");
    if silent && prompts.len() > 1 {
        return Err("invalid_request".to_owned());
    }
    if let Some(error) = state.user.refusal() {
        return Err(error.to_owned());
    }
    if prompts.contains(&"login") || is_too_old(shared, state, parameters)? {
        state.session = None;
    }
    if silent && state.session.is_none() {
        return Err("login_required".to_owned());
    }
    Ok(())
}

/// Whether the session is older than `max_age` allows.
fn is_too_old(shared: &Shared, state: &State, parameters: &Parameters) -> Result<bool, String> {
    let (Some(max_age), Some(since)) = (parameters.get("max_age"), state.session) else { return Ok(false) };
    let max_age: u64 = max_age.parse().map_err(|_| "invalid_request".to_owned())?;
    let age = shared.config.clock.wall().duration_since(since).unwrap_or_default();
    Ok(max_age == 0 || age.as_secs() > max_age)
}
