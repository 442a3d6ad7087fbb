//! What an API asks for when it refuses a request.

use std::{fmt, time::Duration};

use http::HeaderMap;
use oidc_core::Scopes;

use crate::authenticate::{self, RawChallenge};

/// What an API asks for in an answer with status 401 or 403, from the `Bearer` or `DPoP` challenge of its
/// `WWW-Authenticate` headers (RFC 6750 §3, RFC 9449 §7.1).
///
/// The layer leaves it in the extensions of such an answer. Two of the errors are for the application, because no renewal of the
/// token helps: [`insufficient_scope`](Self::is_insufficient_scope) and
/// [`insufficient_user_authentication`](Self::is_insufficient_user_authentication). They name what to log in with.
///
/// All of it is the API's word. Each value is at most 2048 characters of printable ASCII; others are left out.
/// `error_description` is always left out: it is for people who read the API's logs.
///
/// ```
/// use http::{HeaderMap, header::WWW_AUTHENTICATE};
/// use oidc_tower::Challenge;
/// let mut headers = HeaderMap::new();
/// headers.insert(WWW_AUTHENTICATE, r#"Bearer error="insufficient_scope", scope="payments""#.parse()?);
/// let challenge = Challenge::parse(&headers).expect("it is a Bearer challenge");
/// assert!(challenge.is_insufficient_scope());
/// assert!(challenge.scope().is_some_and(|scope| scope.contains("payments")));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    error: Option<Box<str>>,
    scope: Option<Scopes>,
    acr_values: Option<Box<str>>,
    max_age: Option<Duration>,
    resource_metadata: Option<Box<str>>,
    realm: Option<Box<str>>,
}

impl Challenge {
    /// Reads the `WWW-Authenticate` headers: the first `Bearer` or `DPoP` challenge that names an error, or else the first of
    /// them.
    pub fn parse(headers: &HeaderMap) -> Option<Self> {
        let challenges = authenticate::parse(headers);
        let is_ours = |challenge: &&RawChallenge<'_>| challenge.is("Bearer") || challenge.is("DPoP");
        let mut ours = challenges.iter().filter(is_ours);
        let with_error = ours.clone().find(|challenge| challenge.param("error").is_some());
        with_error.or_else(|| ours.next()).map(Self::read)
    }

    fn read(raw: &RawChallenge<'_>) -> Self {
        let value = |name| raw.param(name).and_then(clean);
        Self {
            error: value("error").map(Into::into),
            scope: value("scope").map(Scopes::parse).filter(|scope| !scope.is_empty()),
            acr_values: value("acr_values").map(Into::into),
            max_age: value("max_age").and_then(seconds),
            resource_metadata: value("resource_metadata").map(Into::into),
            realm: value("realm").map(Into::into),
        }
    }

    /// The `error` code, such as `invalid_token`. There is none where the API says no more than that a token is needed.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether the token lacks scopes: log in again with [`scope`](Self::scope) (RFC 6750 §3.1).
    pub fn is_insufficient_scope(&self) -> bool {
        self.error() == Some("insufficient_scope")
    }

    /// Whether the API wants a fresher or a stronger login: log in again with [`acr_values`](Self::acr_values) and
    /// [`max_age`](Self::max_age) (RFC 9470 §3).
    pub fn is_insufficient_user_authentication(&self) -> bool {
        self.error() == Some("insufficient_user_authentication")
    }

    /// Whether only another login helps, and no renewal of the token.
    pub(crate) fn asks_for_more(&self) -> bool {
        self.is_insufficient_scope() || self.is_insufficient_user_authentication()
    }

    /// The scopes that the request needs.
    pub fn scope(&self) -> Option<&Scopes> {
        self.scope.as_ref()
    }

    /// The authentication context classes that the API accepts, the best first.
    pub fn acr_values(&self) -> impl Iterator<Item = &str> {
        self.acr_values.as_deref().unwrap_or_default().split_ascii_whitespace()
    }

    /// How long ago the user may have logged in, at most.
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Where the API says it describes itself (RFC 9728 §5.1). Check that the URL is one of the API before asking there.
    pub fn resource_metadata(&self) -> Option<&str> {
        self.resource_metadata.as_deref()
    }

    /// The part of the API that is protected.
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }
}

