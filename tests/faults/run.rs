//! One run of a scenario: its processes, its time, and what has to hold in it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use oidc_core::{
    Cause, Clock, Credential, Issuer, SavedLogin, Subject, TokenError, TokenKey, TokenSet, TokenSource,
    TokenStore,
};
use oidc_flow::{ClientAuth, OidcClient, provider::Provider};
use oidc_refresh::{RefreshPolicy, RefreshingSource};
use oidc_testkit::{ManualClock, Rotation};
use tests::World;
use tokio::task::yield_now;

use crate::{
    broken::Broken,
    shelf::{Outlet, Shelf},
    stage::Stage,
    trouble::Trouble,
    wire::{Learned, Wire},
};

/// One run.
pub(crate) struct Run<'a> {
    stage: &'a Stage,
    pub(crate) clock: ManualClock,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) key: TokenKey,
    trouble: Trouble,
    crashed: AtomicBool,
}

/// One process of a run.
pub(crate) struct Process {
    pub(crate) source: RefreshingSource,
    outlet: Outlet,
}

impl<'a> Run<'a> {
    pub(crate) fn new(stage: &'a Stage, trouble: &Trouble) -> Self {
        let clock = stage.clock();
        let wire = Wire::new(stage.transport.clone(), stage.flaw);
        let shelf = Arc::new(Shelf::new(stage.store(&clock), wire, stage.flaw));
        let issuer = Issuer::insecure_loopback(stage.world.provider.issuer()).unwrap();
        let key = TokenKey::new(issuer, "app", Subject::user("alice").unwrap());
        Self { stage, clock, shelf, key, trouble: trouble.clone(), crashed: AtomicBool::new(false) }
    }

    /// Lets the `n`-th operation from here on fail.
    pub(crate) fn arm(&self, n: u64) {
        let Shelf { store, wire, .. } = &*self.shelf;
        match &self.trouble {
            Trouble::Store(fault) => store.fail_nth(store.total().saturating_add(n), *fault),
            Trouble::Wire(fault) => {
                wire.faults.fail_nth(wire.faults.sends().saturating_add(n), fault.clone())
            }
        }
    }

    /// Whether the operation that is to fail has come.
    pub(crate) fn met(&self) -> bool {
        self.shelf.met()
    }

    pub(crate) fn outlet(&self) -> Outlet {
        Outlet { shelf: self.shelf.clone(), is_dead: Arc::default() }
    }

    pub(crate) fn client(&self, outlet: Outlet, id: &str, auth: ClientAuth) -> OidcClient {
        let issuer = Issuer::insecure_loopback(self.stage.world.provider.issuer()).unwrap();
        OidcClient::builder(Provider::discover(issuer), id)
            .auth(auth)
            .redirect_uri(World::CALLBACK)
            .clock(Arc::new(self.clock.clone()))
            .build(outlet)
            .unwrap()
    }

    /// A process that has just started.
    pub(crate) fn process(&self) -> Process {
        let outlet = self.outlet();
        let grant = self.client(outlet.clone(), "app", ClientAuth::none()).refresh_grant();
        let builder = RefreshingSource::builder(grant).store(outlet.clone(), self.key.clone());
        let source = builder.clock(Arc::new(self.clock.clone())).policy(self.policy()).build().unwrap();
        Process { source, outlet }
    }

