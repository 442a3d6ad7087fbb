//! What the provider says about itself: metadata and key set.

use std::sync::Arc;

use axum::{Json, extract::State as Extracted};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Endpoint, JsonObject, state::Shared};

/// OpenID Connect Discovery §3 and RFC 8414 §2.
pub(super) async fn metadata(Extracted(shared): Extracted<Arc<Shared>>) -> Json<Value> {
    let mut document = describe(&shared);
    if let Some(change) = &shared.config.metadata {
        change.apply(&mut document);
    }
    Json(document.into_value())
}

/// RFC 7517.
pub(super) async fn key_set(Extracted(shared): Extracted<Arc<Shared>>) -> Result<Json<Value>, StatusCode> {
    shared.state().keys.document().map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

fn describe(shared: &Shared) -> JsonObject {
    let at = |endpoint: Endpoint| json!(format!("{}{}", shared.issuer, shared.config.path(endpoint)));
    let authentication = json!(["none", "client_secret_basic", "client_secret_post"]);
    let members = [
        ("issuer", json!(shared.issuer)),
        ("authorization_endpoint", at(Endpoint::Authorize)),
        ("token_endpoint", at(Endpoint::Token)),
        ("userinfo_endpoint", at(Endpoint::Userinfo)),
        ("jwks_uri", at(Endpoint::Jwks)),
        ("revocation_endpoint", at(Endpoint::Revocation)),
        ("end_session_endpoint", at(Endpoint::EndSession)),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query"])),
        ("grant_types_supported", json!(["authorization_code", "refresh_token", "client_credentials"])),
        ("subject_types_supported", json!(["public"])),
        ("scopes_supported", json!(["openid", "offline_access"])),
        ("id_token_signing_alg_values_supported", json!([shared.config.signing.name()])),
        ("token_endpoint_auth_methods_supported", authentication.clone()),
        ("revocation_endpoint_auth_methods_supported", authentication),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("prompt_values_supported", json!(["none", "login", "consent", "select_account"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
    ];
    let mut document = JsonObject::default();
    members.into_iter().for_each(|(name, value)| document.set(name, value));
    document
}
