//! Which pages a login may show.

/// What the provider should ask the user (OIDC Core §3.1.2.1). Several may be combined, except for [`None`](Self::None).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prompt {
    /// `none`: no page at all; a login that needs one fails, as
    /// [`needs_interaction`](crate::LoginError::needs_interaction) tells.
    None,
    /// `login`: the user logs in again, although already logged in.
    Login,
    /// `consent`: the user consents again.
    Consent,
    /// `select_account`: the user chooses an account.
    SelectAccount,
}

impl Prompt {
    /// The value of the parameter.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}
