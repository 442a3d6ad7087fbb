//! Runtimes that end while something is under way, and those that go on with the same source or client.

use std::{sync::Arc, time::Duration};

use oidc_core::{Credential, MemoryStore, Subject, TokenSource};
use oidc_flow::ClientAuth;
use oidc_refresh::RefreshingSource;
use oidc_testkit::{Rotation, Successor, Yielding, drop_after};
use tests::World;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::LocalSet,
};

use crate::stage::{soon, token_of};

/// The runtimes that a program may have.
fn runtimes() -> [fn() -> Runtime; 2] {
    [
        || Builder::new_current_thread().enable_all().build().unwrap(),
        || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
    ]
}

/// A world on a runtime that outlives all others.
fn world() -> (Runtime, World) {
    let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let grace = Rotation::Grace { window: Duration::from_secs(60), successor: Successor::Same };
    let world = servers.block_on(World::with(|provider| provider.rotation(grace)));
    (servers, world)
}

/// A source whose token has ended.
fn ended(world: &World, runtime: &Runtime, user: &str) -> RefreshingSource {
    let tokens = world.provider.sign_in("app", user, &["read"]).unwrap();
    let client = World::client_of(world.provider.issuer(), &world.clock, "app", ClientAuth::none());
    let key = client.key(Subject::user(user).unwrap());
    let store = Yielding::new(MemoryStore::with_clock(Arc::new(world.clock.clone())));
    let builder = RefreshingSource::builder(Yielding::new(client.refresh_grant())).store(store, key);
    let source = builder.clock(Arc::new(world.clock.clone())).build().unwrap();
    runtime.block_on(source.sign_in(&tokens)).unwrap();
    world.clock.advance(World::LIFE);
    source
}

/// Runs `future` to its end on a new runtime, while time passes.
fn on_another<F: Future>(world: &World, future: F) -> F::Output {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(soon(world, future))
}

/// A token, where the first caller may meet what the ended runtime left of a connection.
async fn good_token(world: &World, source: &RefreshingSource) -> Credential {
    if let Err(error) = source.token().await {
        assert!(error.is_transient(), "{error:?}");
        world.clock.advance(Duration::from_secs(2));
    }
    source.token().await.unwrap()
}

// CAN-05, CAN-08
#[test]
fn a_source_goes_on_in_a_second_runtime_wherever_the_first_one_ended() {
    let (_servers, world) = world();
    for (kind, runtime) in runtimes().into_iter().enumerate() {
        for polls in (0..16).chain([20, 30, 50, 100, 200, 400]) {
            let first = runtime();
            let source = ended(&world, &first, &format!("user-{kind}-{polls}"));
            first.block_on(drop_after(polls, source.token()));
            drop(first);
            // The claim of what died ends three seconds after its last heartbeat.
            world.clock.advance(Duration::from_secs(4));
            let token = on_another(&world, good_token(&world, &source));
            assert!(world.provider.is_live(&token_of(&token)), "after {polls} polls");
            let judge = world.provider.judge();
            assert_eq!((judge.reuse_detected, judge.families_revoked), (0, 0), "after {polls} polls");
            let resent = judge.refresh_tokens_resent();
            assert!(
                resent.iter().all(|(_, times)| *times == 2),
                "one replay after {polls} polls: {resent:?}"
            );
        }
    }
}

// CAN-08
#[test]
fn one_thread_is_enough_in_a_local_set_and_in_blocking_code() {
    let (_servers, world) = world();
    for (kind, runtime) in runtimes().into_iter().enumerate() {
        let runtime = runtime();
        let source = ended(&world, &runtime, &format!("user-{kind}"));
        let local = LocalSet::new();
        let task = local.spawn_local({
            let source = source.clone();
            async move { source.token().await.unwrap() }
        });
        let first = runtime.block_on(soon(&world, local.run_until(task))).unwrap();
        world.clock.advance(World::LIFE);
        let task = runtime.spawn_blocking(move || Handle::current().block_on(source.token()).unwrap());
        let second = runtime.block_on(soon(&world, task)).unwrap();
        assert_ne!(token_of(&first), token_of(&second));
        world.assert_each_spent_once();
    }
}
