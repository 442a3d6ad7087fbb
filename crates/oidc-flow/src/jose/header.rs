//! The protected header of a signed token.

use serde_json::{Map, Value};

use super::SigningAlgorithm;

/// What is used of a token's header: how it was signed, and the name of the key.
///
/// `jku`, `jwk`, `x5u`, `x5c` and whatever else a header may carry choose no key and cause no request (RFC 8725 §3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) key_id: Option<String>,
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    AlgNotAllowed,
    Malformed(&'static str),
}

impl Header {
    /// Reads the header of a token that is to be a plain JWT, signed with one of `allowed`.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub(crate) fn read(
        header: &Map<String, Value>,
        allowed: &[SigningAlgorithm],
    ) -> Result<Self, HeaderError> {
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => name.parse().map_err(|_| HeaderError::AlgNotAllowed)?,
            _ => return Err(HeaderError::AlgNotAllowed),
        };
        if !allowed.contains(&algorithm) {
            return Err(HeaderError::AlgNotAllowed);
        }
        // RFC 7515 §4.1.11: what is critical has to be understood, and no extension is understood here.
        if header.contains_key("crit") {
            return Err(HeaderError::Malformed("a critical header parameter is not understood"));
        }
        // What these say changes what the other bytes mean (RFC 7797, RFC 7516), critical or not.
        if ["b64", "enc", "zip"].into_iter().any(|name| header.contains_key(name)) {
            return Err(HeaderError::Malformed("the payload is encoded in a way that is not understood"));
        }
        if header.contains_key("cty") {
            return Err(HeaderError::Malformed("the payload is another token"));
        }
        match header.get("typ") {
            None => {}
            Some(Value::String(kind)) if is_plain_jwt(kind) => {}
            Some(_) => return Err(HeaderError::Malformed("another kind of token")),
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(HeaderError::Malformed("kid is not text")),
        };
        Ok(Self { algorithm, key_id })
    }
}

/// `JWT`, in any case and with or without `application/` (RFC 7515 §4.1.9, RFC 7519 §5.1). Other kinds of token name themselves:
/// `at+jwt`, `logout+jwt`, `dpop+jwt`, …
fn is_plain_jwt(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("jwt") || kind.eq_ignore_ascii_case("application/jwt")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(header: Value) -> Result<Header, HeaderError> {
        Header::read(header.as_object().unwrap(), &[SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa])
    }

    #[test]
    fn plain_headers_are_read() {
        for (header, algorithm, key_id) in [
            (json!({"alg": "RS256"}), SigningAlgorithm::Rs256, None),
            (json!({"alg": "RS256", "typ": "JWT", "kid": "a"}), SigningAlgorithm::Rs256, Some("a")),
            (json!({"alg": "EdDSA", "typ": "application/jwt", "kid": ""}), SigningAlgorithm::EdDsa, Some("")),
            (json!({"alg": "Ed25519", "typ": "jwt", "x5t": "x"}), SigningAlgorithm::EdDsa, None),
        ] {
            assert_eq!(read(header).unwrap(), Header { algorithm, key_id: key_id.map(str::to_owned) });
        }
    }

    // JOS-01, JOS-02, JOS-03, JOS-08
    #[test]
    fn only_the_algorithms_that_are_expected_are_taken() {
        for alg in [
            json!("none"),
            json!("None"),
            json!("NONE"),
            json!("nOnE"),
            json!("none "),
            json!(""),
            json!("HS256"),
            json!("HS384"),
            json!("HS512"),
            json!("ES256"),
            json!("PS256"),
            json!("RS512"),
            json!("rs256"),
            json!("RS256\u{0}"),
            json!("ES256K"),
            json!("RSA1_5"),
            json!("RSA-OAEP"),
            json!("PBES2-HS256+A128KW"),
            json!("dir"),
            json!(["RS256"]),
            json!(null),
            json!(0),
        ] {
            assert_eq!(read(json!({"alg": alg})), Err(HeaderError::AlgNotAllowed), "{alg}");
        }
        assert_eq!(read(json!({})), Err(HeaderError::AlgNotAllowed));
        assert_eq!(read(json!({"Alg": "RS256"})), Err(HeaderError::AlgNotAllowed));
    }

    // JOS-04
    #[test]
    fn nothing_critical_is_understood() {
        for crit in [
            json!([]),
            json!(["exp"]),
            json!(["b64"]),
            json!(["alg"]),
            json!("exp"),
            json!(null),
            json!({}),
            json!([1]),
            json!(false),
        ] {
            let header = json!({"alg": "RS256", "crit": crit, "exp": 1});
            assert!(matches!(read(header), Err(HeaderError::Malformed(_))), "{crit}");
        }
    }

    // JOS-07, JOS-08
    #[test]
    fn other_encodings_of_the_payload_are_refused() {
        for (name, value) in [
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("zip", json!("DEF")),
            ("enc", json!("A256GCM")),
            ("cty", json!("JWT")),
            ("cty", json!("application/json")),
            ("cty", json!(null)),
        ] {
            assert!(
                matches!(read(json!({"alg": "RS256", name: value})), Err(HeaderError::Malformed(_))),
                "{name}"
            );
        }
    }

    // JOS-10
    #[test]
    fn other_kinds_of_token_are_refused() {
        for kind in [
            json!("at+jwt"),
            json!("application/at+jwt"),
            json!("AT+JWT"),
            json!("logout+jwt"),
            json!("dpop+jwt"),
            json!("secevent+jwt"),
            json!("oauth-authz-req+jwt"),
            json!("token-introspection+jwt"),
            json!("JOSE"),
            json!("JOSE+JSON"),
            json!(""),
            json!(null),
            json!(["JWT"]),
            json!("JWT "),
            json!("application/jwt; charset=utf-8"),
            json!("text/jwt"),
            json!("id_token"),
        ] {
            assert!(
                matches!(read(json!({"alg": "RS256", "typ": kind})), Err(HeaderError::Malformed(_))),
                "{kind}"
            );
        }
    }

    // JWK-06
    #[test]
    fn a_key_is_named_by_text() {
        for kid in [json!(null), json!(1), json!(["a"]), json!({})] {
            assert!(
                matches!(read(json!({"alg": "RS256", "kid": kid})), Err(HeaderError::Malformed(_))),
                "{kid}"
            );
        }
    }

    // JWK-13
    #[test]
    fn keys_in_the_header_mean_nothing() {
        let jwk = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
        let header = json!({"alg": "RS256", "jku": "https://evil.example", "x5u": "https://evil.example", "x5c": ["a"], "jwk": jwk});
        assert_eq!(read(header).unwrap(), Header { algorithm: SigningAlgorithm::Rs256, key_id: None });
    }
}
