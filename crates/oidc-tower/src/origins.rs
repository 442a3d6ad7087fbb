//! Where tokens may go.

use std::net::Ipv6Addr;

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use oidc_core::{ConfigError, is_allowed_url};
use url::{Host, Url};

use crate::RequestError;

/// The origins that get the token. All others never see it.
///
/// An origin is scheme, host and port (RFC 6454 §4), and all three have to be the same: another port of the same host is another
/// origin, a subdomain is, and `api.example.` with a dot at its end is. Letters of the host may differ in case, and a default
/// port may be written or not. A request URI with user information (`https://user@api.example`) is in no origin.
///
/// Only `https` is taken, because a bearer token is as good as a password for whoever reads it on its way (RFC 6750 §5.3).
///
/// ```
/// use oidc_tower::Origins;
/// let origins = Origins::only(["https://api.bank.example", "https://files.bank.example:8443"])?;
/// assert!(origins.allow(&"https://API.bank.example:443/accounts?page=2".parse()?)?);
/// assert!(!origins.allow(&"https://api.bank.example.evil.example/accounts".parse()?)?);
/// assert!(!origins.allow(&"http://api.bank.example/accounts".parse()?)?);
/// assert!(Origins::only(["http://api.bank.example"]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Origins {
    allowed: Box<[Origin]>,
    relative: bool,
}

impl Origins {
    /// These origins, each written as `https://host` or `https://host:port`. Names with letters beyond ASCII may be written as
    /// such; they are compared in their ASCII form (punycode), which is what a request URI has.
    ///
    /// # Errors
    /// [`ConfigError::Url`] where one is not `https`, has user information, a path, a query or a fragment, or is a pattern;
    /// [`ConfigError::Empty`] where there is none.
    pub fn only<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::parse(origins, false)
    }

    /// As [`only`](Self::only), but takes `http` as well where the host is a loopback address or `localhost`: for tests and
    /// development.
    ///
    /// # Errors
    /// As [`only`](Self::only).
    pub fn insecure_loopback<I>(origins: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::parse(origins, true)
    }

    /// For clients whose requests have a URI without scheme and host, such as generated gRPC clients: the layer takes the
    /// caller's word that such requests go to `origin`. Requests with a full URI get the token where it is of that origin.
    ///
    /// # Errors
    /// As [`only`](Self::only).
    pub fn for_relative(origin: &str) -> Result<Self, ConfigError> {
        Ok(Self { relative: true, ..Self::only([origin])? })
    }

    /// As [`for_relative`](Self::for_relative), but takes `http` as well where the host is a loopback address or `localhost`:
    /// for tests and development.
    ///
    /// # Errors
    /// As [`only`](Self::only).
    pub fn insecure_loopback_for_relative(origin: &str) -> Result<Self, ConfigError> {
        Ok(Self { relative: true, ..Self::insecure_loopback([origin])? })
    }

    /// Whether a request to `uri` gets the token. Does not allocate.
    ///
    /// # Errors
    /// [`RequestError::RelativeUri`] where `uri` has neither scheme nor host and nobody said where it leads.
    pub fn allow(&self, uri: &Uri) -> Result<bool, RequestError> {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                Ok(self.allowed.iter().any(|origin| origin.is(scheme, authority)))
            }
            (None, None) if self.relative => Ok(true),
            (None, None) => Err(RequestError::RelativeUri),
            // The target of CONNECT is an authority alone, and its headers are for the proxy.
            _ => Ok(false),
        }
    }

    fn parse<I>(origins: I, insecure_loopback: bool) -> Result<Self, ConfigError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let allowed = origins
            .into_iter()
            .map(|origin| Origin::parse(origin.as_ref(), insecure_loopback))
            .collect::<Result<Box<[Origin]>, _>>()?;
        if allowed.is_empty() {
            return Err(ConfigError::Empty { field: "origins" });
        }
        Ok(Self { allowed, relative: false })
    }
}

#[derive(Clone, Debug)]
struct Origin {
    scheme: Scheme,
    /// `host:port`
    authority: Box<str>,
    /// `host`, where the port is the scheme's default.
    host: Option<Box<str>>,
    ipv6: Option<Ipv6Addr>,
    port: u16,
}

