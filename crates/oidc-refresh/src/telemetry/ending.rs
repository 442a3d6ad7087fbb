//! Logins that end soon, as far as their provider says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use oidc_core::{KeyId, SavedLogin, Target};

use crate::policy::RefreshPolicy;

/// Which ends somebody has been told of. One for all sources of a pool, so that a login which is far from its end costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Endings(Mutex<HashMap<KeyId, SystemTime>>);

impl Endings {
    /// How soon `login` ends, if that is to be told now: once for each end.
    pub(crate) fn news(
        &self,
        key: &KeyId,
        login: &SavedLogin,
        target: &Target,
        now: SystemTime,
        policy: &RefreshPolicy,
    ) -> Option<Duration> {
        let ends_at = login.refresh_ends_at()?;
        let received = login.access(target).map_or(now, |access| access.lifetime().received());
        let ends_in = soon(ends_at, received, now, policy.login_ending)?;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = told.get(key).map(|end| ends_at.duration_since(*end).unwrap_or_default());
        if moved.is_some_and(|moved| moved <= policy.login_ending) {
            return None;
        }
        if told.len() == told.capacity() {
            told.retain(|_, end| *end > now);
        }
        told.insert(*key, ends_at);
        Some(ends_in)
    }
}

/// How soon a login ends whose last tokens were won at `received`: `None` while that is far off.
fn soon(ends_at: SystemTime, received: SystemTime, now: SystemTime, ahead: Duration) -> Option<Duration> {
    let whole = ends_at.duration_since(received).unwrap_or_default();
    let left = ends_at.duration_since(now).unwrap_or_default();
    (!ahead.is_zero() && left <= ahead.min(whole / 2)).then_some(left)
}

#[cfg(test)]
mod tests {
    use oidc_core::{AccessToken, Issuer, Lifetime, Secret, Subject, TokenKey, TokenSet};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + MINUTE * (1_000_000 + minutes)
    }

    fn login(received: SystemTime, ends_at: SystemTime) -> SavedLogin {
        let lifetime = Lifetime::new(received, Some(MINUTE * 5));
        let tokens = TokenSet::new(AccessToken::bearer(Secret::from("a"), lifetime).unwrap());
        SavedLogin::new(tokens.with_refresh_token(Secret::from("r")).with_refresh_end(ends_at))
    }

    // REF-18
    #[test]
    fn an_end_is_told_once_and_a_new_one_again() {
        let key = TokenKey::new(Issuer::new("https://id.example").unwrap(), "c", Subject::App).id();
        let (endings, policy) = (Endings::default(), RefreshPolicy::default());
        let news = |login: &SavedLogin, now| endings.news(&key, login, &Target::granted(), at(now), &policy);
        let first = login(at(0), at(60));
        assert_eq!([0, 49].map(|now| news(&first, now)), [None, None]);
        assert_eq!(news(&first, 50), Some(MINUTE * 10));
        assert_eq!(news(&first, 55), None, "told");
        let last = login(at(56), at(61));
        assert_eq!(news(&last, 59), None, "the same end, as another refresh tells it");
        let next = login(at(58), at(118));
        assert_eq!(news(&next, 60), None);
        assert_eq!(news(&next, 110), Some(MINUTE * 8));
    }

    // REF-18
    #[test]
    fn a_login_that_is_prolonged_by_a_little_each_time_is_not_always_about_to_end() {
        let ahead = MINUTE * 10;
        assert_eq!(soon(at(8), at(0), at(3), ahead), None);
        assert_eq!(soon(at(8), at(0), at(4), ahead), Some(MINUTE * 4));
        assert_eq!(soon(at(8), at(0), at(9), ahead), Some(Duration::ZERO));
        assert_eq!(soon(at(8), at(0), at(9), Duration::ZERO), None, "nobody wants to know");
    }
}
