//! A login that waits for its callback.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use oidc_core::{BootTime, Clock, Issuer, Scopes, Secret, Subject};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    callback::{Callback, Outcome},
    pkce,
};
use crate::LoginError;

/// What has to be remembered of a login until its callback comes: it is good for one callback, within ten minutes.
///
/// # Keeping it
/// Keep it where only the browser that started the login leads to it: in the server's session, or sealed in a cookie. Whoever has it
/// and the callback can take the login over, so [`to_secret`](Self::to_secret) gives a [`Secret`]: **encrypt it** wherever it leaves
/// the process, and delete it when it is taken out, so that a second callback finds nothing. It cannot be cloned, and
/// [`finish_login`](crate::OidcClient::finish_login) consumes it.
pub struct PendingLogin {
    /// The provider and client that the login was started with.
    pub(super) authority: Issuer,
    pub(super) client: String,
    pub(super) state: Secret,
    pub(super) verifier: Secret,
    /// Sent and demanded back where an ID token is expected.
    pub(super) nonce: Option<Secret>,
    pub(super) max_age: Option<Duration>,
    /// Whose login it is where no ID token says so. `None` where one has to.
    pub(super) subject: Option<Subject>,
    pub(super) scopes: Scopes,
    pub(super) resources: Vec<String>,
    /// Sent to the token endpoint exactly if it was sent to the authorization endpoint (RFC 6749 §4.1.3).
    pub(super) redirect_uri: Option<String>,
    /// Whose callback it must be (RFC 9207), where that is known.
    pub(super) issuer: Option<Issuer>,
    pub(super) issuer_required: bool,
    pub(super) started: SystemTime,
    /// Known only to the process that started the login.
    pub(super) started_boot: Option<BootTime>,
}

/// A callback that belongs to a login and brings a code. [`finish_login`](crate::OidcClient::finish_login) takes both.
pub struct CheckedCallback {
    pub(super) state: Secret,
    pub(super) code: Secret,
}

impl PendingLogin {
    /// How long a login may take.
    pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

    /// By how much the clocks of two machines may differ.
    const SKEW: Duration = Duration::from_secs(5 * 60);

    /// The `state` of the login, to find it again by [`Callback::state`]. It is in the authorization URL and no secret from the
    /// browser, but do not log it.
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// Whether `callback` belongs to this login, and what it says.
    ///
    /// The state is compared first and in constant time, so a forged callback changes nothing: the login goes on and can still be
    /// finished by the right one. Then whose callback it is, then what it says.
    ///
    /// # Errors
    /// [`LoginError::StateMismatch`], [`LoginError::IssuerMismatch`], or what the provider refused the login with.
    pub fn check(&self, callback: &Callback) -> Result<CheckedCallback, LoginError> {
        if callback.state.as_ref() != Some(&self.state) {
            return Err(LoginError::StateMismatch);
        }
        if !self.is_from_the_right_issuer(callback) {
            return Err(LoginError::IssuerMismatch);
        }
        match &callback.outcome {
            Outcome::Code(code) => Ok(CheckedCallback { state: self.state.clone(), code: code.clone() }),
            Outcome::Refused(refusal) => Err(refusal.clone().into_error()),
        }
    }

    /// The login as text, for a session or an encrypted cookie. It is as secret as a password.
    pub fn to_secret(&self) -> Secret {
        let form = Form {
            version: VERSION,
            authority: self.authority.as_str().to_owned(),
            client: self.client.clone(),
            state: exposed(&self.state),
            verifier: exposed(&self.verifier),
            nonce: self.nonce.as_ref().map(exposed),
            max_age: self.max_age.map(|age| age.as_secs()),
            user: match &self.subject {
                Some(Subject::User(id)) => Some(id.as_str().to_owned()),
                _ => None,
            },
            scopes: self.scopes.to_string(),
            resources: self.resources.clone(),
            redirect_uri: self.redirect_uri.clone(),
            issuer: self.issuer.as_ref().map(|issuer| issuer.as_str().to_owned()),
            issuer_required: self.issuer_required,
            started_ms: milliseconds(self.started),
        };
        form.to_secret()
    }

    /// Reads what [`to_secret`](Self::to_secret) wrote.
    ///
    /// # Errors
    /// [`LoginError::DamagedLogin`] for anything else.
    pub fn from_secret(secret: &Secret) -> Result<Self, LoginError> {
        let form: Form = serde_json::from_str(secret.expose()).map_err(|_| LoginError::DamagedLogin)?;
        form.read().ok_or(LoginError::DamagedLogin)
    }

    /// Whether the login was started too long ago, by any clock that knows, or in the future.
    pub(super) fn has_expired(&self, clock: &dyn Clock) -> bool {
        let measured = self.started_boot.is_some_and(|started| clock.boot().since(started) > Self::LIFETIME);
        measured
            || match clock.wall().duration_since(self.started) {
                Ok(age) => age > Self::LIFETIME,
                Err(ahead) => ahead.duration() > Self::SKEW,
            }
    }

    fn is_from_the_right_issuer(&self, callback: &Callback) -> bool {
        match (&callback.issuer, &self.issuer) {
            (Some(sent), Some(expected)) => sent == expected.as_str(),
            (Some(_), None) => true,
            (None, _) => !self.issuer_required,
        }
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("authority", &self.authority)
            .field("client", &self.client)
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CheckedCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckedCallback(***)")
    }
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    authority: String,
    client: String,
    state: Zeroizing<String>,
    verifier: Zeroizing<String>,
    nonce: Option<Zeroizing<String>>,
    max_age: Option<u64>,
    user: Option<String>,
    scopes: String,
    resources: Vec<String>,
    redirect_uri: Option<String>,
    issuer: Option<String>,
    issuer_required: bool,
    started_ms: u64,
}

impl Form {
    #[expect(clippy::expect_used, reason = "no map with other keys than strings, no failing writer")]
    fn to_secret(&self) -> Secret {
        Secret::from(serde_json::to_string(self).expect("the form of a login is always JSON"))
    }

    fn read(self) -> Option<PendingLogin> {
        let secret = |text: &Zeroizing<String>| Secret::from(text.as_str());
        // Whether plain http was allowed was asked when the login was started.
        let issuer = |text: String| Issuer::insecure_loopback(text);
        let login = PendingLogin {
            authority: issuer(self.authority).ok()?,
            client: self.client,
            state: secret(&self.state),
            verifier: secret(&self.verifier),
            nonce: self.nonce.as_ref().map(secret),
            max_age: self.max_age.map(Duration::from_secs),
            subject: self.user.map(Subject::user).transpose().ok()?,
            scopes: Scopes::parse(&self.scopes),
            resources: self.resources,
            redirect_uri: self.redirect_uri,
            issuer: self.issuer.map(issuer).transpose().ok()?,
            issuer_required: self.issuer_required,
            started: SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.started_ms))?,
            started_boot: None,
        };
        let is_sound = self.version == VERSION && !login.state.is_empty() && pkce::is_verifier(&login.verifier);
        is_sound.then_some(login)
    }
}

fn exposed(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.expose().to_owned())
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
