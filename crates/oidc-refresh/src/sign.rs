//! Where a login begins, ends, and is compared with what others made of it.

use std::sync::Arc;

use oidc_core::{
    Cause, Payload, SavedLogin, TokenError, TokenErrorKind, TokenSet,
    store::{Put, Record, Revision, WriteId},
};

use tokio::sync::oneshot;

use crate::{
    flight::Standing,
    random,
    shared::{Shared, State, closed},
};

impl Shared {
    pub(crate) async fn sign_in(&self, tokens: &TokenSet) -> Result<(), TokenError> {
        self.forget();
        let login = SavedLogin::new(tokens.clone());
        let id = random::write_id();
        let before = self.retrying(|| self.ask(self.store.load(&self.key))).await?.unwrap_or_default();
        let mut expected = before.revision;
        loop {
            let payload = login.to_payload(&self.key);
            let put = || self.ask(self.store.put(&self.key, Some(expected), id, payload.clone()));
            match self.retrying(put).await? {
                Put::Done(revision) => {
                    self.begin_login(revision, &login);
                    return Ok(());
                }
                Put::Superseded { current } if current.login == id && !current.is_tombstone() => {
                    self.adopt(&mut self.state(), &current);
                    return Ok(());
                }
                Put::Superseded { current } if current.is_tombstone() => {
                    return Err(TokenError::reauth(Cause::LoggedOut));
                }
                // Only a refresh of the login that is being replaced came in between.
                Put::Superseded { current } if current.login == before.login => expected = current.revision,
                Put::Superseded { current } => {
                    self.adopt(&mut self.state(), &current);
                    return Ok(());
                }
            }
        }
    }

    /// The end is immediate here; the store is told where no caller can cancel it, and for as long as it takes.
    pub(crate) async fn sign_out(self: &Arc<Self>) -> Result<Option<TokenSet>, TokenError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| closed())?;
        let (held, epoch) = self.end_login();
        let (told, outcome) = oneshot::channel();
        runtime.spawn(self.clone().remove(held, epoch, told));
        let held = outcome.await.unwrap_or_else(|_| Err(TokenError::new(TokenErrorKind::Internal)))?;
        let login = held.and_then(|payload| SavedLogin::from_payload(&self.key, &payload).ok());
        Ok(login.map(|login| login.tokens(&self.target)))
    }

    fn end_login(&self) -> (Option<Payload>, u64) {
        let mut state = self.state();
        let held = state.ledger.payload().cloned();
        state.epoch = state.epoch.saturating_add(1);
        state.signing_out = true;
        state.unsaved = false;
        state.ledger.forget();
        self.snapshot.store(None);
        (held, state.epoch)
    }

    /// Tries thrice before the caller is told, and goes on until the store takes it or somebody signs in here.
    async fn remove(
        self: Arc<Self>,
        mut held: Option<Payload>,
        epoch: u64,
        told: oneshot::Sender<Result<Option<Payload>, TokenError>>,
    ) {
        let (mut told, mut login, id) = (Some(told), None, random::write_id());
        let mut tries = 0;
        loop {
            tries += 1;
            let removed = self.remove_once(&mut held, &mut login, id).await;
            let goes_on = removed.as_ref().is_err_and(is_passing) && self.state().epoch == epoch;
            if removed.is_ok() {
                self.signed_out(epoch);
            }
            if (tries >= TRIES || !goes_on)
                && let Some(told) = told.take()
            {
                let _ = told.send(removed.map(|()| held.take()));
            }
            if !goes_on {
                return;
            }
            let pause = if tries < TRIES { self.policy.save_retry } else { self.policy.backoff_cap_waiting };
            self.clock.sleep_until(self.clock.boot().after(pause)).await;
        }
    }

    /// Removes the record. A try after the first one leaves alone what was signed out meanwhile, or is another login.
    async fn remove_once(
        &self,
        held: &mut Option<Payload>,
        login: &mut Option<WriteId>,
        id: WriteId,
    ) -> Result<(), TokenError> {
        let record = self.ask(self.store.load(&self.key)).await?.unwrap_or_default();
        match login.replace(record.login) {
            Some(login) if record.is_tombstone() || record.login != login => return Ok(()),
            _ => {}
        }
        if held.is_none() {
            *held = record.payload;
        }
        self.ask(self.store.remove(&self.key, id)).await.map(drop)
    }

    fn signed_out(&self, epoch: u64) {
        let mut state = self.state();
        if state.epoch == epoch {
            state.signing_out = false;
            self.fail(&mut state, TokenError::reauth(Cause::LoggedOut), self.policy.revalidate_after);
        }
    }

    /// Compares the credential with the store, in the background: how a logout or a refresh elsewhere is seen.
    pub(crate) fn look_behind(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let shared = self.clone();
        runtime.spawn(async move {
            let epoch = shared.state().epoch;
            let Ok(record) = shared.ask(shared.store.load(&shared.key)).await else { return };
            let record = record.unwrap_or_default();
            let mut state = shared.state();
            if state.epoch != epoch || state.flight.is_some() || state.closed {
                return;
            }
            match state.ledger.standing(&record) {
                Standing::Same => {}
                Standing::Behind => drop(shared.launch(&mut state)),
                Standing::Theirs => shared.adopt(&mut state, &record),
            }
        });
    }

    fn begin_login(&self, revision: Revision, login: &SavedLogin) {
        let mut state = self.state();
        state.epoch = state.epoch.saturating_add(1);
        state.failure = None;
        state.failures = 0;
        state.early_rejections = 0;
        state.ledger.hold(revision, login.to_payload(&self.key));
        self.snapshot.store(None);
        self.publish(&mut state, login);
    }

    fn adopt(&self, state: &mut State, record: &Record) {
        let Some(payload) = &record.payload else {
            state.ledger.forget();
            self.snapshot.store(None);
            return self.fail(state, TokenError::reauth(Cause::LoggedOut), self.policy.revalidate_after);
        };
        if let Ok(login) = SavedLogin::from_payload(&self.key, payload) {
            state.epoch = state.epoch.saturating_add(1);
            state.failure = None;
            state.ledger.hold(record.revision, payload.clone());
            self.publish(state, &login);
        }
    }

    /// Lets go of everything known: the next call reads the store.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.epoch = state.epoch.saturating_add(1);
        state.ledger.forget();
        state.failure = None;
        state.signing_out = false;
        state.unsaved = false;
        self.snapshot.store(None);
    }

    /// Tries a store operation that may be repeated three times.
    async fn retrying<T, F>(&self, mut operation: impl FnMut() -> F) -> Result<T, TokenError>
    where
        F: Future<Output = Result<T, TokenError>>,
    {
        let mut tries = 1;
        loop {
            match operation().await {
                Err(error) if tries < TRIES && is_passing(&error) => {
                    self.clock.sleep_until(self.clock.boot().after(self.policy.save_retry)).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }
}

/// How often something is tried before the caller is told.
const TRIES: u32 = 3;

fn is_passing(error: &TokenError) -> bool {
    matches!(error.kind(), TokenErrorKind::Store(kind) if kind.is_transient())
}
