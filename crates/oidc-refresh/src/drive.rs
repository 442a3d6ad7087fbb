//! Carries out the steps of a refresh, where no caller can cancel it.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future};
use oidc_core::{
    BootTime, Cause, GrantError, GrantErrorKind, Payload, SavedLogin, SendGate, StoreError, StoreErrorKind,
    TokenError, TokenErrorKind, TokenSet,
    store::{Begin, Lease, Record, Renew, WriteId},
};
use tokio::sync::watch;

use crate::{
    decide::distance,
    flight::{Adopted, Event, Flight, Outcome, Sent, Step, StoreFault, Waits},
    shared::{InFlight, Landing, Shared, State, closed},
    source::first_half,
};

impl Shared {
    /// Starts a refresh. Whoever waits watches the result, nobody owns it.
    pub(crate) fn launch(self: &Arc<Self>, state: &mut State) -> Result<InFlight, TokenError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| closed())?;
        let (id, landing) = Self::open_flight(state);
        let trip = Trip {
            shared: self.clone(),
            id,
            epoch: state.epoch,
            landing,
            gate_closes_at: BootTime::default(),
            requested: false,
            served: false,
            won: None,
            error: None,
            pause: Duration::ZERO,
        };
        let flight = Flight::new(self.grant.spends(), self.waits(), state.ledger.clone(), WriteId::random());
        runtime.spawn(trip.fly(flight));
        state.flight.clone().ok_or_else(closed)
    }

    fn waits(&self) -> Waits {
        Waits {
            poll: self.policy.busy_poll,
            patience: self.policy.busy_patience,
            brief: self.policy.busy_brief,
            save: self.policy.save_retry,
        }
    }

    /// One operation of the store, within its time; a panic in it is an error like any other.
    pub(crate) async fn ask<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, TokenError> {
        let unavailable = || StoreError::new(StoreErrorKind::Unavailable);
        match self.within(self.policy.store_timeout, AssertUnwindSafe(operation).catch_unwind()).await {
            None => Err(unavailable().into()),
            Some(Err(_)) => Err(TokenError::new(TokenErrorKind::Internal)),
            Some(Ok(result)) => result.map_err(TokenError::from),
        }
    }
}

/// One refresh under way.
struct Trip {
    shared: Arc<Shared>,
    id: u64,
    epoch: u64,
    landing: watch::Sender<Landing>,
    gate_closes_at: BootTime,
    requested: bool,
    served: bool,
    /// What was won and is not published yet.
    won: Option<SavedLogin>,
    error: Option<TokenError>,
    /// How long the error stands.
    pause: Duration,
}

impl Trip {
    async fn fly(mut self, mut flight: Flight) {
        let mut step = flight.start();
        loop {
            let event = match step {
                Step::Finish(outcome) => return self.land(&flight, outcome),
                Step::Load => Event::Loaded(self.load().await),
                Step::Adopt(record) => Event::Adopted(self.adopt(&record)),
                Step::Prepare => Event::Prepared(self.prepare().await),
                Step::Begin { attempt } => Event::Began(self.begin(&flight, attempt).await),
                Step::Pause(pause) => {
                    let clock = &self.shared.clock;
                    clock.sleep_until(clock.boot().after(pause)).await;
                    Event::Woke
                }
                Step::Send { record, lease } => Event::Sent(self.send(&record, &lease).await),
                Step::Commit { lease, payload } => {
                    let shared = self.shared.clone();
                    let result = shared.ask(shared.store.commit(&shared.key, &lease, payload)).await;
                    if let Err(error) = &result {
                        self.not_saved(error);
                    }
                    Event::Committed(self.noting(result))
                }
                Step::Serve(_) => {
                    self.serve_unsaved();
                    Event::Served
                }
                Step::Abandon { lease, outcome, retry_in } => {
                    let shared = self.shared.clone();
                    let result =
                        shared.ask(shared.store.abandon(&shared.key, &lease, outcome, retry_in)).await;
                    Event::Abandoned(result.map_err(|_| StoreFault))
                }
                Step::Discard(payload) => {
                    self.discard(&payload).await;
                    Event::Discarded
                }
            };
            step = flight.on(event);
        }
    }

