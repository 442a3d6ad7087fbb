//! What the browser brings back.

use std::{borrow::Cow, fmt};

use oidc_core::Secret;
use url::Url;

use crate::{CallbackFault, LoginError, Refusal, Untrusted};

/// The parameters of an authorization response (RFC 6749 §4.1.2), read but not yet believed:
/// [`PendingLogin::check`](crate::PendingLogin::check) compares them with the login that was started.
///
/// ```
/// use oidc_flow::Callback;
/// let callback = Callback::parse("code=SplxlOBeZQQYbYS6WxSbIA&state=xyz")?;
/// assert_eq!(callback.state(), Some("xyz"));
/// assert!(Callback::parse("code=a&code=b&state=xyz").is_err());
/// # Ok::<(), oidc_flow::LoginError>(())
/// ```
pub struct Callback {
    pub(super) state: Option<Secret>,
    pub(super) issuer: Option<String>,
    pub(super) outcome: Outcome,
}

/// What the provider says: a code, or why there is none.
pub(super) enum Outcome {
    Code(Secret),
    Refused(Refusal),
}

impl Callback {
    /// The longest query that is read, in bytes.
    pub const MAX_LENGTH: usize = 16 * 1024;

    /// Reads the query of the callback's URL, with or without its question mark, or the body of a `form_post` response.
    ///
    /// Values are decoded once and kept as they are. Parameters that nobody knows are ignored, as the protocol demands.
    ///
    /// # Errors
    /// [`LoginError::InvalidCallback`] for everything that two readers could understand in two ways: a parameter that is there
    /// twice or as a list (`code[]`), code and error together or neither of them, broken percent-encoding or UTF-8, control
    /// characters, tokens; and for a query longer than [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub fn parse(query: &str) -> Result<Self, LoginError> {
        read(query).map_err(LoginError::InvalidCallback)
    }

    /// The `state`, to find the [`PendingLogin`](crate::PendingLogin) that it may belong to.
    pub fn state(&self) -> Option<&str> {
        self.state.as_ref().map(Secret::expose)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match &self.outcome {
            Outcome::Code(_) => "code",
            Outcome::Refused(_) => "error",
        };
        f.debug_struct("Callback").field("outcome", &outcome).finish_non_exhaustive()
    }
}

/// The parameters that are read.
const KNOWN: [&str; 6] = ["code", "error", "error_description", "error_uri", "iss", "state"];

/// The parameters of other flows: tokens that nobody asked for, and JWT-secured responses (JARM).
const FOREIGN: [&str; 3] = ["access_token", "id_token", "response"];

#[derive(Default)]
struct Parameters([Option<Secret>; KNOWN.len()]);

fn read(query: &str) -> Result<Callback, CallbackFault> {
    if query.len() > Callback::MAX_LENGTH {
        return Err(CallbackFault::TooLarge);
    }
    let mut parameters = Parameters::default();
    for pair in query.strip_prefix('?').unwrap_or(query).split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if is_for_programs(&name) && name.chars().chain(value.chars()).any(char::is_control) {
            return Err(CallbackFault::ControlCharacter);
        }
        parameters.add(&name, &value)?;
    }
    parameters.into_callback()
}

impl Parameters {
    fn add(&mut self, name: &str, value: &str) -> Result<(), CallbackFault> {
        if FOREIGN.contains(&name) {
            return Err(CallbackFault::ForeignResponse);
        }
        let slot = KNOWN.iter().zip(&mut self.0).find(|(known, _)| **known == name);
        match slot {
            Some((_, Some(_))) => Err(CallbackFault::Ambiguous),
            Some((_, slot)) => {
                *slot = Some(Secret::from(value));
                Ok(())
            }
            None if is_almost_known(name) => Err(CallbackFault::Ambiguous),
            None => Ok(()),
        }
    }

