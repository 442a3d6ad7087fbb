//! Who issues the tokens.

use std::fmt;

use url::{Host, Url};

use crate::ConfigError;

/// An issuer identifier, kept as the exact string that was given (OIDC Core §2, RFC 8414 §2).
///
/// Issuers are compared code point by code point: `https://id.example` and `https://id.example/` are two.
/// A URL is derived from the string, never the other way round.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer(String);

impl Issuer {
    /// Takes an `https` URL without user info, query and fragment.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for anything else.
    pub fn new(issuer: impl Into<String>) -> Result<Self, ConfigError> {
        Self::parse(issuer.into(), false)
    }

    /// As [`new`](Self::new), but takes `http` as well where the host is a loopback address or `localhost`:
    /// for tests and development.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for anything else.
    pub fn insecure_loopback(issuer: impl Into<String>) -> Result<Self, ConfigError> {
        Self::parse(issuer.into(), true)
    }

    fn parse(issuer: String, insecure_loopback: bool) -> Result<Self, ConfigError> {
        let refuse = |reason| Err(ConfigError::Url { field: "issuer", reason });
        let Ok(url) = Url::parse(&issuer) else { return refuse("not an absolute URL") };
        if !is_allowed_url(&url, insecure_loopback) {
            return refuse("not https");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("has a query or a fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("has user information");
        }
        Ok(Self(issuer))
    }

    /// The exact string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the host is a loopback address or `localhost`.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }
}

impl AsRef<str> for Issuer {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.0)
    }
}

/// Whether secrets may travel to `url`: `https`, or `http` on this machine where the caller allows it.
///
/// ```
/// use oidc_core::is_allowed_url;
/// assert!(is_allowed_url(&"https://id.example/token".parse()?, false));
/// assert!(!is_allowed_url(&"http://127.0.0.1:9000/token".parse()?, false));
/// assert!(is_allowed_url(&"http://127.0.0.1:9000/token".parse()?, true));
/// assert!(!is_allowed_url(&"http://127.0.0.1.evil.example/token".parse()?, true));
/// # Ok::<(), url::ParseError>(())
/// ```
pub fn is_allowed_url(url: &Url, insecure_loopback: bool) -> bool {
    is_secure(url) || (insecure_loopback && is_loopback(url))
}

fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" && url.has_host()
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_exact_string() {
        let issuer = Issuer::new("https://ID.example:443/tenant/").unwrap();
        assert_eq!(issuer.as_str(), "https://ID.example:443/tenant/");
    }

    // DIS-03
    #[test]
    fn refuses_what_is_not_an_issuer() {
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "https://id.example?tenant=a",
            "https://id.example#a",
            "https://user@id.example",
            "https://user:word@id.example",
            "ftp://id.example",
            "http://127.0.0.1",
        ] {
            assert!(Issuer::new(bad).is_err(), "{bad}");
        }
    }

    // DIS-03
    #[test]
    fn plain_http_needs_the_explicit_word_and_a_loopback_host() {
        for good in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"] {
            assert!(Issuer::insecure_loopback(good).is_ok(), "{good}");
        }
        for bad in ["http://id.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example"] {
            assert!(Issuer::insecure_loopback(bad).is_err(), "{bad}");
        }
    }
}
