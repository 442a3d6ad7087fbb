//! Giving tokens back.

use http::StatusCode;
use oidc_core::{Secret, TokenSet};
use serde::Deserialize;

use crate::{
    EndpointError, OidcClient,
    form::Form,
    provider::{Endpoint, ProviderErrorKind},
    token_endpoint::retry_after,
};

impl OidcClient {
    /// Revokes `tokens` at the provider (RFC 7009): the refresh token first, because it is the one that lives on, then the access
    /// token. Tokens that the provider does not know, and kinds that it does not revoke, count as done.
    ///
    /// Sign out locally first: that must not wait for the provider. Nothing is repeated here; the error says when to try again.
    ///
    /// # Errors
    /// [`EndpointError`]: the first one, after both were tried.
    pub async fn revoke(&self, tokens: &TokenSet) -> Result<(), EndpointError> {
        let refresh = match tokens.refresh() {
            Some(token) => self.revoke_one(token, "refresh_token").await,
            None => Ok(()),
        };
        let access = match tokens.access() {
            Some(access) => self.revoke_one(access.value(), "access_token").await,
            None => Ok(()),
        };
        refresh.and(access)
    }

    async fn revoke_one(&self, token: &Secret, hint: &str) -> Result<(), EndpointError> {
        let metadata = self.0.provider.metadata().await?;
        let field = Endpoint::Revocation.field();
        let endpoint =
            metadata.revocation_endpoint().ok_or(ProviderErrorKind::MissingEndpoint { field }).map_err(into_error)?;
        let form = Form::with("token", token.expose()).and("token_type_hint", hint);
        let request = self.form_post(endpoint, form).ok_or_else(|| into_error(ProviderErrorKind::MissingEndpoint { field }))?;
        let answer = self.0.provider.transport().send(request).await?;
        if answer.status().is_success() || is_not_revoked_here(answer.status(), answer.body()) {
            return Ok(());
        }
        let now = self.0.provider.clock().wall();
        Err(EndpointError::Status {
            status: answer.status().as_u16(),
            retry_after: retry_after(answer.headers(), now),
        })
    }
}

fn into_error(kind: ProviderErrorKind) -> EndpointError {
    EndpointError::Provider(kind.into())
}

/// Whether the provider says that it does not revoke tokens of this kind (RFC 7009 §2.2.1).
fn is_not_revoked_here(status: StatusCode, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct OAuthError {
        error: String,
    }
    status == StatusCode::BAD_REQUEST
        && serde_json::from_slice::<OAuthError>(body).is_ok_and(|body| body.error == "unsupported_token_type")
}
