//! The tokens of one login as they are saved.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    AccessToken, KeyId, Lifetime, Payload, Scopes, Secret, StoreError, StoreErrorKind, TargetId, TokenSet,
    json,
};

/// All tokens of one login: one refresh token, and an access token for each [`Target`](crate::Target).
///
/// Its byte form, a [`Payload`], is versioned and names the login that it belongs to, so that a record that was put in another's
/// place is noticed. What a newer version of the same form added is kept when it is written again. It is JSON:
///
/// ```json
/// {"version":1,"key":"<base64url>","refresh":"…","access":[{"value":"…","scopes":"a b","received_ms":0,"expires_in_ms":0}]}
/// ```
///
/// What is not known is left out, and so is the target of the access token that the login was granted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SavedLogin {
    refresh: Option<Secret>,
    refresh_ends_at: Option<SystemTime>,
    id_token: Option<Secret>,
    access: BTreeMap<TargetId, AccessToken>,
    unknown: Map<String, Value>,
}

impl SavedLogin {
    /// A login that starts with `tokens`, won for the default target.
    pub fn new(tokens: TokenSet) -> Self {
        let mut login = Self::default();
        login.absorb(TargetId::granted(), tokens);
        login
    }

    /// Takes over what an answer brought: the access token for `target`, and refresh and ID token where there are new ones. The end of
    /// the refresh token goes with the token: a new one of which nothing is said has none that is known.
    pub fn absorb(&mut self, target: impl Into<TargetId>, tokens: TokenSet) {
        if tokens.refresh().is_some() || tokens.refresh_ends_at().is_some() {
            self.refresh_ends_at = tokens.refresh_ends_at();
        }
        let (access, refresh, id_token) = tokens.into_parts();
        if let Some(access) = access {
            self.access.insert(target.into(), access);
        }
        self.refresh = refresh.or(self.refresh.take());
        self.id_token = id_token.or(self.id_token.take());
    }

    /// Forgets access tokens that have surely ended at `now`, so that a login with changing targets does not grow for ever.
    pub fn forget_ended(&mut self, now: SystemTime) {
        self.access.retain(|_, access| access.lifetime().remaining(now) != Some(Duration::ZERO));
    }

    /// The tokens for `target`, as one set.
    pub fn tokens(&self, target: impl Into<TargetId>) -> TokenSet {
        let access = self.access(target);
        let set = access.map_or_else(TokenSet::default, |access| TokenSet::new(access.clone()));
        let set = self.refresh.iter().cloned().fold(set, TokenSet::with_refresh_token);
        let set = self.refresh_ends_at.into_iter().fold(set, TokenSet::with_refresh_end);
        self.id_token.iter().cloned().fold(set, TokenSet::with_id_token)
    }

    /// The access token for `target`.
    pub fn access(&self, target: impl Into<TargetId>) -> Option<&AccessToken> {
        self.access.get(&target.into())
    }

    /// The refresh token.
    pub fn refresh(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    /// When the refresh token ends (wall clock), where the provider said so. A forecast, good for a warning: only the provider's refusal
    /// ends a login.
    pub fn refresh_ends_at(&self) -> Option<SystemTime> {
        self.refresh_ends_at
    }

    /// The ID token in its compact form.
    pub fn id_token(&self) -> Option<&Secret> {
        self.id_token.as_ref()
    }

    /// The byte form, for the login `key`.
    #[expect(clippy::expect_used, reason = "the message is the proof")]
    pub fn to_payload(&self, key: &KeyId) -> Payload {
        let form = Form {
            version: VERSION,
            key: base64url(key.as_bytes()),
            refresh: self.refresh.as_ref().map(exposed),
            refresh_ends_ms: self.refresh_ends_at.map(milliseconds_of),
            id_token: self.id_token.as_ref().map(exposed),
            access: self.access.iter().map(|(target, access)| AccessForm::new(*target, access)).collect(),
            unknown: self.unknown.clone(),
        };
        Payload::new(json::to_bytes(&form).expect("its keys are text and its writer is memory"))
    }

    /// Reads the byte form of the login `key`.
    ///
    /// # Errors
    /// [`StoreErrorKind::Corrupt`] where it is damaged or another login's, [`StoreErrorKind::Version`] where a newer version wrote it.
    pub fn from_payload(key: &KeyId, payload: &Payload) -> Result<Self, StoreError> {
        let damaged = || StoreError::new(StoreErrorKind::Corrupt);
        let Version { version } = serde_json::from_slice(payload.as_bytes()).map_err(|_| damaged())?;
        if version > VERSION {
            return Err(StoreError::new(StoreErrorKind::Version));
        }
        let form: Form = serde_json::from_slice(payload.as_bytes()).map_err(|_| damaged())?;
        if form.key != base64url(key.as_bytes()) {
            return Err(damaged());
        }
        let access =
            form.access.into_iter().map(AccessForm::read).collect::<Option<_>>().ok_or_else(damaged)?;
        let secret = |text: Zeroizing<String>| Secret::from(text.as_str());
        Ok(Self {
            refresh: form.refresh.map(secret),
            refresh_ends_at: form.refresh_ends_ms.and_then(time),
            id_token: form.id_token.map(secret),
            access,
            unknown: form.unknown,
        })
    }
}

impl fmt::Debug for SavedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedLogin")
            .field("refresh", &self.refresh)
            .field("refresh_ends_at", &self.refresh_ends_at)
            .field("id_token", &self.id_token)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_ends_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<Zeroizing<String>>,
    access: Vec<AccessForm>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct AccessForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    value: Zeroizing<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<String>,
    received_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_in_ms: Option<u64>,
}

