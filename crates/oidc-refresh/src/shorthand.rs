//! A shorter form of saved tokens for memory, from which the very same bytes come back.

use zeroize::Zeroizing;

/// Writes payloads down without what is known anyway: the access token, which the credential holds, the name of the login,
/// and the phrases that are in all of them.
///
/// A byte below the first that JSON has stands for a text. Any bytes are good, and come back as they were; those of the usual form get short.
pub(crate) struct Shorthand<'a> {
    known: [&'a [u8]; 2],
}

impl<'a> Shorthand<'a> {
    /// `token` and `key` are the texts that the same reader has at hand again. One that is empty stands for nothing.
    pub(crate) fn new(token: &'a [u8], key: &'a [u8]) -> Self {
        Self { known: [token, key] }
    }

    /// The short form, behind what is in `short` already.
    pub(crate) fn write(&self, payload: &[u8], short: &mut Zeroizing<Vec<u8>>) {
        let mut rest = payload;
        while let Some((&byte, after)) = rest.split_first() {
            let found = self.codes().find_map(|(code, text)| Some((code, rest.strip_prefix(text)?)));
            if let Some((code, after)) = found {
                short.push(code);
                rest = after;
            } else {
                if byte < FIRST_LITERAL {
                    short.push(ESCAPE);
                }
                short.push(byte);
                rest = after;
            }
        }
    }

    /// What was written. The vector has no spare room, so that growing it left no copy behind.
    pub(crate) fn read(&self, short: &[u8]) -> Vec<u8> {
        let length = self.texts(short).map(<[u8]>::len).sum();
        let mut payload = Vec::with_capacity(length);
        self.texts(short).for_each(|text| payload.extend_from_slice(text));
        payload
    }

    fn texts<'t>(&'t self, mut short: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        std::iter::from_fn(move || {
            let (&byte, after) = short.split_first()?;
            if byte >= FIRST_LITERAL {
                let (literal, after) = short.split_at(1);
                short = after;
                return Some(literal);
            }
            if byte == ESCAPE {
                let (literal, after) = after.split_at_checked(1)?;
                short = after;
                return Some(literal);
            }
            short = after;
            self.codes().find_map(|(code, text)| (code == byte).then_some(text))
        })
    }

    fn codes(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let phrases = PHRASES.iter().map(|phrase| phrase.as_bytes());
        let texts = self.known.iter().copied().chain(phrases);
        (1..FIRST_LITERAL).zip(texts).filter(|(_, text)| !text.is_empty())
    }
}

const ESCAPE: u8 = 0;

/// JSON has no byte below this one, but for line breaks that nobody writes.
const FIRST_LITERAL: u8 = 0x20;

/// What payloads have in common, longer ones before those that they begin with. A form that moves away from them costs memory and nothing
/// else; a test notices.
const PHRASES: [&str; 13] = [
    r#"{"version":1,"key":""#,
    r#"","refresh":""#,
    r#"","refresh_ends_ms":"#,
    r#","id_token":""#,
    r#"","access":[{"value":""#,
    r#","access":[{"value":""#,
    r#"","scopes":""#,
    r#"","received_ms":"#,
    r#","expires_in_ms":"#,
    r#","refresh_in_ms":"#,
    r#"},{"value":""#,
    r#"{"target":""#,
    "}]}",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn short(shorthand: &Shorthand<'_>, payload: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut short = Zeroizing::default();
        shorthand.write(payload, &mut short);
        short
    }

    fn any_payload() -> impl Strategy<Value = Vec<u8>> {
        let phrase = prop::sample::select(PHRASES.as_slice()).prop_map(|phrase| phrase.as_bytes().to_vec());
        let known = prop_oneof![Just(b"token".to_vec()), Just(b"key".to_vec())];
        let piece = prop_oneof![phrase, known, prop::collection::vec(any::<u8>(), 0..4)];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        // STO-07
        #[test]
        fn any_bytes_come_back_as_they_were(payload in any_payload(), token in "(token)?", key in "(key|to)?") {
            let shorthand = Shorthand::new(token.as_bytes(), key.as_bytes());
            prop_assert_eq!(shorthand.read(&short(&shorthand, &payload)), payload);
        }

        #[test]
        fn no_bytes_make_it_fail(short in prop::collection::vec(any::<u8>(), 0..20)) {
            Shorthand::new(b"token", b"").read(&short);
        }
    }
}