    async fn load(&mut self) -> Result<Option<Record>, StoreFault> {
        let result = self.shared.ask(self.shared.store.load(&self.shared.key)).await;
        self.noting(result)
    }

    fn adopt(&mut self, record: &Record) -> Adopted {
        let Some(payload) = &record.payload else { return Adopted::Unreadable };
        let login = match SavedLogin::from_payload(&self.shared.key, payload) {
            Ok(login) => login,
            Err(error) => {
                self.error = Some(error.into());
                return Adopted::Unreadable;
            }
        };
        let mut state = self.shared.state();
        if state.epoch != self.epoch {
            return Adopted::Usable;
        }
        if self.shared.publish(&mut state, &login) { Adopted::Usable } else { Adopted::Ended }
    }

    async fn prepare(&mut self) -> bool {
        let shared = self.shared.clone();
        let preparation = AssertUnwindSafe(shared.grant.prepare()).catch_unwind();
        let error = match shared.within(shared.policy.prepare_timeout, preparation).await {
            Some(Ok(Ok(()))) => return true,
            Some(Ok(Err(error))) => error,
            Some(Err(_)) => {
                self.fail_with(TokenError::new(TokenErrorKind::Internal), None);
                return false;
            }
            None => GrantError::new(GrantErrorKind::NotProcessed, "the provider did not answer in time"),
        };
        let retry_after = error.retry_after();
        let misconfigured = error.kind() == GrantErrorKind::Misconfigured;
        self.fail_with(
            error.into(),
            retry_after.or(misconfigured.then_some(shared.policy.misconfigured_pause)),
        );
        false
    }

    /// Requests for one login keep their distance, but for the one quick replay.
    async fn begin(&mut self, flight: &Flight, attempt: WriteId) -> Result<Begin, StoreFault> {
        let shared = self.shared.clone();
        let last_request = shared.state().last_request;
        let now = shared.clock.boot();
        let wait = distance(last_request, now, &shared.policy);
        if !self.requested && !wait.is_zero() {
            shared.clock.sleep_until(now.after(wait)).await;
        }
        let ttl = shared.policy.lease_ttl;
        self.gate_closes_at = shared.clock.boot().after(ttl);
        let seen = flight.ledger().seen();
        let result = shared.ask(shared.store.begin(&shared.key, seen, attempt, ttl)).await;
        self.noting(result)
    }

    async fn send(&mut self, record: &Record, lease: &Lease) -> Sent {
        let shared = self.shared.clone();
        let mut login =
            match record.payload.as_ref().map(|payload| SavedLogin::from_payload(&shared.key, payload)) {
                None => SavedLogin::default(),
                Some(Ok(login)) => login,
                Some(Err(error)) => {
                    let retry_in = self.fail_with(error.into(), None);
                    return Sent::NotProcessed { retry_in };
                }
            };
        if shared.grant.spends() && login.refresh().is_none() {
            return Sent::Refused(Cause::LoggedOut);
        }
        if let Some((_, cause)) = shared.state().refused.filter(|(revision, _)| *revision == lease.base) {
            return Sent::Refused(cause);
        }
        let gate = SendGate::new(shared.clock.clone(), self.gate_closes_at);
        self.requested = true;
        let result = self.request(&login.tokens(&shared.target), lease, &gate).await;
        if gate.was_passed() {
            shared.state().last_request = Some(shared.clock.boot());
        }
        match result {
            Ok(tokens) => {
                let payload = self.keep(&mut login, tokens);
                Sent::Won(payload)
            }
            Err(error) => {
                if let GrantErrorKind::Refused(cause) = error.kind() {
                    shared.state().refused = Some((lease.base, cause));
                }
                self.failed(error, login)
            }
        }
    }