    /// Files keep claims by the time of the machine, which nobody moves.
    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        if self.stage.directory.is_some() {
            policy.lease_ttl = Duration::from_millis(300);
            policy.store_timeout = Duration::from_millis(300);
            policy.heartbeat = Duration::from_millis(100);
        }
        policy
    }

    /// A login that begins at the provider, without a browser.
    pub(crate) fn tokens(&self) -> TokenSet {
        self.stage.world.provider.sign_in("app", "alice", &["profile"]).unwrap()
    }

    /// A process with a login whose access token has just ended; nothing has failed so far.
    pub(crate) async fn with_an_ended_token(&self) -> Result<Process, Broken> {
        let process = self.process();
        self.sign_in(&process, &self.tokens()).await?;
        self.pass(World::LIFE);
        Ok(process)
    }

    /// Signs in, again until it succeeds; then it has to be in the store.
    pub(crate) async fn sign_in(&self, process: &Process, tokens: &TokenSet) -> Result<(), Broken> {
        self.until_ok(async || process.source.sign_in(tokens).await).await?;
        let saved = self.stored().await;
        let is_there = saved.as_ref().is_some_and(|saved| saved.refresh() == tokens.refresh());
        if is_there { Ok(()) } else { Err(Broken::NotSaved) }
    }

    /// Repeats what the store may refuse.
    pub(crate) async fn until_ok<T>(
        &self,
        act: impl AsyncFn() -> Result<T, TokenError>,
    ) -> Result<T, Broken> {
        for _ in 0..5 {
            match self.flow(act()).await? {
                Ok(done) => return Ok(done),
                Err(error) if error.reauth_cause().is_some() => return Err(self.lost(&error)),
                Err(_) => self.pass(Duration::from_secs(1)),
            }
        }
        Err(Broken::Stuck("what failed once failed five times".to_owned()))
    }

    /// What the store has for the login, past all faults.
    pub(crate) async fn stored(&self) -> Option<SavedLogin> {
        let key = self.key.id();
        let record = self.shelf.store.get_ref().load(&key).await.unwrap()?;
        SavedLogin::from_payload(&key, &record.payload?).ok()
    }

    /// Waits for `future`. Where all wait for time to pass, it passes.
    pub(crate) async fn flow<F: Future>(&self, future: F) -> Result<F::Output, Broken> {
        let (mut future, mut idle, started) = (pin!(future), 0, self.clock.boot());
        loop {
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = yield_now() => {}
            }
            idle = if self.shelf.in_flight.load(SeqCst) == 0 { idle + 1 } else { 0 };
            if let Some(deadline) = self.clock.next_deadline().filter(|_| idle > IDLE) {
                self.pass(deadline.since(self.clock.boot()));
                idle = 0;
            }
            if self.clock.boot().since(started) > PATIENCE {
                return Err(Broken::Stuck("nobody answers".to_owned()));
            }
        }
    }

    /// Lets time pass, for the processes and at the provider.
    pub(crate) fn pass(&self, by: Duration) {
        self.clock.advance(by);
        self.stage.world.clock.advance(by);
    }

    /// A token for each of two uses, with the end of the first one in between: what has to be there for good after any fault, or
    /// else the reason why it is not, which is told again.
    pub(crate) async fn settles(&self, process: &Process) -> Result<Option<Credential>, Broken> {
        if self.token(process).await?.is_none() {
            return Ok(None);
        }
        self.pass(World::LIFE);
        let last = self.token(process).await?;
        self.spent_once()?;
        Ok(last)
    }

    /// A token, or nothing where the login could not be saved by anybody.
    pub(crate) async fn token(&self, process: &Process) -> Result<Option<Credential>, Broken> {
        let mut last = String::new();
        for _ in 0..30 {
            match self.flow(process.source.token()).await? {
                Ok(credential) => return Ok(Some(credential)),
                Err(error) if error.reauth_cause().is_some() => {
                    self.spent_once()?;
                    if !self.may_be_lost(&error) {
                        return Err(self.lost(&error));
                    }
                    self.stage.losses.fetch_add(1, SeqCst);
                    return Ok(None);
                }
                Err(error) => last = error.to_string(),
            }
            self.pass(Duration::from_secs(1));
        }
        Err(Broken::Stuck(last))
    }

    /// Ends a process in the middle of whatever it does.
    pub(crate) async fn kill(&self, process: &Process) {
        process.outlet.is_dead.store(true, SeqCst);
        self.crashed.store(true, SeqCst);
        self.shelf.is_deadly.store(false, SeqCst);
        while self.shelf.in_flight.load(SeqCst) > 0 {
            yield_now().await;
        }
        if let Some(refresh) = self.stored().await.and_then(|saved| saved.refresh().cloned()) {
            self.shelf.wire.unlearn(refresh.expose());
        }
    }

    /// Whether no client could have kept the login: the provider insists, and nobody who lives knows what it answered. Then that
    /// is the reason, too.
    fn may_be_lost(&self, error: &TokenError) -> bool {
        let unknown = self.shelf.wire.sent().iter().any(|sent| sent.learned == Learned::Nothing);
        let by_the_wire = matches!(self.trouble, Trouble::Wire(_)) || self.crashed.load(SeqCst);
        let named = error.reauth_cause() == Some(Cause::RefreshOutcomeUnknown);
        self.stage.rotation == Rotation::Strict && unknown && by_the_wire && named
    }

    fn lost(&self, error: &TokenError) -> Broken {
        match &self.trouble {
            Trouble::Store(_) if self.met() && !self.crashed.load(SeqCst) => {
                Broken::StoreFaultAsLogout(error.to_string())
            }
            _ => Broken::Lost(error.to_string()),
        }
    }

    /// Each refresh token was sent once, and again only where nobody knew what had become of it; none three times.
    pub(crate) fn spent_once(&self) -> Result<(), Broken> {
        if self.stage.rotation == Rotation::Never {
            return Ok(());
        }
        let (sent, judge) = (self.shelf.wire.sent(), self.stage.world.provider.judge());
        for token in sent.iter().map(|sent| &sent.token) {
            let sends = || sent.iter().filter(|sent| sent.token == *token);
            let repeatable = sends().rev().skip(1).all(|sent| sent.learned != Learned::Answer);
            let arrived = judge.refresh_tokens_sent.get(token).copied().unwrap_or(0);
            let sends = sends().count();
            if !repeatable || sends > 2 || usize::try_from(arrived).unwrap() > sends {
                return Err(Broken::SentAgain);
            }
        }
        Ok(())
    }
}

/// So many turns of all tasks in which nothing is under way: then all wait for time to pass.
const IDLE: u32 = 40;
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(300);
