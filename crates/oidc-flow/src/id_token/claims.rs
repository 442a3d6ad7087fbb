//! What a verified ID token says.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use oidc_core::Issuer;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::IdTokenError;

/// The claims of an ID token that passed every check.
///
/// `(issuer, subject)` is the user; both are compared byte by byte. What the provider merely reports (`email`, `name`) is for
/// display, not for recognising users. Claims that point elsewhere (`_claim_sources`) are handed over and never followed.
///
/// `Debug` shows whose token it is not: personal data is left out.
#[derive(Clone, PartialEq)]
pub struct IdTokenClaims {
    issuer: Issuer,
    audiences: Vec<String>,
    claims: Map<String, Value>,
}

impl IdTokenClaims {
    /// The claims of a token that was verified. The nonce has done its work and goes.
    pub(super) fn new(issuer: Issuer, audiences: Vec<String>, mut claims: Map<String, Value>) -> Self {
        claims.remove("nonce");
        Self { issuer, audiences, claims }
    }

    /// Who issued the token, as the provider spells it.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Who the user is at this issuer: never empty, at most 255 bytes, no case or Unicode folding.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// Who the token is for; this client is one of them.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// When the token ends. It is a statement about one login, not the end of the session.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.time("exp")
    }

    /// When the token was issued.
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.time("iat")
    }

    /// When the user was authenticated, where the provider says so.
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.time("auth_time")
    }

    /// How well the user was authenticated, where the provider says so.
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// By which means the user was authenticated (RFC 8176), where the provider says so.
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.claims.get("amr").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The provider's session, where it says so (`sid`, as logout tokens name it).
    pub fn session_id(&self) -> Option<&str> {
        self.text("sid")
    }

    /// One claim, such as `email`. `None` where it is missing or not of this type; `nonce` always is.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.claims.get(name)?).ok()
    }

    /// All claims as a type of your own.
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Profile {
    ///     email: Option<String>,
    ///     name: Option<String>,
    /// }
    /// # fn f(claims: oidc_flow::IdTokenClaims) -> Result<(), oidc_flow::IdTokenError> {
    /// let profile: Profile = claims.deserialize()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`IdTokenError::Malformed`] where the claims are not what the type wants.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, IdTokenError> {
        T::deserialize(&self.claims)
            .map_err(|_| IdTokenError::Malformed("the claims are not what the application expects"))
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    fn time(&self, claim: &str) -> Option<SystemTime> {
        let seconds = self.claims.get(claim).and_then(Value::as_f64)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }
}

impl fmt::Debug for IdTokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdTokenClaims")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
