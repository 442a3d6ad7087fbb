//! ID tokens: what is checked, and what is left when all of it passed.
//!
//! 1. `jose::Compact` takes the token apart strictly, `jose::Header` reads how it is signed, `protocol` checks every claim that needs
//!    no key. openidconnect checks none of what is done here: size, repeated members, the types of claims that it does not read,
//!    leeway, `nbf`, `iat`, `azp`, `at_hash`, `c_hash`, an empty `sub`, other kinds of token.
//! 2. `provider::ProviderState` has the keys; one that is not known is looked for once more, as often as that is allowed.
//! 3. openidconnect's `IdTokenVerifier` verifies the signature, on keys of ours (`jose::Key`), and `iss`, `aud`, `exp` and the nonce.
//!
//! A token passes only if both readers take it. openidconnect's is strict about the standard claims of OIDC Core §5.1: `address` as
//! text, say, makes a token unreadable. Booleans as text and times as RFC 3339 text, the usual oddities, it takes.

mod claims;
mod error;
mod protocol;
#[cfg(test)]
mod tests;
mod verify;

use std::time::{Duration, SystemTime};

use oidc_core::Secret;

pub use self::{claims::IdTokenClaims, error::IdTokenError};
use crate::jose::SigningAlgorithm;

/// What an ID token is held against, beside the provider's metadata and keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdTokenChecks<'a> {
    /// The client that the token must be for.
    pub(crate) client_id: &'a str,
    /// The nonce of the login.
    pub(crate) nonce: NonceCheck<'a>,
    /// The access token that came with it: `at_hash`, where there is one, must fit.
    pub(crate) access_token: Option<&'a Secret>,
    /// The code that it was given for: `c_hash`, where there is one, must fit.
    pub(crate) code: Option<&'a Secret>,
    /// The user of the login, where that is known already (a refresh).
    pub(crate) subject: Option<&'a str>,
    /// `max_age` of the authorization request: `auth_time` must be there and not older.
    pub(crate) max_age: Option<Duration>,
    /// The essential `acr` values: where there are any, `acr` must be one of them.
    pub(crate) acr_values: &'a [String],
    /// The signature algorithms that the client takes; none means those of the provider's metadata.
    pub(crate) algorithms: &'a [SigningAlgorithm],
    /// How far the clocks may differ, [`MAX_LEEWAY`](Self::MAX_LEEWAY) at most.
    pub(crate) leeway: Duration,
    /// How long ago the token may have been issued; default: as long as it is valid.
    pub(crate) max_iat_age: Option<Duration>,
    /// Audiences that may stand beside this client.
    pub(crate) trusted_audiences: &'a [String],
    /// The `Date` header of the answer that brought the token: tells a wrong clock from an ended token.
    pub(crate) server_time: Option<SystemTime>,
}

/// What is known of the nonce.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NonceCheck<'a> {
    /// This one was sent: the token must have it.
    Sent(&'a Secret),
    /// A refresh: the token may repeat the nonce of the login (OIDC Core §12.2), which is not kept.
    Unknown,
}

impl<'a> IdTokenChecks<'a> {
    /// How far clocks may differ by default.
    pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);
    /// How far clocks may differ at most.
    pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(300);

    /// The checks that every token gets.
    pub(crate) fn new(client_id: &'a str, nonce: NonceCheck<'a>) -> Self {
        Self {
            client_id,
            nonce,
            access_token: None,
            code: None,
            subject: None,
            max_age: None,
            acr_values: &[],
            algorithms: &[],
            leeway: Self::DEFAULT_LEEWAY,
            max_iat_age: None,
            trusted_audiences: &[],
            server_time: None,
        }
    }

    /// The leeway, never more than [`MAX_LEEWAY`](Self::MAX_LEEWAY).
    fn leeway(&self) -> Duration {
        self.leeway.min(Self::MAX_LEEWAY)
    }
}
