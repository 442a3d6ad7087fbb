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
/// [`finish_login`](crate::OidcClient::finish_login) consumes it:
///
/// ```compile_fail,E0382
/// # async fn f(client: oidc_flow::OidcClient, start: oidc_flow::LoginStart, callback: oidc_flow::Callback) {
/// let first = start.pending.check(&callback).unwrap();
/// let second = start.pending.check(&callback).unwrap();
/// client.finish_login(start.pending, first).await.unwrap();
/// client.finish_login(start.pending, second).await.unwrap(); // use of moved value
/// # }
/// ```
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
            Outcome::Refused(refusal) => Err(refusal.clone().without(self.secrets()).into_error()),
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

    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        [&self.state, &self.verifier].into_iter().chain(&self.nonce)
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
    #[expect(clippy::expect_used, reason = "the message is the proof")]
    fn to_secret(&self) -> Secret {
        Secret::from(serde_json::to_string(self).expect("its keys are text and its writer is memory"))
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
        let is_sound =
            self.version == VERSION && !login.state.is_empty() && pkce::is_verifier(&login.verifier);
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

#[cfg(test)]
mod tests {
    use oidc_testkit::ManualClock;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        OidcClient,
        fake::{client, metadata, oauth_provider, provider},
        provider::Provider,
    };

    async fn started(client: &OidcClient) -> PendingLogin {
        client.login().start().await.unwrap().pending
    }

    fn callback(pending: &PendingLogin, rest: &str) -> Callback {
        Callback::parse(&format!("state={}&{rest}", pending.state())).unwrap()
    }

    // AUT-01, AUT-10
    #[tokio::test]
    async fn a_foreign_callback_changes_nothing() {
        let (client, ..) = client(provider());
        let (mine, other) = (started(&client).await, started(&client).await);
        let state = mine.state().to_owned();
        for foreign in [
            "code=evil".to_owned(),
            "code=evil&state=".to_owned(),
            "error=access_denied".to_owned(),
            format!("error=access_denied&state={}", other.state()),
            format!("code=evil&state={}", other.state()),
            format!("code=evil&state={state}x"),
            format!("code=evil&state={}", &state[1..]),
            format!("code=evil&state={}", state.to_uppercase()),
            format!("code=evil&state=%20{state}"),
        ] {
            let refused = mine.check(&Callback::parse(&foreign).unwrap());
            assert!(matches!(refused, Err(LoginError::StateMismatch)), "{foreign}");
        }
        assert_eq!(mine.check(&callback(&mine, "code=good")).unwrap().code.expose(), "good");
    }

    // AUT-12, AUT-13
    #[tokio::test]
    async fn a_callback_is_the_right_providers() {
        let iss = |issuer: &str| format!("code=a&iss={issuer}");
        let silent = client(provider()).0;
        let speaking = metadata().authorization_response_iss_parameter().build().unwrap();
        let speaking = client(Provider::by_hand(speaking)).0;
        for (client, demanded) in [(silent, false), (speaking, true)] {
            let pending = started(&client).await;
            assert!(pending.check(&callback(&pending, &iss("https://id.example"))).is_ok());
            assert_eq!(pending.check(&callback(&pending, "code=a")).is_err(), demanded);
            for bad in [
                "https://id.example/",
                "https://ID.example",
                "https://id.example:443",
                "https://evil.example",
                "id.example",
                "",
            ] {
                let refused = pending.check(&callback(&pending, &iss(bad)));
                assert!(matches!(refused, Err(LoginError::IssuerMismatch)), "{bad}");
            }
            let error = callback(&pending, "error=access_denied&iss=https://evil.example");
            assert!(matches!(pending.check(&error), Err(LoginError::IssuerMismatch)));
        }
    }

    // AUT-23
    #[tokio::test]
    async fn the_providers_no_is_typed() {
        let (client, ..) = client(provider());
        let pending = started(&client).await;
        let error = pending
            .check(&callback(&pending, "error=login_required&error_description=no+session"))
            .unwrap_err();
        assert!(matches!(error, LoginError::LoginRequired(_)) && error.needs_interaction());
        assert_eq!(error.refusal().unwrap().description().unwrap().to_string(), "no session");
        assert!(!format!("{error} {:?}", std::error::Error::source(&error)).contains("session"));
    }

    // AUT-05
    #[tokio::test]
    async fn a_login_ends_by_either_clock() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let second = Duration::from_secs(1);
        let expired = |pass: fn(&ManualClock, Duration), by: Duration| async move {
            let (client, _, clock) = client(provider());
            let pending = started(&client).await;
            pass(&clock, by);
            pending.has_expired(&clock)
        };
        for pass in [ManualClock::advance, ManualClock::advance_boot, ManualClock::advance_wall] {
            assert!(!expired(pass, minutes(10)).await);
            assert!(expired(pass, minutes(10) + second).await);
        }
        let set_back = |clock: &ManualClock, by: Duration| clock.set_wall(clock.wall() - by);
        assert!(!expired(set_back, minutes(5)).await);
        assert!(expired(set_back, minutes(5) + second).await);
    }

    #[tokio::test]
    async fn a_login_comes_back_as_it_went() {
        let (oidc, _, clock) = client(provider());
        let (oauth, ..) = client(oauth_provider());
        let max_age = Duration::from_secs(60);
        for request in [
            oidc.login().scopes(["a"]).max_age(max_age).resource("https://api.example"),
            oauth.login().user("jo"),
            oauth.login(),
        ] {
            let before = request.start().await.unwrap().pending;
            let after = PendingLogin::from_secret(&before.to_secret()).unwrap();
            assert_eq!(after.to_secret(), before.to_secret());
            assert_eq!((after.started, after.started_boot), (before.started, None));
            assert!(after.check(&callback(&before, "code=a")).is_ok());
            assert!(!after.has_expired(&clock));
            clock.advance(Duration::from_secs(601));
            assert!(after.has_expired(&clock));
            clock.set_wall(before.started);
        }
    }

    #[tokio::test]
    async fn a_damaged_login_is_noticed() {
        let (client, ..) = client(provider());
        let whole = started(&client).await.to_secret();
        let damaged = |text: &str| {
            matches!(PendingLogin::from_secret(&Secret::from(text)), Err(LoginError::DamagedLogin))
        };
        for end in 0..whole.expose().len() {
            assert!(damaged(&whole.expose()[..end]), "{end}");
        }
        assert!(damaged(&whole.expose().replace("\"version\":1", "\"version\":2")));
        assert!(damaged(&whole.expose().replace("https://id.example", "http://id.example")));
    }

    // LEA-01
    #[tokio::test]
    async fn debug_shows_nothing_of_it() {
        let (client, ..) = client(provider());
        let pending = started(&client).await;
        let answer = pending.check(&callback(&pending, "code=canary")).unwrap();
        let shown = format!("{pending:#?} {answer:#?} {:?}", pending.to_secret());
        for secret in ["canary", &pending.state()[..8], &pending.verifier.expose()[..8]] {
            assert!(!shown.contains(secret));
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_back_panics(text in "\\PC{0,200}") {
            let _ = PendingLogin::from_secret(&Secret::from(text));
        }
    }
}
