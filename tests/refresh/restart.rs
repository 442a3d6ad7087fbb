//! Programs that end, well or badly, and are started again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use oidc_core::{
    Cause, KeyId, MemoryStore, SimpleStore, StoreError, TokenErrorKind, TokenKey, TokenSource, TokenStore,
};
use oidc_flow::ClientAuth;
use oidc_refresh::RefreshingSource;
use oidc_store::SingleProcess;
use oidc_testkit::{Endpoint, Fault, Hold, Rotation, Successor};
use tests::World;
use tokio::{runtime::Runtime, sync::Mutex};

/// What a program keeps on disk.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<HashMap<KeyId, Vec<u8>>>>);

#[async_trait]
impl SimpleStore for Disk {
    async fn load(&self, key: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().await.get(key).cloned())
    }

    async fn save(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
        self.0.lock().await.insert(*key, bytes.to_owned());
        Ok(())
    }

    async fn remove(&self, key: &KeyId) -> Result<(), StoreError> {
        self.0.lock().await.remove(key);
        Ok(())
    }
}

// REF-04, MPR-09
#[tokio::test]
async fn a_login_goes_on_after_a_restart_with_its_newest_refresh_token() {
    let (world, disk) = (World::start().await, Disk::default());
    let session = world.log_in().await;
    let started = || {
        let store = SingleProcess::with_clock(disk.clone(), Arc::new(world.clock.clone()));
        world.source_on(store, &session.key)
    };
    started().sign_in(&session.tokens).await.unwrap();
    for _ in 0..3 {
        let source = started();
        let client = world.api_client(&source);
        world.get_ok(&client).await;
        world.clock.advance(World::LIFE);
        world.get_ok(&client).await;
        source.shutdown().await.unwrap();
    }
    assert_eq!((world.provider.judge().refreshes_accepted, world.api.unauthorized()), (3, 0));
    world.assert_each_spent_once();

    started().sign_out().await.unwrap().unwrap();
    let error = started().token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::LoggedOut));
}

/// A program with a runtime of its own that dies in the middle of a refresh: the provider has rotated, and nobody got the answer.
fn die_in_a_refresh(world: &World, key: &TokenKey, store: impl TokenStore) {
    let hold = Hold::new();
    world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    let (issuer, clock, key) = (world.provider.issuer().to_owned(), world.clock.clone(), key.clone());
    let program = Runtime::new().unwrap();
    program.spawn(async move {
        let client = World::client_of(&issuer, &clock, "app", ClientAuth::none());
        let builder = RefreshingSource::builder(client.refresh_grant()).store(store, key);
        builder.clock(Arc::new(clock)).build().unwrap().token().await
    });
    program.block_on(hold.wait_for_arrivals(1));
    program.shutdown_background();
    hold.release();
}

// CAN-05, CAN-06, MPR-06, REF-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_dies_in_a_refresh_costs_the_login_only_where_the_provider_insists() {
    let grace = Rotation::Grace { window: Duration::from_secs(60), successor: Successor::Same };
    for (rotation, ends) in [(grace, false), (Rotation::Strict, true)] {
        let world = Arc::new(World::with(|provider| provider.rotation(rotation)).await);
        let session = world.log_in().await;
        let store = Arc::new(MemoryStore::with_clock(Arc::new(world.clock.clone())));
        world.source_on(store.clone(), &session.key).sign_in(&session.tokens).await.unwrap();
        world.clock.advance(World::LIFE);
        tokio::task::spawn_blocking({
            let (world, key, store) = (world.clone(), session.key.clone(), store.clone());
            move || die_in_a_refresh(&world, &key, store)
        })
        .await
        .unwrap();
        assert_eq!(world.provider.judge().refreshes_accepted, 1);

        // The claim of the dead ends three seconds after its last heartbeat.
        let client = world.api_client(&world.source_on(store, &session.key));
        if ends {
            let error = world.while_time_passes(world.get_err(&client)).await;
            assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::RefreshOutcomeUnknown));
        } else {
            world.while_time_passes(world.get_ok(&client)).await;
            assert_eq!(world.provider.judge().reuse_detected, 0);
        }
        assert_eq!(world.provider.judge().grants("refresh_token"), 2, "sent once more, and no more");
    }
}
