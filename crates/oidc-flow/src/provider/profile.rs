//! How one provider differs from the standard, as data.

use oidc_core::{ConfigError, Issuer};

use super::{DeadRefresh, RefusedAnswer};

/// What is particular about a provider. The default is the standard, read strictly.
///
/// ```
/// use oidc_flow::provider::{DeadRefresh, Profile};
/// let profile = Profile::default()
///     .with_dead_refresh(DeadRefresh::code("refresh_token_expired").with_status(400))
///     .with_rule(("acr_values", "mfa"), ("prompt", "login"));
/// # let _ = profile;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    issuers: Vec<Issuer>,
    id_tokens: IdTokens,
    dead_refreshes: Vec<DeadRefresh>,
    rules: Vec<Rule>,
    offline_access: Option<String>,
    raw_basic: bool,
}

/// Whether the answer to a login brings an ID token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdTokens {
    /// It does; without one the login fails (OIDC Core §3.1.3.3).
    #[default]
    Required,
    /// It may. One that comes is verified, and one that fails fails the login; without one nothing is claimed about the user.
    IfPresent,
    /// No ID token can be verified, because issuer or keys of the provider are not known. Nothing is claimed about the user.
    Never,
}

/// One parameter value that needs another one beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    when: (String, String),
    needs: (String, String),
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            id_tokens: IdTokens::Required,
            dead_refreshes: Vec::new(),
            rules: Vec::new(),
            offline_access: Some("offline_access".to_owned()),
            raw_basic: false,
        }
    }
}

impl Profile {
    /// Adds an exact string that the discovery document may have as its issuer beside the configured one. The first one that is
    /// seen is the only one from then on, for documents and ID tokens alike.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets whether logins bring ID tokens. Default: [`IdTokens::Required`].
    #[must_use]
    pub fn with_id_tokens(mut self, id_tokens: IdTokens) -> Self {
        self.id_tokens = id_tokens;
        self
    }

    /// Adds an answer that means, beside `invalid_grant`, that a refresh token is dead. Whatever is not listed keeps the refresh
    /// token, and is tried again after a pause.
    #[must_use]
    pub fn with_dead_refresh(mut self, answer: DeadRefresh) -> Self {
        self.dead_refreshes.push(answer);
        self
    }

    /// Adds a rule: an authorization request whose parameter `when.0` has `when.1` among its values needs `needs.1` among the
    /// values of `needs.0`. A login that breaks it is a [`ConfigError`].
    #[must_use]
    pub fn with_rule(mut self, when: (&str, &str), needs: (&str, &str)) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        self.rules.push(Rule { when: owned(when), needs: owned(needs) });
        self
    }

    /// Sets the scope that asks for a refresh token; `None` where the provider gives one without being asked. Default:
    /// `offline_access` (OIDC Core §11).
    #[must_use]
    pub fn with_offline_access(mut self, scope: Option<String>) -> Self {
        self.offline_access = scope;
        self
    }

    /// Client id and secret go into the `Basic` header as they are, not form-encoded first as RFC 6749 §2.3.1 demands: for
    /// providers that do not decode them.
    #[must_use]
    pub fn with_raw_basic(mut self) -> Self {
        self.raw_basic = true;
        self
    }

    /// The other exact strings that the provider may use as its issuer.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Whether logins bring ID tokens.
    pub fn id_tokens(&self) -> IdTokens {
        self.id_tokens
    }

    /// Whether an answer means that the refresh token is dead.
    pub(crate) fn is_dead_refresh(&self, answer: &RefusedAnswer<'_>) -> bool {
        answer.is_invalid_grant() || self.dead_refreshes.iter().any(|dead| dead.fits(answer))
    }

    /// The scope that asks for a refresh token, if one does.
    pub fn offline_access(&self) -> Option<&str> {
        self.offline_access.as_deref()
    }

    /// Whether client id and secret go into the `Basic` header as they are.
    pub fn raw_basic(&self) -> bool {
        self.raw_basic
    }

    /// Checks the parameters of an authorization request against the rules of the provider.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where one value lacks another one beside it.
    pub(crate) fn check_parameters<'a>(
        &self,
        parameters: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<(), ConfigError> {
        let has = |(name, value): &(String, String)| {
            parameters.clone().any(|(key, list)| key == name && list.split(' ').any(|one| one == value))
        };
        match self.rules.iter().any(|rule| has(&rule.when) && !has(&rule.needs)) {
            false => Ok(()),
            true => Err(ConfigError::Invalid {
                field: "authorization request",
                reason: "this provider demands another parameter beside one that is set",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_asks_for_what_must_stand_beside() {
        let profile = Profile::default().with_rule(("acr_values", "mfa"), ("prompt", "login"));
        let check = |parameters: &[(&'static str, &'static str)]| {
            profile.check_parameters(parameters.iter().copied())
        };
        for good in [
            &[][..],
            &[("acr_values", "pwd")],
            &[("acr_values", "mfa2")],
            &[("prompt", "login")],
            &[("acr_values", "mfa"), ("prompt", "login")],
            &[("prompt", "login consent"), ("acr_values", "pwd mfa")],
        ] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        for bad in [
            &[("acr_values", "mfa")][..],
            &[("acr_values", "pwd mfa"), ("prompt", "none")],
            &[("acr_values", "mfa"), ("prompt", "login2")],
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
