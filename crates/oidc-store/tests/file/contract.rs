//! What every store keeps, kept by `FileStore`.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_core::TokenStore;
use oidc_store::FileStore;
use oidc_testkit::contract::{Sharing, StorePlace};
use tempfile::TempDir;

struct Folder(TempDir);

#[async_trait]
impl StorePlace for Folder {
    async fn open(&self) -> Arc<dyn TokenStore> {
        Arc::new(FileStore::new(self.0.path().join("logins")))
    }

    fn sharing(&self) -> Sharing {
        Sharing::Processes
    }
}

oidc_testkit::token_store_contract!(Folder(tempfile::tempdir().unwrap()));
