//! What applications do: they ask for tokens, use them, complain, give up, sign in and out, and shut down.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, join_all, select};
use oidc_core::{Clock, Credential, Lifetime, TokenError, TokenSource};

use super::{
    grant::{SimGrant, tokens},
    history::{Access, Event, Fault, Login, TargetNumber},
    process::Process,
    rng::Rng,
    store::SimStore,
};
use crate::{LoginSource, RefreshingSource, TokenPool};

/// One process with what it runs.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) process: Arc<Process>,
    sources: Sources,
}

#[derive(Clone)]
enum Sources {
    Pool(TokenPool),
    Single(Vec<RefreshingSource>),
}

impl Host {
    pub(super) fn new(process: Arc<Process>) -> Self {
        let sources = Sources::new(&process);
        Self { process, sources }
    }

    fn source(&self, login: Login, target: TargetNumber) -> Arc<LoginSource> {
        match &self.sources {
            Sources::Single(sources) => sources[usize::from(login)].0.clone(),
            Sources::Pool(pool) => {
                let world = &self.process.world;
                pool.source_for(&world.keys[usize::from(login)], &world.targets[usize::from(target)])
            }
        }
    }

    /// Uses tokens again and again.
    pub(super) async fn keep_calling(self, login: Login, target: TargetNumber, mut rng: Rng) {
        let world = self.process.world.clone();
        loop {
            let pace = if world.is_calm() { 10 } else { 1 };
            self.process.sleep(rng.millis(20, 4_000) * pace).await;
            if world.is_over() {
                return;
            }
            let source = self.source(login, target);
            let patience = if rng.chance(150) { rng.millis(1, 400) } else { FOR_EVER };
            let asked =
                async { if rng.chance(250) { Ok(source.peek()) } else { source.token().await.map(Some) } };
            let Some(credential) = self.ask(login, target, patience, asked).await else { continue };
            self.process.sleep(rng.millis(1, 60)).await;
            let access = access_of(&credential);
            if world.with(|inside| inside.provider.takes(access, world.now())) {
                continue;
            }
            self.process.note(Event::Rejected { process: self.process.pid, login, target, access });
            if rng.chance(200) {
                source.reject(credential.generation());
                continue;
            }
            let renewed = async { source.renew(credential.generation()).await.map(Some) };
            self.ask(login, target, patience, renewed).await;
        }
    }

    /// One call for a token, with the caller's patience.
    pub(super) async fn ask(
        &self,
        login: Login,
        target: TargetNumber,
        patience: Duration,
        asked: impl Future<Output = Result<Option<Credential>, TokenError>>,
    ) -> Option<Credential> {
        let (process, world) = (&self.process, &self.process.world);
        let call = world.next_call();
        process.note(Event::Asked { call, process: process.pid, login, target });
        let mut result = match select(pin!(asked), pin!(process.sleep(patience))).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        };
        // Those who waited for the same are woken in an order that tokio leaves to chance. This orders them.
        world.sleep(Duration::from_micros(u64::from(call) % 1_000)).await;
        if !process.is_running() {
            process.running().await;
            result = None;
        }
        let (event, credential) = match result {
            Some(Ok(Some(credential))) => {
                (Event::Got { call, access: access_of(&credential) }, Some(credential))
            }
            Some(Err(error)) => (Event::Failed { call, error: error.kind() }, None),
            Some(Ok(None)) | None => (Event::GaveUp { call }, None),
        };
        process.note(event);
        credential
    }

    /// The last call of all: what it gives is final.
    pub(super) async fn ask_last(&self, login: Login, target: TargetNumber) {
        let source = self.source(login, target);
        let asked = async { source.token().await.map(Some) };
        self.ask(login, target, FOR_EVER, asked).await;
    }

    /// Somebody logs in at the provider, and the application is told.
    pub(super) async fn sign_in(&self, login: Login) {
        let (process, world) = (&self.process, &self.process.world);
        let now = world.now();
        let life = Some(world.plan.life);
        let (refresh, access) = world.with(|inside| {
            let (refresh, access) = inside.provider.grant(login, now);
            inside.note(now, Event::Granted { login, family: refresh.family, access, life });
            (refresh, access)
        });
        let call = world.next_call();
        process.note(Event::SignIn { call, process: process.pid, login, family: refresh.family });
        let tokens = tokens(access, refresh, Lifetime::new(process.wall(), life));
        let result = match &self.sources {
            Sources::Pool(pool) => pool.sign_in(&world.keys[usize::from(login)], &tokens).await,
            Sources::Single(_) => self.source(login, 0).sign_in(&tokens).await,
        };
        process.note(Event::Ended { call, result: result.map_err(|error| error.kind()) });
    }

    pub(super) async fn sign_out(&self, login: Login) {
        let (process, world) = (&self.process, &self.process.world);
        let call = world.next_call();
        process.note(Event::SignOut { call, process: process.pid, login });
        let result = match &self.sources {
            Sources::Pool(pool) => pool.sign_out(&world.keys[usize::from(login)]).await,
            Sources::Single(_) => self.source(login, 0).sign_out().await,
        };
        process.note(Event::Ended { call, result: result.map(drop).map_err(|error| error.kind()) });
    }

    /// An orderly end.
    pub(super) async fn shut_down(&self) {
        let (process, world) = (&self.process, &self.process.world);
        let call = world.next_call();
        process.note(Event::ShutDown { call, process: process.pid });
        let result = match &self.sources {
            Sources::Pool(pool) => pool.shutdown().await,
            Sources::Single(sources) => {
                let closing = sources.iter().map(|source| source.shutdown());
                join_all(closing).await.into_iter().collect()
            }
        };
        process.note(Event::Ended { call, result: result.map_err(|error: TokenError| error.kind()) });
        if process.is_running() {
            process.end();
        }
    }

    /// The wall clock is set, or a provider takes a token back, now and then.
    pub(super) fn set_wall(&self, rng: &mut Rng) {
        let off = [0, 0, 1, -1, 60, -60, 7_200, -7_200, 315_000_000, -315_000_000];
        let off = rng.pick(&off) * 1_000;
        if self.process.world.goes_wrong(1_000, Some(self.process.pid), None, Fault::WallClock { off }) {
            self.process.set_wall(off);
        }
    }
}

impl Sources {
    fn new(process: &Arc<Process>) -> Self {
        let (world, plan) = (&process.world, &process.world.plan);
        let (grant, store) = (SimGrant(process.clone()), SimStore(process.clone()));
        if plan.pool {
            let pool = TokenPool::builder(store, grant).clock(process.clone()).policy(plan.policy.clone());
            return Self::Pool(pool.build().unwrap());
        }
        let source = |key: &oidc_core::TokenKey| {
            let builder = RefreshingSource::builder(grant.clone()).store(store.clone(), key.clone());
            builder.clock(process.clone()).policy(plan.policy.clone()).build().unwrap()
        };
        Self::Single(world.keys.iter().map(source).collect())
    }
}

/// Longer than anything takes.
pub(super) const FOR_EVER: Duration = Duration::from_secs(100_000);

/// The access token that a credential carries.
fn access_of(credential: &Credential) -> Access {
    let mut request = http::Request::new(());
    credential.clone().apply(&mut request).unwrap();
    let header = request.headers()[http::header::AUTHORIZATION].to_str().unwrap();
    Access::parse(header.trim_start_matches("Bearer ")).unwrap()
}
