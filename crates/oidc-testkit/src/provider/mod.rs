//! An OpenID provider on loopback.

mod account;
mod authorize;
mod builder;
mod client;
mod client_auth;
mod dispatch;
mod documents;
mod faults;
mod id_token;
mod json;
mod judge;
mod keys;
mod ledger;
mod oauth;
mod odd;
mod rotation;
mod state;
mod token;
mod user;

use std::{io, sync::Arc};

use oidc_core::{AccessToken, Lifetime, Scopes, Secret, TokenSet};

use self::ledger::Login;
pub use self::{
    builder::TestProviderBuilder,
    client::{ClientAuthentication, TestClient},
    faults::{Answer, Endpoint, Fault, Rewrite},
    json::JsonObject,
    judge::Judge,
    keys::SigningAlgorithm,
    odd::{BadIdToken, OddAnswer},
    rotation::{RefreshTokens, Rotation, Successor},
    user::TestUser,
};
pub(crate) use self::{
    oauth::{bearer_refusal, bearer_token},
    state::Shared,
};
use crate::server::Server;

/// A real OpenID provider over HTTP on loopback, for tests. It stops when it is dropped.
///
/// It knows the grants `authorization_code` (with PKCE S256, which it demands), `refresh_token` and
/// `client_credentials`, has metadata, key set, userinfo, revocation and logout, rotates refresh tokens and
/// detects their reuse. It is strict: what the specifications forbid it refuses. What it has seen is in
/// [`judge`](Self::judge); what it is to do wrong is asked for with [`fail_next`](Self::fail_next).
///
/// ```
/// use std::time::Duration;
/// use oidc_testkit::{Endpoint, Fault, Rotation, TestClient, TestProvider};
///
/// # async fn example() -> std::io::Result<()> {
/// let provider = TestProvider::builder()
///     .client(TestClient::public("app").redirect_uri("http://127.0.0.1/callback"))
///     .access_token_lifetime(Duration::from_secs(3))
///     .rotation(Rotation::Strict)
///     .start()
///     .await?;
/// println!("issuer: {}", provider.issuer());
/// provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
/// // Here something talks to the provider …
/// assert_eq!(provider.judge().reuse_detected, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestProvider {
    shared: Arc<Shared>,
    _server: Server,
}

impl TestProvider {
    /// A provider with the defaults: strict rotation, access tokens of 300 s, no clients.
    pub fn builder() -> TestProviderBuilder {
        TestProviderBuilder::new()
    }

    /// The issuer: `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// The URL of an endpoint.
    pub fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.shared.issuer, self.shared.config.path(endpoint))
    }

    /// Lets something go wrong with the next request to this endpoint. Called several times: with the next
    /// ones, in this order.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault) {
        self.shared.faults.push(endpoint, fault);
    }

    /// How many faults still wait for their request.
    pub fn pending_faults(&self) -> usize {
        self.shared.faults.pending()
    }

    /// What the provider has seen so far.
    pub fn judge(&self) -> Judge {
        self.shared.state().judge.clone()
    }

    /// Puts somebody else at the login page, with a session of their own or none.
    pub fn set_user(&self, user: TestUser) {
        let mut state = self.shared.state();
        state.session = user.has_session().then(|| self.shared.config.clock.wall());
        state.user = user;
    }

    /// Ends the user's session at the provider, as a logout elsewhere does. Tokens stay good.
    pub fn end_session(&self) {
        self.shared.state().session = None;
    }

    /// Logs in without a browser: tokens for `subject` at a registered client, as if a code had just been
    /// redeemed. They include a refresh token, whatever the scopes, and no ID token.
    ///
    /// # Errors
    /// Where there is no such client.
    pub fn sign_in(&self, client: &str, subject: &str, scopes: &[&str]) -> io::Result<TokenSet> {
        let known = self.shared.client(client);
        known.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such client is registered"))?;
        let (clock, now) = (&self.shared.config.clock, self.shared.now());
        let scopes: Vec<String> = scopes.iter().copied().map(str::to_owned).collect();
        let login = Login {
            client: client.to_owned(),
            subject: Some(subject.to_owned()),
            scopes: scopes.clone(),
            auth_time: clock.wall(),
            acr: None,
            nonce: None,
        };
        let mut state = self.shared.state();
        let login = state.ledger.open_login(login);
        let access = Secret::from(state.ledger.issue_access(now, login, &scopes));
        let refresh = Secret::from(state.ledger.issue_refresh(now, login));
        let lifetime = Lifetime::new(clock.wall(), Some(self.shared.config.rules.access_lifetime));
        let access = AccessToken::bearer(access, lifetime).map_err(io::Error::other)?;
        Ok(TokenSet::new(access.with_scopes(Scopes::parse(&scopes.join(" ")))).with_refresh_token(refresh))
    }

    /// Whether the access token was issued here and has neither expired nor been revoked.
    pub fn is_live(&self, access_token: &str) -> bool {
        self.shared.live(access_token).is_some()
    }

    /// Revokes all access tokens that were issued so far, and no refresh token.
    pub fn revoke_access_tokens(&self) {
        self.shared.state().ledger.revoke_all_access();
    }

    /// Ends all logins: every access token and refresh token that was issued so far is refused.
    pub fn end_logins(&self) {
        self.shared.state().ledger.end_all_logins();
    }

    /// Signs with new keys from now on; the earlier ones stay in the key set.
    ///
    /// # Errors
    /// Where no keys can be made.
    pub fn rotate_keys(&self) -> io::Result<()> {
        self.shared.state().keys.rotate()
    }

    /// Takes all keys but the newest out of the key set.
    pub fn retire_keys(&self) {
        self.shared.state().keys.retire();
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}
