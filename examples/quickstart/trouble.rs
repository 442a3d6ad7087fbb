//! What goes wrong in `--chaos`, drawn from a seed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use oidc_testkit::{Answer, BadIdToken, Endpoint, Fault, OddAnswer, Rotation, Successor, TestProvider};

/// A small generator of numbers (SplitMix64): the same seed gives the same numbers on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Others, for somebody who throws them at times of their own.
    pub(crate) fn others(&mut self) -> Self {
        Self(self.number())
    }

    /// Whether something happens that happens once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }

    /// At least `start` milliseconds, and less than `end`.
    pub(crate) fn milliseconds(&mut self, start: u64, end: u64) -> Duration {
        Duration::from_millis(start + self.number() % (end - start))
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A provider in trouble.
pub(crate) struct Trouble {
    provider: TestProvider,
    revocations: Mutex<u64>,
}

impl Trouble {
    /// None yet.
    pub(crate) fn new(provider: TestProvider) -> Self {
        Self { provider, revocations: Mutex::default() }
    }

    /// The provider. Revocations are made here.
    pub(crate) fn provider(&self) -> &TestProvider {
        &self.provider
    }

    /// How often the access tokens were revoked. What is asked for before and after a call tells whether it was during the call.
    pub(crate) fn revocations(&self) -> u64 {
        *self.counted()
    }

    /// Does one more thing wrong, perhaps two.
    ///
    /// A row of failures without end would make the back-off longer than the grace window, and then the login would be lost for good
    /// reason. So only two faults wait for a request at any time, and a client that is `failing` already meets no new ones.
    pub(crate) fn make(&self, dice: &mut Dice, failing: bool) {
        if dice.once_in(4) {
            let mut revocations = self.counted();
            self.provider.revoke_access_tokens();
            *revocations += 1;
        }
        let fault = fault(dice);
        if !failing && self.provider.pending_faults() < 2 {
            self.provider.fail_next(Endpoint::Token, fault);
        }
    }

    fn counted(&self) -> MutexGuard<'_, u64> {
        self.revocations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refresh token whose answer was lost can be sent again for 10 seconds: both kinds of grace that there are.
pub(crate) fn grace(dice: &mut Dice) -> Rotation {
    let successor = if dice.once_in(2) { Successor::Same } else { Successor::New };
    Rotation::Grace { window: Duration::from_secs(10), successor }
}

/// Requests that get lost come as often as answers that do, and both more often than all else.
fn fault(dice: &mut Dice) -> Fault {
    let unavailable = Answer::new(StatusCode::SERVICE_UNAVAILABLE);
    match dice.number() % 12 {
        0 | 1 => Fault::CutBefore,
        2 | 3 => Fault::LoseAnswer,
        4 => Fault::Answer(unavailable),
        5 => Fault::Answer(unavailable.header(RETRY_AFTER, HeaderValue::from_static("1"))),
        6 => Fault::Answer(Answer::new(StatusCode::BAD_GATEWAY).body("<html>")),
        7 | 8 => Fault::Delay(dice.milliseconds(100, 1_000)),
        9 => Fault::DelayAnswer(dice.milliseconds(100, 1_000)),
        _ => Fault::Odd(odd(dice)),
    }
}

/// Answers that are of use all the same, but for the first one: all that it brings is the next refresh token.
fn odd(dice: &mut Dice) -> OddAnswer {
    match dice.number() % 7 {
        0 => OddAnswer::NoAccessToken,
        1 => OddAnswer::NoIdToken,
        2 => OddAnswer::BadIdToken(BadIdToken::Expired),
        3 => OddAnswer::NoTokenType,
        4 => OddAnswer::TokenType("Bearer:"),
        5 => OddAnswer::ExpiresInText,
        _ => OddAnswer::ScopeArray,
    }
}
