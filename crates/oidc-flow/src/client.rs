//! One client at one provider.

use std::{sync::Arc, time::Duration};

use oidc_core::{Clock, ConfigError, HttpTransport, Scopes, Secret, Subject, SystemClock, TokenKey};

use crate::{
    ClientAuth, ClientCredentialsGrant, IdTokenClaims, IdTokenError, LoginRequest, LogoutUrl, RefreshGrant,
    SigningAlgorithm,
    id_token::{IdTokenChecks, NonceCheck},
    provider::{Provider, ProviderState},
    redirect,
};

/// One client, as it is registered at one provider. Cloning it is cheap, and all clones share what is known of the provider.
///
/// Making one sends nothing and starts nothing: it works while the provider is down, and what is needed is asked for when it is
/// first needed, once for all who wait.
#[derive(Clone, Debug)]
pub struct OidcClient(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) provider: ProviderState,
    pub(crate) id: String,
    pub(crate) auth: ClientAuth,
    pub(crate) redirect_uri: Option<String>,
    leeway: Duration,
    algorithms: Vec<SigningAlgorithm>,
    trusted_audiences: Vec<String>,
}

impl OidcClient {
    /// Starts a client for `provider` that is registered there as `client_id`.
    pub fn builder(provider: Provider, client_id: impl Into<String>) -> OidcClientBuilder {
        OidcClientBuilder {
            provider,
            id: client_id.into(),
            auth: ClientAuth::none(),
            redirect_uri: None,
            clock: Arc::new(SystemClock::new()),
            leeway: IdTokenChecks::DEFAULT_LEEWAY,
            algorithms: Vec::new(),
            trusted_audiences: Vec::new(),
        }
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        self.0.provider.provider()
    }

    /// The client identifier.
    pub fn client_id(&self) -> &str {
        &self.0.id
    }

    /// The name under which the tokens of `subject` at this client are kept: [`Subject::App`] for client credentials, or a user
    /// whose [`Session`](crate::Session) had this subject.
    pub fn key(&self, subject: Subject) -> TokenKey {
        TokenKey::new(self.provider().authority().clone(), self.client_id(), subject)
    }

    /// Starts a login: an Authorization Code request with PKCE, which asks for `openid` unless told otherwise.
    pub fn login(&self) -> LoginRequest {
        LoginRequest::new(self.clone())
    }

    /// The grant that keeps the logins of this client alive with their refresh tokens.
    pub fn refresh_grant(&self) -> RefreshGrant {
        RefreshGrant::new(self.clone())
    }

    /// The grant that wins tokens for the application itself (RFC 6749 §4.4), for `scopes` or what the provider gives by default.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a public client, which may not use it, and for scopes that are none.
    pub fn client_credentials<I, S>(&self, scopes: I) -> Result<ClientCredentialsGrant, ConfigError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        ClientCredentialsGrant::new(self.clone(), Scopes::new(scopes)?)
    }

    /// Starts the URL that ends the user's session at the provider (OpenID Connect RP-Initiated Logout).
    pub fn logout_url(&self) -> LogoutUrl {
        LogoutUrl::new(self.clone())
    }

    /// Verifies an ID token that came another way than by a login here (OIDC Core §3.1.3.7): the one that a mobile app sends to its
    /// backend, say. The token has to be for this client: build one for the app's `client_id`.
    ///
    /// Checked are the signature, with the provider's keys, and `iss`, `aud`, `azp`, `exp`, `iat`, `nbf`, `sub` and the kind of the token.
    /// What needs a login is not: without `nonce`, which is the one that the app was given for its login, the token may be one
    /// that was seen before, or stolen, for as long as it is valid; and nothing ties it to an access token or a code.
    /// An ID token is a statement about a login and opens no API: who sends one is not thereby the user.
    ///
    /// Nothing is sent, but for the provider's metadata and keys where they are not known yet. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`IdTokenError`].
    pub async fn verify_id_token(
        &self,
        id_token: &Secret,
        nonce: Option<&Secret>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        let nonce = nonce.map_or(NonceCheck::Unknown, NonceCheck::Sent);
        self.0.provider.verify_id_token(id_token, &self.id_token_checks(nonce)).await
    }

    /// The checks that every ID token for this client gets.
    pub(crate) fn id_token_checks<'a>(&'a self, nonce: NonceCheck<'a>) -> IdTokenChecks<'a> {
        IdTokenChecks {
            leeway: self.0.leeway,
            algorithms: &self.0.algorithms,
            trusted_audiences: &self.0.trusted_audiences,
            ..IdTokenChecks::new(self.client_id(), nonce)
        }
    }
}

/// Collects what an [`OidcClient`] needs.
#[derive(Debug)]
#[must_use]
pub struct OidcClientBuilder {
    provider: Provider,
    id: String,
    auth: ClientAuth,
    redirect_uri: Option<String>,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    algorithms: Vec<SigningAlgorithm>,
    trusted_audiences: Vec<String>,
}

impl OidcClientBuilder {
    /// Sets how the client authenticates. Default: [`ClientAuth::none`], a public client.
    pub fn auth(self, auth: ClientAuth) -> Self {
        Self { auth, ..self }
    }

