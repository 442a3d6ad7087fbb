//! What all handles of one credential, and its refresh in flight, have in common.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use oidc_core::{
    BootTime, Cause, Clock, Credential, Grant, KeyId, SavedLogin, SystemClock, Target, TokenError,
    TokenErrorKind, TokenStore, store::Revision,
};
use tokio::sync::watch;

use crate::{
    decide::{Decision, Timing, View, decide},
    flight::Ledger,
    policy::RefreshPolicy,
    random,
    snapshot::Snapshot,
};

pub(crate) struct Shared {
    pub(crate) key: KeyId,
    pub(crate) target: Target,
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    /// Fixed for this key and instance.
    pub(crate) jitter: u64,
    pub(crate) snapshot: ArcSwapOption<Snapshot>,
    state: Mutex<State>,
}

/// What is known beside the credential. Never locked across an await.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) flight: Option<InFlight>,
    pub(crate) failure: Option<Failure>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Tokens in a row that an API rejected soon after they had been won.
    pub(crate) early_rejections: u32,
    pub(crate) last_request: Option<BootTime>,
    /// The revision whose refresh token the provider refused: it is not sent again, even if the store could not note it.
    pub(crate) refused: Option<(Revision, Cause)>,
    /// Rises when somebody signs in or out here: what a flight brings that began before counts no more.
    pub(crate) epoch: u64,
    pub(crate) closed: bool,
    /// The tokens that are served are not in the store yet.
    pub(crate) unsaved: bool,
    /// Signed out here, and the store does not know yet.
    pub(crate) signing_out: bool,
    flights: u64,
}

/// What those who wait for a flight watch: nothing yet, or how it ended.
pub(crate) type Landing = Option<Result<(), TokenError>>;

#[derive(Clone)]
pub(crate) struct InFlight {
    pub(crate) id: u64,
    pub(crate) landing: watch::Receiver<Landing>,
}

#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) error: TokenError,
    pub(crate) until: BootTime,
}

/// What a source is made of, beside the login.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    pub(crate) target: Target,
}

impl Parts {
    pub(crate) fn new(grant: impl Grant) -> Self {
        let (policy, target) = Default::default();
        Self { grant: Arc::new(grant), clock: Arc::new(SystemClock::new()), policy, target }
    }

    /// Puts them together for one login.
    pub(crate) fn assemble(self, store: Arc<dyn TokenStore>, key: KeyId) -> Shared {
        let Self { grant, clock, policy, target } = self;
        let (snapshot, state) = Default::default();
        Shared { key, target, grant, store, clock, policy, jitter: random::number(), snapshot, state }
    }
}

impl Shared {
    /// The state; one that a panic left behind is as good as any, because every change of it is complete.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn decide(&self, state: &State, now: BootTime) -> Decision {
        let snapshot = self.snapshot.load();
        decide(View {
            now,
            token: snapshot.as_ref().map(|snapshot| snapshot.timing()),
            rejected: snapshot.as_ref().is_some_and(|snapshot| snapshot.is_rejected()),
            in_flight: state.flight.is_some(),
            failing_until: state.failure.as_ref().map(|failure| failure.until),
        })
    }

    /// Publishes the access token of `login`. Says whether it can be used now.
    ///
    /// A token that is there already keeps its generation, and stays rejected if it was. One that `login` does not have is another
    /// login's.
    pub(crate) fn publish(&self, state: &mut State, login: &SavedLogin) -> bool {
        let now = self.clock.boot();
        if state.closed {
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
        let snapshot = Snapshot::new(credential, timing, now, now.after(self.policy.revalidate_after));
        let good = snapshot.good(now).is_some();
        self.snapshot.store(Some(Arc::new(snapshot)));
        good
    }

    /// Notes that `error` stands for `pause`.
    pub(crate) fn fail(&self, state: &mut State, error: TokenError, pause: Duration) {
        state.failure = Some(Failure { error, until: self.clock.boot().after(pause) });
    }

    /// Opens a new flight; the sender is how it lands.
    pub(crate) fn open_flight(state: &mut State) -> (u64, watch::Sender<Landing>) {
        let (sender, landing) = watch::channel(None);
        state.flights = state.flights.saturating_add(1);
        state.flight = Some(InFlight { id: state.flights, landing });
        (state.flights, sender)
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

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshingSource")
            .field("key", &self.key)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// There is no runtime to renew a token on, or the source was shut down.
pub(crate) fn closed() -> TokenError {
    TokenError::new(TokenErrorKind::Closed)
}