/// Without what may be anything: an API that repeats the token in its challenge does not bring it into our logs.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |error| KNOWN_ERRORS.into_iter().find(|known| *known == error).unwrap_or("another one");
        f.debug_struct("Challenge")
            .field("error", &self.error().map(named))
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

/// RFC 6750 §3.1, RFC 9449 §7.1, RFC 9470 §3.
const KNOWN_ERRORS: [&str; 6] = [
    "insufficient_scope",
    "insufficient_user_authentication",
    "invalid_dpop_proof",
    "invalid_request",
    "invalid_token",
    "use_dpop_nonce",
];

/// A value that can be shown and logged. A longer one is not cut: half a list of scopes is another list.
fn clean(value: &[u8]) -> Option<&str> {
    let is_clean = value.len() <= LONGEST && value.iter().all(|byte| (b' '..=b'~').contains(byte));
    is_clean.then(|| str::from_utf8(value).ok())?
}

const LONGEST: usize = 2048;

fn seconds(value: &str) -> Option<Duration> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().ok().map(Duration::from_secs))?
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::WWW_AUTHENTICATE};
    use proptest::prelude::*;

    use super::*;

    fn parse(values: &[&str]) -> Option<Challenge> {
        let value = |value: &&str| (WWW_AUTHENTICATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        Challenge::parse(&values.iter().map(value).collect())
    }

    // LAY-11
    #[test]
    fn a_step_up_names_what_to_log_in_with() {
        let challenge = parse(&[
            "Bearer realm=\"bank\", error=\"insufficient_user_authentication\", error_description=\"canary\", \
             acr_values=\"phr  mfa\", max_age=\"300\", resource_metadata=\"https://api.example/m\"",
        ])
        .unwrap();
        assert!(challenge.is_insufficient_user_authentication() && !challenge.is_insufficient_scope());
        assert_eq!(challenge.acr_values().collect::<Vec<_>>(), ["phr", "mfa"]);
        assert_eq!(challenge.max_age(), Some(Duration::from_secs(300)));
        assert_eq!(challenge.resource_metadata(), Some("https://api.example/m"));
        assert_eq!(challenge.realm(), Some("bank"));
        assert!(!format!("{challenge:?}").contains("canary"));
    }

    // LAY-11
    #[test]
    fn a_missing_scope_is_named() {
        let challenge = parse(&["DPoP error=insufficient_scope, scope=\"b a a\""]).unwrap();
        assert!(challenge.is_insufficient_scope());
        assert_eq!(challenge.scope(), Some(&Scopes::parse("a b")));
    }

    #[test]
    fn the_challenge_with_an_error_comes_first() {
        let challenge =
            parse(&["Basic error=\"x\"", "DPoP algs=\"ES256\"", "Bearer error=\"invalid_token\""]).unwrap();
        assert_eq!(challenge.error(), Some("invalid_token"));
        assert_eq!(parse(&["DPoP realm=\"a\", Bearer realm=\"b\""]).unwrap().realm(), Some("a"));
        assert_eq!(parse(&["Basic realm=\"a\""]), None);
        assert_eq!(parse(&[]), None);
    }

    // LAY-11
    #[test]
    fn what_cannot_be_shown_is_left_out() {
        let long = "a".repeat(LONGEST + 1);
        for (name, value) in
            [("realm", long.as_str()), ("error", "tab\there"), ("acr_values", "t\u{f6}"), ("scope", "\\\"")]
        {
            let challenge = parse(&[&format!("Bearer {name}=\"{value}\"")]).unwrap();
            assert_eq!(challenge, parse(&["Bearer"]).unwrap(), "{name}");
        }
        for max_age in ["-1", "+1", "1.5", "", "a", "99999999999999999999999"] {
            assert_eq!(
                parse(&[&format!("Bearer max_age=\"{max_age}\"")]).unwrap().max_age(),
                None,
                "{max_age}"
            );
        }
    }

    proptest! {
        // LAY-11
        #[test]
        fn every_value_is_bounded_and_printable(value in prop::collection::vec(any::<u8>(), 0..64), repeat in 1usize..100) {
            let value = ["Bearer realm=\"".as_bytes(), &value.repeat(repeat), b"\", error=\"", &value].concat();
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
            if let Some(challenge) = Challenge::parse(&headers) {
                for value in [challenge.error(), challenge.realm()].into_iter().flatten() {
                    prop_assert!(value.len() <= LONGEST && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                }
            }
        }
    }
}
