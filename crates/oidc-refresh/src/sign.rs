//! Where a login begins, ends, and is compared with what others made of it.

use std::sync::Arc;

use oidc_core::{
    Payload, SavedLogin, TokenError, TokenErrorKind, TokenSet,
    store::{Put, Record, Revision, WriteId},
};

use tokio::sync::oneshot;

use crate::{
    desk::{Mode, Reason},
    event::EventKind,
    flight::Standing,
    memory::Open,
    random,
    shared::{LoginSource, Setup},
    status::Origin,
};

impl LoginSource {
    /// Starts a login with `tokens`: they are durable when this returns, and used from then on.
    ///
    /// A login that somebody signed out meanwhile stays signed out, and one that somebody else started meanwhile stays.
    ///
    /// # Errors
    /// [`TokenErrorKind::Store`] where the tokens could not be saved (they are not used then), [`TokenErrorKind::ReauthRequired`] where
    /// a sign-out came in between, [`TokenErrorKind::Closed`] where the source was shut down. Dropping the future leaves the login
    /// started or not.
    pub async fn sign_in(&self, tokens: &TokenSet) -> Result<(), TokenError> {
        let mut epoch = self.forget();
        self.check_open()?;
        let leaving = self.state().desk.mode() == Mode::SigningOut;
        let login = SavedLogin::new(tokens.clone());
        let id = random::write_id();
        let before = self.retrying(|| self.ask(self.setup.store.load(&self.key))).await?.unwrap_or_default();
        let mut expected = before.revision;
        loop {
            let payload = login.to_payload(&self.key);
            let put = || self.ask(self.setup.store.put(&self.key, Some(expected), id, payload.clone()));
            match self.retrying(put).await? {
                Put::Done(revision) if self.begin_login(epoch, revision, &login) => return Ok(()),
                // Somebody signed in or out here meanwhile: asking once more tells who was last.
                Put::Done(_) => {}
                // Only a refresh of the login that is being replaced came in between, or the sign-out that was under way before.
                Put::Superseded { current }
                    if current.login == before.login && (leaving || !current.is_tombstone()) =>
                {
                    expected = current.revision;
                }
                Put::Superseded { current } if current.is_tombstone() => return Err(TokenError::signed_out()),
                Put::Superseded { current } if self.begin_with(epoch, &current) => return Ok(()),
                Put::Superseded { .. } => {}
            }
            epoch = self.after_sign_out(epoch).await;
            self.check_open()?;
        }
    }

    fn check_open(&self) -> Result<(), TokenError> {
        if self.state().desk.mode() == Mode::Closed { Err(TokenError::closed()) } else { Ok(()) }
    }