    /// The token request, with a heartbeat that keeps the lease while the provider is slow.
    async fn request(
        &self,
        current: &TokenSet,
        lease: &Lease,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let shared = &self.shared;
        let obtain = shared.grant.obtain(&shared.target, Some(current), gate);
        let obtain = std::pin::pin!(AssertUnwindSafe(obtain).catch_unwind());
        let heartbeat = std::pin::pin!(self.keep_lease(lease, gate));
        let request = async {
            match future::select(obtain, heartbeat).await {
                future::Either::Left((output, _)) => output,
                future::Either::Right((never, _)) => match never {},
            }
        };
        let unanswered = |reason| {
            let sent = gate.was_passed();
            let kind = if sent { GrantErrorKind::OutcomeUnknown } else { GrantErrorKind::NotProcessed };
            GrantError::new(kind, reason)
        };
        match shared.within(shared.policy.request_timeout, request).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(unanswered("the grant panicked")),
            None => Err(unanswered("the provider did not answer in time")),
        }
    }

    async fn keep_lease(&self, lease: &Lease, gate: &SendGate) -> std::convert::Infallible {
        let shared = &self.shared;
        let ttl = shared.policy.lease_ttl;
        loop {
            let asked_at = shared.clock.boot().after(ttl / 3);
            shared.clock.sleep_until(asked_at).await;
            match shared.ask(shared.store.renew(&shared.key, lease, ttl)).await {
                Ok(Renew::Held) => gate.keep_open_until(asked_at.after(ttl)),
                Ok(Renew::Lost) => gate.close(),
                Err(_) => {}
            }
        }
    }

    fn failed(&mut self, error: GrantError, mut login: SavedLogin) -> Sent {
        let kind = error.kind();
        let policy = &self.shared.policy;
        let wish = error
            .retry_after()
            .or((kind == GrantErrorKind::Misconfigured).then_some(policy.misconfigured_pause));
        let salvage = error.salvage().cloned();
        let retry_in = self.fail_with(error.into(), wish);
        if let Some(salvage) = salvage {
            let payload = self.keep(&mut login, salvage);
            return Sent::Salvaged(payload);
        }
        match kind {
            GrantErrorKind::OutcomeUnknown => Sent::Unknown { retry_in },
            GrantErrorKind::Refused(cause) => Sent::Refused(cause),
            _ => Sent::NotProcessed { retry_in },
        }
    }

    fn keep(&mut self, login: &mut SavedLogin, tokens: TokenSet) -> Payload {
        login.absorb(&self.shared.target, tokens);
        login.forget_ended(self.shared.clock.wall());
        let payload = login.to_payload(&self.shared.key);
        self.won = Some(std::mem::take(login));
        payload
    }

    async fn discard(&self, payload: &Payload) {
        let shared = &self.shared;
        let Ok(login) = SavedLogin::from_payload(&shared.key, payload) else { return };
        let Some(refresh) = login.refresh() else { return };
        let discard = AssertUnwindSafe(shared.grant.discard(refresh)).catch_unwind();
        let _ = shared.within(shared.policy.request_timeout, discard).await;
    }

    /// The store did not take the tokens: they are served, and those who waited are let go.
    fn serve_unsaved(&mut self) {
        let mut state = self.shared.state();
        if state.epoch == self.epoch
            && let Some(won) = &self.won
        {
            self.shared.publish(&mut state, won);
        }
        let shared = self.shared.clone();
        drop(state);
        self.served = true;
        self.release(&mut shared.state(), Ok(()));
    }

    /// Those who began to wait after the tokens were served, because they have ended since, learn why.
    fn not_saved(&mut self, error: &TokenError) {
        let shared = self.shared.clone();
        tracing::warn!(key = %shared.key, %error, "renewed tokens could not be saved yet");
        if self.served {
            self.release(&mut shared.state(), Err(error.clone()));
        }
    }

    /// Lets those go who wait, while the flight goes on.
    fn release(&mut self, state: &mut State, result: Result<(), TokenError>) {
        let (sender, landing) = watch::channel(None);
        if let Some(flight) = state.flight.as_mut().filter(|flight| flight.id == self.id) {
            flight.landing = landing;
        }
        std::mem::replace(&mut self.landing, sender).send_replace(Some(result));
    }

    fn noting<T>(&mut self, result: Result<T, TokenError>) -> Result<T, StoreFault> {
        result.map_err(|error| {
            self.error = Some(error);
            StoreFault
        })
    }

    /// Notes a failure and how long it stands: as long as the provider wished, at least as long as the back-off.
    fn fail_with(&mut self, error: TokenError, wish: Option<Duration>) -> Duration {
        let shared = &self.shared;
        let failures = shared.state().failures.saturating_add(1);
        let waiting =
            shared.snapshot.load().as_ref().is_none_or(|token| token.good(shared.clock.boot()).is_none());
        let backoff = shared.policy.backoff(failures, waiting, random());
        self.pause = wish.unwrap_or_default().max(backoff);
        self.error = Some(error);
        self.pause
    }

    fn land(mut self, flight: &Flight, outcome: Outcome) {
        let shared = self.shared.clone();
        let mut state = shared.state();
        if state.flight.as_ref().is_some_and(|current| current.id == self.id) {
            state.flight = None;
        }
        let result = if state.epoch == self.epoch {
            state.ledger = flight.ledger().clone();
            self.conclude(&mut state, outcome)
        } else {
            Ok(())
        };
        drop(state);
        self.landing.send_replace(Some(result));
    }

    fn conclude(&mut self, state: &mut State, outcome: Outcome) -> Result<(), TokenError> {
        let shared = self.shared.clone();
        let revalidate_after = shared.policy.revalidate_after;
        let (error, pause) = match outcome {
            Outcome::Renewed | Outcome::Adopted => {
                if let Some(won) = self.won.take().filter(|_| outcome == Outcome::Renewed) {
                    shared.publish(state, &won);
                }
                tracing::debug!(key = %shared.key, won = outcome == Outcome::Renewed, "tokens renewed");
                state.failures = 0;
                state.failure = None;
                return Ok(());
            }
            Outcome::LoggedOut => {
                shared.snapshot.store(None);
                state.ledger.forget();
                (TokenError::reauth(Cause::LoggedOut), revalidate_after)
            }
            Outcome::Dead(cause) => {
                state.ledger.forget();
                (TokenError::reauth(cause), revalidate_after)
            }
            Outcome::BackOff(pause) => {
                let error = self.error.take().or_else(|| state.failure.take().map(|failure| failure.error));
                (error.unwrap_or_else(|| TokenError::new(TokenErrorKind::NotProcessed)), pause)
            }
            Outcome::Failed | Outcome::StoreFailed => {
                if let Some(won) = self.won.take() {
                    shared.publish(state, &won);
                }
                state.failures = state.failures.saturating_add(1);
                let backoff = shared.policy.backoff(state.failures, true, random());
                let busy = || TokenError::new(TokenErrorKind::Store(StoreErrorKind::Busy));
                (self.error.take().unwrap_or_else(busy), self.pause.max(backoff))
            }
        };
        tracing::warn!(key = %shared.key, %error, ?pause, "tokens could not be renewed");
        shared.fail(state, error.clone(), pause);
        Err(error)
    }
}

impl Drop for Trip {
    /// Where the flight itself panics, those who wait are let go and the next call starts another.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if state.flight.as_ref().is_some_and(|current| current.id == self.id) {
            state.flight = None;
        }
    }
}

fn random() -> u64 {
    u64::from_be_bytes(first_half(WriteId::random()))
}
