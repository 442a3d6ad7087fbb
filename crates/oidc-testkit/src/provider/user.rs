//! The user at the provider's login page.

use serde::Serialize;

use super::JsonObject;

/// The user whom the login page meets: who logs in, or with which error the login ends.
///
/// ```
/// use oidc_testkit::TestUser;
///
/// let bob = TestUser::new("bob").claim("email", "bob@example.com");
/// let nobody = TestUser::refusing("access_denied");
/// ```
#[derive(Clone, Debug)]
pub struct TestUser {
    subject: String,
    refusal: Option<String>,
    session: bool,
    acr: Option<String>,
    claims: JsonObject,
}

impl TestUser {
    /// A user who logs in at once, under this subject identifier.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            refusal: None,
            session: false,
            acr: None,
            claims: JsonObject::default(),
        }
    }

    /// Somebody whose login ends with this error code.
    pub fn refusing(error: impl Into<String>) -> Self {
        Self { refusal: Some(error.into()), ..Self::new("nobody") }
    }

    /// Is logged in at the provider already, so that `prompt=none` works at once.
    #[must_use]
    pub fn with_session(mut self) -> Self {
        self.session = true;
        self
    }

    /// Sets the authentication context that ID tokens name. Without, it is the first one that was asked for in
    /// `acr_values`.
    #[must_use]
    pub fn acr(mut self, acr: impl Into<String>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// Adds a claim to what the userinfo endpoint tells.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.set(name, value);
        self
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    pub(super) fn has_session(&self) -> bool {
        self.session
    }

    pub(super) fn acr_of(&self, requested: Option<&str>) -> Option<String> {
        self.acr.as_deref().or_else(|| requested?.split_ascii_whitespace().next()).map(str::to_owned)
    }

    pub(super) fn claims(&self) -> &JsonObject {
        &self.claims
    }
}

impl Default for TestUser {
    /// Alice.
    fn default() -> Self {
        Self::new("alice")
    }
}
