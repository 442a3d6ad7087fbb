//! A provider for many runs, and the loop over them.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use oidc_core::{Clock, MemoryStore, TokenStore};
use oidc_store::FileStore;
use oidc_testkit::{ManualClock, Rotation, SigningAlgorithm, Successor, every_fault};
use oidc_transport::ReqwestTransport;
use tempfile::TempDir;
use tests::{World, reqwest_builder};

use crate::{broken::Broken, flaw::Flaw, trouble::Trouble};

/// The provider that the runs of one test share, one after the other.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) rotation: Rotation,
    pub(crate) flaw: Flaw,
    pub(crate) transport: Arc<ReqwestTransport>,
    /// Where the runs have their stores, if those are files.
    pub(crate) directory: Option<TempDir>,
    /// How many logins were lost, for the one reason for which that may be.
    pub(crate) losses: AtomicU64,
}

impl Stage {
    /// A refresh token that is sent again ends the login.
    pub(crate) async fn strict() -> Self {
        Self::with(Rotation::Strict).await
    }

    /// A refresh token may be sent again for a while, as long as its successor is not used.
    pub(crate) async fn grace() -> Self {
        Self::with(Rotation::Grace { window: Duration::from_secs(60), successor: Successor::Same }).await
    }

    pub(crate) async fn with(rotation: Rotation) -> Self {
        let change = |provider: oidc_testkit::TestProviderBuilder| {
            provider.rotation(rotation).signing_algorithm(SigningAlgorithm::Es256)
        };
        let transport = ReqwestTransport::builder(reqwest_builder()).allow_loopback().build().unwrap();
        let (world, transport) = (World::with(change).await, Arc::new(transport));
        Self { world, rotation, flaw: Flaw::None, transport, directory: None, losses: AtomicU64::new(0) }
    }

    /// The same with a part that does not keep its promises.
    pub(crate) fn flawed(self, flaw: Flaw) -> Self {
        Self { flaw, ..self }
    }

    /// The same with logins in files.
    pub(crate) fn in_files(self) -> Self {
        Self { directory: Some(tempfile::tempdir().unwrap()), ..self }
    }

    /// A store with nothing in it.
    pub(crate) fn store(&self, clock: &ManualClock) -> Arc<dyn TokenStore> {
        match &self.directory {
            None => Arc::new(MemoryStore::with_clock(Arc::new(clock.clone()))),
            Some(directory) => {
                let run = tempfile::tempdir_in(directory.path()).unwrap();
                Arc::new(FileStore::new(run.keep().join("logins")))
            }
        }
    }

    /// A clock that shows the provider's time. Each run has its own, so that what it leaves behind stands still.
    pub(crate) fn clock(&self) -> ManualClock {
        ManualClock::at(self.world.clock.wall(), self.world.clock.boot())
    }

    /// Repeats a scenario with each of these troubles at each operation, of which there are `at_least` so many.
    pub(crate) async fn survives(
        &self,
        troubles: Vec<Trouble>,
        at_least: u64,
        scenario: impl AsyncFn(&Self, u64, Trouble) -> Result<bool, Broken>,
    ) {
        let met = every_fault(troubles, async |n, trouble| {
            scenario(self, n, trouble).await.unwrap_or_else(|broken| panic!("{broken:?}"))
        })
        .await;
        assert!(met >= at_least, "only {met} faults were met");
    }
}
