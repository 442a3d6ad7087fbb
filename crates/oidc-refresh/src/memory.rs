//! What a source knows of its login: small while nothing happens, at hand while something does.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

use arc_swap::{ArcSwapOption, Guard};
use oidc_core::{BootTime, Cause, KeyId, TokenError, store::Revision};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    desk::{Desk, Landing, Mode, Ticket},
    flight::Ledger,
    resting,
    snapshot::Snapshot,
};

/// The credential, which is read without a lock, and everything else, behind one.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Memory {
    snapshot: ArcSwapOption<Snapshot>,
    kept: Mutex<Kept>,
}

/// What is known beside the credential.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) desk: Desk,
    /// What those watch who wait for the refresh in flight.
    pub(crate) call: Option<Call>,
    /// The refresh token that the provider refused: it is not sent again, even if the store could not note it.
    pub(crate) refused: Option<Refusal>,
}

/// What the provider refused for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The revision that the refresh token belongs to.
    pub(crate) base: Revision,
    pub(crate) cause: Cause,
    /// Whether the store knows: then it may be forgotten here.
    pub(crate) is_noted: bool,
}

/// How a ticket is called: nothing yet, or what those are told who have it.
pub(crate) type Call = watch::Receiver<Option<Landing<TokenError>>>;
/// Calls a ticket.
pub(crate) type Caller = watch::Sender<Option<Landing<TokenError>>>;

/// The state as it is kept while nobody looks at it.
enum Kept {
    /// Nothing happens: see [`resting`]. Empty where nothing is known.
    Resting(Zeroizing<Box<[u8]>>),
    Awake(Box<State>),
}

impl Memory {
    /// The credential. Drop the guard soon.
    pub(crate) fn snapshot(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.snapshot.load()
    }

    /// The credential, to be kept.
    pub(crate) fn snapshot_full(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }

    /// Locks the state of the login `key`. One that a panic left behind is as good as any, because every change of it is complete.
    pub(crate) fn open<'a>(&'a self, key: &'a KeyId) -> Open<'a> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match std::mem::take(&mut *kept) {
            Kept::Awake(state) => *state,
            Kept::Resting(bytes) => resting::read(&bytes, key, self.snapshot.load().as_deref()),
        };
        Open { memory: self, key, kept, state }
    }

    /// No more credentials. Says whether a refresh is still in flight. What rests is not read for that: there may be a million.
    pub(crate) fn close(&self, key: &KeyId) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.store(None);
        match &mut *kept {
            Kept::Awake(state) => {
                state.desk.close();
                if !state.desk.is_in_flight() {
                    state.ledger = Ledger::default();
                }
                state.desk.is_in_flight()
            }
            Kept::Resting(_) => {
                let mut closed = State::default();
                closed.desk.close();
                *kept = Kept::of(closed, key, None);
                false
            }
        }
    }

    /// Whether all of it can be had again from the store.
    pub(crate) fn is_idle(&self, now: BootTime) -> bool {
        let kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        match &*kept {
            Kept::Resting(bytes) => resting::next_request_at(bytes) <= now,
            Kept::Awake(state) => state.is_idle(now),
        }
    }
}

/// The state under its lock. When it is let go, and nothing is going on, it is made small again.
pub(crate) struct Open<'a> {
    memory: &'a Memory,
    key: &'a KeyId,
    kept: MutexGuard<'a, Kept>,
    state: State,
}

impl Open<'_> {
    /// Changes the credential, which only happens under the lock: what rests is written down with the help of it.
    pub(crate) fn show(&mut self, snapshot: Option<Arc<Snapshot>>) {
        self.memory.snapshot.store(snapshot);
    }
}

impl Deref for Open<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Open<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let state = std::mem::take(&mut self.state);
        *self.kept = Kept::of(state, self.key, self.memory.snapshot.load().as_deref());
    }
}

impl State {
    /// The flight of `ticket` is gone without a word.
    pub(crate) fn lose(&mut self, ticket: Ticket) {
        self.desk.lose(ticket);
        self.hang_up();
    }

    /// Without a flight there is nothing to watch.
    pub(crate) fn hang_up(&mut self) {
        if !self.desk.is_in_flight() {
            self.call = None;
        }
    }

    fn is_idle(&self, now: BootTime) -> bool {
        let desk = &self.desk;
        let failing = desk.failure().is_some_and(|failure| now < failure.until);
        let refused = self.refused.is_some_and(|refusal| !refusal.is_noted);
        let busy = desk.is_in_flight() || desk.is_unsaved() || desk.mode() == Mode::SigningOut;
        !(failing || refused || busy) && desk.distance(now).is_zero()
    }
}

impl Kept {
    fn of(state: State, key: &KeyId, snapshot: Option<&Snapshot>) -> Self {
        match resting::write(&state, key, snapshot) {
            Some(bytes) => Self::Resting(bytes),
            None => Self::Awake(Box::new(state)),
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self::Resting(Zeroizing::default())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
