//! Token answers as real providers send them, and as attackers would.

use super::JsonObject;

/// What is odd about a token answer. The request is processed as usual: what was spent is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OddAnswer {
    /// The `token_type` is this, such as `Bearer:` or `bearer`.
    TokenType(&'static str),
    /// There is no `token_type`.
    NoTokenType,
    /// There is no `access_token`.
    NoAccessToken,
    /// There is no `refresh_token`, even where one was issued.
    NoRefreshToken,
    /// There is no `id_token`.
    NoIdToken,
    /// The `id_token` is not good.
    BadIdToken(BadIdToken),
    /// `expires_in` is text: `"3600"`.
    ExpiresInText,
    /// There is no `expires_in`.
    NoExpiresIn,
    /// `scope` is an array of strings.
    ScopeArray,
    /// The answer is an OAuth error with this code, with status 200.
    ErrorWithStatus200(&'static str),
}

/// What is wrong with an ID token. It is properly signed, except where the signature is what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadIdToken {
    /// One bit of the signature is flipped.
    Signature,
    /// `alg` is `none` and the signature empty.
    AlgorithmNone,
    /// Signed with a key that the key set does not have, under its own `kid`.
    UnknownKey,
    /// Signed with a key that the key set does not have, under the `kid` of one that it has.
    ForgedKey,
    /// `iss` is another issuer.
    Issuer,
    /// `aud` is another client.
    Audience,
    /// `sub` is another user.
    Subject,
    /// `nonce` is another one.
    Nonce,
    /// `at_hash` belongs to another access token.
    AccessTokenHash,
    /// `exp` is a day ago.
    Expired,
    /// `iat` is a day ahead.
    IssuedInFuture,
    /// There is no such claim.
    Without(&'static str),
}

impl OddAnswer {
    pub(super) fn bad_id_token(self) -> Option<BadIdToken> {
        match self {
            Self::BadIdToken(bad) => Some(bad),
            _ => None,
        }
    }

    pub(super) fn apply(self, answer: &mut JsonObject) {
        match self {
            Self::TokenType(text) => answer.set("token_type", text),
            Self::NoTokenType => answer.remove("token_type"),
            Self::NoAccessToken => answer.remove("access_token"),
            Self::NoRefreshToken => answer.remove("refresh_token"),
            Self::NoIdToken => answer.remove("id_token"),
            Self::BadIdToken(_) => {}
            Self::ExpiresInText => {
                if let Some(seconds) = answer.number("expires_in") {
                    answer.set("expires_in", seconds.to_string());
                }
            }
            Self::NoExpiresIn => answer.remove("expires_in"),
            Self::ScopeArray => {
                let scopes: Vec<String> =
                    answer.text("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
                answer.set("scope", scopes);
            }
            Self::ErrorWithStatus200(code) => {
                answer.clear();
                answer.set("error", code);
            }
        }
    }
}

impl BadIdToken {
    /// Changes the claims; what is wrong beside the claims is left to the signer.
    pub(super) fn apply(self, claims: &mut JsonObject) {
        const DAY: i64 = 24 * 60 * 60;
        match self {
            Self::Signature | Self::AlgorithmNone | Self::UnknownKey | Self::ForgedKey => {}
            Self::Issuer => claims.set("iss", "https://other.example"),
            Self::Audience => claims.set("aud", "another-client"),
            Self::Subject => claims.set("sub", "another-user"),
            Self::Nonce => claims.set("nonce", "another-nonce"),
            Self::AccessTokenHash => claims.set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
            Self::Expired => shift(claims, "exp", -DAY),
            Self::IssuedInFuture => shift(claims, "iat", DAY),
            Self::Without(name) => claims.remove(name),
        }
    }
}

fn shift(claims: &mut JsonObject, name: &str, seconds: i64) {
    let time = claims.number(name).unwrap_or(0);
    claims.set(name, time.saturating_add(seconds));
}
