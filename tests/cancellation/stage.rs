//! One provider, and a new login at it for every round.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use oidc_core::{
    Cause, Clock, Credential, MemoryStore, Subject, SystemClock, TokenError, TokenErrorKind, TokenKey,
    TokenSet, TokenSource, TokenStore,
};
use oidc_refresh::RefreshingSource;
use oidc_testkit::{Cut, Yielding};
use tests::World;

/// A world, and how many have logged in.
pub(crate) struct Stage {
    pub(crate) world: World,
    logins: AtomicU64,
}

/// One login, whose store and grant leave many moments for others.
pub(crate) struct Login {
    pub(crate) key: TokenKey,
    pub(crate) tokens: TokenSet,
    pub(crate) store: Arc<Yielding<MemoryStore>>,
    pub(crate) source: RefreshingSource,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self { world: World::start().await, logins: AtomicU64::new(0) }
    }

    /// A user who has tokens, and has not signed in with them.
    pub(crate) fn user(&self) -> Login {
        let user = format!("user-{}", self.logins.fetch_add(1, Ordering::Relaxed));
        let tokens = self.world.provider.sign_in("app", &user, &["read"]).unwrap();
        let key = self.world.client.key(Subject::user(user).unwrap());
        let store = MemoryStore::with_clock(Arc::new(self.world.clock.clone()));
        let store = Arc::new(Yielding::new(store));
        let source = self.source(&key, &store);
        Login { key, tokens, store, source }
    }

    /// Tokens of one more login at the provider.
    pub(crate) fn new_tokens(&self) -> TokenSet {
        self.world.provider.sign_in("app", "user", &["read"]).unwrap()
    }

    /// A user who has just signed in.
    pub(crate) async fn signed_in(&self) -> Login {
        let login = self.user();
        login.source.sign_in(&login.tokens).await.unwrap();
        login
    }

    /// A user whose access token has ended.
    pub(crate) async fn ended(&self) -> Login {
        let login = self.signed_in().await;
        self.world.clock.advance(World::LIFE);
        login
    }

    /// A source as another process has it.
    pub(crate) fn source(&self, key: &TokenKey, store: &Arc<Yielding<MemoryStore>>) -> RefreshingSource {
        let grant = Yielding::new(self.world.client.refresh_grant());
        let builder = RefreshingSource::builder(grant).store(store.clone(), key.clone());
        builder.clock(Arc::new(self.world.clock.clone())).build().unwrap()
    }

    /// How many refreshes there were.
    pub(crate) fn refreshes(&self) -> u64 {
        self.world.provider.judge().grants("refresh_token")
    }

    /// [`soon`], in this world.
    pub(crate) async fn soon<F: Future>(&self, future: F) -> F::Output {
        soon(&self.world, future).await
    }

    /// The next caller of `login` gets a good token, the store has the newest tokens, and the next refresh goes well:
    /// no rotation was lost. None was repeated.
    pub(crate) async fn assert_goes_on(&self, login: &Login, cut: &Cut) {
        let polls = cut.polls();
        let token = token_of(&self.soon(login.source.token()).await.unwrap());
        assert!(self.world.provider.is_live(&token), "after {polls} polls");
        let refreshes = self.refreshes();
        let elsewhere = self.source(&login.key, &login.store);
        let stored = token_of(&self.soon(elsewhere.token()).await.unwrap());
        assert_eq!((stored, self.refreshes()), (token, refreshes), "in the store after {polls} polls");

        self.world.clock.advance(World::LIFE);
        let token = token_of(&self.soon(elsewhere.token()).await.unwrap());
        assert!(self.world.provider.is_live(&token), "refreshed, after {polls} polls");
        self.rest().await;
        assert_eq!(self.refreshes(), refreshes + 1);
        self.world.assert_each_spent_once();
    }

    /// Nothing is under way for `login`: there were so many refreshes, and what the last one won is in the store.
    pub(crate) async fn assert_drained(&self, login: &Login, refreshes: u64) {
        let record = login.store.get_ref().load(&login.key.id()).await.unwrap().unwrap();
        assert_eq!((record.claim, self.refreshes()), (None, refreshes));
    }

    /// Waits until nothing is under way any more, so that no refresh of one round is counted in the next.
    pub(crate) async fn rest(&self) {
        let idle = async {
            while self.world.clock.sleepers() > 0 {
                tokio::task::yield_now().await;
            }
        };
        self.soon(idle).await;
    }

    /// The user of `login` is signed out, here and elsewhere.
    pub(crate) async fn assert_signed_out(&self, login: &Login, cut: &Cut) {
        let removed = async {
            while !login.store.load(&login.key.id()).await.unwrap().unwrap().is_tombstone() {
                tokio::task::yield_now().await;
            }
        };
        self.soon(removed).await;
        for source in [&login.source, &self.source(&login.key, &login.store)] {
            let error = self.soon(source.token()).await.unwrap_err();
            assert!(is_signed_out(&error), "{error} after {} polls", cut.polls());
        }
        self.rest().await;
        self.world.assert_each_spent_once();
    }
}

/// What `future` gives, which takes ten seconds at most. Time passes meanwhile.
pub(crate) async fn soon<F: Future>(world: &World, future: F) -> F::Output {
    let real = SystemClock::new();
    tokio::select! {
        output = world.while_time_passes(future) => output,
        () = real.sleep_until(real.boot().after(Duration::from_secs(10))) => panic!("it hangs"),
    }
}

pub(crate) fn is_signed_out(error: &TokenError) -> bool {
    error.kind() == TokenErrorKind::ReauthRequired(Cause::LoggedOut)
}

/// The access token that a credential carries.
pub(crate) fn token_of(credential: &Credential) -> String {
    let mut request = http::Request::new(());
    credential.clone().apply(&mut request).unwrap();
    request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned()
}
