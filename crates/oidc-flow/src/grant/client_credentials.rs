//! Tokens for the application itself.

use async_trait::async_trait;
use oidc_core::{ConfigError, Grant, GrantError, GrantErrorKind, Scopes, SendGate, Target, TokenSet};

use super::with_target;
use crate::{
    OidcClient,
    form::Form,
    token_endpoint::{TokenRequest, no_provider},
};

/// Client credentials (RFC 6749 §4.4): the application asks in its own name. Spends nothing; keep the tokens under
/// [`client.key(Subject::App)`](OidcClient::key).
///
/// A refresh token in the answer is ignored (RFC 6749 §4.4.3).
#[derive(Clone, Debug)]
pub struct ClientCredentialsGrant {
    client: OidcClient,
    scopes: Scopes,
}

impl ClientCredentialsGrant {
    pub(crate) fn new(client: OidcClient, scopes: Scopes) -> Result<Self, ConfigError> {
        if client.0.auth.is_public() {
            return Err(ConfigError::Invalid { field: "auth", reason: "a public client has no credentials" });
        }
        Ok(Self { client, scopes })
    }
}

#[async_trait]
impl Grant for ClientCredentialsGrant {
    fn spends(&self) -> bool {
        false
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        self.client.0.provider.metadata().await.map(drop).map_err(no_provider)
    }

    async fn obtain(
        &self,
        target: &Target,
        _current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let scopes = if target.scopes().is_empty() { &self.scopes } else { target.scopes() };
        let form = Form::with("grant_type", "client_credentials");
        let form = if scopes.is_empty() { form } else { form.and("scope", &scopes.to_string()) };
        let request = TokenRequest {
            form: with_target(form, target),
            gate: &|| gate.pass(),
            is_dead: &|_, _| false,
            repeat_unsent: false,
        };
        let answer = self.client.request_tokens(request).await.map_err(without_salvage)?;
        let access = match answer.access.scopes() {
            None if !scopes.is_empty() => answer.access.with_scopes(scopes.clone()),
            _ => answer.access,
        };
        Ok(TokenSet::new(access))
    }
}

/// There is no refresh token to save, so an answer that has one beside something odd is just odd.
fn without_salvage(error: GrantError) -> GrantError {
    match error.salvage() {
        Some(_) => {
            let plain = GrantError::new(GrantErrorKind::OutcomeUnknown, "the answer has no usable access token");
            error.status().into_iter().fold(plain, GrantError::with_status)
        }
        None => error,
    }
}
