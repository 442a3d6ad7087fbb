//! From the callback to the tokens.

use oidc_core::{GrantError, Secret, Subject, TokenKey, TokenSet};

use super::{CheckedCallback, PendingLogin};
use crate::{
    IdTokenClaims, LoginError, OidcClient,
    form::Form,
    id_token::{IdTokenChecks, NonceCheck},
    token_endpoint::{TokenAnswer, TokenRequest},
};

/// A user who is logged in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// What the login is called: provider, client and user. Add a session with
    /// [`with_session`](TokenKey::with_session) where one user may be logged in more than once.
    pub key: TokenKey,
    /// The tokens, to be put where they are kept alive. What they lack was not in the answer: without a refresh token the login
    /// ends with its access token.
    pub tokens: TokenSet,
    /// Who the user is, as a verified ID token says. `None` where there was none: in plain OAuth mode, and where the provider's profile
    /// does without. The subject of [`key`](Self::key) is then the application's own word for the user
    /// ([`LoginRequest::user`](crate::LoginRequest::user)) and proves nothing.
    pub claims: Option<IdTokenClaims>,
}

impl OidcClient {
    /// Exchanges the code of a checked callback for tokens (RFC 6749 §4.1.3) and verifies the ID token.
    ///
    /// Both are used up, whatever comes of it: a code is good for one try, and it is sent a second time only if it was
    /// provably not sent the first time. Dropping the future may lose the code; the user then logs in again. Where the caller may be
    /// dropped with its connection, run it on a task of its own.
    ///
    /// # Errors
    /// [`LoginError`]. None of the tokens is handed out then.
    pub async fn finish_login(
        &self,
        pending: PendingLogin,
        callback: CheckedCallback,
    ) -> Result<Session, LoginError> {
        if pending.client != self.client_id() || pending.authority != *self.provider().authority() {
            return Err(LoginError::OtherClient);
        }
        if callback.state != pending.state {
            return Err(LoginError::StateMismatch);
        }
        if pending.has_expired(self.0.provider.clock().as_ref()) {
            return Err(LoginError::Expired);
        }
        if pending.subject.is_none() {
            self.look_up_keys().await?;
        }
        let answer = self.exchange(&pending, &callback.code).await.map_err(LoginError::Exchange)?;
        let claims = self.identify(&pending, &callback.code, &answer).await?;
        self.open_session(pending, answer, claims)
    }

    /// Asks for the keys before the code is spent, so that a provider without them costs no code.
    async fn look_up_keys(&self) -> Result<(), LoginError> {
        let metadata = self.0.provider.metadata().await?;
        self.0.provider.keys(&metadata).await?;
        Ok(())
    }

    async fn exchange(&self, pending: &PendingLogin, code: &Secret) -> Result<TokenAnswer, GrantError> {
        let form = Form::with("grant_type", "authorization_code")
            .and("code", code.expose())
            .and("code_verifier", pending.verifier.expose())
            .and_each("redirect_uri", pending.redirect_uri.as_deref())
            .and_each("resource", pending.resources.iter().map(String::as_str));
        self.request_tokens(TokenRequest {
            form,
            gate: &|| Ok(()),
            is_dead: &|answer| answer.is_invalid_grant(),
            repeat_unsent: true,
        })
        .await
    }

    /// Who logged in: what the ID token says, where the login expects one.
    async fn identify(
        &self,
        pending: &PendingLogin,
        code: &Secret,
        answer: &TokenAnswer,
    ) -> Result<Option<IdTokenClaims>, LoginError> {
        let Some(nonce) = &pending.nonce else { return Ok(None) };
        let Some(id_token) = &answer.id_token else {
            // Nothing but an ID token proves how long ago the user was authenticated.
            let due = pending.subject.is_none() || pending.max_age.is_some();
            return if due { Err(LoginError::MissingIdToken) } else { Ok(None) };
        };
        let checks = IdTokenChecks {
            access_token: Some(answer.access.value()),
            code: Some(code),
            max_age: pending.max_age,
            server_time: answer.server_time,
            ..self.id_token_checks(NonceCheck::Sent(nonce))
        };
        let claims = self.0.provider.verify_id_token(id_token, &checks).await;
        claims.map(Some).map_err(LoginError::InvalidIdToken)
    }

    fn open_session(
        &self,
        pending: PendingLogin,
        answer: TokenAnswer,
        claims: Option<IdTokenClaims>,
    ) -> Result<Session, LoginError> {
        let subject = match (&claims, pending.subject) {
            (Some(claims), _) => Subject::user(claims.subject())?,
            (None, Some(subject)) => subject,
            (None, None) => return Err(LoginError::MissingIdToken),
        };
        if answer.lost_refresh {
            tracing::warn!("the refresh token of the answer cannot be read");
        }
        let access = match answer.access.scopes() {
            Some(_) => answer.access.clone(),
            // Left out means as requested (RFC 6749 §5.1).
            None => answer.access.clone().with_scopes(pending.scopes),
        };
        let tokens = answer.with_refresh_of(TokenSet::new(access));
        let id_token = answer.id_token.filter(|_| claims.is_some());
        let tokens = id_token.into_iter().fold(tokens, TokenSet::with_id_token);
        Ok(Session { key: self.key(subject), tokens, claims })
    }
}

#[cfg(test)]
mod tests;
