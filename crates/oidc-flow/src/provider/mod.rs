//! Providers: who they are, where their metadata and keys come from, and how they differ from the standard.
//!
//! A [`Provider`] says what is known before anything is sent. It is either discovered, lazily and once for all who ask, or written
//! by hand as [`ProviderMetadata`]. What is particular about it is data, a [`Profile`]. The providers that are known here are
//! ordinary values of the same types: [`apiture`], [`aritma_id`].
//!
//! # What discovery takes and what it does not
//! - The document is looked for where OIDC Discovery §4 puts it, and where that is not found, where RFC 8414 §3 does. Its `issuer`
//!   is exactly the configured one, or one that the profile lists; the first one seen is the only one from then on.
//! - Every endpoint is `https` (or, by explicit choice, `http` on this machine), without user information, fragment, or a query
//!   parameter that the protocol sets. One that is not refuses the whole document. Redirects are refused.
//! - No object in it names a member twice. It has at most 256 KiB.
//! - Optional members that are missing, empty or of an odd type count as not said.
//! - The origins of the first good document are pinned: a later one cannot move an endpoint to another origin.
//! - It is kept for 24 hours, and for 24 more where a newer one cannot be had. A failure is remembered, for 1 second at first and up
//!   to a minute, or as long as the provider asks, so that a provider that is down is not asked by everyone who waits for it.

mod dead;
mod discovery;
mod endpoint;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod fetch;
mod known;
mod metadata;
mod profile;
mod remembered;
mod state;

use std::sync::Arc;

use oidc_core::Issuer;

pub use self::{
    dead::DeadRefresh,
    error::{ProviderError, ProviderErrorKind},
    known::{Environment, apiture, aritma_id},
    metadata::{ProviderMetadata, ProviderMetadataBuilder},
    profile::{IdTokens, Profile},
};
pub(crate) use self::{
    dead::RefusedAnswer,
    endpoint::Endpoint,
    remembered::NotNow,
    state::{Keys, ProviderState},
};

/// What is known of a provider before anything is sent to it.
///
/// ```
/// use oidc_core::Issuer;
/// use oidc_flow::provider::Provider;
/// let provider = Provider::discover(Issuer::new("https://id.example/realms/a")?);
/// assert_eq!(provider.authority().as_str(), "https://id.example/realms/a");
/// # Ok::<(), oidc_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Provider {
    source: Source,
    profile: Arc<Profile>,
    insecure_loopback: bool,
}

/// Where the metadata comes from.
#[derive(Clone, Debug)]
enum Source {
    Discovery(Issuer),
    ByHand(Arc<ProviderMetadata>),
}

impl Provider {
    /// A provider that describes itself. Nothing is sent before the first use.
    pub fn discover(issuer: Issuer) -> Self {
        let insecure_loopback = issuer.is_loopback() && issuer.as_str().starts_with("http:");
        Self { source: Source::Discovery(issuer), profile: Arc::default(), insecure_loopback }
    }

    /// A provider that is described by hand. Nothing is ever discovered.
    ///
    /// Where the metadata has no issuer or no `jwks_uri`, ID tokens cannot be verified: the profile then has to say
    /// [`IdTokens::Never`], or logins with `openid` fail.
    pub fn by_hand(metadata: ProviderMetadata) -> Self {
        Self { source: Source::ByHand(Arc::new(metadata)), profile: Arc::default(), insecure_loopback: false }
    }

    /// Sets how it differs from the standard. Default: not at all.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = Arc::new(profile);
        self
    }

    /// Takes discovered `http` endpoints as well where the host is a loopback address or `localhost`: for tests and development.
    /// Implied where the issuer itself is such a URL ([`Issuer::insecure_loopback`]).
    #[must_use]
    pub fn allow_insecure_loopback(mut self) -> Self {
        self.insecure_loopback = true;
        self
    }

    /// What the logins of the provider are filed under: the configured issuer, or the base URL of a provider that has none.
    pub fn authority(&self) -> &Issuer {
        match &self.source {
            Source::Discovery(issuer) => issuer,
            Source::ByHand(metadata) => &metadata.authority,
        }
    }

    /// How it differs from the standard.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
}
