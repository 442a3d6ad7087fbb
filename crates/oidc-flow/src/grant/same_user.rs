//! Whether a refreshed ID token is about the user of the login.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use oidc_core::Secret;
use serde::Deserialize;

/// Whether `new` names another issuer or user than `old` (OIDC Core §12.2), as far as both can be read. It does not matter who signed
/// them: a token that says that it is another user's is not kept either way.
pub(super) fn names_another_user(old: &Secret, new: &Secret) -> bool {
    match (User::of(old), User::of(new)) {
        (Some(old), Some(new)) => old != new,
        _ => false,
    }
}

#[derive(Deserialize, PartialEq, Eq)]
struct User {
    iss: String,
    sub: String,
}

impl User {
    fn of(id_token: &Secret) -> Option<Self> {
        let claims = id_token.expose().split('.').nth(1)?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Secret {
        Secret::from(format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn users_are_compared_by_issuer_and_subject() {
        let old = token(r#"{"iss":"https://id.example","sub":"a","exp":1}"#);
        for (claims, other) in [
            (r#"{"sub":"a","iss":"https://id.example","exp":2,"nonce":"n"}"#, false),
            (r#"{"iss":"https://id.example","sub":"b"}"#, true),
            (r#"{"iss":"https://id.example","sub":"A"}"#, true),
            (r#"{"iss":"https://id.example/","sub":"a"}"#, true),
            (r#"{"iss":"https://id.example"}"#, false),
            ("[]", false),
        ] {
            assert_eq!(names_another_user(&old, &token(claims)), other, "{claims}");
        }
        for unreadable in ["", "a", "a.b.c", "a.!.c", "a.b.c.d.e"] {
            assert!(!names_another_user(&old, &Secret::from(unreadable)), "{unreadable}");
        }
    }
}
