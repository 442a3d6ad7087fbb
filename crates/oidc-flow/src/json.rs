//! JSON from outside: looked at as a whole before any of it is read.

use std::{borrow::Cow, cell::Cell, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// What a document may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of text.
    pub(crate) bytes: usize,
    /// Values of any kind, the document itself included: each takes a hundred bytes of memory, and two of text.
    pub(crate) values: usize,
}

impl Limits {
    /// For discovery documents.
    pub(crate) const METADATA: Self = Self { bytes: 256 * 1024, values: 4096 };
    /// For key sets: they may have as many values as fit, because few of them are kept.
    pub(crate) const KEY_SET: Self = Self { bytes: 1024 * 1024, values: usize::MAX };
    /// For the parts of a token.
    pub(crate) const TOKEN: Self = Self { bytes: 64 * 1024, values: 4096 };
    /// Objects and arrays within each other.
    pub(crate) const DEPTH: usize = 32;
    /// Members of one object.
    pub(crate) const MEMBERS: usize = 1024;
}

/// Why a document is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// An object has two members of one name, however their names are spelled.
    DuplicateMember,
    /// It is not one JSON value.
    Syntax,
    /// It is larger or deeper than allowed.
    TooLarge,
    /// It is JSON, but not what is expected: an object, say.
    WrongShape,
}

/// Checks that `text` is one JSON value within `limits` in which no object has two members of one name (RFC 8259 §4
/// leaves open which of the two counts, so that two readers may see two documents).
///
/// # Errors
/// [`JsonError`].
pub(crate) fn check(text: &[u8], limits: Limits) -> Result<(), JsonError> {
    look_at(text, limits)
}

/// Reads an object, and on the way checks what [`check`] does.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object(text: &[u8], limits: Limits) -> Result<Map<String, Value>, JsonError> {
    match look_at(text, limits)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::WrongShape),
    }
}

/// Looks at every value of `text`, and keeps of it what `K` keeps.
fn look_at<'de, K: Kept<'de>>(text: &'de [u8], limits: Limits) -> Result<K, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLarge);
    }
    let look = Look { values_left: Cell::new(limits.values), found: Cell::new(JsonError::Syntax) };
    let mut reader = serde_json::Deserializer::from_slice(text);
    Node { look: &look, depth: 0, kept: PhantomData }
        .deserialize(&mut reader)
        .and_then(|kept| reader.end().map(|()| kept))
        .map_err(|_| look.found.get())
}

/// What is kept of a value that was looked at: nothing, or the value.
trait Kept<'de>: Sized {
    type Items: Default + Extend<Self>;
    type Members: Default;

    fn plain(value: impl Into<Value>) -> Self;
    fn list(items: Self::Items) -> Self;
    /// Says whether the name is new, as far as that is known yet.
    fn insert(members: &mut Self::Members, name: Cow<'de, str>, value: Self) -> bool;
    /// Nothing where a name is there twice.
    fn object(members: Self::Members) -> Option<Self>;
}

impl<'de> Kept<'de> for () {
    type Items = ();
    type Members = Vec<Cow<'de, str>>;

    fn plain(_: impl Into<Value>) {}

    fn list((): ()) {}

    fn insert(members: &mut Self::Members, name: Cow<'de, str>, (): ()) -> bool {
        members.push(name);
        true
    }

    fn object(mut members: Self::Members) -> Option<()> {
        members.sort_unstable();
        (!members.windows(2).any(|pair| matches!(pair, [one, next] if one == next))).then_some(())
    }
}

impl<'de> Kept<'de> for Value {
    type Items = Vec<Value>;
    type Members = Map<String, Value>;

    fn plain(value: impl Into<Value>) -> Self {
        value.into()
    }

    fn list(items: Vec<Value>) -> Self {
        Self::Array(items)
    }

    fn insert(members: &mut Self::Members, name: Cow<'de, str>, value: Self) -> bool {
        members.insert(name.into_owned(), value).is_none()
    }

    fn object(members: Self::Members) -> Option<Self> {
        Some(Self::Object(members))
    }
}

/// What is known while looking. serde's errors are text, so the reason is kept here.
struct Look {
    values_left: Cell<usize>,
    found: Cell<JsonError>,
}

impl Look {
    fn stop<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.found.set(reason);
        E::custom("refused")
    }
}

struct Node<'a, K> {
    look: &'a Look,
    depth: usize,
    kept: PhantomData<K>,
}

impl<K> Node<'_, K> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= Limits::DEPTH {
            return Err(self.look.stop(JsonError::TooLarge));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<K> Clone for Node<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Node<'_, K> {}

impl<'de, K: Kept<'de>> DeserializeSeed<'de> for Node<'_, K> {
    type Value = K;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<K, D::Error> {
        let left = self.look.values_left.get();
        if left == 0 {
            return Err(self.look.stop(JsonError::TooLarge));
        }
        self.look.values_left.set(left - 1);
        reader.deserialize_any(self)
    }
}