    fn into_callback(self) -> Result<Callback, CallbackFault> {
        let [code, error, description, uri, issuer, state] = self.0;
        let outcome = match (code, error) {
            (Some(_), Some(_)) => return Err(CallbackFault::Ambiguous),
            (Some(code), None) if !code.is_empty() => Outcome::Code(code),
            (None, Some(error)) if !error.is_empty() => Outcome::Refused(Refusal::new(
                error.expose(),
                description.map(|text| Untrusted::new(text.expose())),
                uri.and_then(|uri| Url::parse(uri.expose()).ok()).filter(|uri| uri.scheme() == "https"),
            )),
            _ => return Err(CallbackFault::NeitherCodeNorError),
        };
        Ok(Callback { state, issuer: issuer.map(|issuer| issuer.expose().to_owned()), outcome })
    }
}

/// Whether another reader could take `name` for a parameter that is known here: `code[]`, `state.x`, `Code`, ` iss`.
fn is_almost_known(name: &str) -> bool {
    let stem = name.split(['[', '.']).next().unwrap_or_default().trim();
    KNOWN.iter().chain(&FOREIGN).any(|known| stem.eq_ignore_ascii_case(known))
}

/// What is for people is handed over as [`Untrusted`] text, which escapes control characters.
fn is_for_programs(name: &str) -> bool {
    !matches!(name, "error_description" | "error_uri")
}

/// Decodes as a form does, once and strictly.
fn decode(text: &str) -> Result<String, CallbackFault> {
    let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => 16 * digit(rest.next())? + digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| CallbackFault::BadEncoding)
}

