//! What a seed stands for: how big its world is, how its provider behaves, and what goes wrong how often.

use std::time::Duration;

use super::{provider::Rotation, rng::Rng};
use crate::policy::RefreshPolicy;

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) processes: u8,
    pub(super) logins: u8,
    pub(super) targets: u8,
    /// Whether a process keeps its sources in a pool.
    pub(super) pool: bool,
    /// Callers for each source.
    pub(super) callers: u8,
    pub(super) rotation: Rotation,
    pub(super) ends_old_access: bool,
    /// How long an access token lives, and in how many of a thousand answers the provider says so.
    pub(super) life: Duration,
    pub(super) names_life: u64,
    pub(super) policy: RefreshPolicy,
    /// How long things go wrong.
    pub(super) trouble: Duration,
    /// How many things go wrong at most.
    pub(super) faults: u32,
    pub(super) rates: Rates,
}

/// How often, in a thousand chances to, or on average every so many seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) request_lost: u64,
    pub(super) answer_lost: u64,
    pub(super) slow_answer: u64,
    pub(super) turned_away: u64,
    pub(super) odd_answer: u64,
    pub(super) not_prepared: u64,
    pub(super) store_fails: u64,
    pub(super) store_slow: u64,
    pub(super) crash_in_step: u64,
    pub(super) pause_in_step: u64,
    pub(super) crash_every: u64,
    pub(super) pause_every: u64,
    pub(super) fail_over_every: u64,
    pub(super) wall_clock_every: u64,
    pub(super) access_revoked_every: u64,
    pub(super) family_revoked_every: u64,
    pub(super) sign_every: u64,
    pub(super) shut_down_every: u64,
}

impl Plan {
    /// The plan of a seed. Each kind of fault is there in some seeds and absent in others, so that they meet in all combinations; some
    /// seeds have one fault in all, and some have none.
    pub(super) fn of(rng: &mut Rng) -> Self {
        let processes = rng.pick(&[1, 2, 2, 3]);
        let grace = Duration::from_secs(rng.pick(&[8, 10, 30]));
        let rotations = [
            Rotation::Strict,
            Rotation::GraceSame(grace),
            Rotation::GraceNew(grace),
            Rotation::Forgiving,
            Rotation::None,
        ];
        let life = Duration::from_secs(rng.pick(&[2, 6, 15, 40]));
        let targets = rng.pick(&[1, 1, 1, 2]);
        Self {
            processes,
            pool: targets > 1 || rng.chance(400),
            logins: rng.pick(&[1, 1, 2, 4]),
            targets,
            callers: rng.pick(&[1, 2, 3]),
            rotation: if rng.chance(400) { Rotation::Strict } else { rng.pick(&rotations) },
            ends_old_access: life > EARLY && rng.chance(300),
            life,
            names_life: if life > EARLY { rng.pick(&[1_000, 1_000, 900]) } else { 1_000 },
            policy: policy(rng),
            trouble: rng.millis(15_000, 60_000),
            faults: rng.pick(&[0, 1, 1, 2, 4, 1_000, 1_000, 1_000]),
            rates: Rates::of(rng),
        }
    }

    /// How long it takes at most until everything is as it should be, once nothing goes wrong any more.
    pub(super) fn recovery(&self) -> Duration {
        let policy = &self.policy;
        (policy.request_timeout + policy.prepare_timeout) * 2
            + policy.busy_patience
            + policy.backoff_cap.max(policy.misconfigured_pause).max(LONGEST_RETRY_AFTER)
            + policy.lease_ttl
            + Duration::from_secs(10)
    }
}

impl Rates {
    fn of(rng: &mut Rng) -> Self {
        let mut some = |most: u64| if rng.chance(350) { 1 + rng.below(most) } else { 0 };
        Self {
            request_lost: some(200),
            answer_lost: some(200),
            slow_answer: some(200),
            turned_away: some(300),
            odd_answer: some(200),
            not_prepared: some(200),
            store_fails: some(200),
            store_slow: some(100),
            crash_in_step: some(40),
            pause_in_step: some(40),
            crash_every: some(40),
            pause_every: some(40),
            fail_over_every: some(40),
            wall_clock_every: some(40),
            access_revoked_every: some(30),
            family_revoked_every: some(60),
            sign_every: some(30),
            shut_down_every: some(60),
        }
    }
}

/// The provider never asks for more patience than this.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(12);

/// The defaults, or a life in which more happens in less time.
fn policy(rng: &mut Rng) -> RefreshPolicy {
    if rng.chance(250) {
        return RefreshPolicy::default();
    }
    let seconds = Duration::from_secs;
    RefreshPolicy {
        backoff_cap: seconds(12),
        backoff_cap_waiting: seconds(5),
        misconfigured_pause: seconds(8),
        request_timeout: seconds(rng.pick(&[4, 8])),
        prepare_timeout: seconds(4),
        store_timeout: seconds(1),
        busy_poll: Duration::from_millis(rng.pick(&[50, 200])),
        busy_patience: seconds(20),
        shutdown_drain: seconds(10),
        ..RefreshPolicy::default()
    }
}

/// The default of `early_rejection`. Shorter lives that nobody names, or that end whenever another process renews, look like an API that
/// rejects all it is given.
const EARLY: Duration = Duration::from_secs(10);
