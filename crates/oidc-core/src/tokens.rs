//! What a provider gives: access token, refresh token, ID token.

use std::{fmt, time::SystemTime};

use crate::{Lifetime, Scopes, Secret};

/// What one token answer brought.
///
/// Every part is optional, because every part is in some answer: a refresh token alone is how an existing login is
/// imported, and what is left of an answer whose access token was unusable.
///
/// ```
/// use oidc_core::{Secret, TokenSet};
/// let imported = TokenSet::from_refresh_token(Secret::from("8xLOxBtZp8"));
/// assert!(imported.access().is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSet {
    access: Option<AccessToken>,
    refresh: Option<Secret>,
    refresh_ends_at: Option<SystemTime>,
    id_token: Option<Secret>,
}

impl TokenSet {
    /// A set with this access token.
    pub fn new(access: AccessToken) -> Self {
        Self { access: Some(access), ..Self::default() }
    }

    /// An existing login, known by its refresh token only: the first use of it renews.
    pub fn from_refresh_token(refresh: Secret) -> Self {
        Self::default().with_refresh_token(refresh)
    }

    /// Sets the refresh token. An empty one counts as none.
    #[must_use]
    pub fn with_refresh_token(mut self, refresh: Secret) -> Self {
        self.refresh = Some(refresh).filter(|refresh| !refresh.is_empty());
        self
    }

    /// Sets when the refresh token ends (wall clock), as the provider said beside it. Default: nobody knows.
    ///
    /// In an answer without a refresh token this is the end of the one that was sent.
    #[must_use]
    pub fn with_refresh_end(mut self, ends_at: SystemTime) -> Self {
        self.refresh_ends_at = Some(ends_at);
        self
    }

    /// Sets the ID token in its compact form, as `id_token_hint` needs it. Whether it is valid was checked elsewhere.
    #[must_use]
    pub fn with_id_token(mut self, id_token: Secret) -> Self {
        self.id_token = Some(id_token).filter(|id_token| !id_token.is_empty());
        self
    }

    /// The access token.
    pub fn access(&self) -> Option<&AccessToken> {
        self.access.as_ref()
    }

    /// The refresh token.
    pub fn refresh(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    /// When the refresh token ends (wall clock), where the provider said so. A forecast: only the provider's refusal ends a login.
    pub fn refresh_ends_at(&self) -> Option<SystemTime> {
        self.refresh_ends_at
    }

    /// The ID token in its compact form.
    pub fn id_token(&self) -> Option<&Secret> {
        self.id_token.as_ref()
    }

    /// The three tokens.
    pub fn into_parts(self) -> (Option<AccessToken>, Option<Secret>, Option<Secret>) {
        (self.access, self.refresh, self.id_token)
    }
}

/// How an access token is attached to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
}

/// An access token, what it may be used for, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    value: Secret,
    scheme: Scheme,
    scopes: Option<Scopes>,
    lifetime: Lifetime,
}

impl AccessToken {
    /// The longest access token that is taken, in bytes.
    pub const MAX_LENGTH: usize = 16 * 1024;

    /// A bearer token.
    ///
    /// # Errors
    /// [`UnusableToken`] where it is empty, longer than [`MAX_LENGTH`](Self::MAX_LENGTH), or has a character that is
    /// not visible ASCII: it could not be sent in a header.
    pub fn bearer(value: Secret, lifetime: Lifetime) -> Result<Self, UnusableToken> {
        let bytes = value.expose().as_bytes();
        if bytes.is_empty() || bytes.len() > Self::MAX_LENGTH || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(UnusableToken);
        }
        Ok(Self { value, scheme: Scheme::Bearer, scopes: None, lifetime })
    }

    /// Sets the scopes that the provider named. Without, they are the ones that were asked for (RFC 6749 §5.1).
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// The token itself.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// How it is attached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scopes that the provider named, if it named any.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.scopes.as_ref()
    }

    /// For how long it is good.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

/// The access token cannot be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableToken;

impl fmt::Display for UnusableToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the access token is empty, too long, or not visible ASCII")
    }
}

impl std::error::Error for UnusableToken {}

#[cfg(test)]
mod tests {
    use super::*;

    // TOK-05
    #[test]
    fn a_token_that_no_header_can_hold_is_refused() {
        let lifetime = Lifetime::new(SystemTime::UNIX_EPOCH, None);
        for bad in ["", "a b", "a\r\nX: y", "tök", "a\u{0}", &"a".repeat(AccessToken::MAX_LENGTH + 1)] {
            assert!(AccessToken::bearer(Secret::from(bad), lifetime).is_err());
        }
        assert!(AccessToken::bearer(Secret::from("a.b-c_d~+/="), lifetime).is_ok());
    }

    #[test]
    fn debug_shows_no_token() {
        let lifetime = Lifetime::new(SystemTime::UNIX_EPOCH, None);
        let access = AccessToken::bearer(Secret::from("canary-a"), lifetime).unwrap();
        let set = TokenSet::new(access)
            .with_refresh_token(Secret::from("canary-r"))
            .with_id_token(Secret::from("canary-i"));
        assert!(!format!("{set:#?}").contains("canary"));
    }
}
