//! Proof Key for Code Exchange (RFC 7636).

use oauth2::PkceCodeChallenge;
use oidc_core::Secret;

/// A fresh verifier of 32 random bytes, and the S256 challenge that belongs to it. There is no other method.
pub(super) fn new_pair() -> (Secret, String) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    (Secret::from(verifier.into_secret()), challenge.as_str().to_owned())
}

/// Whether `verifier` has the length and the characters that RFC 7636 §4.1 demands.
pub(super) fn is_verifier(verifier: &Secret) -> bool {
    let text = verifier.expose();
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use oauth2::PkceCodeVerifier;
    use proptest::prelude::*;

    use super::*;

    fn challenge_of(verifier: &str) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    }

    // AUT-14
    #[test]
    fn the_vector_of_the_rfc_holds() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge_of(verifier), challenge);
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        assert_eq!(PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str(), challenge);
    }

    // AUT-14
    #[test]
    fn verifiers_are_well_formed_fit_their_challenge_and_never_repeat() {
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let (verifier, challenge) = new_pair();
            assert_eq!(verifier.expose().len(), 43);
            assert!(is_verifier(&verifier));
            assert_eq!(challenge, challenge_of(verifier.expose()));
            assert!(seen.insert(verifier.expose().to_owned()));
        }
    }

    proptest! {
        // AUT-14
        #[test]
        fn only_well_formed_verifiers_are_taken(text in "[A-Za-z0-9._~-]{0,140}", odd in "[^A-Za-z0-9._~-]") {
            prop_assert_eq!(is_verifier(&Secret::from(text.as_str())), (43..=128).contains(&text.len()));
            let with_an_odd_end = format!("{text:a<50}{odd}");
            prop_assert!(!is_verifier(&Secret::from(with_an_odd_end)));
        }
    }
}
