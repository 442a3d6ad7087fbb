//! What a provider gives: access token, refresh token, ID token.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{Scopes, Secret};

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

    /// The ID token in its compact form.
    pub fn id_token(&self) -> Option<&Secret> {
        self.id_token.as_ref()
    }

    /// The three parts.
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

/// When an access token was received, and for how long it was good then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lifetime {
    received: SystemTime,
    expires_in: Option<Duration>,
}

impl Lifetime {
    /// No provider means a longer life than this; what says so is taken as not having said anything.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// By how much the clocks of two machines that share a store may differ.
    const SKEW: Duration = Duration::from_secs(300);

    /// A token received at `received` (wall clock, taken before the request was sent) with `expires_in` to live.
    pub fn new(received: SystemTime, expires_in: Option<Duration>) -> Self {
        Self { received, expires_in: expires_in.filter(|life| *life <= Self::LONGEST) }
    }

    /// When the token was received.
    pub fn received(&self) -> SystemTime {
        self.received
    }

    /// How long the token was good then, as the provider said.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// How long the token is still good at `now`: `None` where nobody knows, because the provider did not say or
    /// because the token seems to come from the future (a clock was wrong).
    pub fn remaining(&self, now: SystemTime) -> Option<Duration> {
        let life = self.expires_in?;
        match now.duration_since(self.received) {
            Ok(age) => Some(life.saturating_sub(age)),
            Err(ahead) if ahead.duration() <= Self::SKEW => Some(life),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        // CLK-03, CLK-05
        #[test]
        fn remaining_life_never_overflows_and_never_grows(
            received in 0u64..=253_402_300_799, life in any::<u64>(), now in 0u64..=253_402_300_799, later in 0u64..10_000,
        ) {
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let lifetime = Lifetime::new(at(received), Some(Duration::from_secs(life)));
            let first = lifetime.remaining(at(now));
            if let (Some(first), Some(second)) = (first, lifetime.remaining(at(now + later))) {
                prop_assert!(second <= first);
                prop_assert!(first <= Duration::from_secs(life));
            }
            if life > Lifetime::LONGEST.as_secs() {
                prop_assert_eq!(first, None);
            }
        }
    }
}
