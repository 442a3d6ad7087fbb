//! What is explored: how many callers, and what may happen how often.

use std::fmt;

use super::variant::Variant;

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) variant: Variant,
    pub(super) callers: u8,
    /// How often each of them comes.
    pub(super) asks: u8,
    pub(super) start: Start,
    pub(super) budget: Budget,
}

/// How it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With a token that is fresh.
    Fresh,
    /// With one that is due.
    Due,
    /// With one that has ended.
    Ended,
}

/// How often each thing may still happen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// The time moves on to the next moment that matters.
    pub(super) time: u8,
    /// An API rejects a token.
    pub(super) reject: u8,
    /// A caller gives up.
    pub(super) give_up: u8,
    /// A token request fails, or is denied.
    pub(super) fail: u8,
    /// The answer of a token request is lost.
    pub(super) lose: u8,
    /// The provider gives the access token of before, or one that is over when it arrives.
    pub(super) odd: u8,
    /// Somebody else has renewed the tokens.
    pub(super) adopt: u8,
    /// The store does not take the tokens.
    pub(super) store: u8,
    /// A flight panics.
    pub(super) die: u8,
    pub(super) sign_out: u8,
    pub(super) sign_in: u8,
    /// The credential is compared with the store.
    pub(super) look: u8,
    pub(super) shut_down: u8,
}

impl Budget {
    pub(super) const NONE: Self = Self {
        time: 0,
        reject: 0,
        give_up: 0,
        fail: 0,
        lose: 0,
        odd: 0,
        adopt: 0,
        store: 0,
        die: 0,
        sign_out: 0,
        sign_in: 0,
        look: 0,
        shut_down: 0,
    };

    pub(super) fn and(self, more: Self) -> Self {
        Self {
            time: self.time + more.time,
            reject: self.reject + more.reject,
            give_up: self.give_up + more.give_up,
            fail: self.fail + more.fail,
            lose: self.lose + more.lose,
            odd: self.odd + more.odd,
            adopt: self.adopt + more.adopt,
            store: self.store + more.store,
            die: self.die + more.die,
            sign_out: self.sign_out + more.sign_out,
            sign_in: self.sign_in + more.sign_in,
            look: self.look + more.look,
            shut_down: self.shut_down + more.shut_down,
        }
    }
}

/// Only what may happen at all.
impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            ("time", self.time),
            ("reject", self.reject),
            ("give up", self.give_up),
            ("fail", self.fail),
            ("lose", self.lose),
            ("odd", self.odd),
            ("adopt", self.adopt),
            ("store", self.store),
            ("die", self.die),
            ("sign out", self.sign_out),
            ("sign in", self.sign_in),
            ("look", self.look),
            ("shut down", self.shut_down),
        ];
        for (name, times) in all.into_iter().filter(|(_, times)| *times > 0) {
            write!(f, "{times} {name}, ")?;
        }
        Ok(())
    }
}

impl Scenario {
    pub(super) const fn of(callers: u8, asks: u8, start: Start, budget: Budget) -> Self {
        Self { variant: Variant::Desk, callers, asks, start, budget }
    }
}

/// Whether there is time to look deeper: `MODEL_DEEP=1`.
pub(super) fn is_deep() -> bool {
    std::env::var_os("MODEL_DEEP").is_some_and(|value| value != "0")
}