    /// Sets where the provider sends users back to, exactly as it is registered: `https`, `http` on this machine, or an app's own
    /// scheme, without fragment. A login may name another one. Default: none, which only plain OAuth logins can do without.
    pub fn redirect_uri(self, uri: impl Into<String>) -> Self {
        Self { redirect_uri: Some(uri.into()), ..self }
    }

    /// Sets the clock. Default: [`SystemClock`].
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets how far this clock and the provider's may differ when ID tokens are checked: at most 300 s. Default: 60 s.
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// Sets the algorithms that ID tokens may be signed with. Default: those that the provider's metadata names, as far as they are
    /// safe.
    pub fn id_token_algorithms(self, algorithms: impl IntoIterator<Item = SigningAlgorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// Sets other audiences that an ID token for this client may name as well (OIDC Core §3.1.3.7). Default: none.
    pub fn trusted_audiences<I, S>(self, audiences: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self { trusted_audiences: audiences.into_iter().map(Into::into).collect(), ..self }
    }

    /// Makes the client, which will speak through `transport`. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigError`] where identifier or secret are empty, or a setting is out of its range.
    pub fn build(self, transport: impl HttpTransport) -> Result<OidcClient, ConfigError> {
        if self.id.is_empty() {
            return Err(ConfigError::Empty { field: "client_id" });
        }
        self.auth.check()?;
        if let Some(uri) = &self.redirect_uri {
            redirect::check("redirect_uri", uri)?;
        }
        if self.leeway > IdTokenChecks::MAX_LEEWAY {
            return Err(ConfigError::Invalid { field: "leeway", reason: "more than 300 s" });
        }
        Ok(OidcClient(Arc::new(Inner {
            provider: ProviderState::new(self.provider, Arc::new(transport), self.clock),
            id: self.id,
            auth: self.auth,
            redirect_uri: self.redirect_uri,
            leeway: self.leeway,
            algorithms: self.algorithms,
            trusted_audiences: self.trusted_audiences,
        })))
    }
}

#[cfg(test)]
mod tests {
    use oidc_testkit::ManualClock;
    use serde_json::json;

    use super::*;
    use crate::fake::{FakeTransport, Signer, builder, client, provider};

    // DIS-13
    #[test]
    fn making_a_client_sends_nothing() {
        let (client, transport, _) = client(provider());
        let _ = (client.login(), client.refresh_grant(), client.logout_url(), client.clone());
        assert!(transport.requests().is_empty());
    }

    #[test]
    fn what_cannot_work_is_refused_when_the_client_is_made() {
        let build = |change: fn(OidcClientBuilder) -> OidcClientBuilder| {
            change(builder(provider(), &ManualClock::new())).build(FakeTransport::default())
        };
        assert!(build(|builder| builder).is_ok());
        assert!(build(|builder| builder.leeway(Duration::from_secs(300))).is_ok());
        for (bad, field) in [
            (build(|builder| builder.auth(ClientAuth::secret_basic(Secret::from("")))), "client_secret"),
            (build(|builder| builder.auth(ClientAuth::secret_post(Secret::from("")))), "client_secret"),
            (build(|builder| builder.redirect_uri("http://app.example/callback")), "redirect_uri"),
            (build(|builder| builder.redirect_uri("/callback")), "redirect_uri"),
            (build(|builder| builder.leeway(Duration::from_secs(301))), "leeway"),
        ] {
            assert!(bad.unwrap_err().to_string().starts_with(field), "{field}");
        }
        let nameless = OidcClient::builder(provider(), "").build(FakeTransport::default());
        assert_eq!(nameless.unwrap_err(), ConfigError::Empty { field: "client_id" });
    }

    #[tokio::test]
    async fn an_id_token_that_came_another_way_is_verified() {
        let (client, transport, clock) = client(provider());
        let signer = Signer::new();
        transport.answer(200, &signer.keys());
        let token = |changes| Secret::from(signer.id_token(&clock, "jo", &changes));
        let nonce = Secret::from("n");

        let good = token(json!({"nonce": "n"}));
        for nonce in [None, Some(&nonce)] {
            assert_eq!(client.verify_id_token(&good, nonce).await.unwrap().subject(), "jo");
        }
        assert_eq!(transport.requests().len(), 1, "the keys, once");
        for (bad, expected) in [
            (json!({}), IdTokenError::Nonce),
            (json!({"nonce": "m"}), IdTokenError::Nonce),
            (json!({"nonce": "n", "aud": "other"}), IdTokenError::Audience),
            (json!({"nonce": "n", "exp": 1}), IdTokenError::Expired),
        ] {
            let refused = client.verify_id_token(&token(bad.clone()), Some(&nonce)).await.unwrap_err();
            assert_eq!(refused.to_string(), expected.to_string(), "{bad}");
        }
        let stranger = Secret::from(Signer::new().id_token(&clock, "jo", &json!({})));
        let refused = client.verify_id_token(&stranger, None).await.unwrap_err();
        assert!(matches!(refused, IdTokenError::BadSignature));
    }

    // LEA-01
    #[test]
    fn debug_shows_no_secret() {
        let (client, ..) = client(provider());
        assert!(!format!("{client:#?} {:?}", client.login()).contains("canary"));
    }
}
