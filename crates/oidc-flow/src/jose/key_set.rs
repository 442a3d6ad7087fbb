//! The keys of a provider.

use std::fmt;

use openidconnect::{JsonWebKey, JsonWebKeySet};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Header, Key};
use crate::json::{self, JsonError, Limits};

/// The keys of a provider that verify signatures.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(JsonWebKeySet<Key>);

impl KeySet {
    /// How many keys are looked at. Those that follow are left out.
    pub(crate) const MAX_KEYS: usize = 100;
    /// How many keys are tried where a token does not say which one it is.
    pub(crate) const MAX_TRIED: usize = 8;

    /// Reads a JWK set (RFC 7517 §5). Keys that are of no use are left out; a set may be left with none.
    ///
    /// # Errors
    /// [`JsonError`] where it is not a JWK set at all.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, JsonError> {
        json::check(text, Limits::KEY_SET)?;
        let Document { keys: FirstKeys { first, more } } =
            serde_json::from_slice(text).map_err(|_| JsonError::WrongShape)?;
        if more > 0 {
            tracing::warn!(left_out = more, "the provider has more keys than are looked at");
        }
        let keys = first.into_iter().filter_map(usable).collect();
        Ok(Self(JsonWebKeySet::new(keys)))
    }

    /// The keys that may have signed a token with this header: those of its name, or where it names none, the first
    /// [`MAX_TRIED`](Self::MAX_TRIED) that do its algorithm. A name that is not known is never given up for another key.
    pub(crate) fn candidates(&self, header: &Header) -> impl Iterator<Item = &Key> {
        self.0
            .keys()
            .iter()
            .filter(|key| key.can_verify(header.algorithm))
            .filter(|key| match &header.key_id {
                Some(wanted) => key.key_id().is_some_and(|id| **id == *wanted),
                None => true,
            })
            .take(Self::MAX_TRIED)
    }
}

fn usable(jwk: &RawValue) -> Option<Key> {
    match serde_json::from_str(jwk.get()) {
        Ok(key) => Some(key),
        Err(reason) => {
            tracing::debug!(%reason, "a key of the provider is left out");
            None
        }
    }
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: FirstKeys<'a>,
}

/// The first keys of a list, and how many follow, which are skipped without being kept.
struct FirstKeys<'a> {
    first: Vec<&'a RawValue>,
    more: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for FirstKeys<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = FirstKeys<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FirstKeys<'de>, A::Error> {
                let mut first = Vec::new();
                while first.len() < KeySet::MAX_KEYS {
                    match list.next_element()? {
                        Some(key) => first.push(key),
                        None => return Ok(FirstKeys { first, more: 0 }),
                    }
                }
                let mut more = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    more += 1;
                }
                Ok(FirstKeys { first, more })
            }
        }

        reader.deserialize_seq(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::{SigningAlgorithm, signing::TestKey};

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
    }

    fn header(algorithm: SigningAlgorithm, key_id: Option<&str>) -> Header {
        Header { algorithm, key_id: key_id.map(str::to_owned) }
    }

    fn count(set: &KeySet, algorithm: SigningAlgorithm, key_id: Option<&str>) -> usize {
        set.candidates(&header(algorithm, key_id)).count()
    }

    // JWK-05, JWK-06, JWK-07
    #[test]
    fn keys_are_chosen_by_name_and_algorithm() {
        let key = |algorithm, kid| TestKey::shared(algorithm).jwk(kid);
        let set = set(&[
            key(SigningAlgorithm::Rs256, Some("a")),
            key(SigningAlgorithm::Es256, Some("a")),
            key(SigningAlgorithm::EdDsa, Some("b")),
            key(SigningAlgorithm::Es256, None),
            key(SigningAlgorithm::Es256, Some("")),
        ]);
        for (algorithm, key_id, expected) in [
            (SigningAlgorithm::Rs256, Some("a"), 1),
            (SigningAlgorithm::Es256, Some("a"), 1),
            (SigningAlgorithm::EdDsa, Some("a"), 0),
            (SigningAlgorithm::EdDsa, Some("b"), 1),
            (SigningAlgorithm::EdDsa, Some("B"), 0),
            (SigningAlgorithm::Es256, Some("c"), 0),
            (SigningAlgorithm::Es256, Some(""), 1),
            (SigningAlgorithm::Es256, None, 3),
            (SigningAlgorithm::Es384, None, 0),
        ] {
            assert_eq!(count(&set, algorithm, key_id), expected, "{algorithm} {key_id:?}");
        }
    }

    // JWK-05
    #[test]
    fn no_more_than_eight_keys_are_tried() {
        let keys: Vec<_> = (0..20).map(|_| TestKey::new(SigningAlgorithm::EdDsa).jwk(None)).collect();
        assert_eq!(count(&set(&keys), SigningAlgorithm::EdDsa, None), KeySet::MAX_TRIED);
    }

    // JWK-11
    #[test]
    fn a_hundred_keys_are_read_and_the_rest_is_left_out() {
        let keys: Vec<_> = (0..1000)
            .map(|index| TestKey::shared(SigningAlgorithm::EdDsa).jwk(Some(&index.to_string())))
            .collect();
        let set = set(&keys);
        assert_eq!(count(&set, SigningAlgorithm::EdDsa, Some("99")), 1);
        assert_eq!(count(&set, SigningAlgorithm::EdDsa, Some("100")), 0);
    }

    // JWK-11
    #[test]
    fn a_megabyte_is_too_large() {
        let key = TestKey::shared(SigningAlgorithm::EdDsa).jwk(Some("a"));
        let text = json!({"keys": vec![key; 12_000]}).to_string();
        assert!(text.len() > Limits::KEY_SET.bytes);
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), JsonError::TooLarge);
    }

    // JWK-04
    #[test]
    fn what_is_no_key_set_is_refused() {
        for text in [
            "",
            "<html>",
            "null",
            "[]",
            "{}",
            r#"{"keys":null}"#,
            r#"{"keys":{}}"#,
            r#"{"keys":"a"}"#,
            r#"[{"keys":[]}]"#,
        ] {
            assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    // JWK-08, JWK-09
    #[test]
    fn one_bad_key_does_not_spoil_the_others() {
        let mut private = TestKey::shared(SigningAlgorithm::EdDsa).jwk(Some("a"));
        private["d"] = "AA".into();
        let bad = [
            json!(null),
            json!([]),
            json!({"kty": "new"}),
            json!({"kty": "oct", "k": "AA", "kid": "a"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "a"}),
            private,
        ];
        let good = TestKey::shared(SigningAlgorithm::EdDsa).jwk(Some("a"));
        let set = set(&[&bad[..], &[good]].concat());
        assert_eq!(count(&set, SigningAlgorithm::EdDsa, Some("a")), 1);
        assert_eq!(count(&set, SigningAlgorithm::Es256, Some("a")), 0);
    }

    // JOS-05
    #[test]
    fn repeated_members_are_refused() {
        let key = TestKey::shared(SigningAlgorithm::EdDsa).jwk(Some("a")).to_string();
        let twice = key.replacen('{', r#"{"\u006bid":"b","#, 1);
        for text in [format!(r#"{{"keys":[{key}],"keys":[]}}"#), format!(r#"{{"keys":[{twice}]}}"#)] {
            assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), JsonError::DuplicateMember, "{text}");
        }
    }

    proptest! {
        // JOS-14
        #[test]
        fn reading_never_panics(text in any::<String>()) {
            let _ = KeySet::parse(text.as_bytes());
            let _ = KeySet::parse(format!(r#"{{"keys":[{text}]}}"#).as_bytes());
        }
    }
}
