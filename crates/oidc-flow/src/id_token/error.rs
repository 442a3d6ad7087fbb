//! Why an ID token is refused.

use std::{error::Error, fmt, time::Duration};

use crate::provider::ProviderError;

/// Why an ID token is refused. Nothing of the token is in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IdTokenError {
    /// `at_hash` does not belong to the access token that came with it (OIDC Core §3.1.3.8).
    AccessTokenHash,
    /// `acr` is none of the values that were asked for.
    Acr,
    /// The signature algorithm is not one that this client takes from this provider, or there is no signature.
    AlgNotAllowed,
    /// The token is for other clients, or for others as well.
    Audience,
    /// The user was authenticated too long ago, or `auth_time` is missing though `max_age` was asked for.
    AuthTime,
    /// `azp` names another client, or is missing though there are several audiences.
    AuthorizedParty,
    /// The signature is not the provider's.
    BadSignature,
    /// This machine's clock and the provider's differ by more than is taken.
    ClockSkew {
        /// By how much, as far as the provider's `Date` header says.
        estimate: Duration,
        /// Whether this machine is the one that is ahead.
        ahead: bool,
    },
    /// `c_hash` does not belong to the code that the token was given for.
    CodeHash,
    /// The token has ended.
    Expired,
    /// The token was issued in the future, or longer ago than is taken.
    IssuedAt,
    /// The token is another issuer's.
    Issuer,
    /// The token's key is not known, and the provider may not be asked for its keys again just now. It may be known later.
    KeysNotYetAvailable {
        /// When they may be asked for again.
        retry_after: Duration,
        /// Why they could not be had, where that is the reason.
        source: Option<ProviderError>,
    },
    /// The token is not a well-formed ID token.
    Malformed(&'static str),
    /// The nonce is not the one of the login.
    Nonce,
    /// The token is not valid yet.
    NotBefore,
    /// What is known of the provider does not suffice: no metadata, no issuer, no keys.
    Provider(ProviderError),
    /// The subject is empty, too long, or another user than the one of the login.
    Subject,
    /// The token is larger than any honest one.
    TooLarge,
    /// The provider has no key with the name that the token gives.
    UnknownKey,
}

impl IdTokenError {
    /// Whether the same token may pass later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::KeysNotYetAvailable { .. } => true,
            Self::Provider(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ID token refused: ")?;
        f.write_str(match self {
            Self::AccessTokenHash => "at_hash does not fit the access token",
            Self::Acr => "acr is none of those asked for",
            Self::AlgNotAllowed => "signature algorithm not allowed",
            Self::Audience => "aud does not name this client alone",
            Self::AuthTime => "auth_time is missing or too long ago",
            Self::AuthorizedParty => "azp does not name this client",
            Self::BadSignature => "bad signature",
            Self::ClockSkew { estimate, ahead } => {
                let side = if *ahead { "ahead of" } else { "behind" };
                return write!(f, "this clock is {} s {side} the provider's", estimate.as_secs());
            }
            Self::CodeHash => "c_hash does not fit the code",
            Self::Expired => "expired",
            Self::IssuedAt => "iat is in the future or too long ago",
            Self::Issuer => "wrong issuer",
            Self::KeysNotYetAvailable { retry_after, .. } => {
                return write!(
                    f,
                    "its key is not known yet, try again in {} s",
                    retry_after.as_secs().max(1)
                );
            }
            Self::Malformed(reason) => reason,
            Self::Nonce => "wrong nonce",
            Self::NotBefore => "not valid yet",
            Self::Provider(_) => "the provider's metadata or keys are missing",
            Self::Subject => "sub is empty, too long or another user's",
            Self::TooLarge => "too large",
            Self::UnknownKey => "its key is none of the provider's",
        })
    }
}

impl Error for IdTokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Provider(error) | Self::KeysNotYetAvailable { source: Some(error), .. } => Some(error),
            _ => None,
        }
    }
}
