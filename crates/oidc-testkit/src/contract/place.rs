//! Where the stores of the suite live.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oidc_core::{Clock, SystemClock, TokenStore};

/// A place that holds logins, empty at first, and how it is opened.
#[async_trait]
pub trait StorePlace: Send + Sync + 'static {
    /// An instance of the store over this place: what a process has. Each call is another process, as far as
    /// [`sharing`](Self::sharing) goes.
    ///
    /// Panics, as tests do, where the place cannot be opened.
    async fn open(&self) -> Arc<dyn TokenStore>;

    /// Who may use the place.
    fn sharing(&self) -> Sharing;

    /// Lets so much time pass on the store's clock. Waits, unless the store has a clock that can be moved.
    async fn pass(&self, time: Duration) {
        let clock = SystemClock::new();
        clock.sleep_until(clock.boot().after(time)).await;
    }
}

/// Who may use one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharing {
    /// One instance, with which everything ends.
    Instance,
    /// One instance after the other.
    Restarts,
    /// Many instances at the same time.
    Processes,
}

/// A store whose logins end with it, or that can be opened once only: every [`open`](StorePlace::open) is this one instance.
#[derive(Debug)]
pub struct SameInstance(Arc<dyn TokenStore>);

impl SameInstance {
    /// The place that is `store` itself.
    pub fn new(store: impl TokenStore) -> Self {
        Self(Arc::new(store))
    }
}

#[async_trait]
impl StorePlace for SameInstance {
    async fn open(&self) -> Arc<dyn TokenStore> {
        self.0.clone()
    }

    fn sharing(&self) -> Sharing {
        Sharing::Instance
    }
}
