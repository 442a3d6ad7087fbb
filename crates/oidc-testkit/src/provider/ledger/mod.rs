//! The provider's books: codes, logins and tokens, and the rules by which they are spent.

mod code;
mod refresh;

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use oidc_core::{BootTime, store::WriteId};

use super::{Rotation, judge::Judge, keys::base64url};
use code::Code;
pub(super) use code::{CodeBinding, is_verifier};
use refresh::RefreshToken;

/// What tokens are issued for: one login of a user, or a client on its own behalf.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) client: String,
    /// `None` for the client itself.
    pub(crate) subject: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) auth_time: SystemTime,
    pub(crate) acr: Option<String>,
    pub(crate) nonce: Option<String>,
}

impl Login {
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|one| one == scope)
    }
}

/// A login by its place in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoginId(usize);

/// The rules that the books are kept by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) rotation: Rotation,
    pub(crate) revoke_family: bool,
    pub(crate) code_lifetime: Duration,
    pub(crate) access_lifetime: Duration,
    pub(crate) refresh_lifetime: Option<Duration>,
}

/// The books. Every method that spends something notes in the [`Judge`] what it saw.
#[derive(Debug)]
pub(crate) struct Ledger {
    rules: Rules,
    logins: Vec<Entry>,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, RefreshToken>,
    access: HashMap<String, AccessToken>,
}

#[derive(Debug)]
struct Entry {
    login: Login,
    ended: bool,
}

#[derive(Debug)]
struct AccessToken {
    login: LoginId,
    scopes: Vec<String>,
    ends: BootTime,
}

impl Ledger {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            logins: Vec::new(),
            codes: HashMap::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
        }
    }

    pub(crate) fn open_login(&mut self, login: Login) -> LoginId {
        self.logins.push(Entry { login, ended: false });
        LoginId(self.logins.len() - 1)
    }

    pub(crate) fn login(&self, id: LoginId) -> Option<&Login> {
        self.logins.get(id.0).filter(|entry| !entry.ended).map(|entry| &entry.login)
    }

    pub(crate) fn issue_access(&mut self, now: BootTime, login: LoginId, scopes: &[String]) -> String {
        let token = random("access");
        let ends = now.after(self.rules.access_lifetime);
        self.access.insert(token.clone(), AccessToken { login, scopes: scopes.to_vec(), ends });
        token
    }

    /// The login and the scopes of a live access token.
    pub(crate) fn live_access(&self, now: BootTime, token: &str) -> Option<(&Login, &[String])> {
        let entry = self.access.get(token).filter(|entry| now < entry.ends)?;
        Some((self.login(entry.login)?, &entry.scopes))
    }

    /// Revokes a token of this client (RFC 7009 §2.1): with a refresh token the whole login ends. Says
    /// whether the token may be revoked by this client; one that does not exist may.
    pub(crate) fn revoke(&mut self, client: &str, token: &str) -> bool {
        let login = self.refresh.get(token).map(|entry| entry.login);
        let access_of = self.access.get(token).map(|entry| entry.login);
        let Some(owner) = login.or(access_of) else { return true };
        if self.logins.get(owner.0).is_none_or(|entry| entry.login.client != client) {
            return false;
        }
        match login {
            Some(login) => self.end(login),
            None => drop(self.access.remove(token)),
        }
        true
    }

    pub(crate) fn revoke_all_access(&mut self) {
        self.access.clear();
    }

    pub(crate) fn end_all_logins(&mut self) {
        self.logins.iter_mut().for_each(|entry| entry.ended = true);
    }

    fn end_family(&mut self, login: LoginId, judge: &mut Judge) {
        if self.login(login).is_some() {
            judge.families_revoked += 1;
        }
        self.end(login);
    }

    fn end(&mut self, login: LoginId) {
        if let Some(entry) = self.logins.get_mut(login.0) {
            entry.ended = true;
        }
    }
}

fn random(kind: &str) -> String {
    let bytes = [WriteId::random().0, WriteId::random().0].concat();
    format!("{kind}-{}", base64url(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const SECOND: Duration = Duration::from_secs(1);

    pub(super) fn ledger(rotation: Rotation) -> Ledger {
        Ledger::new(Rules {
            rotation,
            revoke_family: true,
            code_lifetime: SECOND * 60,
            access_lifetime: SECOND * 3,
            refresh_lifetime: Some(SECOND * 1_000),
        })
    }

    pub(super) fn login() -> Login {
        Login {
            client: "app".to_owned(),
            subject: Some("alice".to_owned()),
            scopes: vec!["openid".to_owned()],
            auth_time: SystemTime::UNIX_EPOCH,
            acr: None,
            nonce: None,
        }
    }

    pub(super) fn at(seconds: u64) -> BootTime {
        BootTime::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn only_its_own_client_revokes_a_token() {
        let mut ledger = ledger(Rotation::Strict);
        let login = ledger.open_login(login());
        let (access, refresh) = (ledger.issue_access(at(0), login, &[]), ledger.issue_refresh(at(0), login));
        assert!(!ledger.revoke("other", &access));
        assert!(ledger.live_access(at(0), &access).is_some());
        assert!(ledger.revoke("app", &access));
        assert!(ledger.live_access(at(0), &access).is_none());
        assert!(ledger.login(login).is_some());
        assert!(ledger.revoke("app", &refresh));
        assert!(ledger.login(login).is_none());
        assert!(ledger.revoke("app", "unknown"));
    }

    #[test]
    fn an_access_token_lives_until_its_end_or_that_of_its_login() {
        let mut ledger = ledger(Rotation::Strict);
        let login = ledger.open_login(login());
        let token = ledger.issue_access(at(0), login, &[]);
        assert!(ledger.live_access(at(2), &token).is_some());
        assert!(ledger.live_access(at(3), &token).is_none());
        ledger.end_all_logins();
        assert!(ledger.live_access(at(2), &token).is_none());
    }
}
