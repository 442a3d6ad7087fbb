//! What becomes of refresh tokens.

use std::time::Duration;

/// Whether a refresh token is replaced when it is used, and what happens if it is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// It stays the same; refresh answers have none.
    Never,
    /// It is replaced every time. Used again, it is refused and the whole login ended (RFC 9700 §4.14.2).
    #[default]
    Strict,
    /// It is replaced every time, and may be used again for a while, as long as none of its successors has
    /// been used. Later it is as with [`Strict`](Self::Strict).
    Grace {
        /// For how long, from its first use.
        window: Duration,
        /// What comes back the second time.
        successor: Successor,
    },
}

/// What a refresh token gets that is used again in its grace window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// The same successor as the first time.
    Same,
    /// Another one; those of before stay good.
    New,
}

/// Which logins get a refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefreshTokens {
    /// Those that ask for `offline_access` (OpenID Connect Core §11), and those that do not ask for `openid`.
    #[default]
    OfflineAccess,
    /// All.
    Always,
    /// None.
    Never,
}

impl RefreshTokens {
    pub(super) fn issued_for(self, scopes: &[String]) -> bool {
        let has = |scope: &str| scopes.iter().any(|one| one == scope);
        match self {
            Self::OfflineAccess => has("offline_access") || !has("openid"),
            Self::Always => true,
            Self::Never => false,
        }
    }
}
