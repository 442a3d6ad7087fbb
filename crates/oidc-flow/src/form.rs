//! Bodies of form posts.

use bytes::Bytes;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// An `application/x-www-form-urlencoded` body in the making. It holds secrets: every buffer it ever used is wiped.
pub(crate) struct Form(Zeroizing<String>);

impl Form {
    /// A form that starts with one parameter.
    pub(crate) fn with(name: &str, value: &str) -> Self {
        Self(Zeroizing::new(String::with_capacity(1024))).and(name, value)
    }

    /// Adds a parameter.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        // Three bytes for each one is the most that encoding makes of a text.
        self.reserve(3 * (name.len() + value.len()) + 2);
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
        self
    }

    /// Adds a parameter for each of `values`.
    pub(crate) fn and_each<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        values.into_iter().fold(self, |form, value| form.and(name, value))
    }

    /// The body. It is wiped when its last clone goes.
    pub(crate) fn into_body(self) -> Bytes {
        wiped(self.0)
    }

    /// Grows into a new buffer, because a `String` that grows by itself leaves its old one behind.
    fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            let mut larger = Zeroizing::new(String::with_capacity(2 * (self.0.len() + more)));
            larger.push_str(&self.0);
            self.0 = larger;
        }
    }
}

/// The bytes of `text`, wiped when their last clone goes.
pub(crate) fn wiped(text: Zeroizing<String>) -> Bytes {
    struct Wiped(Zeroizing<String>);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    Bytes::from_owner(Wiped(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(pairs in prop::collection::vec(any::<(String, String)>(), 1..20)) {
            let mut form = Form::with(&pairs[0].0, &pairs[0].1);
            for (name, value) in &pairs[1..] {
                form = form.and(name, value);
            }
            let body = form.into_body();
            prop_assert!(body.is_ascii());
            let read: Vec<_> = url::form_urlencoded::parse(&body).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }
    }
}
