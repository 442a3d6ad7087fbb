//! Refresh tokens: how they are spent and replaced.

use std::time::Duration;

use oidc_core::BootTime;

use super::{Ledger, Login, LoginId, random};
use crate::provider::{Rotation, Successor, judge::Judge, oauth::Refusal};

#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) login: LoginId,
    ends: BootTime,
    replaced: Option<Replaced>,
}

#[derive(Debug)]
struct Replaced {
    at: BootTime,
    by: Vec<String>,
}

impl Ledger {
    pub(crate) fn issue_refresh(&mut self, now: BootTime, login: LoginId) -> String {
        let token = random("refresh");
        let ends = self.rules.refresh_lifetime.map_or(BootTime::NEVER, |lifetime| now.after(lifetime));
        self.refresh.insert(token.clone(), RefreshToken { login, ends, replaced: None });
        token
    }

    /// Whose refresh token it is, if it belongs to this client.
    pub(crate) fn login_of_refresh(&self, client: &str, token: &str) -> Option<(LoginId, &Login)> {
        let id = self.refresh.get(token)?.login;
        let login = &self.logins.get(id.0)?.login;
        (login.client == client).then_some((id, login))
    }

    /// Spends a refresh token; gives its successor, if there is a new one to tell of.
    pub(crate) fn spend_refresh(
        &mut self,
        now: BootTime,
        judge: &mut Judge,
        token: &str,
    ) -> Result<Option<String>, Refusal> {
        let entry = self.refresh.get(token).ok_or(Refusal::invalid_grant("no such refresh token"))?;
        let login = entry.login;
        if self.login(login).is_none() {
            return Err(Refusal::invalid_grant("the login has ended"));
        }
        if now >= entry.ends {
            return Err(Refusal::invalid_grant("the refresh token has expired"));
        }
        let successor = match (self.rules.rotation, &entry.replaced) {
            (Rotation::Never, _) => return Ok(None),
            (_, None) => self.issue_refresh(now, login),
            (Rotation::Grace { window, successor }, Some(replaced))
                if self.is_graced(now, window, replaced) =>
            {
                match (successor, replaced.by.first()) {
                    (Successor::Same, Some(first)) => first.clone(),
                    _ => self.issue_refresh(now, login),
                }
            }
            (_, Some(_)) => {
                judge.reuse_detected += 1;
                if self.rules.revoke_family {
                    self.end_family(login, judge);
                }
                return Err(Refusal::invalid_grant("the refresh token was used before"));
            }
        };
        if let Some(entry) = self.refresh.get_mut(token) {
            let replaced = entry.replaced.get_or_insert(Replaced { at: now, by: Vec::new() });
            replaced.by.push(successor.clone());
        }
        Ok(Some(successor))
    }

    fn is_graced(&self, now: BootTime, window: Duration, replaced: &Replaced) -> bool {
        let unused = |token: &String| self.refresh.get(token).is_some_and(|entry| entry.replaced.is_none());
        now.since(replaced.at) <= window && replaced.by.iter().all(unused)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{SECOND, at, ledger, login},
        *,
    };

    struct Chain {
        ledger: Ledger,
        judge: Judge,
        login: LoginId,
        first: String,
    }

    fn chain(rotation: Rotation) -> Chain {
        let mut ledger = ledger(rotation);
        let login = ledger.open_login(login());
        let first = ledger.issue_refresh(at(0), login);
        Chain { ledger, judge: Judge::default(), login, first }
    }

    impl Chain {
        fn spend(&mut self, seconds: u64, token: &str) -> Result<Option<String>, Refusal> {
            self.ledger.spend_refresh(at(seconds), &mut self.judge, token)
        }
    }

    #[test]
    fn a_strict_provider_ends_the_login_when_a_refresh_token_is_used_again() {
        let mut chain = chain(Rotation::Strict);
        let first = chain.first.clone();
        let second = chain.spend(1, &first).unwrap().unwrap();
        let access = chain.ledger.issue_access(at(1), chain.login, &[]);
        assert!(chain.ledger.live_access(at(2), &access).is_some());
        assert!(chain.spend(1, &first).is_err());
        assert!(chain.spend(1, &second).is_err());
        assert!(chain.ledger.live_access(at(2), &access).is_none());
        assert_eq!((chain.judge.reuse_detected, chain.judge.families_revoked), (1, 1));
    }

    #[test]
    fn a_grace_window_gives_the_same_successor_until_it_is_used() {
        let mut chain = chain(Rotation::Grace { window: SECOND * 10, successor: Successor::Same });
        let first = chain.first.clone();
        let second = chain.spend(0, &first).unwrap();
        assert_eq!(chain.spend(10, &first).unwrap(), second);
        chain.spend(10, second.as_deref().unwrap()).unwrap();
        assert!(chain.spend(10, &first).is_err());
        assert_eq!((chain.judge.reuse_detected, chain.judge.families_revoked), (1, 1));
    }

    #[test]
    fn a_grace_window_may_give_new_successors_which_are_all_good() {
        let mut chain = chain(Rotation::Grace { window: SECOND * 10, successor: Successor::New });
        let first = chain.first.clone();
        let second = chain.spend(0, &first).unwrap().unwrap();
        let other = chain.spend(9, &first).unwrap().unwrap();
        assert_ne!(second, other);
        chain.spend(9, &other).unwrap();
        chain.spend(9, &second).unwrap();
        assert_eq!(chain.judge.reuse_detected, 0);
    }

    #[test]
    fn after_its_window_a_refresh_token_is_as_used_as_any() {
        let mut chain = chain(Rotation::Grace { window: SECOND * 10, successor: Successor::Same });
        let first = chain.first.clone();
        let second = chain.spend(0, &first).unwrap().unwrap();
        assert!(chain.spend(11, &first).is_err());
        assert!(chain.spend(11, &second).is_err());
    }

    #[test]
    fn without_rotation_a_refresh_token_lasts_until_it_expires() {
        let mut chain = chain(Rotation::Never);
        let first = chain.first.clone();
        assert_eq!(chain.spend(999, &first), Ok(None));
        assert_eq!(chain.spend(999, &first), Ok(None));
        assert!(chain.spend(1_000, &first).is_err());
        assert_eq!(chain.judge.reuse_detected, 0);
    }
}