fn digit(character: Option<u8>) -> Result<u8, CallbackFault> {
    let value = character.and_then(|byte| char::from(byte).to_digit(16));
    value.and_then(|value| u8::try_from(value).ok()).ok_or(CallbackFault::BadEncoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::form_urlencoded::Serializer;

    use super::*;

    fn fault(query: &str) -> Option<CallbackFault> {
        read(query).err()
    }

    fn code(query: &str) -> String {
        match read(query).unwrap().outcome {
            Outcome::Code(code) => code.expose().to_owned(),
            Outcome::Refused(_) => panic!("an error"),
        }
    }

    // AUT-07
    #[test]
    fn ambiguity_is_refused() {
        for query in [
            "code=a&code=b&state=s",
            "code=a&code=a&state=s",
            "code=a&state=s&state=s",
            "code=a&%63ode=b&state=s",
            "code=a&state=s&iss=x&iss=y",
            "error=a&error=b&state=s",
            "error=a&error_description=b&error_description=c&state=s",
            "code=a&error=b&state=s",
            "code=a&error=&state=s",
            "code=&error=b&state=s",
            "code[]=a&state=s",
            "code%5B0%5D=a&state=s",
            "code=a&code[x]=b&state=s",
            "code=a&state=s&STATE=t",
            "code=a&state=s&+state=t",
            "code=a&state.x=s&state=s",
        ] {
            assert_eq!(fault(query), Some(CallbackFault::Ambiguous), "{query}");
        }
    }

    #[test]
    fn neither_code_nor_error_is_refused() {
        for query in
            ["", "?", "&&", "state=s", "code=&state=s", "error=&state=s", "code&state=s", "code;state=s"]
        {
            assert_eq!(fault(query), Some(CallbackFault::NeitherCodeNorError), "{query}");
        }
    }

    #[test]
    fn the_responses_of_other_flows_are_refused() {
        for query in ["response=a.b.c", "code=a&id_token=a.b.c&state=s", "access_token=a&state=s"] {
            assert_eq!(fault(query), Some(CallbackFault::ForeignResponse), "{query}");
        }
    }

    // AUT-08
    #[test]
    fn values_are_decoded_once_and_kept() {
        for (query, value) in [
            ("code=a%26state%3Dx&state=s", "a&state=x"),
            ("?code=a+b&state=s", "a b"),
            ("code=a%2Bb&state=s", "a+b"),
            ("code=a%252Bb&state=s", "a%2Bb"),
            ("code=a;state=x&state=s", "a;state=x"),
            ("code=a=b==&state=s", "a=b=="),
            ("code=%C3%A4&state=s", "ä"),
        ] {
            assert_eq!(code(query), value, "{query}");
        }
    }

    // AUT-08
    #[test]
    fn broken_encoding_and_control_characters_are_refused() {
        for query in [
            "code=%",
            "code=%4",
            "code=%zz",
            "code=%+1",
            "code=%C0%AF",
            "code=%FF",
            "code=%ED%A0%80",
            "%GG=a&code=b",
        ] {
            assert_eq!(fault(query), Some(CallbackFault::BadEncoding), "{query}");
        }
        for query in [
            "code=a%00",
            "code=a%0D%0Ab",
            "code=a\n",
            "code=%7F",
            "code=%C2%85",
            "x%00=a&code=b",
            "code=b&x=%1B",
        ] {
            assert_eq!(fault(query), Some(CallbackFault::ControlCharacter), "{query}");
        }
    }

    // AUT-09
    #[test]
    fn large_callbacks_are_refused() {
        let long = format!("code={}&state=s", "a".repeat(1 << 20));
        let many = (0..10_000).map(|n| format!("p{n}=x&")).collect::<String>() + "code=a&state=s";
        assert_eq!(
            (fault(&long), fault(&many)),
            (Some(CallbackFault::TooLarge), Some(CallbackFault::TooLarge))
        );
        let most = format!("state=s&code={}", "a".repeat(Callback::MAX_LENGTH - 13));
        assert_eq!((most.len(), fault(&most)), (Callback::MAX_LENGTH, None));
        assert_eq!(fault(&format!("{most}a")), Some(CallbackFault::TooLarge));
    }

    // AUT-11
    #[test]
    fn what_the_provider_says_is_kept_at_arms_length() {
        let refused = |query: &str| match read(query).unwrap().outcome {
            Outcome::Refused(refusal) => refusal,
            Outcome::Code(_) => panic!("a code"),
        };
        let refusal = refused(
            "error=x<y&error_description=%E2%80%AE%0D%0A%1B[1m<b>no</b>&error_uri=https://id.example/e&state=s",
        );
        assert_eq!(refusal.code(), "unrecognized");
        assert_eq!(refusal.description().unwrap().to_string(), r"\u{202e}\u{d}\u{a}\u{1b}[1m<b>no</b>");
        assert_eq!(refusal.uri().unwrap().as_str(), "https://id.example/e");
        for uri in ["javascript:alert(1)", "http://id.example", "/e", "data:text/html,x"] {
            assert_eq!(refused(&format!("error=access_denied&error_uri={uri}&state=s")).uri(), None, "{uri}");
        }
    }

    #[test]
    fn parameters_that_nobody_knows_are_ignored() {
        let query = "session_state=a.b&scope=openid+a&authuser=0&authuser=1&x[]=1&code=c&state=s&codes=d";
        assert_eq!(code(query), "c");
    }

    // LEA-01
    #[test]
    fn debug_shows_neither_code_nor_state() {
        let callback = Callback::parse("code=canary-c&state=canary-s&iss=https%3A%2F%2Fid.example").unwrap();
        assert!(!format!("{callback:#?}").contains("canary"));
    }

    proptest! {
        // AUT-08
        #[test]
        fn nothing_panics(query in any::<String>()) {
            let _ = Callback::parse(&query);
        }

        // AUT-08
        #[test]
        fn nothing_that_looks_like_a_callback_panics(query in "(code|state|iss|error|%|[a-f0-9=&+\\[\\];]){0,60}") {
            let _ = Callback::parse(&query);
        }

        // AUT-08
        #[test]
        fn what_was_encoded_comes_back(code_in in "\\PC{1,40}", state in "\\PC{0,40}", issuer in "\\PC{0,40}") {
            let query = Serializer::new(String::new())
                .append_pair("code", &code_in).append_pair("state", &state).append_pair("iss", &issuer).finish();
            let callback = read(&query).unwrap();
            prop_assert_eq!(callback.state(), Some(state.as_str()));
            prop_assert_eq!(callback.issuer.as_deref(), Some(issuer.as_str()));
            prop_assert_eq!(code(&query), code_in);
        }
    }
}
