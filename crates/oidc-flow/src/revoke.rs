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
        let endpoint = metadata
            .revocation_endpoint()
            .ok_or(ProviderErrorKind::MissingEndpoint { field })
            .map_err(into_error)?;
        let form = Form::with("token", token.expose()).and("token_type_hint", hint);
        let request = self
            .form_post(endpoint, form)
            .ok_or_else(|| into_error(ProviderErrorKind::MissingEndpoint { field }))?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::RETRY_AFTER;
    use oidc_core::{AccessToken, Lifetime, TransportError, TransportErrorKind};

    use super::*;
    use crate::{
        fake::{client, provider, response},
        provider::{Provider, ProviderMetadata},
    };

    fn tokens() -> TokenSet {
        let lifetime = Lifetime::new(std::time::SystemTime::UNIX_EPOCH, None);
        TokenSet::new(AccessToken::bearer("canary-a".into(), lifetime).unwrap())
            .with_refresh_token("canary-r".into())
    }

    // LGO-10
    #[tokio::test]
    async fn the_refresh_token_goes_first() {
        let (client, transport, _) = client(provider());
        transport.answer(200, "");
        transport.answer(204, "");
        client.revoke(&tokens()).await.unwrap();
        let bodies: Vec<_> = transport.requests().iter().map(|request| request.body().clone()).collect();
        let auth = "client_id=my+client&client_secret=canary-secret";
        assert_eq!(
            bodies,
            [
                format!("token=canary-r&token_type_hint=refresh_token&{auth}"),
                format!("token=canary-a&token_type_hint=access_token&{auth}"),
            ]
        );
        client.revoke(&TokenSet::default()).await.unwrap();
        assert!(transport.requests().is_empty());
    }

    // LGO-10
    #[tokio::test]
    async fn what_the_provider_does_not_revoke_counts_as_done() {
        let (client, transport, _) = client(provider());
        transport.answer(200, "");
        transport.answer(400, r#"{"error":"unsupported_token_type"}"#);
        client.revoke(&tokens()).await.unwrap();
    }

    // LGO-10
    #[tokio::test]
    async fn both_are_tried_and_the_first_failure_is_told() {
        let (client, transport, _) = client(provider());
        let mut busy = response(503, "canary");
        busy.headers_mut().insert(RETRY_AFTER, "30".parse().unwrap());
        transport.push(Ok(busy));
        transport.push(Err(TransportError::maybe_sent(TransportErrorKind::Timeout)));
        let error = client.revoke(&tokens()).await.unwrap_err();
        let EndpointError::Status { status: 503, retry_after } = error else { panic!("{error:?}") };
        assert_eq!(retry_after, Some(Duration::from_secs(30)));
        assert!(error.is_transient() && !format!("{error} {error:?}").contains("canary"));
        assert_eq!(transport.requests().len(), 2);
        for (status, transient) in
            [(302, false), (400, false), (401, false), (404, false), (429, true), (500, true)]
        {
            transport.answer(status, r#"{"error":"invalid_client"}"#);
            transport.answer(200, "");
            assert_eq!(client.revoke(&tokens()).await.unwrap_err().is_transient(), transient, "{status}");
        }
    }

    #[tokio::test]
    async fn a_provider_that_cannot_revoke_says_so() {
        let issuer = oidc_core::Issuer::new("https://id.example").unwrap();
        let metadata =
            ProviderMetadata::builder(issuer).token_endpoint("https://id.example/t").unwrap().build();
        let (client, transport, _) = client(Provider::by_hand(metadata.unwrap()));
        assert!(matches!(client.revoke(&tokens()).await, Err(EndpointError::Provider(_))));
        assert!(transport.requests().is_empty());
    }
}
