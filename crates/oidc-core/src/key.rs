//! What a login is called.

use std::fmt;

use crate::{ConfigError, Issuer, digest::Parts};

/// Whose tokens they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The application's own (client credentials).
    App,
    /// A user's: the subject identifier, never empty.
    User(UserId),
}

impl Subject {
    /// A user by the provider's subject identifier, or by the application's own name for the user.
    ///
    /// # Errors
    /// [`ConfigError::Empty`] where it is empty: an empty subject would make one login of all users.
    pub fn user(subject: impl Into<String>) -> Result<Self, ConfigError> {
        let subject = subject.into();
        if subject.is_empty() {
            return Err(ConfigError::Empty { field: "subject" });
        }
        Ok(Self::User(UserId(subject)))
    }
}

/// A subject identifier; compared byte by byte, no case or Unicode folding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

impl UserId {
    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(***)")
    }
}

/// One login: the unit of record, lease and refresh token.
///
/// Issuer, client and subject, a session that the application chooses (two browsers of one user are two logins;
/// default: one), and the thumbprint of the key that the tokens are bound to, if any. Scopes and resources are not
/// part of it: several access tokens may hang on one refresh token ([`Target`](crate::Target)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKey {
    issuer: Issuer,
    client: String,
    subject: Subject,
    session: Option<String>,
    thumbprint: Option<String>,
}

impl TokenKey {
    /// The login of `subject` at `client`, as `issuer` knows it.
    pub fn new(issuer: Issuer, client: impl Into<String>, subject: Subject) -> Self {
        Self { issuer, client: client.into(), subject, session: None, thumbprint: None }
    }

    /// Sets the application's own session identifier.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Sets the thumbprint of the key that the tokens are bound to (RFC 7638).
    #[must_use]
    pub fn with_thumbprint(mut self, thumbprint: impl Into<String>) -> Self {
        self.thumbprint = Some(thumbprint.into());
        self
    }

    /// Who issued the tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The client identifier.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Whose tokens they are.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The hash under which stores know the login. Two different keys never share one.
    pub fn id(&self) -> KeyId {
        let user = match &self.subject {
            Subject::App => None,
            Subject::User(id) => Some(id.as_str()),
        };
        KeyId(
            Parts::new("oidc token key 1")
                .text(self.issuer.as_str())
                .text(&self.client)
                .optional(user)
                .optional(self.session.as_deref())
                .optional(self.thumbprint.as_deref())
                .finish(),
        )
    }
}

/// The hash of a [`TokenKey`], all that a store, a file name or a log line sees of it.
///
/// `Display` writes 64 lower-case hexadecimal digits. It does not show, but does not hide either, who the user is
/// from someone who can guess the user's identifier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The key whose [raw hash](Self::as_bytes) this is: for stores that list what they keep.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_key() -> impl Strategy<Value = TokenKey> {
        let part = "[ab]{0,3}";
        (part, part, prop::option::of("[ab]{1,3}"), prop::option::of(part), prop::option::of(part)).prop_map(
            |(issuer, client, user, session, thumbprint)| TokenKey {
                issuer: Issuer::new(format!("https://{issuer}x")).unwrap(),
                client,
                subject: user.map_or(Subject::App, |user| Subject::user(user).unwrap()),
                session,
                thumbprint,
            },
        )
    }

    proptest! {
        // TOK-13, TOK-14
        #[test]
        fn two_keys_share_an_id_only_if_they_are_equal(a in any_key(), b in any_key()) {
            prop_assert_eq!(a == b, a.id() == b.id());
        }
    }

    // TOK-14
    #[test]
    fn parts_cannot_flow_into_each_other() {
        let issuer = || Issuer::new("https://id.example").unwrap();
        let ids = [
            TokenKey::new(issuer(), "ab", Subject::user("c").unwrap()),
            TokenKey::new(issuer(), "a", Subject::user("bc").unwrap()),
            TokenKey::new(issuer(), "ab", Subject::App).with_session("c"),
            TokenKey::new(issuer(), "ab", Subject::App).with_thumbprint("c"),
            TokenKey::new(issuer(), "ab", Subject::App).with_session(""),
            TokenKey::new(issuer(), "ab", Subject::App),
        ]
        .map(|key| key.id());
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[index + 1..].contains(id), "{index}");
        }
    }

    #[test]
    fn a_user_has_a_name() {
        assert!(Subject::user("").is_err());
    }
}
