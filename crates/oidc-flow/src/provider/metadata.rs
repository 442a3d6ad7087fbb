//! What a provider says about itself.

use std::collections::BTreeMap;

use oidc_core::{ConfigError, Issuer};
use url::Url;

use super::endpoint::Endpoint;
use crate::jose::SigningAlgorithm;

/// Endpoints and abilities of a provider, from its discovery document or written by hand.
///
/// ```
/// use oidc_core::Issuer;
/// use oidc_flow::provider::ProviderMetadata;
/// let metadata = ProviderMetadata::builder(Issuer::new("https://id.example")?)
///     .authorization_endpoint("https://id.example/authorize")?
///     .token_endpoint("https://id.example/token")?
///     .build()?;
/// assert!(metadata.jwks_uri().is_none());
/// # Ok::<(), oidc_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    pub(super) authority: Issuer,
    pub(super) has_issuer: bool,
    pub(super) endpoints: BTreeMap<Endpoint, Url>,
    pub(super) iss_parameter: bool,
    pub(super) code_challenge_methods: Option<Vec<String>>,
    pub(super) id_token_algorithms: Vec<SigningAlgorithm>,
    pub(super) token_auth_methods: Vec<String>,
}

impl ProviderMetadata {
    /// Starts the metadata of a provider that is known by its issuer.
    pub fn builder(issuer: Issuer) -> ProviderMetadataBuilder {
        ProviderMetadataBuilder::new(issuer, true)
    }

    /// Starts the metadata of a provider whose issuer is not known. No ID token of it can be verified, so nothing is ever claimed
    /// about its users. `authority`, usually its base URL, is what its logins are filed under.
    pub fn builder_without_issuer(authority: Issuer) -> ProviderMetadataBuilder {
        ProviderMetadataBuilder::new(authority, false)
    }

    /// What there is before anything is said: the defaults of OIDC Discovery §3 and RFC 8414 §2.
    pub(super) fn empty(authority: Issuer, has_issuer: bool) -> Self {
        Self {
            authority,
            has_issuer,
            endpoints: BTreeMap::new(),
            iss_parameter: false,
            code_challenge_methods: None,
            id_token_algorithms: vec![SigningAlgorithm::Rs256],
            token_auth_methods: vec!["client_secret_basic".to_owned()],
        }
    }

    /// The issuer as the provider spells it. `None`: it is not known, and there are no verified claims.
    pub fn issuer(&self) -> Option<&Issuer> {
        self.has_issuer.then_some(&self.authority)
    }

    /// Where users log in.
    pub fn authorization_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Authorization)
    }

    /// Where tokens come from.
    pub fn token_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Token)
    }

    /// Where claims about the user come from (OIDC Core §5.3).
    pub fn userinfo_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Userinfo)
    }

    /// Where the keys come from that verify ID tokens.
    pub fn jwks_uri(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Jwks)
    }

    /// Where tokens are revoked (RFC 7009).
    pub fn revocation_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Revocation)
    }

    /// Where users log out (RP-Initiated Logout §2).
    pub fn end_session_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::EndSession)
    }

    /// Where devices start a login (RFC 8628).
    pub fn device_authorization_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::DeviceAuthorization)
    }

    /// Where tokens are looked up (RFC 7662).
    pub fn introspection_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::Introspection)
    }

    /// Where authorization requests are deposited (RFC 9126).
    pub fn pushed_authorization_request_endpoint(&self) -> Option<&Url> {
        self.endpoint(Endpoint::PushedAuthorizationRequest)
    }

    /// Whether authorization answers name their issuer (RFC 9207), so that one without is refused. Default: no.
    pub fn authorization_response_iss_parameter_supported(&self) -> bool {
        self.iss_parameter
    }

    /// The PKCE methods that the provider lists; `None` where it lists none. `S256` is used in any case.
    pub fn code_challenge_methods_supported(&self) -> Option<&[String]> {
        self.code_challenge_methods.as_deref()
    }

    /// The signature algorithms of ID tokens that the provider lists, as far as they are known and good. Default: RS256.
    pub fn id_token_signing_alg_values_supported(&self) -> &[SigningAlgorithm] {
        &self.id_token_algorithms
    }

    /// The ways of client authentication that the provider lists. Default: `client_secret_basic`.
    pub fn token_endpoint_auth_methods_supported(&self) -> &[String] {
        &self.token_auth_methods
    }

    pub(crate) fn endpoint(&self, endpoint: Endpoint) -> Option<&Url> {
        self.endpoints.get(&endpoint)
    }
}

/// Makes [`ProviderMetadata`] by hand.
#[derive(Clone, Debug)]
pub struct ProviderMetadataBuilder {
    metadata: ProviderMetadata,
    insecure_loopback: bool,
}

impl ProviderMetadataBuilder {
    fn new(authority: Issuer, has_issuer: bool) -> Self {
        let insecure_loopback = authority.is_loopback() && authority.as_str().starts_with("http:");
        Self { metadata: ProviderMetadata::empty(authority, has_issuer), insecure_loopback }
    }

