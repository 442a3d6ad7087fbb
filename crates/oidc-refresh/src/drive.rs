//! Carries out the steps of a refresh, where no caller can cancel it.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use oidc_core::{
    BootTime, GrantError, GrantErrorKind, Payload, SavedLogin, StoreError, StoreErrorKind, TokenError,
    TokenErrorKind,
    store::{Abandon, Begin, Record, WriteId},
};
use tokio::sync::watch;
use tracing::{Instrument, Span};

use crate::{
    account::Account,
    desk::{Reason, Ticket},
    flight::{Adopted, Event, Flight, Step, StoreFault, Waits},
    memory::{Call, Caller, State},
    random,
    shared::LoginSource,
    telemetry,
};

impl LoginSource {
    /// Starts the refresh of `ticket`. Whoever waits watches the result, nobody owns it.
    pub(crate) fn launch(&self, state: &mut State, ticket: Ticket) -> Result<Call, TokenError> {
        let (Ok(runtime), Ok(shared)) = (tokio::runtime::Handle::try_current(), self.handle()) else {
            state.lose(ticket);
            return Err(TokenError::closed());
        };
        let (caller, call) = watch::channel(None);
        state.call = Some(call.clone());
        let trip = Trip {
            shared,
            ticket,
            caller,
            gate_closes_at: BootTime::default(),
            replays: false,
            served: false,
            won: None,
            error: None,
            pause: Duration::ZERO,
            account: Account::open(self, state),
        };
        let attempt = random::write_id();
        let flight = Flight::new(self.setup.grant.spends(), self.waits(), state.ledger.clone(), attempt)
            .with_replay(self.setup.policy.replay);
        runtime.spawn(trip.depart(flight, attempt, Span::current()));
        Ok(call)
    }

    fn waits(&self) -> Waits {
        Waits {
            poll: self.setup.policy.busy_poll,
            patience: self.setup.policy.busy_patience,
            brief: self.setup.policy.busy_brief,
            save: self.setup.policy.save_retry,
        }
    }

    /// One operation of the store, within its time; a panic in it is an error like any other.
    pub(crate) async fn ask<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, TokenError> {
        let unavailable = || StoreError::new(StoreErrorKind::Unavailable);
        let answer =
            self.within(self.setup.policy.store_timeout, AssertUnwindSafe(operation).catch_unwind()).await;
        let result = match answer {
            None => Err(unavailable().into()),
            Some(Err(_)) => Err(TokenError::new(TokenErrorKind::Internal)),
            Some(Ok(result)) => result.map_err(TokenError::from),
        };
        result.inspect_err(telemetry::store_fault)
    }
}

/// One refresh under way.
pub(crate) struct Trip {
    pub(crate) shared: Arc<LoginSource>,
    /// What those have who wait now, and how it is called.
    pub(crate) ticket: Ticket,
    pub(crate) caller: Caller,
    pub(crate) gate_closes_at: BootTime,
    /// What comes next is the quick replay.
    pub(crate) replays: bool,
    pub(crate) served: bool,
    /// What was won and is not published yet.
    pub(crate) won: Option<SavedLogin>,
    pub(crate) error: Option<TokenError>,
    /// How long the error stands.
    pub(crate) pause: Duration,
    pub(crate) account: Account,
}

impl Trip {
    /// Not under the lock, because whoever listens to spans runs code of its own.
    async fn depart(mut self, flight: Flight, attempt: WriteId, asked_by: Span) {
        let shared = self.shared.clone();
        let span = telemetry::refresh_span(&shared.key, shared.setup.target_id, attempt, &flight, asked_by);
        self.account.span = span.clone();
        self.fly(flight).instrument(span).await;
    }

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
                    let clock = &self.shared.setup.clock;
                    clock.sleep_until(clock.boot().after(pause)).await;
                    Event::Woke
                }
                Step::Send { record, lease } => Event::Sent(self.send(&record, &lease).await),
                Step::Commit { lease, payload } => {
                    let shared = self.shared.clone();
                    let result = shared.ask(shared.setup.store.commit(&shared.key, &lease, payload)).await;
                    if let Err(error) = &result {
                        self.not_saved(error);
                    }
                    Event::Committed(self.noting(result))
                }
                Step::Serve(_) => {
                    self.serve_unsaved();
                    self.tell_unsaved();
                    Event::Served
                }
                Step::Abandon { lease, outcome, retry_in } => {
                    let shared = self.shared.clone();
                    let result =
                        shared.ask(shared.setup.store.abandon(&shared.key, &lease, outcome, retry_in)).await;
                    if let (Abandon::Rejected(_), Ok(()), Some(refusal)) =
                        (outcome, &result, &mut shared.state().refused)
                    {
                        refusal.is_noted = true;
                    }
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
        let result = self.shared.ask(self.shared.setup.store.load(&self.shared.key)).await;
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
        let shared = self.shared.clone();
        let mut state = shared.state();
        if !state.desk.counts(self.ticket) {
            return Adopted::Usable;
        }
        let origin = self.account.adopts(&shared, &login);
        if shared.publish(&mut state, &login, origin) { Adopted::Usable } else { Adopted::Ended }
    }

    async fn prepare(&mut self) -> bool {
        let shared = self.shared.clone();
        let preparation = AssertUnwindSafe(shared.setup.grant.prepare()).catch_unwind();
        let error = match shared.within(shared.setup.policy.prepare_timeout, preparation).await {
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
            retry_after.or(misconfigured.then_some(shared.setup.policy.misconfigured_pause)),
        );
        false
    }

    /// Requests for one login keep their distance, but for the one quick replay.
    async fn begin(&mut self, flight: &Flight, attempt: WriteId) -> Result<Begin, StoreFault> {
        let shared = self.shared.clone();
        let now = shared.setup.clock.boot();
        let wait = shared.state().desk.distance(now);
        if !std::mem::take(&mut self.replays) && !wait.is_zero() {
            shared.setup.clock.sleep_until(now.after(wait)).await;
        }
        let ttl = shared.setup.policy.lease_ttl;
        self.gate_closes_at = shared.setup.clock.boot().after(ttl);
        let seen = flight.ledger().seen();
        let result = shared.ask(shared.setup.store.begin(&shared.key, seen, attempt, ttl)).await;
        self.noting(result)
    }

    async fn discard(&self, payload: &Payload) {
        let shared = &self.shared;
        let Ok(login) = SavedLogin::from_payload(&shared.key, payload) else { return };
        let Some(refresh) = login.refresh() else { return };
        let discard = AssertUnwindSafe(shared.setup.grant.discard(refresh)).catch_unwind();
        let _ = shared.within(shared.setup.policy.request_timeout, discard).await;
    }

    fn noting<T>(&mut self, result: Result<T, TokenError>) -> Result<T, StoreFault> {
        result.map_err(|error| {
            self.error = Some(error);
            StoreFault
        })
    }
}

impl Drop for Trip {
    /// Where the flight itself panics, those who wait are let go and the next call starts another.
    fn drop(&mut self) {
        self.shared.state().lose(self.ticket);
    }
}
