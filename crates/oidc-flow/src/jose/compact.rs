//! The compact form of a signed token.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::json::{self, JsonError, Limits};

/// A token in JWS compact serialization (RFC 7515 §7.1), taken apart strictly: three segments, each in the one base64url form of
/// its bytes, header and payload JSON objects in which no object names a member twice. Nothing is verified.
#[derive(Debug)]
pub(crate) struct Compact {
    pub(crate) header: Map<String, Value>,
    pub(crate) payload: Map<String, Value>,
}

/// Why a token is not taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompactError {
    Malformed(&'static str),
    TooLarge,
    /// Well-formed, with an empty signature.
    Unsigned,
}

impl Compact {
    /// The longest token that is looked at, in bytes.
    pub(crate) const MAX_LENGTH: usize = 64 * 1024;

    /// Takes a token apart.
    ///
    /// # Errors
    /// [`CompactError`].
    pub(crate) fn parse(text: &str) -> Result<Self, CompactError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(CompactError::TooLarge);
        }
        let mut segments = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(CompactError::Malformed("not a signed token of three segments"));
        };
        let token = Self { header: object(header)?, payload: object(payload)? };
        if bytes(signature)?.is_empty() { Err(CompactError::Unsigned) } else { Ok(token) }
    }
}

fn object(segment: &str) -> Result<Map<String, Value>, CompactError> {
    json::object(&bytes(segment)?, Limits::TOKEN).map_err(|error| match error {
        JsonError::DuplicateMember => CompactError::Malformed("a member is named twice"),
        JsonError::WrongShape => CompactError::Malformed("header or payload is not an object"),
        JsonError::Syntax => CompactError::Malformed("header or payload is not JSON"),
        JsonError::TooLarge => CompactError::TooLarge,
    })
}

/// This engine refuses padding, white space, and bits that no byte has: one text for one value.
fn bytes(segment: &str) -> Result<Vec<u8>, CompactError> {
    BASE64_URL_SAFE_NO_PAD.decode(segment).map_err(|_| CompactError::Malformed("not base64url"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    fn parse_parts(header: &str, payload: &str) -> Result<Compact, CompactError> {
        Compact::parse(&format!("{}.{}.c2ln", encode(header), encode(payload)))
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = parse_parts(r#"{"alg":"RS256"}"#, r#"{"sub":"a"}"#).unwrap();
        assert_eq!((&token.header["alg"], &token.payload["sub"]), (&"RS256".into(), &"a".into()));
    }

    // JOS-06, JOS-07
    #[test]
    fn other_forms_are_refused() {
        let (header, payload) = (encode(r#"{"alg":"RS256"}"#), encode("{}"));
        for text in [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            header.clone(),
            format!("{header}.{payload}"),
            format!("{header}.e30=."),
            format!("{header}..c2ln"),
            format!(".{payload}.c2ln"),
            format!("{header}.{payload}.c2ln."),
            format!(".{header}.{payload}.c2ln"),
            format!("{header}.{payload}.c2ln.c2ln"),
            format!("{header}.a.b.c.d"),
            format!("{header}.a.b.c.d.e"),
            format!(" {header}.{payload}.c2ln"),
            format!("{header}.{payload}.c2ln\n"),
            format!("{header}.{payload} .c2ln"),
            format!("{header}=.{payload}.c2ln"),
            format!("{header}.{payload}=.c2ln"),
            format!("{header}.{payload}.c2lnMg=="),
            format!("{header}.{payload}.c2lnMh"),
            format!("{header}.{payload}.c2ln+/"),
            format!("{header}.{payload}.c"),
            format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"c2ln"}}"#),
            format!("Bearer {header}.{payload}.c2ln"),
            format!("{header}.{payload}.c2ln\u{0}"),
            format!("{header}.{payload}.é"),
        ] {
            assert!(matches!(Compact::parse(&text), Err(CompactError::Malformed(_))), "{text}");
        }
    }

    // JOS-01
    #[test]
    fn a_token_without_a_signature_is_told_apart() {
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"RS256"}"#] {
            let text = format!("{}.e30.", encode(header));
            assert_eq!(Compact::parse(&text).unwrap_err(), CompactError::Unsigned);
        }
    }

    // JOS-13
    #[test]
    fn header_and_payload_are_objects() {
        for part in
            ["null", "1", "\"a\"", "true", "[]", r#"["iss","sub"]"#, "", "{", "{}{}", "\u{feff}{}", "{} x"]
        {
            assert!(matches!(parse_parts("{}", part), Err(CompactError::Malformed(_))), "{part}");
            assert!(matches!(parse_parts(part, "{}"), Err(CompactError::Malformed(_))), "{part}");
        }
    }

    // JOS-05
    #[test]
    fn repeated_members_are_refused_in_both_parts() {
        for part in
            [r#"{"alg":"RS256","alg":"none"}"#, r#"{"sub":"a","\u0073ub":"b"}"#, r#"{"a":{"b":1,"b":2}}"#]
        {
            let refused = CompactError::Malformed("a member is named twice");
            assert_eq!(parse_parts(part, "{}").unwrap_err(), refused);
            assert_eq!(parse_parts("{}", part).unwrap_err(), refused);
        }
    }

    // JOS-09
    #[test]
    fn large_tokens_are_refused_unread() {
        for text in [".".repeat(1_000_000), "a".repeat(10 << 20), format!("{}.e30.c2ln", "A".repeat(1 << 20))]
        {
            assert_eq!(Compact::parse(&text).unwrap_err(), CompactError::TooLarge);
        }
        assert!(matches!(Compact::parse(&".".repeat(Compact::MAX_LENGTH)), Err(CompactError::Malformed(_))));
        let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(parse_parts("{}", &deep).unwrap_err(), CompactError::TooLarge);
    }

    proptest! {
        // JOS-14
        #[test]
        fn parsing_never_panics(text in any::<String>(), parts in "[A-Za-z0-9_=.-]{0,80}") {
            let _ = Compact::parse(&text);
            let _ = Compact::parse(&parts);
            let _ = parse_parts(&text, &text);
        }

        // JOS-06
        #[test]
        fn one_token_has_one_text(at in 0..64usize, with in any::<char>()) {
            let token = format!("{}.{}.c2lnbmF0dXJlcw", encode(r#"{"alg":"RS256"}"#), encode(r#"{"sub":"abcd"}"#));
            let at = at % token.len();
            let mut other = token.clone();
            other.replace_range(at..=at, &with.to_string());
            if let Ok(parsed) = Compact::parse(&other) {
                let original = Compact::parse(&token).unwrap();
                let same = parsed.header == original.header && parsed.payload == original.payload;
                let in_signature = at > token.rfind('.').unwrap();
                prop_assert!(!same || in_signature || other == token);
            }
        }
    }
}