impl AccessForm {
    fn new(target: TargetId, access: &AccessToken) -> Self {
        let lifetime = access.lifetime();
        Self {
            target: (target != TargetId::granted()).then(|| base64url(target.as_bytes())),
            value: exposed(access.value()),
            scopes: access.scopes().map(Scopes::to_string),
            received_ms: milliseconds_of(lifetime.received()),
            expires_in_ms: lifetime.expires_in().map(milliseconds),
            refresh_in_ms: lifetime.refresh_in().map(milliseconds),
        }
    }

    fn read(self) -> Option<(TargetId, AccessToken)> {
        let target = self.target.map_or_else(|| Some(TargetId::granted()), |text| target_of(&text))?;
        let lifetime = Lifetime::new(time(self.received_ms)?, self.expires_in_ms.map(Duration::from_millis));
        let hint = self.refresh_in_ms.map(Duration::from_millis);
        let lifetime = hint.into_iter().fold(lifetime, Lifetime::with_refresh_in);
        let access = AccessToken::bearer(Secret::from(self.value.as_str()), lifetime).ok()?;
        let access = match self.scopes {
            Some(scopes) => access.with_scopes(Scopes::parse(&scopes)),
            None => access,
        };
        Some((target, access))
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn target_of(text: &str) -> Option<TargetId> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(TargetId::from_bytes)
}

fn exposed(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(secret.expose().to_owned())
}

fn time(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

fn milliseconds_of(time: SystemTime) -> u64 {
    milliseconds(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issuer, Subject, Target, TokenKey};

    fn key(client: &str) -> KeyId {
        TokenKey::new(Issuer::new("https://id.example").unwrap(), client, Subject::App).id()
    }

    fn access(value: &str) -> AccessToken {
        let lifetime = Lifetime::new(at(0), Some(Duration::from_secs(300)));
        let lifetime = lifetime.with_refresh_in(Duration::from_millis(149_500));
        AccessToken::bearer(Secret::from(value), lifetime).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123) + Duration::from_secs(seconds)
    }

    fn login() -> SavedLogin {
        let mut login = SavedLogin::new(
            TokenSet::new(access("a1").with_scopes(Scopes::parse("x y")))
                .with_refresh_token(Secret::from("r1"))
                .with_refresh_end(at(1_800))
                .with_id_token(Secret::from("i1")),
        );
        login.absorb(
            &Target::granted().with_resource("https://api.example").unwrap(),
            TokenSet::new(access("a2")),
        );
        login
    }

    #[test]
    fn a_login_comes_back_as_it_went() {
        let key = key("a");
        assert_eq!(SavedLogin::from_payload(&key, &login().to_payload(&key)).unwrap(), login());
    }

    // What is saved is read by every later version.
    #[test]
    fn the_form_is_what_is_documented() {
        let key = key("a");
        let login = SavedLogin::new(TokenSet::new(access("a1").with_scopes(Scopes::parse("x y"))));
        let payload = login.to_payload(&key);
        let text = concat!(
            r#"{"version":1,"key":"duzRRX9FcvGzOH9aFXaYflw8RBYUcFT3uiW8IWzVgXo","access":[{"value":"a1","#,
            r#""scopes":"x y","received_ms":1700000000123,"expires_in_ms":300000,"refresh_in_ms":149500}]}"#
        );
        assert_eq!(str::from_utf8(payload.as_bytes()), Ok(text));
        let odd = text.replace(r#"{"value""#, r#"{"target":"AAAA","value""#);
        let error = SavedLogin::from_payload(&key, &Payload::new(odd.into_bytes())).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "a target is 32 bytes");
    }

    // TOK-15: no refresh token in the answer keeps the old one
    #[test]
    fn what_an_answer_does_not_bring_is_kept() {
        let mut login = login();
        login.absorb(&Target::granted(), TokenSet::new(access("a3")));
        assert_eq!(login.refresh(), Some(&Secret::from("r1")));
        assert_eq!(login.id_token(), Some(&Secret::from("i1")));
        assert_eq!(login.access(&Target::granted()).unwrap().value(), &Secret::from("a3"));
    }

    // REF-18
    #[test]
    fn the_end_of_a_refresh_token_goes_with_the_token() {
        let end_after = |tokens: TokenSet| {
            let mut login = login();
            login.absorb(&Target::granted(), tokens);
            assert_eq!(login.tokens(&Target::granted()).refresh_ends_at(), login.refresh_ends_at());
            login.refresh_ends_at()
        };
        let successor = || TokenSet::from_refresh_token(Secret::from("r2"));
        assert_eq!(end_after(TokenSet::new(access("a3"))), Some(at(1_800)), "nothing new");
        assert_eq!(end_after(successor().with_refresh_end(at(9_000))), Some(at(9_000)));
        assert_eq!(end_after(successor()), None, "nothing is said of the new one");
        assert_eq!(
            end_after(TokenSet::default().with_refresh_end(at(60))),
            Some(at(60)),
            "said of the old one"
        );
    }

    // STO-08
    #[test]
    fn what_an_older_writer_left_out_is_not_known() {
        let key = key("a");
        let mut form: Value = serde_json::from_slice(login().to_payload(&key).as_bytes()).unwrap();
        form.as_object_mut().unwrap().remove("refresh_ends_ms").unwrap();
        for access in form["access"].as_array_mut().unwrap() {
            access.as_object_mut().unwrap().remove("refresh_in_ms").unwrap();
        }
        let read = SavedLogin::from_payload(&key, &Payload::new(form.to_string().into_bytes())).unwrap();
        assert_eq!((read.refresh(), read.refresh_ends_at()), (Some(&Secret::from("r1")), None));
        let lifetime = read.access(&Target::granted()).unwrap().lifetime();
        assert_eq!((lifetime.expires_in(), lifetime.refresh_in()), (Some(Duration::from_secs(300)), None));
    }

    // STO-12
    #[test]
    fn a_record_in_anothers_place_is_noticed() {
        let payload = login().to_payload(&key("a"));
        let error = SavedLogin::from_payload(&key("b"), &payload).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    }

    // STO-07
    #[test]
    fn a_cut_payload_is_damaged() {
        let key = key("a");
        let payload = login().to_payload(&key);
        for end in 0..payload.as_bytes().len() {
            let cut = Payload::new(payload.as_bytes()[..end].to_vec());
            assert!(SavedLogin::from_payload(&key, &cut).is_err(), "{end}");
        }
    }

    // STO-08
    #[test]
    fn what_a_newer_version_added_is_kept_and_a_newer_form_is_refused() {
        let key = key("a");
        let mut form: Value = serde_json::from_slice(login().to_payload(&key).as_bytes()).unwrap();
        form["later"] = Value::from(1);
        let read = SavedLogin::from_payload(&key, &Payload::new(form.to_string().into_bytes())).unwrap();
        let again: Value = serde_json::from_slice(read.to_payload(&key).as_bytes()).unwrap();
        assert_eq!(again["later"], 1);
        form["version"] = Value::from(2);
        let error = SavedLogin::from_payload(&key, &Payload::new(form.to_string().into_bytes())).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Version);
    }

    #[test]
    fn ended_access_tokens_are_forgotten() {
        let mut login = login();
        login.forget_ended(access("a").lifetime().received() + Duration::from_secs(301));
        assert_eq!(login.tokens(&Target::granted()).access(), None);
        assert!(login.refresh().is_some());
    }
}
