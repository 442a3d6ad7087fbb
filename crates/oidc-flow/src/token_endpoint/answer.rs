//! What a token endpoint's answer says.

use std::time::SystemTime;

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, DATE},
};
use oidc_core::{AccessToken, GrantError, GrantErrorKind, Lifetime, Secret, TokenSet};

use super::{
    failure::{dead, http_error, oauth_error, retry_after},
    members::{Members, Text},
};
use crate::provider::RefusedAnswer;

/// Which answers mean that the code or refresh token is dead.
pub(crate) type DeadAnswers<'a> = &'a (dyn Fn(&RefusedAnswer<'_>) -> bool + Send + Sync);

/// The tokens of a successful answer. The ID token is unverified.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct TokenAnswer {
    pub(crate) access: AccessToken,
    pub(crate) refresh: Option<Secret>,
    /// When the refresh token ends: the new one, or the old one where there is no new one.
    pub(crate) refresh_ends_at: Option<SystemTime>,
    pub(crate) id_token: Option<Secret>,
    /// There is a refresh token, but not one that can be read: the old one may be spent.
    pub(crate) lost_refresh: bool,
    /// What the provider's clock said.
    pub(crate) server_time: Option<SystemTime>,
}

impl TokenAnswer {
    /// Adds to `tokens` what the answer says about the refresh token.
    pub(crate) fn with_refresh_of(&self, tokens: TokenSet) -> TokenSet {
        with_refresh(tokens, self.refresh.clone(), self.refresh_ends_at)
    }
}

/// An answer as it came, and what is needed to judge it.
pub(crate) struct RawAnswer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The wall clock before the request was sent.
    pub(crate) sent: SystemTime,
    /// The wall clock now.
    pub(crate) now: SystemTime,
    pub(crate) is_dead: DeadAnswers<'a>,
    /// Whether a text repeats a secret of the request.
    pub(crate) is_echo: &'a (dyn Fn(&str) -> bool + Send + Sync),
}

impl RawAnswer<'_> {
    /// Reads the answer: tolerant of every form that providers send it in, and without guessing what is not clear.
    ///
    /// # Errors
    /// [`GrantError`], with the refresh token as [`salvage`](GrantError::salvage) where a successful answer has one and
    /// something beside it is unusable.
    pub(crate) fn read(&self) -> Result<TokenAnswer, GrantError> {
        let Some(members) = Members::read(self.body, self.is_form()) else {
            return Err(self.unreadable(None));
        };
        let has_access = matches!(members.text("access_token"), Text::Is(_));
        let has_refresh = matches!(members.text("refresh_token"), Text::Is(_));
        let has_tokens = has_access || (has_refresh && self.status.is_success());
        match (members.text("error"), has_tokens) {
            (Text::Absent, true) if self.status.is_success() => self.tokens(&members),
            (_, true) => Err(self.unusable("the answer contradicts itself", &members)),
            (Text::Absent, false) => Err(self.unreadable(Some(&members))),
            (Text::Is(code), false) => Err(self.refusal(code.expose(), &members)),
            (Text::Odd, false) => Err(self.refusal("", &members)),
        }
    }

    fn tokens(&self, members: &Members<'_>) -> Result<TokenAnswer, GrantError> {
        if members.has_duplicates() {
            return Err(self.unusable("a member is in the answer twice", members));
        }
        if !is_bearer(members.text("token_type")) {
            let error =
                GrantError::new(GrantErrorKind::Misconfigured, "the provider's tokens are not bearer tokens");
            return Err(self.salvaged(error, members));
        }
        let lifetime = Lifetime::new(self.sent, members.expires_in());
        let lifetime = members.refresh_in().into_iter().fold(lifetime, Lifetime::with_refresh_in);
        let access = members.text("access_token").into_option();
        let Some(access) = access.and_then(|value| AccessToken::bearer(value, lifetime).ok()) else {
            return Err(self.unusable("the answer has no usable access token", members));
        };
        let refresh = members.text("refresh_token");
        Ok(TokenAnswer {
            access: members.scopes().into_iter().fold(access, AccessToken::with_scopes),
            lost_refresh: refresh == Text::Odd,
            refresh_ends_at: self.refresh_ends_at(members),
            refresh: refresh.into_option(),
            id_token: members.text("id_token").into_option(),
            server_time: self.server_time(),
        })
    }

    fn refusal(&self, code: &str, members: &Members<'_>) -> GrantError {
        let code = if (self.is_echo)(code) { "" } else { code };
        if self.is_dead(Some(members)) {
            return dead(self.status).with_code(code);
        }
        oauth_error(code, self.status, retry_after(self.headers, self.now))
    }

    /// Whether the answer says that the code or refresh token is dead. Who is told to slow down is told nothing else.
    fn is_dead(&self, members: Option<&Members<'_>>) -> bool {
        let answer = RefusedAnswer {
            status: self.status.as_u16(),
            is_empty: self.body.trim_ascii().is_empty(),
            says: &|place, text| members.is_some_and(|members| members.says(place, text)),
        };
        self.status != StatusCode::TOO_MANY_REQUESTS && (self.is_dead)(&answer)
    }

    /// An answer that names neither tokens nor an error.
    fn unreadable(&self, members: Option<&Members<'_>>) -> GrantError {
        if self.is_dead(members) {
            return dead(self.status);
        }
        if !self.status.is_success() {
            return http_error(self.status, retry_after(self.headers, self.now));
        }
        let reason = "the answer is not a token response";
        GrantError::new(GrantErrorKind::OutcomeUnknown, reason).with_status(self.status.as_u16())
    }

    fn unusable(&self, reason: &'static str, members: &Members<'_>) -> GrantError {
        self.salvaged(GrantError::new(GrantErrorKind::OutcomeUnknown, reason), members)
    }

    fn salvaged(&self, error: GrantError, members: &Members<'_>) -> GrantError {
        let error = error.with_status(self.status.as_u16());
        match members.text("refresh_token").into_option() {
            Some(refresh) => {
                let ends_at = self.refresh_ends_at(members);
                error.with_salvage(with_refresh(TokenSet::default(), Some(refresh), ends_at))
            }
            None => error,
        }
    }

    /// When the refresh token ends, counted from when the request was sent, so that it is never too late.
    fn refresh_ends_at(&self, members: &Members<'_>) -> Option<SystemTime> {
        self.sent.checked_add(members.refresh_expires_in()?)
    }

    /// `Date` (RFC 9110 §6.6.1).
    fn server_time(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()
    }

    fn is_form(&self) -> bool {
        let essence = |value: &str| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        };
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(essence)
    }
}

fn with_refresh(tokens: TokenSet, refresh: Option<Secret>, ends_at: Option<SystemTime>) -> TokenSet {
    let tokens = refresh.into_iter().fold(tokens, TokenSet::with_refresh_token);
    ends_at.into_iter().fold(tokens, TokenSet::with_refresh_end)
}

/// Whether a `token_type` means RFC 6750 bearer tokens. Left out it does; a stray colon or space is taken off.
fn is_bearer(token_type: Text) -> bool {
    match token_type {
        Text::Absent => {
            tracing::debug!("the token answer has no token_type; taken as Bearer");
            true
        }
        Text::Is(text) => {
            let text =
                text.expose().trim_matches(|character: char| character == ':' || character.is_whitespace());
            text.is_empty() || text.eq_ignore_ascii_case("bearer")
        }
        Text::Odd => false,
    }
}

#[cfg(test)]
mod tests;