impl Origin {
    fn parse(origin: &str, insecure_loopback: bool) -> Result<Self, ConfigError> {
        let refuse = |reason| ConfigError::Url { field: "origin", reason };
        let url = Url::parse(origin).map_err(|_| refuse("not an absolute URL"))?;
        if !is_allowed_url(&url, insecure_loopback) {
            return Err(refuse("not https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("has user information"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("has more than scheme, host and port"));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(refuse("has no host"));
        };
        let ipv6 = if let Host::Ipv6(address) = host { Some(address) } else { None };
        let host = host.to_string();
        if host.contains('*') {
            return Err(refuse("is a pattern; name each origin"));
        }
        Ok(Self {
            scheme: if url.scheme() == "http" { Scheme::HTTP } else { Scheme::HTTPS },
            authority: format!("{host}:{port}").into(),
            host: url.port().is_none().then(|| host.into()),
            ipv6,
            port,
        })
    }

    /// Compares what is written and parses nothing: a spelling that no one uses (`:0443`, `%61pi`) is another origin.
    fn is(&self, scheme: &Scheme, authority: &Authority) -> bool {
        let text = authority.as_str();
        // Typed, not as text: an `HTTPS` that the URI type does not take for `https` is one that clients may not encrypt.
        *scheme == self.scheme
            && (self.host.as_deref().is_some_and(|host| is_same(text, host))
                || is_same(text, &self.authority)
                || self.ipv6.is_some_and(|address| self.is_ipv6(address, text)))
    }

    /// An IPv6 address can be written in many ways, so this one is read.
    fn is_ipv6(&self, address: Ipv6Addr, text: &str) -> bool {
        let Some((literal, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else {
            return false;
        };
        let same_port = match rest.strip_prefix(':') {
            Some(port) => port.parse() == Ok(self.port),
            None => rest.is_empty() && self.host.is_some(),
        };
        same_port && literal.parse() == Ok(address)
    }
}

/// Most callers write names in lower case, and comparing those is cheaper.
fn is_same(a: &str, b: &str) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(origins: &Origins, uri: &str) -> bool {
        uri.parse().is_ok_and(|uri| origins.allow(&uri).unwrap_or(false))
    }

    // LAY-01
    #[test]
    fn every_spelling_of_an_origin_is_the_origin() {
        for (origin, uris) in [
            (
                "https://api.bank.example",
                &[
                    "https://api.bank.example",
                    "https://api.bank.example/",
                    "https://api.bank.example:443/a?b=c",
                    "HTTPS://API.Bank.Example/a",
                ][..],
            ),
            ("https://api.bank.example:443/", &["https://api.bank.example", "https://api.bank.example:443"]),
            ("https://api.bank.example:8443", &["https://API.bank.example:8443/a"]),
            (
                "https://b\u{fc}cher.example",
                &["https://xn--bcher-kva.example", "https://XN--bcher-kva.example:443"],
            ),
            ("https://192.0.2.1", &["https://192.0.2.1/a", "https://192.0.2.1:443/a"]),
            (
                "https://[2001:DB8::1]",
                &[
                    "https://[2001:db8::1]/a",
                    "https://[2001:DB8::1]:443/a",
                    "https://[2001:db8:0:0:0:0:0:1]/a",
                    "https://[2001:0db8::0001]:443/a",
                ],
            ),
            ("https://[2001:db8::1]:8443", &["https://[2001:db8:0::1]:8443"]),
        ] {
            let origins = Origins::only([origin]).unwrap();
            for uri in uris {
                assert!(allows(&origins, uri), "{origin} {uri}");
            }
        }
    }

    // LAY-01, LAY-04
    #[test]
    fn what_only_looks_like_the_origin_is_not() {
        let origins =
            Origins::only(["https://api.bank.example", "https://[2001:db8::1]", "https://192.0.2.1:8443"])
                .unwrap();
        for uri in [
            "http://api.bank.example/",
            "http://api.bank.example:443/",
            "https://api.bank.example:80/",
            "https://api.bank.example:8443/",
            "https://api.bank.example:0443/",
            "https://api.bank.example:/",
            "https://api.bank.example./",
            "https://api.bank.example.evil.example/",
            "https://evil.example/https://api.bank.example/",
            "https://evil.example?https://api.bank.example",
            "https://v2.api.bank.example/",
            "https://bank.example/",
            "https://api-bank.example/",
            "https://api.bank.examplex/",
            "https://user@api.bank.example/",
            "https://user:word@api.bank.example/",
            "https://api.bank.example@evil.example/",
            "https://api.bank.example:443@evil.example/",
            "https://api.bank%2eexample/",
            "https://%61pi.bank.example/",
            "ftp://api.bank.example/",
            "httpss://api.bank.example/",
            "https://[2001:db8::2]/",
            "https://[2001:db8::1]:8443/",
            "https://[2001:db8::1]:443@evil.example/",
            "https://[2001:db8::1]@evil.example:443/",
            "https://192.0.2.1/",
            "https://192.0.2.1:443/",
            "https://3221225985:8443/",
            "api.bank.example:443",
            "*",
        ] {
            assert!(!allows(&origins, uri), "{uri}");
        }
    }

    // LAY-04
    #[test]
    fn a_scheme_that_clients_may_take_for_plain_text_is_foreign() {
        let origins = Origins::only(["https://api.bank.example"]).unwrap();
        let odd = Scheme::try_from("HTTPS").unwrap();
        let uri =
            Uri::builder().scheme(odd).authority("api.bank.example").path_and_query("/").build().unwrap();
        assert_eq!(origins.allow(&uri), Ok(false));
    }

    #[test]
    fn a_relative_uri_needs_an_origin_that_was_named_for_it() {
        let uri: Uri = "/bank.Accounts/List".parse().unwrap();
        let origins = Origins::only(["https://api.bank.example"]).unwrap();
        assert_eq!(origins.allow(&uri), Err(RequestError::RelativeUri));
        let origins = Origins::for_relative("https://api.bank.example").unwrap();
        assert_eq!(origins.allow(&uri), Ok(true));
        assert!(allows(&origins, "https://api.bank.example/a"));
        assert!(!allows(&origins, "https://evil.example/a"));
        assert!(!allows(&origins, "evil.example:443"));
    }

    // LAY-06
    #[test]
    fn plain_http_needs_the_explicit_word_and_a_loopback_host() {
        for uri in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"] {
            assert!(Origins::only([uri]).is_err(), "{uri}");
            assert!(Origins::for_relative(uri).is_err(), "{uri}");
            assert!(Origins::insecure_loopback_for_relative(uri).is_ok(), "{uri}");
            let origins = Origins::insecure_loopback([uri]).unwrap();
            assert!(allows(&origins, uri));
            assert!(!allows(&origins, &uri.replace("http:", "https:")));
        }
        assert!(allows(&Origins::insecure_loopback(["http://localhost"]).unwrap(), "http://LOCALHOST:80/"));
        for uri in
            ["http://api.bank.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example"]
        {
            assert!(Origins::insecure_loopback([uri]).is_err(), "{uri}");
        }
    }

    // LAY-06
    #[test]
    fn what_is_not_an_origin_is_refused_when_it_is_configured() {
        for bad in [
            "",
            "api.bank.example",
            "https://",
            "https://user@api.bank.example",
            "https://:word@api.bank.example",
            "https://api.bank.example/v1",
            "https://api.bank.example?",
            "https://api.bank.example?a=b",
            "https://api.bank.example#a",
            "https://*.bank.example",
            "ftp://api.bank.example",
            "file:///etc/passwd",
        ] {
            assert!(matches!(Origins::only([bad]), Err(ConfigError::Url { .. })), "{bad}");
        }
        let none: [&str; 0] = [];
        assert_eq!(Origins::only(none).unwrap_err(), ConfigError::Empty { field: "origins" });
    }

    /// Pieces that URIs of phishers and of sloppy code are made of.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("api.bank.example".to_owned()),
            Just("API.BANK.EXAMPLE".to_owned()),
            Just("evil.example".to_owned()),
            Just("[2001:db8::1]".to_owned()),
            Just("[::ffff:192.0.2.1]".to_owned()),
            Just("192.0.2.1".to_owned()),
            "(@|:|\\.|//|/|\\?|#|\\\\|%40|%2e|%00|\\[|\\]|:443|:80|:0443|:\\+443|user@|user:word@)",
            "[ -~]{0,3}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        // LAY-01
        #[test]
        fn whoever_gets_the_token_is_the_host_that_the_client_connects_to(
            scheme in prop_oneof![9 => Just("https://"), 1 => Just("http://"), 1 => Just("HTTPS://"), 1 => Just("")],
            pieces in prop::collection::vec(piece(), 1..6),
        ) {
            let origins = Origins::only(["https://api.bank.example", "https://[2001:db8::1]"]).unwrap();
            if let Ok(uri) = format!("{scheme}{}", pieces.concat()).parse::<Uri>()
                && origins.allow(&uri).unwrap_or(false)
            {
                prop_assert_eq!(uri.scheme_str(), Some("https"));
                let host = uri.host().unwrap().to_ascii_lowercase();
                prop_assert!(host == "api.bank.example" || host == "[2001:db8::1]", "{}", uri);
                prop_assert_eq!(uri.port_u16().unwrap_or(443), 443);
                prop_assert!(!uri.authority().unwrap().as_str().contains('@'));
            }
        }
    }
}
