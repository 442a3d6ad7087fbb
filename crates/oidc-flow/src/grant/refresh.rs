//! Keeping a login alive with its refresh token.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use oidc_core::{Cause, Grant, GrantError, GrantErrorKind, Secret, SendGate, Target, TokenSet};

use super::{same_user::names_another_user, with_target};
use crate::{
    IdTokenError, OidcClient,
    form::Form,
    id_token::{IdTokenChecks, NonceCheck},
    provider::IdTokens,
    token_endpoint::{TokenAnswer, TokenRequest, no_provider},
};

/// The refresh token of a login (RFC 6749 §6): spends it, and hands over what came back.
///
/// An ID token in the answer is verified and has to be about the same user (OIDC Core §12.2). One whose keys cannot be had at
/// once is left out: the one of the login stays, and so do the new tokens.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    client: OidcClient,
}

impl RefreshGrant {
    /// How long new tokens wait for the keys of the ID token that came with them. They are not saved yet.
    const KEYS_WITHIN: Duration = Duration::from_secs(2);

    pub(crate) fn new(client: OidcClient) -> Self {
        Self { client }
    }

    fn expects_id_tokens(&self) -> bool {
        self.client.provider().profile().id_tokens() != IdTokens::Never
    }

    /// The new ID token, if there is one and it is good.
    ///
    /// # Errors
    /// [`Cause::RefreshMismatch`] for another user's; for one that is not good an error with the refresh token in it.
    async fn checked_id_token(
        &self,
        answer: &TokenAnswer,
        current: &TokenSet,
    ) -> Result<Option<Secret>, GrantError> {
        let Some(id_token) = answer.id_token.as_ref().filter(|_| self.expects_id_tokens()) else {
            return Ok(None);
        };
        if current.id_token().is_some_and(|old| names_another_user(old, id_token)) {
            let kind = GrantErrorKind::Refused(Cause::RefreshMismatch);
            return Err(GrantError::new(kind, "the refreshed ID token is about another user"));
        }
        match self.verify(id_token, answer).await {
            Ok(()) => Ok(Some(id_token.clone())),
            Err(error) if is_for_want_of_keys_or_time(&error) => {
                tracing::warn!(%error, "the refreshed ID token is left out");
                Ok(None)
            }
            Err(error) => {
                let failure =
                    GrantError::new(GrantErrorKind::Misconfigured, "the refreshed ID token is not good");
                let salvage = answer.with_refresh_of(TokenSet::default());
                let salvage = Some(salvage).filter(|salvage| salvage.refresh().is_some());
                Err(salvage.into_iter().fold(failure.with_source(error), GrantError::with_salvage))
            }
        }
    }

    async fn verify(&self, id_token: &Secret, answer: &TokenAnswer) -> Result<(), IdTokenError> {
        let provider = &self.client.0.provider;
        let checks = IdTokenChecks {
            access_token: Some(answer.access.value()),
            server_time: answer.server_time,
            ..self.client.id_token_checks(NonceCheck::Unknown)
        };
        let verified = pin!(provider.verify_id_token(id_token, &checks));
        let clock = provider.clock();
        let too_late = pin!(clock.sleep_until(clock.boot().after(Self::KEYS_WITHIN)));
        match select(verified, too_late).await {
            Either::Left((verified, _)) => verified.map(drop),
            Either::Right(_) => {
                Err(IdTokenError::KeysNotYetAvailable { retry_after: Duration::ZERO, source: None })
            }
        }
    }
}

#[async_trait]
impl Grant for RefreshGrant {
    fn spends(&self) -> bool {
        true
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        let provider = &self.client.0.provider;
        let metadata = provider.metadata().await.map_err(no_provider)?;
        let may_need_keys = metadata.jwks_uri().is_some() && self.expects_id_tokens();
        if may_need_keys && let Err(error) = provider.keys(&metadata).await {
            tracing::debug!(%error, "no keys for an ID token, if one comes");
        }
        Ok(())
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let (Some(current), Some(refresh)) = (current, current.and_then(TokenSet::refresh)) else {
            let kind = GrantErrorKind::Refused(Cause::LoggedOut);
            return Err(GrantError::new(kind, "the login has no refresh token"));
        };
        let form = Form::with("grant_type", "refresh_token").and("refresh_token", refresh.expose());
        let scopes = target.scopes();
        let form = if scopes.is_empty() { form } else { form.and("scope", &scopes.to_string()) };
        let profile = self.client.provider().profile();
        let request = TokenRequest {
            form: with_target(form, target),
            gate: &|| gate.pass(),
            is_dead: &|answer| profile.is_dead_refresh(answer),
            repeat_unsent: false,
        };
        let answer = self.client.request_tokens(request).await?;
        let id_token = self.checked_id_token(&answer, current).await?;
        token_set(&answer, id_token, target, current)
    }

    async fn discard(&self, refresh: &Secret) {
        let tokens = TokenSet::from_refresh_token(refresh.clone());
        if let Err(error) = self.client.revoke(&tokens).await {
            tracing::debug!(%error, "a refresh token that nobody needs was not revoked");
        }
    }
}

fn token_set(
    answer: &TokenAnswer,
    id_token: Option<Secret>,
    target: &Target,
    current: &TokenSet,
) -> Result<TokenSet, GrantError> {
    // Left out means as requested (RFC 6749 §5.1), and nothing requested means as before (§6).
    let before = current.access().and_then(|access| access.scopes());
    let asked = Some(target.scopes()).filter(|scopes| !scopes.is_empty()).or(before);
    let access = match (answer.access.scopes(), asked) {
        (None, Some(asked)) => answer.access.clone().with_scopes(asked.clone()),
        _ => answer.access.clone(),
    };
    let tokens = TokenSet::new(access);
    if answer.lost_refresh {
        let failure = GrantError::new(GrantErrorKind::OutcomeUnknown, "the new refresh token cannot be read");
        return Err(failure.with_salvage(tokens));
    }
    let tokens = answer.with_refresh_of(tokens);
    Ok(id_token.into_iter().fold(tokens, TokenSet::with_id_token))
}

/// Whether an ID token failed for reasons that say nothing about who made it: keys that cannot be had, clocks that differ.
fn is_for_want_of_keys_or_time(error: &IdTokenError) -> bool {
    matches!(
        error,
        IdTokenError::ClockSkew { .. }
            | IdTokenError::Expired
            | IdTokenError::IssuedAt
            | IdTokenError::KeysNotYetAvailable { .. }
            | IdTokenError::NotBefore
            | IdTokenError::Provider(_)
    )
}

#[cfg(test)]
mod tests;
