//! Why a login, or a question to one of the provider's other endpoints, failed.

use std::{error::Error, fmt, time::Duration};

use oidc_core::{ConfigError, GrantError, TransportError, TransportErrorKind};

use crate::{id_token::IdTokenError, login::Refusal, provider::ProviderError};

/// Why a login failed.
///
/// Neither `Display` nor `Debug` nor the chain of sources contains a code, a token, a state or a URL. What the provider said to
/// people is in the [`Refusal`], as [`Untrusted`](crate::Untrusted) text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// The user or the provider said no (`access_denied`).
    AccessDenied(Refusal),
    /// The user has to choose an account (`account_selection_required`); the login allowed no page.
    AccountSelectionRequired(Refusal),
    /// The login is one that cannot work, by configuration or parameters. Nothing was sent.
    Config(ConfigError),
    /// The user has to consent (`consent_required`); the login allowed no page.
    ConsentRequired(Refusal),
    /// What was kept of the login cannot be read.
    DamagedLogin,
    /// The code could not be exchanged for tokens. Except where the error is
    /// [`Misconfigured`](oidc_core::GrantErrorKind::Misconfigured), a new login is the remedy: a code is good for one try.
    Exchange(GrantError),
    /// The login was started too long ago, or a clock was set.
    Expired,
    /// The user has to do something (`interaction_required`); the login allowed no page.
    InteractionRequired(Refusal),
    /// The callback is not one that can be understood in one way only.
    InvalidCallback(CallbackFault),
    /// The tokens came, but the ID token among them is not good. None of the tokens is handed out.
    InvalidIdToken(IdTokenError),
    /// The callback is another provider's (RFC 9207), or does not say whose it is where it must.
    IssuerMismatch,
    /// The user has to log in (`login_required`); the login allowed no page.
    LoginRequired(Refusal),
    /// The tokens came without an ID token, though `openid` was asked for. None of the tokens is handed out. A provider without OpenID
    /// Connect needs [`oauth_only`](crate::LoginRequest::oauth_only) or a profile that says so.
    MissingIdToken,
    /// The login was started by another client, or at another provider, than the one that should finish it.
    OtherClient,
    /// What is known of the provider cannot be used.
    Provider(ProviderError),
    /// The provider refused for another reason, which the [`Refusal`] names.
    Refused(Refusal),
    /// The callback belongs to another login, or to none. The login that it was compared with goes on.
    StateMismatch,
}

/// What is wrong with a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackFault {
    /// A parameter is there twice or as a list, or code and error are both there.
    Ambiguous,
    /// Percent-encoding or UTF-8 is broken.
    BadEncoding,
    /// A value or a name has a control character.
    ControlCharacter,
    /// It is the response of another flow: it carries tokens, or is wrapped in a JWT.
    ForeignResponse,
    /// It has neither a code nor an error.
    NeitherCodeNorError,
    /// It is longer than [`Callback::MAX_LENGTH`](crate::Callback::MAX_LENGTH).
    TooLarge,
}

impl LoginError {
    /// Whether the provider needs the user to see a page, which this login did not allow
    /// ([`Prompt::None`](crate::Prompt::None)). Start a login that does, once; not a silent one again.
    pub fn needs_interaction(&self) -> bool {
        matches!(
            self,
            Self::AccountSelectionRequired(_)
                | Self::ConsentRequired(_)
                | Self::InteractionRequired(_)
                | Self::LoginRequired(_)
        )
    }

    /// What the provider said, if it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::AccessDenied(refusal)
            | Self::AccountSelectionRequired(refusal)
            | Self::ConsentRequired(refusal)
            | Self::InteractionRequired(refusal)
            | Self::LoginRequired(refusal)
            | Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied(_) => "the user or the provider denied access",
            Self::AccountSelectionRequired(_) => "the user has to choose an account",
            Self::Config(_) => "the login cannot work as it is configured",
            Self::ConsentRequired(_) => "the user has to consent",
            Self::DamagedLogin => "what was kept of the login cannot be read",
            Self::Exchange(_) => "the code could not be exchanged for tokens",
            Self::Expired => "the login was started too long ago",
            Self::InteractionRequired(_) => "the user has to do something at the provider",
            Self::InvalidCallback(fault) => return write!(f, "the callback is refused: {fault}"),
            Self::InvalidIdToken(_) => "the ID token is not good",
            Self::IssuerMismatch => "the callback is another provider's",
            Self::LoginRequired(_) => "the user has to log in",
            Self::MissingIdToken => "the provider gave no ID token",
            Self::OtherClient => "the login was started by another client or at another provider",
            Self::Provider(_) => "what is known of the provider cannot be used",
            Self::Refused(refusal) => {
                return write!(f, "the provider refused the login ({})", refusal.code());
            }
            Self::StateMismatch => "the callback does not belong to this login",
        })
    }
}

impl Error for LoginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Exchange(error) => Some(error),
            Self::InvalidIdToken(error) => Some(error),
            Self::Provider(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for CallbackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ambiguous => "it can be understood in two ways",
            Self::BadEncoding => "its encoding is broken",
            Self::ControlCharacter => "it has a control character",
            Self::ForeignResponse => "it is the response of another flow",
            Self::NeitherCodeNorError => "it has neither a code nor an error",
            Self::TooLarge => "it is too large",
        })
    }
}

impl From<ConfigError> for LoginError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ProviderError> for LoginError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

/// Why userinfo, revocation or logout failed. What it means for the login is for the caller to say: none of them changes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EndpointError {
    /// The call cannot work as it was made. Nothing was sent.
    Config(ConfigError),
    /// The answer is not what it has to be.
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What is known of the provider cannot be used, or it has no such endpoint.
    Provider(ProviderError),
    /// The provider refused.
    Status {
        /// The HTTP status.
        status: u16,
        /// How long the provider asked to be left alone, at most a day.
        retry_after: Option<Duration>,
    },
    /// The answer is about another user: it must not be used (OIDC Core §5.3.2).
    SubjectMismatch,
    /// There was no answer.
    Transport(TransportError),
}

impl EndpointError {
    /// Whether trying again later may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_transient(),
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Transport(error) => !matches!(
                error.kind(),
                TransportErrorKind::AddressDenied | TransportErrorKind::InvalidRequest
            ),
            Self::Config(_) | Self::Malformed { .. } | Self::SubjectMismatch => false,
        }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(_) => f.write_str("the call cannot work as it was made"),
            Self::Malformed { reason } => write!(f, "the provider's answer is unusable: {reason}"),
            Self::Provider(_) => f.write_str("what is known of the provider cannot be used"),
            Self::Status { status, .. } => write!(f, "the provider refused (status {status})"),
            Self::SubjectMismatch => f.write_str("the provider's answer is about another user"),
            Self::Transport(_) => f.write_str("the provider gave no answer"),
        }
    }
}

impl Error for EndpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Provider(error) => Some(error),
            Self::Transport(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for EndpointError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ProviderError> for EndpointError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<TransportError> for EndpointError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}
