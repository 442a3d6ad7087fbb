//! What can turn out not to hold.

/// A promise that was broken. A scenario ends with the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A refresh token was sent again, and not because an answer was lost.
    SentAgain,
    /// A login was lost, or lost without its reason, or where it could have been kept.
    Lost(String),
    /// A fault of the store was told as the end of the login.
    StoreFaultAsLogout(String),
    /// A login that was signed out came back.
    CameBack,
    /// What was acknowledged is not in the store.
    NotSaved,
    /// There was no token and no final reason long after the fault.
    Stuck(String),
}