    /// Ends the login here at once and in the store, and gives what there was, for revocation and for `id_token_hint`.
    ///
    /// A refresh in flight loses against it: what it wins is revoked. Other processes see it after `revalidate_after`.
    ///
    /// # Errors
    /// [`TokenErrorKind::Store`] where the store could not be told yet: this process has forgotten the tokens and goes on trying, others
    /// may still have them. Dropping the future changes nothing about that.
    pub async fn sign_out(&self) -> Result<Option<TokenSet>, TokenError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| TokenError::closed())?;
        let this = self.handle()?;
        let (held, epoch) = self.end_login();
        let (told, outcome) = oneshot::channel();
        runtime.spawn(this.remove(held, epoch, told));
        let held = outcome.await.unwrap_or_else(|_| Err(TokenError::new(TokenErrorKind::Internal)))?;
        let login = held.and_then(|payload| SavedLogin::from_payload(&self.key, &payload).ok());
        Ok(login.map(|login| login.tokens(self.setup.target_id)))
    }

    fn end_login(&self) -> (Option<Payload>, u32) {
        let mut state = self.state();
        let held = state.ledger.payload().cloned();
        let epoch = state.desk.sign_out();
        state.ledger.forget();
        state.show(None);
        (held, epoch)
    }

    /// Tries thrice before the caller is told, and goes on until the store takes it or somebody signs in here.
    async fn remove(
        self: Arc<Self>,
        mut held: Option<Payload>,
        epoch: u32,
        told: oneshot::Sender<Result<Option<Payload>, TokenError>>,
    ) {
        let (mut told, mut login, id) = (Some(told), None, random::write_id());
        let mut tries = 0;
        loop {
            tries += 1;
            let removed = self.remove_once(&mut held, &mut login, id).await;
            let goes_on = removed.as_ref().is_err_and(is_passing) && self.state().desk.epoch() == epoch;
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
            let pause = if tries < TRIES {
                self.setup.policy.save_retry
            } else {
                self.setup.policy.backoff_cap_waiting
            };
            self.setup.clock.sleep_until(self.setup.clock.boot().after(pause)).await;
        }
    }

    /// Removes the record. A try after the first one leaves alone what was signed out meanwhile, or is another login.
    async fn remove_once(
        &self,
        held: &mut Option<Payload>,
        login: &mut Option<WriteId>,
        id: WriteId,
    ) -> Result<(), TokenError> {
        let record = self.ask(self.setup.store.load(&self.key)).await?.unwrap_or_default();
        match login.replace(record.login) {
            Some(login) if record.is_tombstone() || record.login != login => return Ok(()),
            _ => {}
        }
        if held.is_none() {
            *held = record.payload;
        }
        self.ask(self.setup.store.remove(&self.key, id)).await.map(drop)
    }

    fn signed_out(&self, epoch: u32) {
        let mut state = self.state();
        if state.desk.signed_out(epoch, self.setup.clock.boot(), self.setup.policy.revalidate_after) {
            let_go(&mut state);
        }
    }

    /// Compares the credential with the store, in the background: how a logout or a refresh elsewhere is seen.
    pub(crate) fn look_behind(&self) {
        let (Ok(runtime), Ok(shared)) = (tokio::runtime::Handle::try_current(), self.handle()) else {
            return;
        };
        runtime.spawn(async move {
            let epoch = shared.state().desk.epoch();
            let Ok(record) = shared.ask(shared.setup.store.load(&shared.key)).await else { return };
            if let Some(news) = shared.compare(epoch, &record.unwrap_or_default()) {
                shared.tell(news);
            }
        });
    }

    /// What is in the store, beside what is held here. Gives what is to be told of it.
    fn compare(&self, epoch: u32, record: &Record) -> Option<EventKind> {
        let mut state = self.state();
        if !state.desk.may_adopt(epoch) {
            return None;
        }
        match state.ledger.standing(record) {
            Standing::Same => {
                let login = SavedLogin::from_payload(&self.key, record.payload.as_ref()?).ok()?;
                self.ending(&login).map(|ends_in| EventKind::LoginEnding { ends_in })
            }
            Standing::Behind => {
                if let Some(ticket) = state.desk.repair(epoch) {
                    drop(self.launch(&mut state, ticket));
                }
                None
            }
            Standing::Theirs => {
                self.adopt(&mut state, record);
                let cause = state.desk.failure().and_then(|failure| failure.error.reauth_cause());
                Some(cause.map_or(EventKind::Refreshed { origin: Origin::Elsewhere }, |cause| {
                    EventKind::LoginNeeded { cause }
                }))
            }
        }
    }

    /// The tokens are in the store. Says whether they are used: not if somebody signed in or out here since `epoch`.
    fn begin_login(&self, epoch: u32, revision: Revision, login: &SavedLogin) -> bool {
        let mut state = self.state();
        let begins = state.desk.begin(epoch);
        if begins {
            state.refused = None;
            state.ledger.hold(revision, login.to_payload(&self.key));
            state.show(None);
            self.publish(&mut state, login, Origin::SignIn);
        }
        begins
    }

    /// Somebody else's login is in the store, or what has become of this one. Says whether it is used.
    fn begin_with(&self, epoch: u32, record: &Record) -> bool {
        let mut state = self.state();
        let begins = state.desk.begin(epoch);
        if begins {
            self.adopt(&mut state, record);
        }
        begins
    }

    fn adopt(&self, state: &mut Open<'_>, record: &Record) {
        let Some(payload) = &record.payload else {
            state.ledger.forget();
            state.show(None);
            let now = self.setup.clock.boot();
            return state.desk.fail(now, TokenError::signed_out(), self.setup.policy.revalidate_after);
        };
        if let Ok(login) = SavedLogin::from_payload(&self.key, payload) {
            state.desk.adopt();
            state.refused = None;
            state.ledger.hold(record.revision, payload.clone());
            self.publish(state, &login, Origin::Elsewhere);
        }
    }

    /// Lets go of everything known: the next call reads the store. Gives the epoch in which that is so.
    pub(crate) fn forget(&self) -> u32 {
        let_go(&mut self.state())
    }

    /// The present epoch, once a sign-out that began since `epoch` is over: the store tells which of the two was last.
    async fn after_sign_out(&self, epoch: u32) -> u32 {
        let Setup { clock, policy, .. } = &*self.setup;
        loop {
            {
                let state = self.state();
                if state.desk.epoch() == epoch || state.desk.mode() != Mode::SigningOut {
                    return state.desk.epoch();
                }
            }
            clock.sleep_until(clock.boot().after(policy.save_retry)).await;
        }
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
                    self.setup
                        .clock
                        .sleep_until(self.setup.clock.boot().after(self.setup.policy.save_retry))
                        .await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }
}

fn let_go(state: &mut Open<'_>) -> u32 {
    state.ledger.forget();
    state.show(None);
    state.desk.forget()
}

/// How often something is tried before the caller is told.
const TRIES: u32 = 3;

fn is_passing(error: &TokenError) -> bool {
    matches!(error.kind(), TokenErrorKind::Store(kind) if kind.is_transient())
}
