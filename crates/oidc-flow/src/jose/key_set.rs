//! The keys of a provider.

use std::fmt;

use openidconnect::{JsonWebKey, JsonWebKeySet};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::Value;

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

fn usable(jwk: Value) -> Option<Key> {
    match Key::deserialize(jwk) {
        Ok(key) => Some(key),
        Err(reason) => {
            tracing::debug!(%reason, "a key of the provider is left out");
            None
        }
    }
}

#[derive(Deserialize)]
struct Document {
    keys: FirstKeys,
}

/// The first keys of a list, and how many follow, which are skipped without being kept.
struct FirstKeys {
    first: Vec<Value>,
    more: usize,
}

impl<'de> Deserialize<'de> for FirstKeys {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = FirstKeys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FirstKeys, A::Error> {
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
