//! How the client shows who it is.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use oidc_core::{ConfigError, Secret};
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::{
    echo::repeats,
    form::{Form, wiped},
};

/// How the client authenticates to the provider (RFC 6749 §2.3).
///
/// One method, the one that is registered: no other one is tried when it is refused, because a second try could burn a code or a
/// refresh token.
#[derive(Clone)]
pub struct ClientAuth(Method);

#[derive(Clone)]
enum Method {
    None,
    SecretBasic(Secret),
    SecretPost(Secret),
}

impl ClientAuth {
    /// A public client: an app on a device that cannot keep a secret. It sends its `client_id` and nothing else.
    pub fn none() -> Self {
        Self(Method::None)
    }

    /// `client_secret_basic`: identifier and secret in the `Authorization` header, each form-encoded first (RFC 6749 §2.3.1), or raw
    /// where the provider's profile says so.
    pub fn secret_basic(secret: Secret) -> Self {
        Self(Method::SecretBasic(secret))
    }

    /// `client_secret_post`: identifier and secret in the form.
    pub fn secret_post(secret: Secret) -> Self {
        Self(Method::SecretPost(secret))
    }

    /// Whether the client is a public one.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.0, Method::None)
    }

    /// # Errors
    /// [`ConfigError::Empty`] where the secret is empty.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match &self.0 {
            Method::SecretBasic(secret) | Method::SecretPost(secret) if secret.is_empty() => {
                Err(ConfigError::Empty { field: "client_secret" })
            }
            _ => Ok(()),
        }
    }

    /// Whether `text` has a part of the secret in it.
    pub(crate) fn is_repeated_in(&self, text: &str) -> bool {
        match &self.0 {
            Method::None => false,
            Method::SecretBasic(secret) | Method::SecretPost(secret) => repeats(text, secret.expose()),
        }
    }

    /// Adds to `form` or `headers` what shows the provider that `client` asks.
    pub(crate) fn apply(&self, client: &str, raw_basic: bool, form: Form, headers: &mut HeaderMap) -> Form {
        match &self.0 {
            Method::None => form.and("client_id", client),
            Method::SecretPost(secret) => form.and("client_id", client).and("client_secret", secret.expose()),
            Method::SecretBasic(secret) => {
                headers.insert(AUTHORIZATION, basic(client, secret, raw_basic));
                form
            }
        }
    }
}

impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Method::None => "ClientAuth::none",
            Method::SecretBasic(_) => "ClientAuth::secret_basic(***)",
            Method::SecretPost(_) => "ClientAuth::secret_post(***)",
        })
    }
}

#[expect(clippy::expect_used, reason = "the message is the proof")]
fn basic(client: &str, secret: &Secret, raw: bool) -> HeaderValue {
    let length = 3 * (client.len() + secret.expose().len()) + 1;
    let mut pair = Zeroizing::new(String::with_capacity(length));
    for (index, part) in [client, secret.expose()].into_iter().enumerate() {
        if index > 0 {
            pair.push(':');
        }
        if raw { pair.push_str(part) } else { pair.extend(byte_serialize(part.as_bytes())) }
    }
    let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + 4 * length.div_ceil(3)));
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(pair.as_bytes(), &mut value);
    let mut header = HeaderValue::from_maybe_shared(wiped(value)).expect("base64 is visible ASCII");
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(auth: &ClientAuth, client: &str, raw: bool) -> (Option<String>, String) {
        let mut headers = HeaderMap::new();
        let form = auth.apply(client, raw, Form::with("grant_type", "x"), &mut headers);
        let header = headers.get(AUTHORIZATION).map(|value| {
            assert!(value.is_sensitive());
            let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
            String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
        });
        (header, String::from_utf8(form.into_body().to_vec()).unwrap())
    }

    // GRA-02
    #[test]
    fn basic_encodes_identifier_and_secret_as_a_form_does() {
        for (client, secret, pair) in [
            ("client", "secret", "client:secret"),
            ("my client/1", "s~e:c%r+t", "my+client%2F1:s%7Ee%3Ac%25r%2Bt"),
            ("a:b", "", "a%3Ab:"),
            ("kunde", "geheim-ü*._", "kunde:geheim-%C3%BC*._"),
        ] {
            let auth = ClientAuth::secret_basic(Secret::from(secret));
            assert_eq!(applied(&auth, client, false), (Some(pair.to_owned()), "grant_type=x".to_owned()));
        }
    }

    // GRA-02
    #[test]
    fn raw_basic_encodes_nothing() {
        let auth = ClientAuth::secret_basic(Secret::from("s~e:c%r+t"));
        assert_eq!(applied(&auth, "my client", true).0.unwrap(), "my client:s~e:c%r+t");
    }

    #[test]
    fn a_secret_in_the_form_is_not_in_the_header_too() {
        let auth = ClientAuth::secret_post(Secret::from("a&b=c"));
        let form = "grant_type=x&client_id=me&client_secret=a%26b%3Dc".to_owned();
        assert_eq!(applied(&auth, "me", false), (None, form));
        assert_eq!(applied(&ClientAuth::none(), "me", false), (None, "grant_type=x&client_id=me".to_owned()));
    }

    #[test]
    fn an_empty_secret_is_noticed() {
        assert!(ClientAuth::secret_basic(Secret::from("")).check().is_err());
        assert!(ClientAuth::secret_post(Secret::from("")).check().is_err());
        assert!(ClientAuth::none().check().is_ok());
    }

    // LEA-01
    #[test]
    fn debug_shows_no_secret() {
        let auth = ClientAuth::secret_basic(Secret::from("canary"));
        let mut headers = HeaderMap::new();
        auth.apply("me", false, Form::with("a", "b"), &mut headers);
        assert!(!format!("{auth:?} {headers:?}").contains("canary"));
    }
}
