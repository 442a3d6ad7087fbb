//! What a run of the model explores.

use std::fmt;

use super::{provider::Rotation, variant::Variant};

/// One run: who takes part, and what may go wrong how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) rotation: Rotation,
    /// Whether refreshing spends a refresh token.
    pub(super) spends: bool,
    /// Whether a lost answer is made up for at once.
    pub(super) replays: bool,
    /// How many processes share the login.
    pub(super) processes: u8,
    /// How many of them start without memory.
    pub(super) cold: u8,
    /// How often each process may start a refresh.
    pub(super) asks: u8,
    /// How many of its last writes the store can lose at once.
    pub(super) lost_writes: usize,
    /// A pause may last longer than an access token lives.
    pub(super) long_pauses: bool,
    /// Nothing that is allowed to happen may lose the login.
    pub(super) keeps_login: bool,
    pub(super) budget: Budget,
    pub(super) variant: Variant,
}

/// How often what may happen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    /// Of all faults together.
    pub(super) faults: u8,
    /// A process loses its memory and its refresh; it may start again.
    pub(super) crash: u8,
    /// A claim ends although its owner is alive.
    pub(super) pause: u8,
    /// A request or its answer gets lost.
    pub(super) lost: u8,
    /// An operation of the store fails, done or not done.
    pub(super) store: u8,
    /// The store loses its last write, or more.
    pub(super) fail_over: u8,
    /// The provider turns a request away: try again later.
    pub(super) turned_away: u8,
    /// An answer brings a new refresh token, and is a failure all the same.
    pub(super) salvage: u8,
    /// All access tokens end.
    pub(super) ends: u8,
    pub(super) sign_out: u8,
    pub(super) sign_in: u8,
    /// The provider revokes the login on its own account.
    pub(super) revoke: u8,
}

impl Scenario {
    /// Two processes that remember the same login, whose access token has ended, once and again; no faults.
    pub(super) const fn quiet(rotation: Rotation) -> Self {
        Self {
            rotation,
            spends: true,
            replays: true,
            processes: 2,
            cold: 0,
            asks: 2,
            lost_writes: 0,
            long_pauses: false,
            keeps_login: true,
            budget: Budget::NONE,
            variant: Variant::Contract,
        }
    }
}

impl Budget {
    /// Time passes, and nothing goes wrong.
    pub(super) const NONE: Self = Self {
        faults: 0,
        crash: 0,
        pause: 0,
        lost: 0,
        store: 0,
        fail_over: 0,
        turned_away: 0,
        salvage: 0,
        ends: 1,
        sign_out: 0,
        sign_in: 0,
        revoke: 0,
    };

    /// So many faults, of any kind but fail-over.
    pub(super) const fn any(faults: u8) -> Self {
        Self { faults, crash: faults, pause: faults, lost: faults, store: faults, ..Self::NONE }
    }
}

/// Only what can happen at all.
impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("faults", self.faults),
            ("crash", self.crash),
            ("pause", self.pause),
            ("lost", self.lost),
            ("store", self.store),
            ("fail_over", self.fail_over),
            ("turned_away", self.turned_away),
            ("salvage", self.salvage),
            ("ends", self.ends),
            ("sign_out", self.sign_out),
            ("sign_in", self.sign_in),
            ("revoke", self.revoke),
        ];
        f.debug_map().entries(kinds.into_iter().filter(|(_, times)| *times > 0)).finish()
    }
}
