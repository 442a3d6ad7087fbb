//! What every store keeps, kept by `SingleProcess`.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_core::TokenStore;
use oidc_store::SingleProcess;
use oidc_testkit::contract::{Sharing, StorePlace};

use crate::notes::Notes;

#[async_trait]
impl StorePlace for Notes {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(SingleProcess::new(self.clone()))
    }

    fn sharing(&self) -> Sharing {
        Sharing::Restarts
    }
}

oidc_testkit::token_store_contract!(Notes::default());