    /// Takes `http` endpoints as well where the host is a loopback address or `localhost`: for tests and development. Applies to
    /// the endpoints that are set afterwards; implied where the issuer itself is such a URL.
    #[must_use]
    pub fn allow_insecure_loopback(mut self) -> Self {
        self.insecure_loopback = true;
        self
    }

    /// Sets where users log in.
    ///
    /// # Errors
    /// [`ConfigError::Url`] unless it is an `https` URL without user information, fragment and parameters of the protocol. The
    /// same goes for every endpoint.
    pub fn authorization_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Authorization, url.as_ref())
    }

    /// Sets where tokens come from.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn token_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Token, url.as_ref())
    }

    /// Sets where claims about the user come from.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn userinfo_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Userinfo, url.as_ref())
    }

    /// Sets where the keys come from that verify ID tokens.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn jwks_uri(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Jwks, url.as_ref())
    }

    /// Sets where tokens are revoked.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn revocation_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Revocation, url.as_ref())
    }

    /// Sets where users log out.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn end_session_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::EndSession, url.as_ref())
    }

    /// Sets where devices start a login.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn device_authorization_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::DeviceAuthorization, url.as_ref())
    }

    /// Sets where tokens are looked up.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn introspection_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::Introspection, url.as_ref())
    }

    /// Sets where authorization requests are deposited.
    ///
    /// # Errors
    /// As [`authorization_endpoint`](Self::authorization_endpoint).
    pub fn pushed_authorization_request_endpoint(self, url: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.endpoint(Endpoint::PushedAuthorizationRequest, url.as_ref())
    }

    /// Sets that authorization answers name their issuer (RFC 9207), so that one without is refused. Default: no.
    #[must_use]
    pub fn authorization_response_iss_parameter(mut self) -> Self {
        self.metadata.iss_parameter = true;
        self
    }

    /// Sets the signature algorithms that ID tokens may have. Default: RS256.
    #[must_use]
    pub fn id_token_signing_algs(mut self, algorithms: impl IntoIterator<Item = SigningAlgorithm>) -> Self {
        self.metadata.id_token_algorithms = algorithms.into_iter().collect();
        self
    }

    /// The metadata.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] without any endpoint that gives tokens or starts a login, [`ConfigError::Empty`] without any
    /// signature algorithm.
    pub fn build(self) -> Result<ProviderMetadata, ConfigError> {
        if self.metadata.token_endpoint().is_none() && self.metadata.authorization_endpoint().is_none() {
            return Err(ConfigError::Missing { field: Endpoint::Token.field() });
        }
        if self.metadata.id_token_algorithms.is_empty() {
            return Err(ConfigError::Empty { field: "id_token_signing_algs" });
        }
        Ok(self.metadata)
    }

    fn endpoint(mut self, endpoint: Endpoint, url: &str) -> Result<Self, ConfigError> {
        let url =
            endpoint.parse(url, self.insecure_loopback).map_err(|fault| fault.of_configuration(endpoint))?;
        self.metadata.endpoints.insert(endpoint, url);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer::new("https://id.example").unwrap()
    }

    // DIS-03, DIS-18
    #[test]
    fn endpoints_by_hand_are_checked_as_well() {
        for bad in [
            "",
            "/token",
            "http://id.example/t",
            "http://127.0.0.1/t",
            "https://a@id.example/t",
            "https://id.example/t?state=a",
        ] {
            let refused = ProviderMetadata::builder(issuer()).token_endpoint(bad).unwrap_err();
            assert!(matches!(refused, ConfigError::Url { field: "token_endpoint", .. }), "{bad}");
        }
    }

    // DIS-03
    #[test]
    fn plain_http_on_this_machine_is_an_explicit_choice() {
        let here = "http://127.0.0.1:9000/token";
        assert!(ProviderMetadata::builder(issuer()).token_endpoint(here).is_err());
        assert!(ProviderMetadata::builder(issuer()).allow_insecure_loopback().token_endpoint(here).is_ok());
        let local = Issuer::insecure_loopback("http://127.0.0.1:9000").unwrap();
        assert!(ProviderMetadata::builder(local.clone()).token_endpoint(here).is_ok());
        assert!(ProviderMetadata::builder(local).token_endpoint("http://id.example/token").is_err());
    }

    // DIS-16
    #[test]
    fn what_is_not_said_has_the_default_of_the_standard() {
        let metadata = ProviderMetadata::builder(issuer())
            .token_endpoint("https://id.example/t")
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(metadata.issuer(), Some(&issuer()));
        assert_eq!(metadata.id_token_signing_alg_values_supported(), [SigningAlgorithm::Rs256]);
        assert_eq!(metadata.token_endpoint_auth_methods_supported(), ["client_secret_basic"]);
        assert_eq!(metadata.code_challenge_methods_supported(), None);
        assert!(!metadata.authorization_response_iss_parameter_supported());
    }

    #[test]
    fn metadata_without_endpoints_is_none() {
        assert!(ProviderMetadata::builder(issuer()).build().is_err());
        let metadata = ProviderMetadata::builder_without_issuer(issuer())
            .token_endpoint("https://id.example/t")
            .unwrap();
        assert_eq!(metadata.build().unwrap().issuer(), None);
    }
}
