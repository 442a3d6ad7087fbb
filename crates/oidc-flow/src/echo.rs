//! What others say must not repeat our secrets.

use url::form_urlencoded;
use zeroize::Zeroizing;

/// Whether `text` has a part of `secret` in it that is long enough to be told from chance: eight bytes.
pub(crate) fn repeats(text: &str, secret: &str) -> bool {
    const TELLING: usize = 8;
    let text = text.as_bytes();
    secret.as_bytes().windows(TELLING).any(|part| text.windows(TELLING).any(|window| window == part))
}

/// Whether `text` repeats a part of what is used up or kept secret among the parameters of `form`.
pub(crate) fn form_is_repeated_in(form: &[u8], text: &str) -> bool {
    const SECRETS: [&str; 3] = ["code", "code_verifier", "refresh_token"];
    form_urlencoded::parse(form).any(|(name, value)| {
        let value = Zeroizing::new(value.into_owned());
        SECRETS.contains(&&*name) && repeats(text, &value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // LEA-06
    #[test]
    fn a_part_of_a_secret_is_enough() {
        for text in ["0123456789abcdef", "code 23456789 has expired", "89abcdef"] {
            assert!(repeats(text, "0123456789abcdef"), "{text}");
        }
        for text in ["", "invalid_grant", "0123456", "01234568", "9abcdef"] {
            assert!(!repeats(text, "0123456789abcdef"), "{text}");
        }
        assert!(!repeats("abc", "abc"), "too short to be told from chance");
        assert!(!repeats("abc", ""));
    }

    // LEA-06
    #[test]
    fn the_secrets_of_a_form_are_looked_for_and_its_other_parameters_are_not() {
        let form = b"grant_type=refresh_token&refresh_token=r%2B12345678&scope=offline_access";
        assert!(form_is_repeated_in(form, "no such token: r+12345678"));
        for text in ["offline_access_denied", "refresh_token_expired", ""] {
            assert!(!form_is_repeated_in(form, text), "{text}");
        }
    }
}
