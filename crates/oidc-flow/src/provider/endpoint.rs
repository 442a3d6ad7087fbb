//! The URLs of a provider, and which ones are safe to use.

use oidc_core::{ConfigError, is_allowed_url, is_reserved_parameter};
use url::{Host, ParseError, Url};

use super::ProviderErrorKind;

/// What a provider is asked for at which URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Authorization,
    DeviceAuthorization,
    EndSession,
    Introspection,
    Jwks,
    PushedAuthorizationRequest,
    Revocation,
    Token,
    Userinfo,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 9] = [
        Self::Authorization,
        Self::DeviceAuthorization,
        Self::EndSession,
        Self::Introspection,
        Self::Jwks,
        Self::PushedAuthorizationRequest,
        Self::Revocation,
        Self::Token,
        Self::Userinfo,
    ];

    /// The name of the metadata member (OIDC Discovery §3, RFC 8414 §2, RFC 8628 §4, RFC 9126 §5, RP-Initiated Logout §2.1).
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Authorization => "authorization_endpoint",
            Self::DeviceAuthorization => "device_authorization_endpoint",
            Self::EndSession => "end_session_endpoint",
            Self::Introspection => "introspection_endpoint",
            Self::Jwks => "jwks_uri",
            Self::PushedAuthorizationRequest => "pushed_authorization_request_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Token => "token_endpoint",
            Self::Userinfo => "userinfo_endpoint",
        }
    }

    /// Takes the URL of this endpoint as a document or a person wrote it.
    ///
    /// # Errors
    /// [`EndpointFault`].
    pub(super) fn parse(self, text: &str, insecure_loopback: bool) -> Result<Url, EndpointFault> {
        // A URL parser drops line ends and turns backslashes round; what it would repair is not taken in the first place.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(EndpointFault::Insecure);
        }
        let url = Url::parse(text).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase => EndpointFault::NotAUrl,
            _ => EndpointFault::Insecure,
        })?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !bare || !is_allowed_url(&url, insecure_loopback) || !has_plain_host(&url) {
            return Err(EndpointFault::Insecure);
        }
        if url.query_pairs().any(|(name, _)| is_reserved_parameter(&name)) {
            return Err(EndpointFault::Reserved);
        }
        Ok(url)
    }
}

/// Why a URL is not one for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointFault {
    /// Secrets and users must not be sent there.
    Insecure,
    /// It is not an absolute URL.
    NotAUrl,
    /// Its query has a parameter that the protocol sets.
    Reserved,
}

impl EndpointFault {
    pub(super) fn of_document(self, endpoint: Endpoint) -> ProviderErrorKind {
        let field = endpoint.field();
        match self {
            Self::Insecure => ProviderErrorKind::InsecureEndpoint { field },
            Self::NotAUrl => ProviderErrorKind::MissingEndpoint { field },
            Self::Reserved => ProviderErrorKind::ReservedParameter { field },
        }
    }

    pub(super) fn of_configuration(self, endpoint: Endpoint) -> ConfigError {
        let reason = match self {
            Self::Insecure => {
                "not https, with user information or a fragment, or with characters that no URL has"
            }
            Self::NotAUrl => "not an absolute URL",
            Self::Reserved => "has a query parameter that the protocol sets",
        };
        ConfigError::Url { field: endpoint.field(), reason }
    }
}

/// The characters of host names, and no others: an authorization URL is handed to programs that open browsers.
fn has_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // DIS-18, DIS-19
    #[test]
    fn dangerous_urls_are_refused() {
        for text in [
            "javascript:alert(1)",
            "javascript://id.example/%0aalert(1)",
            "file:///etc/passwd",
            "smb://id.example/share",
            "ms-msdt:/id",
            "data:text/html,x",
            "ftp://id.example",
            "ws://id.example",
            "http://id.example/token",
            "HTTP://id.example/token",
            "http://a$(calc)",
            "https://a$(calc)/",
            "https://a`calc`/",
            "https://a'b/",
            "https://a&b/",
            "https://user@id.example/token",
            "https://user:word@id.example/token",
            "https://id.example@evil.example/token",
            "https://id.example/token#",
            "https://id.example/token#a",
            "https://id.example\\@evil.example/",
            "https:\\\\id.example/token",
            "https://id.example/to\r\nken",
            "https://id.example/to\tken",
            " https://id.example/token",
            "https://id.example/token ",
            "https://id.example/\u{0}",
            "https://id.example/\u{7f}",
            "https://id.еxample/token",
            "https://",
            "https://[::1/token",
            "https://id.example:99999/token",
            "http://127.0.0.1.evil.example/token",
            "http://localhost.evil.example/token",
            "http://0.0.0.0/token",
        ] {
            for insecure_loopback in [false, true] {
                let refused = Endpoint::Token.parse(text, insecure_loopback);
                assert_eq!(refused, Err(EndpointFault::Insecure), "{text:?}");
            }
        }
    }

    // DIS-18
    #[test]
    fn a_query_is_kept_unless_it_sets_what_the_protocol_sets() {
        let kept = Endpoint::Authorization.parse("https://id.example/a?tenant=a&p=b2c_1%20x", false).unwrap();
        assert_eq!(kept.as_str(), "https://id.example/a?tenant=a&p=b2c_1%20x");
        for query in [
            "tenant=a&client_id=evil",
            "state=1",
            "redirect_uri=",
            "nonce",
            "%63lient_id=evil",
            "code_challenge=x",
        ] {
            let refused = Endpoint::Authorization.parse(&format!("https://id.example/a?{query}"), false);
            assert_eq!(refused, Err(EndpointFault::Reserved), "{query}");
        }
    }

    // DIS-03, DIS-04
    #[test]
    fn plain_http_is_for_this_machine_and_only_on_demand() {
        for text in ["http://127.0.0.1:8080/token", "http://localhost/token", "http://[::1]:1/token"] {
            assert_eq!(Endpoint::Token.parse(text, false), Err(EndpointFault::Insecure), "{text}");
            assert!(Endpoint::Token.parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn relative_references_are_no_urls() {
        for text in ["/token", "token", "//id.example/token", "?a", "."] {
            assert_eq!(Endpoint::Token.parse(text, true), Err(EndpointFault::NotAUrl), "{text}");
        }
    }

    proptest! {
        // DIS-18
        #[test]
        fn what_is_taken_is_safe(text in r"(https?:/{0,2})?[a-z@\\:.#?&=%\r\n \[\]/]{0,40}(client_id|state)?=?[a-z]{0,3}") {
            if let Ok(url) = Endpoint::Authorization.parse(&text, false) {
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
                prop_assert!(!url.query_pairs().any(|(name, _)| is_reserved_parameter(&name)));
                prop_assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
