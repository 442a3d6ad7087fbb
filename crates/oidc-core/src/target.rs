//! What an access token is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::{ConfigError, Scopes, digest::Parts};

/// What an access token is for: scopes, resources (RFC 8707) and extra parameters of the token request.
///
/// The default asks for what the login was granted. Several targets may hang on one login; their access tokens
/// are kept apart, their refresh token is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    scopes: Scopes,
    resources: BTreeSet<String>,
    parameters: BTreeMap<String, String>,
}

impl Target {
    /// What the login was granted.
    pub fn granted() -> Self {
        Self::default()
    }

    /// Asks for these scopes only.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// Adds a resource indicator: an absolute URI without fragment (RFC 8707 §2).
    ///
    /// # Errors
    /// [`ConfigError::Url`] for anything else.
    pub fn with_resource(mut self, resource: impl Into<String>) -> Result<Self, ConfigError> {
        let resource = resource.into();
        let refuse = |reason| ConfigError::Url { field: "resource", reason };
        let url = url::Url::parse(&resource).map_err(|_| refuse("not an absolute URL"))?;
        if url.fragment().is_some() {
            return Err(refuse("has a fragment"));
        }
        self.resources.insert(resource);
        Ok(self)
    }

    /// Adds a parameter of the token request, such as `audience`.
    ///
    /// # Errors
    /// [`ConfigError::ReservedParameter`] where the protocol has a meaning of its own for it.
    pub fn with_parameter(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let name = name.into();
        if is_reserved_parameter(&name) || name == "scope" || name == "resource" {
            return Err(ConfigError::ReservedParameter { name });
        }
        self.parameters.insert(name, value.into());
        Ok(self)
    }

    /// The scopes to ask for; none means what the login was granted.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The resource indicators, sorted.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(String::as_str)
    }

    /// The extra parameters, sorted by name.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A hash that two targets share only if they are equal.
    pub fn id(&self) -> TargetId {
        let mut parts = Parts::new("oidc target 1").count(self.scopes.iter().count());
        for scope in self.scopes.iter() {
            parts = parts.text(scope);
        }
        parts = parts.count(self.resources.len());
        for resource in &self.resources {
            parts = parts.text(resource);
        }
        parts = parts.count(self.parameters.len());
        for (name, value) in &self.parameters {
            parts = parts.text(name).text(value);
        }
        TargetId(parts.finish())
    }
}

/// The hash of a [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId([u8; 32]);

impl TargetId {
    /// The hash of [`Target::granted`], computed once.
    pub fn granted() -> Self {
        static GRANTED: LazyLock<TargetId> = LazyLock::new(|| Target::granted().id());
        *GRANTED
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<&Target> for TargetId {
    fn from(target: &Target) -> Self {
        target.id()
    }
}

/// Whether the protocol itself sets this parameter of an authorization or token request, so that an application
/// may not.
pub fn is_reserved_parameter(name: &str) -> bool {
    const RESERVED: [&str; 16] = [
        "assertion",
        "client_assertion",
        "client_assertion_type",
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "grant_type",
        "nonce",
        "redirect_uri",
        "refresh_token",
        "response_mode",
        "response_type",
        "state",
    ];
    RESERVED.contains(&name)
}
