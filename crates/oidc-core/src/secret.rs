//! Text that must not be seen.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret text: a token, a client secret, a code verifier.
///
/// Wiped from memory when dropped, masked in `Debug`, without `Display` and without serde: whoever wants the
/// text says so with [`expose`](Self::expose). Comparison takes the same time wherever two secrets differ.
///
/// ```
/// let secret = oidc_core::Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
///
/// What would show it by mistake does not compile:
///
/// ```compile_fail,E0277
/// println!("{}", oidc_core::Secret::from("hunter2")); // no `Display`
/// ```
///
/// ```compile_fail,E0308
/// let text: &str = &oidc_core::Secret::from("hunter2"); // no `Deref`
/// ```
///
/// ```compile_fail,E0277
/// serde_json::to_string(&oidc_core::Secret::from("hunter2")); // no `Serialize`
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Duration};

    use zeroize::ZeroizeOnDrop;

    use super::*;
    use crate::{Clock, SystemClock};

    // LEA-10
    #[test]
    fn what_holds_the_text_wipes_it() {
        fn wiped_on_drop<T: ZeroizeOnDrop>(_: &T) {}
        wiped_on_drop(&Secret::from("canary").0);
    }

    // LEA-13
    #[test]
    fn comparing_takes_as_long_wherever_the_difference_is() {
        const LENGTH: usize = 1 << 18;
        let text = |differs: usize| Secret::from("x".repeat(differs) + "y" + &"x".repeat(LENGTH - differs));
        let (secret, first, last) = (text(LENGTH / 2), text(0), text(LENGTH));
        let time = |other: &Secret| {
            let clock = SystemClock::new();
            let once = || {
                let start = clock.boot();
                assert!(black_box(&secret) != black_box(other));
                clock.boot().since(start)
            };
            (0..7).map(|_| once()).min().unwrap_or(Duration::MAX)
        };
        // One that stops at the first difference is thousands of times faster there.
        let (first, last) = (time(&first), time(&last));
        assert!(first * 5 > last, "{first:?} {last:?}");
        assert_eq!(secret, text(LENGTH / 2));
    }
}