impl<'de, K: Kept<'de>> Visitor<'de> for Node<'_, K> {
    type Value = K;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<K, E> {
        Ok(K::plain(()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<K, E> {
        Ok(K::plain(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<K, E> {
        Ok(K::plain(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<K, E> {
        Ok(K::plain(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<K, E> {
        Ok(K::plain(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<K, E> {
        Ok(K::plain(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<K, A::Error> {
        let inside = self.inside()?;
        let mut kept = K::Items::default();
        while let Some(item) = items.next_element_seed(inside)? {
            kept.extend([item]);
        }
        Ok(K::list(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<K, A::Error> {
        let inside = self.inside()?;
        let (mut kept, mut count) = (K::Members::default(), 0);
        while let Some(Name(name)) = members.next_key()? {
            count += 1;
            if count > Limits::MEMBERS {
                return Err(self.look.stop(JsonError::TooLarge));
            }
            let value = members.next_value_seed(inside)?;
            if !K::insert(&mut kept, name, value) {
                return Err(self.look.stop(JsonError::DuplicateMember));
            }
        }
        K::object(kept).ok_or_else(|| self.look.stop(JsonError::DuplicateMember))
    }
}

/// The name of a member, as it is meant; copied only where it is spelled with escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn looked_at(text: &str) -> Result<(), JsonError> {
        check(text.as_bytes(), Limits::TOKEN)
    }

    // DIS-11, JOS-05
    #[test]
    fn repeated_names_are_found_however_they_are_spelled() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"token_endpoint":"https://a","\u0074oken_endpoint":"https://b"}"#,
            r#"{"\ud83d\ude00":1,"😀":2}"#,
            r#"{"":1,"":2}"#,
            r#"{"a":1,"b":{"c":1,"c":2}}"#,
            r#"{"a":[{"b":1},{"b":1,"b":1}]}"#,
            r#"[[[{"x":null,"y":0,"x":null}]]]"#,
            r#"{"a":1,"a":{"a":1}}"#,
        ] {
            assert_eq!(looked_at(text), Err(JsonError::DuplicateMember), "{text}");
        }
    }

    #[test]
    fn names_that_only_look_alike_are_different() {
        for text in
            [r#"{"a":1,"A":1}"#, r#"{"é":1,"e\u0301":1}"#, r#"{"a":{"a":{"a":1}}}"#, r#"[{"a":1},{"a":1}]"#]
        {
            assert_eq!(looked_at(text), Ok(()), "{text}");
        }
    }

    // DIS-09
    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "{}}",
            "{}{}",
            "{} x",
            "nul",
            "{'a':1}",
            "{a:1}",
            r#"{"a":1,}"#,
            "[1,]",
            "01",
            "1e999",
            "NaN",
            "\u{feff}{}",
            "<html>",
            r#"{"a":"\ud800"}"#,
            "{\"a\":\"\n\"}",
            "// c\n{}",
        ] {
            assert_eq!(looked_at(text), Err(JsonError::Syntax), "{text:?}");
        }
        assert_eq!(check(b"{\"a\":\"\xff\"}", Limits::TOKEN), Err(JsonError::Syntax));
    }

    // DIS-10
    #[test]
    fn size_depth_and_number_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(looked_at(&nested(Limits::DEPTH)), Ok(()));
        assert_eq!(looked_at(&nested(Limits::DEPTH + 1)), Err(JsonError::TooLarge));
        assert_eq!(looked_at(&nested(10_000)), Err(JsonError::TooLarge));
        assert_eq!(looked_at(&r#"{"a":"#.repeat(10_000)), Err(JsonError::TooLarge));

        let items = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert_eq!(looked_at(&items(4000)), Ok(()));
        assert_eq!(looked_at(&items(4096)), Err(JsonError::TooLarge));

        let members = |count: usize| {
            let members: Vec<_> = (0..count).map(|index| format!(r#""{index}":0"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(looked_at(&members(Limits::MEMBERS)), Ok(()));
        assert_eq!(looked_at(&members(Limits::MEMBERS + 1)), Err(JsonError::TooLarge));

        assert_eq!(looked_at(&format!("\"{}\"", "a".repeat(64 * 1024))), Err(JsonError::TooLarge));
    }

    // DIS-09, JOS-13
    #[test]
    fn only_an_object_is_read_as_one() {
        for text in ["null", "true", "0", "\"{}\"", "[]", "[{}]"] {
            assert_eq!(object(text.as_bytes(), Limits::TOKEN), Err(JsonError::WrongShape), "{text}");
        }
        assert_eq!(object(b" {\"a\": 1} ", Limits::TOKEN).unwrap()["a"], 1);
    }

    proptest! {
        // JOS-14
        #[test]
        fn looking_never_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&text, Limits::TOKEN);
        }

        #[test]
        fn what_passes_is_read_the_same_by_everyone(text in r#"\{("[ab]":[0-9](,"[ab]":[0-9]){0,2})?\}"#) {
            let names: Vec<_> = text.split('"').skip(1).step_by(2).collect();
            let distinct: HashSet<_> = names.iter().collect();
            prop_assert_eq!(looked_at(&text).is_ok(), names.len() == distinct.len());
        }
    }
}
