//! Whose turn it is.

use std::sync::Arc;

use oidc_core::KeyId;
use rustix::fd::OwnedFd;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One queue for each lock file: within a process everybody gets a turn, in order, and one at most asks the kernel.
pub(super) struct Stripes(Box<[Arc<Mutex<()>>]>);

/// So many lock files there are at most. Logins that share one wait for each other, for the time of an operation.
const COUNT: u8 = 64;

impl Stripes {
    pub(super) async fn turn(&self, key: &KeyId) -> OwnedMutexGuard<()> {
        match self.0.get(usize::from(stripe(key))) {
            Some(queue) => queue.clone().lock_owned().await,
            None => Arc::new(Mutex::new(())).lock_owned().await,
        }
    }
}

impl Default for Stripes {
    fn default() -> Self {
        Self((0..COUNT).map(|_| Arc::default()).collect())
    }
}

/// A lock of the kernel, which ends with the file descriptor.
pub(super) struct FileLock(#[expect(dead_code, reason = "held, not used")] pub(super) OwnedFd);

pub(super) fn stripe(key: &KeyId) -> u8 {
    key.as_bytes().first().map_or(0, |byte| byte % COUNT)
}
