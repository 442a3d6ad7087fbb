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
            is_dead: &|_| false,
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
            let plain =
                GrantError::new(GrantErrorKind::OutcomeUnknown, "the answer has no usable access token");
            error.status().into_iter().fold(plain, GrantError::with_status)
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oidc_core::{BootTime, TransportError, TransportErrorKind};

    use super::*;
    use crate::{
        ClientAuth,
        fake::{builder, client, provider},
    };

    #[tokio::test]
    async fn the_application_asks_in_its_own_name() {
        let (client, transport, clock) = client(provider());
        let gate = SendGate::new(Arc::new(clock), BootTime::NEVER);
        let with_scopes = Target::granted().with_scopes(Scopes::parse("c"));
        for (scopes, target, scope, granted) in [
            (vec!["b", "a"], Target::granted(), Some("a b"), Some("a b")),
            (vec!["b", "a"], with_scopes, Some("c"), Some("c")),
            (vec![], Target::granted(), None, None),
        ] {
            let grant = client.client_credentials(scopes).unwrap();
            assert!(!grant.spends());
            grant.prepare().await.unwrap();
            transport.answer(200, r#"{"access_token":"a","expires_in":60}"#);
            let tokens = grant.obtain(&target, None, &gate).await.unwrap();
            assert_eq!(tokens.access().unwrap().scopes(), granted.map(Scopes::parse).as_ref());
            let (_, form) = transport.form();
            let sent = form.iter().find(|(name, _)| name == "scope").map(|(_, value)| value.as_str());
            assert_eq!((form[0].1.as_str(), sent), ("client_credentials", scope));
            assert_eq!(form.iter().filter(|(name, _)| name == "client_secret").count(), 1);
        }
    }

    // TOK-19
    #[tokio::test]
    async fn a_refresh_token_is_ignored() {
        let (client, transport, clock) = client(provider());
        let gate = SendGate::new(Arc::new(clock), BootTime::NEVER);
        let grant = client.client_credentials(["a"]).unwrap();
        for refresh in [r#""canary""#, "7"] {
            transport
                .answer(200, &format!(r#"{{"access_token":"a","refresh_token":{refresh},"id_token":"x"}}"#));
            let tokens = grant.obtain(&Target::granted(), None, &gate).await.unwrap();
            assert_eq!((tokens.refresh(), tokens.id_token()), (None, None));
        }
        transport.answer(200, r#"{"access_token":"a b","refresh_token":"canary"}"#);
        let error = grant.obtain(&Target::granted(), None, &gate).await.unwrap_err();
        assert_eq!((error.kind(), error.salvage()), (GrantErrorKind::OutcomeUnknown, None));
    }

    #[tokio::test]
    async fn nothing_is_final_for_those_who_spend_nothing() {
        let (client, transport, clock) = client(provider());
        let gate = SendGate::new(Arc::new(clock), BootTime::NEVER);
        let grant = client.client_credentials(["a"]).unwrap();
        transport.answer(400, r#"{"error":"invalid_grant"}"#);
        transport.push(Err(TransportError::not_sent(TransportErrorKind::Connect)));
        for kind in [GrantErrorKind::Misconfigured, GrantErrorKind::NotProcessed] {
            assert_eq!(grant.obtain(&Target::granted(), None, &gate).await.unwrap_err().kind(), kind);
        }
        assert_eq!(transport.requests().len(), 2);
    }

    #[test]
    fn a_public_client_has_no_credentials() {
        let (_, transport, clock) = client(provider());
        let public = builder(provider(), &clock).auth(ClientAuth::none()).build(transport).unwrap();
        assert!(matches!(public.client_credentials(["a"]), Err(ConfigError::Invalid { field: "auth", .. })));
        let (confidential, ..) = client(provider());
        assert!(confidential.client_credentials(["a b"]).is_err());
    }
}
