//! A strict provider in memory, and a login at it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what is wrong here is wrong with the test")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use oidc_core::{
    AccessToken, Cause, Clock, Grant, GrantError, GrantErrorKind, Issuer, Lifetime, MemoryStore, Secret,
    SendGate, StoreErrorKind, Subject, Target, TokenError, TokenKey, TokenSet, TokenStore,
};
use oidc_refresh::RefreshingSource;
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};
use tokio::sync::Semaphore;

/// What the provider does with the next request, instead of what is right.
pub(crate) enum Twist {
    /// Rotates, and the answer is lost.
    LoseAnswer,
    /// Fails before anything is processed.
    Fail(GrantError),
    /// Rotates, and the access token of the answer is of no use.
    SpoilAccess,
    /// Panics after the request has left.
    Panic,
    /// Gives the access token of before.
    SameAccess,
}

/// Rotates strictly: only the newest refresh token is good.
#[derive(Clone, Debug)]
pub(crate) struct StrictGrant(Arc<Inner>);

struct Inner {
    clock: ManualClock,
    state: Mutex<State>,
    gate: Semaphore,
    spends: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StrictGrant")
    }
}

#[derive(Default)]
struct State {
    serial: u64,
    sent: Vec<String>,
    discarded: Vec<String>,
    twists: VecDeque<Twist>,
    grace: bool,
}

impl StrictGrant {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self::with(clock, true)
    }

    pub(crate) fn with(clock: &ManualClock, spends: bool) -> Self {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS >> 1);
        Self(Arc::new(Inner { clock: clock.clone(), state: Mutex::default(), gate, spends }))
    }

    pub(crate) fn twist(&self, twist: Twist) {
        self.0.state.lock().unwrap().twists.push_back(twist);
    }

    /// From now on the refresh token before the newest is good as well.
    pub(crate) fn with_grace(&self) {
        self.0.state.lock().unwrap().grace = true;
    }

    /// Every refresh token that was sent, in order.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.0.state.lock().unwrap().sent.clone()
    }

    pub(crate) fn discarded(&self) -> Vec<String> {
        self.0.state.lock().unwrap().discarded.clone()
    }

    /// Lets no request through until [`open`](Self::open).
    pub(crate) async fn close(&self) {
        let all = self.0.gate.available_permits();
        self.0.gate.acquire_many(u32::try_from(all.min(1 << 30)).unwrap()).await.unwrap().forget();
        while self.0.gate.available_permits() > 0 {
            self.0.gate.forget_permits(usize::MAX);
        }
    }

    pub(crate) fn open(&self) {
        self.0.gate.add_permits(1 << 20);
    }

    /// The tokens of a new login.
    pub(crate) fn login(&self) -> TokenSet {
        self.issue(&mut self.0.state.lock().unwrap())
    }

    fn issue(&self, state: &mut State) -> TokenSet {
        state.serial += 1;
        self.answer(state.serial).with_refresh_token(Secret::from(format!("r{}", state.serial)))
    }

    fn answer(&self, serial: u64) -> TokenSet {
        let lifetime = Lifetime::new(self.0.clock.wall(), Some(LIFE));
        TokenSet::new(AccessToken::bearer(Secret::from(format!("a{serial}")), lifetime).unwrap())
    }
}

pub(crate) const LIFE: Duration = Duration::from_secs(100);

#[async_trait]
impl Grant for StrictGrant {
    fn spends(&self) -> bool {
        self.0.spends
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        Ok(())
    }

