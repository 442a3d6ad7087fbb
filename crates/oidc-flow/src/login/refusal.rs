//! The provider's no.

use oidc_core::Secret;
use url::Url;

use crate::{LoginError, Untrusted, echo::repeats};

/// An error response of the authorization endpoint (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6), whose state was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<Inner>);

/// Apart, so that errors stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    code: String,
    description: Option<Untrusted>,
    uri: Option<Url>,
}

impl Refusal {
    pub(super) fn new(code: &str, description: Option<Untrusted>, uri: Option<Url>) -> Self {
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let looks_like_one = !code.is_empty() && code.len() <= 64 && code.bytes().all(is_code);
        let code = if looks_like_one { code } else { UNRECOGNIZED };
        Self(Box::new(Inner { code: code.to_owned(), description, uri }))
    }

    /// The error code; `unrecognized` where the provider sent something else than letters, digits, `_`, `-` and `.`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What the provider says about it, to the developer.
    pub fn description(&self) -> Option<&Untrusted> {
        self.0.description.as_ref()
    }

    /// A page about the error, if it is an `https` one. It came from outside: show it as a link at most.
    pub fn uri(&self) -> Option<&Url> {
        self.0.uri.as_ref()
    }

    /// The same, without what repeats a part of one of `secrets`: whoever tells a developer what is wrong with a parameter likes
    /// to quote it.
    pub(super) fn without<'a>(mut self, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        for secret in secrets {
            let repeats = |text: &str| repeats(text, secret.expose());
            if repeats(&self.0.code) {
                self.0.code = UNRECOGNIZED.to_owned();
            }
            self.0.description.take_if(|text| repeats(text.as_untrusted_str()));
            self.0.uri.take_if(|uri| repeats(uri.as_str()));
        }
        self
    }

    /// The error that the code stands for.
    pub(super) fn into_error(self) -> LoginError {
        match self.0.code.as_str() {
            "access_denied" => LoginError::AccessDenied(self),
            "account_selection_required" => LoginError::AccountSelectionRequired(self),
            "consent_required" => LoginError::ConsentRequired(self),
            "interaction_required" => LoginError::InteractionRequired(self),
            "login_required" => LoginError::LoginRequired(self),
            _ => LoginError::Refused(self),
        }
    }
}

const UNRECOGNIZED: &str = "unrecognized";

#[cfg(test)]
mod tests {
    use super::*;

    // AUT-23
    #[test]
    fn codes_become_typed_errors() {
        let error = |code: &str| Refusal::new(code, None, None).into_error();
        assert!(matches!(error("access_denied"), LoginError::AccessDenied(_)));
        for code in
            ["account_selection_required", "consent_required", "interaction_required", "login_required"]
        {
            assert!(error(code).needs_interaction(), "{code}");
            assert_eq!(error(code).refusal().unwrap().code(), code);
        }
        assert_eq!(error("server_error").to_string(), "the provider refused the login (server_error)");
        assert!(!error("server_error").needs_interaction());
    }

    // AUT-11, LEA-03
    #[test]
    fn what_is_no_code_is_not_repeated() {
        for code in ["", "a b", "a\r\nb", "<script>", &"x".repeat(65), "ä"] {
            assert_eq!(Refusal::new(code, None, None).code(), "unrecognized");
        }
    }

    // LEA-06
    #[test]
    fn what_repeats_a_secret_is_left_out() {
        let state = Secret::from("0123456789abcdef");
        let refusal = |code: &str, description: &str, uri: &str| {
            let description = Some(Untrusted::new(description));
            Refusal::new(code, description, Url::parse(uri).ok()).without([&state])
        };
        let quoting = refusal("x0123456789", "the state 456789ab is odd", "https://id.example/?s=89abcdef");
        assert_eq!((quoting.code(), quoting.description(), quoting.uri()), (UNRECOGNIZED, None, None));
        let honest = refusal("access_denied", "no", "https://id.example/");
        assert_eq!(honest.code(), "access_denied");
        assert!(honest.description().is_some() && honest.uri().is_some());
    }
}
