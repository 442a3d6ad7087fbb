//! What all handles of one credential, and its refresh in flight, have in common.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use oidc_core::{
    Cause, Clock, Credential, Grant, KeyId, SavedLogin, SystemClock, Target, TokenError, TokenStore,
    store::Revision,
};
use tokio::sync::watch;

use crate::{
    decide::Timing,
    desk::{Desk, Landing, Mode, Ticket, Token},
    event::Listener,
    flight::Ledger,
    policy::RefreshPolicy,
    random,
    snapshot::Snapshot,
    status::Origin,
};

pub(crate) struct Shared {
    pub(crate) key: KeyId,
    pub(crate) target: Target,
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    pub(crate) listener: Listener,
    /// Fixed for this key and instance.
    pub(crate) jitter: u64,
    pub(crate) snapshot: ArcSwapOption<Snapshot>,
    state: Mutex<State>,
}

/// What is known beside the credential. Never locked across an await.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) desk: Desk,
    /// What those watch who wait for the refresh in flight.
    pub(crate) call: Option<Call>,
    /// The revision whose refresh token the provider refused: it is not sent again, even if the store could not note it.
    pub(crate) refused: Option<(Revision, Cause)>,
}

/// How a ticket is called: nothing yet, or what those are told who have it.
pub(crate) type Call = watch::Receiver<Option<Landing<TokenError>>>;
/// Calls a ticket.
pub(crate) type Caller = watch::Sender<Option<Landing<TokenError>>>;

/// What a source is made of, beside the login.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    pub(crate) target: Target,
    pub(crate) listener: Listener,
}

impl Parts {
    pub(crate) fn new(grant: impl Grant) -> Self {
        let (policy, target, listener) = Default::default();
        Self { grant: Arc::new(grant), clock: Arc::new(SystemClock::new()), policy, target, listener }
    }

    /// Puts them together for one login.
    pub(crate) fn assemble(self, store: Arc<dyn TokenStore>, key: KeyId) -> Shared {
        let Self { grant, clock, policy, target, listener } = self;
        let (snapshot, state) = Default::default();
        Shared {
            key,
            target,
            grant,
            store,
            clock,
            policy,
            listener,
            jitter: random::number(),
            snapshot,
            state,
        }
    }
}

impl Shared {
    /// The state; one that a panic left behind is as good as any, because every change of it is complete.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the desk sees of the token that is there.
    pub(crate) fn token(&self) -> Option<Token> {
        self.snapshot.load().as_ref().map(|snapshot| snapshot.token())
    }

    /// Publishes the access token of `login`. Says whether it can be used now.
    ///
    /// A token that is there already keeps its generation, and stays rejected if it was. One that `login` does not have is another
    /// login's.
    pub(crate) fn publish(&self, state: &State, login: &SavedLogin, origin: Origin) -> bool {
        let now = self.clock.boot();
        if state.desk.mode() == Mode::Closed {
            return false;
        }
        let Some(access) = login.access(&self.target) else {
            self.snapshot.store(None);
            return false;
        };
        let current = self.snapshot.load_full();
        let credential = Credential::new(access);
        if let Some(current) = current.filter(|current| current.credential().is_same_token(&credential)) {
            return current.good(now).is_some();
        }
        let renewable = !self.grant.spends() || login.refresh().is_some();
        let timing = Timing::of(access, self.clock.wall(), now, renewable, &self.policy, self.jitter);
        let snapshot =
            Snapshot::new(credential, origin, timing, now, now.after(self.policy.revalidate_after));
        let good = snapshot.good(now).is_some();
        self.snapshot.store(Some(Arc::new(snapshot)));
        good
    }

    /// Waits for `future`, but not longer than `limit`.
    pub(crate) async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let deadline = self.clock.boot().after(limit);
        let timer = std::pin::pin!(self.clock.sleep_until(deadline));
        match futures_util::future::select(std::pin::pin!(future), timer).await {
            futures_util::future::Either::Left((output, _)) => Some(output),
            futures_util::future::Either::Right(_) => None,
        }
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
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshingSource")
            .field("key", &self.key)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