    async fn obtain(
        &self,
        _: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        gate.pass()?;
        let refresh = current.and_then(TokenSet::refresh).map(|refresh| refresh.expose().to_owned());
        let refresh = refresh.unwrap_or_default();
        let twist = {
            let mut state = self.0.state.lock().unwrap();
            state.sent.push(refresh.clone());
            state.twists.pop_front()
        };
        self.0.gate.acquire().await.unwrap().forget();
        self.0.gate.add_permits(1);
        match twist {
            Some(Twist::Panic) => panic!("told to"),
            Some(Twist::Fail(error)) => return Err(error),
            _ => {}
        }
        let mut state = self.0.state.lock().unwrap();
        let serial = state.serial;
        let good = refresh == format!("r{serial}") || (state.grace && refresh == format!("r{}", serial - 1));
        if self.0.spends && !good {
            return Err(GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "refused")
                .with_code("invalid_grant"));
        }
        let tokens = self.issue(&mut state);
        match twist {
            Some(Twist::LoseAnswer) => Err(GrantError::new(GrantErrorKind::OutcomeUnknown, "lost")),
            Some(Twist::SpoilAccess) => {
                let salvage = TokenSet::from_refresh_token(tokens.refresh().unwrap().clone());
                Err(GrantError::new(GrantErrorKind::NotProcessed, "odd access token").with_salvage(salvage))
            }
            Some(Twist::SameAccess) => {
                Ok(self.answer(serial).with_refresh_token(tokens.refresh().unwrap().clone()))
            }
            _ => Ok(tokens),
        }
    }

    async fn discard(&self, refresh: &Secret) {
        self.0.state.lock().unwrap().discarded.push(refresh.expose().to_owned());
    }
}

pub(crate) fn key() -> TokenKey {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::user("u").unwrap())
}

pub(crate) fn source(
    grant: &StrictGrant,
    store: &Arc<impl TokenStore>,
    clock: &ManualClock,
) -> RefreshingSource {
    let builder = RefreshingSource::builder(grant.clone()).store(store.clone(), key());
    builder.clock(Arc::new(clock.clone())).build().unwrap()
}

/// One source over one store.
pub(crate) struct Scene {
    pub(crate) clock: ManualClock,
    pub(crate) grant: StrictGrant,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) source: RefreshingSource,
}

impl Scene {
    /// Nobody is logged in.
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        let (grant, store) =
            (StrictGrant::new(&clock), Arc::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
        let source = source(&grant, &store, &clock);
        Self { clock, grant, store, source }
    }

    /// A user has just logged in, with the tokens `a1` and `r1`.
    pub(crate) async fn logged_in() -> Self {
        let scene = Self::new();
        scene.source.sign_in(&scene.grant.login()).await.unwrap();
        scene
    }

    /// A user has logged in, and `a1` has ended.
    pub(crate) async fn ended() -> Self {
        let scene = Self::logged_in().await;
        scene.clock.advance(LIFE);
        scene
    }
}

/// A sign-out that the store did not take in three tries.
pub(crate) struct Unheard {
    pub(crate) clock: ManualClock,
    pub(crate) grant: StrictGrant,
    pub(crate) here: RefreshingSource,
    pub(crate) elsewhere: RefreshingSource,
    pub(crate) error: TokenError,
}

pub(crate) async fn sign_out_unheard() -> Unheard {
    let clock = ManualClock::new();
    let grant = StrictGrant::new(&clock);
    let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
    let (here, elsewhere) = (source(&grant, &store, &clock), source(&grant, &store, &clock));
    here.sign_in(&grant.login()).await.unwrap();
    (0..3).for_each(|_| {
        store.fail_next(StoreOperation::Remove, StoreFault::Before(StoreErrorKind::Unavailable))
    });
    let leaving = tokio::spawn({
        let here = here.clone();
        async move { here.sign_out().await }
    });
    while !leaving.is_finished() {
        settle().await;
        clock.advance(Duration::from_millis(500));
    }
    let error = leaving.await.unwrap().unwrap_err();
    Unheard { clock, grant, here, elsewhere, error }
}

/// The access token that a credential carries.
pub(crate) fn token_of(credential: &oidc_core::Credential) -> String {
    let mut request = http::Request::new(());
    credential.clone().apply(&mut request).unwrap();
    request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned()
}

/// Lets everything run that can run without time passing.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
