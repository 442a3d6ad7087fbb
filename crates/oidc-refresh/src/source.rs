//! How callers get the credential of one login.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_core::{BootTime, Credential, Generation, TokenError, TokenErrorKind, TokenSource};

use crate::{
    desk::{Desk, Entry, Exit, Landing, Reason, Upkeep},
    memory::Call,
    shared::LoginSource,
    snapshot::Snapshot,
    telemetry,
};

#[async_trait]
impl TokenSource for LoginSource {
    fn peek(&self) -> Option<Credential> {
        let snapshot = self.memory.snapshot();
        let snapshot = snapshot.as_ref()?;
        let now = self.setup.clock.coarse();
        match snapshot.quiet(now) {
            Some(credential) => Some(credential.clone()),
            None => self.attend(snapshot, now),
        }
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        match self.peek() {
            Some(credential) => Ok(credential),
            None => self.wait().await,
        }
    }

    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        self.reject(rejected);
        self.token().await
    }

    fn reject(&self, rejected: Generation) {
        if self.is_current(rejected) {
            self.reject_current(rejected);
        }
    }
}

impl LoginSource {
    /// The slow half of `peek`: something has to be done about the credential, in the background if it is still good.
    #[cold]
    fn attend(&self, snapshot: &Arc<Snapshot>, now: BootTime) -> Option<Credential> {
        let credential = snapshot.good(now)?.clone();
        let (upkeep, next) = snapshot.token().upkeep(now, &self.setup.policy);
        if snapshot.claim_attention(now, next) {
            telemetry::used(snapshot.timing().ends_at, now);
            match upkeep {
                Upkeep::Refresh => self.refresh_behind(),
                Upkeep::Look => self.look_behind(),
            }
        }
        Some(credential)
    }

    fn refresh_behind(&self) {
        let mut state = self.state();
        if let Some(ticket) = state.desk.remind(self.setup.clock.boot(), self.shown()) {
            // Without a runtime the credential is served until its end, and then the caller learns why.
            let _ = self.launch(&mut state, ticket);
        }
    }

    /// A credential for a caller who waits.
    async fn wait(&self) -> Result<Credential, TokenError> {
        loop {
            let mut call = match self.enter()? {
                Entered::Served(credential) => return Ok(credential),
                Entered::Waits(call) => call,
            };
            let landing = match call.wait_for(Option::is_some).await {
                Ok(landing) => landing.clone().unwrap_or(Landing::Changed),
                Err(_) => Landing::Failed(TokenError::new(TokenErrorKind::Internal)),
            };
            let snapshot = self.memory.snapshot_full();
            let token = snapshot.as_ref().map(|snapshot| snapshot.token());
            match (Desk::leave(self.setup.clock.boot(), token, landing), snapshot) {
                (Exit::Serve, Some(snapshot)) => return Ok(snapshot.credential().clone()),
                (Exit::Fail(error), _) => return Err(error),
                (Exit::Serve | Exit::Again, _) => {}
            }
        }
    }

    fn enter(&self) -> Result<Entered, TokenError> {
        let mut state = self.state();
        let snapshot = self.memory.snapshot_full();
        let token = snapshot.as_ref().map(|snapshot| snapshot.token());
        match (state.desk.enter(self.setup.clock.boot(), token), snapshot) {
            (Entry::Serve, Some(snapshot)) => Ok(Entered::Served(snapshot.credential().clone())),
            (Entry::Start(ticket), _) => self.launch(&mut state, ticket).map(Entered::Waits),
            (Entry::Serve | Entry::Wait(_), _) => {
                state.call.clone().map(Entered::Waits).ok_or_else(Reason::closed)
            }
            (Entry::Fail(error), _) => Err(error),
        }
    }

    fn is_current(&self, generation: Generation) -> bool {
        self.memory
            .snapshot()
            .as_ref()
            .is_some_and(|snapshot| snapshot.credential().generation() == generation)
    }

    fn reject_current(&self, generation: Generation) {
        let mut state = self.state();
        let snapshot = self.memory.snapshot();
        let current = snapshot.as_ref().filter(|snapshot| snapshot.credential().generation() == generation);
        if let Some(snapshot) = current.filter(|snapshot| snapshot.reject()) {
            state.desk.reject(self.setup.clock.boot(), &snapshot.token(), &self.setup.policy);
            drop(state);
            telemetry::rejected(&self.key);
        }
    }

    /// Closes the source: no more credentials, and a refresh in flight is waited for until its tokens are saved.
    ///
    /// # Errors
    /// [`TokenErrorKind::Closed`] where that took longer than `shutdown_drain`.
    pub async fn shutdown(&self) -> Result<(), TokenError> {
        self.close();
        self.within(self.setup.policy.shutdown_drain, self.landed()).await.ok_or_else(Reason::closed)
    }

    /// No more credentials. Says whether a refresh is still in flight.
    pub(crate) fn close(&self) -> bool {
        self.memory.close(&self.key)
    }

    /// Waits for the refresh in flight, the write of its tokens included.
    pub(crate) async fn landed(&self) {
        loop {
            let Some(mut call) = self.state().call.clone() else { return };
            // What it says is for others: either the flight goes on, or there is nothing to watch any more.
            let _ = call.changed().await;
        }
    }
}

enum Entered {
    Served(Credential),
    Waits(Call),
}
