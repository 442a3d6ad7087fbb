//! Sets of scopes.

use std::{collections::BTreeSet, fmt};

use crate::ConfigError;

/// A set of scope tokens (RFC 6749 §3.3): order and repetition do not count.
///
/// ```
/// use oidc_core::Scopes;
/// let scopes = Scopes::new(["openid", "banking/read"])?;
/// assert_eq!(scopes, Scopes::parse("banking/read  openid openid"));
/// assert_eq!(scopes.to_string(), "banking/read openid");
/// # Ok::<(), oidc_core::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Takes one scope token per item.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where an item is empty or has a character that RFC 6749 §3.3 does not allow.
    pub fn new<I, S>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let scopes: BTreeSet<String> = scopes.into_iter().map(Into::into).collect();
        if scopes.iter().all(|scope| is_scope_token(scope)) {
            return Ok(Self(scopes));
        }
        Err(ConfigError::Invalid {
            field: "scope",
            reason: "empty, or with a character that RFC 6749 does not allow",
        })
    }

    /// Reads a space-separated list as providers send it; tokens with characters that are not allowed are left out.
    pub fn parse(list: &str) -> Self {
        Self(list.split_ascii_whitespace().filter(|scope| is_scope_token(scope)).map(str::to_owned).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `scope` is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether every one of `other` is in the set.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.is_superset(&other.0)
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}
